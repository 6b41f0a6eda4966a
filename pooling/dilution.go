package pooling

import (
	"math"
	"sort"
)

// Dilution is how a pool changes what the test can see.
//
// Model: pool Cq = single Cq + Δ, Δ = log2(d)/log2(1+E), where d is the number
// of equal aliquots mixed in the laboratory, or pool volume / single volume for
// swabs in one tube (ten swabs in 6 mL against one in 3 mL: a factor 2, not 10).
// A Cq c is detected with chance Φ((C95−c)/σ + 1.645): 95 % at the Cq of the
// limit of detection. With Sigma 0 the cut is hard: detected when c < C95.
type Dilution struct {
	C95        float64 // Cq detected 95 % of the time
	Sigma      float64 // cycles; 0.6..1 is usual, 0 = hard cut
	Efficiency float64 // of the PCR, 1 = doubling; 0 means 1
}

// LabFactor is the dilution of n equal aliquots; TubeFactor that of a tube of
// several swabs against the tube of a single one.
func LabFactor(n int) float64                   { return float64(n) }
func TubeFactor(pooled, single float64) float64 { return pooled / single }

// RelativeVolume is the volume of a sample that pooling by n and a single retest
// need, in volumes of a single test (FDA template, Specimen Pooling).
func RelativeVolume(n int) float64 { return 1 + 1/float64(n) }

// Shift is Δ for a dilution by factor d >= 1, in cycles.
func (d Dilution) Shift(factor float64) float64 {
	if d.Efficiency == 0 {
		return math.Log2(factor)
	}
	return math.Log2(factor) / math.Log2(1+d.Efficiency)
}

// PoolCq is the Cq of n equal aliquots, of which those given are positive:
// log2(n) − log2 Σ 2^−c.
func PoolCq(n int, positive ...float64) float64 {
	s := 0.0
	for _, c := range positive {
		s += math.Exp2(-c)
	}
	return math.Log2(float64(n)) - math.Log2(s)
}

// Hit is the chance that a Cq is detected.
func (d Dilution) Hit(cq float64) float64 {
	if d.Sigma == 0 {
		if cq < d.C95 {
			return 1
		}
		return 0
	}
	return 0.5 * math.Erfc(-((d.C95-cq)/d.Sigma+1.645)/math.Sqrt2)
}

// Check refuses parameters that are no model.
func (d Dilution) Check() error {
	if !(d.Sigma >= 0 && d.Sigma < 100 && d.Efficiency >= 0 && d.Efficiency <= 1) || math.IsNaN(d.C95) || math.IsInf(d.C95, 0) {
		return refuse(BadField, "cut %v, sigma %v, efficiency %v: expected a Cq, sigma >= 0, efficiency in (0,1]", d.C95, d.Sigma, d.Efficiency)
	}
	return nil
}

// Sensitivity is that of a scheme over the laboratory's own positives. Both
// figures are given; decide on Integrated.
type Sensitivity struct {
	Integrated  float64 // mean over the Cq of the product over one person's tests
	Independent float64 // product of the means, as if each test had its own Cq
}

// Chain is the sensitivity of a person whose tests all have to read positive,
// at the given dilution factors (1 = single test). Two-stage: Chain(cq, 10, 1);
// a strict array of rows and columns of 10: Chain(cq, 10, 10, 1).
func (d Dilution) Chain(cq []float64, factors ...float64) Sensitivity {
	return d.over(cq, factors, func(hit []float64) float64 {
		p := 1.0
		for _, h := range hit {
			p *= h
		}
		return p
	})
}

// Regular is the sensitivity of r pools at one dilution factor of which at most
// e may read negative, then the single test.
func (d Dilution) Regular(cq []float64, factor float64, r, e int) Sensitivity {
	return d.over(cq, []float64{factor, 1}, func(hit []float64) float64 {
		return atLeast(r-e, r, hit[0]) * hit[1]
	})
}

func (d Dilution) over(cq, factors []float64, caught func([]float64) float64) Sensitivity {
	hit, sum := make([]float64, len(factors)), make([]float64, len(factors))
	var s Sensitivity
	for _, c := range cq {
		for k, f := range factors {
			hit[k] = d.Hit(c + d.Shift(f))
			sum[k] += hit[k]
		}
		s.Integrated += caught(hit)
	}
	n := float64(len(cq))
	for k := range sum {
		sum[k] /= n
	}
	s.Integrated /= n
	s.Independent = caught(sum)
	return s
}

// PPA is the share of the singly detected positives that a pool still detects.
func (d Dilution) PPA(cq []float64, factor float64) float64 {
	var single, pooled float64
	for _, c := range cq {
		single += d.Hit(c)
		pooled += d.Hit(c + d.Shift(factor))
	}
	return pooled / single
}

// Detected counts the Cq that a pool by this factor still brings under the cut.
func (d Dilution) Detected(cq []float64, factor float64) int {
	n, shift := 0, d.Shift(factor)
	for _, c := range cq {
		if c+shift < d.C95 {
			n++
		}
	}
	return n
}

// Largest is the largest pool up to max whose PPA reaches target (.95 for
// screening; .85 is the FDA's floor). A size that passes covers every smaller
// one, so the search stops at the first that fails. factor gives the dilution
// of n; LabFactor for aliquots. 1 = no pooling.
func (d Dilution) Largest(cq []float64, target float64, max int, factor func(int) float64) int {
	n := 1
	for n < max && d.PPA(cq, factor(n+1)) >= target {
		n++
	}
	return n
}

// HwangSe is the dilution curve of Hwang 1976 for 0 <= d <= 1, kept for
// comparison only: its d cannot be measured in a laboratory.
func HwangSe(p float64, n int, d float64) float64 {
	return p / -math.Expm1(math.Pow(float64(n), d)*logNegative(p))
}

// ReferenceCq stands in for a laboratory that has fewer than 100 positives of
// its own: 400 evenly spaced quantiles of a curve through rounded deciles of
// published single-tube Cq (1,632 patients, E gene; Verwilt et al. 2020).
func ReferenceCq() []float64 {
	const n = 400
	out := make([]float64, n)
	for i := range out {
		at := (float64(i) + 0.5) / n * float64(len(deciles)-1)
		k := int(at)
		out[i] = deciles[k] + (at-float64(k))*(deciles[k+1]-deciles[k])
	}
	return out
}

var deciles = []float64{9.8, 18.1, 20.9, 24.2, 26.7, 28.8, 30.3, 31.6, 32.9, 34.6, 36.9}

// Median of a list of Cq.
func Median(cq []float64) float64 {
	s := append([]float64(nil), cq...)
	sort.Float64s(s)
	n := len(s)
	if n == 0 {
		return math.NaN()
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}
