package pcr

import "math"

// sigmoid is b + s x + a (1 + e^-((x-c)/d))^-g, x counted from 0: a straight baseline and a five-parameter
// (Richards) growth. With g = 1 it is the four-parameter logistic.
type sigmoid struct{ b, s, a, c, d, g float64 }

// peak is where the second derivative is largest. With u = e^-((x-c)/d) the third derivative vanishes where
// g²u² - (3g+1)u + 1 = 0; the larger root is the maximum.
func (s sigmoid) peak() float64 {
	g := s.g
	if g <= 0 || s.d <= 0 {
		return math.Inf(-1)
	}
	u := (3*g + 1 + math.Sqrt((3*g+1)*(3*g+1)-4*g*g)) / (2 * g * g)
	return s.c - s.d*math.Log(u)
}

// fitSigmoid fits by Levenberg-Marquardt, first with g = 1, then with g free. The values are scaled to a range of 1.
// Parameters are held inside what a cycler can show, so that the fit always ends.
func fitSigmoid(y []float64) (sigmoid, float64) {
	n := len(y)
	lo, hi := y[0], y[0]
	for _, v := range y {
		lo, hi = min(lo, v), max(hi, v)
	}
	scale := hi - lo
	var buf [maxCycles]float64
	z := buf[:n]
	for i, v := range y {
		z[i] = (v - lo) / scale
	}
	s := start(z)
	s, rss := marquardt(z, s, stage{5, 30, 1e-3})
	if s.a > 0 && s.d < 2*maxWidth {
		s, rss = marquardt(z, s, stage{6, 15, 1e-5})
	}
	s.b, s.s, s.a = s.b*scale+lo, s.s*scale, s.a*scale
	return s, rss * scale * scale
}

// start guesses: baseline from the first readings, middle where half of the rise is reached for good.
func start(z []float64) sigmoid {
	n := len(z)
	base := (z[1] + z[2] + z[3]) / 3
	top := max(z[n-1], z[n-2], z[n-3])
	half := base + (top-base)/2
	c := n - 1
	for c > 0 && z[c-1] > half {
		c--
	}
	return sigmoid{b: base, a: max(top-base, 0.05), c: float64(c), d: 1.6, g: 1}
}

// stage is one run of the fit: how many parameters move, how many rounds at most, and the share of the residual that a
// step must gain.
type stage struct {
	k, rounds int
	enough    float64
}

// marquardt improves the first k parameters in the order b, s, a, c, d, g.
func marquardt(z []float64, s sigmoid, st stage) (sigmoid, float64) {
	k := st.k
	lambda := 1e-3
	var h [6][6]float64
	var v [6]float64
	rss := s.normal(z, k, &h, &v)
	for range st.rounds {
		step, ok := solve(h, v, k, lambda)
		if !ok {
			break
		}
		try := s.moved(step, float64(len(z)))
		var h2 [6][6]float64
		var v2 [6]float64
		r := try.normal(z, k, &h2, &v2)
		if !(r < rss) {
			if lambda *= 8; lambda > 1e8 {
				break
			}
			continue
		}
		done := rss-r < st.enough*rss
		s, rss, h, v = try, r, h2, v2
		lambda = max(lambda/6, 1e-9)
		if done {
			break
		}
	}
	return s, rss
}

func (s sigmoid) moved(p [6]float64, n float64) sigmoid {
	s.b += p[0]
	s.s += p[1]
	s.a = max(-3, min(20, s.a+p[2]))
	s.c = max(-5, min(1.6*n, s.c+max(-6, min(6, p[3]))))
	s.d = max(0.25, min(n, s.d*math.Exp(max(-0.7, min(0.7, p[4])))))
	s.g = max(0.15, min(8, s.g*math.Exp(max(-0.7, min(0.7, p[5])))))
	return s
}

// normal fills the normal equations and gives the residual sum of squares. d and g move on a logarithmic scale.
func (s sigmoid) normal(z []float64, k int, h *[6][6]float64, v *[6]float64) (rss float64) {
	var j [6]float64
	j[0] = 1
	inv := 1 / s.d
	for i, y := range z {
		x := float64(i)
		t := (x - s.c) * inv
		e := math.Exp(min(-t, 300))
		q := 1 / (1 + e)
		p, lq := q, 0.0
		if k == 6 {
			lq = -math.Log1p(e)
			p = math.Exp(s.g * lq)
		}
		dp := s.g * p * (1 - q) // dp/dt
		r := y - s.b - s.s*x - s.a*p
		rss += r * r
		j[1], j[2] = x, p
		j[3] = -s.a * dp * inv
		j[4] = -s.a * dp * t
		if k == 6 {
			j[5] = s.a * p * lq * s.g
		}
		for a := 0; a < k; a++ {
			v[a] += j[a] * r
			for b := 0; b <= a; b++ {
				h[a][b] += j[a] * j[b]
			}
		}
	}
	return rss
}

// solve solves (H + lambda diag H) p = v by Cholesky's method.
func solve(h [6][6]float64, v [6]float64, k int, lambda float64) (p [6]float64, ok bool) {
	for a := range k {
		h[a][a] += lambda*h[a][a] + 1e-12
	}
	for a := range k {
		for b := 0; b <= a; b++ {
			sum := h[a][b]
			for c := range b {
				sum -= h[a][c] * h[b][c]
			}
			if a == b {
				if sum <= 0 || math.IsNaN(sum) {
					return p, false
				}
				h[a][a] = math.Sqrt(sum)
			} else {
				h[a][b] = sum / h[b][b]
			}
		}
	}
	for a := range k {
		sum := v[a]
		for c := range a {
			sum -= h[a][c] * p[c]
		}
		p[a] = sum / h[a][a]
	}
	for a := k - 1; a >= 0; a-- {
		sum := p[a]
		for c := a + 1; c < k; c++ {
			sum -= h[c][a] * p[c]
		}
		p[a] = sum / h[a][a]
	}
	return p, true
}
