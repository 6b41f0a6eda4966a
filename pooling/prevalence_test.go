package pooling

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func drawSurvey(t *rapid.T) Survey {
	s := Survey{Test: drawTest(t, "test"), Level: rapid.SampledFrom([]float64{.8, .9, .95, .99}).Draw(t, "level")}
	for range rapid.IntRange(1, 3).Draw(t, "kinds") {
		n := rapid.IntRange(1, 7).Draw(t, "tested")
		s.Pools = append(s.Pools, Tested{rapid.IntRange(1, 20).Draw(t, "size"), n, rapid.IntRange(0, n).Draw(t, "positive")})
	}
	return s
}

func TestIntervalsHoldTheEstimate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSurvey(t)
		for _, interval := range []string{ClopperPearson, Score, LRT} {
			e, lower, upper, err := s.Prevalence(MLE, interval)
			require.NoError(t, err)
			require.True(t, 0 <= lower && lower <= upper && upper <= 1, "%s %v..%v", interval, lower, upper)
			require.True(t, lower <= e+1e-9 && e <= upper+1e-9, "%s: %v not in %v..%v", interval, e, lower, upper)
			wide := s
			wide.Level = 1 - (1-s.Level)/2
			_, l, u, err := wide.Prevalence(MLE, interval)
			require.NoError(t, err)
			require.True(t, l <= lower+1e-9 && u >= upper-1e-9, "%s: a higher level is wider", interval)
		}
	})
}

func TestMLEIsMostLikely(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSurvey(t)
		f := newFit(s)
		best := f.like(f.mle())
		for p := 0.0; p < 1; p += .003 {
			require.LessOrEqual(t, f.like(p), best+1e-7)
		}
	})
}

// Splitting the pools of one size into two entries changes nothing.
func TestSurveyMergesSizes(t *testing.T) {
	t.Parallel()
	one := Survey{Test: Test{.95, .99}, Pools: []Tested{{10, 40, 7}}}
	two := Survey{Test: Test{.95, .99}, Pools: []Tested{{10, 15, 2}, {10, 25, 5}}}
	for _, interval := range []string{ClopperPearson, Score, LRT} {
		a, b, c, err := one.Prevalence(Firth, interval)
		require.NoError(t, err)
		x, y, z, err := two.Prevalence(Firth, interval)
		require.NoError(t, err)
		require.Equal(t, []float64{a, b, c}, []float64{x, y, z})
	}
}

// At the exact limits the tail of the ordering by MLE holds half of what the
// level leaves; the tails are summed here over every single pool.
func TestExactLimitsOfUnequalPools(t *testing.T) {
	t.Parallel()
	s := Survey{Test: Perfect, Pools: []Tested{{1, 3, 1}, {4, 4, 2}, {9, 3, 1}}}
	e, lower, upper, err := s.Prevalence(MLE, ClopperPearson)
	require.NoError(t, err)
	tail := func(p float64, high bool) float64 {
		sum := 0.0
		var sizes []int
		for _, k := range s.Pools {
			for range k.Tested {
				sizes = append(sizes, k.Size)
			}
		}
		risk := make([]float64, len(sizes))
		for i, m := range sizes {
			risk[i] = 1 - math.Pow(1-p, float64(m))
		}
		worlds(risk, func(state []bool, q float64) {
			o := Survey{Test: Perfect}
			for i, m := range sizes {
				k := Tested{m, 1, 0}
				if state[i] {
					k.Positive = 1
				}
				o.Pools = append(o.Pools, k)
			}
			v := newFit(o).mle()
			if math.Abs(v-e) < 1e-9 || (v > e) == high {
				sum += q
			}
		})
		return sum
	}
	require.InDelta(t, .025, tail(lower, true), 1e-6)
	require.InDelta(t, .025, tail(upper, false), 1e-6)
}

func TestBetaQuantile(t *testing.T) {
	t.Parallel()
	require.InDelta(t, .5, betaQuantile(.5, 3, 3), 1e-12)
	require.InDelta(t, 1-math.Pow(.975, 1.0/7), betaQuantile(.025, 1, 7), 1e-12) // Beta(1,n) in closed form
	require.InDelta(t, math.Pow(.3, 1.0/5), betaQuantile(.3, 5, 1), 1e-12)
}
