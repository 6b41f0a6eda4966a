package sheet

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"natlims/instruments/unpack"
)

// xlsx is a workbook whose shared strings are read with its first sheet.
type xlsx struct {
	a      *unpack.Archive
	shared string // entry of the shared strings, "" where there is none
	texts  []string
	done   bool
	err    error
}

// ErrBinary is the refusal of an xlsb. Its users save it as xlsx.
var ErrBinary = errors.New("a binary workbook")

// Archive reads the list of sheets of an xlsx or ods whose archive is open. An archive without a workbook is unpack.ErrNotFound.
func Archive(a *unpack.Archive) (*Book, error) {
	if isODS(a) {
		return archiveODS(a)
	}
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
	err = s.Each("sheet", func() error {
		name, err := s.Attr("name")
		if err != nil {
			return err
		}
		id, err := s.Attr("id")
		target := targets[id]
		if err != nil || target == "" { // charts and macros have none
			return err
		}
		delete(targets, id) // sheets that share a part would be unpacked without end
		return b.add(name, func(most int) ([]Row, error) { return x.rows(target, most) })
	})
	if err != nil {
		return nil, err
	}
	if len(b.Sheets) == 0 {
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantSheet}
	}
	return b, nil
}

// workbook finds the main part: where the package relations say, else at its usual place.
func workbook(a *unpack.Archive) (string, error) {
	if _, ok := a.Find("xl/workbook.bin"); ok {
		return "", ErrBinary
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
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantPart, Part: name}
	}
	raw, err := a.Read(e)
	if err != nil {
		return nil, err
	}
	text, err := unpack.XMLText(raw)
	if err != nil {
		return nil, unpack.In(name, 0, err)
	}
	return unpack.NewScanner(text), nil
}

// relations calls fn for every relation of a part that points into the package.
func relations(a *unpack.Archive, name string, fn func(id, kind, target string)) error {
	s, err := open(a, name)
	if err != nil {
		return err
	}
	return s.Each("Relationship", func() error {
		var v [4]string
		for i, n := range []string{"Id", "Type", "Target", "TargetMode"} {
			if v[i], err = s.Attr(n); err != nil {
				return err
			}
		}
		if v[3] != "External" {
			fn(v[0], v[1], v[2])
		}
		return nil
	})
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
	targets, used := map[string]string{}, map[string]bool{}
	err := relations(x.a, folder+"_rels/"+file+".rels", func(id, kind, target string) {
		switch {
		case strings.HasSuffix(kind, "/worksheet"):
			if target = resolve(folder, target); !used[target] {
				targets[id], used[target] = target, true
			}
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
	err = s.Each("si", func() error {
		if len(x.texts) == MaxCells {
			return limit(wantStrings, MaxCells, 0, "")
		}
		t, err := richText(s)
		x.texts = append(x.texts, t)
		return err
	})
	if err != nil {
		x.texts, x.err = nil, unpack.In(x.shared, 0, err)
	}
	return x.texts, x.err
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
				return "", limit(wantCellSize, MaxCell, 0, "")
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
