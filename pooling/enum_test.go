package pooling

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Exhaustive enumeration: every infection state, and for every state the exact
// law of the readings, worked out by plain recursion. It shares no formula with
// the package.

// world is one infection state and its probability.
func worlds(risk []float64, yield func(state []bool, p float64)) {
	n := len(risk)
	for bits := range 1 << n {
		state, p := make([]bool, n), 1.0
		for i := range n {
			if bits>>i&1 == 1 {
				state[i], p = true, p*risk[i]
			} else {
				p *= 1 - risk[i]
			}
		}
		if p > 0 {
			yield(state, p)
		}
	}
}

func anyOf(state []bool, members []int) bool {
	for _, i := range members {
		if state[i] {
			return true
		}
	}
	return false
}

func (t Test) reads(truth bool) float64 {
	if truth {
		return t.Se
	}
	return 1 - t.Sp
}

// tally gathers what a scheme does.
type tally struct {
	tests, squares float64
	hit, pos       []float64
	alarm, neg     []float64
}

func newTally(n int) *tally {
	return &tally{hit: make([]float64, n), pos: make([]float64, n), alarm: make([]float64, n), neg: make([]float64, n)}
}

// person adds P(called positive) of everybody in one world.
func (a *tally) person(state []bool, p float64, called []float64) {
	for i, s := range state {
		if s {
			a.hit[i], a.pos[i] = a.hit[i]+p*called[i], a.pos[i]+p
		} else {
			a.alarm[i], a.neg[i] = a.alarm[i]+p*called[i], a.neg[i]+p
		}
	}
}

func (a *tally) same(t require.TestingT, c Char) {
	require.InDelta(t, a.tests, c.Tests, 1e-11*(10+a.tests), "E(T)")
	if !math.IsNaN(c.Var) {
		require.InDelta(t, a.squares-a.tests*a.tests, c.Var, 1e-9, "Var(T)")
	}
	for i, e := range c.Each {
		if a.pos[i] > 0 {
			require.InDelta(t, a.hit[i]/a.pos[i], e.PSe, 1e-11, "PSe of %d", i)
		}
		require.InDelta(t, 1-a.alarm[i]/a.neg[i], e.PSp, 1e-11, "PSp of %d", i)
	}
	if total(a.pos) > 0 {
		require.InDelta(t, total(a.hit)/total(a.pos), c.PSe, 1e-11)
	}
	require.InDelta(t, 1-total(a.alarm)/total(a.neg), c.PSp, 1e-11)
}

// law is the distribution of a number of tests.
type law map[int]float64

func (a law) plus(b law) law {
	out := law{}
	for x, p := range a {
		for y, q := range b {
			out[x+y] += p * q
		}
	}
	return out
}

// play runs one pool in one world: the law of all tests in it, and P(called
// positive) of its members.
func play(nodes []node, i int, test func(node) Test, state []bool, called []float64, reach float64) law {
	v := nodes[i]
	members := make([]int, 0, v.size())
	for k := v.lo; k < v.hi; k++ {
		members = append(members, k)
	}
	p := test(v).reads(anyOf(state, members))
	if v.kids() == 0 {
		called[v.lo] = reach * p
		return law{1: 1}
	}
	below := law{0: 1}
	for k := v.first; k < v.last; k++ {
		below = below.plus(play(nodes, k, test, state, called, reach*p))
	}
	out := law{1: 1 - p}
	for x, q := range below {
		out[x+1] += p * q
	}
	return out
}

func treeTally(t require.TestingT, tr Tree, risk []float64) *tally {
	return treeTallyOver(t, tr, len(risk), func(y func([]bool, float64)) { worlds(risk, y) })
}

func treeTallyOver(t require.TestingT, tr Tree, n int, each func(func([]bool, float64))) *tally {
	nodes, err := tr.grow()
	require.NoError(t, err)
	rounds := nodes[len(nodes)-1].stage + 1
	w := walk{t: tr, nodes: nodes, last: rounds - 1}
	a := newTally(n)
	each(func(state []bool, p float64) {
		called, all := make([]float64, n), law{0: 1}
		for i, v := range nodes {
			if v.parent < 0 {
				all = all.plus(play(nodes, i, w.test, state, called, 1))
			}
		}
		for x, q := range all {
			a.tests += p * q * float64(x)
			a.squares += p * q * float64(x) * float64(x)
		}
		a.person(state, p, called)
	})
	return a
}

func drawTest(t *rapid.T, name string) Test {
	if rapid.IntRange(0, 4).Draw(t, name+" perfect") == 0 {
		return Perfect
	}
	se := rapid.Float64Range(0.55, 1).Draw(t, name+" se")
	return Test{se, rapid.Float64Range(0.55, 1).Draw(t, name+" sp")}
}

