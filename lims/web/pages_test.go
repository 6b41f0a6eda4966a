package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryPage opens every page as everybody, in both languages: who may sees it whole, who may not is refused, and
// no text is missing.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, positive := d.reviewable()
	d.register(d.dep2, "FC-", 3, "fever_clinic")
	pages := []string{"/me", "/intake", "/collect", "/pack", "/receipt", "/receipt/BX-0101", "/bench", "/bench?wells=384", "/plates", "/plates/" + plate,
		"/instruments", "/instruments/1", "/instruments/1/mapping", "/dark", "/disputes", "/messages", "/messages?all=1", "/messages?tray=unknown", "/messages?tray=incomplete", "/messages/1", "/review", "/review/loose", "/review/" + plate, "/review/" + plate + "?well=A1",
		"/results", "/results?department=1", "/deliveries", "/deliveries?state=refused", "/alerts", "/alerts?all=1", "/board", "/find", "/find?q=nothing",
		"/tubes/" + positive, "/people"}
	for login, a := range d.people {
		who := d.as(login)
		for _, lang := range []string{"en", "zh"} {
			code, _ := who.post("/lang", "lang", lang, "next", "/board")
			require.Equal(t, http.StatusOK, code)
			for _, path := range pages {
				code, body := who.get(path)
				may := a.Has(rolesOf(t, path)...)
				foreign := a.Lab == d.other || a.Department != 0
				switch {
				case !may:
					require.Equal(t, http.StatusForbidden, code, "%s %s", login, path)
				case code == http.StatusNotFound:
					require.True(t, foreign && strings.Count(path, "/") > 1, "%s %s: 404", login, path)
				default:
					require.Equal(t, http.StatusOK, code, "%s %s\n%s", login, path, body)
				}
				require.NotContains(t, body, "&lt;no value&gt;", path)
				require.NotContains(t, body, "<no value>", path)
				require.NotContains(t, body, "张伟", "%s: a whole name", path)
				require.NotContains(t, body, "11010519491231002X", "%s: a whole number", path)
				require.Contains(t, body, "</html>", path)
			}
		}
	}
}

func rolesOf(t *testing.T, path string) []role { t.Helper(); return routeOf(t, path).who }

// routeOf is the row of the route table that a path leads to.
func routeOf(t *testing.T, path string) route {
	t.Helper()
	path, _, _ = strings.Cut(path, "?")
	mux := http.NewServeMux()
	by := map[string]route{}
	for _, r := range routes {
		mux.HandleFunc(r.pattern, func(http.ResponseWriter, *http.Request) {})
		by[r.pattern] = r
	}
	req, err := http.NewRequest(http.MethodGet, path, nil)
	require.NoError(t, err)
	_, pattern := mux.Handler(req)
	require.NotEmpty(t, pattern, path)
	return by[pattern]
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	v := d.visitor()
	code, body := v.get("/review")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, `name="next" value="/review"`)
	code, body = v.post("/signin", "login", "tech", "password", "wrong")
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "[signin.wrong]")
	require.NotContains(t, body, "wrong\"", "the password is not sent back")
	code, _ = v.post("/signin", "login", "tech", "password", password, "next", "//evil.example/")
	require.Equal(t, http.StatusOK, code)
	code, body = v.post("/signout")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, `action="/signin"`)
	_, body = v.get("/receipt")
	require.Contains(t, body, `action="/signin"`, "the session has ended")
}

func TestForeignRequestsAreRefused(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	p := d.as("tech")
	req, err := http.NewRequest(http.MethodPost, d.srv.URL+"/signout", nil)
	require.NoError(t, err)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	r, err := p.client.Do(req)
	require.NoError(t, err)
	code, body := p.read(r)
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "[request.foreign]")
	code, _ = p.get("/receipt")
	require.Equal(t, http.StatusOK, code)
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	r, err := http.Get(d.srv.URL + "/signin")
	require.NoError(t, err)
	defer r.Body.Close()
	csp := r.Header.Get("Content-Security-Policy")
	require.Contains(t, csp, "default-src 'none'")
	require.NotContains(t, csp, "unsafe")
	require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
	css, err := http.Get(d.srv.URL + "/assets/natlims.css")
	require.NoError(t, err)
	defer css.Body.Close()
	require.Equal(t, http.StatusOK, css.StatusCode)
	require.Contains(t, css.Header.Get("Content-Type"), "text/css")
	require.Equal(t, "max-age=300", css.Header.Get("Cache-Control"))
}

