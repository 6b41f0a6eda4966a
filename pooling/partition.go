package pooling

import "sort"

// Partition is informative two-stage testing: persons in ascending order of
// risk, cut into pools of the given sizes. A pool of one is read with the
// accuracy of the individual test.
type Partition struct {
	Pools      []int
	Pool, Each Test
}

// Char works out the partition. risk may come in any order; Each keeps it.
func (p Partition) Char(risk []float64) (Char, error) {
	if err := checkRisk(risk...); err != nil {
		return Char{}, err
	}
	order := Ascending(risk)
	c, err := p.tree().Char(pick(risk, order))
	if err != nil {
		return Char{}, err
	}
	each := make([]Person, len(risk))
	for i, who := range order {
		each[who] = c.Each[i]
	}
	c.Each = each
	return c, nil
}

func (p Partition) tree() Tree {
	return Tree{Stages: [][]int{p.Pools}, Tests: []Test{p.Pool, p.Each}, Informative: true}
}

// Ascending is the order of persons by risk; equal risks keep their order.
func Ascending(risk []float64) []int {
	order := make([]int, len(risk))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return risk[order[i]] < risk[order[j]] })
	return order
}

func pick(risk []float64, order []int) []float64 {
	out := make([]float64, len(order))
	for i, who := range order {
		out[i] = risk[who]
	}
	return out
}

// Groups are the members of each pool, numbered in the order of risk.
func (p Partition) Groups(risk []float64) [][]int {
	order := Ascending(risk)
	var out [][]int
	for _, n := range p.Pools {
		out = append(out, order[:n:n])
		order = order[n:]
	}
	return out
}
