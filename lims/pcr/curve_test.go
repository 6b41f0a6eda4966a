package pcr_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/lims/pcr"
)

// grow is a curve made by copying molecules: n0 of them double with an efficiency that falls as the plateau nears.
func grow(cycles int, cq, base, slope, plateau, sd float64, r *rand.Rand) []float64 {
	y := make([]float64, cycles)
	x := plateau * 0.05 / math.Pow(1.95, cq) // reaches 5 % of the plateau at cq
	for i := range y {
		x *= 1 + 0.95*(1-x/plateau)
		y[i] = base + slope*float64(i) + x
		if r != nil {
			y[i] += sd * r.NormFloat64()
		}
	}
	return y
}

func TestTraceShapes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	tests := []struct {
		name string
		kind pcr.CurveKind
		y    []float64
		want pcr.Shape
	}{
		{"strong", pcr.Raw, grow(45, 15, 1000, 1, 9000, 20, r), pcr.Sigmoid},
		{"middle", pcr.Raw, grow(45, 27, 1000, 1, 9000, 20, r), pcr.Sigmoid},
		{"weak", pcr.Raw, grow(45, 36, 1000, 1, 9000, 20, r), pcr.Sigmoid},
		{"weak, normalised", pcr.DeltaRn, grow(40, 33, 0, 0, 3.2, 0.01, r), pcr.Sigmoid},
		{"after the last cycle", pcr.Raw, grow(45, 43.5, 1000, 1, 9000, 20, r), pcr.Late},
		{"flat", pcr.Raw, grow(45, 99, 1000, 0, 1, 5, r), pcr.Flat},
		{"drift", pcr.Raw, grow(45, 99, 1000, 12, 1, 5, r), pcr.Drift},
		{"noise", pcr.Raw, grow(45, 99, 1000, 0, 1, 120, r), pcr.Noise},
		{"dead", pcr.Raw, make([]float64, 45), pcr.Flat},
		{"too short", pcr.Raw, make([]float64, 5), pcr.Unseen},
		{"not a number", pcr.Raw, append(make([]float64, 44), math.NaN()), pcr.Unseen},
	}
	for _, tt := range tests {
		got := pcr.Curve{Kind: tt.kind, First: 1, Y: tt.y}.Trace()
		require.Equal(t, tt.want, got.Shape, "%s: %+v", tt.name, got)
		require.GreaterOrEqual(t, got.Score, 0.0)
		require.LessOrEqual(t, got.Score, 1.0)
	}
}

func TestTraceLeavesSpikesOut(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	flat := grow(45, 99, 1000, 0, 1, 5, r)
	flat[20] += 3000
	got := pcr.Curve{Kind: pcr.Raw, Y: flat}.Trace()
	require.Equal(t, pcr.Flat, got.Shape, "%+v", got)
	require.Equal(t, 1, got.Spikes)
	clean := grow(45, 28, 1000, 0, 8000, 5, r)
	want := pcr.Curve{Kind: pcr.Raw, Y: clean}.Trace()
	clean[10] += 3000
	require.InDelta(t, want.Cq, pcr.Curve{Kind: pcr.Raw, Y: clean}.Trace().Cq, 0.1)
}

// A curve shifted by whole cycles has its Cq shifted by as much, and scaling the fluorescence moves nothing.
func TestTraceMovesWithTheCurve(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cq := rapid.Float64Range(12, 34).Draw(t, "cq")
		scale := rapid.Float64Range(0.001, 1000).Draw(t, "scale")
		seed := rapid.Uint64().Draw(t, "seed")
		a := pcr.Curve{Kind: pcr.DeltaRn, First: 1, Y: grow(45, cq, 0, 0, 1, 0.002, rand.New(rand.NewPCG(seed, 1)))}
		b := pcr.Curve{Kind: pcr.DeltaRn, First: 1, Y: grow(45, cq+3, 0, 0, 1, 0.002, rand.New(rand.NewPCG(seed, 1)))}
		ta, tb := a.Trace(), b.Trace()
		if ta.Shape != pcr.Sigmoid || tb.Shape != pcr.Sigmoid {
			t.Fatalf("%+v %+v", ta, tb)
		}
		if d := tb.Cq - ta.Cq; math.Abs(d-3) > 0.35 {
			t.Fatalf("moved by %f: %f %f", d, ta.Cq, tb.Cq)
		}
		if d := tb.At(0.05, 1) - ta.At(0.05, 1); math.Abs(d-3) > 0.35 {
			t.Fatalf("threshold moved by %f", d)
		}
		for i := range a.Y {
			a.Y[i] *= scale
		}
		if d := a.Trace().Cq - ta.Cq; math.Abs(d) > 0.01 {
			t.Fatalf("scale %f moved the Cq by %f", scale, d)
		}
	})
}

func TestSketch(t *testing.T) {
	t.Parallel()
	f := pcr.Frame{Width: 10, Height: 4}
	require.Equal(t, "M0.0 4.0L5.0 2.0L10.0 0.0", pcr.Sketch([]float64{1, 2, 3}, f))
	require.Equal(t, "M0.0 4.0M10.0 0.0", pcr.Sketch([]float64{1, math.NaN(), 3}, f))
	require.Equal(t, "M0.0 4.0L10.0 4.0", pcr.Sketch([]float64{7, 7}, f))
	require.Equal(t, "M0.0 0.0L10.0 2.0", pcr.Sketch([]float64{9, 1}, pcr.Frame{Width: 10, Height: 4, High: 2}))
	require.Empty(t, pcr.Sketch(nil, f))
	require.Empty(t, pcr.Sketch([]float64{math.NaN(), math.NaN()}, f))
}

func BenchmarkTraceSigmoid(b *testing.B) {
	c := pcr.Curve{Kind: pcr.Raw, First: 1, Y: grow(45, 27, 1000, 1, 9000, 20, rand.New(rand.NewPCG(1, 2)))}
	for b.Loop() {
		c.Trace()
	}
}

func BenchmarkTraceFlat(b *testing.B) {
	c := pcr.Curve{Kind: pcr.Raw, First: 1, Y: grow(45, 99, 1000, 1, 1, 20, rand.New(rand.NewPCG(1, 2)))}
	for b.Loop() {
		c.Trace()
	}
}
