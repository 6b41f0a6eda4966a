package store_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

// Curves come back as they were, whatever their length; of two for one place the first stays.
func TestCurvesAreKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.running(l.received(1, lims.Single))
	j := l.judged(p, nil)
	want := [][]float64{{1.5, -2.25, math.Float64frombits(0x4009220000000000), 1e30, 0}, {}, {7}, {math.Inf(1), math.Inf(-1)}}
	for i, y := range want {
		j.Run.Curves = append(j.Run.Curves, pcr.Curve{Well: "A1", Target: string(rune('0' + i)), Dye: "FAM", Kind: pcr.Raw, First: i + 1, Y: y})
	}
	j.Run.Curves = append(j.Run.Curves, pcr.Curve{Well: "A1", Target: "0", Dye: "FAM", Kind: pcr.Raw, First: 9, Y: []float64{3}})
	m := l.message("run of " + p.Code)
	require.NoError(t, l.st.Record(l.ctx, m, "quantstudio", []store.Judged{j}))
	runs, err := l.st.MessageRuns(l.ctx, m.ID)
	require.NoError(t, err)
	curves, err := l.st.WellCurves(l.ctx, runs[0].ID, "A1")
	require.NoError(t, err)
	require.Greater(t, len(curves), len(want))
	for i, c := range curves[:len(want)] {
		require.Equal(t, i+1, c.First)
		require.Len(t, c.Y, len(want[i]))
		for k, v := range c.Y {
			require.Equal(t, float32(want[i][k]), float32(v), "curve %d value %d", i, k)
		}
	}
}
