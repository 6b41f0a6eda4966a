package pooling

import "math"

// Duo is two-stage testing with one assay for two targets: a pool that reads
// positive for either is resolved singly for both (Hou et al. 2017).
type Duo struct {
	N     int
	Joint [4]float64 // P(--), P(+-), P(-+), P(++)
	A, B  Test
}

// Char works out E(T) and the measures of either target.
func (d Duo) Char() (a, b Char, err error) {
	if d.N < 2 || d.N > maxPersons {
		return a, b, refuse(BadSize, "pool of %d: expected 2..%d", d.N, maxPersons)
	}
	if err = checkTests(d.A, d.B); err != nil {
		return a, b, err
	}
	total := 0.0
	for _, p := range d.Joint {
		if !(p >= 0 && p <= 1) {
			return a, b, refuse(BadRisk, "joint probability %v: expected 0..1", p)
		}
		total += p
	}
	if math.Abs(total-1) > 1e-9 || d.Joint[0] == 0 {
		return a, b, refuse(BadRisk, "joint probabilities add up to %v: expected 1, with P(--) above 0", total)
	}
	return d.target(0), d.target(1), nil
}

// quiet is P(the pool reads negative for both) when its members are free ones
// and one person whose state is known; rest[x] is P(person has state x).
func (d Duo) quiet(free int, person [4]float64) float64 {
	n := float64(free)
	none := math.Pow(d.Joint[0], n) * person[0]
	noA := math.Pow(d.Joint[0]+d.Joint[2], n) * (person[0] + person[2])
	noB := math.Pow(d.Joint[0]+d.Joint[1], n) * (person[0] + person[1])
	all := person[0] + person[1] + person[2] + person[3]
	return none*d.A.Sp*d.B.Sp + (noB-none)*(1-d.A.Se)*d.B.Sp + (noA-none)*d.A.Sp*(1-d.B.Se) +
		(all-noA-noB+none)*(1-d.A.Se)*(1-d.B.Se)
}

func (d Duo) target(k int) Char {
	p, t := d.Joint[1]+d.Joint[3], d.A
	has, hasNot := [4]float64{1: d.Joint[1], 3: d.Joint[3]}, [4]float64{0: d.Joint[0], 2: d.Joint[2]}
	if k == 1 {
		p, t = d.Joint[2]+d.Joint[3], d.B
		has, hasNot = [4]float64{2: d.Joint[2], 3: d.Joint[3]}, [4]float64{0: d.Joint[0], 1: d.Joint[1]}
	}
	n := float64(d.N)
	positive := 1 - d.quiet(d.N-1, d.Joint)
	c := Char{Rounds: 2, Var: n * n * positive * (1 - positive), Beyond: []float64{positive}}
	pse := t.Se
	if p > 0 {
		pse = t.Se * (1 - d.quiet(d.N-1, has)/p)
	}
	alarm := t.alarm() * (1 - d.quiet(d.N-1, hasNot)/(1-p))
	c.measure([]float64{p}, []float64{pse}, []float64{alarm})
	c.Persons, c.Tests, c.Aliquots = d.N, 1+n*positive, n+n*positive
	return c
}
