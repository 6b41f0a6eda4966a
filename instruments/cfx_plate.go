package instruments

import (
	"strconv"
	"strings"

	"natlims/lims/pcr"
)

func init() {
	register(Driver{Name: "cfx-plate", Title: "Bio-Rad CFX: plate view (csv, xml, xlsx)", Wire: WireFile, Sniff: sniffPlateView, Decode: decodePlateView})
}

// plateView is the grid of the plate view: a row of column numbers, then several rows for each row of the plate.
//
//	;;1;2;3;…;12
//	A;Content;Unkn;Unkn;…
//	;Sample;S1;S2;…
//	;Cq;21,18;n. def.;…
type plateView struct {
	name   string // of the table: the dye, where it names one
	row    int    // of the column numbers
	cols   []int
	rows   []Row
	height int // rows of a plate row where no letters stand beside the grid; 0 where they do
}

// rowsOfAWell is the number of rows that belong to one row of the plate in a grid without letters: the distance from one
// row of contents ("Unkn", "NTC") to the next, four where only one is in use, as in every export seen. 0 where the rows below
// do not begin with contents or do not reach the last row of the plate: then the grid is cut, or is no plate at all.
func (v plateView) rowsOfAWell() int {
	if !(Row{Cells: v.rows[v.row].Cells[:v.cols[0]]}).Blank() || !v.contents(v.rows[v.row+1]) {
		return 0
	}
	plateRows := map[int]int{6: 4, 8: 6, 12: 8, 24: 16}[len(v.cols)]
	below := v.rows[v.row+1:]
	lines := below[len(below)-1].Line - v.rows[v.row].Line
	apart := 0
	for _, r := range below {
		if rowLetter(r, v.cols[0]) != 0 {
			return 0
		}
		if v.contents(r) {
			apart = gcd(apart, r.Line-below[0].Line)
		}
	}
	for h := 3; h <= 8; h++ {
		if reaches := lines > (plateRows-1)*h && lines <= plateRows*h; reaches && (apart == 0 && h == 4 || apart > 0 && apart%h == 0) {
			return h
		}
	}
	return 0
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// contents says whether a row holds the kinds of wells and nothing else.
func (v plateView) contents(r Row) bool {
	seen := false
	for _, c := range v.cols {
		cell := r.At(c)
		if cell == "" {
			continue
		}
		kind, _, _ := strings.Cut(cell, "-") // "Std-1"
		if !wellKinds[key(kind)] {
			return false
		}
		seen = true
	}
	return seen
}

// wellKinds are the words of CFX for what a well holds.
var wellKinds = set("unkn", "ntc", "std", "posctrl", "negctrl", "nrt", "nc", "pc")

// letter is the row of the plate that a row of the grid belongs to, 0 where it is told by the rows above.
func (v plateView) letter(r Row) byte {
	if v.height == 0 {
		return rowLetter(r, v.cols[0])
	}
	return byte('A' + (r.Line-v.rows[v.row].Line-1)/v.height)
}

// plateViews are the grids of all tables: a workbook has a sheet for each dye, named as the dye.
func plateViews(f *File) (views []plateView) {
	tables, err := f.Tables()
	if err != nil {
		return nil
	}
	for _, t := range tables {
		if bulky[key(t.Name)] {
			continue
		}
		rows, err := t.Rows()
		if err != nil {
			return views
		}
		if text, err := f.Text(); err == nil && !f.Workbook() {
			rows = uncutGrid(rows, text.Open)
		}
		for i, r := range rows[:min(len(rows), 200)] {
			cols := numbered(r)
			if cols == nil || i+1 == len(rows) {
				continue
			}
			v := plateView{name: t.Name, row: i, cols: cols, rows: rows}
			if rowLetter(rows[i+1], cols[0]) != 'A' {
				if v.height = v.rowsOfAWell(); v.height == 0 {
					continue
				}
			}
			views = append(views, v)
			break
		}
	}
	return views
}

// uncutGrid takes off the last row where the text ends inside it: fewer cells than above, or a number shorter than those before it.
func uncutGrid(rows []Row, last string) []Row {
	if last == "" || len(rows) < 2 {
		return rows
	}
	r, above := rows[len(rows)-1], rows[len(rows)-2]
	if len(r.Cells) >= len(above.Cells) && strings.Count(last, `"`)%2 == 0 {
		cell, fewest := r.At(len(r.Cells)-1), 99
		for _, c := range r.Cells[:len(r.Cells)-1] {
			if n := decimals(c); numeric(c) && n > 0 {
				fewest = min(fewest, n)
			}
		}
		whole := fewest == 99 || decimals(cell) >= fewest
		if numeric(cell) && whole || cell != "" && !numeric(cell) || cell == "" && above.At(len(r.Cells)-1) == "" {
			return rows
		}
	}
	return rows[:len(rows)-1]
}

// numbered gives the cells of a row that reads 1, 2, 3 … 12 or 24 and nothing behind it; nil where it is none.
func numbered(r Row) []int {
	var cols []int
	for i := range r.Cells {
		if r.Cells[i] == "" {
			continue
		}
		n, ok := index(r.At(i))
		switch {
		case ok && n == len(cols)+1 && n <= 24:
			cols = append(cols, i)
		case ok || len(cols) > 0:
			return nil
		}
	}
	if len(cols) == 0 {
		return nil
	}
	if len(cols) != 12 && len(cols) != 24 && len(cols) != 6 && len(cols) != 8 || cols[0] == 0 {
		return nil
	}
	return cols
}

// rowLetter is the letter of the plate row that stands left of the grid, 0 where there is none.
func rowLetter(r Row, left int) byte {
	for i := range left {
		if c := r.At(i); len(c) == 1 && c[0] >= 'A' && c[0] <= 'P' {
			return c[0]
		}
	}
	return 0
}

func sniffPlateView(f *File) int {
	for _, v := range plateViews(f) {
		if len(v.bands()) > 0 {
			return 55
		}
	}
	return 0
}

// band is the rows of one plate row by what they hold.
type band struct {
	letter                             byte
	cq, sample, content, target, fluor *Row
	named                              bool // a label says that the row holds Cq
}

// bands sorts the rows by their label, or by their order and content where they have none.
func (v plateView) bands() []band {
	var all []band
	for i := v.row + 1; i < len(v.rows); i++ {
		r := &v.rows[i]
		if l := v.letter(*r); l != 0 && (len(all) == 0 || all[len(all)-1].letter != l) {
			all = append(all, band{letter: l})
		}
		if len(all) == 0 || len(all) > 16 {
			continue
		}
		b := &all[len(all)-1]
		switch label := v.label(*r); {
		case cqWords[label]:
			b.cq, b.named = r, true
		case label == "sample" || label == "samplename":
			b.sample = r
		case label == "content" || label == "sampletype":
			b.content = r
		case label == "target" || label == "targetname" || label == "gene":
			b.target = r
		case label == "fluor" || label == "dye":
			b.fluor = r
		case label != "":
		case b.cq != nil: // quantities follow
		case v.cycles(*r):
			b.cq = r
		case b.content == nil:
			b.content = r
		case b.sample == nil:
			b.sample = r
		}
	}
	kept := all[:0]
	for _, b := range all {
		if b.cq != nil && (b.named || b.content != nil || b.sample != nil) { // numbers alone may be those of any plate reader
			kept = append(kept, b)
		}
	}
	return kept
}

// label is the word that says what a row holds; it stands before or behind the grid.
func (v plateView) label(r Row) string {
	for i := range v.cols[0] {
		if c := r.At(i); len(c) > 1 {
			return key(c)
		}
	}
	if c := r.At(v.cols[len(v.cols)-1] + 1); len(c) > 1 && !numeric(c) {
		return key(c)
	}
	return ""
}

// cycles says whether a row holds nothing but numbers of cycles and words for none.
func (v plateView) cycles(r Row) bool {
	sure := false
	for _, c := range v.cols {
		cell := r.At(c)
		if cell == "" {
			continue
		}
		none := noCqWords[key(cell)]
		if !none && !numeric(cell) {
			return false
		}
		sure = sure || none || strings.ContainsAny(cell, ".,") // whole numbers alone may be names of samples
	}
	return sure
}

func decodePlateView(f *File) ([]pcr.Run, error) {
	var run pcr.Run
	views := plateViews(f)
	for i, v := range views {
		if i == 0 {
			run = cfxRun(readPreamble(v.rows, v.row))
		}
		readings, notes := v.read()
		run.Readings, run.Notes = append(run.Readings, readings...), append(run.Notes, notes...)
	}
	if len(run.Readings) == 0 {
		return nil, nothing("", 0, want(wantGrid))
	}
	return []pcr.Run{run}, nil
}

// dyes are the names of tables that name a dye.
var dyes = set("fam", "hex", "vic", "joe", "tet", "rox", "texasred", "texas615", "cy3", "cy5", "cy5.5", "quasar670", "quasar705", "sybr", "sybrgreen", "evagreen", "calorange560", "calred610", "cal610", "tamra", "ned", "atto647n")

// read makes the readings of one grid. A place without content, sample and Cq is no well in use.
func (v plateView) read() (readings []pcr.Reading, notes []pcr.Note) {
	bands := v.bands()
	dye := ""
	if dyes[key(v.name)] {
		dye = v.name
	}
	rule := CqRule{Mark: CqMark(func(yield func(string) bool) {
		for _, b := range bands {
			for _, c := range v.cols {
				if !yield(b.cq.At(c)) {
					return
				}
			}
		}
	})}
	for _, b := range bands {
		for n, c := range v.cols {
			cell := b.cq.At(c)
			g := pcr.Reading{Well: string(rune(b.letter)) + strconv.Itoa(n+1), Line: b.cq.Line, Sample: b.sample.at(c), Task: b.content.at(c), Target: b.target.at(c),
				Dye: first(b.fluor.at(c), dye)}
			if cell == "" && g.Sample == "" && g.Task == "" {
				continue
			}
			var known bool
			if g.State, g.Cq, g.CqText, known = rule.Read(cell); !known {
				notes = append(notes, pcr.Note{Line: g.Line, Code: "cq.unreadable", Text: cut(cell)})
			}
			if g.Target == "" && g.Dye != "" {
				g.Target = "(" + g.Dye + ")"
			}
			readings = append(readings, g)
		}
	}
	return readings, notes
}

// at is At for a row that may be missing.
func (r *Row) at(col int) string {
	if r == nil {
		return ""
	}
	return r.At(col)
}
