package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

type role = lims.Role

func scopeOf(a lims.Actor) store.Scope { return store.ScopeOf(a) }

func page(n int) store.Page { return store.Page{N: n} }

var batchButton = regexp.MustCompile(`name="action" value="(check|release)"><button class="go" name="batch" value="([0-9a-f]+)"`)

// TestReview signs a plate with two people: the negatives as one batch, the positive by itself, never by one person alone.
func TestReview(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, positive := d.reviewable()
	at := "/review/" + plate
	checker, releaser, both := d.as("checker"), d.as("releaser"), d.as("both")

	_, body := checker.get("/review")
	require.Contains(t, body, plate)
	code, body := checker.get(at)
	require.Equal(t, http.StatusOK, code)
	for _, want := range []string{`class="well pos"`, `class="well neg"`, `class="well ctl"`, "22.41", "polyline"} {
		require.Contains(t, body, want)
	}
	seen := batchButton.FindStringSubmatch(body)
	require.NotNil(t, seen, "no batch to check")
	code, body = checker.post(at+"/sign", "action", "check", "batch", "0123456789abcdef")
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "[review.moved]")
	code, body = both.post(at+"/sign", "action", "check", "batch", seen[2])
	require.Equal(t, http.StatusOK, code, body)
	require.NotContains(t, body, `name="action" value="release"><button class="go" name="batch"`, "nobody may release what they checked")

	one := idsOf(t, body, positive)
	code, body = both.post(at+"/sign", "action", "check", "ids", one)
	require.Equal(t, http.StatusOK, code, body)
	code, body = both.post(at+"/sign", "action", "release", "ids", one)
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "[release.same_person]")

	_, body = releaser.get(at)
	seen = batchButton.FindStringSubmatch(body)
	require.NotNil(t, seen)
	require.Equal(t, "release", seen[1])
	code, body = releaser.post(at+"/sign", "action", "release", "batch", seen[2])
	require.Equal(t, http.StatusOK, code, body)
	code, body = d.as("tech").post(at+"/sign", "action", "release", "ids", one)
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "[role.needed]")

	desk := d.as("desk")
	_, body = desk.get("/results?code=" + positive)
	require.NotContains(t, body, `class="chip bad">+`, "a department must not read what is not released")
	_, body = desk.get("/tubes/" + positive)
	require.NotContains(t, body, "22.41")
	code, body = releaser.post(at+"/sign", "action", "release", "ids", one)
	require.Equal(t, http.StatusOK, code, body)
	_, body = desk.get("/results?code=" + positive)
	require.Contains(t, body, `class="chip bad">+`)
	_, body = desk.get("/results?done=1")
	require.Contains(t, body, "周到 / 赵敏")

}

// TestReleased reads what was released: its department does, nobody else's, and a laboratory reads the whole story of the tube.
func TestReleased(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, positive := d.reviewable()
	at, one := "/review/"+plate, d.release(positive)
	desk, releaser := d.as("desk"), d.as("releaser")

	code, body := desk.get("/results/report?format=csv&code=" + positive)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "11010519491231002X")
	require.Equal(t, 2, strings.Count(strings.TrimSpace(body), "\n")+1, "one heading, one person")
	code, body = desk.get("/results/report?format=nothing")
	require.Equal(t, http.StatusNotFound, code)
	require.Contains(t, body, "[format.none]")
	code, _ = d.as("desk2").get("/results/report?format=csv&department=1&result=" + one)
	require.Equal(t, http.StatusNotFound, code, "another department's report")
	code, _ = d.as("east").get("/results/report?format=csv&department=1&result=" + one)
	require.Equal(t, http.StatusNotFound, code, "another laboratory's result")

	code, _ = d.as("desk2").get("/tubes/" + positive)
	require.Equal(t, http.StatusNotFound, code, "another department's tube")
	_, body = d.as("desk2").get("/results?department=1&code=" + positive)
	require.NotContains(t, body, `/tubes/`+positive)
	code, _ = d.as("east").get(at)
	require.Equal(t, http.StatusNotFound, code, "another laboratory's plate")

	_, body = releaser.get("/tubes/" + positive)
	for _, want := range []string{plate, "22.41", "周到", "赵敏", "BX-0101", "webhook", "审核发布"} {
		require.Contains(t, body, want, "the story of the tube")
	}
	code, body = releaser.post("/tubes/"+positive+"/reveal", "reason", "")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.NotContains(t, body, "11010519491231002X")
	code, body = releaser.post("/tubes/"+positive+"/reveal", "reason", "疾控来电核对")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "11010519491231002X")
	require.Contains(t, body, "疾控来电核对", "the look is on record")
}

