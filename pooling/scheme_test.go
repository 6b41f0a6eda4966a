package pooling

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func entropy(risk []float64) float64 {
	h := 0.0
	for _, p := range risk {
		for _, x := range []float64{p, 1 - p} {
			if x > 0 {
				h -= x * math.Log2(x)
			}
		}
	}
	return h
}

// No scheme without errors can ask fewer yes-or-no questions than the entropy.
func TestEntropyBound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		tr, risk := drawTree(t, n), drawRisk(t, n)
		tr.Tests = []Test{Perfect}
		c, err := tr.Char(risk)
		require.NoError(t, err)
		require.GreaterOrEqual(t, c.Tests, entropy(risk)-1e-9)
		require.InDelta(t, 1, c.PSe, 1e-12)
		require.InDelta(t, 1, c.PSp, 1e-12)
	})
}

func TestMoreRiskMoreTests(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		tr, risk := drawTree(t, n), drawRisk(t, n)
		less, err := tr.Char(risk)
		require.NoError(t, err)
		who := rapid.IntRange(0, n-1).Draw(t, "who")
		risk[who] += (1 - risk[who]) * rapid.Float64Range(0, 0.9).Draw(t, "more")
		more, err := tr.Char(risk)
		require.NoError(t, err)
		require.GreaterOrEqual(t, more.Tests, less.Tests-1e-9)
	})
}

func TestSinglesCostOneEach(t *testing.T) {
	t.Parallel()
	c, err := Tree{Stages: [][]int{{1, 1, 1, 1}}, Tests: []Test{{.9, .8}}}.Char([]float64{.1, .2, .3, .4})
	require.NoError(t, err)
	require.InDelta(t, 4, c.Tests, 0)
	require.InDelta(t, 0, c.Var, 0)
	require.InDelta(t, .9, c.PSe, 1e-15)
	require.InDelta(t, .8, c.PSp, 1e-15)
	require.Equal(t, 1, c.Rounds)
	require.InDelta(t, 0, c.Late(1), 0)
	require.InDelta(t, 1, c.Late(0), 0)
}

func TestSquareCubeIsTheStrictArray(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l, p := rapid.IntRange(2, 20).Draw(t, "l"), rapid.Float64Range(0, 0.5).Draw(t, "p")
		pool, each := drawTest(t, "pool"), drawTest(t, "each")
		h, err := Hypercube{L: l, D: 2, Pool: pool, Each: each}.Char(p)
		require.NoError(t, err)
		a, err := Array{Rows: l, Cols: l, Strict: true, Row: pool, Col: pool, Each: each}.Char(Same(p, l*l))
		require.NoError(t, err)
		require.InDelta(t, a.Tests, h.Tests, 1e-10*a.Tests)
		require.InDelta(t, a.PSe, h.PSe, 1e-12)
		require.InDelta(t, a.PSp, h.PSp, 1e-12)
	})
}

// exchangeable gives every state the beta-binomial law of one cluster.
func exchangeable(p, rho float64, n int, yield func([]bool, float64)) {
	a, b := p*(1-rho)/rho, (1-p)*(1-rho)/rho
	beta := func(x, y float64) float64 { return lgamma(x) + lgamma(y) - lgamma(x+y) }
	worlds(Same(0.5, n), func(s []bool, _ float64) {
		k := 0
		for _, x := range s {
			if x {
				k++
			}
		}
		yield(s, math.Exp(beta(a+float64(k), b+float64(n-k))-beta(a, b)))
	})
}

func TestClusteredTree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 7).Draw(t, "n")
		tr := drawTree(t, n)
		parts := drawParts(t, n, false)
		tr.Stages, tr.Tests = [][]int{{n}, parts}, drawTests(t, 3) // one cluster
		if rapid.Bool().Draw(t, "two stages") {
			tr.Stages, tr.Tests = tr.Stages[:1], tr.Tests[:2]
		}
		p, rho := rapid.Float64Range(0.01, 0.5).Draw(t, "p"), rapid.Float64Range(0.01, 0.9).Draw(t, "rho")
		tr.Rho = rho
		c, err := tr.Char(Same(p, n))
		require.NoError(t, err)
		treeTallyOver(t, tr, n, func(y func([]bool, float64)) { exchangeable(p, rho, n, y) }).same(t, c)
	})
}

func TestClusteredArray(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := drawArray(t)
		n := a.Rows * a.Cols
		p, rho := rapid.Float64Range(0.01, 0.5).Draw(t, "p"), rapid.Float64Range(0.01, 0.9).Draw(t, "rho")
		a.Rho = rho
		c, err := a.Char(Same(p, n))
		require.NoError(t, err)
		arrayTallyOver(a, n, func(y func([]bool, float64)) { exchangeable(p, rho, n, y) }).same(t, c)
	})
}

// A rare risk keeps its digits: the false-positive share of a perfect pool and
// an imperfect single test is alarm * P(somebody else positive).
func TestRareRiskKeepsDigits(t *testing.T) {
	t.Parallel()
	const p = 1e-12
	c, err := Tree{Stages: [][]int{{10}}, Tests: []Test{Perfect, {1, 0.99}}}.Char(Same(p, 10))
	require.NoError(t, err)
	require.InEpsilon(t, 1/(1+0.01*9), c.PPPV, 1e-9)
}

func TestBounds(t *testing.T) {
	t.Parallel()
	test := Test{.98, .999}
	for _, v := range []struct {
		n    int
		want float64
	}{{5, .2873}, {10, .222}, {20, .160}} {
		require.InDelta(t, v.want, BreakEven(v.n, test), 6e-4)
		p := BreakEven(v.n, test)
		require.InDelta(t, 1, dorfman(p, v.n, test), 1e-12)
	}
	require.InDelta(t, 0, BreakEven(1, test), 0)
	require.InDelta(t, 0, BreakEven(2, Perfect)-(1-math.Sqrt(.5)), 1e-15)
}
