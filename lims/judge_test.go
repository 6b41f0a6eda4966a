package lims_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// roles are the controls of a plate in these tests: two of the kit, a weak positive and three negatives.
var roles = []plate.Role{plate.Negative, plate.Positive, plate.Weak, plate.Saline, plate.Saline, plate.Saline}

// dish is a sealed plate and its run: every sample negative, every control as it should be.
func dish(t testing.TB, f plate.Format, kit string, samples int) lims.Case {
	k, err := pcr.Find(kit)
	require.NoError(t, err)
	codes := make([]string, samples)
	for i := range codes {
		codes[i] = fmt.Sprintf("S%07d", i+1)
	}
	wells, err := plate.Fill(f, 123, codes, roles)
	require.NoError(t, err)
	c := lims.Case{Layout: plate.Layout{Code: "P-0123", Format: f, Wells: wells}, Kits: map[string]*pcr.Kit{k.Key(): k}}
	c.Run = pcr.Run{Driver: "test", Plate: "P-0123", Cycles: 45}
	for i := range wells {
		w := &c.Layout.Wells[i]
		w.Kit = k.Key()
		for _, a := range k.Targets {
			r := pcr.Reading{Well: w.Pos.String(), Target: a.ID, State: pcr.NoCq, CqText: "Undetermined"}
			if w.Role == plate.Sample {
				r.Sample = w.Code
			}
			if a.Role == pcr.Internal && (w.Role == plate.Sample || w.Role == plate.Weak) {
				r.State, r.Cq, r.CqText = pcr.HasCq, 24.5, "24.5"
			}
			if a.Role == pcr.Virus && (w.Role == plate.Positive || w.Role == plate.Weak) {
				r.State, r.Cq, r.CqText = pcr.HasCq, 29.25, "29.25"
			}
			c.Run.Readings = append(c.Run.Readings, r)
		}
	}
	return c
}

// set writes a Cq (0: none) into the run.
func set(c *lims.Case, well, target string, cq float64) {
	for i := range c.Run.Readings {
		r := &c.Run.Readings[i]
		if r.Well != well || r.Target != target {
			continue
		}
		r.State, r.Cq, r.CqText = pcr.NoCq, 0, "Undetermined"
		if cq > 0 {
			r.State, r.Cq, r.CqText = pcr.HasCq, cq, fmt.Sprint(cq)
		}
	}
}

// where is the position of the n-th well with this role.
func where(c lims.Case, role plate.Role, n int) plate.Pos {
	for _, w := range c.Layout.Wells {
		if w.Role == role {
			if n == 0 {
				return w.Pos
			}
			n--
		}
	}
	panic("no such well")
}

func TestJudgeCleanPlate(t *testing.T) {
	t.Parallel()
	for _, kit := range []string{"daan", "sansure"} {
		c := dish(t, plate.F96, kit, 90)
		p := where(c, plate.Sample, 7)
		set(&c, p.String(), "ORF1ab", 22.4)
		set(&c, p.String(), "N", 21.9)
		v := lims.Judge(c)
		require.Empty(t, v.Differences)
		require.True(t, v.Accepted, "%+v", v.Controls)
		require.Len(t, v.Controls, 6)
		require.Len(t, v.Wells, 90)
		for _, w := range v.Wells {
			want := pcr.Negative
			if w.Pos == p {
				want = pcr.Positive
			}
			require.Equal(t, want, w.Call.Call, w.Call.Why)
			require.False(t, w.Invalid)
		}
	}
}

func TestJudgeFailedControls(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		role   plate.Role
		target string
		cq     float64
	}{
		{"negative shows", plate.Negative, "ORF1ab", 33},
		{"saline shows", plate.Saline, "N", 36},
		{"positive is late", plate.Positive, "N", 38},
		{"weak positive lost", plate.Weak, "ORF1ab", 0},
	}
	for _, tt := range tests {
		c := dish(t, plate.F96, "daan", 90)
		set(&c, where(c, tt.role, 0).String(), tt.target, tt.cq)
		v := lims.Judge(c)
		require.Empty(t, v.Differences, tt.name)
		require.False(t, v.Accepted, tt.name)
		for _, w := range v.Wells {
			require.True(t, w.Invalid, tt.name)
		}
		require.Equal(t, "plate_failed", v.Next[0].Why, tt.name)
		require.Len(t, v.Next[0].Codes, 90, tt.name)
	}
}

