package pooling

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestShift(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 1, Dilution{}.Shift(TubeFactor(6, 3)), 1e-15) // ten swabs in 6 mL: one cycle
	require.InDelta(t, 3.3219, Dilution{}.Shift(LabFactor(10)), 1e-4)
	require.Greater(t, Dilution{Efficiency: .9}.Shift(10), 3.5)
	require.InDelta(t, 3, PoolCq(8, 30)-30, 1e-12)
	require.InDelta(t, 29, PoolCq(2, 29, 29), 1e-12)
	require.InDelta(t, .95, Dilution{C95: 36, Sigma: .6}.Hit(36), 1e-4)
	require.InDelta(t, 1.2, RelativeVolume(5), 1e-15)
}

func TestSensitivityOrders(t *testing.T) {
	t.Parallel()
	cq := ReferenceCq()
	require.InDelta(t, 28.8, Median(cq), .05)
	rapid.Check(t, func(t *rapid.T) {
		d := Dilution{C95: rapid.Float64Range(30, 40).Draw(t, "c95"), Sigma: rapid.Float64Range(.3, 1.5).Draw(t, "sigma")}
		n := rapid.IntRange(2, 50).Draw(t, "n")
		two := d.Chain(cq, float64(n), 1)
		array := d.Chain(cq, float64(n), float64(n), 1)
		// tests of one person agree more often than independent ones (Chebyshev's sum inequality)
		require.GreaterOrEqual(t, two.Integrated, two.Independent-1e-12)
		require.GreaterOrEqual(t, array.Integrated, array.Independent-1e-12)
		require.GreaterOrEqual(t, two.Integrated, array.Integrated)
		require.InDelta(t, array.Integrated, d.Regular(cq, float64(n), 2, 0).Integrated, 1e-12)
		require.GreaterOrEqual(t, d.Regular(cq, float64(n), 2, 1).Integrated, array.Integrated)
		require.GreaterOrEqual(t, d.PPA(cq, float64(n)), d.PPA(cq, float64(n+1)))
		largest := d.Largest(cq, .9, 60, LabFactor)
		require.GreaterOrEqual(t, d.PPA(cq, LabFactor(largest)), .9)
		if largest < 60 {
			require.Less(t, d.PPA(cq, LabFactor(largest+1)), .9)
		}
	})
}

func TestHwangCurve(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 1, HwangSe(.05, 10, 0), 1e-12)
	require.InDelta(t, .05/(1-.5987369392383787), HwangSe(.05, 10, 1), 1e-12)
}

// Published single-tube Cq, n = 10, sigma 0.6.
func TestCorrelatedErrorsOnPublishedCq(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(shared("corpus/verwilt_cq.tsv")); err != nil {
		t.Log("no published Cq:", err)
		return
	}
	cq := verwilt(t)
	d := Dilution{C95: 36, Sigma: .6}
	two, array := d.Chain(cq, 10, 1), d.Chain(cq, 10, 10, 1)
	require.InDelta(t, .847, two.Integrated, 5e-4)
	require.InDelta(t, .841, two.Independent, 5e-4)
	require.InDelta(t, .827, array.Integrated, 5e-4)
	require.InDelta(t, .713, array.Independent, 5e-4)
	d.C95 = 37
	array = d.Chain(cq, 10, 10, 1)
	require.InDelta(t, .884, array.Integrated, 5e-4)
	require.InDelta(t, .811, array.Independent, 5e-4)
	d.C95 = 38
	array = d.Chain(cq, 10, 10, 1)
	require.InDelta(t, .934, array.Integrated, 5e-4)
	require.InDelta(t, .901, array.Independent, 5e-4)
	// the built-in distribution tells the same story
	require.InDelta(t, d.PPA(cq, 10), d.PPA(ReferenceCq(), 10), .01)
}
