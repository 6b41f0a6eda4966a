package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// send posts a form with a file.
func (p *person) send(path, field, name string, content []byte, pairs ...string) (int, string) {
	p.d.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		require.NoError(p.d.t, w.WriteField(pairs[i], pairs[i+1]))
	}
	f, err := w.CreateFormFile(field, name)
	require.NoError(p.d.t, err)
	_, err = f.Write(content)
	require.NoError(p.d.t, err)
	require.NoError(p.d.t, w.Close())
	r, err := p.client.Post(p.d.srv.URL+path, w.FormDataContentType(), &b)
	require.NoError(p.d.t, err)
	return p.read(r)
}

func (d *day) secondKit() string {
	d.t.Helper()
	body, err := pcr.KitFile("sansure")
	require.NoError(d.t, err)
	k, err := d.st.AddKit(d.ctx, d.root, body)
	require.NoError(d.t, err)
	require.NoError(d.t, d.st.ApproveKit(d.ctx, d.people["chief"], k.Key(), strings.Repeat("cd", 32)))
	d.id(d.st.AddLot(d.ctx, d.root, d.lab, k.Key(), "S-1", d.clock.now().AddDate(1, 0, 0)))
	return k.Key()
}

// waiting are single tubes that wait at the bench.
func (d *day) waiting(n int, prefix string) []string {
	d.t.Helper()
	codes := d.collect(d.dep, prefix, lims.Single, d.register(d.dep, prefix+"-", n, lims.KeyPerson))
	d.send("BX-"+prefix, d.dep, codes)
	d.receive("BX-"+prefix, codes)
	return codes
}

func TestQualityPages(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, _ := d.reviewable()
	d.secondKit()
	for _, login := range []string{"tech", "chief", "admin"} {
		who := d.as(login)
		for _, lang := range []string{"en", "zh"} {
			who.post("/lang", "lang", lang, "next", "/board")
			for _, path := range []string{"/kits", "/kits/" + d.kit, "/iqc", "/agreement", "/rules", "/worklist"} {
				code, body := who.get(path)
				require.Equal(t, http.StatusOK, code, "%s %s", login, path)
				require.NotContains(t, body, "no value", path)
			}
		}
	}
	code, _ := d.as("desk").get("/kits")
	require.Equal(t, http.StatusForbidden, code)
	code, _ = d.as("chief").get("/kits/nothing@1")
	require.Equal(t, http.StatusNotFound, code)
	_, body := d.as("chief").get("/iqc")
	require.Contains(t, body, `<g class="lj dot"`, "the weak positive of the plate")
	_, body = d.as("tech").get("/worklist")
	require.Contains(t, body, "重新提取")
	require.Contains(t, body, plate)
}

func TestKitIsUploadedComparedAndApproved(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	chief := d.as("chief")
	body, err := pcr.KitFile("daan")
	require.NoError(t, err)
	bad := strings.Replace(string(body), "is: [neg], min: 2}}, {target: IC, is: [pos]}", "is: [neg], min: 1}}, {target: IC, is: [pos]}", 1)
	code, page := chief.send("/kits", "file", "daan.yaml", []byte(bad))
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, page, "[kit.unreadable]")
	require.Regexp(t, regexp.MustCompile(`line \d+: `), page, "the line of the fault")
	code, page = chief.send("/kits", "file", "daan.yaml", body)
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, page, "[kit.version_taken]")
	code, page = d.as("tech").send("/kits", "file", "daan.yaml", body)
	require.Equal(t, http.StatusForbidden, code, page)

	next := strings.Replace(strings.Replace(string(body), `version: "1"`, `version: "2"`, 1), "{ct_le: 40}, state: grey}", "{ct_le: 39}, state: grey}", 1)
	code, page = chief.post("/kits", "file_text", next)
	require.Equal(t, http.StatusOK, code, page)
	require.Contains(t, page, "daan@2")
	require.Contains(t, page, "<ins>")
	require.Contains(t, page, "39")
	_, err = d.st.Lay(d.ctx, d.people["tech"], store.NewPlate{Lab: d.lab, Wells: 96, Kit: "daan@2", Lot: "x", Codes: []string{"y"}})
	require.ErrorIs(t, err, lims.Denied)
	code, page = chief.post("/kits/daan@2/approve", "sha256", "12")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, page, "[kit.insert_hash]")
	code, page = chief.send("/kits/daan@2/approve", "insert", "说明书.pdf", []byte("insert"))
	require.Equal(t, http.StatusOK, code, page)
	require.Contains(t, page, "说明书.pdf")
	sum := sha256.Sum256([]byte("insert"))
	require.Contains(t, page, hex.EncodeToString(sum[:]))
	require.Contains(t, page, "孙立")
	code, _ = chief.post("/kits/daan@2/approve", "sha256", strings.Repeat("0", 64))
	require.Equal(t, http.StatusConflict, code)

	code, page = chief.post("/lots", "kit", "daan@2", "number", "L9", "expires", "2026-03-01", "ranges", "ORF1ab 24-28, N nonsense")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, page, "[lot.range]")
	code, page = chief.post("/lots", "kit", "daan@2", "number", "L9", "expires", "2026-03-01", "ranges", "ORF1ab 24-28，N 23-27")
	require.Equal(t, http.StatusOK, code, page)
	codes := d.waiting(1, "KIT")
	code, page = d.as("tech").post("/bench/plates", "lab", "1", "wells", "96", "lot", "daan@2|L9", "tube", codes[0])
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, page, "[lot.expired]")
	lots, err := d.st.Lots(d.ctx, d.lab)
	require.NoError(t, err)
	for _, l := range lots {
		code, page = chief.post("/lots/"+idText(l.ID)+"/block", "reason", "召回")
		require.Equal(t, http.StatusOK, code, page)
	}
	code, page = d.as("tech").post("/bench/plates", "lab", "1", "wells", "96", "lot", d.kit+"|2026031", "tube", codes[0])
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, page, "召回")
}

