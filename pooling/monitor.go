package pooling

// Day is one day's counts of single tests and of pools of one size.
type Day struct {
	Day              int // any running number of days
	Single, Positive int
	Pools            []Tested
}

// Rolling is positivity over the last days (FDA: 7 to 10).
type Rolling struct {
	Single       float64 // positive / tested among the singly tested, 0 when Singles is 0
	Singles      int
	Pooled       float64 // prevalence estimated from the pools (MLE)
	Lower, Upper float64 // 95 % score limits of Pooled
	Pools        int
}

// Positivity sums days today-window+1 .. today.
func Positivity(days []Day, today, window int, t Test) (Rolling, error) {
	var out Rolling
	s := Survey{Test: t}
	positive := 0
	for _, d := range days {
		if d.Day > today || d.Day <= today-window {
			continue
		}
		if d.Single < 0 || d.Positive < 0 || d.Positive > d.Single {
			return out, refuse(BadSize, "day %d: %d positive of %d tested", d.Day, d.Positive, d.Single)
		}
		out.Singles, positive = out.Singles+d.Single, positive+d.Positive
		for _, p := range d.Pools {
			if p.Tested > 0 {
				s.Pools = append(s.Pools, p)
				out.Pools += p.Tested
			}
		}
	}
	if out.Singles > 0 {
		out.Single = float64(positive) / float64(out.Singles)
	}
	if len(s.Pools) == 0 {
		return out, nil
	}
	var err error
	out.Pooled, out.Lower, out.Upper, err = s.Prevalence(MLE, Score)
	return out, err
}

// Verdict of monitoring.
type Verdict string

const (
	Continue Verdict = "continue"
	Reassess Verdict = "reassess" // validate the pool size again
	Stop     Verdict = "stop"     // test singly
)

// Watch applies the FDA's monitoring rule: stop above 25 % positivity; reassess
// when the pooled positivity falls below 85 % of the single one, or, without
// single tests, below 90 % of what it was when pooling began. min is the number
// of single tests, or pools, that a comparison needs.
func (r Rolling) Watch(initial float64, min int) Verdict {
	known := r.Singles > 0 && r.Singles >= min
	switch {
	case known && r.Single > 0.25, r.Pools >= min && r.Pooled > 0.25:
		return Stop
	case r.Pools < min || r.Pools == 0:
		return Continue
	case known && r.Pooled < 0.85*r.Single:
		return Reassess
	case !known && r.Pooled < 0.90*initial:
		return Reassess
	}
	return Continue
}

// Reassessment is the FDA's rule for re-tested positives: of n positives found
// singly, agree were also found pooled.
func Reassessment(agree, n int) (keep, more bool) {
	share := float64(agree) / float64(n)
	switch {
	case n < 20:
		return share >= 0.9, share > 0.7 && share < 0.9 // ten more decide
	default:
		return share >= 0.85, false
	}
}

// Switch keeps technicians from being whipsawed: another scheme replaces the
// current one only when it saved more than 10 % of the tests in three runs in a
// row.
type Switch struct {
	Current string
	Rival   string
	Runs    int
}

// Saving and run count that a change needs.
const (
	switchSaving = 0.10
	switchRuns   = 3
)

// Next is the state after a run in which best would have cost least, given the
// cost per person of the current scheme and of best.
func (s Switch) Next(best string, current, rival float64) Switch {
	if s.Current == "" {
		return Switch{Current: best}
	}
	if best == s.Current || !(rival < current*(1-switchSaving)) {
		return Switch{Current: s.Current}
	}
	if best != s.Rival {
		s.Rival, s.Runs = best, 0
	}
	if s.Runs++; s.Runs >= switchRuns {
		return Switch{Current: best}
	}
	return s
}
