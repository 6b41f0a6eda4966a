package web

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// pooled is a day with validated pools of five and some single tubes that wait.
func (d *day) pooled(n int) []string {
	d.t.Helper()
	chief := d.as("chief")
	code, body := chief.post("/pools/watch/rules", "gate", "1", "largest", "10", "tube_ul", "3000", "aliquot_ul", "200", "single_ul", "200", "window", "7", "least", "100", "never", "close_contact", "source", "SOP-21")
	require.Equal(d.t, http.StatusOK, code, body)
	code, body = chief.post("/pools/watch/validate", "kit", d.kit, "kind", "media", "n", "5", "tested", "20", "detected", "20", "source", "V-2026-01")
	require.Equal(d.t, http.StatusOK, code, body)
	require.Contains(d.t, body, "V-2026-01")
	codes := d.collect(d.dep, "SN0088", lims.Single, d.register(d.dep, "PO-", n, lims.Screening))
	d.send("BX-0900", d.dep, codes)
	d.receive("BX-0900", codes)
	return codes
}

var poolCode = regexp.MustCompile(`PL-\d{6}`)

// TestPoolsByHand plans, mixes, plates, signs and closes pools as people do, without JavaScript.
func TestPoolsByHand(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	codes := d.pooled(10)
	tech := d.as("tech")
	code, body := tech.get("/pools/plan?risk=0.5&cap=5&rounds=2&persons=1000")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, `name="risk" min="0.01" max="10" step="0.01" value="0.5"`)
	require.Contains(t, body, codes[9])
	code, svg := tech.get("/pools/picture?risk=0.5&cap=5&rounds=2&persons=1000")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, svg, "<svg")

	form := []string{"kit", d.kit, "scheme", "dorfman", "n", "6", "risk", "0.1"}
	for _, c := range codes {
		form = append(form, "tube", c)
	}
	code, body = tech.post("/pools/plan", form...)
	require.Equal(t, http.StatusForbidden, code)
	require.Contains(t, body, "[pool.unvalidated]")
	form[5] = "5"
	code, body = tech.post("/pools/plan", form...)
	require.Equal(t, http.StatusOK, code, body)
	pools := unique(poolCode.FindAllString(body, -1))
	require.Len(t, pools, 2)
	batch := regexp.MustCompile(`PB-\d{6}`).FindString(body)
	_, csv := tech.get("/pools/batches/" + batch + "/worklist?format=hamilton")
	require.Equal(t, 11, strings.Count(csv, "\r\n"))
	_, gwl := tech.get("/pools/batches/" + batch + "/worklist?format=tecan")
	require.Equal(t, 10, strings.Count(gwl, "W;"))

	code, body = tech.post("/pools/"+pools[0]+"/mix", "tube", codes[7])
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[pool.wrong_tube]")
	for _, c := range codes[:5] {
		code, body = tech.post("/pools/"+pools[0]+"/mix", "tube", c)
		require.Equal(t, http.StatusOK, code, body)
	}
	code, body = tech.post("/pools/"+pools[1]+"/mix", "tube", strings.Join(codes[5:], "\r\n"))
	require.Equal(t, http.StatusOK, code, body)
	_, body = tech.get("/pools")
	require.Contains(t, body, `name="tube" value="`+pools[1]+`"`, "ready for a plate")

	plateCode := d.run(pools, map[string][2]float64{pools[1]: {31.2, 30.9}}, nil)
	for _, path := range []string{"/plates/" + plateCode, "/review/" + plateCode, "/tubes/" + pools[0]} {
		code, body = tech.get(path)
		require.Equal(t, http.StatusOK, code, path)
		require.Contains(t, body, pools[0], path)
	}
	_, body = tech.get("/pools/" + pools[1])
	require.Equal(t, 5, strings.Count(body, `? `+languages["zh"]["call.pending_review"]), "under verification")
	require.Contains(t, body, codes[9])
	code, _ = d.as("checker").post("/pools/"+pools[0]+"/sign", "action", "check")
	require.Equal(t, http.StatusOK, code)
	code, _ = d.as("releaser").post("/pools/"+pools[0]+"/sign", "action", "release")
	require.Equal(t, http.StatusOK, code)
	_, body = tech.get("/tubes/" + codes[0])
	require.Contains(t, body, languages["zh"]["effect.cleared"])
	code, body = tech.get("/tubes/" + codes[0] + "/proof")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, pools[0])
	code, body = tech.post("/tubes/"+codes[5]+"/volume", "ul", "1200")
	require.Equal(t, http.StatusOK, code, body)
	require.Equal(t, http.StatusNotFound, first(d.as("east").get("/pools/"+pools[0])), "another laboratory's pool does not exist")

	d.run(codes[5:], nil, nil)
	_, body = d.as("chief").get("/pools/" + pools[1])
	id := regexp.MustCompile(`name="id" value="(\d+)"`).FindStringSubmatch(body)
	require.NotNil(t, id, "pool positive, singles negative: a supervisor closes it")
	code, body = d.as("chief").post("/pools/"+pools[1]+"/discordance", "id", id[1], "reason", "carry-over")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "carry-over")
	code, body = d.as("chief").get("/find?q=" + url.QueryEscape(strings.ToLower(pools[1])))
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, "carry-over", "a scan of the pool's code leads there")
	_, body = d.as("chief").get("/pools/watch")
	require.Contains(t, body, "V-2026-01")
	_, body = d.as("chief").get("/board")
	require.Contains(t, body, languages["zh"]["board.reactions"])
}

