package pooling

import "math"

// Arrays of one risk: every cell is alike, so each product is a power of one
// line. With clustered positives the power is averaged over the common risk:
//
//	E[ q^m · (u + v q^s)^n ] = Σt C(n,t) u^(n-t) v^t z(m + s·t),  z(n) = P(n all negative)
//
// u = 1−Se and v = −δ are never negative, so no digits cancel.

// zeros gives E[q^m · (P(line of s reads negative))^n] under some model.
type zeros func(t Test, m, s, n int) float64

func steady(p float64) zeros {
	lq := logNegative(p)
	return func(t Test, m, s, n int) float64 {
		return math.Exp(float64(m)*lq) * math.Pow(misses(t, math.Exp(float64(s)*lq)), float64(n))
	}
}

func (c *cluster) zeros(t Test, m, s, n int) float64 {
	u, v := 1-t.Se, -t.delta()
	total, choose := 0.0, 0.0 // log C(n,i)
	for i := range n + 1 {
		if i > 0 {
			choose += math.Log(float64(n-i+1) / float64(i))
		}
		if u == 0 && i < n {
			continue
		}
		total += math.Exp(choose + float64(n-i)*safeLog(u) + float64(i)*math.Log(v) + c.logZero(m+s*i))
	}
	return total
}

// safeLog is log x with 0·log 0 = 0 for the caller that multiplies by zero.
func safeLog(x float64) float64 {
	if x == 0 {
		return 0
	}
	return math.Log(x)
}

// cell is a retest chance of an array of one risk. given is 1 when the person
// is known negative: then every line through the person has one member less at
// stake, and z already is the law given that.
func (a Array) cell(z zeros, given int) float64 {
	J, K := a.Rows, a.Cols
	zero := func(m int) float64 { return z(Perfect, m-given, 0, 0) }
	dR, dC := a.Row.delta(), a.Col.delta()
	both := a.Row.Se*a.Col.Se + a.Row.Se*dC*zero(J) + a.Col.Se*dR*zero(K) + dR*dC*zero(J+K-1)
	if a.Strict {
		return both
	}
	// own row: (1-Se) - delta·q^(K-given) times the other rows
	fAll := (1-a.Row.Se)*z(a.Row, 0, K, J-1) - dR*z(a.Row, K-given, K, J-1)
	gAll := (1-a.Col.Se)*z(a.Col, 0, J, K-1) - dC*z(a.Col, J-given, J, K-1)
	return both + a.Col.Se*fAll + dC*z(a.Row, J-given, K-1, J) + a.Row.Se*gAll + dR*z(a.Col, K-given, J-1, K)
}

// clustered fills pse and alarm and returns the expected retests per cell.
func (a Array) clustered(c *cluster, pse, alarm []float64) float64 {
	positive, negative := c.given(1, 0), c.given(0, 1)
	return a.uniform(model{any: c.zeros, positive: positive.zeros, negative: negative.zeros}, pse, alarm)
}

// model is the law of the others: unconditionally, given that one person is
// positive, given that one person is negative.
type model struct{ any, positive, negative zeros }

func (a Array) uniform(m model, pse, alarm []float64) float64 {
	n := a.Rows * a.Cols
	master, quiet := 1.0, 0.0
	if a.Master {
		master, quiet = a.All.Se, a.All.delta()*a.silent()
	}
	retest := master*a.cell(m.any, 0) + quiet*m.any(Perfect, n, 0, 0)
	wrong := a.Each.alarm() * difference(master*a.cell(m.negative, 1), -quiet*m.negative(Perfect, n-1, 0, 0))
	hit := a.Each.Se * master * a.caught(m.positive(a.Row, 0, a.Cols, a.Rows-1), m.positive(a.Col, 0, a.Rows, a.Cols-1))
	for i := range pse {
		pse[i], alarm[i] = hit, wrong
	}
	return retest
}

// equal is Char for one risk in time that does not depend on the size. Each has
// one entry that stands for everybody. The caller has checked its arguments.
func (a Array) equal(p float64) Char {
	var pse, alarm [1]float64
	z := steady(p)
	n := a.Rows * a.Cols
	retests := float64(n) * a.uniform(model{z, z, z}, pse[:], alarm[:])
	c := Char{Rounds: 2, Var: math.NaN()}
	c.measure([]float64{p}, pse[:], alarm[:])
	c.Persons = n
	a.totals(&c, float64(n)*logNegative(p), retests)
	return c
}
