package pooling

import "math"

// Array is a two-round scheme on Rows × Cols persons: every row and every
// column is a pool. A person is retested when
//
//	row and column read positive, or
//	the row reads positive and no column does, or
//	the column reads positive and no row does           (Kim et al. 2007)
//
// Strict keeps only the first case; it loses sensitivity. With Master, one pool
// of everybody is read a round earlier and rows and columns follow only when it
// is positive.
//
// Everything is O(Rows·Cols) for any risks and any accuracy of each kind.
type Array struct {
	Rows, Cols          int
	Master, Strict      bool
	Row, Col, Each, All Test    // All is the master pool's
	Rho                 float64 // one cluster over the whole array; equal risks only
}

// Char works out the array for risks given row by row. Var is NaN for clustered
// positives.
func (a Array) Char(risk []float64) (Char, error) {
	if err := a.check(risk); err != nil {
		return Char{}, err
	}
	c := Char{Rounds: 2, Var: math.NaN()}
	pse, alarm := make([]float64, len(risk)), make([]float64, len(risk))
	var retests float64
	switch {
	case a.Rho != 0:
		cl, err := newCluster(risk, a.Rho)
		if err != nil {
			return Char{}, err
		}
		retests = float64(len(risk)) * a.clustered(cl, pse, alarm)
	default:
		retests = a.independent(risk, pse, alarm)
		c.Var = a.variance(risk)
	}
	c.measure(risk, pse, alarm)
	a.totals(&c, a.logAll(risk), retests)
	return c, nil
}

func (a Array) check(risk []float64) error {
	if a.Rows < 1 || a.Cols < 1 {
		return refuse(BadSize, "array of %d x %d: expected at least 1 x 1", a.Rows, a.Cols)
	}
	if a.Rows > maxSide || a.Cols > maxSide {
		return refuse(TooLarge, "array of %d x %d: expected sides up to %d", a.Rows, a.Cols, maxSide)
	}
	if len(risk) != a.Rows*a.Cols {
		return refuse(BadSize, "%d risks for an array of %d x %d", len(risk), a.Rows, a.Cols)
	}
	if err := checkTests(a.Row, a.Col, a.Each); err != nil {
		return err
	}
	if a.Master {
		if err := a.All.Check(); err != nil {
			return err
		}
	}
	return checkRisk(risk...)
}

// totals turns expected retests into tests, rounds and lateness; logAll is
// log P(everybody negative).
func (a Array) totals(c *Char, logAll, retests float64) {
	n, lines := float64(c.Persons), float64(a.Rows+a.Cols)
	if !a.Master {
		c.Tests = lines + retests
		c.Aliquots = 2*n + retests
		c.Beyond = []float64{retests / n}
		return
	}
	open := a.All.Se*-math.Expm1(logAll) + a.All.alarm()*math.Exp(logAll)
	c.Rounds = 3
	c.Tests = 1 + lines*open + retests
	c.Aliquots = n + 2*n*open + retests
	c.Beyond = []float64{open, retests / n}
}

// logAll is log P(everybody negative).
func (a Array) logAll(risk []float64) float64 {
	if a.Rho != 0 {
		cl, _ := newCluster(risk, a.Rho)
		return cl.logZero(len(risk))
	}
	s := 0.0
	for _, p := range risk {
		s += logNegative(p)
	}
	return s
}

// silent is the chance of a retest when everybody is negative.
func (a Array) silent() float64 {
	r, c := a.Row.alarm(), a.Col.alarm()
	both := r * c
	if a.Strict {
		return both
	}
	return both + r*math.Pow(a.Col.Sp, float64(a.Cols)) + c*math.Pow(a.Row.Sp, float64(a.Rows))
}

// misses is P(a pool reads negative) when P(all members negative) is zero.
func misses(t Test, zero float64) float64 { return (1 - t.Se) - t.delta()*zero }

