package pooling

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func drawDesign(t *rapid.T, n int) *Design {
	pools := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []int {
		return rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 1, n, rapid.ID[int]).Draw(t, "members")
	}), 1, 9).Draw(t, "pools")
	d, err := NewDesign(n, pools)
	require.NoError(t, err)
	return d
}

// read gives the readings of a perfect test.
func (d *Design) read(state []bool) []bool {
	out := make([]bool, len(d.pools))
	for t, m := range d.pools {
		out[t] = anyOf(state, m)
	}
	return out
}

func TestDecodeWithoutErrors(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "n")
		d := drawDesign(t, n)
		state := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "state")
		readings := d.read(state)
		out, err := d.Decode(Reading{Positive: readings})
		require.NoError(t, err)
		require.Empty(t, out.Unexplained)
		require.Empty(t, out.Contradicted)
		require.Len(t, append(append(append(append([]int{}, out.Sure...), out.Possible...), out.Cleared...), out.Untested...), n)
		// The states that agree with the readings are the whole truth.
		always, never := make([]bool, n), make([]bool, n)
		for i := range n {
			always[i], never[i] = true, true
		}
		worlds(Same(0.5, n), func(s []bool, _ float64) {
			if !same(d.read(s), readings) {
				return
			}
			for i := range n {
				always[i] = always[i] && s[i]
				never[i] = never[i] && !s[i]
			}
		})
		for _, i := range out.Cleared {
			require.True(t, never[i], "cleared %d could be positive", i)
		}
		for _, i := range out.Sure {
			require.True(t, always[i], "sure %d could be negative", i)
		}
		for _, i := range append(append([]int{}, out.Possible...), out.Sure...) {
			require.False(t, never[i], "candidate %d cannot be positive", i)
		}
		chosen := make([]bool, n)
		for _, i := range out.Scomp {
			chosen[i] = true
		}
		require.Equal(t, readings, d.read(chosen), "scomp explains everything")
	})
}

func same(a, b []bool) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestMissesAreTolerated(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(t, "n")
		d := drawDesign(t, n)
		state := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "state")
		readings := d.read(state)
		lost := rapid.IntRange(0, len(readings)-1).Draw(t, "lost")
		readings[lost] = false
		out, err := d.Decode(Reading{Positive: readings, Miss: 1})
		require.NoError(t, err)
		for _, i := range out.Cleared {
			require.False(t, state[i], "a positive was cleared by one false negative")
		}
	})
}

// drawNoisy draws a design, readings and accuracies with posteriors asked for.
func drawNoisy(t *rapid.T) (*Design, Reading) {
	n := rapid.IntRange(1, 8).Draw(t, "n")
	d := drawDesign(t, n)
	r := Reading{Positive: rapid.SliceOfN(rapid.Bool(), len(d.pools), len(d.pools)).Draw(t, "readings"), Prior: drawRisk(t, n)}
	r.Test = Test{rapid.Float64Range(0.6, 0.999).Draw(t, "se"), rapid.Float64Range(0.6, 0.999).Draw(t, "sp")}
	return d, r
}

func TestPosteriorEqualsBayes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d, r := drawNoisy(t)
		out, err := d.Decode(r)
		require.NoError(t, err)
		post, all := make([]float64, d.n), 0.0
		worlds(r.Prior, func(s []bool, p float64) {
			for k, m := range d.pools {
				x := r.Test.reads(anyOf(s, m))
				if !r.Positive[k] {
					x = 1 - x
				}
				p *= x
			}
			all += p
			for i := range s {
				if s[i] {
					post[i] += p
				}
			}
		})
		for k, who := range out.Posterior.Persons {
			require.InDelta(t, post[who]/all, out.Posterior.P[k], 1e-9)
		}
	})
}

// On a graph without cycles belief propagation is exact.
func TestBeliefOnDisjointPools(t *testing.T) {
	t.Parallel()
	d, err := NewDesign(0, [][]int{{0, 1, 2}, {3, 4}})
	require.NoError(t, err)
	r := Reading{Positive: []bool{true, false}, Prior: []float64{0.1, 0.02, 0.3, 0.05, 0.2}, Test: Test{0.9, 0.95}}
	b := d.belief(r)
	e, ok := d.enumerate(r, []int{0, 1, 2, 3, 4})
	require.True(t, ok)
	for i := range e.P {
		require.InDelta(t, e.P[i], b.P[i], 1e-6)
	}
}

// times multiplies in the field of eight elements, x^3 = x + 1.
func times(a, b int) int {
	p := 0
	for ; b > 0; b >>= 1 {
		if b&1 == 1 {
			p ^= a
		}
		if a <<= 1; a&8 != 0 {
			a ^= 11
		}
	}
	return p
}

// grid384 is 384 persons in 48 pools of 48, six each, by a Reed-Solomon code:
// two persons share at most two pools.
func grid384() [][]int {
	pools := make([][]int, 48)
	for who := range 384 {
		x, y, z := who%8, who/8%8, who/64
		for c := range 6 {
			t := c*8 + (x ^ times(c, y) ^ times(times(c, c), z))
			pools[t] = append(pools[t], who)
		}
	}
	return pools
}

func TestLargeDesignFallsBackInOrder(t *testing.T) {
	t.Parallel()
	d, err := NewDesign(384, grid384())
	require.NoError(t, err)
	require.Equal(t, Geometry{384, 48, [2]int{6, 6}, [2]int{48, 48}, 2, 2}, d.Geometry())
	state := make([]bool, 384)
	for _, i := range []int{3, 77, 150, 222, 301} {
		state[i] = true
	}
	out, err := d.Decode(Reading{Positive: d.read(state), Miss: 1, Prior: []float64{0.01}, Test: Test{0.98, 0.999}})
	require.NoError(t, err)
	require.NotEmpty(t, out.Posterior.Method)
	require.GreaterOrEqual(t, len(out.Posterior.Persons), 5)
	for _, p := range out.Posterior.P {
		require.True(t, p >= 0 && p <= 1 && !math.IsNaN(p))
	}
	again, _ := d.Decode(Reading{Positive: d.read(state), Miss: 1, Prior: []float64{0.01}, Test: Test{0.98, 0.999}})
	require.Equal(t, out, again)
}
