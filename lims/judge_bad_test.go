package lims_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Whatever is done to the readings of a run, a negative that may be used rests on three readings that say so.
func TestJudgeNegativesRestOnReadings(t *testing.T) {
	t.Parallel()
	base := dish(t, plate.F96, "daan", 40)
	rapid.Check(t, func(t *rapid.T) {
		c := base
		c.Run.Readings = append([]pcr.Reading(nil), base.Run.Readings...)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			i := rapid.IntRange(0, len(c.Run.Readings)-1).Draw(t, "reading")
			r := &c.Run.Readings[i]
			switch rapid.IntRange(0, 9).Draw(t, "change") {
			case 0:
				r.State, r.Cq, r.CqText = pcr.Blank, 0, ""
			case 1:
				r.State, r.Cq, r.CqText = pcr.HasCq, 0, "0"
			case 2:
				r.State, r.Cq, r.CqText = pcr.HasCq, rapid.Float64Range(-5, 120).Draw(t, "cq"), "?"
			case 3:
				r.Omit = true
			case 4:
				r.Target = rapid.SampledFrom([]string{"", "Zika", "N", "IC", "FAM", "ORF1ab^EndPt"}).Draw(t, "target")
			case 5:
				r.Well = rapid.SampledFrom([]string{"", "A1", "H12", "Z9", "13", "A25"}).Draw(t, "well")
			case 6:
				r.Sample = rapid.SampledFrom([]string{"", "S0000001", "NC", "PC", "Sample 1", "nobody"}).Draw(t, "sample")
			case 7:
				c.Run.Readings = append(c.Run.Readings[:i], c.Run.Readings[i+1:]...)
			case 8:
				c.Run.Readings = append(c.Run.Readings, *r)
			case 9:
				r.Call = rapid.SampledFrom([]string{"POS", "NEG", "INVALID"}).Draw(t, "call")
			}
		}
		c.Waived = map[string]bool{}
		for _, code := range []string{"well.missing", "sample.mismatch", "target.unknown", "well.twice", "well.unknown"} {
			c.Waived[code] = rapid.Bool().Draw(t, code)
		}
		v := lims.Judge(c)
		if len(v.Differences) > 0 && len(v.Wells) > 0 {
			t.Fatal("a parked run has calls")
		}
		said := map[[2]string]bool{}
		for _, r := range c.Run.Readings {
			none := r.State == pcr.NoCq || r.State == pcr.HasCq && r.Cq > 40
			cq := r.State == pcr.HasCq && r.Cq > 0 && r.Cq <= 40
			p, _ := plate.ParsePos(r.Well)
			id, _ := c.Kits["daan@1"].Target(r.Target, r.Dye)
			if !r.Omit && (id == "IC" && cq || id != "IC" && id != "" && none) {
				said[[2]string{p.String(), id}] = true
				if r.Well == "" {
					said[[2]string{r.Sample, id}] = true
				}
				if r.Well == "13" {
					said[[2]string{"B1", id}] = true
				}
			}
		}
		for _, w := range v.Wells {
			if w.Call.Call != pcr.Negative || w.Invalid {
				continue
			}
			for _, id := range []string{"ORF1ab", "N", "IC"} {
				if !said[[2]string{w.Pos.String(), id}] && !said[[2]string{w.Code, id}] {
					t.Fatalf("%s is negative without %s: %s", w.Pos, id, w.Call.Why)
				}
			}
		}
	})
}

func TestSampleNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		role plate.Role
		name string
		ok   bool
	}{
		{plate.Sample, "", true},
		{plate.Sample, "Sample 12", true},
		{plate.Sample, "UNKN-03", true},
		{plate.Sample, "A1", true},
		{plate.Sample, "17", true},
		{plate.Sample, "样本 5", true},
		{plate.Sample, "s0000003", false}, // another well's code in another case: not exact, yet no name of the instrument
		{plate.Sample, "S0000040", false}, // another well's code
		{plate.Sample, "NTC", false},      // a control where a sample stands
		{plate.Sample, "K-77120", false},
		{plate.Negative, "Neg Ctrl", true},
		{plate.Negative, "阴性对照", true},
		{plate.Negative, "PC", false},
		{plate.Positive, "阳性对照-1", true},
		{plate.Positive, "S0000001", false},
	}
	for _, tt := range tests {
		c := dish(t, plate.F96, "daan", 60)
		p := where(c, tt.role, 0)
		for i := range c.Run.Readings {
			if c.Run.Readings[i].Well == p.String() {
				c.Run.Readings[i].Sample = tt.name
			}
		}
		got := lims.Judge(c).Differences
		require.Equal(t, tt.ok, len(got) == 0, "%s %q: %v", tt.role, tt.name, got)
	}
}

