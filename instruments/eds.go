package instruments

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"natlims/instruments/unpack"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Experiment documents (.eds) of 7500, StepOne, ViiA 7 and QuantStudio up to Design & Analysis 1: a zip archive. The analysed
// results stand in apldbio/sds/analysis_result.txt, one line a reading with its curves below it; wells count from 0:
//
//	Well	Sample Name	Detector	Task	Ct	Avg Ct …
//	24	ControlPos	ORF1ab	Target	27.42105	27.699512 …
//	Rn values	5.594046	5.596534 …
//	Delta Rn values	-0.02896264 …
//
// No Cq is written as the number of cycles (40.0), below zero or as a word. A run that was not analysed has no such file and is refused.
const (
	edsFolder  = "apldbio/sds/"
	edsResults = edsFolder + "analysis_result.txt"
)

func init() {
	register(Driver{
		Name: "eds", Title: "Applied Biosystems experiment document (.eds) of 7500, StepOne, ViiA 7, QuantStudio", Wire: WireFile, Verified: true,
		Sniff: sniffEDS, Decode: decodeEDS,
	})
}

func sniffEDS(f *File) int {
	a, err := f.archive()
	if err != nil {
		return 0
	}
	for _, e := range a.Entries {
		if strings.HasPrefix(strings.ToLower(e.Name), edsFolder) {
			return 95
		}
	}
	if _, ok := a.Find(edsJSON); ok {
		return 95
	}
	if _, ok := a.Find("setup/plate_setup.json"); ok {
		return 90
	}
	return 0
}

func decodeEDS(f *File) ([]pcr.Run, error) {
	a, err := f.archive()
	if err != nil {
		return nil, unpackError(err)
	}
	if e, ok := a.Find(edsJSON); ok {
		return decodeEDSJSON(a, e)
	}
	e, ok := a.Find(edsResults)
	if !ok {
		return nil, &Error{Code: CodeNoResults, Offset: -1, Value: edsResults, Want: want(wantAnalysed)}
	}
	raw, err := a.Read(e)
	if err != nil {
		return nil, unpackError(err)
	}
	x := eds{format: plate.F96}
	if err := x.setup(a); err != nil {
		return nil, err
	}
	if err := x.results(string(bytes.ToValidUTF8(raw, []byte("\ufffd")))); err != nil {
		return nil, err
	}
	return []pcr.Run{x.run}, nil
}

// eds collects the run of one experiment document.
type eds struct {
	run    pcr.Run
	format plate.Format
	sized  bool // the plate set-up names the format
	cycles int  // of the longest cycling stage of the protocol, 0 unknown
	header Header
}

// setup reads what the other entries say of the run; each of them may be missing.
func (x *eds) setup(a *unpack.Archive) error {
	v, err := elements(a, edsFolder+"experiment.xml", "Experiment/Name", "Experiment/Operator", "Experiment/RunStartTime",
		"Experiment/RunEndTime", "Experiment/BarCode", "Experiment/InstrumentType", "Experiment/InstrumentTypeId", "Experiment/InstrumentSerialNumber")
	if err != nil {
		return err
	}
	x.run.Name, x.run.Operator, x.run.Instrument, x.run.Serial = v[0], v[1], first(v[5], v[6]), v[7]
	x.run.Started, x.run.Ended = millis(v[2]), millis(v[3])
	p, err := elements(a, edsFolder+"plate_setup.xml", "Plate/Rows", "Plate/Columns", "Plate/BarCode")
	if err != nil {
		return err // without the size of the plate the wells would be wrong
	}
	x.run.Plate = first(p[2], v[4])
	rows, _ := strconv.Atoi(p[0])
	cols, _ := strconv.Atoi(p[1])
	if rows > 0 && cols > 0 && plate.F384.Holds(plate.Pos{Row: rows - 1, Col: cols - 1}) {
		x.format, x.sized = plate.Format{Rows: rows, Cols: cols}, true
	}
	if x.cycles, err = edsCycles(a); err != nil {
		return err
	}
	if e, ok := a.Find(edsFolder + "Manifest.mf"); ok {
		raw, err := a.Read(e)
		if err != nil {
			return unpackError(err)
		}
		for line := range strings.Lines(string(raw)) {
			if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && k == "Implementation-Version" {
				x.run.Software = strings.TrimSpace(v)
			}
		}
	}
	return nil
}

// edsCycles is the largest number of repetitions of a cycling stage: a touchdown before the main cycles has fewer.
func edsCycles(a *unpack.Archive) (int, error) {
	s, err := xmlEntry(a, edsFolder+"tcprotocol.xml")
	if s == nil || err != nil {
		return 0, err
	}
	flag, repeats, most := "", 0, 0
	for {
		k, err := s.Next()
		if k == 0 || err != nil {
			return most, unpackError(err)
		}
		switch {
		case k == unpack.Start && s.Name == "TCStage":
			flag, repeats = "", 0
		case k == unpack.Start && (s.Name == "StageFlag" || s.Name == "NumOfRepetitions"):
			name := s.Name
			v, err := s.Value()
			if err != nil {
				return 0, unpackError(err)
			}
			if name == "StageFlag" {
				flag = strings.TrimSpace(v)
			} else {
				repeats, _ = strconv.Atoi(strings.TrimSpace(v))
			}
		case k == unpack.End && s.Name == "TCStage" && flag == "CYCLING":
			most = max(most, repeats)
		}
	}
}

