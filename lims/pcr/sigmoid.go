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
// Parameters are held inside what a cycler can show, so that the fit always ends. The number of rounds is part of the method: skew and
// width of a curve hardly tell each other apart, and a fit that went on for ever would end at widths that no reaction has.
func fitSigmoid(y []float64) (sigmoid, float64) {
	n := len(y)
	lo, hi := y[0], y[0]
	for _, v := range y {
		lo, hi = min(lo, v), max(hi, v)
	}
	scale := hi - lo
	var buf [maxCycles]float64
	f := fit{z: buf[:n]}
	for i, v := range y {
		f.z[i] = (v - lo) / scale
		f.col[0][i], f.col[1][i] = 1, float64(i)
	}
	s, rss := f.improve(start(f.z), stage{5, 30, 1e-3})
	if s.a > 0 && s.d < 2*maxWidth {
		s, rss = f.improve(s, stage{6, 15, 1e-5})
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

// fit is a curve that is being fitted, scaled to a range of 1. The columns are the derivatives of the sigmoid by b, s, a, c, d and g;
// d and g move on a logarithmic scale.
type fit struct {
	z   []float64
	q   [maxCycles]float64 // the logistic curve 1/(1 + e^-t), t = (x-c)/d
	r   [maxCycles]float64 // what the sigmoid leaves of z
	col [6][maxCycles]float64
}

// improve is Levenberg-Marquardt over the first k parameters in the order b, s, a, c, d, g.
func (f *fit) improve(s sigmoid, st stage) (sigmoid, float64) {
	lambda := 1e-3
	rss := f.at(s, st.k)
	h, v := f.normal(st.k)
	for range st.rounds {
		step, ok := solve(h, v, st.k, lambda)
		if !ok {
			break
		}
		try := s.moved(step, float64(len(f.z)))
		r := f.at(try, st.k)
		if !(r < rss) {
			if lambda *= 8; lambda > 1e8 {
				break
			}
			continue
		}
		done := rss-r < st.enough*rss
		s, rss = try, r
		if done {
			break
		}
		h, v = f.normal(st.k)
		lambda = max(lambda/6, 1e-9)
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

// at fills the residuals and the columns for a sigmoid, and gives the residual sum of squares.
func (f *fit) at(s sigmoid, k int) (rss float64) {
	f.grow(s, k)
	for i, y := range f.z {
		x, p := float64(i), f.col[2][i]
		dp := s.a * s.g * p * (1 - f.q[i]) / s.d // by x
		f.col[3][i], f.col[4][i] = -dp, -dp*(x-s.c)
		r := y - s.b - s.s*x - s.a*p
		f.r[i] = r
		rss += r * r
	}
	return rss
}

// grow fills q and the columns of the growth q^g. One exponential does for all of q: e^-t falls by the same ratio from cycle to cycle, and
// with c and d bounded (see moved) it stays finite. Short loops, each of one function, let the processor work on several cycles at once.
func (f *fit) grow(s sigmoid, k int) {
	n := len(f.z)
	q, p, dg := f.q[:n], f.col[2][:n], f.col[5][:n]
	e, ratio := math.Exp(s.c/s.d), math.Exp(-1/s.d) // e^-t at the first cycle, and its ratio
	for i := range q {
		q[i] = 1 / (1 + e)
		e *= ratio
	}
	if k < 6 {
		copy(p, q)
		return
	}
	for i := range dg {
		dg[i] = s.g * math.Log(q[i])
	}
	for i := range p {
		p[i] = math.Exp(dg[i])
	}
	for i := range dg {
		dg[i] *= s.a * p[i]
	}
}

// normal gives the normal equations of the first k parameters.
func (f *fit) normal(k int) (h [6][6]float64, v [6]float64) {
	n := len(f.z)
	for a := range k {
		v[a] = dot(f.col[a][:n], f.r[:n])
		for b := 0; b <= a; b++ {
			h[a][b] = dot(f.col[a][:n], f.col[b][:n])
		}
	}
	return h, v
}

// dot adds up in four sums, which the processor forms side by side.
func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+3 < len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
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
