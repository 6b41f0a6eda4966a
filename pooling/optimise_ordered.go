package pooling

import "math"

// BestOrdered finds the best tree for exactly these persons, in ascending order
// of risk: one group of everybody, or the best cut into groups when max is
// below their number.
func BestOrdered(risk []float64, stages, max int, o Options) (Choice, error) {
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
	if work := float64(len(risk)) * math.Pow(float64(max), float64(2*stages-4)); stages > 2 && work > 1e8 || max > maxSearch && stages > 2 {
		return Choice{}, refuse(TooLarge, "%d persons in groups up to %d in %d stages: too many to search", len(risk), max, stages)
	}
	order := Ascending(risk)
	sorted := pick(risk, order)
	s := newSearch(sorted, tests)
	groups := [][2]int{{0, len(risk)}}
	err = o.Goal.minimise(s, func() (float64, float64) {
		if !whole {
			groups = s.forest(max, func(lo, hi int) float64 { return 1 + s.below(s.root(lo, hi), nil) })
		}
		return 0, 0
	}, func() (Char, error) { c, err := s.choice(sorted, groups, Goal{}); return c.Char, err })
	if err != nil {
		return Choice{}, err
	}
	ch, err := s.choice(sorted, groups, o.Goal)
	ch.Order = order
	return ch, err
}

// forest is the best cut of everybody into groups of at most max.
func (s *search) forest(max int, price func(lo, hi int) float64) [][2]int {
	n := len(s.sum) - 1
	best, from := make([]float64, n+1), make([]int, n+1)
	for j := 1; j <= n; j++ {
		best[j] = math.Inf(1)
		for i := j - 1; i >= 0 && j-i <= max; i-- {
			if v := best[i] + price(i, j); v < best[j]-1e-13 {
				best[j], from[j] = v, i
			}
		}
	}
	var groups [][2]int
	for j := n; j > 0; j = from[j] {
		groups = append(groups, [2]int{from[j], j})
	}
	for i, j := 0, len(groups)-1; i < j; i, j = i+1, j-1 {
		groups[i], groups[j] = groups[j], groups[i]
	}
	return groups
}

// BestPartition finds the informative two-stage partition with pools of at most
// max (0 = no cap beyond the limit of this package). The optimum is contiguous
// in the order of risk (Hwang 1975). tests: pool, individual.
func BestPartition(risk []float64, max int, o Options) (Choice, error) {
	if err := checkRisk(risk...); err != nil {
		return Choice{}, err
	}
	if len(risk) == 0 || len(risk) > maxPersons || max < 0 {
		return Choice{}, refuse(BadSize, "%d persons in pools up to %d: expected 1..%d persons", len(risk), max, maxPersons)
	}
	tests, err := o.perStage(2)
	if err != nil {
		return Choice{}, err
	}
	if max == 0 || max > maxSearch {
		max = min(len(risk), maxSearch)
	}
	s := newSearch(pick(risk, Ascending(risk)), tests)
	var part Partition
	err = o.Goal.minimise(s, func() (float64, float64) {
		part = Partition{Pool: tests[0], Each: tests[1]}
		for _, g := range s.forest(max, s.dorfman) {
			part.Pools = append(part.Pools, g[1]-g[0])
		}
		return 0, 0
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
