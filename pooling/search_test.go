package pooling

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// compositions lists the ordered ways to cut n.
func compositions(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for k := 1; k <= n; k++ {
		for _, rest := range compositions(n - k) {
			out = append(out, append([]int{k}, rest...))
		}
	}
	return out
}

func drawGoal(t *rapid.T) Goal {
	g := Goal{Kind: rapid.SampledFrom([]string{ET, MAR, GR}).Draw(t, "goal")}
	if g.Kind == GR {
		g.D1, g.D2 = rapid.Float64Range(0, 20).Draw(t, "d1"), rapid.Float64Range(0, 20).Draw(t, "d2")
	}
	return g
}

func drawTests(t *rapid.T, n int) []Test {
	var out []Test
	for range n {
		out = append(out, drawTest(t, "stage"))
	}
	return out
}

func TestBestTreeBeatsEverySplit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, g := rapid.Float64Range(0.001, 0.4).Draw(t, "p"), drawGoal(t)
		stages := rapid.IntRange(2, 3).Draw(t, "stages")
		tests := drawTests(t, stages)
		got, err := BestTree(p, stages, Range{2, 8}, Options{Tests: tests, Goal: g})
		require.NoError(t, err)
		require.InDelta(t, g.Value(got.Char), got.Value, 1e-12)
		least := math.Inf(1)
		for n := 2; n <= 8; n++ {
			splits := [][]int{nil}
			if stages == 3 {
				splits = compositions(n)
			}
			for _, s := range splits {
				if len(s) == 1 {
					continue
				}
				tr := Tree{Stages: [][]int{{n}}, Tests: tests}
				if s != nil {
					tr.Stages = append(tr.Stages, s)
				}
				c, err := tr.Char(Same(p, n))
				require.NoError(t, err)
				least = math.Min(least, g.Value(c))
			}
		}
		require.InDelta(t, least, got.Value, 1e-9)
	})
}

func TestBestOrderedBeatsEveryCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 8).Draw(t, "n")
		risk, g, tests := drawRisk(t, n), drawGoal(t), drawTests(t, 3)
		got, err := BestOrdered(risk, 3, Range{}, Options{Tests: tests, Goal: g})
		require.NoError(t, err)
		sorted := pick(risk, Ascending(risk))
		least := math.Inf(1)
		for _, s := range compositions(n) {
			if len(s) == 1 {
				continue
			}
			c, err := Tree{Stages: [][]int{{n}, s}, Tests: tests}.Char(sorted)
			require.NoError(t, err)
			least = math.Min(least, g.Value(c))
		}
		require.InDelta(t, least, got.Value, 1e-9)
	})
}

func TestBestPartitionBeatsEveryCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		risk, g, tests := drawRisk(t, n), drawGoal(t), drawTests(t, 2)
		most := rapid.IntRange(1, n).Draw(t, "max")
		got, err := BestPartition(risk, Range{Max: most}, Options{Tests: tests, Goal: g})
		require.NoError(t, err)
		least := math.Inf(1)
		for _, s := range compositions(n) {
			if largest(s) > most {
				continue
			}
			c, err := Partition{Pools: s, Pool: tests[0], Each: tests[1]}.Char(risk)
			require.NoError(t, err)
			least = math.Min(least, g.Value(c))
		}
		require.InDelta(t, least, got.Value, 1e-9)
		require.LessOrEqual(t, largest(got.Pools), most)
	})
}

// Hwang 1975: with equal test errors no partition of any kind, contiguous or
// not, costs fewer tests than the ordered one.
func TestOrderedPartitionIsBestOfAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		risk, test := drawRisk(t, n), drawTest(t, "test")
		got, err := BestPartition(risk, Range{}, Options{Tests: []Test{test}})
		require.NoError(t, err)
		setPartitions(n, func(blocks [][]int) {
			cost := 0.0
			for _, b := range blocks {
				cost++
				if len(b) > 1 {
					q := 1.0
					for _, i := range b {
						q *= 1 - risk[i]
					}
					cost += float64(len(b)) * (test.Se + test.delta()*q)
				}
			}
			require.GreaterOrEqual(t, cost, got.Char.Tests-1e-9)
		})
	})
}

func setPartitions(n int, yield func([][]int)) {
	var place func(i int, blocks [][]int)
	place = func(i int, blocks [][]int) {
		if i == n {
			yield(blocks)
			return
		}
		for b := range blocks {
			next := make([][]int, len(blocks))
			copy(next, blocks)
			next[b] = append(append([]int(nil), blocks[b]...), i)
			place(i+1, next)
		}
		place(i+1, append(blocks[:len(blocks):len(blocks)], []int{i}))
	}
	place(0, nil)
}

func TestBestArray(t *testing.T) {
	t.Parallel()
	a := Array{Row: Test{.95, .98}, Col: Test{.95, .98}, Each: Test{.99, .999}, All: Test{.9, .99}}
	for _, master := range []bool{false, true} {
		for _, g := range []Goal{{}, {Kind: MAR}, {Kind: GR, D1: 3, D2: 9}} {
			a.Master = master
			square, err := BestArray(0.03, a, Range{2, 20}, ArrayOptions{Goal: g})
			require.NoError(t, err)
			oblong, err := BestArray(0.03, a, Range{2, 20}, ArrayOptions{Goal: g, Oblong: true})
			require.NoError(t, err)
			require.Equal(t, square.Rows, square.Cols)
			require.LessOrEqual(t, oblong.Value, square.Value)
			for j := 2; j <= 20; j++ {
				b := a
				b.Rows, b.Cols = j, j
				c, err := b.Char(Same(0.03, j*j))
				require.NoError(t, err)
				require.LessOrEqual(t, square.Value, g.Value(c)+1e-12)
			}
		}
	}
	_, err := BestArray(0.03, a, Range{5, 9}, ArrayOptions{Persons: 20})
	require.ErrorContains(t, err, "no array")
}
