package sheet

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"natlims/instruments/unpack"
)

const headBytes = 256 << 10 // of a sheet's XML that Head unpacks

// rows reads a sheet; with most > 0 it may unpack only the beginning and stops behind that many rows.
func (x *xlsx) rows(name string, most int) ([]Row, error) {
	texts, err := x.strings()
	if err != nil {
		return nil, err
	}
	e, ok := x.a.Find(name)
	if !ok {
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantPart, Part: name}
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
		return nil, err
	}
	r := xlsxReader{s: unpack.NewScanner(text), texts: texts, most: most}
	err = r.read()
	if err != nil && !cut {
		return nil, unpack.In("", r.g.line, err)
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
			return limit(wantRow, MaxRow, 0, at)
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
			return 0, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantReference, Line: r.g.line, Value: ref}
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
			return "", &unpack.Error{Kind: unpack.ErrDamaged, Code: wantShared, N: len(r.texts), Line: r.g.line, Value: text}
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
