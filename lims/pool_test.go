package lims_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/pooling"
)

func TestPoolCall(t *testing.T) {
	t.Parallel()
	k, err := pcr.Find("daan")
	require.NoError(t, err)
	cq := func(v float64) pcr.Value { return pcr.Value{State: pcr.HasCq, Cq: v} }
	none := pcr.Value{State: pcr.NoCq}
	for name, tt := range map[string]struct {
		orf, n, ic pcr.Value
		want       pooling.Call
		low        float64
	}{
		"clean":            {none, none, cq(27), pooling.Negative, 0},
		"both":             {cq(31), cq(30.5), cq(27), pooling.Positive, 30.5},
		"one":              {cq(34), none, cq(27), pooling.SingleTarget, 34},
		"late Cq":          {cq(41.2), none, cq(27), pooling.Grey, 41.2}, // negative in a single tube, not in a pool
		"no control":       {none, none, none, pooling.Invalid, 0},
		"silent":           {pcr.Value{}, pcr.Value{}, pcr.Value{}, pooling.Invalid, 0},
		"one, no control":  {cq(34), none, none, pooling.SingleTarget, 34},
		"late, no control": {none, cq(42), none, pooling.Grey, 42},
	} {
		c := k.Call(map[string]pcr.Value{"ORF1ab": tt.orf, "N": tt.n, "IC": tt.ic}, pcr.Context{})
		require.Equal(t, tt.want, lims.PoolCall(k, c, nil), "%s: %+v", name, c)
		require.InDelta(t, tt.low, lims.LowestCq(k, c), 1e-9, name)
	}
	c := k.Call(map[string]pcr.Value{"ORF1ab": none, "N": none, "IC": cq(27)}, pcr.Context{})
	c.Call = "a word that we do not know"
	require.Equal(t, pooling.Invalid, lims.PoolCall(k, c, nil))
}

func TestCutoffs(t *testing.T) {
	t.Parallel()
	k, err := pcr.Find("daan")
	require.NoError(t, err)
	cut, err := lims.ReadCutoffs(k, 10, "ORF1ab 42，N=41.5")
	require.NoError(t, err)
	require.Equal(t, "N 41.5, ORF1ab 42", cut.String())
	none, err := lims.ReadCutoffs(k, 10, " ")
	require.NoError(t, err)
	require.Empty(t, none)
	for text, code := range map[string]string{"ORF1ab": "pool.cutoff_text", "ORF1ab x": "pool.cutoff_text", "ORF1ab NaN": "pool.cutoff_text", "IC 41": "pool.cutoff_target", "S 41": "pool.cutoff_target",
		"N 39.9": "pool.cutoff", "N 43.5": "pool.cutoff", "N 46": "pool.cutoff"} { // the kit's own is 40, log2(10) is 3.3, the last cycle 45
		_, err := lims.ReadCutoffs(k, 10, text)
		var e *lims.Error
		require.ErrorAs(t, err, &e, text)
		require.Equal(t, code, e.Code, text)
	}
	_, err = lims.ReadCutoffs(k, 40, "N 45")
	require.NoError(t, err)
	_, err = lims.ReadCutoffs(k, 40, "N 45.2")
	require.Error(t, err, "never after the last cycle")

	well := func(orf, n float64) pcr.Call {
		value := func(cq float64) pcr.Value {
			if cq == 0 {
				return pcr.Value{State: pcr.NoCq}
			}
			return pcr.Value{State: pcr.HasCq, Cq: cq}
		}
		return k.Call(map[string]pcr.Value{"ORF1ab": value(orf), "N": value(n), "IC": value(27)}, pcr.Context{})
	}
	for _, tt := range []struct {
		orf, n float64
		want   pooling.Call
		swab   bool
	}{{0, 0, pooling.Negative, false}, {41.9, 0, pooling.Grey, true}, {42, 0, pooling.Grey, true}, {42.1, 0, pooling.Negative, false}, {0, 41.6, pooling.Negative, false},
		{44, 41, pooling.Grey, true}, {38, 44, pooling.SingleTarget, false}, {31, 30, pooling.Positive, false}} {
		c := well(tt.orf, tt.n)
		require.Equal(t, tt.want, lims.PoolCall(k, c, cut), "%+v", tt)
		require.Equal(t, tt.swab, lims.SwabLate(k, c, cut), "%+v", tt)
		require.False(t, lims.SwabLate(k, c, nil), "without cut-offs the kit's own rules stand")
	}
}

// grid is the pools of an array by what their rows and columns said: - negative, + positive, ! invalid, . not read.
func grid(rows, cols string) (all []lims.PoolState) {
	said := map[rune]pooling.Call{'-': pooling.Negative, '+': pooling.Positive, '!': pooling.Invalid, '.': ""}
	for i, r := range rows {
		all = append(all, lims.PoolState{ID: int64(100 + i), Axis: lims.Row, Call: said[r]})
	}
	for i, c := range cols {
		all = append(all, lims.PoolState{ID: int64(200 + i), Axis: lims.Column, Call: said[c]})
	}
	return all
}