func drawRisk(t *rapid.T, n int) []float64 {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 {
		return rapid.SampledFrom([]float64{0, 1e-9, 0.001, 0.01, 0.2, 0.7}).Draw(t, "p") * rapid.Float64Range(0.3, 1).Draw(t, "scale")
	}), n, n).Draw(t, "risk")
}

// drawParts cuts n into parts; not one part unless n is 1.
func drawParts(t *rapid.T, n int, whole bool) []int {
	var out []int
	for left := n; left > 0; {
		top := left
		if !whole && left == n && n > 1 {
			top = n - 1
		}
		k := rapid.IntRange(1, top).Draw(t, "part")
		out, left = append(out, k), left-k
	}
	return out
}

func drawTree(t *rapid.T, n int) Tree {
	tr := Tree{Stages: [][]int{drawParts(t, n, true)}}
	for range rapid.IntRange(0, 3).Draw(t, "more stages") {
		var next []int
		for _, size := range tr.Stages[len(tr.Stages)-1] {
			if size > 1 {
				next = append(next, drawParts(t, size, false)...)
			}
		}
		if len(next) == 0 {
			break
		}
		tr.Stages = append(tr.Stages, next)
	}
	for range len(tr.Stages) + 1 {
		tr.Tests = append(tr.Tests, drawTest(t, "stage"))
	}
	return tr
}

func TestTreeEqualsEnumeration(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "n")
		tr, risk := drawTree(t, n), drawRisk(t, n)
		c, err := tr.Char(risk)
		require.NoError(t, err)
		treeTally(t, tr, risk).same(t, c)
	})
}

// arrayTally sums over every reading of rows and columns in every world.
func arrayTally(a Array, risk []float64) *tally {
	return arrayTallyOver(a, len(risk), func(y func([]bool, float64)) { worlds(risk, y) })
}

func arrayTallyOver(a Array, n int, each func(func([]bool, float64))) *tally {
	out := newTally(n)
	lines := a.Rows + a.Cols
	each(func(state []bool, p float64) {
		called := make([]float64, n)
		open := 1.0
		if a.Master {
			out.tests += p
			all := make([]int, n)
			for i := range all {
				all[i] = i
			}
			open = a.All.reads(anyOf(state, all))
			out.squares += p * (1 - open)
		}
		out.tests += p * open * float64(lines)
		for bits := range 1 << lines {
			q := p * open
			for l := range lines {
				truth, test := false, a.Row
				if l < a.Rows {
					truth = anyOf(state[l*a.Cols:(l+1)*a.Cols], span(a.Cols))
				} else {
					test = a.Col
					for j := range a.Rows {
						truth = truth || state[j*a.Cols+l-a.Rows]
					}
				}
				x := test.reads(truth)
				if bits>>l&1 == 0 {
					x = 1 - x
				}
				q *= x
			}
			rowBits, colBits := bits&(1<<a.Rows-1), bits>>a.Rows
			tests := float64(lines)
			if a.Master {
				tests++
			}
			for i := range n {
				r, c := rowBits>>(i/a.Cols)&1 == 1, colBits>>(i%a.Cols)&1 == 1
				if r && c || !a.Strict && (r && colBits == 0 || c && rowBits == 0) {
					out.tests += q
					tests++
					called[i] += q / p * a.Each.reads(state[i])
				}
			}
			out.squares += q * tests * tests
		}
		out.person(state, p, called)
	})
	return out
}

func span(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func drawArray(t *rapid.T) Array {
	shape := rapid.SampledFrom([][2]int{{1, 1}, {1, 3}, {2, 2}, {2, 3}, {3, 2}, {3, 3}, {4, 2}}).Draw(t, "shape")
	return Array{Rows: shape[0], Cols: shape[1], Master: rapid.Bool().Draw(t, "master"), Strict: rapid.Bool().Draw(t, "strict"),
		Row: drawTest(t, "row"), Col: drawTest(t, "col"), Each: drawTest(t, "each"), All: drawTest(t, "all")}
}

func TestArrayEqualsEnumeration(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := drawArray(t)
		risk := drawRisk(t, a.Rows*a.Cols)
		c, err := a.Char(risk)
		require.NoError(t, err)
		require.False(t, math.IsNaN(c.Var))
		arrayTally(a, risk).same(t, c)
	})
}

func TestEqualArrayIsTheGeneralOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := drawArray(t)
		a.Rows, a.Cols = rapid.IntRange(1, 30).Draw(t, "rows"), rapid.IntRange(1, 30).Draw(t, "cols")
		p := rapid.Float64Range(0, 0.5).Draw(t, "p")
		c, err := a.Char(Same(p, a.Rows*a.Cols))
		require.NoError(t, err)
		e := a.equal(p)
		require.InDelta(t, c.Tests, e.Tests, 1e-9*c.Tests)
		require.InDelta(t, c.PSe, e.PSe, 1e-11)
		require.InDelta(t, c.PSp, e.PSp, 1e-11)
		require.InDelta(t, c.Late(1), e.Late(1), 1e-11)
	})
}
