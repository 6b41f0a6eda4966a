package pcr_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims/pcr"
)

func points(cq ...float64) []pcr.Point {
	out := make([]pcr.Point, len(cq))
	for i, x := range cq {
		out[i] = pcr.Point{Cq: x, Lost: x == 0}
	}
	return out
}

func TestWestgard(t *testing.T) {
	t.Parallel()
	g := pcr.Goal{Mean: 35, SD: 0.5}
	tests := []struct {
		name string
		cq   []float64
		want []pcr.Alarm
	}{
		{"in control", []float64{35, 35.4, 34.6}, nil},
		{"warning", []float64{35, 36.1}, []pcr.Alarm{{Rule: "1-2s", At: 1}}},
		{"three", []float64{36.6}, []pcr.Alarm{{Rule: "1-2s", At: 0}, {Rule: "1-3s", At: 0, Reject: true}}},
		{"two of two", []float64{36.1, 36.2}, []pcr.Alarm{{Rule: "1-2s", At: 0}, {Rule: "1-2s", At: 1}, {Rule: "2-2s", At: 1, Reject: true}}},
		{"range", []float64{36.1, 33.9}, []pcr.Alarm{{Rule: "1-2s", At: 0}, {Rule: "1-2s", At: 1}, {Rule: "R-4s", At: 1, Reject: true}}},
		{"four", []float64{35.6, 35.6, 35.6, 35.6}, []pcr.Alarm{{Rule: "4-1s", At: 3}}},
		{"ten", []float64{35.1, 35.1, 35.1, 35.1, 35.1, 35.1, 35.1, 35.1, 35.1, 35.1}, []pcr.Alarm{{Rule: "10x", At: 9}}},
		{"lost", []float64{35, 0}, []pcr.Alarm{{Rule: "lost", At: 1, Reject: true}}},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, pcr.Westgard(points(tt.cq...), g), tt.name)
	}
}

func TestGrubbsAndChart(t *testing.T) {
	t.Parallel()
	first := []float64{35.0, 35.2, 34.9, 35.1, 35.0, 34.8, 35.3}
	require.Empty(t, pcr.Grubbs(points(first...)))
	out := pcr.Grubbs(points(append(first, 37.5)...))
	require.Equal(t, []pcr.Alarm{{Rule: "grubbs-3s", At: 7, Reject: true}}, out)

	c := pcr.Draw(points(append(first, 37.5)...), pcr.Goal{})
	require.True(t, c.Own)
	require.False(t, c.InControl())
	require.InDelta(t, 35.043, c.Goal.Mean, 0.001, "the rejected point is no part of the goal")
	long := make([]float64, 0, 25)
	for i := range 24 {
		long = append(long, 35+0.1*float64(i%3-1))
	}
	require.True(t, pcr.Draw(points(long...), pcr.Goal{}).InControl())
	require.False(t, pcr.Draw(points(append(long, 36)...), pcr.Goal{}).InControl())
	require.False(t, pcr.Draw(points(append(long, 0)...), pcr.Goal{}).InControl())
	require.True(t, math.IsNaN(pcr.Draw(points(0), pcr.Goal{Mean: 35, SD: 1}).Z[0]))
}

func TestAgreement(t *testing.T) {
	t.Parallel()
	var pairs []pcr.Pair
	add := func(n int, a, b string, ca, cb float64) {
		for range n {
			pairs = append(pairs, pcr.Pair{A: a, B: b, CqA: ca, CqB: cb})
		}
	}
	add(20, pcr.Positive, pcr.Positive, 0, 0)
	add(5, pcr.Positive, pcr.Negative, 0, 0)
	add(10, pcr.Negative, pcr.Positive, 0, 0)
	add(15, pcr.Negative, pcr.Negative, 0, 0)
	add(3, pcr.Suspicious, pcr.Positive, 0, 0)
	a := pcr.Agree(pairs)
	require.Equal(t, 3, a.Apart)
	require.InDelta(t, 20.0/30, a.PPA.Value, 1e-9)
	require.InDelta(t, 0.4878, a.PPA.Low, 0.0005) // Wilson interval of 20/30
	require.InDelta(t, 0.8077, a.PPA.High, 0.0005)
	require.InDelta(t, 15.0/20, a.NPA.Value, 1e-9)
	require.InDelta(t, 0.4, a.Kappa, 1e-9) // the textbook table 20/5/10/15
	require.InDelta(t, 0.1508, a.KappaLow, 0.002)
	require.InDelta(t, 0.6492, a.KappaHigh, 0.002)
	require.True(t, math.IsNaN(pcr.Agree(nil).Kappa))
	require.True(t, math.IsNaN(pcr.ShareOf(0, 0).Value))
}

func TestLotDrift(t *testing.T) {
	t.Parallel()
	lot := func(shift float64) pcr.Agreement {
		var p []pcr.Pair
		for i := range 12 {
			x := 25 + float64(i)
			p = append(p, pcr.Pair{A: pcr.Positive, B: pcr.Positive, CqA: x + shift + 0.1*float64(i%3-1), CqB: x})
		}
		return pcr.Agree(p)
	}
	require.InDelta(t, 0.5, lot(0.5).Cq.Mean, 1e-9)
	require.False(t, pcr.Shift(lot(0.5), lot(0)).Alert, "half a cycle is no alert")
	require.Equal(t, "cq_shift", pcr.Shift(lot(1.5), lot(0)).Reason)
}
