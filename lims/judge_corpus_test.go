package lims_test

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/lims/pcr"
)

// tally is how our curves compare with what one instrument says.
type tally struct {
	sdm, threshold          []float64 // distance in cycles, freed of the method's constant offset
	both, missed, extra, no int       // Cq and growth, Cq without growth, growth without Cq, neither
	late                    int
}

// TestCurvesAgainstInstruments reads every real file that carries both curves and Cq values, and compares. The instruments use
// thresholds of their own, so the threshold is taken from the file: the median height of our curves at the instrument's Cq,
// one number a target. What is left is the difference of baseline and fit.
func TestCurvesAgainstInstruments(t *testing.T) {
	dir := os.Getenv("LIMS_CORPUS")
	if dir == "" {
		require.Empty(t, os.Getenv("CI"), "LIMS_CORPUS is not set: the corpus test must run in CI")
		t.Log("LIMS_CORPUS is not set")
		return
	}
	by := map[string]*tally{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		runs, err := instruments.Decode(&instruments.File{Name: d.Name(), Raw: b}, "")
		if err != nil {
			return nil // not a result file, or refused: the drivers' own tests see to those
		}
		for _, r := range runs {
			compareRun(by, r)
		}
		return nil
	}))
	var names []string
	for n := range by {
		names = append(names, n)
	}
	sort.Strings(names)
	pairs := 0
	for _, n := range names {
		x := by[n]
		sm, sp := pcr.Median(x.sdm)
		tm, tp := pcr.Median(x.threshold)
		t.Logf("%-28s pairs %4d  threshold median %.2f p95 %.2f  second derivative median %.2f p95 %.2f  Cq and growth %d (late %d), Cq only %d, growth only %d, neither %d",
			n, len(x.sdm), tm, tp, sm, sp, x.both, x.late, x.missed, x.extra, x.no)
		pairs += len(x.sdm)
		if len(x.sdm) >= 20 {
			require.Less(t, tm, 0.3, n)
			require.Less(t, sm, 0.5, n)
		}
	}
	require.Greater(t, pairs, 500)
}

func compareRun(by map[string]*tally, r pcr.Run) {
	type place struct{ well, target string }
	kinds := map[pcr.CurveKind]int{pcr.Rn: 3, pcr.DeltaRn: 2, pcr.Raw: 1}
	best := map[place]pcr.Curve{}
	for _, c := range r.Curves {
		for _, name := range []string{c.Target, c.Dye} {
			at := place{c.Well, name}
			if name != "" && kinds[c.Kind] > kinds[best[at].Kind] {
				best[at] = c
			}
		}
	}
	if len(best) == 0 {
		return
	}
	x := by[r.Driver]
	if x == nil {
		x = &tally{}
		by[r.Driver] = x
	}
	type pair struct {
		cq    float64
		trace pcr.Trace
		first int
	}
	pairs := map[string][]pair{}
	for _, a := range r.Readings {
		c, ok := best[place{a.Well, a.Target}]
		if !ok {
			c, ok = best[place{a.Well, a.Dye}]
		}
		if !ok || a.Omit {
			continue
		}
		trace := c.Trace()
		grows := trace.Shape == pcr.Sigmoid || trace.Shape == pcr.Late
		switch {
		case a.State == pcr.HasCq && grows:
			x.both++
			if trace.Shape == pcr.Late {
				x.late++
				continue
			}
			pairs[a.Target+a.Dye] = append(pairs[a.Target+a.Dye], pair{a.Cq, trace, max(c.First, 1)})
		case a.State == pcr.HasCq:
			x.missed++
		case a.State == pcr.NoCq && grows:
			x.extra++
		case a.State == pcr.NoCq:
			x.no++
		}
	}
	for _, list := range pairs {
		if len(list) < 4 {
			continue
		}
		var off, height []float64
		for _, p := range list {
			off = append(off, p.cq-p.trace.Cq)
			height = append(height, p.trace.Height(p.cq, p.first))
		}
		shift, _ := pcr.Median(off)
		slices.Sort(height)
		threshold := height[len(height)/2]
		for _, p := range list {
			x.sdm = append(x.sdm, math.Abs(p.cq-p.trace.Cq-shift))
			if at := p.trace.At(threshold, p.first); at > 0 {
				x.threshold = append(x.threshold, math.Abs(p.cq-at))
			}
		}
	}
}
