package pcr

import (
	"math"
	"slices"
)

// Share is a proportion with its 95 % interval (Wilson score).
type Share struct {
	Hits, Of  int
	Value     float64 // NaN where Of is 0
	Low, High float64
}

// z95 is the two-sided 95 % point of the normal distribution.
const z95 = 1.959963984540054

// ShareOf is hits of n with its interval.
func ShareOf(hits, n int) Share {
	s := Share{Hits: hits, Of: n, Value: math.NaN(), High: 1}
	if n <= 0 {
		return s
	}
	p, m := float64(hits)/float64(n), float64(n)
	mid := (p + z95*z95/(2*m)) / (1 + z95*z95/m)
	half := z95 / (1 + z95*z95/m) * math.Sqrt(p*(1-p)/m+z95*z95/(4*m*m))
	s.Value, s.Low, s.High = p, max(0, mid-half), min(1, mid+half)
	return s
}

// Pair is one sample with two kits. Calls other than positive and negative are counted apart.
type Pair struct {
	A, B     string
	CqA, CqB float64 // of the same gene, 0 where there is none
}

// Agreement is how two kits, or two lots, agree. B is the reference. Cq values are compared as a difference by pair and
// never averaged across kits.
type Agreement struct {
	Both, OnlyA, OnlyB, Neither int // positive with both, with one, with none
	Apart                       int // pairs with a call that is neither positive nor negative
	PPA, NPA, Overall           Share
	Kappa, KappaLow, KappaHigh  float64 // Cohen's; NaN where the calls do not vary
	Cq                          Bland
}

// Bland is a Bland-Altman comparison of paired Cq values, A minus B, in cycles.
type Bland struct {
	N         int
	Mean, SD  float64
	Low, High float64      // limits of agreement, mean -+ 1.96 SD
	From, To  float64      // 95 % interval of the mean
	Points    [][2]float64 // mean of the pair, difference; for the picture, in the order given
}

// Agree compares pairs.
func Agree(pairs []Pair) Agreement {
	var a Agreement
	var diffs [][2]float64
	for _, p := range pairs {
		posA, posB := p.A == Positive, p.B == Positive
		switch {
		case !posA && p.A != Negative || !posB && p.B != Negative:
			a.Apart++
			continue
		case posA && posB:
			a.Both++
		case posA:
			a.OnlyA++
		case posB:
			a.OnlyB++
		default:
			a.Neither++
		}
		if posA && posB && p.CqA > 0 && p.CqB > 0 {
			diffs = append(diffs, [2]float64{(p.CqA + p.CqB) / 2, p.CqA - p.CqB})
		}
	}
	n := a.Both + a.OnlyA + a.OnlyB + a.Neither
	a.PPA = ShareOf(a.Both, a.Both+a.OnlyB)
	a.NPA = ShareOf(a.Neither, a.Neither+a.OnlyA)
	a.Overall = ShareOf(a.Both+a.Neither, n)
	a.Kappa, a.KappaLow, a.KappaHigh = kappa(float64(a.Both), float64(a.OnlyA), float64(a.OnlyB), float64(a.Neither))
	a.Cq = bland(diffs)
	return a
}

// kappa is Cohen's kappa with the large-sample interval of Fleiss, Cohen and Everitt (1969).
func kappa(a, b, c, d float64) (k, low, high float64) {
	n := a + b + c + d
	if n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	a, b, c, d = a/n, b/n, c/n, d/n
	rowP, colP := a+b, a+c
	po, pe := a+d, rowP*colP+(1-rowP)*(1-colP)
	if pe >= 1 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	k = (po - pe) / (1 - pe)
	part := func(p, row, col float64) float64 { x := 1 - (row+col)*(1-k); return p * x * x }
	off := func(p, rowOther, colOther float64) float64 { x := rowOther + colOther; return p * x * x }
	v := part(a, rowP, colP) + part(d, 1-rowP, 1-colP)
	v += (1 - k) * (1 - k) * (off(b, colP, 1-rowP) + off(c, 1-colP, rowP))
	e := k - pe*(1-k)
	v = (v - e*e) / (n * (1 - pe) * (1 - pe))
	se := math.Sqrt(max(0, v))
	return k, max(-1, k-z95*se), min(1, k+z95*se)
}

func bland(points [][2]float64) Bland {
	b := Bland{N: len(points), Points: points}
	if b.N == 0 {
		return b
	}
	for _, p := range points {
		b.Mean += p[1]
	}
	n := float64(b.N)
	b.Mean /= n
	for _, p := range points {
		b.SD += (p[1] - b.Mean) * (p[1] - b.Mean)
	}
	if b.N > 1 {
		b.SD = math.Sqrt(b.SD / (n - 1))
	}
	b.Low, b.High = b.Mean-1.96*b.SD, b.Mean+1.96*b.SD
	half := student(b.N-1) * b.SD / math.Sqrt(n)
	b.From, b.To = b.Mean-half, b.Mean+half
	return b
}

// student is the two-sided 95 % point of Student's t: a table to 30, then the expansion of Cornish and Fisher.
func student(df int) float64 {
	table := []float64{math.Inf(1), 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
		2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042}
	if df < len(table) {
		return table[max(df, 0)]
	}
	v := float64(df)
	return z95 + (z95*z95*z95+z95)/(4*v)
}

// LotDrift says how a lot differs from the lots before it.
type LotDrift struct {
	Alert  bool
	Shift  float64 // cycles, this lot minus the earlier ones, both against the same reference kit
	Reason string  // cq_shift | ppa | ""
}

// maxShift is the Cq shift between lots, in cycles, from which a drift is an alert: twice the template,
// and below the 1.7 that pooling may cost.
const maxShift = 1.0

// Shift compares a lot's agreement with that of the lots before it, against the same reference. A shift counts where the
// intervals of the two means are apart and the shift is a cycle or more; a PPA counts where the intervals are apart.
func Shift(lot, before Agreement) LotDrift {
	d := LotDrift{Shift: lot.Cq.Mean - before.Cq.Mean}
	apart := lot.Cq.N >= 5 && before.Cq.N >= 5 && (lot.Cq.From > before.Cq.To || lot.Cq.To < before.Cq.From)
	switch {
	case apart && math.Abs(d.Shift) >= maxShift:
		d.Alert, d.Reason = true, "cq_shift"
	case lot.PPA.Of > 0 && before.PPA.Of > 0 && lot.PPA.High < before.PPA.Low:
		d.Alert, d.Reason = true, "ppa"
	}
	return d
}

// Median and the 95th percentile of distances, for reports of how our Cq values compare with an instrument's.
func Median(x []float64) (median, p95 float64) {
	if len(x) == 0 {
		return math.NaN(), math.NaN()
	}
	s := slices.Clone(x)
	slices.Sort(s)
	at := func(q float64) float64 { return s[min(len(s)-1, int(q*float64(len(s))))] }
	return at(0.5), at(0.95)
}
