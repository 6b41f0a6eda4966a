package pooling

import (
	"math"
	"sort"
)

// byPool orders persons so that pools are decided one after another, those with
// the fewest candidates first: hopeless branches then end early.
func (d *Design) byPool(r Reading, who []int) []int {
	left := make([]int, len(d.pools))
	waits := make([]bool, d.n)
	for _, i := range who {
		waits[i] = true
		for _, t := range d.in[i] {
			left[t]++
		}
	}
	var out []int
	for len(out) < len(who) {
		next := -1
		for t, n := range left {
			if n > 0 && (next < 0 || r.Positive[t] && !r.Positive[next] || r.Positive[t] == r.Positive[next] && n < left[next]) {
				next = t
			}
		}
		for _, i := range d.pools[next] {
			if !waits[i] {
				continue
			}
			waits[i] = false
			out = append(out, i)
			for _, t := range d.in[i] {
				left[t]--
			}
		}
	}
	return out
}

func (p Posterior) sorted() Posterior {
	sort.Sort(byPerson(p))
	return p
}

type byPerson Posterior

func (p byPerson) Len() int           { return len(p.Persons) }
func (p byPerson) Less(i, j int) bool { return p.Persons[i] < p.Persons[j] }
func (p byPerson) Swap(i, j int) {
	p.Persons[i], p.Persons[j] = p.Persons[j], p.Persons[i]
	p.P[i], p.P[j] = p.P[j], p.P[i]
}

// enumeration walks the subsets depth first and cuts off branches that cannot
// come near the best subset. Only the pools of the person in hand change between
// a subset and the next.
type enumeration struct {
	d      *Design
	who    []int
	like   [][]float64 // per pool and number of positives
	best   []float64   // per pool: the most of like
	count  []int       // per pool: positives chosen
	open   []int       // per pool: persons not yet decided
	odds   []float64   // log prior odds
	rest   []float64   // what the odds from i on can still add
	base   float64     // weight of a good subset
	post   []float64
	visits int
}

func (d *Design) enumerate(r Reading, who []int) (Posterior, bool) {
	n := len(d.pools)
	e := &enumeration{d: d, who: who, like: make([][]float64, n), best: make([]float64, n), count: make([]int, n), open: make([]int, n),
		odds: make([]float64, len(who)), rest: make([]float64, len(who)+1), post: make([]float64, len(who))}
	for i := len(who) - 1; i >= 0; i-- {
		p := r.prior(who[i])
		e.odds[i] = math.Log(p) - math.Log1p(-p)
		e.rest[i] = e.rest[i+1] + math.Max(0, e.odds[i])
		for _, t := range d.in[who[i]] {
			e.open[t]++
		}
	}
	hope := 0.0
	for t, m := range e.open {
		e.like[t] = make([]float64, m+1)
		e.best[t] = math.Inf(-1)
		for k := range e.like[t] {
			e.like[t][k] = d.logLike(r, t, k)
			e.best[t] = math.Max(e.best[t], e.like[t][k])
		}
		hope += e.best[t] - e.like[t][0]
	}
	e.base = e.climb()
	all := e.walk(0, 0, hope)
	if e.visits > maxVisits {
		return Posterior{}, false
	}
	for i := range e.post {
		e.post[i] /= all
	}
	return Posterior{Method: Exact, Persons: who, P: e.post}, true
}

// flip adds a person (by 1) or takes him out (by -1) and returns the change of
// the log likelihood.
func (e *enumeration) flip(i, by int) float64 {
	change := 0.0
	for _, t := range e.d.in[e.who[i]] {
		before := e.like[t][e.count[t]]
		e.count[t] += by
		change += e.like[t][e.count[t]] - before
	}
	return change
}

// hope is how much better the pools of a person can still read.
func (e *enumeration) hope(i int) float64 {
	s := 0.0
	for _, t := range e.d.in[e.who[i]] {
		if e.open[t] > 0 {
			s += e.best[t] - e.like[t][e.count[t]]
		}
	}
	return s
}

// walk sums the weights of the subsets that agree with the choices so far.
func (e *enumeration) walk(i int, weight, hope float64) float64 {
	if e.visits > maxVisits || weight+hope+e.rest[i] < e.base-faint {
		return 0
	}
	if i == len(e.who) {
		return math.Exp(weight - e.base)
	}
	e.visits++
	hope -= e.hope(i)
	for _, t := range e.d.in[e.who[i]] {
		e.open[t]--
	}
	out := e.walk(i+1, weight, hope+e.hope(i))
	if !math.IsInf(e.odds[i], -1) {
		change := e.flip(i, 1)
		in := e.walk(i+1, weight+change+e.odds[i], hope+e.hope(i))
		e.flip(i, -1)
		e.post[i] += in
		out += in
	}
	for _, t := range e.d.in[e.who[i]] {
		e.open[t]++
	}
	return out
}

// climb is the weight of the subset that adding one best person after another
// reaches: it keeps the sums in range and tells faint branches.
func (e *enumeration) climb() float64 {
	weight, in := 0.0, make([]bool, len(e.who))
	for range e.who {
		best, gain := -1, 0.0
		for i := range e.who {
			if in[i] {
				continue
			}
			change := e.flip(i, 1) + e.odds[i]
			e.flip(i, -1)
			if change > gain {
				best, gain = i, change
			}
		}
		if best < 0 {
			break
		}
		in[best] = true
		weight += gain
		e.flip(best, 1)
	}
	for i, yes := range in {
		if yes {
			e.flip(i, -1)
		}
	}
	return weight
}
