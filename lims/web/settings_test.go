package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/lims"
	"natlims/lims/store"
	"natlims/reports/send"
	"natlims/reports/send/receiver"
)

// TestSettingsPages opens every page of settings as the administrator, in both languages; nobody else comes in.
func TestSettingsPages(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	pages := []string{"/settings", "/settings/labs", "/settings/labs?lab=1", "/settings/departments", "/settings/departments?department=2", "/settings/instruments",
		"/settings/instruments/1", "/settings/instruments/new", "/settings/destinations", "/settings/destinations/1", "/settings/destinations/new", "/settings/policies", "/settings/tokens"}
	admin, chief := d.as("admin"), d.as("chief")
	for _, lang := range []string{"en", "zh"} {
		code, _ := admin.post("/lang", "lang", lang, "next", "/board")
		require.Equal(t, http.StatusOK, code)
		for _, path := range pages {
			code, body := admin.get(path)
			require.Equal(t, http.StatusOK, code, "%s\n%s", path, body)
			require.NotContains(t, body, "no value", path)
			require.Contains(t, body, "</html>", path)
			require.Empty(t, regexp.MustCompile(`>(setting|policy|token|health|dkind|scope)\.[a-z_.]+<`).FindString(body), "%s: a text is missing", path)
			code, _ = chief.get(path)
			require.Equal(t, http.StatusForbidden, code, path)
		}
	}
	for _, path := range []string{"/settings/labs?lab=99", "/settings/departments?department=99", "/settings/instruments/99", "/settings/destinations/99", "/settings/destinations/x", "/settings/instruments/x"} {
		code, _ := admin.get(path)
		require.Equal(t, http.StatusNotFound, code, path)
	}
}

// TestSettingsLabs: what is saved is on record, on every page at once and in the trail; what is refused comes back as it was typed.
func TestSettingsLabs(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	p := d.as("admin")
	lab := strconv.FormatInt(d.lab, 10)
	code, body := p.post("/settings/labs", "lab", lab, "zh", "市一实验室", "en", "City Lab One", "capacity", "24000", "zone", "Asia/Urumqi", "open", "1")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "24,000")
	_, body = p.get("/settings")
	require.Contains(t, body, "capacity=[22000 24000]")
	code, body = p.post("/settings/labs", "lab", lab, "zh", "新名", "en", "New", "capacity", "1", "zone", "Mars/Olympus")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[lab.zone]")
	require.Contains(t, body, `value="Mars/Olympus"`)
	code, body = p.post("/settings/labs", "code", "L3", "zh", "", "en", "Third", "capacity", "1", "zone", "Asia/Shanghai")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[setting.incomplete]")
	require.Contains(t, body, "中文名")
	code, body = p.post("/settings/labs", "code", "L1", "zh", "又一", "en", "Again", "capacity", "1", "zone", "Asia/Shanghai")
	require.Equal(t, http.StatusConflict, code, "a code is given once")
	require.Contains(t, body, `value="L1"`)
	code, _ = p.post("/settings/labs", "code", "L3", "zh", "第三实验室", "en", "Third Lab", "capacity", "500", "zone", "Asia/Shanghai")
	require.Equal(t, http.StatusOK, code)
	_, body = p.get("/board")
	require.Contains(t, body, "第三实验室", "other pages know it at once")

	code, _ = p.post("/settings/departments", "code", "D3", "zh", "城西哨点", "en", "West Sentinel", "kind", "sentinel", "area", "510900")
	require.Equal(t, http.StatusOK, code)
	code, body = p.post("/settings/departments", "code", "D4", "zh", "动物园", "en", "Zoo", "kind", "zoo")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[setting.word]")
	code, body = d.as("chief").post("/settings/labs", "lab", lab, "zh", "x", "en", "x", "capacity", "1", "zone", "Asia/Shanghai")
	require.Equal(t, http.StatusForbidden, code, body)
}

