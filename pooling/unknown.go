package pooling

import "math"

// MinimaxSize is the Dorfman pool size, perfect test, whose largest regret over
// all risks in (0,1) is least, and that regret in tests per person (Malinovsky
// and Albert, Am Stat 2015).
func MinimaxSize(max int) (int, float64) {
	const grid = 20_000
	worst := make([]float64, max+1)
	for i := 1; i < grid; i++ {
		p := float64(i) / grid
		least := 1.0
		for n := 2; n <= max; n++ {
			least = math.Min(least, dorfman(p, n, Perfect))
		}
		for n := 1; n <= max; n++ {
			worst[n] = math.Max(worst[n], dorfman(p, n, Perfect)-least)
		}
	}
	best := 1
	for n := 2; n <= max; n++ {
		if worst[n] < worst[best] {
			best = n
		}
	}
	return best, worst[best]
}

// BayesSize is the Dorfman pool size, perfect test, with the least expected
// tests when the risk itself is Beta(a,b); a = b = 1/2 is Jeffreys.
func BayesSize(a, b float64, max int) (int, float64) {
	best, least := 1, 1.0
	c := &cluster{a: a, b: b}
	for n := 2; n <= max; n++ {
		if v := 1/float64(n) + 1 - math.Exp(c.logZero(n)); v < least {
			best, least = n, v
		}
	}
	return best, least
}

// dorfman is E(T)/I of a two-stage pool of n, both stages with accuracy t.
func dorfman(p float64, n int, t Test) float64 {
	if n == 1 {
		return 1
	}
	return 1/float64(n) + t.Se + t.delta()*math.Exp(float64(n)*logNegative(p))
}

// BreakEven is the largest risk at which a Dorfman pool of n costs less than
// single tests; 0 when it never does.
func BreakEven(n int, t Test) float64 {
	if n < 2 {
		return 0
	}
	x := (t.Se + 1/float64(n) - 1) / -t.delta()
	if x <= 0 {
		return 1
	}
	return math.Max(0, 1-math.Pow(x, 1/float64(n)))
}

// PoolingLimit is the largest risk at which any Dorfman pool helps and the size
// that does: 1-3^(-1/3) with a pool of 3 for the perfect test.
func PoolingLimit(t Test) (p float64, n int) {
	for k := 2; k <= maxSearch; k++ {
		if v := BreakEven(k, t); v > p {
			p, n = v, k
		}
	}
	return p, n
}
