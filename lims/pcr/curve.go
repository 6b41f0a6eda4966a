package pcr

import (
	"math"
	"slices"
)

// Trace is our own reading of an amplification curve.
//
// The curve is freed of spikes, a straight baseline and a sigmoid are fitted together, and the fit is judged: noise from
// the second differences, growth from the steepness, completeness from where the second derivative peaks. A Cq of
// ours never replaces the instrument's: it says whether the two agree.
type Trace struct {
	Shape  Shape
	Score  float64 // 0 to 1, how clearly the curve is of its shape
	Cq     float64 // second-derivative maximum of the fitted sigmoid, in cycles; 0 none
	Level  float64 // baseline at the first cycle
	Slope  float64 // of the baseline, per cycle
	Rise   float64 // height of the sigmoid, 0 where none was fitted
	Width  float64 // of the sigmoid in cycles; 1.44 is a doubling a cycle
	Noise  float64 // standard deviation of one reading about a smooth curve
	Spikes int     // readings left out
	fit    sigmoid
}

// The limits of the classes. They are judged on constructed curves and on instrument files (see the corpus test).
const (
	minPoints   = 12
	minSNR      = 8.0  // rise over noise
	minGain     = 0.80 // share of what a line leaves unexplained that the sigmoid explains
	maxWidth    = 5.0  // cycles: growth slower than that is drift
	early       = 8.0  // cycles: a rise that begins before has shown no baseline
	minEarly    = 0.25 // rise over level of such a curve; what rises less is the start-up of the optics
	minRelative = 0.03 // rise over level, of curves that were not baseline-corrected
	noisy       = 0.03 // noise over level
)

// Trace reads the curve. A curve that is too short, or holds a value that is no number, is Unseen.
func (c Curve) Trace() Trace {
	n := len(c.Y)
	if n < minPoints || n > maxCycles {
		return Trace{}
	}
	var buf, scratch [maxCycles]float64
	y := buf[:n]
	lo, hi := math.Inf(1), math.Inf(-1)
	for i, v := range c.Y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Trace{}
		}
		y[i] = v
		lo, hi = min(lo, v), max(hi, v)
	}
	t := Trace{Shape: Flat, Score: 1, Level: y[0]}
	if hi-lo < 1e-12*math.Max(math.Abs(hi), math.Abs(lo)) || hi == lo {
		return t
	}
	t.Noise = noise(y, scratch[:])
	t.Spikes = despike(y, t.Noise)
	a, b, rssLine := line(y)
	t.Level, t.Slope = a, b
	if spread(y, a, b) < 5*t.Noise && math.Abs(b)*float64(n-1) < 3*t.Noise*math.Sqrt(float64(n)) {
		t.quiet(c.Kind, n)
		return t
	}
	s, rss := fitSigmoid(y)
	t.fit = s
	gain := 1 - rss/math.Max(rssLine, 1e-300)
	t.classify(c, s, gain, n)
	return t
}

// quiet is a curve without growth: flat, drifting or noisy.
func (t *Trace) quiet(kind CurveKind, n int) {
	rise := math.Abs(t.Slope) * float64(n-1)
	level := math.Abs(t.Level)
	switch {
	case kind != DeltaRn && level > 0 && t.Noise > noisy*level:
		t.Shape, t.Score = Noise, min(1, t.Noise/(2*noisy*level))
	case rise > 6*t.Noise && (kind == DeltaRn || rise > minRelative*level):
		t.Shape, t.Score = Drift, min(1, rise/(12*t.Noise))
	default:
		t.Shape, t.Score = Flat, 1
	}
}

func (t *Trace) classify(c Curve, s sigmoid, gain float64, n int) {
	first := float64(max(c.First, 1))
	sdm := s.peak() + first
	last := first + float64(n-1)
	level := math.Abs(s.b)
	real := s.a > minSNR*t.Noise && gain > minGain && s.g > 0 && (c.Kind == DeltaRn || c.Kind == "" || s.a > minRelative*level)
	if sdm < first+early && c.Kind != DeltaRn && s.a < minEarly*level {
		real = false
	}
	if !real || sdm < first-3 {
		t.quiet(c.Kind, n)
		return
	}
	t.Level, t.Slope, t.Rise, t.Width = s.b, s.s, s.a, s.d
	t.Score = min(1, gain) * min(1, s.a/(2*minSNR*t.Noise+1e-300))
	switch {
	case s.d > maxWidth:
		t.Shape = Drift
	case sdm > last-1:
		t.Shape, t.Cq = Late, sdm
	default:
		t.Shape, t.Cq = Sigmoid, sdm
	}
}

// At is the cycle where the fitted curve, freed of its baseline, crosses a threshold; 0 where it never does.
func (t Trace) At(threshold float64, first int) float64 {
	if t.Rise <= threshold || threshold <= 0 || t.Shape != Sigmoid && t.Shape != Late {
		return 0
	}
	// threshold = a (1+u)^-g  =>  u = (a/threshold)^(1/g) - 1, x = c - d ln u
	u := math.Pow(t.fit.a/threshold, 1/t.fit.g) - 1
	if u <= 0 {
		return 0
	}
	return t.fit.c - t.fit.d*math.Log(u) + float64(max(first, 1))
}

// noise is a robust standard deviation of one reading: the median absolute second difference. For independent readings of
// deviation s a second difference has deviation s * sqrt(6).
func noise(y, scratch []float64) float64 {
	d := scratch[:0]
	for i := 1; i+1 < len(y); i++ {
		d = append(d, math.Abs(y[i-1]-2*y[i]+y[i+1]))
	}
	slices.Sort(d)
	// The growth phase curves too: the lower quartile leaves it out (0.3186 is the quartile of |N(0,1)|).
	return d[len(d)/4] / 0.3186 / math.Sqrt(6)
}

// despike replaces single readings that stand far off the line between their neighbours, where those agree.
func despike(y []float64, sd float64) (n int) {
	for i := 1; i+1 < len(y); i++ {
		mid := (y[i-1] + y[i+1]) / 2
		off, gap := math.Abs(y[i]-mid), math.Abs(y[i+1]-y[i-1])
		if off > 12*sd && off > 3*gap {
			y[i] = mid
			n++
		}
	}
	return n
}

// line is the least-squares line a + b i and its residual sum of squares.
func line(y []float64) (a, b, rss float64) {
	n := float64(len(y))
	mx := (n - 1) / 2
	my := 0.0
	for _, v := range y {
		my += v
	}
	my /= n
	sxy, sxx, syy := 0.0, 0.0, 0.0
	for i, v := range y {
		dx := float64(i) - mx
		sxy += dx * (v - my)
		sxx += dx * dx
		syy += (v - my) * (v - my)
	}
	b = sxy / sxx
	return my - b*mx, b, max(0, syy-b*sxy)
}

// spread is the largest distance from a line.
func spread(y []float64, a, b float64) (far float64) {
	for i, v := range y {
		far = max(far, math.Abs(v-a-b*float64(i)))
	}
	return far
}

// Height is the fitted curve at a cycle, freed of its baseline: what a threshold would have to be to be crossed there.
func (t Trace) Height(cycle float64, first int) float64 {
	if t.Shape != Sigmoid && t.Shape != Late {
		return 0
	}
	e := math.Exp(min(300, -(cycle-float64(max(first, 1))-t.fit.c)/t.fit.d))
	return t.fit.a * math.Exp(-t.fit.g*math.Log1p(e))
}
