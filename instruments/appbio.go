package instruments

import (
	"slices"
	"strings"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Applied Biosystems exports of Design & Analysis 1.x, ViiA 7, 12K Flex, StepOne and 7500 v2: one layout in txt, csv, xls and
// xlsx. A preamble ("* Experiment Name = …"), sections or sheets, in "Results" one row for each well and target:
//
//	Well  Well Position  Omit  Sample Name  Target Name  Task  Reporter  Quencher  …  CT  …  Amp Status  …  NOAMP
//	1     A1             false 5K           RNase P      UNKNOWN FAM     NFQ-MGB   …  27.102
//
// StepOne and 7500 write the position into "Well" and have no "Well Position".

func init() {
	register(Driver{Name: "quantstudio-da1", Title: "QuantStudio, ViiA 7, 12K Flex: Design & Analysis 1.x (txt, csv, xls, xlsx)", Wire: WireFile, Verified: true,
		Sniff: func(f *File) int { return sniffAppbio(f, false) }, Decode: decodeAppbio, Setup: setupQuantStudio})
	register(Driver{Name: "stepone-7500", Title: "StepOne, StepOnePlus, 7500 v2: export (txt, csv, xls)", Wire: WireFile, Verified: true,
		Sniff: func(f *File) int { return sniffAppbio(f, true) }, Decode: decodeAppbio, Setup: setup7500})
}

// sniffAppbio tells the export by its preamble keys, or by its column names where there is no preamble.
func sniffAppbio(f *File, old bool) int {
	b, err := view(f, "appbio", openAppbio)
	if err != nil || b.old != old {
		return 0
	}
	return b.score
}

// appbio is an export taken apart.
type appbio struct {
	score   int
	old     bool // StepOne or 7500: no index column
	pre     preamble
	results []Row
	head    Header
	ok      bool // results and head are set
}

var appbioKeys = []string{"Block Type", "Experiment File Name", "Experiment Name", "Experiment Run End Time", "Experiment Type", "Instrument Type",
	"Chemistry", "Passive Reference", "Quantification Cycle Method", "Signal Smoothing On", "Experiment Barcode"}

func openAppbio(f *File) (appbio, error) {
	var b appbio
	if !f.Workbook() && !mentions(head(f, 80), "Block Type", "Experiment ", "Well Position", "Cт", "Target Name", "SNP Assay") {
		return b, nil
	}
	tables, err := f.Tables()
	if err != nil {
		return b, err
	}
	if len(tables) == 0 {
		return b, nil
	}
	top, err := tables[0].Rows()
	if err != nil {
		return b, err
	}
	h, found := findHeader(top, func(h Header) bool { return h.Well() >= 0 && len(h.keys) > 2 })
	if !found {
		h.Row = len(top)
	}
	b.pre = readPreamble(top, h.Row)
	known := 0
	for _, k := range appbioKeys {
		if _, ok := b.pre[key(k)]; ok || strings.Contains(strings.Join(headCells(top, h.Row), "\n"), key(k)) {
			known++
		}
	}
	if b.results, err = f.Table("Results").Rows(); err != nil {
		return b, err
	}
	if b.results == nil {
		b.results = top
	}
	b.head, b.ok = findHeader(b.results, func(h Header) bool {
		return h.Well() >= 0 && (h.Cq() >= 0 || h.Col("Allele1 Ct", "Allele1 CT", "Allele1 Crt") >= 0)
	})
	b.old = isOld(b.pre, b.head, b.ok)
	switch {
	case known >= 4 && b.pre.of("Experiment File Name", "Experiment Name", "Experiment Run End Time", "Experiment Type") != "":
		b.score = 95
	case b.ok && b.head.Has("Well Position", "Reporter", "Task") && b.head.Col("Target Name", "SNP Assay Name") >= 0:
		b.score = 80
	case b.ok && b.head.Has("Sample Name", "Target Name") && b.head.Col("Reporter", "Ct Threshold", "Automatic Ct Threshold", "Quencher", "RQ") >= 0:
		b.score = 70
	case b.ok && b.head.Has("Well", "Well Position", "Sample Name", "Target Name"):
		b.score = 60
	}
	return b, nil
}

// isOld tells StepOne and 7500 by the instrument type, else by the missing index column.
func isOld(pre preamble, h Header, ok bool) bool {
	kind := strings.ToLower(pre.of("Instrument Type"))
	switch {
	case strings.Contains(kind, "quantstudio"), strings.Contains(kind, "viia"), strings.Contains(kind, "12k"):
		return false
	case strings.Contains(kind, "stepone"), strings.Contains(kind, "7500"), strings.HasPrefix(kind, "sds"):
		return true
	}
	return ok && h.Col("Well Position") < 0
}

// headCells are the first cells of the rows above the header, as keys.
func headCells(rows []Row, until int) []string {
	var cells []string
	for _, r := range rows[:min(until, len(rows))] {
		cells = append(cells, key(r.At(0)))
	}
	return cells
}

// mentions says whether any of the words stands in the lines.
func mentions(lines []string, words ...string) bool {
	for _, l := range lines {
		for _, w := range words {
			if strings.Contains(l, w) {
				return true
			}
		}
	}
	return false
}

func decodeAppbio(f *File) ([]pcr.Run, error) {
	b, err := view(f, "appbio", openAppbio)
	if err != nil {
		return nil, err
	}
	run := b.run()
	notStarted := strings.EqualFold(run.Ended.Text, "Not Started")
	if !b.ok {
		if notStarted {
			return nil, &Error{Code: CodeNotRun, Offset: -1, Value: run.Ended.Text, Want: want(wantRun)}
		}
		if f.Table("Melt Curve Raw Data", "Melt Curve Data", "Melt Region Temperature Data", "Melt Region Normalized Data", "Melt Curve Result") != nil && f.Table("Amplification Data") == nil {
			return nil, melted(0)
		}
		return nil, nothing("", 0, want(wantSheet, "Results", "Ct"))
	}
	at := b.positions()
	if b.head.Cq() < 0 {
		b.genotypes(f, &run, at)
	} else {
		run.Readings, run.Notes = b.columns(at).read(below(b.results, b.head))
	}
	if notStarted && !anyCq(run.Readings) {
		return nil, &Error{Code: CodeNotRun, Offset: -1, Value: run.Ended.Text, Want: want(wantRun)}
	}
	if notStarted { // exports of analysed copies say so although Cq values stand there
		run.Notes = append(run.Notes, pcr.Note{Code: CodeNotRun, Text: "Experiment Run End Time = " + run.Ended.Text})
	}
	if len(run.Readings) == 0 {
		return nil, nothing("", b.head.Line, want(wantRows, "Results"))
	}
	run.Curves, run.Cycles, err = appbioCurves(f, at)
	return append([]pcr.Run{run}, furtherRuns(f)...), err
}

// run is what the preamble says of the run.
func (b *appbio) run() pcr.Run {
	return pcr.Run{Instrument: b.pre.of("Instrument Type"), Serial: b.pre.of("Instrument Serial Number"), Plate: b.pre.of("Experiment Barcode"),
		Name: first(b.pre.of("Experiment Name"), b.pre.of("Experiment File Name")), Operator: b.pre.of("User Name"),
		Ended: stamp(b.pre.of("Experiment Run End Time"))}
}

func anyCq(readings []pcr.Reading) bool {
	for _, r := range readings {
		if r.State == pcr.HasCq {
			return true
		}
	}
	return false
}

// wells gives the position of an index.
type wells struct {
	named  map[string]string // index as written -> "A1", from rows that hold both
	format plate.Format
}

// positions learns the plate from the block type and from the rows that hold index and position.
func (b *appbio) positions() wells {
	w := wells{named: map[string]string{}, format: plate.F96}
	if strings.Contains(b.pre.of("Block Type"), "384") {
		w.format = plate.F384
	}
	i, p := b.head.Col("Well"), b.head.Col("Well Position")
	for _, r := range below(b.results, b.head) {
		n, ok := index(r.At(i))
		if name, named := WellName(r.At(p)); ok && named {
			w.named[r.At(i)] = name
			if n > 96 {
				w.format = plate.F384
			}
		}
	}
	return w
}

// of reads a position, or an index.
func (w wells) of(cell string) (string, bool) {
	if name, ok := WellName(cell); ok {
		return name, true
	}
	if name, ok := w.named[cell]; ok {
		return name, true
	}
	return WellIndex(cell, w.format)
}

// appbioFlags are the quality flags; any subset may be exported.
var appbioFlags = []string{"AMPNC", "AMPSCORE", "BADROX", "BLFAIL", "CQCONF", "CRTAMPLITUDE", "CRTNOISE", "DRNMIN", "EXPFAIL", "HIGHQT", "HIGHSD", "LOWROX", "MTP", "NOAMP",
	"NOISE", "NOSIGNAL", "OFFSCALE", "OUTLIERRG", "PRFDROP", "PRFLOW", "ROXDROP", "SPIKE", "THOLDFAIL"}

// columns finds the columns of Results.
func (b *appbio) columns(at wells) long {
	h := b.head
	l := newLong(h)
	if l.well = h.Col("Well Position"); l.well < 0 {
		l.well = h.Col("Well")
		l.plate = at.format
	}
	if l.well < 0 {
		l.well = h.Well()
	}
	l.sample, l.target, l.task = h.Col("Sample Name", "Sample"), h.Col("Target Name", "Target", "Detector Name"), h.Col("Task")
	l.dye, l.call, l.omit = h.Col("Reporter"), h.Col("Call", "Amp Status"), h.Col("Omit")
	for col, name := range h.Names { // as written: "CQCONF" is a flag, "Cq Conf" a number
		if slices.Contains(appbioFlags, name) {
			l.flags, l.names = append(l.flags, col), append(l.names, name)
		}
	}
	number := -1
	if h.Has("Well", "Well Position") {
		number = h.Col("Well")
	}
	l.stop = appbioTrailer
	l.skip = func(r Row) bool { // a trailer in the csv dialect may hold anything in the second column
		if number < 0 || r.At(number) == "" {
			return false
		}
		if _, ok := index(r.At(number)); ok {
			return false
		}
		_, named := WellName(r.At(number))
		return !named
	}
	return l
}

var trailerKeys = []string{"analysistype", "endogenouscontrol", "rqmin/max", "referencesample", "referencebiogroup"}

// appbioTrailer recognises the analysis settings below the readings.
func appbioTrailer(r Row) bool {
	c := r.At(0)
	if c == "" || c[0] >= '0' && c[0] <= '9' || len(c) < 5 {
		return false
	}
	k := key(c)
	for _, t := range trailerKeys {
		if strings.HasPrefix(k, t) {
			return true
		}
	}
	return false
}
