package pcr

import "time"

// State tells the three things an instrument can say of a Cq apart.
type State string

// The states of a Cq. "No Cq" is a finding; "empty" is silence and proves nothing.
const (
	HasCq State = "cq"    // a number stands there
	NoCq  State = "none"  // the instrument says that there was no amplification (Undetermined, NoCt, N/A …)
	Blank State = "empty" // the instrument says nothing (excluded well, empty field of a format that has a word for none)
)

// Reading is what the bytes say of one well and one target. All texts are as the instrument wrote them,
// in UTF-8 and without padding.
type Reading struct {
	Plate  string // plate or worklist named with this reading, where a message names several
	Well   string // "A1"; the tube number of a rotor; "" for analysers without wells
	Sample string
	Target string // of ASTM and HL7: the non-empty components of the test code joined with "^"
	Dye    string
	State  State
	Cq     float64 // valid where State is HasCq, in cycles
	CqText string  // the number as written, decimal comma turned to a point and thousands marks removed; a JSON number
	Call   string  // the instrument's own call, if any
	Task   string  // UNKNOWN, NTC, Unkn, Pos Ctrl …
	Status string  // result status or flags of the record (F, P, X, Done, "NOAMP=Y" …)
	Value  string  // the reported text of ASTM and HL7, as it stands
	Unit   string
	Omit   bool   // the instrument or its user excluded the well
	Line   int    // line, row or record in the source, counted from 1; 0 unknown
	At     string // the instrument's own time text for this reading, if any
}

// Curve is the fluorescence of one well and one target or dye over the cycles.
type Curve struct {
	Well, Target, Dye string
	Kind              CurveKind
	First             int       // cycle number of Y[0]
	Y                 []float64 // one value a cycle
}

// CurveKind says what the values of a curve are.
type CurveKind string

// The kinds of curve values.
const (
	Raw     CurveKind = "raw" // fluorescence as measured
	Rn      CurveKind = "rn"  // normalised to the passive reference
	DeltaRn CurveKind = "drn" // baseline subtracted
)

// Stamp is an instant as the instrument wrote it. Time is UTC and zero where Text could not be read or names no zone.
type Stamp struct {
	Text string
	Time time.Time
}

// Note is something in the source that a person must see: a damaged row, a reading without a target, a wrong checksum.
type Note struct {
	Line int
	Code string // stable, e.g. "row.damaged"
	Text string // the offending value quoted
}

// Run is what one message or file says, decoded and not yet judged.
type Run struct {
	Driver     string
	Instrument string // type or model as the file names it
	Serial     string
	Software   string
	Plate      string // plate barcode, worklist or run name where the format has one
	Name       string // experiment name
	Operator   string
	Started    Stamp
	Ended      Stamp
	Cycles     int // 0 unknown
	Readings   []Reading
	Curves     []Curve
	Notes      []Note
}