// lines are the products that every cell needs.
type lines struct {
	row, col []float64 // P(row all negative), P(column all negative)
	f, g     []float64 // P(row reads negative), P(column reads negative)
	fOut     []float64 // Π f of the other rows
	gOut     []float64 // Π g of the other columns
	fCol     []float64 // per column k: Π over rows of P(row reads negative | its member in k negative)
	gRow     []float64 // per row j: likewise over columns
}

func (a Array) lines(risk []float64) lines {
	l := lines{row: ones(a.Rows), col: ones(a.Cols), f: ones(a.Rows), g: ones(a.Cols), fCol: ones(a.Cols), gRow: ones(a.Rows)}
	for j := range a.Rows {
		for k, p := range risk[j*a.Cols : (j+1)*a.Cols] {
			l.row[j] *= 1 - p
			l.col[k] *= 1 - p
		}
	}
	for j := range l.f {
		l.f[j] = misses(a.Row, l.row[j])
	}
	for k := range l.g {
		l.g[k] = misses(a.Col, l.col[k])
	}
	l.fOut, l.gOut = others(l.f), others(l.g)
	for j := range a.Rows {
		for k, p := range risk[j*a.Cols : (j+1)*a.Cols] {
			l.fCol[k] *= misses(a.Row, l.row[j]/(1-p))
			l.gRow[j] *= misses(a.Col, l.col[k]/(1-p))
		}
	}
	return l
}

func (a Array) independent(risk, pse, alarm []float64) float64 {
	l := a.lines(risk)
	master, quiet := 1.0, 0.0
	logAll := a.logAll(risk)
	if a.Master {
		master = a.All.Se
		quiet = a.All.delta() * a.silent()
	}
	retests := 0.0
	for j := range a.Rows {
		for k := range a.Cols {
			i := j*a.Cols + k
			at := place{j, k, 1 - risk[i]}
			retests += master*a.retest(l, at, false) + quiet*math.Exp(logAll)
			wrong, calm := master*a.retest(l, at, true), quiet*math.Exp(logAll-logNegative(risk[i]))
			alarm[i] = a.Each.alarm() * difference(wrong, -calm)
			pse[i] = a.Each.Se * master * a.caught(l.fOut[j], l.gOut[k])
		}
	}
	return retests
}

// difference is x - y >= 0 without what rounding leaves of two equal numbers.
func difference(x, y float64) float64 {
	if d := x - y; d > 1e-15*x {
		return d
	}
	return 0
}

// place is a cell and P(its person negative).
type place struct {
	row, col int
	q        float64
}

// retest is P(the person at a place is retested), or that given that the person
// is negative.
func (a Array) retest(l lines, at place, negative bool) float64 {
	j, k := at.row, at.col
	r, c, q := l.row[j], l.col[k], at.q
	if negative {
		r, c, q = r/q, c/q, 1
	}
	dR, dC := a.Row.delta(), a.Col.delta()
	cross := r * c / q // P(row and column all negative)
	both := a.Row.Se*a.Col.Se + a.Row.Se*dC*c + a.Col.Se*dR*r + dR*dC*cross
	if a.Strict {
		return both
	}
	onlyCol := a.Col.Se*l.fOut[j]*misses(a.Row, r) + dC*c*l.fCol[k]
	onlyRow := a.Row.Se*l.gOut[k]*misses(a.Col, c) + dR*r*l.gRow[j]
	return both + onlyCol + onlyRow
}

// caught is P(retest | the person is positive); fOut and gOut are P(no other
// row reads positive), P(no other column reads positive).
func (a Array) caught(fOut, gOut float64) float64 {
	both := a.Row.Se * a.Col.Se
	if a.Strict {
		return both
	}
	return both + a.Row.Se*(1-a.Col.Se)*gOut + a.Col.Se*(1-a.Row.Se)*fOut
}

func ones(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// others[i] is the product of all x but x[i]; no division, zeros are welcome.
func others(x []float64) []float64 {
	out := ones(len(x))
	left, right := 1.0, 1.0
	for i := range x {
		out[i] *= left
		left *= x[i]
	}
	for i := len(x) - 1; i >= 0; i-- {
		out[i] *= right
		right *= x[i]
	}
	return out
}
