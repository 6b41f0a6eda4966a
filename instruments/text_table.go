package instruments

import (
	"iter"
	"slices"
	"strings"
	"sync"
)

// textTables cuts a text into its "[Name]" sections; what stands before the first one is the Table "".
func textTables(f *File) ([]*Table, error) {
	t, err := f.Text()
	if err != nil {
		return nil, err
	}
	var tables []*Table
	name, from := "", 0
	cut := func(to int) {
		lines, line, open := t.Lines[from:to], from+1, ""
		if to == len(t.Lines) {
			open = t.Open
		}
		sep := sync.OnceValue(func() byte { return Delimiter(lines) })
		one := NewTable(name, func() ([]Row, error) {
			rows, err := SplitRows(lines, line, sep())
			return uncut(rows, open), err
		})
		if open == "" { // else whether the last row counts depends on those above it
			one.each = func(yield func(Row, error) bool) { eachRow(lines, line, sep(), false)(yield) }
		}
		tables = append(tables, one)
	}
	for i, l := range t.Lines {
		if n, ok := sectionName(l); ok {
			cut(i)
			name, from = n, i+1
		}
	}
	cut(len(t.Lines))
	return tables, nil
}

// sectionName reads a line such as "[Sample Setup]", with the empty cells that a csv appends.
func sectionName(line string) (string, bool) {
	if line == "" || line[0] != '[' && line[0] != '"' && line[0] != ' ' {
		return "", false
	}
	s := strings.Trim(strings.TrimRight(line, ",;\t \""), " \"")
	if len(s) < 3 || len(s) > 64 || s[0] != '[' || s[len(s)-1] != ']' {
		return "", false
	}
	s = strings.TrimSpace(s[1 : len(s)-1])
	if s == "" || strings.ContainsAny(s, "[],;\t") || s[0] >= '0' && s[0] <= '9' || s[0] == '-' {
		return "", false // "[4,49 , 4,59]" is an interval
	}
	return s, true
}

// Delimiter is the tab, the semicolon or the comma that separates the cells: that of the first line which reads as a
// header row, else the most frequent one of the first 200 lines. Preambles often use another one than the table.
func Delimiter(lines []string) byte {
	var cells []string
	for i, l := range lines {
		if !mayHead(l) {
			continue
		}
		for _, sep := range separators {
			if strings.IndexByte(l, sep) < 0 {
				continue
			}
			cells, _ = splitCells(cells[:0], l, sep)
			if len(cells) < 2 || len(cells) > MaxRow {
				continue
			}
			h := newHeader(i, Row{Cells: cells})
			if h.Well() >= 0 && (h.Cq() >= 0 || h.any(sampleWords) >= 0 || h.Has("Cycle") || len(ctColumns(h)) > 0) {
				return sep
			}
		}
		if i > 3000 { // the deepest header row seen stands at line 862
			break
		}
	}
	best, most := byte('\t'), 0
	for _, sep := range separators {
		n := 0
		for _, l := range lines[:min(len(lines), 200)] {
			n += strings.Count(l, string(sep))
		}
		if n > most {
			best, most = sep, n
		}
	}
	return best
}

