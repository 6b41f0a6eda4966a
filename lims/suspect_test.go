package lims_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// flags are the codes of a verdict's flags by position; the plate's own stand under "".
func flags(v lims.Verdict) map[string][]string {
	out := map[string][]string{}
	for _, f := range v.Flags {
		out[""] = append(out[""], f.Code)
	}
	for _, w := range v.Wells {
		for _, f := range w.Flags {
			out[w.Pos.String()] = append(out[w.Pos.String()], f.Code)
		}
	}
	return out
}

// pair sets both virus targets of a daan well.
func pair(c *lims.Case, pos plate.Pos, orf, n float64) {
	set(c, pos.String(), "ORF1ab", orf)
	set(c, pos.String(), "N", n)
}

func TestFlags(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "daan", 90)
	strong, copyA, copyB := where(c, plate.Sample, 40), where(c, plate.Sample, 3), where(c, plate.Sample, 80)
	pair(&c, strong, 15, 14.5)
	near := plate.Pos{Row: strong.Row, Col: strong.Col + 1}
	far := plate.Pos{Row: strong.Row, Col: strong.Col - 4}
	require.Equal(t, plate.Sample, c.Layout.At(near).Role)
	require.Equal(t, plate.Sample, c.Layout.At(far).Role)
	pair(&c, near, 36.2, 35.1)
	pair(&c, far, 37, 36)
	pair(&c, copyA, 30.123, 29.456)
	pair(&c, copyB, 30.123, 29.456)
	set(&c, where(c, plate.Saline, 0).String(), "N", 41)
	c.Usual = 0.001
	gone := where(c, plate.Sample, 60)
	c.Earlier = map[string][]lims.Past{c.Layout.At(gone).Code: {{Call: lims.Positive, Hours: 48}}}
	v := lims.Judge(c)
	require.True(t, v.Accepted)
	got := flags(v)
	require.Equal(t, []string{"near_strong"}, got[near.String()])
	require.Equal(t, []string{"near_strong"}, got[far.String()])
	require.Equal(t, []string{"identical_cq"}, got[copyA.String()])
	require.Equal(t, []string{"identical_cq"}, got[copyB.String()])
	require.Equal(t, []string{"delta"}, got[gone.String()])
	require.Equal(t, []string{"late_control", "positivity", "curve_unseen"}, got[""])
	require.Empty(t, got[strong.String()])
}

func TestDropoutOfS(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "taqpath", 90)
	p := where(c, plate.Sample, 5)
	for i := range c.Run.Readings { // the positive control must lack MS2, the negatives carry it
		if r := &c.Run.Readings[i]; r.Target == "MS2" {
			r.State, r.Cq, r.CqText = pcr.HasCq, 25, "25"
		}
	}
	set(&c, where(c, plate.Positive, 0).String(), "MS2", 0)
	set(&c, p.String(), "ORF1ab", 22)
	set(&c, p.String(), "N", 21)
	v := lims.Judge(c)
	require.Equal(t, []string{"s_dropout"}, flags(v)[p.String()], "%+v", v.Differences)
}

// bend is a clean amplification curve.
func bend(rise, cq float64, r *rand.Rand) []float64 {
	y := make([]float64, 45)
	x := rise * 0.05
	for i := 0; i < int(cq); i++ {
		x /= 1.95
	}
	for i := range y {
		x *= 1 + 0.95*(1-x/rise)
		y[i] = 1000 + x + 5*r.NormFloat64()
	}
	return y
}

// curved gives every reading of the case a curve that fits it.
func curved(c *lims.Case) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, x := range c.Run.Readings {
		rise := 1e-9
		if x.State == pcr.HasCq {
			rise = 8000
		}
		c.Run.Curves = append(c.Run.Curves, pcr.Curve{Well: x.Well, Target: x.Target, Kind: pcr.Raw, First: 1, Y: bend(rise, x.Cq, r)})
	}
}

