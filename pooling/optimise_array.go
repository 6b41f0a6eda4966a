package pooling

import "math"

// BestArray finds the array with the least objective per person. a carries the
// accuracies, Master and Strict; sides run over r (default 2..50). Square arrays
// only, unless oblong.
func BestArray(p float64, a Array, r Range, o ArrayOptions) (Choice, error) {
	r, err := r.or(2, 50)
	if err != nil {
		return Choice{}, err
	}
	if err := o.Goal.check(); err != nil {
		return Choice{}, err
	}
	if r.Max > maxSide {
		return Choice{}, refuse(TooLarge, "sides up to %d: expected at most %d", r.Max, maxSide)
	}
	a.Rows, a.Cols = 1, 1
	if err := a.check([]float64{p}); err != nil {
		return Choice{}, err
	}
	best := Choice{Value: math.Inf(1), Master: a.Master}
	for j := r.Min; j <= r.Max; j++ {
		last := j
		if o.Oblong {
			last = r.Max
		}
		for k := j; k <= last; k++ {
			if o.Persons > 0 && j*k > o.Persons {
				break
			}
			a.Rows, a.Cols = j, k
			c := a.equal(p)
			if v := o.Goal.each(c); v < best.Value-1e-13 {
				best.Rows, best.Cols, best.Value = j, k, v
			}
		}
	}
	if best.Rows == 0 {
		return Choice{}, refuse(NoAnswer, "no array of sides %d..%d holds at most %d persons", r.Min, r.Max, o.Persons)
	}
	a.Rows, a.Cols = best.Rows, best.Cols
	best.Char, err = a.Char(Same(p, a.Rows*a.Cols))
	return best, err
}

// ArrayOptions of a search.
type ArrayOptions struct {
	Goal    Goal
	Oblong  bool // rows and columns may differ
	Persons int  // cap on rows x columns, 0 = none
}

// each is Value for a Char whose single person stands for everybody.
func (g Goal) each(c Char) float64 {
	one := c
	one.Tests, one.Persons = c.PerPerson(), 1
	return g.Value(one)
}
