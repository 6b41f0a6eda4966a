package pooling

import "math"

// Regular is a two-round design: each person is in R pools of S and is retested
// when at most E of them read negative. Exact when two pools of one person share
// nobody else (matrix R=2, cube R=3, and the like); real matrices that share
// more are worked out by Design.Char.
type Regular struct {
	R, S, E    int
	Pool, Each Test
}

// Char works out the design for n persons of one risk.
func (g Regular) Char(p float64, n int) (Char, error) {
	if g.R < 1 || g.S < 1 || g.E < 0 || g.E >= g.R || n < 1 {
		return Char{}, refuse(BadSize, "regular design r=%d s=%d e=%d of %d persons: expected r, s, n >= 1 and 0 <= e < r", g.R, g.S, g.E, n)
	}
	if g.R > 64 || g.S > maxPersons || n > maxPersons {
		return Char{}, refuse(TooLarge, "regular design r=%d s=%d of %d persons: expected r <= 64, s, n <= %d", g.R, g.S, n, maxPersons)
	}
	if err := checkTests(g.Pool, g.Each); err != nil {
		return Char{}, err
	}
	if err := checkRisk(p); err != nil {
		return Char{}, err
	}
	// P(a pool of a negative person reads positive), without cancellation
	others := float64(g.S-1) * logNegative(p)
	phi := g.Pool.Se*-math.Expm1(others) + g.Pool.alarm()*math.Exp(others)
	hit, wrong := atLeast(g.R-g.E, g.R, g.Pool.Se), atLeast(g.R-g.E, g.R, phi)
	perPerson := float64(g.R) / float64(g.S)
	return twoRound(p, n, perPerson, caughtBy{hit, wrong, float64(g.R), g.Each}), nil
}

// caughtBy is what one round of pools does to a positive and a negative person.
type caughtBy struct {
	hit, wrong float64 // P(retest | positive), P(retest | negative)
	pools      float64 // pools per person
	each       Test
}

func twoRound(p float64, n int, pools float64, k caughtBy) Char {
	retest := p*k.hit + (1-p)*k.wrong
	c := Char{Rounds: 2, Var: math.NaN(), Beyond: []float64{retest}}
	c.measure([]float64{p}, []float64{k.each.Se * k.hit}, []float64{k.each.alarm() * k.wrong})
	c.Persons = n
	c.Tests = float64(n) * (pools + retest)
	c.Aliquots = float64(n) * (k.pools + retest)
	return c
}

// atLeast is P(at least k of n independent events of chance x).
func atLeast(k, n int, x float64) float64 {
	s := 0.0
	for i := k; i <= n; i++ {
		s += choose(n, i) * math.Pow(x, float64(i)) * math.Pow(1-x, float64(n-i))
	}
	return s
}

func choose(n, k int) float64 {
	c := 1.0
	for i := 1; i <= k; i++ {
		c = c * float64(n-k+i) / float64(i)
	}
	return math.Round(c)
}

// Hypercube is L^D persons on a cube, pooled by its D·L slices of L^(D-1); a
// person is retested when at most E of the D slices through him read negative.
// D=2 is the strict square array. Pools of 27 and more are beyond every
// dilution limit of dilution.go: a calculator option, not a laboratory default.
type Hypercube struct {
	L, D, E    int
	Pool, Each Test
}

// Char works out the cube for one risk.
func (h Hypercube) Char(p float64) (Char, error) {
	if h.L < 2 || h.D < 1 || h.E < 0 || h.E >= h.D {
		return Char{}, refuse(BadSize, "hypercube l=%d d=%d e=%d: expected l >= 2, d >= 1, 0 <= e < d", h.L, h.D, h.E)
	}
	if h.D > 16 || math.Pow(float64(h.L), float64(h.D)) > 1e9 {
		return Char{}, refuse(TooLarge, "hypercube l=%d d=%d: expected d <= 16 and at most 1e9 persons", h.L, h.D)
	}
	if err := checkTests(h.Pool, h.Each); err != nil {
		return Char{}, err
	}
	if err := checkRisk(p); err != nil {
		return Char{}, err
	}
	n := math.Pow(float64(h.L), float64(h.D))
	hit, wrong := atLeast(h.D-h.E, h.D, h.Pool.Se), h.false(p)
	c := twoRound(p, int(n), float64(h.D*h.L)/n, caughtBy{hit, wrong, float64(h.D), h.Each})
	if h.D == 2 && h.E == 0 && h.L <= maxSide {
		square := Array{Rows: h.L, Cols: h.L, Strict: true, Row: h.Pool, Col: h.Pool}
		c.Var = square.variance(Same(p, h.L*h.L))
	}
	return c, nil
}

// false is P(retest | negative): the slices through a person are exchangeable,
// and t of them hold n − (l−1)^t·l^(d−t) persons, the person included.
func (h Hypercube) false(p float64) float64 {
	n, l := math.Pow(float64(h.L), float64(h.D)), float64(h.L)
	a := make([]float64, h.D+1)
	a[0] = 1
	for t := 1; t <= h.D; t++ {
		others := n - math.Pow(l-1, float64(t))*math.Pow(l, float64(h.D-t)) - 1
		a[t] = choose(h.D, t) * math.Exp(others*logNegative(p))
	}
	return atLeastOf(a, h.D-h.E, h.Pool)
}
