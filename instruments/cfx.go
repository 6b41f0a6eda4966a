package instruments

import (
	"strconv"
	"strings"

	"natlims/lims/pcr"
)

// Bio-Rad CFX, Connect, C1000, Opus (CFX Manager, CFX Maestro): tables with Well and Fluor, one row for each well and dye.
//
//	,Well,Fluor,Target,Content,Sample,Biological Set Name,Cq,Cq Mean,…    Quantification Cq Results
//	,A01,FAM,N1,Unkn-01,S1,,21.1877528266099,…
//	,Well,Fluor,Target,Content,Sample,Cq,SQ                                Quantification Summary, in any order
//	→Well→Fluor→Content→Sample→C(t)                                        C1000, decimal comma
//	Well,Fluor,Target,Content,Sample,Biological Set Name,Cq                LIMS export
//
// The run report of all wells has key lines above. "N/A" (Manager) and "NaN" (Maestro) say that there is no Cq; the mean
// beside them is 0 and lies. Encrypted .pcrd and .zpcr are not read.
func init() {
	register(Driver{Name: "cfx", Title: "Bio-Rad CFX96/384, Connect, Opus, C1000: Cq results (csv, txt, xlsx)", Wire: WireFile, Verified: true,
		Sniff: sniffCFX, Decode: decodeCFX, Setup: setupCFX})
	register(Driver{Name: "cfx-plate", Title: "Bio-Rad CFX: plate view (csv)", Wire: WireFile, Sniff: sniffPlateView, Decode: decodePlateView})
	register(Driver{Name: "cfx-curves", Title: "Bio-Rad CFX: amplification results (csv), curves only", Wire: WireFile, Sniff: sniffCFXCurves, Decode: decodeCFXCurves})
	register(Driver{Name: "myiq", Title: "Bio-Rad MyiQ, iQ5: results (csv)", Wire: WireFile, Verified: true, Sniff: sniffMyiQ, Decode: decodeMyiQ})
	register(Driver{Name: "opticon", Title: "Bio-Rad/MJ Opticon: results (txt)", Wire: WireFile, Verified: true, Sniff: sniffOpticon, Decode: decodeOpticon})
}

func cfxHead(h Header) bool {
	return h.Has("Well", "Fluor") && h.Cq() >= 0 && h.Col("Identifier") < 0
}

// cfxOther are tables of the same software without Cq: melting, end point.
func cfxOther(h Header) bool {
	return h.Has("Well", "Fluor") && h.Cq() < 0 && h.Col("Content", "End RFU", "Melt Temperature", "Call") >= 0
}

func sniffCFX(f *File) int {
	if _, ok := find(f, cfxHead); ok {
		return 90
	}
	if _, ok := find(f, cfxOther); ok {
		return 60
	}
	return 0
}

func decodeCFX(f *File) ([]pcr.Run, error) {
	h, ok := find(f, cfxHead)
	if !ok {
		h, _ = find(f, cfxOther)
		return nil, nothing("", h.Line, "a Cq column")
	}
	l := newLong(h.Header)
	l.well = h.Col("Well")
	l.dye, l.target, l.sample = h.Col("Fluor"), h.Col("Target", "Target Name", "Gene"), h.Col("Sample", "Sample Name")
	l.task, l.call = h.Col("Content", "Sample Type", "Type"), h.Col("Call")
	l.omit = h.Col("Excluded", "Omit")
	return h.run(cfxRun(h.above()), l)
}

// cfxRun reads the key lines of the run report.
func cfxRun(p preamble) pcr.Run {
	name := p.of("File Name")
	return pcr.Run{Instrument: "Bio-Rad CFX", Name: name, Plate: p.of("ID", "Barcode", "Plate ID"), Operator: p.of("Created By User", "User"),
		Serial: p.of("Base Serial Number", "Serial Number"), Software: p.of("CFX Manager Version", "CFX Maestro Version", "Software Version"),
		Started: stamp(p.of("Run Started")), Ended: stamp(p.of("Run Ended"))}
}

func myiqHead(h Header) bool { return h.Has("Well", "Fluor", "Identifier") && h.Cq() >= 0 }

func sniffMyiQ(f *File) int {
	if _, ok := find(f, myiqHead); ok {
		return 90
	}
	return 0
}

// decodeMyiQ reads `,"Well","Fluor","Type","Identifier","Replicate #","Threshold Cycle (Ct)",…`. A mean of "00.00" beside "N/A" is no value.
func decodeMyiQ(f *File) ([]pcr.Run, error) {
	h, ok := find(f, myiqHead)
	if !ok {
		return nil, nothing("", 0, "a table with Fluor, Identifier and Threshold Cycle")
	}
	l := newLong(h.Header)
	l.well, l.dye, l.task, l.sample = h.Col("Well"), h.Col("Fluor"), h.Col("Type"), h.Col("Identifier")
	return h.run(pcr.Run{Instrument: "Bio-Rad MyiQ"}, l)
}

func opticonHead(h Header) bool {
	return h.Col("Well / Set") >= 0 && h.Cq() >= 0 || h.Has("Well", "Dye", "Description") && h.Cq() >= 0
}

