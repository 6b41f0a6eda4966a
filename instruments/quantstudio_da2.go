package instruments

import (
	"strings"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// QuantStudio exports of Design & Analysis 2.x and Diomni: a workbook with one sheet for each result (its automatic export is
// an xlsx under the name ".xls"). Key and value rows above the header, then:
//
//	Results       Well Well Position Omit Sample Target Task Reporter Quencher Amp Status … Cq Cq Confidence …
//	              1.0  A1            FALSE NAC   Xeno   NTC  FAM      NFQ-MGB  NO_AMP     … UNDETERMINED 0.0
//	              or no more than Well Position Task Reporter Cq Threshold Baseline Start Baseline End
//	Target Call   Well Omit Sample Target Task Call Consolidated Call Cq …      here Well is "A1"
//	Well Call     Well Sample … Call Assessment                                 calls without Cq
//	Primary_result (Diomni)  Well is "A01", numbers are texts
//
// "Undetermined" up to 2.6, "UNDETERMINED" from 2.7 on.
func init() {
	register(Driver{
		Name: "quantstudio-da2", Title: "QuantStudio: Design & Analysis 2.x, Diomni (xlsx, also under the name .xls)", Wire: WireFile, Verified: true,
		Sniff: sniffDA2, Decode: decodeDA2,
	})
}

// da2 is an export taken apart.
type da2 struct {
	score  int
	pre    preamble
	result found // sheet with Cq values, where there is one
	target found // Target Call
	well   found // Well Call
	ok     bool  // result is set
}

// da2Sheets are the sheets with Cq values in the order of what is in them.
var da2Sheets = []string{"Results", "Result", "Primary_result", "Target Call", "Target_call", "Standard Curve Result", "Relative Quantification Result", "RQ Result", ""}

var da2Keys = []string{"Run Start Date/Time", "Run End Date/Time", "Run End Data/Time", "Plate Run Start Date/Time", "Software Name and Version",
	"Plate File Name", "Heated Cover Serial Number", "Exported On", "Plugin Name and Version", "PCR Stage/Step Number"}

func sniffDA2(f *File) int {
	d, err := view(f, "da2", openDA2)
	if err != nil {
		return 0
	}
	return d.score
}

func da2Head(h Header) bool {
	return h.Cq() >= 0 && h.Col("Well Position", "Well") >= 0 && h.Col("Target", "Reporter") >= 0 && h.Col("Fluor", "Target Name", "Sample Name", "Detector", "Dye Name") < 0
}

func da2WellCall(h Header) bool {
	return h.Has("Sample", "Call") && h.Col("Well Position", "Well") >= 0 && h.Cq() < 0 && h.Col("Assessment", "Presence Targets", "Test Code") >= 0
}

func openDA2(f *File) (d da2, err error) {
	if !f.Workbook() {
		return d, nil
	}
	best := len(da2Sheets)
	for _, h := range heads(f) {
		name := key(h.table.Name)
		switch {
		case name == key("Well Call") && da2WellCall(h.Header) && d.well.table == nil:
			d.well = h
		case da2Head(h.Header):
			if name == key("Target Call") && h.Has("Call") && d.target.table == nil {
				d.target = h
			}
			if i := da2Rank(name); i < best {
				best, d.result, d.ok = i, h, true
			}
		}
	}
	top := d.result
	if !d.ok {
		top = d.well
	}
	if top.table == nil {
		return d, nil
	}
	d.pre = top.above()
	known := 0
	for _, k := range da2Keys {
		if _, ok := d.pre[key(k)]; ok {
			known++
		}
	}
	switch {
	case known >= 2:
		d.score = 94
	case d.well.table != nil, d.target.table != nil:
		d.score = 85
	case top.Col("Cq Confidence", "Amp Score", "Auto Threshold", "Curve Quality", "Result Quality Issues") >= 0 && top.Has("Target"):
		d.score = 82
	case top.Has("Well Position", "Reporter", "Threshold", "Baseline Start"):
		d.score = 78
	case key(top.table.Name) == key("Primary_result"):
		d.score = 76
	case top.Has("Target", "Reporter", "Task"):
		d.score = 60
	}
	return d, nil
}

func da2Rank(name string) int {
	for i, s := range da2Sheets {
		if key(s) == name {
			return i
		}
	}
	return len(da2Sheets) - 1
}

func decodeDA2(f *File) ([]pcr.Run, error) {
	d, err := view(f, "da2", openDA2)
	if err != nil {
		return nil, err
	}
	p := d.pre
	run := pcr.Run{Instrument: p.of("Instrument Type"), Serial: whole(p.of("Instrument Serial Number")), Plate: p.of("Barcode", "Plate Barcode"),
		Name: first(p.of("Experiment Name"), p.of("File Name", "Plate File Name")), Operator: p.of("Operator", "User Name"), Software: p.of("Software Name and Version"),
		Started: stamp(p.of("Run Start Date/Time", "Plate Run Start Date/Time")),
		Ended:   stamp(p.of("Run End Date/Time", "Run End Data/Time", "Plate Run End Date/Time"))}
	if !d.ok {
		if d.well.table == nil {
			return nil, nothing("", 0, want(wantSheet, "Cq / Well Call"))
		}
		l := d.columns(d.well)
		l.cq = -1
		return d.well.run(run, l)
	}
	l := d.columns(d.result)
	if calls := d.calls(); calls != nil {
		l.fix = func(g *pcr.Reading) {
			if c := calls[[2]string{g.Well, g.Target}]; c != "" {
				g.Call = c
			}
		}
	}
	runs, err := d.result.run(run, l)
	if err != nil {
		return nil, err
	}
	b := appbio{pre: p, results: d.result.rows, head: d.result.Header}
	runs[0].Curves, runs[0].Cycles, err = appbioCurves(f, b.positions())
	return runs, err
}

// columns finds the columns of a sheet. The position stands in "Well Position", else in "Well", which is else an index.
func (d da2) columns(h found) long {
	l := newLong(h.Header)
	if l.well = h.Col("Well Position"); l.well < 0 {
		l.well = h.Col("Well")
	}
	if l.plate = plateOf(largest(h.below(), h.Col("Well"))); strings.Contains(d.pre.of("Block Type"), "384") {
		l.plate = plate.F384
	}
	l.sample, l.target, l.task, l.dye = h.Col("Sample"), h.Col("Target"), h.Col("Task"), h.Col("Reporter", "Dye")
	l.call, l.omit = h.Col("Call", "Target Call", "Amp Status"), h.Col("Omit")
	for _, name := range append([]string{"Curve Quality", "Result Quality Issues", "Assessment"}, appbioFlags...) {
		if col := h.Col(name); col >= 0 {
			l.flags, l.names = append(l.flags, col), append(l.names, name)
		}
	}
	l.stop = appbioTrailer
	return l
}

// calls are the calls of the sheet Target Call by well and target; nil where the results come from it or it is missing.
func (d da2) calls() map[[2]string]string {
	if d.target.table == nil || d.target.table == d.result.table {
		return nil
	}
	readings, _ := d.columns(d.target).read(d.target.below())
	calls := make(map[[2]string]string, len(readings))
	for _, g := range readings {
		calls[[2]string{g.Well, g.Target}] = g.Call
	}
	return calls
}
