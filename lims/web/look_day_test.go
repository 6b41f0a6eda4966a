package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// everything is a day on which each page has something to show. It gives the pages by name and path.
func (d *day) everything() [][2]string {
	d.t.Helper()
	d.manned()
	plateCode, positive := d.reviewable()
	d.busy(plateCode)
	d.register(d.dep, "FREE-", 3, "screening")
	wide := d.wide()
	pages := [][2]string{{"review", "/review/" + plateCode + "?well=D2"}, {"work", "/review"}, {"board", "/board"}, {"box", "/receipt/BX-0102"}, {"receipt", "/receipt"},
		{"plate", "/plates/" + plateCode}, {"plates", "/plates"}, {"instruments", "/instruments"}, {"messages", "/messages?all=1"}, {"message", "/messages/2"}, {"tube", "/tubes/" + positive},
		{"replay", "/messages/1/replay"}, {"tray", "/messages?tray=incomplete"}, {"unknown", "/messages?tray=unknown"},
		{"instrument", "/instruments/1"}, {"mapping", "/instruments/1/mapping"}, {"dark", "/dark"}, {"disputes", "/disputes"}, {"loose", "/review/loose"}, {"order", "/orders/1"},
		{"intake", "/intake"}, {"collect", "/collect"}, {"pack", "/pack?department=1"}, {"results", "/results?department=1"}, {"deliveries", "/deliveries"}, {"alerts", "/alerts?all=1"}, {"find", "/find?q=nix"},
		{"kits", "/kits"}, {"kit", "/kits/" + d.kit}, {"iqc", "/iqc"}, {"agreement", "/agreement"}, {"rules", "/rules"}, {"limits", "/limits"}, {"worklist", "/worklist"},
		{"recalls", "/recalls"}, {"people", "/people"}, {"me", "/me"}, {"settings", "/settings"}, {"labs", "/settings/labs?lab=1"}, {"departments", "/settings/departments"}, {"lines", "/settings/instruments"},
		{"line", "/settings/instruments/1"}, {"destinations", "/settings/destinations"}, {"destination", "/settings/destinations/1"}, {"policies", "/settings/policies"}, {"tokens", "/settings/tokens"},
		{"wide", "/plates/" + wide}, {"signin", "/signin"}}
	for _, more := range []func() [][2]string{d.somePools, d.someWells, d.someAmendments, d.someLines, d.somePairs} {
		pages = append(pages, more()...)
	}
	return pages
}

// manned gives the pages what only a running program has: instrument lines, a reader of old messages, folders.
func (d *day) manned() {
	d.t.Helper()
	d.srv.Close()
	day := d.clock.now()
	d.srv = httptest.NewServer(New(d.st, Options{
		Health: func() []link.Health {
			return []link.Health{{ID: 1, Name: "QS5-01", Kind: link.Folder, Address: "/data/qs5-01", Protocol: "file", State: link.Up, Since: day, LastByte: day, LastMessage: day, Opens: 1, Bytes: 123456, Messages: 12, Repeated: 1,
				Waiting: []string{"2026-03-02 095123 CFX96 A-very-long-name-of-an-export-that-somebody-chose-by-hand.csv", "slow.csv"}, Faults: map[string]int64{"file.empty": 2}}}
		},
		Replay: func(_ context.Context, _ lims.Actor, id int64, _ bool) (store.Replay, error) {
			return store.Replay{Message: id, State: lims.Recorded, Driver: "new", Readings: 2, Changed: 1, Changes: []store.ReadingChange{{Well: "A1", Target: "N", Old: "30", New: "31"}},
				Calls: []store.CallChange{{Plate: "P-1", Pos: "A1", Code: "S-1", Old: "negative", New: "positive"}}}, nil
		},
		Drop: func(dir, name string, b []byte) error { return os.WriteFile(filepath.Join(dir, name), b, 0o600) }}))
	d.t.Cleanup(d.srv.Close)
}

// ok posts a form as it should be posted.
func (p *person) ok(path string, pairs ...string) string {
	p.d.t.Helper()
	code, body := p.post(path, pairs...)
	require.Equal(p.d.t, http.StatusOK, code, "%s\n%s", path, body)
	return body
}

