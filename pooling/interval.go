package pooling

import "math"

// z is the two-sided normal quantile of a level, 1.96 for 0.95.
func z(level float64) float64 { return math.Sqrt2 * math.Erfinv(level) }

// score keeps the risks whose slope is within k standard deviations, below and
// above the estimate.
func (f fit) score(level float64) (lower, upper float64) {
	k, top := z(level), f.mle()
	if !f.none() && top > 0 {
		lower = f.within(func(p float64) float64 { return f.standard(p) - k }, 0, top)
	}
	if f.all() || top == 1 {
		return lower, 1
	}
	return lower, f.within(func(p float64) float64 { return f.standard(p) + k }, top, 1)
}

// standard is slope/sqrt(information). Near 1 both vanish with q^(m-1) of the
// smallest pool, so that factor is left out.
func (f fit) standard(p float64) float64 {
	small := f.m[0]
	for _, m := range f.m {
		small = math.Min(small, m)
	}
	slope, info := 0.0, 0.0
	for i, m := range f.m {
		pi, not, _, _ := f.law(p, m)
		d := m * math.Exp((m-small)*math.Log1p(-p))
		if f.x[i] > 0 {
			slope += f.x[i] * d / pi
		}
		if f.n[i] > f.x[i] {
			slope -= (f.n[i] - f.x[i]) * d / not
		}
		info += f.n[i] * d / pi * d / not
	}
	return slope / math.Sqrt(info)
}

// within is where g falls through zero between lo and hi, or the end it keeps to.
func (f fit) within(g func(float64) float64, lo, hi float64) float64 {
	a, b := math.Max(lo, edge), math.Min(hi, 1-edge)
	switch {
	case g(a) <= 0:
		return lo
	case g(b) > 0:
		return hi
	}
	return falls(g, a, b)
}

// edge is how near 0 and 1 the likelihood is looked at.
const edge = 1e-15

// limit is within for the whole of [0,1].
func (f fit) limit(g func(float64) float64) float64 { return f.within(g, 0, 1) }

// lrt keeps the risks whose log likelihood is within half a chi-square of the top.
func (f fit) lrt(level float64) (float64, float64) {
	top := f.mle()
	k := z(level)
	floor := f.like(top) - k*k/2
	lower, upper := 0.0, 1.0
	if top > 0 && f.like(0) < floor {
		lower = falls(func(p float64) float64 { return floor - f.like(p) }, 0, top)
	}
	if top < 1 && f.like(1) < floor {
		upper = falls(func(p float64) float64 { return f.like(p) - floor }, top, 1)
	}
	return lower, upper
}

// exact is Clopper and Pearson: transformed binomial limits for equal pools,
// else the exact tails of the MLE over every outcome.
func (f fit) exact(level float64) (float64, float64, error) {
	a := (1 - level) / 2
	if len(f.m) == 1 {
		x, n := f.x[0], f.n[0]
		lower, upper := 0.0, 1.0
		if x > 0 {
			lower = f.inverse(betaQuantile(a, x, n-x+1), f.m[0])
		}
		if x < n {
			upper = f.inverse(betaQuantile(1-a, x+1, n-x), f.m[0])
		}
		return lower, upper, nil
	}
	high, low, err := f.tails()
	if err != nil {
		return 0, 0, err
	}
	lower := f.limit(func(p float64) float64 { return a - f.chance(high, p) })
	upper := f.limit(func(p float64) float64 { return f.chance(low, p) - a })
	if f.none() {
		lower = 0
	}
	if f.all() {
		upper = 1
	}
	return lower, upper, nil
}

// maxOutcomes of a survey of unequal pools that are listed one by one.
const maxOutcomes = 5_000

// outcome is one result of the survey and its number of ways (log).
type outcome struct {
	x    []float64
	ways float64
}

// tails lists the outcomes whose MLE is at least, and at most, that observed.
func (f fit) tails() (high, low []outcome, err error) {
	cells := 1.0
	for _, n := range f.n {
		cells *= n + 1
	}
	if cells > maxOutcomes {
		return nil, nil, refuse(TooLarge, "clopper-pearson of %v outcomes: expected at most %d; use score or lrt", cells, maxOutcomes)
	}
	here := f.mle()
	f.outcomes(func(o outcome) {
		g := fit{m: f.m, n: f.n, x: o.x, t: f.t}
		v := g.mle()
		tie := math.Abs(v-here) <= 1e-9*math.Max(here, 1e-9)
		if tie || v > here {
			high = append(high, o)
		}
		if tie || v < here {
			low = append(low, o)
		}
	})
	return high, low, nil
}

func (f fit) outcomes(yield func(outcome)) {
	x := make([]float64, len(f.n))
	for {
		o := outcome{x: append([]float64(nil), x...)}
		for i := range x {
			o.ways += lchoose(f.n[i], x[i])
		}
		yield(o)
		i := 0
		for ; i < len(x); i++ {
			if x[i]++; x[i] <= f.n[i] {
				break
			}
			x[i] = 0
		}
		if i == len(x) {
			return
		}
	}
}

// chance is P(one of the outcomes) at risk p.
func (f fit) chance(os []outcome, p float64) float64 {
	yes, no := make([]float64, len(f.m)), make([]float64, len(f.m))
	for i, m := range f.m {
		pi, not, _, _ := f.law(p, m)
		yes[i], no[i] = math.Log(math.Max(pi, 1e-300)), math.Log(math.Max(not, 1e-300))
	}
	t := 0.0
	for _, o := range os {
		l := o.ways
		for i, x := range o.x {
			l += x*yes[i] + (f.n[i]-x)*no[i]
		}
		t += math.Exp(l)
	}
	return t
}

func lchoose(n, k float64) float64 { return lgamma(n+1) - lgamma(k+1) - lgamma(n-k+1) }

func lgamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}

// betaQuantile inverts the regularised incomplete beta function.
func betaQuantile(level, a, b float64) float64 {
	return falls(func(x float64) float64 { return level - betaInc(a, b, x) }, 0, 1)
}

// betaInc is I_x(a,b) by Lentz's continued fraction (Numerical Recipes 6.4,
// DLMF 8.17.22).
func betaInc(a, b, x float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	front := math.Exp(lgamma(a+b) - lgamma(a) - lgamma(b) + a*math.Log(x) + b*math.Log1p(-x))
	if x < (a+1)/(a+b+2) {
		return front * betaFraction(a, b, x) / a
	}
	return 1 - front*betaFraction(b, a, 1-x)/b
}

func betaFraction(a, b, x float64) float64 {
	const tiny = 1e-300
	nz := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/nz(1-(a+b)*x/(a+1))
	h := d
	for i := 1; i <= 100_000; i++ {
		m := float64(i)
		up := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/nz(1+up*d), nz(1+up/c)
		h *= d * c
		up = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/nz(1+up*d), nz(1+up/c)
		h *= d * c
		if math.Abs(d*c-1) < 1e-16 {
			break
		}
	}
	return h
}