// release signs the results of one tube with two people and gives their ids as pages do.
func (d *day) release(barcode string) string {
	d.t.Helper()
	tube, err := d.st.TubeByCode(d.ctx, store.Scope{}, barcode)
	require.NoError(d.t, err)
	rows, err := d.st.TubeResults(d.ctx, store.Scope{}, tube.ID)
	require.NoError(d.t, err)
	var ids []int64
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	require.NoError(d.t, d.st.Check(d.ctx, d.people["both"], ids))
	require.NoError(d.t, d.st.Release(d.ctx, d.people["releaser"], ids))
	return idList(ids)
}

// idsOf reads the result ids in the row of a tube.
func idsOf(t *testing.T, body, barcode string) string {
	t.Helper()
	_, row, ok := strings.Cut(body, `<tr id="t-`+barcode+`"`)
	require.True(t, ok, "no row for %s", barcode)
	row, _, _ = strings.Cut(row, "</tr>")
	m := regexp.MustCompile(`name="ids" value="([0-9,]+)"`).FindStringSubmatch(row)
	require.NotNil(t, m, row)
	return m[1]
}

func TestHoldAndWithdraw(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, positive := d.reviewable()
	at := "/review/" + plate
	p := d.as("checker")
	_, body := p.get(at)
	one := idsOf(t, body, positive)
	code, body := p.post(at+"/sign", "action", "hold", "ids", one)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[reason.needed]")
	code, body = p.post(at+"/sign", "action", "hold", "ids", one, "reason", "等待复核")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "等待复核")
	require.Contains(t, body, "well pos held")
	code, body = p.post(at+"/sign", "action", "withdraw", "ids", one, "reason", "重测")
	require.Equal(t, http.StatusOK, code, body)
	require.NotContains(t, body, `<tr id="t-`+positive)
	code, body = p.post(at+"/sign", "action", "check", "ids", one)
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "[state.moved]")
}

// TestMessages shows a failed and a parked message with their reasons in words, and mends them.
func TestMessages(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, _ := d.reviewable()
	keep := func(name, text string) store.Message {
		k, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: d.inst, Line: "folder", Name: name, Bytes: []byte(text), Complete: true})
		require.NoError(t, err)
		return store.Message{ID: k.ID, State: lims.Kept}
	}
	failed, parked := keep("bad.csv", "a;b\x02c\r\n"), keep("lost.csv", "Well,Cq\nA1,22\n")
	require.NoError(t, d.st.FailMessage(d.ctx, failed.ID, "", "format.unknown", nil))
	require.NoError(t, d.st.ParkMessage(d.ctx, parked, "cfx", "plate.unknown", lims.Args{"plate": "P-999999"}))
	tech, chief := d.as("tech"), d.as("chief")
	_, body := tech.get("/instruments")
	require.Contains(t, body, "没有驱动能识别这份内容")
	require.Contains(t, body, "没有此板:P-999999")
	badAt, lostAt := "/messages/"+idText(failed.ID), "/messages/"+idText(parked.ID)
	code, _ := tech.post(lostAt+"/bind", "plate", plate)
	require.Equal(t, http.StatusForbidden, code)
	code, body = chief.post(lostAt+"/bind", "plate", "P-404404")
	require.Equal(t, http.StatusNotFound, code)
	require.Contains(t, body, "[not_found]")
	code, body = chief.post(lostAt+"/bind", "plate", strings.ToLower(plate))
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "已绑定")
	code, body = tech.post(badAt + "/retry")
	require.Equal(t, http.StatusOK, code, body)
	code, body = tech.post(badAt+"/ignore", "reason", "x")
	require.Equal(t, http.StatusConflict, code, body)
	require.NoError(t, d.st.FailMessage(d.ctx, failed.ID, "", "format.unknown", nil))
	code, body = tech.post(badAt+"/ignore", "reason", "测试文件")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "测试文件")
	code, _ = tech.post(badAt + "/raw")
	require.Equal(t, http.StatusForbidden, code)
	code, body = chief.post(badAt + "/raw")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "a;b␂c␍␊")
	var looks int
	require.NoError(t, d.st.DB().Get(&looks, `SELECT count(*) FROM audit WHERE verb = 'look' AND entity = 'message' AND key = $1`, failed.ID))
	require.Equal(t, 1, looks)
}

func idText(id int64) string { return idList([]int64{id}) }

