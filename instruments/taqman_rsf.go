package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// Roche COBAS TaqMan / AmpliLink result file (.rsf): tab, quoted, 8 to 88 columns. It reports titres, no Ct.
//
//	"Order Number"→"Sample ID"→"Sample Type"→"Test"→"Result"→"Unit"→"Flags"→"Accepted Date/Time"
//	"810115759"→"810115759"→"S"→"HI2CAP96"→"7.95E+2 (2.90) "→"cp/mL"→""→"2015/02/23 09:20:06"
func init() {
	register(Driver{Name: "taqman-rsf", Title: "Roche COBAS TaqMan: AmpliLink results (rsf)", Wire: WireFile, Verified: true, Sniff: sniffBy(rsfHead, 92), Decode: decodeRSF})
}

func rsfHead(h Header) bool { return h.Has("Order Number", "Sample ID", "Test", "Result") }

func decodeRSF(f *File) ([]pcr.Run, error) {
	h, ok := find(f, rsfHead)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Order Number", "Test", "Result"))
	}
	run := pcr.Run{Instrument: "COBAS TaqMan"}
	ct := h.Cq()
	rule := CqRule{Mark: CqMark(column(h.below(), ct))}
	for _, r := range h.below() {
		if r.Blank() {
			continue
		}
		g := pcr.Reading{Sample: first(r.At(h.Col("Sample ID")), r.At(h.Col("Order Number"))), Task: r.At(h.Col("Sample Type")), Target: r.At(h.Col("Test")),
			Value: r.At(h.Col("Result")), Unit: r.At(h.Col("Unit")), Status: r.At(h.Col("Flags")), At: r.At(h.Col("Accepted Date/Time")), Line: r.Line, State: pcr.Blank}
		if g.Sample == "" && g.Target == "" && g.Value == "" {
			run.Notes = append(run.Notes, pcr.Note{Line: r.Line, Code: "row.damaged", Text: cut(strings.Join(r.Cells, "\t"))})
			continue
		}
		if well, ok := WellName(r.At(h.Col("Position", "Well", "K-Carrier Position"))); ok {
			g.Well = well
		}
		if ct >= 0 {
			g.State, g.Cq, g.CqText, _ = rule.Read(r.At(ct))
		}
		run.Readings = append(run.Readings, g)
	}
	if len(run.Readings) == 0 {
		return nil, nothing("", h.Line, want(wantRows))
	}
	return []pcr.Run{run}, nil
}
