package instruments

import (
	"strings"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Applied Biosystems Sequence Detection Systems before the 7500 v2.
//
//	Well,Sample Name,Detector,Task,Ct,StdDev Ct,Qty,…        SDS 1.x (7000, 7500): header at line 15 or at the top
//	25→B1→Sybr1→SYBR→Unknown→21.589584→…                     SDS 2.x (7900): the index counts over 384 wells
//	#,Plate,Pos,Flag,Sample,Detector,Task,Ct,…               RQ Manager study, lines end with CR
//	Plate,Well ID,Well,Sample,Detector,Task,Ct,…             SDS 1.x RQ study
//	Well→Reporter→Type→Baseline StdDev→deltaRn→Ct→…          7700
func init() {
	register(Driver{Name: "sds1", Title: "ABI 7000, 7500: SDS 1.x (csv)", Wire: WireFile, Verified: true, Sniff: sniffBy(sds1Head, 85), Decode: decodeSDS1})
	register(Driver{Name: "sds2", Title: "ABI 7900HT: SDS 2.x (txt)", Wire: WireFile, Verified: true, Sniff: sniffBy(sds2Head, 88), Decode: decodeSDS2})
	register(Driver{Name: "sds-rq", Title: "ABI SDS: relative quantification study (csv, txt)", Wire: WireFile, Sniff: sniffBy(sdsRQHead, 87), Decode: decodeSDSRQ})
	register(Driver{Name: "sds7700", Title: "ABI 7700: results (txt)", Wire: WireFile, Sniff: sniffBy(sds7700Head, 86), Decode: decodeSDS7700})
}

// sniffBy scores content that has a header row of one kind.
func sniffBy(is func(Header) bool, score int) func(*File) int {
	return func(f *File) int {
		if _, ok := find(f, is); ok {
			return score
		}
		return 0
	}
}

func sds1Head(h Header) bool {
	return h.Has("Well", "Sample Name", "Detector", "Task") && h.Cq() >= 0
}

func sds2Head(h Header) bool {
	return h.Has("Well", "Sample Name", "Detector Name") && h.Cq() >= 0 && !h.Has("Well Position")
}

func sdsRQHead(h Header) bool {
	return h.Has("Sample", "Detector") && h.Col("Pos", "Well", "Position") >= 0 && h.Cq() >= 0
}

func sds7700Head(h Header) bool {
	return h.Has("Well", "Reporter", "Type", "deltaRn") && h.Cq() >= 0
}

// sdsRun reads the preamble, which is "Key: Value" in 1.x and "Key→Value" in 2.x.
func sdsRun(h found) pcr.Run {
	p := h.above()
	return pcr.Run{Instrument: first(p.of("Instrument Type"), p.of("Instrument")), Name: first(p.of("Document Name"), p.of("Filename")), Operator: first(p.of("Operator"), p.of("User")),
		Plate: p.of("PlateID", "Plate ID", "Barcode"), Started: stamp(first(p.of("Run Date"), p.of("Run DateTime")))}
}

func decodeSDS1(f *File) ([]pcr.Run, error) {
	h, ok := find(f, sds1Head)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Well", "Detector", "Task", "Ct"))
	}
	l := newLong(h.Header)
	l.well, l.sample, l.target, l.task = h.Col("Well"), h.Col("Sample Name"), h.Col("Detector"), h.Col("Task")
	l.dye, l.omit = h.Col("Reporter"), h.Col("Omit")
	l.plate = plateOf(largest(h.below(), l.well))
	return h.run(sdsRun(h), l)
}

func decodeSDS2(f *File) ([]pcr.Run, error) {
	h, ok := find(f, sds2Head)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Well", "Detector Name", "Task", "Ct"))
	}
	l := newLong(h.Header)
	l.well, l.sample, l.target, l.dye, l.task = h.Col("Well"), h.Col("Sample Name"), h.Col("Detector Name"), h.Col("Reporter"), h.Col("Task")
	l.omit = h.Col("Omit")
	l.plate = plate.F384
	runs, err := h.run(sdsRun(h), l)
	if err == nil && largest(h.below(), l.well) <= plate.F96.Size() {
		// The export does not name the block; a file of 65 wells of a 384 plate looks the same as one of 96.
		runs[0].Notes = append(runs[0].Notes, pcr.Note{Line: h.Line, Code: "plate.assumed", Text: "384"})
	}
	return runs, err
}

func decodeSDSRQ(f *File) ([]pcr.Run, error) {
	h, ok := find(f, sdsRQHead)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Sample", "Detector", "Ct"))
	}
	l := newLong(h.Header)
	l.well, l.index = h.Col("Pos", "Well", "Position"), h.Col("Well ID")
	l.sample, l.target, l.task = h.Col("Sample"), h.Col("Detector"), h.Col("Task")
	l.omit, l.value = h.Col("Omit"), -1
	if col := h.Col("Flag", "Flags"); col >= 0 {
		l.flags, l.names = []int{col}, []string{"Flag"}
	}
	if largest(h.below(), l.well) > 0 {
		l.plate = plateOf(largest(h.below(), l.well))
	}
	if col := h.Col("Plate"); col >= 0 {
		return decodeStudy(h, l, col)
	}
	return h.run(sdsRun(h), l)
}

// decodeStudy gives one run for each plate of a study.
func decodeStudy(h found, l long, plateCol int) ([]pcr.Run, error) {
	rows := map[string][]Row{}
	var names []string
	for _, r := range h.below() {
		name := r.At(plateCol)
		if _, seen := rows[name]; !seen {
			names = append(names, name)
		}
		rows[name] = append(rows[name], r)
	}
	var runs []pcr.Run
	for _, name := range names {
		run := sdsRun(h)
		run.Plate = name
		if run.Readings, run.Notes = l.read(rows[name]); len(run.Readings) > 0 {
			for i := range run.Readings {
				run.Readings[i].Plate = name
			}
			runs = append(runs, run)
		}
	}
	if len(runs) == 0 {
		return nil, nothing("", h.Line, want(wantRows))
	}
	return runs, nil
}

func decodeSDS7700(f *File) ([]pcr.Run, error) {
	h, ok := find(f, sds7700Head)
	if !ok {
		return nil, nothing("", 0, want(wantTable, "Well", "Reporter", "Type", "Ct"))
	}
	l := newLong(h.Header)
	l.well, l.dye, l.task, l.sample = h.Col("Well"), h.Col("Reporter"), h.Col("Type"), h.Col("Sample Name")
	l.plate = plate.F96
	l.stop = func(r Row) bool { return strings.HasPrefix(r.At(0), "Slope") }
	l.fix = func(g *pcr.Reading) { // its types are those of the user, who names the targets there
		if g.Task != "" && !types7700[key(g.Task)] {
			g.Target = g.Task
		}
	}
	return h.run(sdsRun(h), l)
}

var types7700 = set("unkn", "unknown", "stnd", "std", "standard", "ntc", "nac", "ipc", "ipc+", "ipc-", "nap", "ntc+", "ntc-")
