package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// Cepheid SmartCycler, "Run Summary": curves, then a results table with a Ct column for each dye, then settings.
func init() {
	register(Driver{Name: "smartcycler", Title: "Cepheid SmartCycler: run summary (csv)", Wire: WireFile, Sniff: sniffBy(smartHead, 90), Decode: decodeSmart})
}

// smartHead: "Site ID,Protocol,Sample ID,Sample Type,Notes,Status,FAM Std/Res,FAM Ct,…"; a Ct of 0.00 says that there is none.
func smartHead(h Header) bool { return h.Has("Site ID", "Sample ID", "Sample Type") }

func decodeSmart(f *File) ([]pcr.Run, error) {
	h, ok := find(f, smartHead)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Site ID", "Ct"))
	}
	p := h.above()
	run := pcr.Run{Instrument: "SmartCycler", Name: p.of("Run Name"), Started: pcr.Stamp{Text: p.of("Started At")}}
	for i, name := range h.Names {
		dye, ok := strings.CutSuffix(name, " Ct")
		if !ok {
			continue
		}
		l := newLong(h.Header)
		l.well, l.cq, l.sample, l.task, l.value = h.Col("Site ID"), i, h.Col("Sample ID"), h.Col("Sample Type"), h.Col(dye+" Std/Res")
		l.rule.Zero = true
		l.flags, l.names = []int{h.Col("Status")}, []string{"Status"}
		l.stop = func(r Row) bool { return strings.HasPrefix(r.At(0), "Analysis Settings") }
		l.fix = func(g *pcr.Reading) {
			g.Dye, g.Target = dye, "("+dye+")"
			if g.Value == "No Result" && g.State == pcr.NoCq {
				g.State = pcr.Blank
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