func fates(rows, cols string) (out string) {
	all := grid(rows, cols)
	for i := range rows {
		for j := range cols {
			f, _ := lims.TubeFate([]lims.PoolState{all[i], all[len(rows)+j]}, all)
			out += map[lims.Fate]string{lims.Cleared: "-", lims.Implicated: "+", lims.Undecided: "?"}[f]
		}
		out += " "
	}
	return out
}

func TestTubeFate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rows, cols, want string }{
		{"--", "--", "-- -- "},
		{"+-", "+-", "+- -- "},
		{"++", "+-", "+- +- "},
		{"+-", "--", "++ -- "}, // a row that no column explains: all of it
		{"--", "-+", "-+ -+ "},
		{"!-", "--", "++ -- "}, // invalid is not negative
		{"!-", "+-", "+- -- "},
		{"+-", "..", "?? ?? "},
		{"+.", "-+", "-+ ?? "},
		{"+-", "-.", "?? -? "}, // the column that is not read may be the explanation
		{"..", "..", "?? ?? "},
	} {
		require.Equal(t, tt.want, fates(tt.rows, tt.cols), "rows %s columns %s", tt.rows, tt.cols)
	}
	one := []lims.PoolState{{ID: 7, Axis: lims.Whole, Call: pooling.Grey}}
	f, by := lims.TubeFate(one, one)
	require.Equal(t, lims.Implicated, f)
	require.Equal(t, int64(7), by)
	f, _ = lims.TubeFate(nil, one)
	require.Equal(t, lims.Undecided, f)
}

// TestTubeFateFollowsTheArray holds the fate of every cell against the rule in the words of the paper.
func TestTubeFateFollowsTheArray(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sign := rapid.SampledFrom([]rune("-+"))
		rows := string(rapid.SliceOfN(sign, 1, 6).Draw(t, "rows"))
		cols := string(rapid.SliceOfN(sign, 1, 6).Draw(t, "cols"))
		all := grid(rows, cols)
		anyRow, anyCol := slices.Contains([]rune(rows), '+'), slices.Contains([]rune(cols), '+')
		for i, r := range rows {
			for j, c := range cols {
				f, by := lims.TubeFate([]lims.PoolState{all[i], all[len(rows)+j]}, all)
				retest := r == '+' && c == '+' || r == '+' && !anyCol || !anyRow && c == '+'
				require.Equal(t, retest, f == lims.Implicated)
				require.Equal(t, !retest, f == lims.Cleared)
				for _, p := range all {
					if p.ID == by {
						require.Equal(t, f == lims.Cleared, p.Call == pooling.Negative, "who clears is negative")
					}
				}
			}
		}
	})
}

func TestBalance(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		call      pooling.Call
		observed  float64
		cqs       []float64
		negatives bool
		want      string
		expected  float64
	}{
		"explained":       {pooling.Positive, 33.4, []float64{30}, false, "", 33.3219},
		"two explain":     {pooling.Positive, 32, []float64{30, 30}, false, "", 32.3219},
		"too early":       {pooling.Positive, 25, []float64{30}, false, "cq", 33.3219},
		"too late":        {pooling.SingleTarget, 37, []float64{30}, false, "cq", 33.3219},
		"nobody":          {pooling.Positive, 33, nil, true, "singles_negative", 0},
		"nobody, no Cq":   {pooling.Grey, 0, nil, true, "singles_negative", 0},
		"invalid, nobody": {pooling.Invalid, 0, nil, true, "", 0},
		"one unclear":     {pooling.Positive, 33, nil, false, "", 0},
	} {
		kind, expected := lims.Balance(tt.call, 10, tt.observed, tt.cqs, tt.negatives)
		require.Equal(t, tt.want, kind, name)
		require.InDelta(t, tt.expected, expected, 1e-3, name)
	}
}

func TestPoolSizes(t *testing.T) {
	t.Parallel()
	require.Equal(t, []int{8, 8, 7}, lims.PoolSizes(23, 10))
	require.Equal(t, []int{10}, lims.PoolSizes(10, 10))
	require.Equal(t, []int{1}, lims.PoolSizes(1, 5))
	require.Nil(t, lims.PoolSizes(0, 5))
	rapid.Check(t, func(t *rapid.T) {
		tubes, n := rapid.IntRange(1, 400).Draw(t, "tubes"), rapid.IntRange(1, 50).Draw(t, "n")
		sum := 0
		for _, s := range lims.PoolSizes(tubes, n) {
			require.True(t, s >= 1 && s <= n)
			sum += s
		}
		require.Equal(t, tubes, sum)
	})
}

func TestPoolMoves(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"planned", "received", "loaded", "read", "closed", "dropped"}, lims.PoolMoves.States())
	for _, s := range []lims.State{lims.Loaded, lims.Read, lims.Closed} {
		_, ok := lims.PoolMoves.Next(s, "drop")
		require.False(t, ok, "what was tested cannot be given up: %s", s)
	}
}
