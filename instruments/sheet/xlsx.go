package sheet

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"natlims/instruments/unpack"
)

const headBytes = 256 << 10 // of a sheet's XML that Head unpacks

// xlsx is a workbook whose shared strings are read with its first sheet.
type xlsx struct {
	a      *unpack.Archive
	shared string // entry of the shared strings, "" where there is none
	texts  []string
	done   bool
	err    error
}

// Archive reads the list of sheets of an xlsx whose archive is open. An archive without a workbook is unpack.ErrNotFound.
func Archive(a *unpack.Archive) (*Book, error) {
	at, err := workbook(a)
	if err != nil {
		return nil, err
	}
	x := &xlsx{a: a}
	targets, err := x.relations(at)
	if err != nil {
		return nil, err
	}
	b := &Book{Format: "xlsx"}
	s, err := open(a, at)
	if err != nil {
		return nil, err
	}
	for {
		k, err := s.Next()
		if err != nil {
			return nil, err
		}
		if k == 0 {
			break
		}
		if k != unpack.Start || s.Name != "sheet" {
			continue
		}
		name, err := s.Attr("name")
		if err != nil {
			return nil, err
		}
		id, err := s.Attr("id")
		if err != nil {
			return nil, err
		}
		if target := targets[id]; target != "" { // charts and macros have none
			if err := b.add(name, func(most int) ([]Row, error) { return x.rows(target, most) }); err != nil {
				return nil, err
			}
		}
	}
	if len(b.Sheets) == 0 {
		return nil, fmt.Errorf("%w: the workbook has no sheet with cells", unpack.ErrDamaged)
	}
	return b, nil
}

// workbook finds the main part: where the package relations say, else at its usual place.
func workbook(a *unpack.Archive) (string, error) {
	if _, ok := a.Find("xl/workbook.bin"); ok {
		return "", fmt.Errorf("%w: a binary workbook (xlsb), expected xlsx", unpack.ErrNotFound)
	}
	if _, ok := a.Find("xl/workbook.xml"); ok {
		return "xl/workbook.xml", nil
	}
	if _, ok := a.Find("_rels/.rels"); ok {
		main := ""
		err := relations(a, "_rels/.rels", func(_, kind, target string) {
			if strings.HasSuffix(kind, "/officeDocument") && strings.HasSuffix(target, ".xml") && strings.Contains(target, "workbook") {
				main = resolve("", target)
			}
		})
		if err != nil {
			return "", err
		}
		if _, ok := a.Find(main); ok {
			return main, nil
		}
	}
	return "", fmt.Errorf("%w: the archive holds no workbook", unpack.ErrNotFound)
}

func open(a *unpack.Archive, name string) (*unpack.Scanner, error) {
	e, ok := a.Find(name)
	if !ok {
		return nil, fmt.Errorf("%w: the workbook lacks its part %q", unpack.ErrDamaged, name)
	}
	raw, err := a.Read(e)
	if err != nil {
		return nil, err
	}
	text, err := unpack.XMLText(raw)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return unpack.NewScanner(text), nil
}

// relations calls fn for every relation of a part that points into the package.
func relations(a *unpack.Archive, name string, fn func(id, kind, target string)) error {
	s, err := open(a, name)
	if err != nil {
		return err
	}
	for {
		k, err := s.Next()
		if k == 0 || err != nil {
			return err
		}
		if k != unpack.Start || s.Name != "Relationship" {
			continue
		}
		var v [4]string
		for i, n := range []string{"Id", "Type", "Target", "TargetMode"} {
			if v[i], err = s.Attr(n); err != nil {
				return err
			}
		}
		if v[3] != "External" {
			fn(v[0], v[1], v[2])
		}
	}
}

func resolve(folder, target string) string {
	if strings.HasPrefix(target, "/") {
		return path.Clean(target[1:])
	}
	return path.Join(folder, target)
}

