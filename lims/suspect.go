package lims

import "sort"

// Suspicion holds the limits of the flags.
type Suspicion struct {
	Strong float64 // a virus Cq below this is a strong positive; default 20
	Late   float64 // a positive with its lowest virus Cq above this is a weak one; default 33
}

// suspect flags what looks wrong although every rule was kept.
func (s *sheet) suspect(v *Verdict) {
	var odd []string
	for name := range s.odd {
		odd = append(odd, name)
	}
	sort.Strings(odd)
	for _, name := range odd {
		v.Flags = append(v.Flags, Flag{Code: "target_unknown", Args: Args{"target": name}})
	}
}
