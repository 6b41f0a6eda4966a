package pooling

import (
	"math"
	"sort"
)

// Methods of Posterior.
const (
	Exact    = "exact"              // every subset of the persons listed
	Capped   = "exact-up-to-size"   // every subset up to Size positives
	Belief   = "belief-propagation" // loopy, damped: an approximation
	maxExact = 16                   // persons: 65,536 subsets
	maxSets  = 300_000              // subsets of limited size
)

// Posterior is P(positive | readings) per person. Persons outside the candidates
// are taken as negative by Exact and Capped unless the whole design is small
// enough to enumerate; Belief covers everybody who is in a pool.
type Posterior struct {
	Method  string
	Size    int // Capped: the most positives considered
	Persons []int
	P       []float64
}

func (d *Design) posterior(r Reading, candidate []bool) Posterior {
	var who []int
	for i := range d.n {
		if candidate[i] || d.n <= maxExact && len(d.in[i]) > 0 {
			who = append(who, i)
		}
	}
	if len(who) == 0 {
		return Posterior{Method: Exact}
	}
	if len(who) <= maxExact {
		return d.enumerate(r, who, len(who))
	}
	size, sets, next := 0, 1.0, 1.0
	for size < len(who) {
		next = next * float64(len(who)-size) / float64(size+1)
		if sets+next > maxSets {
			break
		}
		sets, size = sets+next, size+1
	}
	if size >= 4 || r.SeOf != nil {
		return d.enumerate(r, who, size)
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

// enumeration walks all subsets depth first; only pools of the person in hand
// change between a subset and the next.
type enumeration struct {
	d     *Design
	r     Reading
	who   []int
	count []int       // positives per pool
	like  [][]float64 // per pool and count 0,1,2…
	post  []float64
	base  float64
	odds  []float64 // log prior odds
}

func (d *Design) enumerate(r Reading, who []int, size int) Posterior {
	e := &enumeration{d: d, r: r, who: who, count: make([]int, len(d.pools)), post: make([]float64, len(who)), odds: make([]float64, len(who))}
	e.like = make([][]float64, len(d.pools))
	touched := map[int]int{}
	for i, w := range who {
		p := r.prior(w)
		e.odds[i] = math.Log(p) - math.Log1p(-p)
		for _, t := range d.in[w] {
			touched[t]++
		}
	}
	for t, n := range touched {
		e.like[t] = make([]float64, n+1)
		for k := range e.like[t] {
			e.like[t][k] = d.logLike(r, t, k)
		}
	}
	e.base = e.peak(size)
	all := e.walk(0, size, 0)
	out := Posterior{Method: Exact, Persons: who, P: e.post}
	if size < len(who) {
		out.Method, out.Size = Capped, size
	}
	for i := range out.P {
		out.P[i] /= all
	}
	return out
}

// flip adds a person and returns the change of the log weight.
func (e *enumeration) flip(i, by int) float64 {
	change := 0.0
	for _, t := range e.d.in[e.who[i]] {
		before := e.like[t][e.count[t]]
		e.count[t] += by
		change += e.like[t][e.count[t]] - before
	}
	return change
}

// walk sums the weights of the subsets that agree with the choices so far.
func (e *enumeration) walk(i, size int, weight float64) float64 {
	if i == len(e.who) || size == 0 {
		return math.Exp(weight - e.base)
	}
	out := e.walk(i+1, size, weight)
	if !math.IsInf(e.odds[i], -1) {
		change := e.flip(i, 1)
		in := e.walk(i+1, size-1, weight+change+e.odds[i])
		e.flip(i, -1)
		e.post[i] += in
		out += in
	}
	return out
}

// peak is the weight a greedy climb reaches: it keeps the sums in range.
func (e *enumeration) peak(size int) float64 {
	weight, in := 0.0, make([]bool, len(e.who))
	for range size {
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

// belief is sum-product on the graph of persons and pools, damped by half,
// at most 200 sweeps. Messages are log odds of "person positive".
func (d *Design) belief(r Reading) Posterior {
	up, down := make([][]float64, len(d.pools)), make([][]float64, len(d.pools))
	for t, m := range d.pools {
		up[t], down[t] = make([]float64, len(m)), make([]float64, len(m))
	}
	prior := make([]float64, d.n)
	for i := range prior {
		p := math.Min(math.Max(r.prior(i), 1e-12), 1-1e-12)
		prior[i] = math.Log(p) - math.Log1p(-p)
	}
	sum := make([]float64, d.n)
	for range 200 {
		moved := d.sweep(r, prior, up, down)
		if moved < 1e-9 {
			break
		}
	}
	copy(sum, prior)
	for t, m := range d.pools {
		for k, who := range m {
			sum[who] += down[t][k]
		}
	}
	out := Posterior{Method: Belief}
	for i := range d.n {
		if len(d.in[i]) > 0 {
			out.Persons = append(out.Persons, i)
			out.P = append(out.P, 1/(1+math.Exp(-sum[i])))
		}
	}
	return out
}

func (d *Design) sweep(r Reading, prior []float64, up, down [][]float64) float64 {
	total := append([]float64(nil), prior...)
	for t, m := range d.pools {
		for k, who := range m {
			total[who] += down[t][k]
		}
	}
	moved := 0.0
	for t, m := range d.pools {
		logNone := 0.0 // log P(no member positive)
		for k, who := range m {
			up[t][k] = total[who] - down[t][k]
			logNone -= softplus(up[t][k])
		}
		some, none := math.Exp(d.logLike(r, t, 1)), math.Exp(d.logLike(r, t, 0))
		for k := range m {
			others := math.Exp(logNone + softplus(up[t][k]))
			v := math.Log(some) - math.Log(none*others+some*(1-others)+1e-300)
			v = math.Min(math.Max(v, -40), 40)
			moved = math.Max(moved, math.Abs(v-down[t][k]))
			down[t][k] = (v + down[t][k]) / 2
		}
	}
	return moved
}

// softplus is log(1+e^x).
func softplus(x float64) float64 {
	if x > 0 {
		return x + math.Log1p(math.Exp(-x))
	}
	return math.Log1p(math.Exp(x))
}

func sorted(x []int) []int {
	sort.Ints(x)
	return x
}
