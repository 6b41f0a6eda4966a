package pooling

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRounds(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2, UsualClock.Rounds(0))
	require.Equal(t, 1, UsualClock.Rounds(2*time.Hour))
	require.Equal(t, 0, UsualClock.Rounds(5*time.Hour))
	fast := UsualClock
	fast.Round = 90 * time.Minute
	require.Equal(t, 3, fast.Rounds(0))
	require.Equal(t, 0, Clock{Limit: time.Hour}.Rounds(0))
}

func TestLargestOnTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p, late float64
		n       int
	}{{.0001, .01, 100}, {.0005, .01, 20}, {.001, .01, 10}, {.002, .01, 5}, {.005, .01, 2}, {.01, .01, 1}, {.001, .05, 51}, {.005, .05, 10}, {.01, .05, 5}} {
		require.Equal(t, c.n, LargestOnTime(c.p, c.late, Perfect), "p %v late %v", c.p, c.late)
	}
	rapid.Check(t, func(t *rapid.T) {
		p, late, test := rapid.Float64Range(1e-4, .2).Draw(t, "p"), rapid.Float64Range(.001, .5).Draw(t, "late"), drawTest(t, "test")
		n := LargestOnTime(p, late, test)
		positive := func(n int) float64 { return test.Se + test.delta()*math.Pow(1-p, float64(n)) }
		if n > 1 {
			require.LessOrEqual(t, positive(n), late+1e-9)
		}
		if n < maxSearch {
			require.Greater(t, positive(n+1), late-1e-9)
		}
	})
}

func TestReserve(t *testing.T) {
	t.Parallel()
	positive := .98*-math.Expm1(10*math.Log1p(-.001)) + .001*math.Pow(.999, 10)
	require.Equal(t, 26, Reserve(90, 10, positive))
	sizes, chances := make([]int, 90), make([]float64, 90)
	for i := range sizes {
		sizes[i], chances[i] = 10, positive
	}
	exact, err := ReserveExact(sizes, chances, .95)
	require.NoError(t, err)
	require.Equal(t, 30, exact) // a whole pool more than 26: P(at most 2 of 90) = .926
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 6), n, n).Draw(t, "sizes")
		chances := rapid.SliceOfN(rapid.Float64Range(0, 1), n, n).Draw(t, "chances")
		level := rapid.Float64Range(.01, .99).Draw(t, "level")
		got, err := ReserveExact(sizes, chances, level)
		require.NoError(t, err)
		at, below := 0.0, 0.0
		worlds(chances, func(s []bool, p float64) {
			w := 0
			for i, x := range s {
				if x {
					w += sizes[i]
				}
			}
			if w <= got {
				at += p
			}
			if w < got {
				below += p
			}
		})
		require.GreaterOrEqual(t, at, level-1e-9)
		require.Less(t, below, level+1e-9)
	})
}

func TestNext(t *testing.T) {
	t.Parallel()
	h := time.Hour
	for _, c := range []struct {
		read Read
		want string
	}{
		{Read{Kind: Swab, Call: Negative, Size: 10}, "{release [] 0 false false}"},
		{Read{Kind: Swab, Call: Positive, Size: 10, Slack: 5 * h}, "{recall [] 0 false true}"},
		{Read{Kind: Swab, Call: Invalid, Size: 10, Slack: 5 * h}, "{reextract [] 1 false false}"},
		{Read{Kind: Swab, Call: Invalid, Size: 10, Slack: 5 * h, Repeated: true}, "{recall [] 0 false true}"},
		{Read{Kind: Swab, Call: Invalid, Size: 10, Slack: h}, "{recall [] 0 false true}"},
		{Read{Kind: Media, Call: Positive, Size: 10, Slack: 5 * h, Volume: 2}, "{split [4 3 3] 3 false false}"},
		{Read{Kind: Media, Call: Grey, Size: 10, Slack: 5 * h, Volume: 2, Risk: .01}, "{split [4 3 3] 3 false false}"},
		{Read{Kind: Media, Call: Positive, Size: 10, Slack: 5 * h, Volume: 1}, "{singles [] 10 false false}"},
		{Read{Kind: Media, Call: SingleTarget, Size: 10, Slack: 3 * h, Volume: 2}, "{singles [] 10 false false}"},
		{Read{Kind: Media, Call: Positive, Size: 5, Slack: 5 * h, Volume: 2}, "{singles [] 5 false false}"},
		{Read{Kind: Media, Call: Positive, Size: 10, Slack: h, Volume: 2}, "{singles [] 10 true true}"},
		{Read{Kind: Media, Call: Positive, Size: 10, Slack: h, Volume: 2, Elsewhere: true}, "{forward [] 0 false true}"},
		{Read{Kind: Media, Call: Positive, Size: 10, Slack: 5 * h}, "{recall [] 0 false true}"},
		{Read{Kind: Media, Call: Invalid, Size: 10, Slack: 5 * h, Volume: 2}, "{reextract [] 1 false false}"},
		{Read{Kind: Media, Call: Invalid, Size: 10, Slack: 3 * h, Volume: 2}, "{singles [] 10 false false}"},
		{Read{Kind: Media, Call: Invalid, Size: 10, Slack: -h, Volume: 2}, "{singles [] 10 true true}"},
	} {
		got, err := UsualClock.Next(c.read)
		require.NoError(t, err)
		require.Equal(t, c.want, fmt.Sprint(got), "%+v", c.read)
	}
	_, err := UsualClock.Next(Read{Kind: Media, Call: "MAYBE", Size: 3})
	require.ErrorContains(t, err, `"MAYBE"`)
	_, err = UsualClock.Next(Read{Kind: "box", Call: Negative, Size: 3})
	require.Error(t, err)
}

