package lims_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// lanes is a sealed plate of a kit of several wells a sample and its run: every sample negative, every control as it should be.
func lanes(t testing.TB, kit string, samples int) lims.Case {
	k, err := pcr.Find(kit)
	require.NoError(t, err)
	return lanesOf(t, k, samples)
}

func lanesOf(t testing.TB, k *pcr.Kit, samples int) lims.Case {
	codes := make([]string, samples)
	for i := range codes {
		codes[i] = fmt.Sprintf("S%07d", i+1)
	}
	wells, err := k.Lanes().Fill(plate.F96, 123, codes, append(append([]plate.Role(nil), roles...), plate.NoTemplate, plate.Extraction))
	require.NoError(t, err)
	c := lims.Case{Layout: plate.Layout{Code: "P-0123", Format: plate.F96, Wells: wells}, Kits: map[string]*pcr.Kit{k.Key(): k},
		Want: map[plate.Role]int{plate.Weak: 1, plate.Saline: 3}}
	c.Run = pcr.Run{Driver: "test", Plate: "P-0123", Cycles: 45}
	for i := range wells {
		w := &wells[i]
		w.Kit = k.Key()
		for _, a := range k.Targets {
			if w.Target != "" && w.Target != a.ID {
				continue
			}
			r := pcr.Reading{Well: w.Pos.String(), Target: a.ID, Dye: a.Channel, Sample: w.Code, State: pcr.NoCq, CqText: "Undetermined"}
			lit := w.Role == plate.Positive || w.Role == plate.Weak
			if a.Role == pcr.Internal {
				lit = lit || w.Role == plate.Sample || w.Role == plate.Extraction
			}
			if lit {
				r.State, r.Cq, r.CqText = pcr.HasCq, 27.5, "27.5"
			}
			c.Run.Readings = append(c.Run.Readings, r)
		}
	}
	return c
}

// at is the well of a sample that measures a target.
func at(c lims.Case, code, target string) string {
	for _, w := range c.Layout.Wells {
		if w.Code == code && w.Target == target {
			return w.Pos.String()
		}
	}
	return ""
}

func TestOneTargetAWell(t *testing.T) {
	t.Parallel()
	c := lanes(t, "cdc", 24)
	set(&c, at(c, "S0000003", "N1"), "N1", 30)
	set(&c, at(c, "S0000003", "N2"), "N2", 31)
	set(&c, at(c, "S0000004", "N2"), "N2", 31)
	set(&c, at(c, "S0000005", "RP"), "RP", 0)
	v := lims.Judge(c)
	require.Empty(t, v.Differences)
	require.True(t, v.Accepted, "%+v %+v", v.Controls, v.Flags)
	require.Len(t, v.Controls, 8, "each control is judged once")
	require.Len(t, v.Wells, 24)
	calls := map[string]pcr.Call{}
	for _, w := range v.Wells {
		require.Len(t, w.Also, 2)
		calls[w.Code] = w.Call
	}
	require.Equal(t, pcr.Positive, calls["S0000003"].Call)
	require.Equal(t, "pending retest_eluate_or_reextract", calls["S0000004"].Call+" "+calls["S0000004"].Action)
	require.Equal(t, "pending reextract", calls["S0000005"].Call+" "+calls["S0000005"].Action)
	require.Equal(t, pcr.Negative, calls["S0000006"].Call)

	c.Run.Readings = append([]pcr.Reading(nil), c.Run.Readings...)
	for i := range c.Run.Readings { // an instrument that tells the dye only, and one that names samples and no wells
		c.Run.Readings[i].Target = []string{"", "Target 1", "FAM"}[i%3]
	}
	require.Equal(t, v, lims.Judge(c))
	c = lanes(t, "cdc", 24)
	for i := range c.Run.Readings {
		c.Run.Readings[i].Well = ""
	}
	v = lims.Judge(c)
	require.Empty(t, v.Differences)
	require.True(t, v.Accepted)
}

