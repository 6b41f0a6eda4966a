package pooling

import "math"

// Char is what a scheme does, exactly. A field is NaN where it has no meaning
// (PPPV when nothing can read positive) or no closed form here (Var of regular
// designs, hypercubes and clustered arrays).
type Char struct {
	Persons              int
	Tests                float64 // E(T): expected tests for all Persons
	Var                  float64 // Var(T)
	PSe, PSp, PPPV, PNPV float64 // overall, weighted by risk
	Each                 []Person
	Rounds               int
	Beyond               []float64 // Beyond[k-1]: share of persons who need more than k rounds
	Aliquots             float64   // expected transfers of a sample into a well or pool
}

// Person is what the scheme does for one person.
type Person struct{ Risk, PSe, PSp, PPPV, PNPV float64 }

// PerPerson is E(T)/I.
func (c Char) PerPerson() float64 { return c.Tests / float64(c.Persons) }

// Late is the share of persons who have no result after so many rounds.
func (c Char) Late(rounds int) float64 {
	switch {
	case rounds <= 0:
		return 1
	case rounds > len(c.Beyond):
		return 0
	}
	return c.Beyond[rounds-1]
}

// Saved is the share of single tests spared, in per cent.
func (c Char) Saved() float64 { return 100 * (1 - c.PerPerson()) }

// Gain is the extra capacity with the same number of tests, in per cent.
func (c Char) Gain() float64 { return 100 * (1/c.PerPerson() - 1) }

// measure fills the per-person and overall measures. alarm[i] is 1-PSp of
// person i, kept apart because 1-PSp loses its digits when PSp is near one.
func (c *Char) measure(risk, pse, alarm []float64) {
	var hit, pos, wrong, neg float64
	c.Persons = len(risk)
	c.Each = make([]Person, len(risk))
	for i, p := range risk {
		q := 1 - p
		c.Each[i] = person(p, pse[i], alarm[i])
		hit, pos = hit+p*pse[i], pos+p
		wrong, neg = wrong+q*alarm[i], neg+q
	}
	c.PSe = hit / pos
	if pos == 0 { // the limit of equal risks going to zero
		c.PSe = mean(pse)
	}
	c.PSp = 1 - wrong/neg
	if hit == 0 && wrong < 1e-14*neg { // nobody can read positive: what is left is rounding
		wrong = 0
	}
	c.PPPV = hit / (hit + wrong)
	c.PNPV = (neg - wrong) / (neg - wrong + pos - hit)
}

func person(p, pse, alarm float64) Person {
	q := 1 - p
	right := q * (1 - alarm)
	return Person{Risk: p, PSe: pse, PSp: 1 - alarm,
		PPPV: p * pse / (p*pse + q*alarm), PNPV: right / (right + p*(1-pse))}
}

func mean(x []float64) float64 {
	var s float64
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}

// Kind of objective.
const (
	ET  = "ET"  // expected tests per person
	MAR = "MAR" // expected tests per expected correct classification
	GR  = "GR"  // expected tests + D1 per false positive + D2 per miss, per person
)

// Goal is the objective an optimiser minimises (Hitt et al. 2019). The zero
// value is ET.
type Goal struct {
	Kind   string
	D1, D2 float64 // GR only: price of a false positive and of a miss, in tests
}

// Value is the objective of a scheme.
func (g Goal) Value(c Char) float64 {
	var wrong, missed float64
	for _, p := range c.Each {
		wrong += (1 - p.PSp) * (1 - p.Risk)
		missed += (1 - p.PSe) * p.Risk
	}
	n := float64(c.Persons)
	switch g.Kind {
	case MAR:
		return c.Tests / (n - wrong - missed)
	case GR:
		return (c.Tests + g.D1*wrong + g.D2*missed) / n
	}
	return c.Tests / n
}

func (g Goal) check() error {
	switch g.Kind {
	case "", ET, MAR, GR:
	default:
		return refuse(BadField, "objective %q: expected ET, MAR or GR", g.Kind)
	}
	if !(g.D1 >= 0 && g.D2 >= 0) || math.IsInf(g.D1+g.D2, 0) {
		return refuse(BadField, "d1 %v, d2 %v: expected prices of at least 0", g.D1, g.D2)
	}
	return nil
}
