package lims

import (
	"slices"

	"natlims/lims/pcr"
)

// AutoRules say which calls a program may check in a person's place (CLSI AUTO10 and AUTO15 in spirit). They are dated data of a
// laboratory, off unless somebody switched them on. Whatever they say, only a clean negative on an accepted run passes, and
// two named people stay responsible for the plate: the rules replace neither of them.
type AutoRules struct {
	Version  string             `json:"version" yaml:"version"`
	On       bool               `json:"on" yaml:"on"`
	Kits     []string           `json:"kits,omitempty" yaml:"kits"`           // kit keys; empty: none
	Internal map[string]float64 `json:"internal,omitempty" yaml:"internal"`   // by internal control: the latest Cq that still passes
	Ignore   []string           `json:"ignore,omitempty" yaml:"ignore"`       // flags of the plate that do not hold a negative up
	MaxShare float64            `json:"max_share,omitempty" yaml:"max_share"` // share of findings on the plate above which nothing passes; 0: no limit
}

// AutoResult says whether a call passed, by which version of the rules, and what held it up otherwise.
type AutoResult struct {
	Pass    bool
	Version string
	Why     string // stable code: off, not_accepted, invalidated, not_negative, flagged, plate_flagged, repeat, kit, internal, share, parallel
}

// Auto asks the rules about one well of a verdict.
func (r AutoRules) Auto(v Verdict, w WellCall, kit *pcr.Kit) AutoResult {
	out := AutoResult{Version: r.Version}
	out.Why = r.holds(v, w, kit)
	out.Pass = out.Why == ""
	return out
}

func (r AutoRules) holds(v Verdict, w WellCall, kit *pcr.Kit) string {
	switch {
	case !r.On || r.Version == "":
		return "off"
	case len(v.Differences) > 0 || !v.Accepted:
		return "not_accepted"
	case w.Invalid:
		return "invalidated"
	case w.Call.Call != pcr.Negative || w.Call.Rule == 0:
		return "not_negative"
	case len(w.Flags) > 0:
		return "flagged"
	case w.Arm != "":
		return "parallel" // two arms are said together, by Consensus
	case kit == nil || kit.Key() != w.Kit || !slices.Contains(r.Kits, w.Kit):
		return "kit"
	}
	for _, f := range v.Flags {
		if !slices.Contains(r.Ignore, f.Code) {
			return "plate_flagged"
		}
	}
	for _, a := range kit.Targets {
		f := w.Call.Targets.Of(a.ID)
		limit, asked := r.Internal[a.ID]
		switch {
		case a.Role == pcr.Virus && (f.State != pcr.Neg || f.HasCq):
			return "not_negative" // a late Cq that the kit calls negative is for a person
		case asked && (!f.HasCq || f.Cq > limit):
			return "internal"
		}
	}
	if r.MaxShare > 0 && findings(v) > r.MaxShare {
		return "share"
	}
	return ""
}

// findings is the share of samples on the plate that are not negative.
func findings(v Verdict) float64 {
	n := 0
	for i := range v.Wells {
		if v.Wells[i].Call.Call != pcr.Negative {
			n++
		}
	}
	return float64(n) / float64(max(1, len(v.Wells)))
}