// TestSettingsInstrument: a line that could not be opened is refused before it is on record.
func TestSettingsInstrument(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	p := d.as("admin")
	form := func(change ...string) []string {
		f := map[string]string{"code": "GX-9", "lab": "1", "model": "GeneXpert", "line": "tcp-listen", "protocol": "astm", "address": ":5009", "settings": `{"idle": "10m"}`}
		for i := 0; i < len(change); i += 2 {
			f[change[i]] = change[i+1]
		}
		var out []string
		for k, v := range f {
			out = append(out, k, v)
		}
		return out
	}
	for name, tt := range map[string]struct {
		change []string
		want   string
	}{
		"no port":        {[]string{"address", "10.0.0.5"}, "[instrument.settings]"},
		"word mistyped":  {[]string{"settings", `{"buad": 9600}`}, "[instrument.strangers]"},
		"no JSON":        {[]string{"settings", `{"baud"`}, "[instrument.settings]"},
		"folder, astm":   {[]string{"line", "folder", "address", "/in"}, "[instrument.settings]"},
		"bad frame":      {[]string{"line", "serial", "address", "/dev/ttyUSB9", "settings", `{"frame": "9X9"}`}, "[instrument.settings]"},
		"taken":          {[]string{"line", "serial", "address", "/dev/ttyS0"}, "CFX-01"},
		"unknown driver": {[]string{"driver", "abacus"}, "[driver.unknown]"},
		"no model":       {[]string{"model", ""}, "[setting.incomplete]"},
		"no such line":   {[]string{"line", "pigeon"}, "[instrument.settings]"},
	} {
		code, body := p.post("/settings/instruments", form(tt.change...)...)
		require.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusConflict}, code, name)
		require.Contains(t, body, tt.want, name)
	}
	rows, err := d.st.Instruments(d.ctx, 0)
	require.NoError(t, err)
	require.Len(t, rows, 3, "nothing of it is on record")
	code, body := p.post("/settings/instruments", form()...)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "GX-9")
	rows, err = d.st.Instruments(d.ctx, 0)
	require.NoError(t, err)
	require.Len(t, rows, 4)
	var made store.Instrument
	for _, r := range rows {
		if r.Code == "GX-9" {
			made = r
		}
	}
	id := strconv.FormatInt(made.ID, 10)
	code, body = p.post("/settings/instruments", "instrument", id, "model", "GeneXpert", "line", "push", "protocol", "astm", "address", "", "settings", `{"mode":"tube"}`)
	require.Equal(t, http.StatusOK, code, body)
	code, _ = p.post("/settings/instruments/"+id+"/active", "active", "0")
	require.Equal(t, http.StatusOK, code)
	now, err := d.st.InstrumentByID(d.ctx, made.ID)
	require.NoError(t, err)
	require.Equal(t, "push", now.Line)
	require.False(t, now.Active)
}

func TestSettingsLineHealth(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	d.srv.Config.Handler = New(d.st, Options{Health: func() []link.Health {
		return []link.Health{{ID: d.inst, Name: "QS5-01", State: link.Wrong, LastError: "no such folder", Since: d.clock.now()}}
	}})
	p := d.as("admin")
	_, body := p.get("/settings/instruments")
	require.Contains(t, body, "no such folder")
	require.Contains(t, body, "配置有误")
}

var shown = regexp.MustCompile(`readonly value="([^"]+)"`)

// TestSettingsDestination makes a destination, tries it against a real receiver, and changes its secret: told once, kept nowhere.
func TestSettingsDestination(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	d.srv.Config.Handler = New(d.st, Options{Outbound: &send.Outbound{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	p := d.as("admin")
	var r *receiver.Receiver
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.ServeHTTP(w, q) }))
	t.Cleanup(hook.Close)
	form := []string{"department", strconv.FormatInt(d.dep2, 10), "name", "HIS", "line", "department", "format", "json", "channel", "webhook", "address", hook.URL, "names", "full", "options", "timeout=5s\n"}
	for name, tt := range map[string]struct{ field, value, want string }{
		"not public":  {"address", "https://10.1.2.3/x", "not public"},
		"no URL":      {"address", "his", "expected an address"},
		"no channel":  {"channel", "pigeon", "pigeon"},
		"no format":   {"format", "papyrus", "[format.none]"},
		"bad option":  {"options", "timeout", "[destination.option]"},
		"bad timeout": {"options", "timeout=1h", "timeout"},
		"for nobody":  {"department", "", "[setting.incomplete]"},
	} {
		wrong := append([]string(nil), form...)
		for i := 0; i < len(wrong); i += 2 {
			if wrong[i] == tt.field {
				wrong[i+1] = tt.value
			}
		}
		code, body := p.post("/settings/destinations", wrong...)
		require.Equal(t, http.StatusUnprocessableEntity, code, name)
		require.Contains(t, body, tt.want, name)
		require.Contains(t, body, `value="HIS"`, "%s: what was typed is kept", name)
	}
	code, body := p.post("/settings/destinations", form...)
	require.Equal(t, http.StatusOK, code, body)
	secret := shown.FindStringSubmatch(body)
	require.NotNil(t, secret, body)
	var err error
	r, err = receiver.Open(receiver.Config{Secret: []byte(secret[1]), Ledger: t.TempDir() + "/ledger", Now: d.clock.now})
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() }) //nolint:errcheck // the test is over
	_, body = p.get("/settings/destinations/2")
	require.NotContains(t, body, secret[1])
	code, body = p.post("/settings/destinations/2/ping")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "200")
	require.Equal(t, 1, r.Counts().Pings)
	require.Zero(t, r.Counts().Deliveries)

	mark := store.SecretMark([]byte(secret[1]))
	require.Contains(t, body, mark)
	code, body = p.post("/settings/destinations/2/secret", "mark", mark)
	require.Equal(t, http.StatusOK, code, body)
	require.NotContains(t, body, secret[1])
	require.NotNil(t, shown.FindStringSubmatch(body))
	code, body = p.post("/settings/destinations/2/secret", "mark", mark)
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, body, "[secret.moved]")
	code, body = p.post("/settings/destinations/2/ping")
	require.Equal(t, http.StatusUnprocessableEntity, code, "the receiver has the old secret")
	require.Contains(t, body, "[destination.ping]")
	code, body = p.post("/settings/destinations", "destination", "2", "name", "HIS 2", "line", "cdc", "format", "csv", "channel", "webhook", "address", hook.URL+"/new", "options", "")
	require.Equal(t, http.StatusOK, code, body)
	got, err := d.st.DestinationByID(d.ctx, 2)
	require.NoError(t, err)
	require.Equal(t, "HIS 2", got.Name)
	require.Empty(t, got.Options)
	code, _ = p.post("/settings/destinations/2/active", "active", "0")
	require.Equal(t, http.StatusOK, code)
	_, body = p.get("/settings")
	require.NotContains(t, body, secret[1])
}

