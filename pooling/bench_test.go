package pooling

import (
	"math/rand/v2"
	"testing"
)

// Targets: array 25 x 25 with individual risks < 1 ms; every scheme up to 50
// < 50 ms; decoding 384 x 48 with five positives < 10 ms; 33,000 orders < 1 s.

func mixed(n int) []float64 {
	r := rand.New(rand.NewPCG(1, 2))
	risk := make([]float64, n)
	for i := range risk {
		risk[i] = 0.05 * r.Float64() * r.Float64()
	}
	return risk
}

func BenchmarkArray25(b *testing.B) {
	a := Array{Rows: 25, Cols: 25, Master: true, Row: Test{.95, .99}, Col: Test{.95, .99}, Each: Test{.98, .999}, All: Test{.9, .99}}
	risk := mixed(625)
	for b.Loop() {
		if _, err := a.Char(risk); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecommend50(b *testing.B) {
	for b.Loop() {
		if _, err := Recommend(Ask{Risk: 0.01, Cap: 50, Rounds: 4, Test: Test{.98, .999}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBestTree3To50(b *testing.B) {
	for b.Loop() {
		if _, err := BestTree(0.01, 3, Range{2, 50}, Options{Tests: []Test{{.98, .999}}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode384(b *testing.B) {
	for name, r := range map[string]Reading{"classes": {}, "posterior": {Prior: []float64{.01}, Test: Test{.98, .999}}, "one miss": {Miss: 1, Prior: []float64{.01}, Test: Test{.98, .999}}} {
		b.Run(name, func(b *testing.B) {
			d, err := NewDesign(384, grid384())
			if err != nil {
				b.Fatal(err)
			}
			state := make([]bool, 384)
			for _, i := range []int{3, 77, 150, 222, 301} {
				state[i] = true
			}
			r.Positive = d.read(state)
			for b.Loop() {
				if _, err := d.Decode(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPlan33000(b *testing.B) {
	risk := mixed(33_000)
	for b.Loop() {
		if _, err := BestPartition(risk, Range{Max: 20}, Options{Tests: []Test{{.98, .999}}}); err != nil {
			b.Fatal(err)
		}
	}
}
