package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// Eppendorf realplex: one Ct column for each dye, settings below the table.
//
//	"Pos";"Name";"Ct SYBR";"Ct Mean SYBR";"Ct Dev. SYBR";"Amount SYBR";"Target SYBR"
//	"A1";"ctrl";18,00;18,02;0,02;"-";"act"
//
// The dialect with commas and points may hold nothing but "Pos","Ct SYBR". An empty Ct is no statement: empty wells look the same.
func init() {
	register(Driver{Name: "realplex", Title: "Eppendorf Mastercycler ep realplex: results (csv, txt)", Wire: WireFile, Verified: true, Sniff: sniffBy(realplexHead, 88), Decode: decodeRealplex})
}

func realplexHead(h Header) bool { return h.Has("Pos") && len(ctColumns(h)) > 0 }

// ctColumns are the columns "Ct DYE" with their dyes.
func ctColumns(h Header) map[int]string {
	cols := map[int]string{}
	for i, name := range h.Names {
		dye, ok := strings.CutPrefix(name, "Ct ")
		if ok && !strings.HasPrefix(dye, "Mean") && !strings.HasPrefix(dye, "Dev") && !strings.HasPrefix(dye, "SD") {
			cols[i] = strings.TrimSpace(dye)
		}
	}
	return cols
}

func decodeRealplex(f *File) ([]pcr.Run, error) {
	h, ok := find(f, realplexHead)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Pos", "Ct"))
	}
	run := pcr.Run{Instrument: "Eppendorf realplex"}
	cols := ctColumns(h.Header)
	for i := range h.Names {
		dye, ok := cols[i]
		if !ok {
			continue
		}
		l := newLong(h.Header)
		l.well, l.cq, l.sample = h.Col("Pos"), i, h.Col("Name")
		l.target, l.task = h.Col("Target "+dye), h.Col("Type "+dye, "Type")
		l.stop = func(r Row) bool { return strings.HasPrefix(r.At(0), "Analysis Parameters") }
		l.fix = func(g *pcr.Reading) {
			if g.Dye = dye; g.Target == "" && len(cols) > 1 {
				g.Target = "(" + dye + ")"
			}
		}
		readings, notes := l.read(h.below())
		run.Readings, run.Notes = append(run.Readings, readings...), append(run.Notes, notes...)
	}
	if len(run.Readings) == 0 {
		return nil, nothing("", h.Line, want(wantRows))
	}
	return []pcr.Run{run}, nil
}
