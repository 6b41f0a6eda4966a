package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// Hain/Bruker FluoroCycler XT: a workbook with one sheet for each assay, "well, CP, Calc.Conc, TargetNo". "-1.00" and "0.00" say
// that there is no CP. Samples are not named; numbers may have a decimal comma. From a specification, not from a file.
func init() {
	register(Driver{
		Name: "fluorocycler", Title: "FluoroCycler XT (xlsx, xls); layout from a specification, not verified with an instrument", Wire: WireFile,
		Sniff: sniffFluoroCycler, Decode: decodeFluoroCycler,
	})
}

func fluoroHead(h Header) bool {
	return h.Well() >= 0 && h.Col("CP") >= 0 && h.Col("Calc.Conc", "Calc. Conc", "Calc.Conc.", "Calc Conc", "TargetNo", "Target No", "Target No.") >= 0
}

func sniffFluoroCycler(f *File) int {
	if _, ok := find(f, fluoroHead); ok {
		return 85
	}
	return 0
}

func decodeFluoroCycler(f *File) ([]pcr.Run, error) {
	run := pcr.Run{Instrument: "FluoroCycler XT"}
	line := 0
	for _, h := range heads(f) {
		if !fluoroHead(h.Header) {
			continue
		}
		line = h.Line
		l := newLong(h.Header)
		l.cq = h.Col("CP")
		l.rule = CqRule{Zero: true, Empty: pcr.Blank}
		l.sample, l.dye = h.Col("Sample", "Sample Name", "Sample ID", "Name"), h.Col("Channel", "Dye", "Filter")
		l.call = h.Col("Result", "Call", "Interpretation")
		if l.target = h.Col("Target", "Target Name", "TargetName"); l.target < 0 {
			l.target = h.Col("TargetNo", "Target No", "Target No.")
			assay := h.table.Name
			l.fix = func(g *pcr.Reading) { g.Target = strings.TrimSpace(assay + " " + whole(g.Target)) }
		}
		readings, notes := l.read(points(h.below(), l.cq))
		run.Readings = append(run.Readings, readings...)
		run.Notes = append(run.Notes, notes...)
	}
	if len(run.Readings) == 0 {
		return nil, nothing("", line, want(wantSheet, "well", "CP"))
	}
	return []pcr.Run{run}, nil
}

// points writes a decimal point for the comma of a column: "28,53" stands beside "-1.00", and no CP has thousands.
func points(rows []Row, col int) []Row {
	out := make([]Row, len(rows))
	for i, r := range rows {
		out[i] = r
		if c := r.At(col); strings.Count(c, ",") == 1 && strings.IndexByte(c, '.') < 0 {
			out[i].Cells = append([]string(nil), r.Cells...)
			out[i].Cells[col] = strings.Replace(c, ",", ".", 1)
		}
	}
	return out
}
