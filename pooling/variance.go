package pooling

import "math"

// Var(T) of a tree. For every pool two measures of W, the number of tests below
// it, are carried up by their first three moments:
//
//	calm: W given that the pool is truly negative (mass 1)
//	all:  W whatever the truth (mass 1)
//
// The parts of a pool are independent before anything is known about the pool,
// so "pool truly positive" is all − Q·calm of the products over its parts.
type moments struct{ m0, m1, m2 float64 }

func (a moments) times(b moments) moments {
	return moments{a.m0 * b.m0, a.m1*b.m0 + a.m0*b.m1, a.m2*b.m0 + 2*a.m1*b.m1 + a.m0*b.m2}
}

// plus adds k·b.
func (a moments) plus(k float64, b moments) moments {
	return moments{a.m0 + k*b.m0, a.m1 + k*b.m1, a.m2 + k*b.m2}
}

// shift adds c to the variable.
func (a moments) shift(c float64) moments {
	return moments{a.m0, a.m1 + c*a.m0, a.m2 + 2*c*a.m1 + c*c*a.m0}
}

var nothing = moments{m0: 1}

func (w walk) variance() float64 {
	calm, all := make([]moments, len(w.nodes)), make([]moments, len(w.nodes))
	v := 0.0
	for i := len(w.nodes) - 1; i >= 0; i-- {
		calm[i], all[i] = w.below(i, calm, all)
		if w.nodes[i].parent < 0 {
			v += all[i].m2 - all[i].m1*all[i].m1
		}
	}
	return v
}

func (w walk) below(i int, calm, all []moments) (moments, moments) {
	v := w.nodes[i]
	if v.kids() == 0 {
		return nothing, nothing
	}
	quiet, any := nothing, nothing
	for k := v.first; k < v.last; k++ {
		quiet, any = quiet.times(calm[k]), any.times(all[k])
	}
	quiet, any = quiet.shift(float64(v.kids())), any.shift(float64(v.kids()))
	t, q := w.test(v), math.Exp(w.logQ[i])
	c := moments{m0: t.Sp}.plus(t.alarm(), quiet)
	a := moments{m0: (1 - t.Se) * -math.Expm1(w.logQ[i])}.plus(t.Se, any).plus(-t.Se*q, quiet).plus(q, c)
	return c, a
}