func TestMonitoring(t *testing.T) {
	t.Parallel()
	days := []Day{
		{Day: 1, Single: 1000, Positive: 900}, // outside the window
		{Day: 10, Single: 200, Positive: 4, Pools: []Tested{{5, 100, 5}}},
		{Day: 12, Single: 200, Positive: 4, Pools: []Tested{{10, 50, 5}, {5, 0, 0}}},
	}
	r, err := Positivity(days, 12, 7, Perfect)
	require.NoError(t, err)
	require.InDelta(t, 0.02, r.Single, 1e-15)
	require.Equal(t, 150, r.Pools)
	require.True(t, r.Lower < r.Pooled && r.Pooled < r.Upper)
	require.Equal(t, Reassess, r.Watch(0, 100)) // 1.0 % pooled against 2 % single
	require.Equal(t, Continue, r.Watch(0, 1000))
	require.Equal(t, Stop, Rolling{Single: .26, Singles: 500}.Watch(0, 100))
	require.Equal(t, Stop, Rolling{Pooled: .3, Pools: 500}.Watch(0, 100))
	require.Equal(t, Reassess, Rolling{Pooled: .008, Pools: 500}.Watch(.01, 100))
	require.Equal(t, Continue, Rolling{Pooled: .0095, Pools: 500}.Watch(.01, 100))
	_, err = Positivity([]Day{{Day: 1, Single: 1, Positive: 2}}, 1, 7, Perfect)
	require.Error(t, err)
	for _, c := range []struct {
		agree, n   int
		keep, more bool
	}{{10, 10, true, false}, {9, 10, true, false}, {8, 10, false, true}, {7, 10, false, false}, {17, 20, true, false}, {16, 20, false, false}} {
		keep, more := Reassessment(c.agree, c.n)
		require.Equal(t, []bool{c.keep, c.more}, []bool{keep, more}, "%d of %d", c.agree, c.n)
	}
}

func TestSwitchWaitsForThreeRuns(t *testing.T) {
	t.Parallel()
	s := Switch{}.Next("d10", 0, 0)
	require.Equal(t, Switch{Current: "d10"}, s)
	s = s.Next("a10", .3, .28) // 7 %: not enough
	require.Equal(t, Switch{Current: "d10"}, s)
	s = s.Next("a10", .3, .25).Next("a10", .3, .25)
	require.Equal(t, "d10", s.Current)
	require.Equal(t, Switch{Current: "d10"}, s.Next("d10", .3, .3), "a run without the rival starts over")
	require.Equal(t, 1, s.Next("d5", .3, .2).Runs, "another rival starts over")
	require.Equal(t, Switch{Current: "a10"}, s.Next("a10", .3, .25))
}

func TestCheckBatch(t *testing.T) {
	t.Parallel()
	ok := Allowed{Validated: map[Kind]int{Media: 5}, Capacity: 10}
	for _, c := range []struct {
		code  string
		pools []Mix
	}{
		{"", []Mix{{"P1", Media, []string{"a", "b"}}, {"P2", Media, []string{"c"}}, {"P3", Swab, []string{"d"}}}},
		{EmptyPool, []Mix{{"P1", Media, nil}}},
		{Duplicate, []Mix{{"P1", Media, []string{"a", "a"}}}},
		{Duplicate, []Mix{{"P1", Media, []string{"a"}}, {"P1", Media, []string{"b"}}}},
		{TwoPools, []Mix{{"P1", Media, []string{"a"}}, {"P2", Media, []string{"a"}}}},
		{PoolOfPools, []Mix{{"P1", Media, []string{"a", "P2"}}, {"P2", Media, []string{"b"}}}},
		{OverValid, []Mix{{"P1", Media, []string{"a", "b", "c", "d", "e", "f"}}}},
		{OverValid, []Mix{{"P1", Swab, []string{"a", "b"}}}},
		{OverCapacity, []Mix{{"P1", Media, []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}}}},
	} {
		err := CheckBatch(c.pools, ok)
		if c.code == "" {
			require.NoError(t, err)
			continue
		}
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.code, e.Code, e.Text)
	}
}