func sniffOpticon(f *File) int {
	if _, ok := find(f, opticonHead); ok {
		return 90
	}
	return 0
}

// decodeOpticon reads "Well / Set→Dye→Content→Description→Efficiency→C(t)→…"; "Well /Set" is written too, one row for each dye.
func decodeOpticon(f *File) ([]pcr.Run, error) {
	h, ok := find(f, opticonHead)
	if !ok {
		return nil, nothing("", 0, "a table with Well / Set and C(t)")
	}
	l := newLong(h.Header)
	l.dye, l.task, l.sample = h.Col("Dye"), h.Col("Content"), h.Col("Description")
	return h.run(pcr.Run{Instrument: "Opticon"}, l)
}

// plateView is the grid of the plate view: a row of column numbers, then several rows for each row of the plate.
//
//	;;1;2;3;…;12
//	A;Content;Unkn;Unkn;…
//	;Sample;S1;S2;…
//	;Cq;21,18;n. def.;…
type plateView struct {
	row  int // of the column numbers
	cols []int
	rows []Row
}

func findPlateView(f *File) (v plateView, ok bool) {
	tables, err := f.Tables()
	if err != nil {
		return v, false
	}
	for _, t := range tables {
		if bulky[key(t.Name)] {
			continue
		}
		rows, err := t.Rows()
		if err != nil {
			return v, false
		}
		for i, r := range rows[:min(len(rows), 200)] {
			if cols := numbered(r); cols != nil && i+1 < len(rows) && rowLetter(rows[i+1], cols[0]) == 'A' {
				return plateView{i, cols, rows}, true
			}
		}
	}
	return v, false
}

// numbered gives the cells of a row that read 1, 2, 3 … 12 or 24; nil where it is none.
func numbered(r Row) []int {
	var cols []int
	for i := range r.Cells {
		n, ok := index(r.At(i))
		if ok && n == len(cols)+1 && n <= 24 {
			cols = append(cols, i)
		} else if len(cols) > 0 && r.At(i) != "" {
			break
		}
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
	if v, ok := findPlateView(f); ok && len(v.bands()) > 0 {
		return 55
	}
	return 0
}

// band is the rows of one plate row by what they hold.
type band struct {
	letter                             byte
	cq, sample, content, target, fluor *Row
}

// bands sorts the rows by their label, or by their order and content where they have none.
func (v plateView) bands() []band {
	var all []band
	for i := v.row + 1; i < len(v.rows); i++ {
		r := &v.rows[i]
		if l := rowLetter(*r, v.cols[0]); l != 0 && (len(all) == 0 || all[len(all)-1].letter != l) {
			all = append(all, band{letter: l})
		}
		if len(all) == 0 || len(all) > 16 {
			continue
		}
		b := &all[len(all)-1]
		switch label := v.label(*r); {
		case cqWords[label]:
			b.cq = r
		case label == "sample" || label == "samplename":
			b.sample = r
		case label == "content" || label == "sampletype":
			b.content = r
		case label == "target" || label == "targetname" || label == "gene":
			b.target = r
		case label == "fluor" || label == "dye":
			b.fluor = r
		case label != "":
		case b.cq == nil && v.cycles(*r):
			b.cq = r
		case b.content == nil:
			b.content = r
		case b.sample == nil:
			b.sample = r
		}
	}
	kept := all[:0]
	for _, b := range all {
		if b.cq != nil {
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
	seen := false
	for _, c := range v.cols {
		cell := r.At(c)
		if cell == "" {
			continue
		}
		if !noCqWords[key(cell)] && !(numeric(cell) && strings.ContainsAny(cell, ".,")) {
			return false
		}
		seen = true
	}
	return seen
}

func decodePlateView(f *File) ([]pcr.Run, error) {
	v, ok := findPlateView(f)
	if !ok {
		return nil, nothing("", 0, "a grid of column numbers and row letters")
	}
	run := cfxRun(readPreamble(v.rows, v.row))
	bands := v.bands()
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
			g := pcr.Reading{Well: string(rune(b.letter)) + strconv.Itoa(n+1), Line: b.cq.Line, Sample: b.sample.at(c), Task: b.content.at(c), Target: b.target.at(c), Dye: b.fluor.at(c)}
			var known bool
			if g.State, g.Cq, g.CqText, known = rule.Read(cell); !known {
				run.Notes = append(run.Notes, pcr.Note{Line: g.Line, Code: "cq.unreadable", Text: cut(cell)})
			}
			if cell == "" && g.Sample == "" && g.Task == "" {
				continue // a place of the grid that stands empty
			}
			if g.Target == "" && g.Dye != "" {
				g.Target = "(" + g.Dye + ")"
			}
			run.Readings = append(run.Readings, g)
		}
	}
	if len(run.Readings) == 0 {
		return nil, nothing("", v.rows[v.row].Line, "a row of Cq values")
	}
	return []pcr.Run{run}, nil
}

// at is At for a row that may be missing.
func (r *Row) at(col int) string {
	if r == nil {
		return ""
	}
	return r.At(col)
}
