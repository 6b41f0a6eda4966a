package pcr

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Target is the finding on one target of a kit.
type Target struct {
	State  string // pos, neg, grey, inv, none
	CqText string
	Curve  Shape  // as given
	Word   string // the instrument's own call, if any
	Cq     float64
	Rule   int // index of the state rule that fired, counted from 1; 0: none did
	HasCq  bool
	Taken  bool // the rule asks for a curve and none came in: the instrument's Cq was taken for it
}

// Findings are what a call found, one a target in the order of the kit. In JSON they are an object by target id, as they are kept with
// a call: {"ORF1ab":{"State":"neg",…},…}.
type Findings []Finding

// Finding is a target of the kit and what was found on it.
type Finding struct {
	ID string
	Target
}

// Of is what was found on a target; a Target without State where the kit has none of that id.
func (f Findings) Of(id string) Target {
	for i := range f {
		if f[i].ID == id {
			return f[i].Target
		}
	}
	return Target{}
}

// MarshalJSON implements json.Marshaler.
func (f Findings) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i := range f {
		id, err := json.Marshal(f[i].ID)
		if err != nil {
			return nil, err
		}
		body, err := json.Marshal(f[i].Target)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, id...), ':'), body...)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON implements json.Unmarshaler; the order of the kit is not in the object, so that of the ids is taken.
func (f *Findings) UnmarshalJSON(b []byte) error {
	var m map[string]Target
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*f = make(Findings, 0, len(m))
	for id, t := range m {
		*f = append(*f, Finding{ID: id, Target: t})
	}
	slices.SortFunc(*f, func(a, b Finding) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}