// relations gives the entries of the sheets by relation id and remembers where the shared strings are.
func (x *xlsx) relations(main string) (map[string]string, error) {
	folder, file := path.Split(main)
	targets := map[string]string{}
	err := relations(x.a, folder+"_rels/"+file+".rels", func(id, kind, target string) {
		switch {
		case strings.HasSuffix(kind, "/worksheet"):
			targets[id] = resolve(folder, target)
		case strings.HasSuffix(kind, "/sharedStrings"):
			x.shared = resolve(folder, target)
		}
	})
	return targets, err
}

// strings reads the shared strings once (ECMA-376 18.4): plain or rich text, phonetic runs left out.
func (x *xlsx) strings() ([]string, error) {
	if x.done || x.shared == "" {
		return x.texts, x.err
	}
	x.done = true
	s, err := open(x.a, x.shared)
	if err != nil {
		x.err = err
		return nil, err
	}
	for {
		k, err := s.Next()
		switch {
		case err != nil:
			x.texts, x.err = nil, err
			return nil, err
		case k == 0:
			return x.texts, nil
		case k == unpack.Start && s.Name == "si":
			if len(x.texts) == MaxCells {
				x.err = fmt.Errorf("%w: more than %d shared strings", unpack.ErrTooLarge, MaxCells)
				return nil, x.err
			}
			t, err := richText(s)
			if err != nil {
				x.texts, x.err = nil, err
				return nil, err
			}
			x.texts = append(x.texts, t)
		}
	}
}

// richText joins the texts of the element that has just started (si or is).
func richText(s *unpack.Scanner) (string, error) {
	depth, text := s.Depth(), ""
	var more []byte // from the second run on
	for {
		k, err := s.Next()
		switch {
		case err != nil:
			return "", err
		case k == unpack.End && s.Depth() < depth:
			if more != nil {
				text = string(more)
			}
			return unescape(text), nil
		case k == unpack.Start && s.Name == "rPh":
			if err := s.Skip(); err != nil {
				return "", err
			}
		case k == unpack.Start && s.Name == "t":
			t, err := s.Value()
			if err != nil {
				return "", err
			}
			if len(more)+len(t) > MaxCell {
				return "", fmt.Errorf("%w: a text of more than %d bytes", unpack.ErrTooLarge, MaxCell)
			}
			if text == "" && more == nil {
				text = t
			} else {
				more = append(append(more, text...), t...)
				text = ""
			}
		}
	}
}

// unescape replaces the "_x000D_" of strings that hold what XML cannot (ECMA-376 22.9.2.19).
func unescape(s string) string {
	i := strings.Index(s, "_x")
	if i < 0 {
		return s
	}
	var out []byte
	for ; i >= 0; i = strings.Index(s, "_x") {
		out = append(out, s[:i]...)
		n, err := uint64(0), error(strconv.ErrSyntax)
		if len(s) >= i+7 && s[i+6] == '_' {
			n, err = strconv.ParseUint(s[i+2:i+6], 16, 16)
		}
		if err != nil || utf16.IsSurrogate(rune(n)) {
			out = append(out, "_x"...)
			s = s[i+2:]
			continue
		}
		out = utf8.AppendRune(out, rune(n))
		s = s[i+7:]
	}
	return string(append(out, s...))
}

// rows reads a sheet; with most > 0 it may unpack only the beginning and stops behind that many rows.
func (x *xlsx) rows(name string, most int) ([]Row, error) {
	texts, err := x.strings()
	if err != nil {
		return nil, err
	}
	e, ok := x.a.Find(name)
	if !ok {
		return nil, fmt.Errorf("%w: the workbook lacks its sheet %q", unpack.ErrDamaged, name)
	}
	cut := most > 0 && e.Size > headBytes
	var raw []byte
	if cut {
		raw, err = x.a.Head(e, headBytes)
		for len(raw) > 0 && raw[len(raw)-1] >= utf8.RuneSelf { // not in the middle of a character
			raw = raw[:len(raw)-1]
		}
	} else {
		raw, err = x.a.Read(e)
	}
	if err != nil {
		return nil, err
	}
	text, err := unpack.XMLText(raw)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	r := xlsxReader{s: unpack.NewScanner(text), texts: texts, most: most}
	err = r.read()
	if err != nil && !cut {
		return nil, fmt.Errorf("sheet %q: %w", name, err)
	}
	return r.g.rows, nil
}

