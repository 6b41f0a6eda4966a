package instruments

import (
	"iter"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Table is one part of a document as rows of cells: a section of a text export or a sheet of a workbook.
// Its rows are made at the first call of Rows, so that a part nobody asks for costs nothing.
type Table struct {
	Name string
	make func() ([]Row, error)
	each iter.Seq2[Row, error] // nil where the rows are kept anyway
	once sync.Once
	rows []Row
	err  error
}

// NewTable makes a Table whose rows are read when they are first asked for.
func NewTable(name string, rows func() ([]Row, error)) *Table { return &Table{Name: name, make: rows} }

// Rows are all rows with their place in the source; empty lines are left out. A nil Table has none.
func (t *Table) Rows() ([]Row, error) {
	if t == nil {
		return nil, nil
	}
	t.once.Do(func() { t.rows, t.err = t.make() })
	return t.rows, t.err
}

// Each gives the rows one by one and keeps none: for the tables of many rows that are looked at once. The cells of a row hold
// until the next one. After an error no row follows.
func (t *Table) Each() iter.Seq2[Row, error] {
	if t != nil && t.each != nil {
		return t.each
	}
	return func(yield func(Row, error) bool) {
		rows, err := t.Rows()
		if err != nil {
			yield(Row{}, err)
			return
		}
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Row is one row of cells. Line is its line or row in the source, counted from 1.
type Row struct {
	Line  int
	Cells []string // as written, quotes taken off, blanks kept
}

// At is the cell without the blanks around it, "" beyond the end of the row and for -1 (no such column).
func (r Row) At(col int) string {
	if col < 0 || col >= len(r.Cells) {
		return ""
	}
	return trim(r.Cells[col])
}

// Blank says whether no cell holds anything.
func (r Row) Blank() bool {
	for _, c := range r.Cells {
		if trim(c) != "" {
			return false
		}
	}
	return true
}

// trim is strings.TrimSpace with a short way for cells that need none.
func trim(s string) string {
	if s == "" || s[0] > ' ' && s[0] < 0x7f && s[len(s)-1] > ' ' && s[len(s)-1] < 0x7f {
		return s
	}
	return strings.TrimSpace(s)
}

// key makes a header word or a section name comparable: lower case, without blanks and underscores, the Cyrillic letters
// that Applied Biosystems writes in "Cт" and "ΔCт" turned to Latin ones.
func key(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), r == '_', r == '\ufeff', r == '*':
			return -1
		case r == 'т' || r == 'Т':
			return 't'
		case r == 'с' || r == 'С':
			return 'c'
		}
		return unicode.ToLower(r)
	}, s)
}

// Header is the row of a table that names its columns.
type Header struct {
	Row   int // its index in the rows; the readings start at Row+1
	Line  int
	Names []string // as written
	keys  []string
}

func newHeader(at int, r Row) Header {
	h := Header{Row: at, Line: r.Line, keys: make([]string, len(r.Cells)), Names: make([]string, len(r.Cells))}
	for i, c := range r.Cells {
		h.Names[i] = trim(c)
		h.keys[i] = key(c)
	}
	return h
}

// Col is the first column with the first of the given names that exists, -1 where there is none. It compares whole
// names, never beginnings: "Ct Mean" stands beside "Ct".
func (h Header) Col(names ...string) int {
	for _, n := range names {
		if i := slices.Index(h.keys, key(n)); i >= 0 {
			return i
		}
	}
	return -1
}

// Has says whether all the names are columns.
func (h Header) Has(names ...string) bool {
	for _, n := range names {
		if h.Col(n) < 0 {
			return false
		}
	}
	return true
}

// Cq is the column of the quantification cycle, Well that of the position, -1 where there is none.
func (h Header) Cq() int   { return h.any(cqWords) }
func (h Header) Well() int { return h.any(wellWords) }

func (h Header) any(words map[string]bool) int {
	for i, k := range h.keys {
		if words[k] {
			return i
		}
	}
	return -1
}

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// The header words, as key writes them. No word is matched by its beginning.
var (
	wellWords = set("well", "wellposition", "pos", "pos.", "position", "no.", "samplepos", "反应孔", "孔位", "孔号", "孔",
		"well/set", "wellid", "wellname", "wellno.", "well#", "wellnumber", "孔位置", "location", "lunka", "лунка")
	cqWords = set("ct", "c(t)", "cq", "cp", "crt", "crossingpoint", "thresholdcycle(ct)", "thresholdcycle(c(t))", "thresholdcycle",
		"ct(drn)", "ct(dr)", "ct(r)", "eq.ct", "c?", "c\ufffd", "cò", "cñ‚", // the last four are "Cт" in a wrong encoding
		"cq(drn)", "cq(dr)", "cq(r)", "cq(δr)", "cq(δrn)", "cq(∆r)", "cq(∆rn)", "ct(δr)", "ct(δrn)", "ct(∆r)", "ct(∆rn)", // Agilent AriaMx writes a Delta, or an increment sign
		"thresholdcycle(cq)", "quantificationcycle", "quantificationcycle(cq)", "ctvalue", "cqvalue", "ct值", "cq值")
	sampleWords = set("sample", "samplename", "sampleid", "name", "样本", "样本名称", "样本编号", "样品名称", "样品编号", "样品", "identifier", "description")
)

// FindHeader is the first row that holds a well word and a Cq word. ok is false where there is none.
func FindHeader(rows []Row) (h Header, ok bool) {
	return findHeader(rows, func(h Header) bool { return h.Well() >= 0 && h.Cq() >= 0 })
}

// FindHeaderWith is the first row that holds all the named columns.
func FindHeaderWith(rows []Row, names ...string) (h Header, ok bool) {
	return findHeader(rows, func(h Header) bool { return h.Has(names...) })
}

func findHeader(rows []Row, is func(Header) bool) (Header, bool) {
	for i, r := range rows {
		if len(r.Cells) < 2 {
			continue
		}
		if h := newHeader(i, r); is(h) {
			return h, true
		}
	}
	return Header{}, false
}
