package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// QuantStudio Design & Analysis 2.x writes each sheet of a run as a csv of its own: "# Key: Value" lines, a blank line,
// the name of the sheet in brackets, the table.
//
//	# Plate File Name: F:\QuantStudio\PLATE 2.eds
//	[Target Call]                       [Well Call]
//	Well Position,Sample,Target,Cq      Well Position,Sample,Call,Assessment
//
// A well call has no Cq: its reading is Blank and carries the call.
func init() {
	register(Driver{Name: "quantstudio-da2-csv", Title: "QuantStudio: Design & Analysis 2.x sheets (csv)", Wire: WireFile, Verified: true, Sniff: sniffDA2CSV, Decode: decodeDA2CSV})
}

func da2Results(h Header) bool {
	return h.Col("Well Position", "Well") >= 0 && h.Col("Cq", "CT", "Crt") >= 0 && (h.Has("Sample") || h.Has("Target") || h.Has("Cq Confidence") || h.Has("Reporter"))
}

func da2Calls(h Header) bool {
	return h.Has("Well Position", "Call") && (h.Has("Assessment") || h.Has("Sample"))
}

func sniffDA2CSV(f *File) int {
	if !mentions(head(f, 40), "# Plate File Name", "# File Name", "# Instrument Type", "# Block Type", "# Quantification Cycle") &&
		!mentions(head(f, 60), "[Target Call]", "[Well Call]", "[Sample Call]") {
		return 0
	}
	if _, ok := find(f, da2Results); ok {
		return 96
	}
	return 94 // known, though without a table it is refused
}

func decodeDA2CSV(f *File) ([]pcr.Run, error) {
	tables, err := f.Tables()
	if err != nil {
		return nil, err
	}
	var run pcr.Run
	if len(tables) > 0 {
		rows, err := tables[0].Rows()
		if err != nil {
			return nil, err
		}
		p := readPreamble(rows, len(rows))
		run = pcr.Run{Instrument: p.of("Instrument Type"), Serial: p.of("Instrument Serial Number"), Plate: p.of("Barcode", "Plate Barcode"),
			Name: first(p.of("Plate File Name"), p.of("File Name")), Operator: p.of("User Name"), Software: p.of("Software Name and Version", "Software Version"),
			Started: stamp(p.of("Plate Run Start Date/Time", "Run Start Date/Time")), Ended: stamp(p.of("Plate Run End Date/Time", "Run End Date/Time", "Run End Data/Time"))}
	}
	h, ok := find(f, da2Results)
	if !ok {
		if h, ok = find(f, da2Calls); !ok {
			return nil, nothing("", 0, want(wantTable, "Well Position", "Cq / Call"))
		}
	}
	l := newLong(h.Header)
	l.well, l.cq = h.Col("Well Position", "Well"), h.Col("Cq", "CT", "Crt")
	l.sample, l.target, l.dye, l.task = h.Col("Sample", "Sample Name"), h.Col("Target", "Target Name"), h.Col("Reporter"), h.Col("Task")
	l.call, l.omit = h.Col("Call", "Amp Status"), h.Col("Omit")
	for _, name := range []string{"Assessment", "Result Quality Issues"} {
		if col := h.Col(name); col >= 0 {
			l.flags, l.names = append(l.flags, col), append(l.names, name)
		}
	}
	l.fix = func(g *pcr.Reading) { g.Status = strings.TrimPrefix(g.Status, "Assessment=") }
	return h.run(run, l)
}