func TestJudgeDifferences(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code string
		mar  func(c *lims.Case)
	}{
		{"plate.code", func(c *lims.Case) { c.Run.Plate = "P-0999" }},
		{"well.missing", func(c *lims.Case) { c.Run.Readings = c.Run.Readings[3:] }},
		{"well.unknown", func(c *lims.Case) {
			c.Layout.Wells = c.Layout.Wells[:95]
			c.Run.Readings[len(c.Run.Readings)-1].State = pcr.HasCq
		}},
		{"well.unknown", func(c *lims.Case) { c.Run.Readings[0].Well = "J99" }},
		{"sample.mismatch", func(c *lims.Case) {
			for i := range c.Run.Readings {
				if c.Run.Readings[i].Sample == "S0000007" {
					c.Run.Readings[i].Sample = "S0000008"
				}
			}
		}},
		{"target.missing", func(c *lims.Case) {
			for i := range c.Run.Readings {
				if c.Run.Readings[i].Target == "N" {
					c.Run.Readings[i].Target = "Zika"
				}
			}
		}},
		{"target.unknown", func(c *lims.Case) {
			c.Run.Readings = append(c.Run.Readings, pcr.Reading{Well: "A1", Target: "Zika", State: pcr.HasCq, Cq: 20})
		}},
		{"well.twice", func(c *lims.Case) {
			c.Run.Readings = append(c.Run.Readings, pcr.Reading{Well: c.Run.Readings[0].Well, Target: "N", State: pcr.HasCq, Cq: 20})
		}},
		{"kit.unknown", func(c *lims.Case) { c.Kits = nil }},
	}
	for _, tt := range tests {
		c := dish(t, plate.F96, "daan", 90)
		tt.mar(&c)
		v := lims.Judge(c)
		require.NotEmpty(t, v.Differences, tt.code)
		require.Empty(t, v.Wells, tt.code)
		var codes []string
		for _, d := range v.Differences {
			codes = append(codes, d.Code)
		}
		require.Contains(t, codes, tt.code)
	}
}

func TestJudgeSeesATurnedPlate(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "daan", 88)
	for i := range c.Run.Readings {
		r := &c.Run.Readings[i]
		p, err := plate.ParsePos(r.Well)
		require.NoError(t, err)
		q, _ := plate.Rotated.To(plate.F96, p)
		r.Well, r.Sample = q.String(), ""
	}
	v := lims.Judge(c)
	require.NotEmpty(t, v.Fits)
	require.Equal(t, plate.Rotated, v.Fits[0].Turn)
}

// A run that carries the codes of another open plate names that plate, and how it lay.
func TestJudgeNamesTheOtherPlate(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "daan", 60)
	other := c.Layout
	other.Code = "P-0124"
	other.Wells = nil
	for i, w := range c.Layout.Wells {
		if w.Role == plate.Sample {
			w.Code = fmt.Sprintf("T%07d", i)
		}
		other.Wells = append(other.Wells, w)
	}
	c.Others = map[string]plate.Layout{"P-0124": other}
	for i := range c.Run.Readings {
		r := &c.Run.Readings[i]
		p, err := plate.ParsePos(r.Well)
		require.NoError(t, err)
		if w := other.At(p); w.Role == plate.Sample {
			r.Sample = w.Code
		}
		q, _ := plate.Rotated.To(plate.F96, p)
		r.Well = q.String()
	}
	v := lims.Judge(c)
	require.NotEmpty(t, v.Differences)
	require.Equal(t, plate.Fit{Plate: "P-0124", Turn: plate.Rotated, Score: 1}, v.Fits[0])
}

func BenchmarkJudge384(b *testing.B) {
	c := dish(b, plate.F384, "liferiver", 378)
	b.ReportAllocs()
	for b.Loop() {
		if v := lims.Judge(c); len(v.Wells) != 378 {
			b.Fatal(v.Differences)
		}
	}
}

func BenchmarkJudge384Curves(b *testing.B) {
	c := dish(b, plate.F384, "liferiver", 378)
	curved(&c)
	b.ReportAllocs()
	for b.Loop() {
		if v := lims.Judge(c); len(v.Wells) != 378 {
			b.Fatal(v.Differences)
		}
	}
}

// BenchmarkJudge384AllGrow is the dearest plate there is: 384 wells with four targets, and every curve grows.
func BenchmarkJudge384AllGrow(b *testing.B) {
	c := dish(b, plate.F384, "liferiver", 378)
	for i := range c.Run.Readings {
		r := &c.Run.Readings[i]
		r.State, r.Cq, r.CqText = pcr.HasCq, 18+float64(i%20), ""
	}
	curved(&c)
	b.ReportAllocs()
	for b.Loop() {
		if v := lims.Judge(c); len(v.Wells) != 378 {
			b.Fatal(v.Differences)
		}
	}
}

// BenchmarkDay judges a day of 33,000 orders in single tubes: 367 plates of 90.
func BenchmarkDay(b *testing.B) {
	c := dish(b, plate.F96, "liferiver", 90)
	for b.Loop() {
		for range 367 {
			lims.Judge(c)
		}
	}
}
