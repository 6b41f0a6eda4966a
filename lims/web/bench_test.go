package web

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// singleplex puts the kit of N1, N2 and RP in three wells on record, with a lot.
func (d *day) singleplex() string {
	d.t.Helper()
	body, err := pcr.KitFile("cdc")
	require.NoError(d.t, err)
	k, err := d.st.AddKit(d.ctx, d.root, body)
	require.NoError(d.t, err)
	d.id(d.st.AddLot(d.ctx, d.root, d.lab, k.Key(), "N-1", d.clock.now().AddDate(0, 6, 0)))
	return k.Key()
}

// runSingleplex runs a plate with one target a well; found names the targets that come up in tubes that are not negative.
func (d *day) runSingleplex(code string, found map[string]string) {
	d.t.Helper()
	p, err := d.st.PlateByCode(d.ctx, code)
	require.NoError(d.t, err)
	require.NoError(d.t, d.st.Start(d.ctx, d.people["tech"], p.ID, d.inst))
	d.clock.step(95 * time.Minute)
	l, err := d.st.Layout(d.ctx, p.ID)
	require.NoError(d.t, err)
	r := pcr.Run{Driver: "quantstudio", Instrument: "ABI7500FastDx", Plate: code, Cycles: 45}
	for i, w := range l.Wells {
		cq := 0.0
		said, special := found[w.Code]
		switch {
		case w.Role == plate.Positive || w.Role == plate.Weak, special && regexp.MustCompile(w.Target).MatchString(said),
			!special && w.Target == "RP" && (w.Role == plate.Sample || w.Role == plate.Extraction):
			cq = 25 + float64(i)/100
		}
		one := pcr.Reading{Well: w.Pos.String(), Sample: w.Code, Target: w.Target, State: pcr.NoCq, CqText: "Undetermined"}
		if cq > 0 {
			one.State, one.Cq, one.CqText = pcr.HasCq, cq, "25"
		}
		r.Readings = append(r.Readings, one)
		r.Curves = append(r.Curves, pcr.Curve{Well: one.Well, Target: w.Target, Kind: pcr.DeltaRn, First: 1, Y: amplification(cq)})
	}
	kept, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: d.inst, Line: "folder", Name: code + ".txt", Bytes: []byte("run " + code), Complete: true})
	require.NoError(d.t, err)
	c, err := d.st.Case(d.ctx, r, p, "ABI7500FastDx")
	require.NoError(d.t, err)
	v := lims.Judge(c)
	require.Empty(d.t, v.Differences)
	require.True(d.t, v.Accepted, "%+v", v.Controls)
	require.NoError(d.t, d.st.Record(d.ctx, store.Message{ID: kept.ID, Instrument: d.inst, Lab: d.lab}, "quantstudio", []store.Judged{{Run: r, Plate: p.ID, Case: c, Verdict: v}}))
}

var plateLink = regexp.MustCompile(`P-\d{6}`)

// The bench lays a plate of one target a well: how many samples fit is said before, the picture names the assay of each column, and the
// plate file that of each well.
func TestSingleplexAtTheBench(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	codes := d.collect(d.dep, "SX", lims.Single, d.register(d.dep, "C", 30, lims.KeyPerson))
	d.send("BX-9", d.dep, codes)
	d.receive("BX-9", codes)
	kit := d.singleplex()
	tech := d.as("tech")
	code, page := tech.get("/bench?wells=96&lot=" + kit + "%7CN-1")
	require.Equal(t, 200, code)
	require.Contains(t, page, "此 96 孔板可放 24 份样本,每份 3 孔")
	require.Len(t, regexp.MustCompile(`name="tube"[^>]* checked`).FindAllString(page, -1), 24)
	_, page = tech.get("/bench?wells=384&lot=" + kit + "%7CN-1")
	require.Contains(t, page, "此 384 孔板可放 120 份样本,每份 3 孔")
	_, page = tech.get("/bench?lot=" + d.kit + "%7C2026031")
	require.Contains(t, page, "此 96 孔板可放 90 份样本。")
	_, page = tech.get("/bench?lot=" + d.kit + "%7C2026031&second=" + kit + "%7CN-1")
	require.Contains(t, page, "这两种试剂不能同板")
	code, page = tech.post("/bench/plates", "lab", "1", "wells", "96", "lot", d.kit+"|2026031", "second", kit+"|N-1", "tube", codes[0])
	require.Equal(t, 422, code)
	require.Contains(t, page, "每份样本占 3 孔")

	form := []string{"lab", "1", "wells", "96", "lot", kit + "|N-1"}
	for _, c := range codes[:24] {
		form = append(form, "tube", c)
	}
	code, page = tech.post("/bench/plates", form...)
	require.Equal(t, 200, code)
	name := plateLink.FindString(page)
	require.Contains(t, page, `<span class="axis" role="columnheader">1<b>N1</b></span><span class="axis" role="columnheader">2<b>N2</b></span><span class="axis" role="columnheader">3<b>RP</b></span>`)
	require.Len(t, regexp.MustCompile(`<td class="code">[A-H]\d+–[A-H]\d+ <span class="soft">N1 N2 RP</span></td>`).FindAllString(page, -1), 24+8, "one row a sample and control")
	p, err := d.st.PlateByCode(d.ctx, name)
	require.NoError(t, err)
	require.NoError(t, d.st.Seal(d.ctx, d.people["tech"], p.ID))
	code, file := tech.get("/plates/" + name + "/setup?driver=quantstudio-da1")
	require.Equal(t, 200, code)
	require.Len(t, regexp.MustCompile(`\tRP\t\t(UNKNOWN|NTC)\tFAM\t`).FindAllString(file, -1), 32, "%s", file)

	d.runSingleplex(name, map[string]string{codes[3]: "N1 N2 RP", codes[5]: "N2 RP"})
	checker := d.as("checker")
	code, page = checker.get("/review/" + name)
	require.Equal(t, 200, code)
	require.Len(t, regexp.MustCompile(`<tr id="t-`).FindAllString(page, -1), 1, "the positive one, once")
	require.Contains(t, page, codes[5], "tested again")
	require.Contains(t, page, `<th>靶标</th>`)
	for _, target := range []string{"N1", "N2", "RP"} {
		require.Regexp(t, `<tr><td>`+target+` <span`, page, "the picked sample shows all its wells")
	}
	require.Len(t, regexp.MustCompile(`class="well pos[^"]*"`).FindAllString(page, -1), 3+1, "three wells, and the legend")
	code, page = d.as("tech").get("/tubes/" + codes[3])
	require.Equal(t, 200, code)
	require.Contains(t, page, name)
}
