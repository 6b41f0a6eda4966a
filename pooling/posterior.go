package pooling

import (
	"math"
	"sort"
)

// Methods of Posterior.
const (
	Exact  = "exact"              // every subset of the persons listed
	Belief = "belief-propagation" // loopy, damped: an approximation
)

const (
	maxExact  = 40     // persons an enumeration is tried for
	maxVisits = 20_000 // branches before it gives way to belief propagation
	smallAll  = 16     // persons of a design that is enumerated whole
	faint     = 30     // branches below e^-30 of the best subset are left out
	maxSweeps = 40
)

// Posterior is P(positive | readings) per person. Exact takes persons who are no
// candidates as negative unless the whole design is small; Belief covers
// everybody who is in a pool.
type Posterior struct {
	Method  string
	Persons []int
	P       []float64
}

func (d *Design) posterior(r Reading, candidate []bool) Posterior {
	var who []int
	for i := range d.n {
		if candidate[i] || d.n <= smallAll && len(d.in[i]) > 0 {
			who = append(who, i)
		}
	}
	if len(who) <= maxExact {
		if p, ok := d.enumerate(r, d.byPool(r, who)); ok {
			return p.sorted()
		}
	}
	return d.belief(r)
}

func (r Reading) prior(who int) float64 {
	if len(r.Prior) == 1 {
		return r.Prior[0]
	}
	return r.Prior[who]
}

// log P(reading of pool t | k positives among its members).
func (d *Design) logLike(r Reading, t, k int) float64 {
	p := r.Test.alarm()
	if k > 0 {
		p = r.Test.Se
		if r.SeOf != nil {
			p = r.SeOf(k, len(d.pools[t]))
		}
	}
	if !r.Positive[t] {
		p = 1 - p
	}
	return math.Log(math.Max(p, 1e-30)) // an impossible reading stays comparable
}

func sorted(x []int) []int {
	sort.Ints(x)
	return x
}