func TestSettingsPolicy(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	p := d.as("admin")
	form := []string{"name", "2026-4", "source", "令 12 号", "from", "2026-03-03T08:00"}
	for _, c := range store.Categories {
		form = append(form, "a-"+string(c), "600", "b-"+string(c), "300")
	}
	form = append(form, "m-screening", "mixed10", "m-screening", "mixed20")
	code, body := p.post("/settings/policies", form...)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "待生效")
	require.Contains(t, body, "▲ 原 12 h", "what it changes is shown")
	all, err := d.st.Policies(d.ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC), all[0].From.UTC(), "typed in the laboratory's zone")
	require.Equal(t, []lims.Mode{lims.Mixed10, lims.Mixed20}, all[0].Modes[lims.Screening])
	require.Equal(t, "管理员", all[0].Set)
	for name, tt := range map[string][2]string{"past": {"from", "2026-03-01T08:00"}, "no time": {"from", "soon"}, "no source": {"source", ""}, "limits": {"a-screening", "10"}} {
		wrong := append([]string(nil), form...)
		for i := 0; i < len(wrong); i += 2 {
			if wrong[i] == tt[0] {
				wrong[i+1] = tt[1]
			}
		}
		code, body := p.post("/settings/policies", wrong...)
		require.Equal(t, http.StatusUnprocessableEntity, code, name)
		require.Contains(t, body, `name="b-voluntary" value="300"`, "%s: what was typed is kept", name)
	}
}

// TestSettingsTokens: a token is shown once, works, is listed without itself, and ends when it is revoked.
func TestSettingsTokens(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	p := d.as("admin")
	form := []string{"login", "his-d1", "name", "HIS", "scope", "orders:write", "scope", "results:read", "days", "90", "department", strconv.FormatInt(d.dep, 10)}
	code, body := p.post("/settings/tokens", form...)
	require.Equal(t, http.StatusOK, code, body)
	token := shown.FindStringSubmatch(body)
	require.NotNil(t, token, body)
	a, err := d.st.ActorByToken(d.ctx, token[1])
	require.NoError(t, err)
	require.Equal(t, "his-d1", a.Login)
	require.Equal(t, d.dep, a.Department)
	code, body = p.post("/settings/tokens", form...)
	require.Equal(t, http.StatusConflict, code, "the same page sent twice")
	require.Contains(t, body, "[token.twice]")
	_, body = p.get("/settings/tokens")
	require.Contains(t, body, "orders:write results:read")
	require.NotContains(t, body, token[1])
	code, body = p.post("/settings/tokens", "login", "tech", "name", "x", "scope", "orders:write", "days", "1")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[token.person]")
	code, body = p.post("/settings/tokens", "login", "p", "name", "x", "days", "1")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[token.no_scope]")
	code, body = p.post("/settings/tokens/1/revoke")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "已吊销")
	_, err = d.st.ActorByToken(d.ctx, token[1])
	require.ErrorIs(t, err, lims.NotFound)
	_, body = p.get("/settings")
	require.NotContains(t, body, token[1])
	require.True(t, strings.Contains(body, "orders:write"), "the trail says what the token may")
}