// xlsxReader reads the rows of one sheet (ECMA-376 18.3.1.73, 18.3.1.4).
type xlsxReader struct {
	s     *unpack.Scanner
	texts []string
	most  int
	g     grid
	line  int // last row begun
}

func (r *xlsxReader) read() error {
	col := 0
	for {
		k, err := r.s.Next()
		switch {
		case err != nil:
			return err
		case k == 0:
			r.g.end()
			return nil
		case k == unpack.End && r.s.Name == "row":
			r.g.end()
			if r.most > 0 && len(r.g.rows) >= r.most {
				return nil
			}
		case k == unpack.End && r.s.Name == "sheetData":
			r.g.end()
			// What follows (merges, formats, drawings) is not walked through, but the sheet must not be cut here.
			return r.s.Rest()
		case k != unpack.Start:
		case r.s.Name == "row":
			if err := r.row(); err != nil {
				return err
			}
			col = 0
		case r.s.Name == "c" && r.g.line > 0:
			if col, err = r.cell(col); err != nil {
				return err
			}
		}
	}
}

func (r *xlsxReader) row() error {
	at, err := r.s.Attr("r")
	if err != nil {
		return err
	}
	r.line++ // rows may come without their number
	if at != "" {
		n, err := strconv.Atoi(at)
		if err != nil {
			return fmt.Errorf("%w: the row number %.20q is no number of a row", unpack.ErrTooLarge, at)
		}
		r.line = n
	}
	return r.g.begin(r.line)
}

// cell reads one cell; next is the column where it stands if it names none, and the result the one behind it.
func (r *xlsxReader) cell(next int) (int, error) {
	ref, err := r.s.Attr("r")
	if err != nil {
		return 0, err
	}
	kind, err := r.s.Attr("t")
	if err != nil {
		return 0, err
	}
	if ref != "" {
		if next = column(ref); next < 0 {
			return 0, fmt.Errorf("%w: the cell reference %.20q in row %d", unpack.ErrDamaged, ref, r.g.line)
		}
	}
	text := ""
	for depth := r.s.Depth(); ; {
		k, err := r.s.Next()
		if err != nil {
			return 0, err
		}
		if k == unpack.End && r.s.Depth() < depth {
			break
		}
		if k != unpack.Start {
			continue
		}
		switch {
		case r.s.Name == "v":
			text, err = r.s.Value()
		case r.s.Name == "is":
			text, err = richText(r.s)
		default:
			err = r.s.Skip()
		}
		if err != nil {
			return 0, err
		}
	}
	if text, err = r.value(kind, text); err != nil {
		return 0, err
	}
	return next + 1, r.g.put(next, text)
}

// value turns what is stored into the text of the cell by its type (ECMA-376 18.18.11).
func (r *xlsxReader) value(kind, text string) (string, error) {
	switch kind {
	case "s":
		if text = strings.TrimSpace(text); text == "" {
			return "", nil
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n >= len(r.texts) {
			return "", fmt.Errorf("%w: shared string %.20q of %d in row %d", unpack.ErrDamaged, text, len(r.texts), r.g.line)
		}
		return r.texts[n], nil
	case "b":
		switch strings.TrimSpace(text) {
		case "1", "true":
			return "TRUE", nil
		case "0", "false":
			return "FALSE", nil
		}
	case "str":
		return unescape(text), nil
	case "", "n":
		return strings.TrimSpace(text), nil
	}
	return text, nil
}

// column is the column of a reference such as "AB12", counted from 0; -1 where it is none.
func column(ref string) int {
	n, i := 0, 0
	for ; i < len(ref) && i < 8; i++ {
		c := ref[i] &^ 0x20
		if c < 'A' || c > 'Z' {
			break
		}
		n = n*26 + int(c-'A') + 1
	}
	if i == 0 || i == len(ref) || ref[i] < '0' || ref[i] > '9' {
		return -1
	}
	return n - 1
}
