package pooling

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Tests per person at Se .98, Sp .999 for risks .01, .1, .5, 1, 2, 5 and 10 %,
// worked out independently for capacity planning.
func TestCapacityTable(t *testing.T) {
	t.Parallel()
	test := Test{.98, .999}
	risks := []float64{.0001, .001, .005, .01, .02, .05, .1}
	tree := func(stages ...[]int) func(float64) (Char, error) {
		return func(p float64) (Char, error) {
			return Tree{Stages: stages, Tests: []Test{test}}.Char(Same(p, sum(stages[0])))
		}
	}
	array := func(rows, cols int) func(float64) (Char, error) {
		return func(p float64) (Char, error) {
			return Array{Rows: rows, Cols: cols, Row: test, Col: test, Each: test}.Char(Same(p, rows*cols))
		}
	}
	half, err := Halving(16, 4)
	require.NoError(t, err)
	for _, c := range []struct {
		char func(float64) (Char, error)
		want []float64
	}{
		{tree([]int{5}), []float64{.2015, .2059, .2252, .2490, .2951, .4225, .6019}},
		{tree([]int{10}), []float64{.1020, .1107, .1489, .1946, .2801, .4938, .7386}},
		{tree([]int{20}), []float64{.0530, .0704, .1444, .2293, .3764, .6790, .9110}},
		{array(10, 10), []float64{.2021, .2032, .2092, .2192, .2471, .3734, .6208}},
		{array(8, 12), []float64{.2104, .2115, .2175, .2273, .2542, .3757, .6142}},
		{array(20, 20), []float64{.1021, .1032, .1137, .1388, .2153, .5022, .8429}},
		{tree([]int{10}, []int{4, 3, 3}), []float64{.1009, .1065, .1309, .1607, .2179, .3718, .5802}},
		{tree([]int{20}, []int{5, 5, 5, 5}), []float64{.0511, .0589, .0927, .1331, .2078, .3935, .6159}},
		{tree(half...), []float64{.0634, .0702, .1002, .1365, .2054, .3867, .6230}},
	} {
		for i, p := range risks {
			got, err := c.char(p)
			require.NoError(t, err)
			require.InDelta(t, c.want[i], got.PerPerson(), 6e-5, "risk %v", p)
		}
	}
}

// Perfect two-round designs with r pools a person.
func TestRegularTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p    float64
		r, s int
		want float64
	}{{.01, 2, 25, .135475}, {.01, 3, 39, .118593}, {.01, 4, 51, .112530}, {.001, 2, 106, .029803}} {
		got, err := Regular{R: c.r, S: c.s, Pool: Perfect, Each: Perfect}.Char(c.p, 1)
		require.NoError(t, err)
		require.InDelta(t, c.want, got.PerPerson(), 6e-7)
	}
	for _, c := range []struct {
		d       int
		p, want float64
	}{{4, .01, .1806}, {4, .001, .1494}, {5, .01, .2126}, {5, .001, .0641}} {
		got, err := Hypercube{L: 3, D: c.d, Pool: Perfect, Each: Perfect}.Char(c.p)
		require.NoError(t, err)
		require.InDelta(t, c.want, got.PerPerson(), 6e-5)
	}
}

func TestSizeSearches(t *testing.T) {
	t.Parallel()
	r := ask(t, map[string]any{"optimise": "regular", "r": 2, "risk": .01})
	require.EqualValues(t, 25, r["s"])
	require.InDelta(t, .135475, r["tests_per_person"], 6e-7)
	h := ask(t, map[string]any{"optimise": "halving", "stages": 4, "risk": .01, "se": .98, "sp": .999, "max": 40})
	best := 2.0
	for n := 2; n <= 40; n++ {
		x := ask(t, map[string]any{"scheme": "halving", "n": n, "stages": 4, "risk": .01, "se": .98, "sp": .999})
		best = min(best, x["tests_per_person"].(float64))
	}
	require.InDelta(t, best, h["tests_per_person"], 1e-12)
	c := ask(t, map[string]any{"optimise": "hypercube", "d": 3, "risk": .01, "max": 9})
	for l := 2; l <= 9; l++ {
		x := ask(t, map[string]any{"scheme": "hypercube", "l": l, "d": 3, "risk": .01})
		require.GreaterOrEqual(t, x["tests_per_person"], c["tests_per_person"])
	}
}
