package pooling

import "math"

// BestOrdered finds the best tree for exactly these persons, in ascending order
// of risk: one group of everybody, or the best cut into groups of r.Min..r.Max
// when r.Max is below their number.
func BestOrdered(risk []float64, stages int, r Range, o Options) (Choice, error) {
	max := r.Max
	if err := checkRisk(risk...); err != nil {
		return Choice{}, err
	}
	if len(risk) == 0 || max < 0 {
		return Choice{}, refuse(BadSize, "%d persons in groups up to %d: expected at least 1", len(risk), max)
	}
	tests, err := o.perStage(stages)
	if err != nil {
		return Choice{}, err
	}
	whole := max == 0 || max >= len(risk)
	if whole {
		max = len(risk)
	}
	r.Max = max
	if r.Min > len(risk) {
		return Choice{}, refuse(NoAnswer, "%d persons do not fill a group of %d", len(risk), r.Min)
	}
	if work := float64(len(risk)) * math.Pow(float64(max), float64(2*stages-4)); stages > 2 && work > 1e8 || max > maxSearch && stages > 2 {
		return Choice{}, refuse(TooLarge, "%d persons in groups up to %d in %d stages: too many to search", len(risk), max, stages)
	}
	order := Ascending(risk)
	sorted := pick(risk, order)
	s := newSearch(sorted, tests)
	groups := [][2]int{{0, len(risk)}}
	err = o.Goal.minimise(s, func() error {
		if whole {
			return nil
		}
		var err error
		groups, err = s.forest(r, func(lo, hi int) float64 { return 1 + s.below(s.root(lo, hi), nil) })
		return err
	}, func() (Char, error) { c, err := s.choice(sorted, groups, Goal{}); return c.Char, err })
	if err != nil {
		return Choice{}, err
	}
	ch, err := s.choice(sorted, groups, o.Goal)
	ch.Order = order
	return ch, err
}

// forest is the best cut of everybody into groups of r.Min..r.Max.
func (s *search) forest(r Range, price func(lo, hi int) float64) ([][2]int, error) {
	n := len(s.sum) - 1
	best, from := make([]float64, n+1), make([]int, n+1)
	for j := 1; j <= n; j++ {
		best[j] = math.Inf(1)
		for i := j - max(r.Min, 1); i >= 0 && j-i <= r.Max; i-- {
			if v := best[i] + price(i, j); v < best[j]-1e-13 {
				best[j], from[j] = v, i
			}
		}
	}
	if math.IsInf(best[n], 1) {
		return nil, refuse(NoAnswer, "%d persons cannot be cut into groups of %d..%d", n, r.Min, r.Max)
	}
	var groups [][2]int
	for j := n; j > 0; j = from[j] {
		groups = append(groups, [2]int{from[j], j})
	}
	for i, j := 0, len(groups)-1; i < j; i, j = i+1, j-1 {
		groups[i], groups[j] = groups[j], groups[i]
	}
	return groups, nil
}

// BestPartition finds the informative two-stage partition with pools of r.Min to
// r.Max (0 = no cap beyond the limit of this package). The optimum is contiguous
// in the order of risk (Hwang 1975). tests: pool, individual.
func BestPartition(risk []float64, r Range, o Options) (Choice, error) {
	if err := checkRisk(risk...); err != nil {
		return Choice{}, err
	}
	if len(risk) == 0 || len(risk) > maxPersons || r.Max < 0 {
		return Choice{}, refuse(BadSize, "%d persons in pools up to %d: expected 1..%d persons", len(risk), r.Max, maxPersons)
	}
	tests, err := o.perStage(2)
	if err != nil {
		return Choice{}, err
	}
	if r.Max == 0 || r.Max > maxSearch {
		r.Max = maxSearch
	}
	s := newSearch(pick(risk, Ascending(risk)), tests)
	var part Partition
	err = o.Goal.minimise(s, func() error {
		groups, err := s.forest(r, s.dorfman)
		part = Partition{Pool: tests[0], Each: tests[1]}
		for _, g := range groups {
			part.Pools = append(part.Pools, g[1]-g[0])
		}
		return err
	}, func() (Char, error) { return part.Char(risk) })
	if err != nil {
		return Choice{}, err
	}
	c, err := part.Char(risk)
	if err != nil {
		return Choice{}, err
	}
	return Choice{Pools: part.Pools, Order: Ascending(risk), Char: c, Value: o.Goal.Value(c)}, nil
}

// dorfman is the cost of one pool; a pool of one is the individual test.
func (s *search) dorfman(lo, hi int) float64 {
	if hi-lo == 1 {
		last := s.tests[len(s.tests)-1]
		return 1 + s.final(pool{lo: lo, hi: hi, chain: root(last, s.logQ(lo, hi))})
	}
	return 1 + s.below(s.root(lo, hi), nil)
}
