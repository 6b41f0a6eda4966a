package instruments

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// CFX Opus and CFX Maestro also export each table as an XML data set without attributes:
//
//	<_x0030_><Row><Well>A01</Well><Fluor>FAM</Fluor><Cq_x0020_Mean>NaN</Cq_x0020_Mean>…</Row>…</_x0030_>
//
// Rows are named Row or <_x0030_>, a plate view names its columns <_x0031_> to <_x0031_2>. It is read as a table of its
// own, so that the drivers of the csv exports read it as well. Document types and entities are refused.
func init() { registerWorkbook(isDataSet, dataSet) }

func isDataSet(f *File) bool {
	is, _ := view(f, "dataset?", func(f *File) (bool, error) {
		top := f.Raw[:min(len(f.Raw), 4096)]
		if i := strings.IndexByte(string(top), '<'); i < 0 || i > 8 {
			return false, nil // before the first "<" stands at most a byte order mark
		}
		s := strings.ReplaceAll(string(top), "\x00", "")
		return strings.Contains(s, "<Well>") && (strings.Contains(s, "<Fluor>") || strings.Contains(s, "<Cq>") || strings.Contains(s, "<Content>")) ||
			strings.Contains(s, "<_x0031_2>") || strings.Contains(s, "<Cycle>") && strings.Contains(s, "<A1>"), nil
	})
	return is
}

// dataSet reads the elements two levels below the root as cells.
func dataSet(f *File) ([]*Table, error) {
	t, err := f.Text()
	if err != nil {
		return nil, err
	}
	d := xml.NewDecoder(strings.NewReader(strings.Join(t.Lines, "\n")))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // the text is UTF-8 already
	s := dataSetReader{columns: map[string]int{}}
	for level := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, _ := d.InputPos()
			return nil, &Error{Code: CodeDamaged, Line: line, Offset: -1, Want: want(wantXML), Err: err}
		}
		line, _ := d.InputPos()
		switch e := token.(type) {
		case xml.Directive:
			return nil, &Error{Code: CodeDamaged, Line: line, Offset: -1, Value: cut(string(e)), Want: want(wantPlainXML)}
		case xml.StartElement:
			if level == 0 {
				s.root = unescape(e.Name.Local)
			}
			if level++; level > 8 {
				return nil, &Error{Code: CodeDamaged, Line: line, Offset: -1, Value: cut(e.Name.Local), Want: want(wantDataSet)}
			}
			s.start(level, unescape(e.Name.Local), line)
		case xml.EndElement:
			level--
		case xml.CharData:
			if level == 3 {
				s.cell += string(e)
			}
		}
		if s.cells > MaxCells || len(s.cell) > 1<<16 {
			return nil, &Error{Code: CodeTooLarge, Line: line, Offset: -1, Want: atMost(MaxCells, "cells")}
		}
	}
	s.flush()
	return []*Table{NewTable(s.root, func() ([]Row, error) { return s.table(), nil })}, nil
}

var escaped = regexp.MustCompile(`_x([0-9A-Fa-f]{4})_`)

// unescape turns an element name into a column name: "Cq_x0020_Mean" is "Cq Mean", "_x0031_2" is "12".
func unescape(name string) string {
	return escaped.ReplaceAllStringFunc(name, func(s string) string {
		n, _ := strconv.ParseUint(s[2:6], 16, 16)
		return string(rune(n))
	})
}

type dataSetReader struct {
	root    string // the dye, in a plate view
	names   []string
	columns map[string]int
	rows    []Row
	open    int // column of the open cell; -1 none
	cell    string
	cells   int
}

func (s *dataSetReader) start(level int, name string, line int) {
	s.flush()
	switch level {
	case 2:
		s.rows = append(s.rows, Row{Line: line})
		s.cells++
	case 3:
		col, ok := s.columns[name]
		if !ok && len(s.names) < MaxRow {
			col = len(s.names)
			s.columns[name] = col
			s.names = append(s.names, name)
		}
		s.open = col + 1
	}
}

// flush puts the text of the open cell into the last row.
func (s *dataSetReader) flush() {
	if s.open > 0 && len(s.rows) > 0 {
		r := &s.rows[len(s.rows)-1]
		for len(r.Cells) < s.open {
			r.Cells = append(r.Cells, "")
			s.cells++
		}
		r.Cells[s.open-1] = s.cell
	}
	s.open, s.cell = 0, ""
}

// table puts the names on top. The plate view has no row letters: four rows belong to one row of the plate.
func (s *dataSetReader) table() []Row {
	head := Row{Line: 1, Cells: s.names}
	if numbered(Row{Cells: append([]string{""}, s.names...)}) == nil {
		return append([]Row{head}, s.rows...)
	}
	head.Cells = append([]string{""}, s.names...)
	rows := []Row{head}
	for i, r := range s.rows {
		rows = append(rows, Row{Line: r.Line, Cells: append([]string{string(rune('A' + i/4%16))}, r.Cells...)})
	}
	return rows
}
