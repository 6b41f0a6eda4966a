package web

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"natlims/lims"
)

// released is a tube of one person whose negative result is out.
func (d *day) released(prefix string, n int) []string {
	d.t.Helper()
	codes := d.waiting(n, prefix)
	d.run(codes, nil, nil)
	ids := d.toSign(lims.Called)
	require.NoError(d.t, d.st.Check(d.ctx, d.people["checker"], ids))
	require.NoError(d.t, d.st.Release(d.ctx, d.people["releaser"], ids))
	return codes
}

func TestAmendmentPages(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	codes := d.released("AMD", 2)
	chief, checker, releaser := d.as("chief"), d.as("checker"), d.as("releaser")
	_, body := checker.get("/tubes/" + codes[0])
	require.NotContains(t, body, `action="/amendments"`, "for a supervisor")
	_, body = chief.get("/tubes/" + codes[0])
	results := regexp.MustCompile(`<option value="(\d+)">本管 1 人份`).FindStringSubmatch(body)
	require.NotNil(t, results, body)
	code, body := chief.post("/amendments", "results", results[1], "code", "identity", "reason", "")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[reason.needed]")
	code, _ = checker.post("/amendments", "results", results[1], "code", "identity", "reason", "x")
	require.Equal(t, http.StatusForbidden, code)
	code, body = chief.post("/amendments", "results", results[1], "code", "identity", "reason", "采样点登记有误")
	require.Equal(t, http.StatusOK, code, body)
	at := regexp.MustCompile(`/amendments/\d+`).FindString(body)
	code, _ = d.as("east").get(at)
	require.Equal(t, http.StatusNotFound, code, "another laboratory's")
	code, _ = d.as("desk").get(at)
	require.Equal(t, http.StatusForbidden, code)
	_, body = chief.get(at + "?tube=" + codes[1])
	require.Contains(t, body, codes[1], "the tube that was mistaken for it")
	code, body = chief.post(at+"/correct", "call", "negative", "evidence", "登记表 7", "name", "张三", "kind", "person", "doc_type", "resident_id", "doc_no", "110105194912310021")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "[order.resident_id]")
	require.Contains(t, body, "登记表 7", "what was typed stays")
	code, body = chief.post(at+"/correct", "call", "negative", "evidence", "登记表 7", "name", "更名人", "kind", "person", "doc_type", "passport", "doc_no", "E1")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "受检者已更正")
	code, body = checker.post(at+"/sign", "action", "check")
	require.Equal(t, http.StatusOK, code, body)
	code, body = releaser.post(at+"/sign", "action", "release")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "已替代原结果")
	_, body = d.as("desk").get("/tubes/" + codes[0])
	require.Contains(t, body, "更正第 1 版")
	require.Contains(t, body, "已被第 2 版替代")
	require.NotContains(t, body, at)
	for _, lang := range []string{"en", "zh"} {
		chief.post("/lang", "lang", lang, "next", "/board")
		for _, path := range []string{"/amendments", at, "/tubes/" + codes[0], "/deliveries"} {
			code, body := chief.get(path)
			require.Equal(t, http.StatusOK, code, path)
			require.NotContains(t, body, "no value", path)
		}
	}
}

// A supervisor says by mouse and keyboard that a released result is wrong; it is tested again, corrected and signed by two others.
func TestAmendInTheBrowser(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	codes := d.released("AMB", 3)
	ctx := browser(t)
	chief := d.window(t, ctx, "chief")
	chief.open("/tubes/" + codes[1])
	chief.do(chromedp.Click(chromedp.CSS(`#amend-negative summary`)), chromedp.SendKeys(chromedp.CSS(`#amend-negative select[name=code]`), "复"),
		chromedp.SendKeys(chromedp.CSS(`#amend-negative input[name=reason]`), "临床不符,复测阳性"))
	chief.click(`#amend-negative button`)
	require.Contains(t, chief.text(`[role=status]`), "已提出更正")
	chief.click(`form[action$="/retest"] button`)
	chief.shot("amend-retest")
	d.run(codes[1:2], map[string][2]float64{codes[1]: {23.4, 22.9}}, nil)
	at, err := chromedp.Run(chief.ctx, chromedp.Evaluate[string](`location.pathname`))
	require.NoError(t, err)
	chief.open(at)
	chief.readable("amend-evidence")
	chief.click(`#evidence form[action$="/correct"] button`)
	require.Contains(t, chief.text("h1 + .chip"), "待检测签字")

	checker := d.window(t, ctx, "checker")
	checker.open("/review")
	checker.click(`a[href="/amendments"]`)
	checker.click(`tbody a[href="` + at + `"]`)
	checker.click(`#sign button[value=check]`)
	require.Contains(t, checker.text("#sign"), "须由他人审核")
	releaser := d.window(t, ctx, "releaser")
	releaser.open(at)
	releaser.click(`#sign button[value=release]`)
	require.Contains(t, releaser.text("main"), "已替代原结果")
	releaser.readable("amend-done")
	releaser.scheme("dark")
	releaser.readable("amend-done-dark")

	desk := d.window(t, ctx, "desk")
	desk.open("/tubes/" + codes[1])
	require.Contains(t, desk.text("#results"), "已被第 2 版替代")
	require.Contains(t, desk.text("#results"), "更正第 1 版")
	desk.readable("amend-tube")
}