func TestAlertsAndDeliveries(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, positive := d.reviewable()
	p := d.as("chief")
	_, body := p.get("/alerts")
	require.Contains(t, body, positive)
	require.Contains(t, body, "初筛阳性")
	code, body := p.post("/alerts/1/resolve", "reason", " ")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[reason.needed]")
	code, body = p.post("/alerts/1/acknowledge")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "孙立")
	code, body = p.post("/alerts/1/resolve", "reason", "已通知疾控双人")
	require.Equal(t, http.StatusOK, code)
	require.NotContains(t, body, "已通知疾控双人")
	_, body = p.get("/alerts?all=1")
	require.Contains(t, body, "已通知疾控双人")

	_, body = p.get("/review/" + plate)
	seen := batchButton.FindStringSubmatch(body)
	p.post("/review/"+plate+"/sign", "action", "check", "batch", seen[2])
	r := d.as("releaser")
	_, body = r.get("/review/" + plate)
	seen = batchButton.FindStringSubmatch(body)
	code, _ = r.post("/review/"+plate+"/sign", "action", "release", "batch", seen[2])
	require.Equal(t, http.StatusOK, code)
	got, err := d.st.ClaimDeliveries(d.ctx, store.Claim{Most: 10, Each: 10, Busy: []int64{}, Lease: time.Minute})
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.NoError(t, d.st.RefuseDelivery(d.ctx, got[0].ID, "410 Gone"))
	_, body = p.get("/deliveries?state=refused")
	require.Contains(t, body, "410 Gone")
	code, body = p.post("/deliveries/" + got[0].ID + "/requeue")
	require.Equal(t, http.StatusOK, code)
	require.NotContains(t, body, "410 Gone")
	got, err = d.st.ClaimDeliveries(d.ctx, store.Claim{Most: 10, Each: 10, Busy: []int64{}, Lease: time.Minute})
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.NoError(t, d.st.Delivered(d.ctx, got[0].ID, "200", false))
	code, _ = d.as("desk2").post("/deliveries/" + got[0].ID + "/acknowledge")
	require.Equal(t, http.StatusNotFound, code)
	_, body = d.as("desk").get("/deliveries")
	require.Contains(t, body, got[0].ID+"/acknowledge")
	code, body = d.as("desk").post("/deliveries/" + got[0].ID + "/acknowledge")
	require.Equal(t, http.StatusOK, code)
	require.NotContains(t, body, got[0].ID+"/acknowledge")
	_, body = d.as("desk2").get("/deliveries")
	require.NotContains(t, body, "滨江平台", "another department's deliveries")
}

func TestPeople(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	p := d.as("admin")
	code, body := p.post("/people", "login", "new", "name", "新人", "password", password, "lab", "1", "role", "technician", "lang", "en")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "新人")
	fresh := d.visitor()
	_, body = fresh.post("/signin", "login", "new", "password", password)
	require.Contains(t, body, "Receive", "in the language of the person")
	code, body = p.post("/people", "login", "new2", "name", "无岗", "password", password)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[person.no_role]")
	_, body = p.get("/people")
	id := regexp.MustCompile(`(?s)>new<.*?/people/(\d+)/active`).FindStringSubmatch(body)
	require.NotNil(t, id)
	code, _ = p.post("/people/"+id[1]+"/active", "active", "0")
	require.Equal(t, http.StatusOK, code)
	_, body = fresh.get("/receipt")
	require.Contains(t, body, `action="/signin"`, "kept out at once")
	code, body = fresh.post("/signin", "login", "new", "password", password)
	require.Equal(t, http.StatusForbidden, code, body)
}

func TestFind(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, positive := d.reviewable()
	p := d.as("tech")
	for q, want := range map[string]string{positive: "SN004829", plate: "<h1>板", strings.ToLower(plate): plate, "BX-0101": "<h1>转运箱", "BJ-0005": "order-", "QS5-01": "QuantStudio"} {
		code, body := p.get("/find?q=" + q)
		require.Equal(t, http.StatusOK, code, q)
		require.Contains(t, body, want, q)
	}
	_, body := d.as("desk2").get("/find?q=" + positive)
	require.Contains(t, body, "没有找到")
}

func TestBoard(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	d.reviewable()
	_, body := d.as("tech").get("/board")
	for _, want := range []string{"516", "22,000", "polyline", "市一实验室"} {
		require.Contains(t, body, want)
	}
	require.NotContains(t, body, "城东实验室")
	_, body = d.as("admin").get("/board")
	require.Contains(t, body, "城东实验室")
	require.Contains(t, body, "33,000")
}
