package pooling

import (
	"math"
	"sort"
)

// The search for the best tree is a dynamic program over cut points: with the
// persons in a fixed order the cost of a pool depends on what is above it only
// through the chain of the lemma, so the best cut of a pool is a shortest path.
// It covers any number of stages and unequal risks; for equal risks a part's
// cost depends on its size alone. ET and GR add up over pools; MAR is a ratio
// and is minimised by Dinkelbach's iteration over the same program.

type search struct {
	sum   []float64 // prefix sums of log P(negative)
	neg   []float64 // prefix sums of P(negative)
	tests []Test    // per stage, individuals last
	equal bool
	d1    float64 // price of a false positive
	d2    float64 // price of a miss
}

func newSearch(risk []float64, tests []Test) *search {
	s := &search{sum: make([]float64, len(risk)+1), neg: make([]float64, len(risk)+1), tests: tests, equal: true}
	for i, p := range risk {
		s.sum[i+1] = s.sum[i] + logNegative(p)
		s.neg[i+1] = s.neg[i] + 1 - p
		s.equal = s.equal && p == risk[0]
	}
	return s
}

func (s *search) logQ(lo, hi int) float64 { return s.sum[hi] - s.sum[lo] }

// pool is a pool in the course of the search.
type pool struct {
	lo, hi, stage int
	chain         chain
}

func (s *search) root(lo, hi int) pool {
	return pool{lo: lo, hi: hi, chain: root(s.tests[0], s.logQ(lo, hi))}
}

func (s *search) part(p pool, lo, hi int) pool {
	t := s.tests[p.stage+1]
	return pool{lo, hi, p.stage + 1, p.chain.next(t, s.logQ(p.lo, p.hi), s.logQ(lo, hi))}
}

// final is the price of errors of a person whose chain ends at p.
func (s *search) final(p pool) float64 {
	risk := 1 - (s.neg[p.hi] - s.neg[p.lo])
	return s.d1*p.chain.quiet + s.d2*risk*(1-p.chain.se)
}

// below is the least cost below p; cuts, when not nil, gets its parts.
func (s *search) below(p pool, cuts *[][]int) float64 {
	n := p.hi - p.lo
	if n == 1 {
		return s.final(p)
	}
	positive := p.chain.positive(s.logQ(p.lo, p.hi))
	if p.stage == len(s.tests)-2 {
		return positive*float64(n) + s.singles(p, n)
	}
	best, from := s.cut(p, positive)
	if cuts != nil {
		s.trace(p, from, cuts)
	}
	return best
}

// singles is the price of errors when all members of p are tested singly.
func (s *search) singles(p pool, n int) float64 {
	if s.d1 == 0 && s.d2 == 0 {
		return 0
	}
	t := s.tests[p.stage+1]
	neg := s.neg[p.hi] - s.neg[p.lo]
	all := math.Exp(s.logQ(p.lo, p.hi))
	quiet := t.alarm() * (float64(n)*p.chain.quiet + p.chain.se*(neg-float64(n)*all))
	return s.d1*quiet + s.d2*(float64(n)-neg)*(1-p.chain.se*t.Se)
}

// cut finds the best parts of p, none of them p itself; from[j] is where the
// last part of the best cut of the first j members begins.
func (s *search) cut(p pool, positive float64) (float64, []int) {
	n := p.hi - p.lo
	best, from := make([]float64, n+1), make([]int, n+1)
	price := func(i, j int) float64 { return positive + s.below(s.part(p, p.lo+i, p.lo+j), nil) }
	if s.equal {
		bySize := make([]float64, n)
		for g := 1; g < n; g++ {
			bySize[g] = price(0, g)
		}
		price = func(i, j int) float64 { return bySize[j-i] }
	}
	for j := 1; j <= n; j++ {
		best[j] = math.Inf(1)
		for i := j - 1; i >= 0 && j-i < n; i-- {
			if v := best[i] + price(i, j); v < best[j]-1e-13 {
				best[j], from[j] = v, i
			}
		}
	}
	return best[n], from
}

// trace writes the parts of the best cut, stage by stage, in order of persons.
func (s *search) trace(p pool, from []int, cuts *[][]int) {
	var ends []int
	for j := len(from) - 1; j > 0; j = from[j] {
		ends = append(ends, j)
	}
	var sizes []int
	for k := len(ends) - 1; k >= 0; k-- {
		sizes = append(sizes, ends[k]-from[ends[k]])
	}
	if s.equal {
		sort.Sort(sort.Reverse(sort.IntSlice(sizes)))
	}
	(*cuts)[p.stage+1] = append((*cuts)[p.stage+1], sizes...)
	at := p.lo
	for _, n := range sizes {
		s.below(s.part(p, at, at+n), cuts)
		at += n
	}
}

// stages writes the whole best tree of persons lo..hi-1 under the earlier ones.
func (s *search) stages(lo, hi int, cuts *[][]int) float64 {
	(*cuts)[0] = append((*cuts)[0], hi-lo)
	return 1 + s.below(s.root(lo, hi), cuts)
}
