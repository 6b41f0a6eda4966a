package instruments

import (
	"slices"
	"strings"

	"natlims/lims/pcr"
)

// Abbott m2000rt result log: ruled text, a table "Location Well CN Ct …" for each dye, then "Result Information".
//
//	Target Dye [FAM] parameters:
//	Location→Well→CN→Ct→FCN→…
//	A9→9→-1.00→29.39→29.85→…
//
// CN is the instrument's cycle number and counts; Ct does not: the well above was reported "Not detected".
func init() {
	register(Driver{Name: "m2000-log", Title: "Abbott m2000rt: result log (txt)", Wire: WireFile, Verified: true, Sniff: sniffBy(m2000Head, 90), Decode: decodeM2000})
}

func m2000Head(h Header) bool { return h.Has("Location", "Well", "CN") }

func m2000Results(h Header) bool { return h.Has("Location", "SampleId", "ReportedResult") }

// reported is what the result table says of a well.
type reported struct {
	sample, kind, assay, status, value, call string
}

func decodeM2000(f *File) ([]pcr.Run, error) {
	run := pcr.Run{Instrument: "Abbott m2000rt"}
	wells := map[string]reported{}
	results, complete := find(f, m2000Results)
	if complete {
		h := results
		for _, r := range h.below() {
			well, ok := WellName(r.At(h.Col("Location")))
			if !ok {
				continue
			}
			status := strings.Join(strings.Fields(r.At(h.Col("Status"))+" "+r.At(h.Col("ResultStatus"))+" "+r.At(h.Col("Flags"))+" "+r.At(h.Col("ErrorCode"))), " ")
			wells[well] = reported{sample: r.At(h.Col("SampleId")), kind: r.At(h.Col("SampleType")), assay: r.At(h.Col("AssayName")), status: status,
				value: r.At(h.Col("ReportedResult")), call: r.At(h.Col("Interpretation"))}
		}
	}
	line := 0
	for i, h := range heads(f) {
		line = h.Line
		if i == 0 {
			p := m2000Preamble(h.rows[:h.Row])
			run.Plate, run.Name, run.Started, run.Ended = p.of("Plate Name"), p.of("AD App Name"), pcr.Stamp{Text: p.of("Time Stamp AD Start")}, pcr.Stamp{Text: p.of("Time Stamp AD End")}
			run.Serial, run.Software, run.Operator = p.of("AD Serial Num"), p.of("AD SW Version"), p.of("Operator Id AD")
		}
		if m2000Head(h.Header) {
			readings, notes := m2000Dye(h, wells)
			run.Readings, run.Notes = append(run.Readings, readings...), append(run.Notes, notes...)
		}
	}
	if len(run.Readings) == 0 {
		return nil, nothing("", line, want(wantTable, "Location", "CN"))
	}
	if t, err := f.Text(); err == nil && t.Open != "" { // where the table of results is cut, the wells below are not named
		run.Readings = slices.DeleteFunc(run.Readings, func(g pcr.Reading) bool { _, ok := wells[g.Well]; return !ok })
	}
	if !complete { // it stands below the tables of the dyes and names the samples
		return nil, &Error{Code: CodeDamaged, Line: line, Offset: -1, Want: want(wantTable, "Location", "SampleId", "ReportedResult")}
	}
	return []pcr.Run{run}, nil
}

// m2000Preamble reads "Plate Name   →123→" up to the first rule of the assay.
func m2000Preamble(rows []Row) preamble {
	p := preamble{}
	for _, r := range rows {
		if k := key(r.At(0)); len(r.Cells) > 1 && r.At(1) != "" && p[k] == "" {
			p[k] = r.At(1)
		}
	}
	return p
}

// m2000Dye reads the table of one dye. The control dye is the internal control of the assay.
func m2000Dye(h found, wells map[string]reported) ([]pcr.Reading, []pcr.Note) {
	dye, control := "", false
	for i := h.Row - 1; i >= 0 && i > h.Row-200; i-- { // some 40 lines of settings stand between
		c := h.rows[i].At(0)
		if _, after, ok := strings.Cut(c, "Dye ["); ok {
			dye, _, _ = strings.Cut(after, "]")
			control = strings.HasPrefix(c, "Control")
			break
		}
	}
	l := newLong(h.Header)
	l.well, l.cq = h.Col("Location"), h.Col("CN")
	l.rule.Zero = true
	l.stop = func(r Row) bool { return strings.HasPrefix(r.At(0), "===") || strings.Contains(r.At(0), "Dye [") }
	l.fix = func(g *pcr.Reading) {
		w := wells[g.Well]
		g.Dye, g.Sample, g.Task, g.Status, g.Target = dye, w.sample, w.kind, w.status, w.assay
		if control {
			g.Target = strings.TrimSpace(w.assay + " IC")
		} else {
			g.Value, g.Call = w.value, w.call
		}
		if g.Target == "" {
			g.Target = "(" + dye + ")"
		}
	}
	return l.read(h.below())
}
