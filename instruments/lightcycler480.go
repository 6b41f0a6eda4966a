package instruments

import (
	"strings"

	"natlims/lims/pcr"
)

// Roche LightCycler 480. No export names the target: that is the filter combination, which the laboratory maps.
//
//	Experiment: X  Selected Filter: SYBR Green I / HRM Dye (483-533)      short: one file for each filter and analysis
//	Include→Color→Pos→Name→Cp→Concentration→Standard→Status
//	True→255→A1→Sample 1→16.13→1.01E5→0→
//	"Experiment Name"→"Analysis Name"→Included→Position→"SampleName"→CrossingPoint→…→Call→CpUncertain→CpState     long
//	Raw Data →→Experiment - X (Run on LCS480 1.5.0.39)                    raw curves, no Cp
//
// An empty Cp, written as a blank in the long form, says that there was no crossing point.
func init() {
	register(Driver{Name: "lightcycler480", Title: "Roche LightCycler 480: Cp tables (txt)", Wire: WireFile, Verified: true,
		Sniff: sniffLC480, Decode: decodeLC480, Setup: setupLC480})
}

func lcShort(h Header) bool {
	return h.Has("Pos", "Name", "Cp") && h.Col("Include", "Status", "Concentration", "Color") >= 0
}

func lcLong(h Header) bool { return h.Has("Position", "SampleName", "CrossingPoint") }

func lcRaw(h Header) bool { return h.Has("SamplePos", "Cycle#") }

// lcMelt: "Include Color Pos Name Tm1 Tm2 …" of the melting analyses.
func lcMelt(h Header) bool { return h.Has("Pos", "Name", "Tm1") && h.Cq() < 0 }

func lcSetup(h Header) bool { return h.Has("General:Pos") }

func sniffLC480(f *File) int {
	for _, is := range []func(Header) bool{lcShort, lcLong, lcRaw, lcMelt, lcSetup} {
		if _, ok := find(f, is); ok {
			return 88
		}
	}
	return 0
}

func decodeLC480(f *File) ([]pcr.Run, error) {
	if _, ok := find(f, lcShort); ok {
		return decodeLCShort(f)
	}
	if h, ok := find(f, lcLong); ok {
		return decodeLCLong(h)
	}
	if h, ok := find(f, lcRaw); ok {
		run := lcRawCurves(h)
		return []pcr.Run{run}, nothing("", h.Line, want(wantCurveless, "Cp"))
	}
	if h, ok := find(f, lcMelt); ok {
		return nil, melted(h.Line)
	}
	if h, ok := find(f, lcSetup); ok {
		return nil, &Error{Code: CodeNotRun, Line: h.Line, Offset: -1, Value: h.Names[0], Want: want(wantList)}
	}
	return nil, nothing("", 0, want(wantColumn, "Cp"))
}

// decodeLCShort gives one run for each experiment; the analyses of its filters may stand below each other.
func decodeLCShort(f *File) ([]pcr.Run, error) {
	var runs []pcr.Run
	line, filters := 0, map[string]bool{}
	for _, h := range heads(f) {
		if !lcShort(h.Header) {
			continue
		}
		line = h.Line
		name, filter := lcTitle(h)
		filters[filter] = true
		if last := len(runs) - 1; last < 0 || runs[last].Name != name {
			runs = append(runs, pcr.Run{Instrument: "LightCycler 480", Name: name})
		}
		l := newLong(h.Header)
		l.well, l.cq, l.sample = h.Col("Pos"), h.Col("Cp"), h.Col("Name")
		l.omit, l.included = h.Col("Include"), lcIncluded
		l.rule.Empty = pcr.NoCq
		if col := h.Col("Status"); col >= 0 {
			l.flags, l.names = []int{col}, []string{"Status"}
		}
		l.stop = func(r Row) bool { return strings.HasPrefix(r.At(0), "Experiment:") || key(r.At(l.well)) == "pos" }
		l.fix = func(g *pcr.Reading) {
			g.Dye = filter
			unused(g)
		}
		readings, notes := l.read(h.below())
		run := &runs[len(runs)-1]
		run.Readings, run.Notes = append(run.Readings, readings...), append(run.Notes, notes...)
	}
	if len(runs) == 0 || len(runs[0].Readings) == 0 {
		return nil, nothing("", line, want(wantRows))
	}
	for _, run := range runs {
		for i := range run.Readings {
			if g := &run.Readings[i]; len(filters) > 1 { // the filter alone tells the readings of a well apart
				g.Target = "(" + g.Dye + ")"
			}
		}
	}
	return runs, nil
}

// lcIncluded are the words of the column Include that do not exclude a well, in the languages of Windows.
var lcIncluded = set("true", "1", "yes", "", "wahr", "vrai", "verdadero", "vero", "verdadeiro", "да", "истина", "是", "真")

// lcTitle reads the line above the header: "Experiment: NAME  Selected Filter: FAM (465-510)".
func lcTitle(h found) (name, filter string) {
	for i := h.Row - 1; i >= 0 && i >= h.Row-4; i-- {
		if _, after, ok := strings.Cut(strings.Join(h.rows[i].Cells, " "), "Experiment:"); ok {
			name, filter, _ = strings.Cut(after, "Filter:")
			return strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(name), "Selected")), strings.TrimSpace(filter)
		}
	}
	return "", ""
}

func decodeLCLong(h found) ([]pcr.Run, error) {
	l := newLong(h.Header)
	l.well, l.cq, l.sample, l.call = h.Col("Position"), h.Col("CrossingPoint"), h.Col("SampleName"), h.Col("Call")
	l.omit, l.included = h.Col("Included"), lcIncluded
	l.rule.Empty = pcr.NoCq
	for _, name := range []string{"StatusCodes", "CpState"} {
		if col := h.Col(name); col >= 0 {
			l.flags, l.names = append(l.flags, col), append(l.names, name)
		}
	}
	rows, col := h.below(), h.Col("Analysis Name")
	names := map[string]bool{}
	for _, r := range rows {
		if _, ok := l.position(r); ok {
			names[r.At(col)] = true
		}
	}
	if len(names) > 1 { // several analyses of one plate in a file: their names tell the readings of a well apart
		l.target = col
	}
	run := pcr.Run{Instrument: "LightCycler 480"}
	if len(rows) > 0 {
		run.Name = rows[0].At(h.Col("Experiment Name"))
	}
	return h.run(run, l)
}

// lcRawCurves reads "SamplePos SampleName Prog# Seg# Cycle# Time Temp 465-510": one column for each filter. Only the
// program with the most cycles is amplification.
func lcRawCurves(h found) pcr.Run {
	run := pcr.Run{Instrument: "LightCycler 480"}
	rows, prog, cycle := h.below(), h.Col("Prog#"), h.Col("Cycle#")
	most, best := 0, ""
	for _, r := range rows {
		if n, ok := index(r.At(cycle)); ok && n > most {
			most, best = n, r.At(prog)
		}
	}
	for col := h.Col("Temp") + 1; col > 0 && col < len(h.Names); col++ {
		if h.Names[col] == "" {
			continue
		}
		s := newSeries(cycle)
		s.add(pcr.Raw, col, NumberMark(column(rows[:min(len(rows), maxMarked)], col)))
		for _, r := range rows {
			if name, ok := WellName(r.At(h.Col("SamplePos"))); ok && r.At(prog) == best {
				s.take(name, "", h.Names[col], r)
			}
		}
		run.Curves = append(run.Curves, s.curves()...)
	}
	run.Cycles = most
	return run
}