// An instrument that was set up with another plate's map: what it calls N1 is N2.
func TestWrongTargetInAWell(t *testing.T) {
	t.Parallel()
	swapped := lanes(t, "cdc", 20)
	for i := range swapped.Run.Readings {
		r := &swapped.Run.Readings[i]
		r.Target = map[string]string{"N1": "N2", "N2": "N1", "RP": "RP"}[r.Target]
	}
	v := lims.Judge(swapped)
	wrong := map[string]int{}
	for _, d := range v.Differences {
		wrong[d.Code]++
	}
	require.Equal(t, map[string]int{"target.well": 2 * 28, "target.missing": 2}, wrong)
	c := lanes(t, "cdc", 20)
	well := at(c, "S0000002", "N1")
	c.Run.Readings = append(c.Run.Readings, pcr.Reading{Well: well, Target: "RP", State: pcr.NoCq})
	require.Empty(t, lims.Judge(c).Differences, "a channel that is silent says nothing")
	c.Run.Readings[len(c.Run.Readings)-1].State, c.Run.Readings[len(c.Run.Readings)-1].Cq = pcr.HasCq, 31
	require.Equal(t, []lims.Difference{{Code: "target.well", Well: well, Got: "RP", Want: "N1"}}, lims.Judge(c).Differences)
	c.Waived = map[string]bool{"target.well": true}
	for _, w := range lims.Judge(c).Wells {
		if w.Code == "S0000002" {
			require.False(t, w.Call.Targets.Of("N1").HasCq, "another target's Cq is nobody's")
		}
	}
}

func TestWrongLayoutOfTargets(t *testing.T) {
	t.Parallel()
	c := lanes(t, "cdc", 20)
	c.Layout.Wells[0].Target = "N9"
	require.Equal(t, "layout.well", lims.Judge(c).Differences[0].Code)
	c = lanes(t, "cdc", 24)
	for i := range c.Run.Readings { // the plate was put in upside down
		p, _ := plate.ParsePos(c.Run.Readings[i].Well)
		q, _ := plate.Rotated.To(plate.F96, p)
		for _, r := range lanes(t, "cdc", 24).Run.Readings {
			if r.Well == q.String() {
				c.Run.Readings[i].State, c.Run.Readings[i].Cq, c.Run.Readings[i].CqText = r.State, r.Cq, r.CqText
			}
		}
	}
	v := lims.Judge(c)
	require.False(t, v.Accepted)
	require.NotEmpty(t, v.Fits)
	require.Equal(t, plate.Rotated, v.Fits[0].Turn)
}

// Replicates in wells of their own: all of them must speak.
func TestReplicatesOfOneTarget(t *testing.T) {
	t.Parallel()
	body, err := pcr.KitFile("cdc")
	require.NoError(t, err)
	k, err := pcr.Load(append(body, "\nreplicates: 2\n"...))
	require.NoError(t, err)
	require.Equal(t, plate.Lanes{"N1", "N1", "N2", "N2", "RP", "RP"}, k.Lanes())
	c := lanesOf(t, k, 8)
	v := lims.Judge(c)
	require.True(t, v.Accepted, "%+v", v.Controls)
	require.Equal(t, pcr.Negative, v.Wells[0].Call.Call)
	require.Empty(t, v.Wells[0].Flags)
	well := at(c, v.Wells[0].Code, "N2")
	for i := range c.Run.Readings {
		if c.Run.Readings[i].Well == well {
			c.Run.Readings[i].State, c.Run.Readings[i].CqText = pcr.Blank, ""
		}
	}
	require.Equal(t, pcr.Review, lims.Judge(c).Wells[0].Call.Call, "one well of two proves nothing")
	set(&c, well, "N2", 0)
	for i := range c.Run.Readings {
		if r := &c.Run.Readings[i]; r.Well == well {
			r.State, r.Cq, r.CqText = pcr.HasCq, 30, "30"
		}
	}
	w := lims.Judge(c).Wells[0]
	require.Equal(t, pcr.Grey, w.Call.Targets.Of("N2").State, "wells that disagree")
	require.NotEqual(t, pcr.Negative, w.Call.Call)
}
