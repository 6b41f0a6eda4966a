package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// Corbett and QIAGEN Rotor-Gene, "Excel Analysed Data Export": one section for each channel, tubes 1 to 100 or A1 to I8.
//
//	"Quantitative analysis of Cycling A.FAM (Page 1)"
//	"No.";"Name";"Type";"Ct";"Given Conc (ng/ul)";…
//	"A1";"Col 1/5";"Unknown";"18,33";…
//
// A melt section with the same "No." and no Ct may come first. An empty Ct says that there is none.
func init() {
	register(Driver{Name: "rotorgene", Title: "Corbett, QIAGEN Rotor-Gene: analysed data (csv)", Wire: WireFile, Verified: true, Sniff: sniffRotorGene, Decode: decodeRotorGene})
}

func rotorHead(h Header) bool { return h.Has("No.", "Name", "Type") }

func sniffRotorGene(f *File) int {
	if mentions(head(f, 12), "Excel Analysed Data Export", "Excel Raw Data Export") {
		return 92
	}
	if _, ok := find(f, func(h Header) bool { return rotorHead(h) && h.Col("Ct") >= 0 }); ok {
		return 70
	}
	return 0
}

func decodeRotorGene(f *File) ([]pcr.Run, error) {
	var run pcr.Run
	line, melts := 0, 0
	for _, h := range heads(f) {
		if !rotorHead(h.Header) {
			if h.Has("No.", "Name") && h.Col("Peak 1", "Genotype") >= 0 {
				melts = h.Line
			}
			continue
		}
		if run.Instrument == "" {
			p := h.above()
			run.Instrument, run.Name, run.Serial, run.Operator = "Rotor-Gene", p.of("File"), p.of("Machine Serial No", "Machine Serial No."), p.of("Operator")
			run.Started = pcr.Stamp{Text: strings.TrimSpace(p.of("Date") + " " + p.of("Time"))}
			run.Plate = p.of("Run Id", "Run ID")
		}
		line = h.Line
		if h.Col("Ct") < 0 {
			melts = h.Line
			continue
		}
		readings, notes := readTubes(h)
		run.Readings = append(run.Readings, readings...)
		run.Notes = append(run.Notes, notes...)
	}
	if len(run.Readings) == 0 && melts > 0 {
		return nil, melted(melts)
	}
	if len(run.Readings) == 0 {
		return nil, nothing("", line, want(wantSheet, "Ct"))
	}
	return []pcr.Run{run}, nil
}

// readTubes reads one section down to the next.
func readTubes(h found) ([]pcr.Reading, []pcr.Note) {
	channel := channelAbove(h)
	dye, _, _ := strings.Cut(channel, " ")
	l := newLong(h.Header)
	l.well, l.cq, l.sample, l.task, l.rotor = h.Col("No."), h.Col("Ct"), h.Col("Name"), h.Col("Type"), true
	l.rule.Empty = pcr.NoCq
	if col := h.Col("Ct Comment"); col >= 0 {
		l.flags, l.names = []int{col}, []string{"Ct Comment"}
	}
	l.stop = func(r Row) bool {
		c := r.At(0)
		return key(c) == "no." || strings.Contains(c, "analysis of") || strings.Contains(c, "nalysis Of") || strings.HasPrefix(c, "Melt")
	}
	l.fix = func(g *pcr.Reading) {
		g.Target, g.Dye = channel, dye
		unused(g)
	}
	return l.read(h.below())
}

// channelAbove is the channel in the title over a section: "FAM (Page 1)" of "Quantitative analysis of Cycling A.FAM (Page 1)".
func channelAbove(h found) string {
	for i := h.Row - 1; i >= 0 && i >= h.Row-6; i-- {
		_, title, ok := strings.Cut(h.rows[i].At(0), "nalysis of ")
		if !ok {
			continue
		}
		if _, after, ok := strings.Cut(title, "."); ok {
			title = after
		}
		return strings.TrimSpace(title)
	}
	return ""
}
