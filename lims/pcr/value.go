package pcr

import (
	"math"
	"strconv"
	"strings"
)

// Value is what is known of one target of one sample: the instrument's Cq, its own call and the shape of the curve.
// The zero Value says nothing at all and makes its target "none".
type Value struct {
	State State   // HasCq, NoCq or Blank; "" is Blank
	Cq    float64 // valid where State is HasCq, in cycles
	Above bool    // the text was ">40": the Cq is a lower bound
	Text  string  // the Cq as written
	Call  string  // the instrument's own call, if any
	Curve Shape   // "" where no amplification data came in
}

// Shape is the class of an amplification curve.
type Shape string

// The shapes. A kit rule names sigmoid, none or flagged; drift, late and noise count as flagged.
const (
	Unseen  Shape = "" // no amplification data
	Sigmoid Shape = "sigmoid"
	Drift   Shape = "drift" // rises in a line, no growth phase
	Late    Shape = "late"  // growth that has not reached its point of inflection
	Noise   Shape = "noise"
	Flat    Shape = "none"
	Flagged Shape = "flagged" // somebody else's doubt
)

// noCq are the words with which instruments say "no amplification" (all seen in real files).
var noCq = map[string]bool{
	"undetermined": true, "undet": true, "undet.": true, "noct": true, "no ct": true, "nocq": true, "no cq": true,
	"noc": true, "n/a": true, "na": true, "nan": true, "-": true, "--": true, "—": true, "none": true,
	"n. def.": true, "no amp": true, "noamp": true,
}

// ParseCq reads the text of a Cq.
//
//	"31.2", "31,2"                            a number
//	"Undetermined", "NoCt", "N/A", "NaN", "-" no amplification, a finding
//	">40"                                     a lower bound: rules that it does not settle stay unsettled
//	"", "0", "-1", "Inf", anything else       says nothing, so its target stays "none" and no call can be negative
//
// 0 is "no Cq" for a few instruments only; their drivers know, this function does not.
func ParseCq(text string) Value {
	s := strings.TrimSpace(text)
	v := Value{State: Blank, Text: s}
	if s == "" {
		return v
	}
	if noCq[strings.ToLower(s)] {
		v.State = NoCq
		return v
	}
	num := s
	if strings.HasPrefix(num, ">") {
		v.Above = true
		num = strings.TrimSpace(num[1:])
	}
	if strings.Count(num, ",") == 1 && !strings.Contains(num, ".") {
		num = strings.Replace(num, ",", ".", 1)
	}
	f, err := strconv.ParseFloat(num, 64)
	if err != nil || !decimal(num) || math.IsNaN(f) || math.IsInf(f, 0) || f <= 0 || f > maxCycles {
		v.Above = false
		return v
	}
	v.State, v.Cq = HasCq, f
	return v
}

// decimal refuses what is a number in Go and not on a plate: 0x1p5, 1_0, Inf.
func decimal(s string) bool { return strings.Trim(s, "0123456789.+-eE") == "" }

// maxCycles bounds a believable Cq and the length of a run.
const maxCycles = 100

// silent says whether nothing is known of the Cq.
func (v Value) silent() bool { return v.State != HasCq && v.State != NoCq }

// ValueOf is the Value of one reading, without a curve. A reading that was left out says nothing.
func ValueOf(r *Reading) Value {
	v := Value{State: r.State, Text: r.CqText, Call: r.Call}
	if v.Call == "" && v.silent() && r.Value != "" && (r.Value[0] < '0' || r.Value[0] > '9') {
		v.Call = r.Value // words where a driver knows no better: a call only if the kit names them
	}
	if r.Omit {
		return Value{State: Blank, Text: r.CqText}
	}
	if r.State == HasCq {
		if math.IsNaN(r.Cq) || r.Cq <= 0 || r.Cq > maxCycles {
			v.State = Blank
		} else {
			v.Cq = r.Cq
		}
	}
	return v
}

// trim writes a Cq with two decimals, as reviewers read it.
func trim(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

// Join adds a second reading of the target: a Cq and a call complete each other. Two Cq values or two calls that differ settle
// nothing: then v stays as it is, and Join is false.
func (v *Value) Join(w *Value) bool {
	switch {
	case v.Call != "" && w.Call != "" && fold(v.Call) != fold(w.Call):
		return false
	case w.silent():
	case v.silent():
		v.State, v.Cq, v.Above, v.Text = w.State, w.Cq, w.Above, w.Text
	case v.State != w.State || v.Cq != w.Cq:
		return false
	}
	if v.Call == "" {
		v.Call = w.Call
	}
	return true
}
