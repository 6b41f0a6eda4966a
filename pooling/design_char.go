package pooling

import "math"

// maxWeight is the most pools of one person for Design.Char: 2^12 unions each.
const maxWeight = 12

// Char works out a two-round design exactly as it is, shared pools and all: each
// person in w pools is retested when at most e of them read negative; a person
// in no more than e pools always is. For a negative person
//
//	P(all of m given pools read positive) = Σ over subsets T  Se^(m−|T|) δ^|T| Q(union of T)
//
// and "at least w−e of w" follows by inclusion and exclusion, so only the sums
// A_t of Q over the unions of t of the person's pools are needed. Var is NaN.
func (d *Design) Char(risk []float64, pool, each Test, e int) (Char, error) {
	if len(risk) != d.n {
		return Char{}, refuse(BadSize, "%d risks for %d persons", len(risk), d.n)
	}
	if e < 0 || e > 10 {
		return Char{}, refuse(BadField, "e %d: expected 0..10 tolerated false negatives", e)
	}
	if err := checkTests(pool, each); err != nil {
		return Char{}, err
	}
	if err := checkRisk(risk...); err != nil {
		return Char{}, err
	}
	work := 0
	for who, pools := range d.in {
		if len(pools) > maxWeight {
			return Char{}, refuse(TooLarge, "person %d is in %d pools: expected at most %d", who+1, len(pools), maxWeight)
		}
		work += (d.n/64 + 1) << len(pools)
	}
	if work > 50_000_000 {
		return Char{}, refuse(TooLarge, "%d persons in up to %d pools: too many unions", d.n, maxWeight)
	}
	u := newUnions(d, risk)
	c := Char{Rounds: 2, Var: math.NaN(), Tests: float64(len(d.pools))}
	pse, alarm, retests := make([]float64, d.n), make([]float64, d.n), 0.0
	for who, pools := range d.in {
		hit, wrong := 1.0, 1.0
		if w := len(pools); w > e {
			hit, wrong = atLeast(w-e, w, pool.Se), atLeastOf(u.sums(who), w-e, pool)
		}
		retests += risk[who]*hit + (1-risk[who])*wrong
		pse[who], alarm[who] = each.Se*hit, each.alarm()*wrong
		c.Aliquots += float64(len(pools))
	}
	c.Tests += retests
	c.Aliquots += retests
	c.Beyond = []float64{retests / float64(d.n)}
	c.measure(risk, pse, alarm)
	return c, nil
}

// unions adds up log P(negative) over unions of pools.
type unions struct {
	d    *Design
	sets []set // members per pool
	log  []float64
	same bool
}

func newUnions(d *Design, risk []float64) unions {
	u := unions{d: d, log: make([]float64, len(risk)), same: true}
	for i, p := range risk {
		u.log[i] = logNegative(p)
		u.same = u.same && p == risk[0]
	}
	for _, m := range d.pools {
		u.sets = append(u.sets, newSet(d.n, m))
	}
	return u
}

// sums are A_0..A_w of one person, who is known negative.
func (u unions) sums(who int) []float64 {
	pools := u.d.in[who]
	a := make([]float64, len(pools)+1)
	var add func(i, t int, in set)
	add = func(i, t int, in set) {
		if i == len(pools) {
			a[t] += math.Exp(u.logQ(in, t) - u.own(who, t))
			return
		}
		add(i+1, t, in)
		both := append(set(nil), in...)
		both.or(u.sets[pools[i]])
		add(i+1, t+1, both)
	}
	add(0, 0, make(set, (u.d.n+63)/64))
	return a
}

// own is the person's part of a union; the empty union holds nobody.
func (u unions) own(who, t int) float64 {
	if t == 0 {
		return 0
	}
	return u.log[who]
}

func (u unions) logQ(in set, t int) float64 {
	if t == 0 {
		return 0
	}
	if u.same {
		return float64(in.common(in)) * u.log[0]
	}
	s := 0.0
	for i := range u.log {
		if in.has(i) {
			s += u.log[i]
		}
	}
	return s
}

// atLeastOf is P(at least k of w pools of a negative person read positive) from
// the sums a[t] over t truly negative pools.
func atLeastOf(a []float64, k int, pool Test) float64 {
	w, total, most, sign := len(a)-1, 0.0, 0.0, 1.0
	for m := k; m <= w; m++ {
		all := 0.0 // Σ over sets of m pools of P(all read positive)
		for t := 0; t <= m; t++ {
			all += math.Pow(pool.delta(), float64(t)) * math.Pow(pool.Se, float64(m-t)) * choose(w-t, m-t) * a[t]
		}
		total += sign * choose(m-1, k-1) * all
		most = math.Max(most, choose(m-1, k-1)*all)
		sign = -sign
	}
	if total < 1e-15*most { // what rounding leaves of nothing
		return 0
	}
	return math.Min(1, total)
}
