package lims_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/plate"
)

func TestAutoPassesCleanNegativesOnly(t *testing.T) {
	t.Parallel()
	on := lims.AutoRules{Version: "7", On: true, Kits: []string{"daan@1"}, Internal: map[string]float64{"IC": 32}, MaxShare: 0.1}
	tests := []struct {
		why   string
		rules func(r *lims.AutoRules)
		run   func(c *lims.Case, well string)
		after func(w *lims.WellCall)
	}{
		{why: ""},
		{why: "off", rules: func(r *lims.AutoRules) { r.On = false }},
		{why: "off", rules: func(r *lims.AutoRules) { *r = lims.AutoRules{} }},
		{why: "kit", rules: func(r *lims.AutoRules) { r.Kits = nil }},
		{why: "internal", run: func(c *lims.Case, well string) { set(c, well, "IC", 33) }},
		{why: "not_negative", run: func(c *lims.Case, well string) { set(c, well, "N", 30) }},
		{why: "not_negative", run: func(c *lims.Case, well string) { set(c, well, "N", 41) }}, // negative by the kit, yet a Cq
		{why: "not_accepted", run: func(c *lims.Case, _ string) { set(c, where(*c, plate.Negative, 0).String(), "N", 30) }},
		{why: "plate_flagged", run: func(c *lims.Case, _ string) { set(c, where(*c, plate.Negative, 0).String(), "N", 41) }},
		{why: "flagged", after: func(w *lims.WellCall) { w.Flags = []lims.Flag{{Code: "delta"}} }},
		{why: "invalidated", after: func(w *lims.WellCall) { w.Invalid = true }},
		{why: "parallel", after: func(w *lims.WellCall) { w.Arm = "A" }},
	}
	for _, tt := range tests {
		c := dish(t, plate.F96, "daan", 90)
		if tt.run != nil {
			tt.run(&c, where(c, plate.Sample, 0).String())
		}
		r := on
		if tt.rules != nil {
			tt.rules(&r)
		}
		v := lims.Judge(c)
		require.Empty(t, v.Differences)
		if tt.after != nil {
			tt.after(&v.Wells[0])
		}
		got := r.Auto(v, v.Wells[0], c.Kits["daan@1"])
		require.Equal(t, tt.why, got.Why)
		require.Equal(t, tt.why == "", got.Pass)
		require.Equal(t, r.Version, got.Version)
	}
}
