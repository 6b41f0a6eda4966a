package sheet

import (
	"bytes"
	"strconv"

	"natlims/instruments/unpack"
)

// isXML recognises SpreadsheetML 2003, which programs save as ".xls" or ".xml".
func isXML(raw []byte) bool {
	h := head(raw)
	return (bytes.HasPrefix(h, []byte("<?xml")) || bytes.HasPrefix(h, []byte("<Workbook"))) &&
		bytes.Contains(raw[:min(len(raw), 4096)], []byte("urn:schemas-microsoft-com:office:spreadsheet"))
}

// openXML reads all sheets at once: the document is one text.
func openXML(raw []byte) (*Book, error) {
	text, err := unpack.XMLText(raw)
	if err != nil {
		return nil, err
	}
	s := unpack.NewScanner(text)
	b := &Book{Format: "xml"}
	total := 0
	err = s.Each("Worksheet", func() error {
		name, err := s.Attr("Name")
		if err != nil {
			return err
		}
		g := grid{total: total}
		if err := worksheet2003(s, &g); err != nil {
			return unpack.In(name, g.line, err)
		}
		total = g.total
		return b.add(name, func(int) ([]Row, error) { return g.rows, nil })
	})
	if err != nil {
		return nil, err
	}
	if len(b.Sheets) == 0 {
		return nil, &unpack.Error{Kind: unpack.ErrDamaged, Code: wantSheet}
	}
	return b, nil
}

// worksheet2003 reads the rows of the Worksheet that has just started. Row and Cell count on unless they name an Index.
func worksheet2003(s *unpack.Scanner, g *grid) error {
	line, col := 0, 0
	for depth := s.Depth(); ; {
		k, err := s.Next()
		switch {
		case err != nil:
			return err
		case k == unpack.End && s.Depth() < depth:
			g.end()
			return nil
		case k == unpack.End && s.Name == "Row":
			g.end()
		case k != unpack.Start:
		case s.Name == "Row":
			if line, err = index2003(s, line+1); err == nil {
				col, err = 0, g.begin(line)
			}
		case s.Name == "Cell":
			col, err = index2003(s, col+1)
		case s.Name == "Data" && g.line > 0:
			var text string
			if text, err = s.All(); err == nil {
				err = g.put(col-1, text)
			}
		case s.Name == "Comment":
			err = s.Skip()
		}
		if err != nil {
			return err
		}
	}
}

func index2003(s *unpack.Scanner, next int) (int, error) {
	v, err := s.Attr("Index")
	if err != nil || v == "" {
		return next, err
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > MaxRow {
		return 0, limit(wantIndex, MaxRow, 0, v)
	}
	return n, nil
}