// mayHead says cheaply whether a line can hold a well word.
func mayHead(l string) bool {
	for _, w := range []string{"ell", "os", "No.", "孔", "ocation", "WELL", "POS", "унка", "umber", "ycle", "pos", "#", "Site"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return false
}

var separators = []byte{'\t', ';', ','}

// SplitRows cuts lines into rows of cells. first is the number of the first line. Quoted cells may hold separators,
// doubled quotes and up to 16 line ends; a quote that is never closed is taken as a letter.
func SplitRows(lines []string, first int, sep byte) ([]Row, error) {
	rows := make([]Row, 0, min(len(lines), MaxRows))
	for r, err := range eachRow(lines, first, sep, true) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// eachRow is SplitRows row by row; where the cells are not kept, those of a row hold until the next one.
func eachRow(lines []string, first int, sep byte, keep bool) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var pool []string // one allocation for the cells of many rows
		rows, total, strays := 0, 0, 0
		for i := 0; i < len(lines); i++ {
			line, at := lines[i], i
			if line == "" {
				continue
			}
			if !keep {
				pool = pool[:0]
			}
			if cap(pool)-len(pool) < 64 {
				pool = make([]string, 0, 4096)
			}
			start := len(pool)
			var open bool
			pool, open = splitCells(pool, line, sep)
			if open && strays < maxStrays {
				if joined, n := joinQuoted(lines[i:], sep); n > 0 {
					pool, _ = splitCells(pool[:start], joined, sep)
					i += n
				} else {
					strays++
				}
			}
			cells := pool[start:len(pool):len(pool)]
			if len(cells) > MaxRow {
				cells = cells[:MaxRow]
			}
			rows, total = rows+1, total+len(cells)
			switch {
			case total > MaxCells:
				yield(Row{}, &Error{Code: CodeTooLarge, Line: first + at, Offset: -1, Want: atMost(MaxCells, "cells")})
				return
			case rows > MaxRows:
				yield(Row{}, &Error{Code: CodeTooLarge, Line: first + at, Offset: -1, Want: atMost(MaxRows, "rows")})
				return
			case !yield(Row{Line: first + at, Cells: cells}, nil):
				return
			}
		}
	}
}

// maxStrays is how many quotes that are never closed are looked into; in a file with more of them quotes are letters.
const maxStrays = 1000

// joinQuoted joins the first line with those after it until its open quote is closed; n is how many were taken, 0 for none.
func joinQuoted(lines []string, sep byte) (joined string, n int) {
	joined = lines[0]
	for n = 1; n < len(lines) && n <= 16 && len(joined) < 1<<16; n++ {
		joined += "\n" + lines[n]
		if strings.IndexByte(lines[n], '"') < 0 {
			continue
		}
		if cells, open := splitCells(nil, joined, sep); !open && !slices.ContainsFunc(cells, brokenQuote) {
			return joined, n
		}
	}
	return "", 0
}

// brokenQuote says whether a cell begins with a quote that was taken as a letter: lines that do not belong together.
func brokenQuote(cell string) bool { return strings.HasPrefix(cell, `"`) }

// splitCells appends the cells of a line to dst. open says that a cell begins with a quote that the line does not close.
func splitCells(dst []string, line string, sep byte) (cells []string, open bool) {
	most := len(dst) + MaxRow // one cell more is kept, so that the caller sees the excess
	if strings.IndexByte(line, '"') < 0 {
		for {
			i := strings.IndexByte(line, sep)
			if i < 0 || len(dst) > most {
				return append(dst, line), false
			}
			dst = append(dst, line[:i])
			line = line[i+1:]
		}
	}
	for {
		cell, rest, more, bad := quotedCell(line, sep)
		dst = append(dst, cell)
		open = open || bad
		if !more || len(dst) > most {
			return dst, open
		}
		line = rest
	}
}

// quotedCell takes the first cell of a line that may be quoted.
func quotedCell(line string, sep byte) (cell, rest string, more, open bool) {
	s := line
	if sep != ' ' {
		s = strings.TrimLeft(line, " ")
	}
	if s != "" && s[0] == '"' {
		for i := 1; i < len(s); i++ {
			if s[i] != '"' {
				continue
			}
			if i+1 < len(s) && s[i+1] == '"' {
				i++
				continue
			}
			after := strings.TrimLeft(s[i+1:], " ")
			cell = s[1:i]
			if strings.Contains(cell, `""`) {
				cell = strings.ReplaceAll(cell, `""`, `"`)
			}
			if after == "" {
				return cell, "", false, false
			}
			if after[0] == sep {
				return cell, after[1:], true, false
			}
			break // a quote inside a word: the cell is taken as it stands
		}
		_, _, closed := strings.Cut(s[1:], `"`)
		open = !closed
	}
	cell, rest, more = strings.Cut(line, string(sep))
	return cell, rest, more, open
}