// TestIntake registers one order, then a list with wrong rows: every wrong row is named and the good ones are kept.
func TestIntake(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	p := d.as("desk")
	code, body := p.post("/intake/order", "client_id", "A-1", "category", "screening", "kind", "person", "name", "<script>alert(1)</script>", "doc_type", "resident_id", "doc_no", "11010519491231002x")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "A-1")
	require.NotContains(t, body, "<script>alert")
	code, body = p.post("/intake/order", "client_id", "A-2", "category", "screening", "kind", "person", "name", "李娜", "doc_type", "resident_id", "doc_no", "110105194912310021")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[order.resident_id]")
	require.Contains(t, body, `value="110105194912310021"`, "what was typed is kept")

	list := "姓名\t编号\t证件号\t类别\n张三\tB-1\t11010519491231002X\t筛查\n李四\tB-1\t\t\n王五\tB-2\t110105194912310021\t\n赵六\tB-3\tE12345678\t天外来客\n\n孙七\tB-4\t\t密接\n"
	code, body = p.post("/intake/list", "list", list, "category", "screening", "kind", "person")
	require.Equal(t, http.StatusOK, code, body)
	for _, want := range []string{"[order.twice]", "[order.resident_id]", "[order.category]", "天外来客", "密切接触者", "张*"} {
		require.Contains(t, body, want)
	}
	code, body = p.post("/intake/list", "list", list, "category", "screening", "kind", "person", "step", "register")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "B-4")
	rows, err := d.st.Registrations(d.ctx, scopeOf(d.people["desk"]), 0, page(100))
	require.NoError(t, err)
	var got []string
	for _, r := range rows {
		got = append(got, r.ClientID)
	}
	require.Equal(t, []string{"B-4", "B-1", "A-1"}, got)
}

// TestCollect fills a tube person by person: the eleventh is refused and the count is checked at the end.
func TestCollect(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	ids := d.register(d.dep, "S-", 12, "screening")
	p := d.as("desk")
	_, body := p.post("/collect/open", "barcode", "TB-1", "mode", "mixed10", "specimen", "OP")
	require.Contains(t, body, "0/10")
	for _, id := range ids[:9] {
		code, body := p.post("/collect/add", "client", id)
		require.Equal(t, http.StatusOK, code, body)
	}
	code, body := p.post("/collect/add", "client", ids[0])
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "[order.collected]")
	code, body = p.post("/collect/add", "client", "NOBODY")
	require.Equal(t, http.StatusNotFound, code)
	require.Contains(t, body, "NOBODY")
	code, _ = p.post("/collect/add", "client", ids[9])
	require.Equal(t, http.StatusOK, code)
	code, body = p.post("/collect/add", "client", ids[10])
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[sample.full]")
	code, body = p.post("/collect/close", "count", "9")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[tube.count]")
	code, body = p.post("/collect/close", "count", "10")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "TB-1")
	tube, err := d.st.TubeByCode(d.ctx, scopeOf(d.people["desk"]), "TB-1")
	require.NoError(t, err)
	require.Equal(t, "collected", tube.State)
	require.Equal(t, 10, tube.Declared)

	code, body = p.post("/pack", "box", "BX-9", "lab", "1", "tube", "TB-1", "tube", "GHOST")
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "GHOST")
	code, body = p.post("/pack", "box", "BX-9", "lab", "1", "tube", "TB-1")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "BX-9")
}

