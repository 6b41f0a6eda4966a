package pooling

import "math"

// Choice is a configuration an optimiser picked and what it does. Only the
// fields of its kind are set.
type Choice struct {
	Stages     [][]int // tree: sizes per stage, individuals implied
	Rows, Cols int     // array
	Master     bool
	Pools      []int // partition: sizes in ascending order of risk
	Order      []int // partition, unequal tree: persons in that order
	Value      float64
	Char       Char
}

// Range of sizes an optimiser looks at; zero means the default.
type Range struct{ Min, Max int }

func (r Range) or(min, max int) (Range, error) {
	if r.Min == 0 {
		r.Min = min
	}
	if r.Max == 0 {
		r.Max = max
	}
	if r.Min < 1 || r.Max < r.Min {
		return r, refuse(BadSize, "sizes %d..%d: expected 1 <= min <= max", r.Min, r.Max)
	}
	if r.Max > maxSearch {
		return r, refuse(TooLarge, "sizes up to %d: expected at most %d", r.Max, maxSearch)
	}
	return r, nil
}

// widest is the largest search per number of stages that stays under a second.
var widest = map[int]int{2: maxSearch, 3: 500, 4: 100, 5: 50}

// BestTree finds the tree with the least objective per person over group sizes
// in r (default 2..50) and a number of stages 2..5, individuals included, for
// persons of one risk. tests is one accuracy or one per stage.
func BestTree(p float64, stages int, r Range, o Options) (Choice, error) {
	r, err := r.or(2, 50)
	if err != nil {
		return Choice{}, err
	}
	tests, err := o.perStage(stages)
	if err != nil {
		return Choice{}, err
	}
	if err := checkRisk(p); err != nil {
		return Choice{}, err
	}
	if r.Max > widest[stages] {
		return Choice{}, refuse(TooLarge, "search up to %d in %d stages: expected at most %d", r.Max, stages, widest[stages])
	}
	s := newSearch(Same(p, r.Max), tests)
	size := 0
	err = o.Goal.minimise(s, func() error {
		best := math.Inf(1)
		for n := r.Min; n <= r.Max; n++ {
			v := (1 + s.below(s.root(0, n), nil)) / float64(n)
			if v < best-1e-13 {
				best, size = v, n
			}
		}
		return nil
	}, func() (Char, error) { return s.char(Same(p, size), size) })
	if err != nil {
		return Choice{}, err
	}
	return s.choice(Same(p, size), [][2]int{{0, size}}, o.Goal)
}

// Options of a search.
type Options struct {
	Tests []Test // one for all, or one per stage with the individuals last
	Goal  Goal
}

func (o Options) perStage(stages int) ([]Test, error) {
	if stages < 2 || stages > 5 {
		return nil, refuse(BadSize, "search in %d stages: expected 2..5", stages)
	}
	tests := o.Tests
	switch len(tests) {
	case 1:
		tests = make([]Test, stages)
		for i := range tests {
			tests[i] = o.Tests[0]
		}
	case stages:
	default:
		return nil, refuse(BadAccuracy, "%d accuracies for %d stages: expected one, or one per stage", len(tests), stages)
	}
	if err := o.Goal.check(); err != nil {
		return nil, err
	}
	return tests, checkTests(tests...)
}

// minimise runs solve once for ET and GR. For MAR it lowers the ratio
// E(T)/E(correct): with d1 = d2 = ratio the program minimises E(T) − ratio·E(correct),
// and each optimum gives a ratio no larger than the one before.
func (g Goal) minimise(s *search, solve func() error, result func() (Char, error)) error {
	if g.Kind == GR {
		s.d1, s.d2 = g.D1, g.D2
	}
	if err := solve(); err != nil || g.Kind != MAR {
		return err
	}
	for range 50 {
		c, err := result()
		if err != nil {
			return err
		}
		ratio := g.Value(c)
		if math.Abs(ratio-s.d1) < 1e-14 {
			break
		}
		s.d1, s.d2 = ratio, ratio
		if err := solve(); err != nil {
			return err
		}
	}
	return nil
}

// char is what the best tree of the first n persons does.
func (s *search) char(risk []float64, n int) (Char, error) {
	ch, err := s.choice(risk, [][2]int{{0, n}}, Goal{})
	return ch.Char, err
}

// choice writes out the best trees of the given groups and evaluates them.
func (s *search) choice(risk []float64, groups [][2]int, g Goal) (Choice, error) {
	cuts := make([][]int, len(s.tests)-1)
	for _, v := range groups {
		s.stages(v[0], v[1], &cuts)
	}
	for len(cuts) > 1 && len(cuts[len(cuts)-1]) == 0 {
		cuts = cuts[:len(cuts)-1]
	}
	c, err := Tree{Stages: cuts, Tests: s.tests[:len(s.tests):len(s.tests)]}.trimmed().Char(risk)
	if err != nil {
		return Choice{}, err
	}
	return Choice{Stages: cuts, Char: c, Value: g.Value(c)}, nil
}

// trimmed drops the accuracies of stages that the search found no use for.
func (t Tree) trimmed() Tree {
	if len(t.Tests) > len(t.Stages)+1 {
		t.Tests = t.Tests[:len(t.Stages)+1]
	}
	return t
}
