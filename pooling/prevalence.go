package pooling

import "math"

// Tested is a number of pools of one size and how many read positive.
type Tested struct {
	Size, Tested, Positive int
}

// Survey is what is known for estimating prevalence.
type Survey struct {
	Pools []Tested
	Test  Test    // accuracy of the pool test
	Level float64 // of the interval; 0 = 0.95
}

// Estimators and intervals.
const (
	MLE            = "mle"
	Firth          = "firth" // Firth's modified score; for equal pools Burrows' estimator
	ClopperPearson = "clopper-pearson"
	Score          = "score" // for equal pools Wilson's limits transformed
	LRT            = "lrt"
)

// Prevalence estimates P(a person is positive) and its two-sided limits.
//
// Errors of the pool test enter through P(pool positive) = Se + δ q^size, and
// the estimate and limits are clipped to [0,1]. Clopper-Pearson for unequal
// sizes inverts the exact tail of the ordering by MLE.
func (s Survey) Prevalence(estimator, interval string) (estimate, lower, upper float64, err error) {
	if s.Level == 0 {
		s.Level = 0.95
	}
	if err = s.check(); err != nil {
		return 0, 0, 0, err
	}
	f := newFit(s)
	switch estimator {
	case MLE:
		estimate = f.mle()
	case Firth:
		estimate = f.firth()
	default:
		return 0, 0, 0, refuse(BadField, "estimator %q: expected mle or firth", estimator)
	}
	switch interval {
	case ClopperPearson:
		lower, upper, err = f.exact(s.Level)
	case Score:
		lower, upper = f.score(s.Level)
	case LRT:
		lower, upper = f.lrt(s.Level)
	default:
		err = refuse(BadField, "interval %q: expected clopper-pearson, score or lrt", interval)
	}
	return estimate, lower, upper, err
}

func (s Survey) check() error {
	if len(s.Pools) == 0 {
		return refuse(EmptyPool, "no pools")
	}
	if len(s.Pools) > 10_000 {
		return refuse(TooLarge, "%d kinds of pool: expected at most 10000", len(s.Pools))
	}
	for i, p := range s.Pools {
		if p.Size < 1 || p.Size > maxPersons {
			return refuse(BadSize, "pools %d: size %d: expected 1..%d", i+1, p.Size, maxPersons)
		}
		if p.Tested < 1 || p.Tested > 1_000_000_000 || p.Positive < 0 || p.Positive > p.Tested {
			return refuse(BadSize, "pools %d: %d positive of %d tested: expected 0 <= positive <= tested, 1 <= tested", i+1, p.Positive, p.Tested)
		}
	}
	if !(s.Level > 0 && s.Level < 1) {
		return refuse(BadField, "level %v: expected between 0 and 1", s.Level)
	}
	return s.Test.Check()
}

// fit is a survey with pools of one size merged.
type fit struct {
	m, n, x []float64 // size, tested, positive
	t       Test
}

func newFit(s Survey) fit {
	f := fit{t: s.Test}
	at := map[int]int{}
	for _, p := range s.Pools {
		i, ok := at[p.Size]
		if !ok {
			i = len(f.m)
			at[p.Size] = i
			f.m, f.n, f.x = append(f.m, float64(p.Size)), append(f.n, 0), append(f.x, 0)
		}
		f.n[i] += float64(p.Tested)
		f.x[i] += float64(p.Positive)
	}
	return f
}

// law is π = P(pool positive), 1-π and the first two derivatives of π by p.
func (f fit) law(p, m float64) (pi, not, d1, d2 float64) {
	lq := math.Log1p(-p)
	qm, rho := math.Exp(m*lq), -f.t.delta()
	pi = f.t.Se*-math.Expm1(m*lq) + f.t.alarm()*qm
	not = (1-f.t.Se)*-math.Expm1(m*lq) + f.t.Sp*qm
	d1 = rho * m * math.Exp((m-1)*lq)
	d2 = -rho * m * (m - 1) * math.Exp((m-2)*lq)
	return pi, not, d1, d2
}

// slope is dl/dp, info is the expected information, firth the bias term
// Σ n π'π”/(π(1-π)) / 2I that Firth's modified score adds to the slope.
func (f fit) slope(p float64) (slope, info, firth float64) {
	curve := 0.0
	for i, m := range f.m {
		pi, not, d1, d2 := f.law(p, m)
		if f.x[i] > 0 {
			slope += f.x[i] * d1 / pi
		}
		if f.n[i] > f.x[i] {
			slope -= (f.n[i] - f.x[i]) * d1 / not
		}
		info += f.n[i] * d1 / pi * d1 / not
		curve += f.n[i] * d1 / pi * d2 / not
	}
	return slope, info, curve / (2 * info)
}

// like is the log likelihood without its constant.
func (f fit) like(p float64) float64 {
	l := 0.0
	for i, m := range f.m {
		pi, not, _, _ := f.law(p, m)
		if f.x[i] > 0 {
			l += f.x[i] * math.Log(pi)
		}
		if f.n[i] > f.x[i] {
			l += (f.n[i] - f.x[i]) * math.Log(not)
		}
	}
	return l
}

// inverse is the risk at which P(a pool of m reads positive) is pi, clipped.
func (f fit) inverse(pi, m float64) float64 {
	negative := (f.t.Se - pi) / -f.t.delta() // q^m
	switch {
	case negative >= 1:
		return 0
	case negative <= 0:
		return 1
	}
	return -math.Expm1(math.Log(negative) / m)
}

func (f fit) none() bool { return total(f.x) == 0 }
func (f fit) all() bool  { return total(f.x) == total(f.n) }

func total(x []float64) float64 {
	t := 0.0
	for _, v := range x {
		t += v
	}
	return t
}

func (f fit) mle() float64 {
	if len(f.m) == 1 {
		return f.inverse(f.x[0]/f.n[0], f.m[0])
	}
	slope := func(p float64) float64 { s, _, _ := f.slope(p); return s }
	if f.t == Perfect { // then the slope falls through zero once
		if f.none() {
			return 0
		}
		return f.limit(slope)
	}
	return f.peak(slope)
}

func (f fit) firth() float64 {
	if f.none() {
		return 0
	}
	return f.peak(func(p float64) float64 { s, _, b := f.slope(p); return s + b })
}

// peak is the most likely place where g falls through zero, or an end of [0,1].
// A fine grid comes first: with errors the likelihood can have more than one.
func (f fit) peak(g func(float64) float64) float64 {
	best, least := 0.0, math.Inf(-1)
	take := func(p float64) {
		if l := f.like(p); l > least {
			best, least = p, l
		}
	}
	if v := g(grid[0]); v <= 0 || math.IsNaN(v) {
		take(0)
	}
	if v := g(grid[len(grid)-1]); v > 0 {
		take(1)
	}
	for i := 1; i < len(grid); i++ {
		if g(grid[i-1]) > 0 && g(grid[i]) <= 0 {
			take(falls(g, grid[i-1], grid[i]))
		}
	}
	return best
}

// grid covers (0,1) from 1e-12, evenly in the logarithm, then evenly.
var grid = func() (g []float64) {
	for e := -12.0; e < -1; e += 0.05 {
		g = append(g, math.Pow(10, e))
	}
	for p := 0.1; p < 0.9995; p += 0.005 {
		g = append(g, p)
	}
	return append(g, 1-1e-4, 1-1e-6, 1-1e-9)
}()

// falls is the place between lo and hi where g falls through zero.
func falls(g func(float64) float64, lo, hi float64) float64 {
	for range 200 {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if g(mid) > 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + (hi-lo)/2
}