// TestForgedTube: the tube being filled lives in a cookie, and a cookie can be written by hand.
func TestForgedTube(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	d.register(d.dep, "S-", 1, "screening")
	b, err := json.Marshal(draft{Barcode: "TB-1", Mode: "single", Department: d.dep})
	require.NoError(t, err)
	p := d.as("desk2")
	at, err := url.Parse(d.srv.URL)
	require.NoError(t, err)
	p.client.Jar.SetCookies(at, []*http.Cookie{{Name: tubeCookie, Value: base64.RawURLEncoding.EncodeToString(b)}})
	code, body := p.post("/collect/add", "client", "S-0001")
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "[tube.none]")
	require.NotContains(t, body, "1/1")
}

// TestReceipt scans a box with a missing, an extra and an unknown tube and one scanned twice.
func TestReceipt(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	codes := d.collect(d.dep, "SN1", "single", d.register(d.dep, "S-", 5, "key_person"))
	d.send("BX-1", d.dep, codes[:4])
	p := d.as("tech")
	for _, step := range []struct{ code, glyph, word string }{
		{codes[0], "✓", "已收"}, {codes[0], "⟳", "重复扫码"}, {codes[4], "+", "不在本箱清单"}, {"SN999", "?", "系统中没有此管"}, {codes[1] + "\n" + codes[2], "✓", "已收"},
	} {
		code, body := p.post("/receipt/BX-1/scan", "barcode", step.code)
		require.Equal(t, http.StatusOK, code)
		shout := body[strings.Index(body, `class="shouts`):]
		require.Contains(t, shout[:strings.Index(shout, "<dl")], step.glyph)
		require.Contains(t, shout[:strings.Index(shout, "<dl")], step.word)
	}
	code, body := p.post("/receipt/BX-1/close")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "1 管缺失")
	require.Contains(t, body, codes[3])
	code, body = p.post("/receipt/BX-1/scan", "barcode", codes[3])
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "[box.closed]")
	code, body = p.post("/tubes/"+codes[0]+"/reject", "reason", "leaking")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "渗漏")
	_, body = p.get("/receipt")
	require.Contains(t, body, "/exceptions/")
	code, body = p.post("/exceptions/1/close", "note", "已电话核实")
	require.Equal(t, http.StatusOK, code, body)
	code, _ = d.as("east").get("/receipt/BX-1")
	require.Equal(t, http.StatusNotFound, code, "another laboratory's box")
}

// TestBench lays a plate, seals, opens, seals, starts and gives it up.
func TestBench(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	codes := d.collect(d.dep, "SN1", "single", d.register(d.dep, "S-", 6, "key_person"))
	d.send("BX-1", d.dep, codes)
	d.receive("BX-1", codes)
	p := d.as("tech")
	_, body := p.get("/bench")
	require.Contains(t, body, codes[5])
	code, body := p.post("/bench/plates", "lab", "1", "wells", "96", "lot", d.kit+"|2026031", "tube", codes[0], "tube", "GHOST")
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "GHOST")
	code, body = p.post("/bench/plates", "lab", "1", "wells", "96", "lot", d.kit+"|2026031", "tube", codes[0], "tube", codes[1])
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, `class="well ctl"`)
	require.Contains(t, body, `class="well wait"`)
	plates, err := d.st.ActivePlates(d.ctx, scopeOf(d.people["tech"]))
	require.NoError(t, err)
	at := "/plates/" + plates[0].Code
	code, _ = p.post(at + "/start")
	require.Equal(t, http.StatusUnprocessableEntity, code, "no instrument")
	for _, step := range []string{"seal", "unseal", "seal"} {
		code, body = p.post(at + "/" + step)
		require.Equal(t, http.StatusOK, code, body)
	}
	code, body = p.post(at+"/start", "instrument", "1")
	require.Equal(t, http.StatusOK, code, body)
	code, body = p.post(at + "/unseal")
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "[state.moved]")
	code, body = p.post(at+"/void", "reason", "板架掉落")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "板架掉落")
	code, _ = p.get(at + "/setup?driver=nobody")
	require.Equal(t, http.StatusNotFound, code)
	d.clock.step(time.Minute)
	_, body = p.get("/bench")
	require.Contains(t, body, codes[0], "its tubes wait again")
}
