// Package sheet reads workbooks into rows of texts: xlsx, OpenDocument (ods, fods), SpreadsheetML 2003, xls (Excel 5 to 2003, and naked Excel 2
// streams as rack scanners write them) and the HTML tables that some programs save under the name ".xls".
//
// It never does I/O, never evaluates a formula (the value that was stored is taken) and never reformats a number: an
// xlsx number is the very text of the sheet, an xls number the shortest text that gives the same double. Dates stay
// the numbers they are stored as. Sheets are read when they are asked for, so that megabytes of raw fluorescence
// cost nothing to a reader of results.
//
// Memory: besides the file (64 MB at most, by its reader) a workbook whose rows are all kept holds what its parts unpack to
// (unpack.MaxTotal, 256 MB) and MaxCells cells of 16 bytes (64 MB); the reading of one sheet takes that again for a moment.
//
// Standards: ECMA-376 part 1 (18.2, 18.3, 18.4) for xlsx, OASIS ODF 1.3 part 3 (9.1) for ods, MS-CFB and MS-XLS for xls.
package sheet

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"natlims/instruments/unpack"
)

// The limits. A 384-well run of six dyes and 60 cycles has 138,000 rows of 8 cells.
const (
	MaxSheets = 128
	MaxRow    = 1 << 20   // number of the last row (ECMA-376, Excel's own limit)
	MaxCol    = 16384     // number of the last column
	MaxCells  = 4 << 20   // cells of all sheets that are read, gaps inside the rows counted
	MaxCell   = 128 << 10 // bytes of one cell: Excel allows 32,767 characters
)

// Row is one row that holds anything. Line is its number in the sheet, counted from 1.
type Row struct {
	Line  int
	Cells []string // Cells[0] is column A; without the empty cells at the end
}

// Sheet is one sheet of a workbook.
type Sheet struct {
	Name  string
	read  func(most int) ([]Row, error) // most rows, all for 0
	cells int                           // counted in the book
	book  *Book
}

// Rows reads all rows. Each call reads again: keep what it gives.
func (s *Sheet) Rows() ([]Row, error) {
	rows, err := s.read(0)
	if err != nil {
		return nil, unpack.In(s.Name, 0, err)
	}
	n := 0
	for _, r := range rows {
		n += len(r.Cells)
	}
	s.book.cells += n - s.cells
	s.cells = n
	if s.book.cells > MaxCells {
		return nil, unpack.In(s.Name, 0, limit(wantCells, MaxCells, 0, ""))
	}
	return rows, nil
}

// Head reads at least the first n rows, where there are so many, without reading all of a large sheet.
func (s *Sheet) Head(n int) ([]Row, error) { return s.read(n) }

// Book is a workbook.
type Book struct {
	Format string // "xlsx", "ods", "xls", "xml" or "html"
	Sheets []*Sheet
	cells  int // of the sheets read so far
}

// add appends a sheet.
func (b *Book) add(name string, read func(most int) ([]Row, error)) error {
	if len(b.Sheets) == MaxSheets {
		return limit(wantSheets, MaxSheets, 0, "")
	}
	b.Sheets = append(b.Sheets, &Sheet{Name: name, read: read, book: b})
	return nil
}

// Sheet gives the first sheet of one of the names, letter case apart; nil where there is none.
func (b *Book) Sheet(names ...string) *Sheet {
	for _, n := range names {
		for _, s := range b.Sheets {
			if strings.EqualFold(strings.TrimSpace(s.Name), n) {
				return s
			}
		}
	}
	return nil
}

// Is says by the first bytes whether raw may be a workbook. Zip archives are other things as well: see Open.
func Is(raw []byte) bool {
	return unpack.IsZip(raw) || isCFB(raw) || isBIFF(raw) || isXML(raw) || isFODS(raw) || isHTML(raw)
}

// Open reads the list of sheets. What is neither zip nor OLE2 nor BIFF nor XML nor HTML is refused with unpack.ErrNotFound,
// as is a zip archive that holds no workbook.
func Open(raw []byte) (*Book, error) {
	switch {
	case unpack.IsZip(raw):
		a, err := unpack.Open(raw)
		if err != nil {
			return nil, err
		}
		return Archive(a)
	case isCFB(raw):
		return openXLS(raw)
	case isBIFF(raw):
		return openBIFF(raw)
	case isXML(raw):
		return openXML(raw)
	case isFODS(raw):
		return openODS(raw)
	case isHTML(raw):
		return openHTML(raw)
	}
	return nil, fmt.Errorf("%w: no workbook begins with %q", unpack.ErrNotFound, raw[:min(len(raw), 8)])
}

// grid collects the rows of a sheet within the limits.
type grid struct {
	rows  []Row
	line  int      // row under way, 0 for none
	cells []string // its cells
	pool  []string // one allocation for the cells of many rows
	total int
}

// begin starts a row; line is counted from 1. Rows may come in any order.
func (g *grid) begin(line int) error {
	if line < 1 || line > MaxRow {
		return limit(wantRow, MaxRow, 0, strconv.Itoa(line))
	}
	g.end()
	g.line = line
	return nil
}

// put sets a cell of the row under way; col is counted from 0.
func (g *grid) put(col int, text string) error {
	switch {
	case text == "":
		return nil
	case col < 0 || col >= MaxCol:
		return limit(wantColumn, MaxCol, g.line, strconv.Itoa(col+1))
	case len(text) > MaxCell:
		return limit(wantCellSize, MaxCell, g.line, strconv.Itoa(len(text)))
	}
	if n := col + 1 - len(g.cells); n > 0 {
		if g.total += n; g.total > MaxCells {
			return limit(wantCells, MaxCells, g.line, "")
		}
		for len(g.cells) <= col {
			g.cells = append(g.cells, "")
		}
	}
	g.cells[col] = text
	return nil
}

func (g *grid) end() {
	if len(g.cells) > 0 {
		if len(g.pool)+len(g.cells) > cap(g.pool) {
			g.pool = make([]string, 0, max(4096, len(g.cells)))
		}
		from := len(g.pool)
		g.pool = append(g.pool, g.cells...)
		g.rows = append(g.rows, Row{g.line, g.pool[from:len(g.pool):len(g.pool)]})
		g.cells = g.cells[:0]
	}
	g.line = 0
}

// Number writes a double as xls stores it: the shortest decimal text that reads back as the same number. What is no number
// becomes an error text, which no reader takes for a word of an instrument.
func Number(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "#NUM!"
	}
	format := byte('f')
	if a := max(f, -f); a != 0 && (a < 1e-5 || a >= 1e15) {
		format = 'g'
	}
	return strconv.FormatFloat(f, format, -1, 64)
}

func head(raw []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(raw[:min(len(raw), 1024)], []byte("\xef\xbb\xbf")), " \t\r\n")
}