func first(code int, _ string) int { return code }

func unique(words []string) (out []string) {
	seen := map[string]bool{}
	for _, w := range words {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}

// TestRecallsPage: the department sees whom to call back as soon as its tube was read, and nobody else's.
func TestRecallsPage(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	tubes := d.collect(d.dep, "SN0077", lims.Mixed10, d.register(d.dep, "RC-", 10, lims.Screening))
	d.send("BX-0901", d.dep, tubes)
	d.receive("BX-0901", tubes)
	d.run(tubes, map[string][2]float64{tubes[0]: {30, 29.5}}, nil)
	code, body := d.as("desk").get("/recalls")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, 10, strings.Count(body, languages["zh"]["recall.announced"]))
	require.NotContains(t, body, "张伟")
	require.NotContains(t, body, "13800001234")
	_, body = d.as("desk2").get("/recalls")
	require.NotContains(t, body, "RC-0001")
}

// TestPoolPages opens every page of pools as everybody, in both languages.
func TestPoolPages(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	codes := d.pooled(6)
	n := store.NewPools{Lab: d.lab, Kit: d.kit, Scheme: "array", Rows: 2, Cols: 3, Codes: codes, Risk: 0.001}
	b, err := d.st.PlanPools(d.ctx, d.people["tech"], n)
	require.NoError(t, err)
	rows, err := d.st.BatchPools(d.ctx, b.ID)
	require.NoError(t, err)
	for login, a := range d.people {
		who := d.as(login)
		for _, lang := range []string{"en", "zh"} {
			who.post("/lang", "lang", lang, "next", "/me")
			for _, path := range []string{"/pools", "/pools/plan", "/pools/plan?risk=x&cap=-3&se=NaN", "/pools/picture", "/pools/watch", "/pools/batches/" + b.Code, "/pools/" + rows[0].Code, "/recalls", "/tubes/" + codes[0] + "/proof"} {
				code, body := who.get(path)
				switch {
				case !a.Has(rolesOf(t, path)...):
					require.Equal(t, http.StatusForbidden, code, "%s %s", login, path)
				case code == http.StatusNotFound:
					require.True(t, a.Lab == d.other, "%s %s: 404", login, path)
				default:
					require.Equal(t, http.StatusOK, code, "%s %s\n%s", login, path, body)
				}
				require.NotContains(t, body, "no value", path)
				require.NotContains(t, body, "%!", path)
				require.NotRegexp(t, `>(pool|scheme|axis|pooling|effect)\.[a-z]`, body, path)
			}
		}
	}
	code, body := d.as("chief").post("/pools/watch/grant", "department", "1", "orders", "PO-0001 PO-0002", "reason", "one family")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "one family")
	code, body = d.as("tech").post("/pools/batches/"+b.Code+"/drop", "reason", "spilt")
	require.Equal(t, http.StatusOK, code, body)
	_, body = d.as("tech").get("/pools/" + rows[0].Code)
	require.Contains(t, body, languages["zh"]["pooling.dropped"])
}