// Flags stand on the picture with their reason; the release waits for them.
func TestFlagsAreTouchedOnThePlate(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	codes := d.waiting(4, "FLG")
	same := [2]float64{24.4, 23.9}
	plate := d.run(codes, map[string][2]float64{codes[0]: same, codes[1]: same}, nil)
	at := "/review/" + plate
	checker, releaser := d.as("checker"), d.as("releaser")
	_, body := checker.get(at)
	require.Contains(t, body, "flagged")
	require.Contains(t, body, "Cq 完全相同")
	ids := d.toSign(lims.Called)
	require.NoError(t, d.st.Check(d.ctx, d.people["checker"], ids))
	code, body := releaser.post(at+"/sign", "action", "release", "ids", idList(ids))
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "[flags.untouched]")
	flags := regexp.MustCompile(`name="flag" value="(\d+)"`).FindAllStringSubmatch(body, -1)
	require.Len(t, flags, 2)
	code, body = releaser.post(at+"/flags", "flag", flags[0][1], "flag", flags[1][1], "note", "")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[flag.note]")
	code, body = releaser.post(at+"/flags", "flag", flags[0][1], "flag", flags[1][1], "note", "曲线不同,加样无误")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "曲线不同")
	code, body = releaser.post(at+"/sign", "action", "release", "ids", idList(ids))
	require.Equal(t, http.StatusOK, code, body)
}

func (d *day) toSign(states ...lims.State) []int64 {
	d.t.Helper()
	ids, err := d.st.ToSign(d.ctx, d.lab, 1000, states...)
	require.NoError(d.t, err)
	return ids
}

