package pooling

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDesignEqualsEnumeration(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "n")
		d, risk := drawDesign(t, n), drawRisk(t, n)
		if rapid.Bool().Draw(t, "equal") {
			risk = Same(risk[0], n)
		}
		pool, each, e := drawTest(t, "pool"), drawTest(t, "each"), rapid.IntRange(0, 2).Draw(t, "e")
		c, err := d.Char(risk, pool, each, e)
		require.NoError(t, err)
		a := newTally(n)
		worlds(risk, func(state []bool, p float64) {
			a.tests += p * float64(len(d.pools))
			called := make([]float64, n)
			for bits := range 1 << len(d.pools) {
				q := 1.0
				for k, m := range d.pools {
					x := pool.reads(anyOf(state, m))
					if bits>>k&1 == 0 {
						x = 1 - x
					}
					q *= x
				}
				for i, pools := range d.in {
					negative := 0
					for _, k := range pools {
						negative += 1 - bits>>k&1
					}
					if negative <= e {
						a.tests += p * q
						called[i] += q * each.reads(state[i])
					}
				}
			}
			a.person(state, p, called)
		})
		a.same(t, c)
	})
}

// A published 384 x 48 matrix, retests counted; simulated figures.
func TestPublishedMatrix(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(shared("corpus/pbest_384x48_by_sample.tsv")); err != nil {
		t.Log("no published matrix:", err)
		return
	}
	pools := pbest(t)
	for _, m := range pools {
		for i := range m {
			m[i]--
		}
	}
	d, err := NewDesign(384, pools)
	require.NoError(t, err)
	for _, c := range []struct{ p, perfect, noisy float64 }{{.0001, .125, .125}, {.001, .126, .126}, {.005, .131, .138}, {.01, .144, .191}, {.02, .225, .416}} {
		x, err := d.Char(Same(c.p, 384), Perfect, Perfect, 0)
		require.NoError(t, err)
		require.InDelta(t, c.perfect, x.PerPerson(), .002, "risk %v", c.p)
		x, err = d.Char(Same(c.p, 384), Test{.98, .999}, Test{.98, .999}, 1)
		require.NoError(t, err)
		require.InDelta(t, c.noisy, x.PerPerson(), .004, "risk %v", c.p)
		require.InDelta(t, .995, x.PSe/.98, .001)
	}
}