func TestCurvesDecideAndDisagree(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "daan", 90)
	pos, ghost, missed := where(c, plate.Sample, 10), where(c, plate.Sample, 20), where(c, plate.Sample, 30)
	pair(&c, pos, 25.2, 24.1)
	pair(&c, ghost, 25, 24)
	pair(&c, missed, 25.3, 24.2)
	curved(&c)
	pair(&c, missed, 0, 0) // the instrument calls nothing on two good curves
	for i := range c.Run.Curves {
		if x := &c.Run.Curves[i]; x.Well == ghost.String() && x.Target != "IC" {
			x.Y = bend(1e-9, 25, rand.New(rand.NewPCG(1, 1))) // a Cq on a flat line
		}
	}
	v := lims.Judge(c)
	require.Empty(t, v.Differences)
	require.True(t, v.Accepted, "%+v", v.Controls)
	calls := map[string]lims.WellCall{}
	for _, w := range v.Wells {
		calls[w.Pos.String()] = w
	}
	require.Equal(t, pcr.Positive, calls[pos.String()].Call.Call)
	require.Empty(t, calls[pos.String()].Flags)
	require.Equal(t, pcr.Pending, calls[ghost.String()].Call.Call, "a Cq without a curve is grey")
	got := flags(v)
	require.Equal(t, []string{"curve_disagrees", "curve_disagrees"}, got[ghost.String()])
	require.Equal(t, []string{"curve_disagrees", "curve_disagrees"}, got[missed.String()])
	require.NotContains(t, got[""], "curve_unseen")
}

func TestJudgeIsDeterministic(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "daan", 90)
	pair(&c, where(c, plate.Sample, 10), 15, 14)
	pair(&c, where(c, plate.Sample, 11), 36, 37)
	curved(&c)
	c.Run.Readings = append(c.Run.Readings, pcr.Reading{Well: "A1", Target: "Zika"}, pcr.Reading{Well: "A1", Target: "Dengue"})
	first := lims.Judge(c)
	for range 5 {
		require.True(t, reflect.DeepEqual(first, lims.Judge(c)))
	}
}

func TestBatchesAcrossPlates(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "cdc", 20)
	n := 0
	for i := range c.Layout.Wells {
		w := &c.Layout.Wells[i]
		w.Batch = "B1"
		if w.Role == plate.Sample {
			if n++; n > 10 {
				w.Batch = "B2"
			}
		}
		if w.Role == plate.Saline {
			w.Role, w.Batch = plate.Extraction, "B2"
		}
	}
	for i := range c.Run.Readings { // the kit's extraction and positive controls carry human RNA
		r := &c.Run.Readings[i]
		p, _ := plate.ParsePos(r.Well)
		if role := c.Layout.At(p).Role; r.Target == "RP" && (role == plate.Extraction || role == plate.Positive) {
			r.State, r.Cq, r.CqText = pcr.HasCq, 25, "25"
		}
	}
	for i := range c.Layout.Wells {
		if c.Layout.Wells[i].Role == plate.NoTemplate || c.Layout.Wells[i].Role == plate.Negative {
			c.Layout.Wells[i].Role = plate.NoTemplate
		}
	}
	require.True(t, lims.Judge(c).Accepted, "%+v", lims.Judge(c).Controls)
	set(&c, where(c, plate.Extraction, 0).String(), "N1", 30)
	v := lims.Judge(c)
	require.True(t, v.Accepted, "the run stands, one extraction batch does not")
	require.Equal(t, []string{"B2"}, v.Batches)
	for _, w := range v.Wells {
		require.Equal(t, w.Batch == "B2", w.Invalid, w.Code)
	}
	require.Equal(t, "reextract", v.Next[len(v.Next)-1].Action)

	set(&c, where(c, plate.Extraction, 0).String(), "N1", 0)
	c.Failed = map[string]string{"B1": "NEC on P-0124"}
	for _, w := range lims.Judge(c).Wells {
		require.Equal(t, w.Batch == "B1", w.Invalid, "a batch that failed on another plate fails here")
	}
}

func TestWaivedDifferencesBecomeFlags(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "daan", 90)
	c.Run.Readings[0].Well = c.Run.Readings[3].Well // a reading in the wrong place
	c.Waived = map[string]bool{"well.missing": true, "well.twice": true, "sample.mismatch": true, "kit.unknown": true}
	v := lims.Judge(c)
	require.Empty(t, v.Differences)
	c.Kits = nil
	require.NotEmpty(t, lims.Judge(c).Differences)
}
