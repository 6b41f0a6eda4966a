package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// Bio Molecular Systems Mic: a csv is a chain of chunks between blank lines, a workbook has one sheet for each.
//
//	Start Worksheet - Samples
//	Start Worksheet - Analysis - Cycling Green Result     (sheet "N1 Result")
//	…, Results, then Well,Sample Name,Cq,…                Well is a tube from 1 to 48, an empty Cq says that there is none
//	Cycle,1,2,…,48                                        raw fluorescence, no Cq
func init() {
	register(Driver{Name: "mic", Title: "Bio Molecular Systems Mic: results (csv, xlsx)", Wire: WireFile, Sniff: sniffMic, Decode: decodeMic})
}

func micRaw(h Header) bool {
	c := h.Col("Cycle")
	return (c == 0 || c == 1) && len(h.Names) > c+2 && h.Names[c+1] == "1" && h.Names[c+2] == "2"
}

func micHead(h Header) bool { return h.Has("Well", "Cq") && !h.Has("Fluor") && !h.Has("Well Position") }

func sniffMic(f *File) int {
	if mentions(head(f, 400), "Start Worksheet - ") {
		return 92
	}
	if f.Workbook() {
		if _, ok := find(f, micHead); ok && len(micTables(f)) > 0 {
			return 75
		}
		return 0
	}
	if _, ok := find(f, micRaw); ok {
		return 80
	}
	return 0
}

// micTables are the result tables with their targets.
func micTables(f *File) map[int]string {
	targets := map[int]string{}
	for i, h := range heads(f) {
		if !micHead(h.Header) {
			continue
		}
		title := h.table.Name
		for j := h.Row - 1; j >= 0 && j > h.Row-100; j-- { // some 30 lines of settings stand between
			if c := h.rows[j].At(0); strings.HasPrefix(c, "Start Worksheet") {
				title = strings.TrimPrefix(c, "Start Worksheet - ")
				break
			}
		}
		if !strings.Contains(title, "Result") || strings.Contains(title, "Absolute") {
			continue
		}
		targets[i] = micTarget(title)
	}
	return targets
}

// micTarget is what stands between the fixed words of a title: "N1" of "Analysis - Cycling N1 Result".
func micTarget(title string) string {
	title = strings.TrimPrefix(title, "Analysis - ")
	title = strings.TrimPrefix(title, "Cycling")
	title, _, _ = strings.Cut(title, "Result")
	return strings.Trim(title, " -.")
}

func decodeMic(f *File) ([]pcr.Run, error) {
	run := pcr.Run{Instrument: "Mic"}
	targets := micTables(f)
	for i, h := range heads(f) {
		target, ok := targets[i]
		if !ok {
			continue
		}
		if run.Name == "" {
			p := h.above()
			run.Name, run.Serial, run.Operator, run.Software = p.of("Run Name", "Name"), p.of("Serial Number", "Mic Serial Number"), p.of("Operator", "User"), p.of("Software Version")
		}
		l := newLong(h.Header)
		l.well, l.cq, l.sample, l.rotor = h.Col("Well"), h.Col("Cq"), h.Col("Sample Name", "Sample"), true
		l.task, l.call = h.Col("Sample Type", "Type"), h.Col("Call", "Result")
		l.rule.Empty = pcr.NoCq
		l.stop = func(r Row) bool {
			return strings.HasPrefix(r.At(0), "Start Worksheet") || strings.HasPrefix(r.At(0), "End Worksheet")
		}
		l.fix = func(g *pcr.Reading) {
			g.Target = target
			unused(g)
		}
		readings, notes := l.read(h.below())
		run.Readings, run.Notes = append(run.Readings, readings...), append(run.Notes, notes...)
	}
	if len(run.Readings) > 0 {
		return []pcr.Run{run}, nil
	}
	if h, ok := find(f, micRaw); ok {
		run.Curves, run.Cycles = wideCurves(h, h.Col("Cycle"), func(s string) (string, bool) { _, ok := index(s); return s, ok })
		return []pcr.Run{run}, nothing("", h.Line, want(wantCurveless, "Cq"))
	}
	return nil, nothing("", 0, want(wantWorksheet, "Result"))
}