func TestAnalysersWithoutWells(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "xpert", 4)
	c.Run.Readings = nil
	for _, w := range c.Layout.Wells {
		for _, target := range []string{"E", "N2", "SPC"} {
			r := pcr.Reading{Sample: w.Code, Target: "SARS-CoV-2^" + target, State: pcr.Blank, Call: "NEG"}
			switch {
			case target == "SPC":
				r.Call = "PASS"
			case w.Role == plate.Positive || w.Role == plate.Weak || w.Code == "S0000002":
				r.Call = "POS"
			}
			cq := r // the Cq and the end point of the same analyte come in records of their own
			cq.Target, cq.Call, cq.State, cq.Cq, cq.CqText = r.Target+"^Ct", "", pcr.HasCq, 33.1, "33.1"
			end := cq
			end.Target, end.Cq, end.CqText = r.Target+"^EndPt", 250, "250"
			c.Run.Readings = append(c.Run.Readings, r, cq, end)
		}
	}
	v := lims.Judge(c)
	require.NotEmpty(t, v.Differences, "three wells named NS cannot be told apart")
	for i := range c.Layout.Wells {
		if w := &c.Layout.Wells[i]; w.Role == plate.Saline {
			n := 0
			for j := range c.Run.Readings { // nine readings carry the name NS: give each well its three
				if r := &c.Run.Readings[j]; r.Sample == w.Code && n < 9 {
					r.Sample, n = w.Code+w.Pos.String(), n+1
				}
			}
			w.Code += w.Pos.String()
		}
	}
	v = lims.Judge(c)
	require.Empty(t, v.Differences)
	require.True(t, v.Accepted, "%+v", v.Controls)
	for _, w := range v.Wells {
		want := pcr.Negative
		if w.Code == "S0000002" {
			want = pcr.Positive
		}
		require.Equal(t, want, w.Call.Call, w.Call.Why)
		require.InDelta(t, 33.1, w.Call.Targets.Of("N2").Cq, 1e-9)
	}
	c.Run.Readings[0].Sample = ""
	require.NotEmpty(t, lims.Judge(c).Differences, "a reading that names no place is no reading")
}

// Two readings that contradict each other leave the target not assessed, whichever came first and however often.
func TestContradictionsSettleNothing(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		c := dish(t, plate.F96, "daan", 90)
		p := where(c, plate.Sample, 5)
		extra := pcr.Reading{Well: p.String(), Target: "N", State: pcr.HasCq, Cq: 20, CqText: "20"}
		if first {
			c.Run.Readings = append([]pcr.Reading{extra}, c.Run.Readings...)
		} else {
			c.Run.Readings = append(c.Run.Readings, extra, pcr.Reading{Well: p.String(), Target: "N", State: pcr.NoCq})
		}
		require.Equal(t, "well.twice", lims.Judge(c).Differences[0].Code)
		c.Waived = map[string]bool{"well.twice": true}
		for _, w := range lims.Judge(c).Wells {
			if w.Pos == p {
				require.Equal(t, pcr.Review, w.Call.Call)
				require.Equal(t, pcr.None, w.Call.Targets.Of("N").State)
			}
		}
	}
	c := dish(t, plate.F96, "cobas", 10)
	for i := range c.Run.Readings {
		r := &c.Run.Readings[i]
		r.Call, r.State = "Negative", pcr.Blank
		if p, _ := plate.ParsePos(r.Well); c.Layout.At(p).Role == plate.Positive || c.Layout.At(p).Role == plate.Weak {
			r.Call = "Positive"
		}
	}
	require.True(t, lims.Judge(c).Accepted)
	r := c.Run.Readings[0]
	r.Call = "Positive "
	if c.Run.Readings[0].Call == "Positive" {
		r.Call = "Negative"
	}
	c.Run.Readings = append(c.Run.Readings, r)
	require.Equal(t, "well.twice", lims.Judge(c).Differences[0].Code)
}

func TestPlatesOfOneMessage(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "daan", 90)
	c.Run.Plate = ""
	for i := range c.Run.Readings {
		c.Run.Readings[i].Plate = "P-0123"
	}
	other := c.Run.Readings[0]
	other.Plate, other.State, other.Cq, other.Sample = "P-0124", pcr.HasCq, 18, "K-1"
	c.Run.Readings = append(c.Run.Readings, other)
	require.Empty(t, lims.Judge(c).Differences)
	c.Layout.Code = "P-0999"
	require.Equal(t, "plate.code", lims.Judge(c).Differences[0].Code)
}

func TestReplicatesOnThePlate(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "taqpath-replicate", 10)
	for i := range c.Run.Readings {
		if r := &c.Run.Readings[i]; r.Target == "MS2" {
			r.State, r.Cq, r.CqText = pcr.HasCq, 25, "25"
		}
	}
	for _, w := range lims.Judge(c).Wells {
		require.Equal(t, pcr.Review, w.Call.Call, "one well of two proves nothing")
	}
	a, b := where(c, plate.Sample, 0), where(c, plate.Sample, 1)
	for i := range c.Layout.Wells {
		if c.Layout.Wells[i].Pos == b {
			c.Layout.Wells[i].Code = c.Layout.At(a).Code
		}
	}
	for i := range c.Run.Readings {
		c.Run.Readings[i].Sample = ""
	}
	w := lims.Judge(c).Wells[0]
	require.Equal(t, pcr.Negative, w.Call.Call, w.Call.Why)
	require.Equal(t, []plate.Pos{b}, w.Also)
	require.Empty(t, w.Flags)
}

func TestPolicyControls(t *testing.T) {
	t.Parallel()
	c := dish(t, plate.F96, "daan", 90)
	c.Want = map[plate.Role]int{plate.Weak: 1, plate.Saline: 3}
	require.True(t, lims.Judge(c).Accepted)
	c.Want[plate.Saline] = 4
	v := lims.Judge(c)
	require.False(t, v.Accepted)
	require.Equal(t, "control_missing", v.Flags[0].Code)
	require.True(t, v.Wells[0].Invalid)
}