// somePools are pools planned, mixed, read, and one that another laboratory shall go on with.
func (d *day) somePools() [][2]string {
	d.t.Helper()
	codes := d.pooled(17)
	chief, tech := d.as("chief"), d.people["tech"]
	chief.ok("/pools/watch/partner", "partner", idText(d.other), "minutes", "60")
	chief.ok("/pools/watch/grant", "department", "1", "orders", "PO-0001 PO-0002", "reason", "同一家庭,一同采样")
	plan := func(codes []string) []string {
		b, err := d.st.PlanPools(d.ctx, tech, store.NewPools{Lab: d.lab, Kit: d.kit, Scheme: "dorfman", N: len(codes), Codes: codes, Risk: 0.001})
		require.NoError(d.t, err)
		rows, err := d.st.BatchPools(d.ctx, b.ID)
		require.NoError(d.t, err)
		return []string{rows[0].Code, b.Code}
	}
	var mixed []string
	for _, part := range [][]string{codes[:4], codes[4:8], codes[8:12]} {
		p := plan(part)
		_, err := d.st.MixPool(d.ctx, tech, p[0], part)
		require.NoError(d.t, err)
		mixed = append(mixed, p[0])
	}
	planned := plan(codes[12:15])
	pages := [][2]string{{"poolmix", "/pools/" + planned[0]}, {"poolbatch", "/pools/batches/" + planned[1]}}
	d.clock.step(2 * time.Hour) // no round is left when they are read
	d.run(mixed[:2], map[string][2]float64{mixed[0]: {30, 29.5}}, nil)
	d.run(codes[:1], nil, nil)
	d.run(mixed[2:], map[string][2]float64{mixed[2]: {28, 27.5}}, nil)
	tubes := d.collect(d.dep, "SN0077", lims.Mixed10, d.register(d.dep, "RC-", 10, lims.Screening))
	d.send("BX-0901", d.dep, tubes)
	d.receive("BX-0901", tubes)
	d.run(tubes, map[string][2]float64{tubes[0]: {30, 29.5}}, nil)
	chief.ok("/forward/"+mixed[2], "to", idText(d.other), "reason", "没有空板")
	return append(pages, [][2]string{{"pools", "/pools"}, {"poolplan", "/pools/plan?risk=0.5&cap=5&rounds=2&persons=1000"}, {"poolplan-single", "/pools/plan?risk=10&cap=2&rounds=1&persons=1000"},
		{"poolwatch", "/pools/watch"}, {"pool", "/pools/" + mixed[0]}, {"pool-negative", "/pools/" + mixed[1]}, {"pool-forwarded", "/pools/" + mixed[2]},
		{"forward", "/forward/" + mixed[0]}, {"proof", "/tubes/" + codes[0] + "/proof"}}...)
}

// somePairs are two kits that do not agree, rules, limits, and a chart that is out.
func (d *day) somePairs() [][2]string {
	d.t.Helper()
	other := d.secondKit()
	chief, tech := d.as("chief"), d.as("tech")
	chief.ok("/iqc/lots", "number", "W7", "level", "weak", "material", "弱阳性", "expires", "2026-12-31")
	chief.ok("/iqc/goals", "iqc_lot", "1", "kit", d.kit, "target", "N", "mean", "31.0", "sd", "0.3")
	codes := d.waiting(3, "LKP")
	p, err := d.st.Lay(d.ctx, d.people["tech"], store.NewPlate{Lab: d.lab, Wells: 96, Kit: d.kit, Lot: "2026031", Codes: codes[:2], Second: &store.SecondKit{Kit: other, Lot: "S-1"}})
	require.NoError(d.t, err)
	d.pairRun(p, codes[0]+other)
	tech.ok("/tubes/"+codes[2]+"/pair", "first", d.kit, "second", other)
	chief.ok("/rules/auto", "kit", d.kit, "internal-IC", "35", "share", "10", "ignore", "curve_unseen", "named", idText(d.people["checker"].ID), "from", "2026-03-01", "source", "SOP-12")
	chief.ok("/rules/parallel", "required", "1", "reflex", "1", "kit", other, "from", "2026-03-01", "source", "SOP-13")
	form := []string{"from", "2026-03-02", "source", "SOP-9 第 3 版"}
	for _, f := range lims.SuspicionFields {
		form = append(form, f.Name, figure(f.Default))
	}
	chief.ok("/limits", form...)
	form[1] = "2026-03-20"
	chief.ok("/limits", form...)
	body, err := pcr.KitFile("daan")
	require.NoError(d.t, err)
	next := strings.Replace(strings.Replace(string(body), `version: "1"`, `version: "2"`, 1), "{ct_le: 40}, state: grey}", "{ct_le: 39}, state: grey}", 1)
	chief.ok("/kits", "file_text", next)
	return [][2]string{{"pair", "/review/" + p.Code}, {"tube-pair", "/tubes/" + codes[0]}, {"kit-diff", "/kits/daan@2"}, {"bench", "/bench"}, {"bench-two", "/bench?lot=" + d.kit + "%7C2026031&second=" + other + "%7CS-1"}}
}

// someWells is a plate on which a sample stands in several wells.
func (d *day) someWells() [][2]string {
	d.t.Helper()
	kit := d.singleplex()
	codes := d.waiting(8, "LKW")
	p, err := d.st.Lay(d.ctx, d.people["tech"], store.NewPlate{Lab: d.lab, Wells: 96, Kit: kit, Lot: "N-1", Codes: codes})
	require.NoError(d.t, err)
	require.NoError(d.t, d.st.Seal(d.ctx, d.people["tech"], p.ID))
	d.runSingleplex(p.Code, map[string]string{codes[3]: "N1 N2 RP", codes[5]: "N2 RP"})
	return [][2]string{{"wells", "/review/" + p.Code + "?well=B1"}, {"wells-plate", "/plates/" + p.Code}, {"bench-wells", "/bench?wells=96&lot=" + kit + "%7CN-1"}, {"wells-tube", "/tubes/" + codes[3]}}
}