// results reads the text of the results.
func (x *eds) results(text string) error {
	lines, err := splitLines(text)
	if err != nil {
		return err
	}
	for i, line := range lines {
		first, rest, _ := strings.Cut(line, "\t")
		first = trim(first)
		switch {
		case x.header.keys == nil:
			h := newHeader(i, Row{Line: i + 1, Cells: strings.Split(line, "\t")})
			if h.Has("Well") && h.Col("Detector", "Target Name", "SNP Assay Name") >= 0 {
				x.header = h
			}
		case first == "":
		case first == "Rn values":
			x.curve(pcr.Rn, rest, i+1)
		case first == "Delta Rn values":
			x.curve(pcr.DeltaRn, rest, i+1)
		case first[0] >= '0' && first[0] <= '9':
			if len(x.run.Readings) == maxReadings {
				return tooMany("readings", maxReadings)
			}
			x.reading(Row{Line: i + 1, Cells: strings.Split(line, "\t")})
		}
	}
	if x.header.keys == nil {
		return &Error{Code: CodeDamaged, Offset: -1, Value: edsResults, Want: want(wantTable, "Well", "Detector")}
	}
	if x.header.Col("Ct", "Cq", "Crt") < 0 {
		return &Error{Code: CodeNoResults, Line: x.header.Line, Offset: -1, Value: cut(strings.Join(x.header.Names, " ")), Want: want(wantColumn, "Ct")}
	}
	x.undetermined()
	return nil
}

func (x *eds) reading(r Row) {
	h := x.header
	n, ok := index(r.At(h.Col("Well")))
	if !ok || n >= x.format.Size() && (x.sized || n >= plate.F384.Size()) {
		x.run.Notes = append(x.run.Notes, pcr.Note{Line: r.Line, Code: "well.unreadable", Text: cut(r.At(0))})
		return
	}
	if n >= x.format.Size() {
		x.format = plate.F384 // an archive without plate_setup.xml: the index shows the plate
		x.rename()
	}
	g := pcr.Reading{Well: x.format.At(n).String(), Sample: r.At(h.Col("Sample Name")), Target: r.At(h.Col("Detector", "Target Name")),
		Dye: r.At(h.Col("Reporter")), Task: r.At(h.Col("Task")), Line: r.Line, Call: edsAmp(r.At(h.Col("Amp Status")))}
	cell := r.At(h.Col("Ct", "Cq", "Crt"))
	var known bool
	g.State, g.Cq, g.CqText, known = CqRule{Mark: Point, Empty: pcr.Blank}.Read(cell)
	if v := Number(cell, Point); !known && v < 0 {
		g.State, known = pcr.NoCq, true
	}
	if !known {
		x.run.Notes = append(x.run.Notes, pcr.Note{Line: r.Line, Code: "cq.unreadable", Text: cut(cell)})
	}
	x.run.Readings = append(x.run.Readings, g)
}

// rename moves the wells read so far from the 96 to the 384 plate.
func (x *eds) rename() {
	for i := range x.run.Readings {
		x.run.Readings[i].Well = moved(x.run.Readings[i].Well)
	}
	for i := range x.run.Curves {
		x.run.Curves[i].Well = moved(x.run.Curves[i].Well)
	}
}

func moved(well string) string {
	p, err := plate.ParsePos(well)
	if err != nil {
		return well
	}
	return plate.F384.At(plate.F96.Index(p)).String()
}

// edsAmp spells out the amplification status.
func edsAmp(s string) string {
	switch s {
	case "1":
		return "Amp"
	case "0":
		return "Inconclusive"
	case "-1":
		return "No Amp"
	}
	return s
}

// curve reads the values below a reading; a value that is no number ends the curve.
func (x *eds) curve(kind pcr.CurveKind, rest string, line int) {
	if len(x.run.Readings) == 0 {
		return
	}
	g := x.run.Readings[len(x.run.Readings)-1]
	c := pcr.Curve{Well: g.Well, Target: g.Target, Dye: g.Dye, Kind: kind, First: 1, Y: make([]float64, 0, 48)}
	for cell := range strings.SplitSeq(rest, "\t") {
		if cell = trim(cell); cell == "" || len(c.Y) == maxCycles {
			break
		}
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			x.run.Notes = append(x.run.Notes, pcr.Note{Line: line, Code: "curve.unreadable", Text: cut(cell)})
			break
		}
		c.Y = append(c.Y, v)
	}
	if len(c.Y) > 0 {
		x.run.Curves = append(x.run.Curves, c)
		x.run.Cycles = max(x.run.Cycles, len(c.Y))
	}
}

// undetermined turns a Ct of exactly as many cycles as were run into "no Cq". The longest curve shows the cycles, or the
// protocol does. A Ct beyond both stays, with a Note: nothing that is only strange may become negative.
func (x *eds) undetermined() {
	shown := x.run.Cycles
	if shown == 0 {
		x.run.Cycles = x.cycles
	}
	if x.run.Cycles == 0 {
		shown = 40 // no protocol and no curves: the value that the software writes for the usual 40 cycles
	}
	for i, g := range x.run.Readings {
		switch {
		case g.State != pcr.HasCq:
		case g.Cq == float64(shown) || g.Cq == float64(x.cycles):
			g.State, g.Cq, g.CqText = pcr.NoCq, 0, ""
			x.run.Readings[i] = g
		case g.Cq > float64(max(shown, x.cycles)):
			x.run.Notes = append(x.run.Notes, pcr.Note{Line: g.Line, Code: "cq.beyond", Text: g.Well + " " + g.CqText})
		}
	}
}
