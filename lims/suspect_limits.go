package lims

import "math"

// Suspicion holds the limits of the flags; a zero field means its default. They are policy: dated data of the laboratory, and a run
// is judged by those in force when it is judged.
type Suspicion struct {
	Version  string  `json:"version,omitempty"` // "" the built-in ones
	Strong   float64 `json:"strong"`            // a virus Cq below this is a strong positive
	Weak     float64 `json:"weak"`              // a finding with its lowest virus Cq above this is a weak one
	CqOff    float64 `json:"cq_off"`            // cycles that the instrument's Cq may lie off ours
	Gone     float64 `json:"gone"`              // hours within which a positive does not become negative unseen
	Came     float64 `json:"came"`              // hours within which a negative does not become a strong positive unseen
	Dropouts float64 `json:"dropouts"`          // a Cq below which a missing S target is a dropout
	Late     float64 `json:"late"`              // a virus Cq up to this in a negative control that passed is told
	Chance   float64 `json:"chance"`            // probability below which a number of findings on a plate is a jump
	Few      float64 `json:"few"`               // findings on a plate below which nothing is a jump
	Days     float64 `json:"days"`              // days over which the laboratory's usual positivity is worked out
	Wells    float64 `json:"wells"`             // wells from which it is one
	NoTouch  bool    `json:"no_touch"`          // do not flag the rest of a strong positive's row, column and batch, only its neighbours
}

// SuspicionField is one limit with its default and the range in which it makes sense.
type SuspicionField struct {
	Name               string // as in JSON, on the page and in a refusal
	Default, Low, High float64
	Step               float64 // 1: whole numbers only
	of                 func(*Suspicion) *float64
}

// SuspicionFields lists the limits in the order of the page. DeltaDays bounds how far back earlier results are looked at.
var SuspicionFields = []SuspicionField{
	{"strong", 20, 5, 35, 0.1, func(s *Suspicion) *float64 { return &s.Strong }},
	{"weak", 33, 10, 45, 0.1, func(s *Suspicion) *float64 { return &s.Weak }},
	{"cq_off", 2, 0.1, 10, 0.1, func(s *Suspicion) *float64 { return &s.CqOff }},
	{"gone", 168, 1, 24 * DeltaDays, 1, func(s *Suspicion) *float64 { return &s.Gone }},
	{"came", 24, 1, 24 * DeltaDays, 1, func(s *Suspicion) *float64 { return &s.Came }},
	{"dropouts", 30, 10, 40, 0.1, func(s *Suspicion) *float64 { return &s.Dropouts }},
	{"late", 50, 20, 50, 0.1, func(s *Suspicion) *float64 { return &s.Late }},
	{"chance", 0.001, 1e-9, 0.5, 0, func(s *Suspicion) *float64 { return &s.Chance }},
	{"few", 3, 1, 96, 1, func(s *Suspicion) *float64 { return &s.Few }},
	{"days", 14, 1, 90, 1, func(s *Suspicion) *float64 { return &s.Days }},
	{"wells", 500, 50, 1_000_000, 1, func(s *Suspicion) *float64 { return &s.Wells }},
}

// DeltaDays is how far back the results of the same person are compared.
const DeltaDays = 14

// Value is the limit in s; its default where s does not say.
func (f SuspicionField) Value(s Suspicion) float64 {
	if v := *f.of(&s); v != 0 {
		return v
	}
	return f.Default
}

// Set puts the limit into s.
func (f SuspicionField) Set(s *Suspicion, v float64) { *f.of(s) = v }

// Set puts a limit into s by its name, false where there is none of that name. 0 is refused by Check, not taken for the default.
func (s *Suspicion) Set(name string, v float64) bool {
	for _, f := range SuspicionFields {
		if f.Name == name {
			if v == 0 {
				v = math.NaN()
			}
			f.Set(s, v)
			return true
		}
	}
	return false
}

// Filled gives every limit that s does not say its default.
func (s Suspicion) Filled() Suspicion {
	for _, f := range SuspicionFields {
		f.Set(&s, f.Value(s))
	}
	return s
}

// Check refuses limits that make no sense, by name, and weak findings that would be strong.
func (s Suspicion) Check() error {
	s = s.Filled()
	for _, f := range SuspicionFields {
		v := f.Value(s)
		if !(v >= f.Low && v <= f.High) || f.Step == 1 && v != math.Trunc(v) {
			if math.IsNaN(v) { // which JSON cannot write
				v = 0
			}
			return E(Invalid, "suspicion.range", Args{"suspicion": f.Name, "got": v, "low": f.Low, "high": f.High})
		}
	}
	if s.Weak <= s.Strong {
		return E(Invalid, "suspicion.order", Args{"strong": s.Strong, "weak": s.Weak})
	}
	return nil
}