// someLines are senders, messages in trouble with their reasons, a mapping, a dispute, deliveries that went wrong.
func (d *day) someLines() [][2]string {
	d.t.Helper()
	keep := func(inst int64, text string, whole bool) int64 {
		k, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: inst, Line: "tcp-listen", Peer: "10.0.0.9:4001", Bytes: []byte(text), Complete: whole})
		require.NoError(d.t, err)
		return k.ID
	}
	chief := d.as("chief")
	stranger, second := keep(0, "H|who|am|I", true), keep(0, "H|and|I", true)
	require.NoError(d.t, d.st.FailMessage(d.ctx, stranger, "", "format.unknown", nil))
	require.NoError(d.t, d.st.FailMessage(d.ctx, second, "", "format.unknown", nil))
	keep(d.inst, "H|half", false)
	chief.ok("/messages/"+idText(stranger)+"/adopt", "instrument", idText(d.inst), "known", "address")
	code, body := chief.upload("/instruments/"+idText(d.inst)+"/mapping", "", "", description...)
	require.Equal(d.t, http.StatusOK, code, body)
	codes := d.waiting(3, "LKF")
	by := d.people["tech"]
	p, err := d.st.Lay(d.ctx, by, store.NewPlate{Lab: d.lab, Wells: 96, Kit: d.kit, Lot: "2026031", Codes: codes})
	require.NoError(d.t, err)
	require.NoError(d.t, d.st.Seal(d.ctx, by, p.ID))
	require.NoError(d.t, d.st.Start(d.ctx, by, p.ID, d.inst))
	turned := keep(d.inst, "turned", true)
	require.NoError(d.t, d.st.ParkMessage(d.ctx, store.Message{ID: turned, State: lims.Kept}, "quantstudio", "run.fits_other",
		lims.Args{"plate": p.Code, "fits": []plate.Fit{{Plate: p.Code, Turn: plate.Rotated, Score: 0.984}}, "differences": []lims.Difference{{Code: "well.missing", Well: "A1"}}}))
	chief.ok("/messages/"+idText(turned)+"/fixes", "plate", p.Code, "turn", "rotated_180", "waive", "well.missing", "reason", "放反")
	_, err = d.st.DB().Exec(`INSERT INTO disputes (run_id, lab_id, pos, code, old_call, new_call, released, raised_at) VALUES (1, $1, 'A1', 'S-1', 'negative', 'positive', true, $2)`, d.lab, d.clock.now())
	require.NoError(d.t, err)
	got, err := d.st.ClaimDeliveries(d.ctx, store.Claim{Most: 10, Each: 10, Busy: []int64{}, Lease: time.Minute})
	require.NoError(d.t, err)
	require.NotEmpty(d.t, got)
	require.NoError(d.t, d.st.RefuseDelivery(d.ctx, got[0].ID, "410 Gone"))
	admin := d.as("admin")
	token := shown.FindStringSubmatch(admin.ok("/settings/tokens", "login", "his-d1", "name", "HIS", "scope", "orders:write", "scope", "results:read", "days", "90", "department", idText(d.dep)))
	require.NotNil(d.t, token)
	_, err = d.st.ActorByToken(d.ctx, token[1])
	require.NoError(d.t, err)
	return [][2]string{{"delivery", "/deliveries/" + got[0].ID}, {"refused", "/deliveries?state=refused"}, {"stranger", "/messages/" + idText(second)}, {"turned", "/messages/" + idText(turned)}}
}

var amendmentLink = regexp.MustCompile(`/amendments/\d+`)

// someAmendments are one released result in question and one that was replaced.
func (d *day) someAmendments() [][2]string {
	d.t.Helper()
	codes := d.waiting(2, "LKA")
	d.run(codes, nil, nil)
	var ids []int64
	require.NoError(d.t, d.st.DB().Select(&ids, `SELECT r.id FROM results r JOIN samples s ON s.id = r.sample_id WHERE s.barcode LIKE 'LKA%' ORDER BY r.id`))
	require.NoError(d.t, d.st.Check(d.ctx, d.people["checker"], ids))
	require.NoError(d.t, d.st.Release(d.ctx, d.people["releaser"], ids))
	chief := d.as("chief")
	open := amendmentLink.FindString(chief.ok("/amendments", "results", idText(ids[0]), "code", "identity", "reason", "采样点登记有误"))
	done := amendmentLink.FindString(chief.ok("/amendments", "results", idText(ids[1]), "code", "identity", "reason", "姓名写错"))
	chief.ok(done+"/correct", "call", "negative", "evidence", "登记表 7", "name", "更名人", "kind", "person", "doc_type", "passport", "doc_no", "E1")
	d.as("checker").ok(done+"/sign", "action", "check")
	d.as("releaser").ok(done+"/sign", "action", "release")
	return [][2]string{{"amendments", "/amendments"}, {"amendment", open}, {"amended", done}, {"tube-amended", "/tubes/" + codes[1]}}
}
