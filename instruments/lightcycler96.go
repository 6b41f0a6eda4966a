package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

func init() {
	register(Driver{Name: "lightcycler96", Title: "Roche LightCycler 96: result table (csv, txt, xlsx)", Wire: WireFile, Verified: true,
		Sniff: sniffBy(lc96Head, 90), Decode: decodeLC96, Setup: setupLC96})
}

// LightCycler 96:
//
//	Color,Position,Sample Name,Gene Name,Cq,Concentration,Call,Excluded,Sample Type,Standard,Cq Mean,…,Dye,Edited Call,…,Number
//
// "-" says that there is no Cq.
func lc96Head(h Header) bool {
	return h.Has("Position", "Sample Name", "Gene Name", "Cq") || h.Has("Position", "Cq", "Edited Call", "EPF")
}

func decodeLC96(f *File) ([]pcr.Run, error) {
	h, ok := find(f, lc96Head)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Position", "Gene Name", "Cq"))
	}
	l := newLong(h.Header)
	l.well, l.cq, l.sample, l.target = h.Col("Position"), h.Col("Cq"), h.Col("Sample Name"), h.Col("Gene Name")
	l.call, l.task, l.dye, l.omit = h.Col("Call"), h.Col("Sample Type"), h.Col("Dye"), h.Col("Excluded")
	l.omitted = set("checked", "true", "yes", "1", "excluded")
	if col := h.Col("Failure"); col >= 0 {
		l.flags, l.names = []int{col}, []string{"Failure"}
	}
	damaged := map[int]bool{}
	for _, r := range h.below() {
		if runTogether(r, h.Header, l.well) {
			damaged[r.Line] = true
		}
	}
	l.fix = func(g *pcr.Reading) {
		if damaged[g.Line] { // the cells behind the break belong to another row
			g.Dye, g.Status = "", ""
		}
		g.Status = strings.TrimPrefix(g.Status, "Failure=None")
	}
	runs, err := h.run(pcr.Run{Instrument: "LightCycler 96"}, l)
	if err == nil {
		for _, r := range h.below() {
			if damaged[r.Line] {
				runs[0].Notes = append(runs[0].Notes, pcr.Note{Line: r.Line, Code: "row.damaged", Text: cut(strings.Join(r.Cells, ","))})
			}
		}
	}
	return runs, err
}

// runTogether says whether a second position stands in a row behind the first one, in a column that holds none:
// two rows were run together.
func runTogether(r Row, h Header, well int) bool {
	if len(r.Cells) > len(h.Names)+1 {
		return true
	}
	colour := h.Col("Color")
	for i := well + 1; i < len(r.Cells); i++ {
		if colour >= 0 && r.At(colour) != "" && strings.Count(r.At(i), ";") == 3 && strings.Count(r.At(colour), ";") == 3 && numeric(strings.ReplaceAll(r.At(i), ";", "")) {
			return true
		}
	}
	return false
}