// A parked run is said in words to fit a turn, and two supervisors mend it.
func TestFixOnThePage(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	codes := d.waiting(3, "FIX")
	by := d.people["tech"]
	p, err := d.st.Lay(d.ctx, by, store.NewPlate{Lab: d.lab, Wells: 96, Kit: d.kit, Lot: "2026031", Codes: codes})
	require.NoError(t, err)
	require.NoError(t, d.st.Seal(d.ctx, by, p.ID))
	require.NoError(t, d.st.Start(d.ctx, by, p.ID, d.inst))
	k, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: d.inst, Line: "folder", Name: "x.txt", Bytes: []byte("x"), Complete: true})
	require.NoError(t, err)
	require.NoError(t, d.st.ParkMessage(d.ctx, store.Message{ID: k.ID, State: lims.Kept}, "quantstudio", "run.fits_other",
		lims.Args{"plate": p.Code, "fits": []plate.Fit{{Plate: p.Code, Turn: plate.Rotated, Score: 0.984}}, "differences": []lims.Difference{{Code: "well.missing", Well: "A1"}}}))
	id := d.id(d.st.AddActor(d.ctx, d.root, store.NewActor{Login: "chief2", Name: "何强", Password: password, Lab: d.lab, Roles: []lims.Role{lims.Supervisor}}))
	require.NotZero(t, id)
	at := "/messages/" + idText(k.ID)
	one, two := d.as("chief"), d.as("chief2")
	_, body := one.get(at)
	require.Contains(t, body, "旋转 180 度")
	require.Contains(t, body, "98%")
	require.NotContains(t, body, at+"/bind", "not by one person")
	code, body := one.post(at+"/bind", "plate", p.Code)
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "[fix.two_people]")
	code, body = d.as("tech").post(at+"/fixes", "plate", p.Code, "turn", "rotated_180", "reason", "放反")
	require.Equal(t, http.StatusForbidden, code, body)
	code, body = one.post(at+"/fixes", "plate", p.Code, "turn", "rotated_180", "waive", "well.missing", "reason", "放反")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "另一位主管")
	confirm := regexp.MustCompile(at + `/fixes/(\d+)/confirm`)
	require.Nil(t, confirm.FindStringSubmatch(body))
	_, body = two.get(at)
	found := confirm.FindStringSubmatch(body)
	require.NotNil(t, found)
	code, body = one.post(found[0])
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "[fix.same_person]")
	code, body = two.post(found[0])
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "何强")
	code, _ = two.post(at+"/fixes/"+found[1]+"/decline", "x", "y")
	require.Equal(t, http.StatusConflict, code)
}

func TestIQCPage(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	chief := d.as("chief")
	code, body := chief.post("/iqc/lots", "number", "W7", "level", "weak", "material", "弱阳性", "expires", "2026-12-31")
	require.Equal(t, http.StatusOK, code, body)
	code, body = chief.post("/iqc/goals", "iqc_lot", "1", "kit", d.kit, "target", "N", "mean", "31.0", "sd", "x")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[iqc.goal]")
	code, body = chief.post("/iqc/goals", "iqc_lot", "1", "kit", d.kit, "target", "N", "mean", "31.0", "sd", "0.3") // the plate shows 32.6
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "31.00 ± 0.30")
	codes := d.waiting(2, "IQC")
	plate := d.run(codes, nil, nil)
	ids := d.toSign(lims.Called)
	require.NoError(t, d.st.Check(d.ctx, d.people["checker"], ids))
	code, body = d.as("releaser").post("/review/"+plate+"/sign", "action", "release", "ids", idList(ids))
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "[iqc.out_of_control]")
	require.Contains(t, body, "1-3s")
	_, body = chief.get("/iqc")
	require.Contains(t, body, `<g class="lj reject"`)
	event := regexp.MustCompile(`/iqc/events/(\d+)/close`).FindString(body)
	require.NotEmpty(t, event)
	code, body = chief.post(event, "cause", "加样偏差", "action", "")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[iqc.cause]")
	code, body = chief.post(event, "cause", "加样偏差", "action", "重测在控", "plate", plate)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "重测在控")
	code, body = d.as("releaser").post("/review/"+plate+"/sign", "action", "release", "ids", idList(ids))
	require.Equal(t, http.StatusOK, code, body)
}

func TestRulesPage(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	chief, checker := d.as("chief"), d.as("checker")
	named := idText(d.people["checker"].ID)
	code, body := chief.post("/rules/auto", "kit", d.kit, "internal-IC", "35", "share", "10", "ignore", "curve_unseen", "named", named, "from", "2026-03-01", "source", "")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[reason.needed]")
	code, body = chief.post("/rules/auto", "kit", d.kit, "internal-IC", "35", "share", "10", "ignore", "curve_unseen", "named", idText(d.people["chief"].ID), "from", "2026-03-01", "source", "SOP")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[rules.two_people]")
	code, body = chief.post("/rules/auto", "kit", d.kit, "internal-IC", "35", "share", "10", "ignore", "curve_unseen", "named", named, "from", "2026-03-01", "source", "SOP")
	require.Equal(t, http.StatusOK, code, body)
	_, body = checker.get("/rules")
	require.Contains(t, body, "/rules/1/accept")
	code, body = checker.post("/rules/1/accept")
	require.Equal(t, http.StatusOK, code, body)
	d.run(d.waiting(3, "AUT"), nil, nil)
	require.Len(t, d.toSign(lims.Checked), 3, "clean negatives wait for the second person")
	code, body = chief.post("/rules/1/end")
	require.Equal(t, http.StatusOK, code, body)
	code, body = chief.post("/rules/parallel", "required", "1", "reflex", "1", "kit", d.secondKit(), "from", "2026-03-01", "source", "SOP")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "sansure")
}

