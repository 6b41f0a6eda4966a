package lims

import (
	"fmt"
	"slices"

	"natlims/lims/pcr"
)

// Arm is one kit's final say on a sample that is tested with two.
type Arm struct {
	Kit  string // kit key
	Call string // a pcr call; "" where the arm was not done
	Lab  int64
	// Invalid says that a control covering the arm failed: its call must not be used.
	Invalid bool
}

// Joint is what two arms say together. Cq values take no part: those of two kits are never compared or averaged.
type Joint struct {
	Result  string   // a result code; "" while an arm is still owed
	Release bool     // may go the way of release at all
	Hold    string   // reason code for a person; "" none
	Alert   bool     // tell the duty people at once
	Next    []string // proposed actions, best first
	Policy  string   // version of the policy that said so
	Why     string
}

// Side is how an arm counts in the table.
type Side string

// The sides of the table of domain 5.4.
const (
	SideNegative Side = "negative"
	SidePositive Side = "positive"
	SideDoubt    Side = "suspicious" // suspicious, grey, single target, presumptive, inconclusive, review
	SideNothing  Side = "invalid"    // invalid, failed controls, or not done
)

// Cell is one field of the table.
type Cell struct {
	Result string   `json:"result" yaml:"result"`
	Hold   string   `json:"hold,omitempty" yaml:"hold"`
	Alert  bool     `json:"alert,omitempty" yaml:"alert"`
	Next   []string `json:"next,omitempty" yaml:"next"`
}

// Parallel is the policy for two kits on one sample, valid from a day on. A sample keeps the version it was registered under.
type Parallel struct {
	Version  string                 `json:"version" yaml:"version"`
	From     string                 `json:"from" yaml:"from"`         // RFC 3339 date
	Required bool                   `json:"required" yaml:"required"` // one arm alone never releases
	Reflex   bool                   `json:"reflex" yaml:"reflex"`     // the second kit only where the first is not negative
	TwoLabs  bool                   `json:"two_labs" yaml:"two_labs"` // the arms come from two laboratories (release from isolation)
	Table    map[Side]map[Side]Cell `json:"table" yaml:"table"`
}

// DefaultParallel is the table of domain 5.4.
func DefaultParallel() Parallel {
	again := []string{"reextract", "retest_other_kit", "resample"}
	discord := Cell{Result: Discordant, Hold: "parallel.discordant", Alert: true, Next: again}
	doubt := Cell{Result: Suspicious, Hold: "parallel.suspicious", Alert: true, Next: again}
	presume := Cell{Result: PresumptivePositive, Hold: "parallel.presumptive", Alert: true, Next: []string{"retest_sample", "resample"}}
	one := Cell{Result: InvalidResult, Hold: "parallel.one_kit", Next: []string{"retest_sample"}}
	return Parallel{Version: "1", From: "2020-01-01", Required: true, Table: map[Side]map[Side]Cell{
		SideNegative: {SideNegative: {Result: Negative}, SidePositive: discord, SideDoubt: doubt, SideNothing: one},
		SidePositive: {SideNegative: discord, SidePositive: {Result: Positive, Alert: true}, SideDoubt: presume, SideNothing: presume},
		SideDoubt: {SideNegative: doubt, SidePositive: presume,
			SideDoubt:   {Result: Suspicious, Hold: "parallel.suspicious", Alert: true, Next: []string{"resample"}},
			SideNothing: {Result: Suspicious, Hold: "parallel.suspicious", Alert: true, Next: []string{"retest_sample"}}},
		SideNothing: {SideNegative: one, SidePositive: presume,
			SideDoubt:   {Result: Suspicious, Hold: "parallel.suspicious", Alert: true, Next: []string{"retest_sample"}},
			SideNothing: {Result: InvalidResult, Next: []string{"resample"}}},
	}}
}

// ParallelAt is the policy that is valid on a day (RFC 3339 date): the latest that begins on it or before. A sample keeps the
// version it was registered under.
func ParallelAt(list []Parallel, day string) (Parallel, error) {
	best := -1
	for i, p := range list {
		if p.From <= day && (best < 0 || p.From >= list[best].From) {
			best = i
		}
	}
	if best < 0 {
		return Parallel{}, E(NotFound, "policy.parallel", Args{"day": day})
	}
	return list[best], nil
}

// Side is how the arm counts.
func (a Arm) Side() Side {
	switch {
	case a.Invalid, a.Call == "", a.Call == pcr.Invalid:
		return SideNothing
	case a.Call == pcr.Negative:
		return SideNegative
	case a.Call == pcr.Positive:
		return SidePositive
	}
	return SideDoubt
}

// Consensus says what two arms mean together. An arm that its kit wants repeated (pending) is owed, and nothing is said
// before it is there. The safety rules stand above every policy: negative needs two negative arms (one where the policy asks
// for no more), positive needs two positive arms, a discordant pair is never released.
func Consensus(p Parallel, a, b Arm) Joint {
	j := Joint{Policy: p.Version, Why: fmt.Sprintf("%s %s, %s %s", a.Kit, word(a), b.Kit, word(b))}
	for _, x := range []Arm{a, b} {
		if x.Call == pcr.Pending && !x.Invalid {
			j.Hold, j.Alert = "parallel.owed", a.Side() == SidePositive || b.Side() == SidePositive
			return j
		}
	}
	if p.Reflex && b.Call == "" && !b.Invalid {
		if a.Side() == SideNegative {
			j.Result, j.Release = Negative, true
			return j
		}
		j.Hold, j.Alert, j.Next = "parallel.owed", a.Side() != SideNothing, []string{"retest_other_kit"}
		return j
	}
	c, ok := p.Table[a.Side()][b.Side()]
	if !ok {
		c = Cell{Result: Inconclusive, Hold: "parallel.no_rule"}
	}
	j.Result, j.Hold, j.Alert, j.Next = c.Result, c.Hold, c.Alert, slices.Clone(c.Next)
	if one := c.Hold == "parallel.one_kit"; one && !p.Required {
		j.Result, j.Hold = Negative, "parallel.supervisor" // released by a supervisor, as tested with one kit
	}
	if a.Kit == b.Kit && a.Kit != "" {
		j.Hold = "parallel.same_kit"
	}
	if p.TwoLabs && a.Lab == b.Lab {
		j.Hold = "parallel.same_lab"
	}
	j.guard(a, b, p)
	j.Release = j.Hold == "" && (j.Result == Negative || j.Result == Positive)
	return j
}

// guard takes back what no policy may say.
func (j *Joint) guard(a, b Arm, p Parallel) {
	x, y := a.Side(), b.Side()
	clean := x == SideNegative && y == SideNegative
	oneClean := !p.Required && (x == SideNegative && y == SideNothing || x == SideNothing && y == SideNegative)
	switch {
	case j.Result == Negative && !clean && !(oneClean && j.Hold != ""),
		j.Result == Positive && !(x == SidePositive && y == SidePositive):
		j.Result, j.Hold = Discordant, "parallel.unsafe_policy"
	case (x == SideNegative && y == SidePositive || x == SidePositive && y == SideNegative) && j.Hold == "":
		j.Hold = "parallel.discordant"
	}
}

func word(a Arm) string {
	switch {
	case a.Invalid:
		return "invalidated"
	case a.Call == "":
		return "not done"
	}
	return a.Call
}