// Two kits on one plate: the pair that disagrees is never signed, a supervisor says how it goes on.
func TestPairOnThePages(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	other := d.secondKit()
	codes := d.waiting(3, "PAR")
	tech := d.as("tech")
	code, body := tech.post("/bench/plates", "lab", "1", "wells", "96", "lot", d.kit+"|2026031", "second", other+"|S-1", "tube", codes[0], "tube", codes[1])
	require.Equal(t, http.StatusOK, code, body)
	plates, err := d.st.ActivePlates(d.ctx, scopeOf(d.people["tech"]))
	require.NoError(t, err)
	p, err := d.st.PlateByCode(d.ctx, plates[0].Code)
	require.NoError(t, err)
	d.pairRun(p, codes[0]+other)
	at := "/review/" + p.Code
	_, body = d.as("checker").get(at)
	require.Contains(t, body, "两试剂不一致")
	require.NotContains(t, body, at+"/pair", "for a supervisor")
	chief := d.as("chief")
	_, body = chief.get(at)
	require.Contains(t, body, at+"/pair")
	ids := idList(d.toSign(lims.Held))
	code, body = chief.post(at+"/sign", "action", "check", "ids", ids)
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "[parallel.discordant]")
	code, body = chief.post(at+"/pair", "ids", ids, "way", "reextract", "reason", "信号弱")
	require.Equal(t, http.StatusOK, code, body)
	_, body = tech.get("/bench")
	require.Contains(t, body, "待做的第二种试剂")
	_, body = tech.get("/tubes/" + codes[0])
	require.Contains(t, body, "平行检测")
	code, body = tech.post("/tubes/"+codes[2]+"/pair", "first", d.kit, "second", d.kit)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[arm.same_kit]")
	code, body = tech.post("/tubes/"+codes[2]+"/pair", "first", d.kit, "second", other)
	require.Equal(t, http.StatusOK, code, body)
	_, body = chief.get("/agreement")
	require.Contains(t, body, "κ")
	require.Contains(t, body, "2026031")
}

// pairRun runs a plate of two kits on which everything is negative but for one code with one kit.
func (d *day) pairRun(p store.Plate, positive string) {
	d.t.Helper()
	by := d.people["tech"]
	require.NoError(d.t, d.st.Seal(d.ctx, by, p.ID))
	require.NoError(d.t, d.st.Start(d.ctx, by, p.ID, d.inst))
	d.clock.step(2 * time.Hour)
	layout, err := d.st.Layout(d.ctx, p.ID)
	require.NoError(d.t, err)
	r := pcr.Run{Driver: "quantstudio", Instrument: "QuantStudio 5", Plate: p.Code, Cycles: 45}
	for _, w := range layout.Wells {
		cq := map[string]float64{"IC": 27}
		switch {
		case w.Role == plate.Positive || w.Code+w.Kit == positive:
			cq["ORF1ab"], cq["N"] = 28.4, 27.9
		case w.Role == plate.Weak:
			cq["ORF1ab"], cq["N"] = 33.1, 32.6
		}
		for _, target := range []string{"ORF1ab", "N", "IC"} {
			one := pcr.Reading{Well: w.Pos.String(), Sample: w.Code, Target: target, State: pcr.NoCq, CqText: "Undetermined"}
			if v := cq[target]; v > 0 {
				one.State, one.Cq, one.CqText = pcr.HasCq, v, "x"
			}
			r.Readings = append(r.Readings, one)
			r.Curves = append(r.Curves, pcr.Curve{Well: one.Well, Target: target, Kind: pcr.DeltaRn, First: 1, Y: amplification(cq[target])})
		}
	}
	k, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: d.inst, Line: "folder", Name: p.Code, Bytes: []byte(p.Code), Complete: true})
	require.NoError(d.t, err)
	p, err = d.st.PlateByID(d.ctx, p.ID)
	require.NoError(d.t, err)
	c, err := d.st.Case(d.ctx, r, p, "QuantStudio 5")
	require.NoError(d.t, err)
	v := lims.Judge(c)
	require.Empty(d.t, v.Differences)
	require.NoError(d.t, d.st.Record(d.ctx, store.Message{ID: k.ID, Instrument: d.inst, Lab: d.lab}, "quantstudio", []store.Judged{{Run: r, Plate: p.ID, Case: c, Verdict: v}}))
}
