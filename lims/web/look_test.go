package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contrast lists texts whose colour is too near to what lies behind them (WCAG 2.2, 1.4.3), controls without a name, and what needs
// more width than there is. On a narrow screen tables may be scrolled inside their panel, the page may not.
const contrast = `(() => {
  const rgb = (s) => (s.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => { const f = (v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }; return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > .9) return c; } return [255, 255, 255]; };
  const poor = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest("[disabled], svg, option, .hide, .skip, template") || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    if (!e.getClientRects().length) continue;
    const s = getComputedStyle(e), a = light(rgb(s.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05), large = parseFloat(s.fontSize) >= 24 || parseFloat(s.fontSize) >= 18.66 && s.fontWeight >= 700;
    if (ratio < (large ? 3 : 4.5)) poor.add(ratio.toFixed(2) + " " + e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 20));
  }
  const nameless = [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a, img")].filter((e) => !(e.ariaLabel || e.labels?.length || e.textContent.trim() || e.title || e.alt)).map((e) => "no name: " + e.outerHTML.slice(0, 80));
  const blank = [...document.querySelectorAll("img")].filter((e) => e.complete && !e.naturalWidth).map((e) => "no picture: " + e.src);
  const wide = document.documentElement.scrollWidth > innerWidth ? ["wide: " + document.documentElement.scrollWidth + " in " + innerWidth] : [];
  const cut = [...document.querySelectorAll(".scroll, .panel, .tall")].filter((e) => e.scrollWidth > e.clientWidth + 1 && (innerWidth >= 1280 || getComputedStyle(e).overflowX === "visible"))
    .map((e) => "cut off: " + e.scrollWidth + " in " + e.clientWidth + " " + e.textContent.trim().slice(0, 20));
  const nested = [...document.querySelectorAll(".panel .panel")].map((e) => "panel in a panel: " + e.textContent.trim().slice(0, 20));
  return [...cut, ...poor, ...nameless, ...blank, ...wide, ...nested];
})()`

// foreign lists texts of two English words or more on a Chinese page, but for what people and machines gave themselves.
const foreign = `(() => {
  const found = new Set(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walk.nextNode();) {
    if (n.parentElement.closest(".code, pre, code, kbd, script, textarea, header.top")) continue;
    const words = n.data.match(/[A-Za-z]{3,}[ ,:;]+[a-z]{3,}/);
    if (words && !/^PMC\d|lims kit print|JSON natlims/.test(n.data)) found.add("not translated: " + n.data.trim().slice(0, 60));
  }
  return [...found];
})()`

// notLooked are the answers that are no pages: files, and a page that leads on.
var notLooked = []string{"GET /{$}", "GET /plates/{plate}/setup", "GET /pools/picture", "GET /pools/batches/{batch}/worklist", "GET /results/report"}

// TestLook opens every page of the route table in both languages, light and dark, at 1280 px: every text can be read, every control
// has a name, and nothing needs to be scrolled sideways. On a tablet and on a telephone nothing stands out of its page.
func TestLook(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	pages := d.everything()
	var seen []string
	for _, p := range pages {
		r := routeOf(t, p[1])
		seen = append(seen, r.pattern)
	}
	for _, r := range routes {
		if strings.HasPrefix(r.pattern, "GET ") && !slices.Contains(notLooked, r.pattern) {
			require.Contains(t, seen, r.pattern, "a page that nobody looks at")
		}
	}
	ctx := browser(t)
	w := d.window(t, ctx, "all")
	for _, lang := range []string{"zh", "en"} {
		w.speak(lang)
		for _, p := range pages {
			if p[0] != "signin" {
				w.look(p[0]+"-"+lang, p[1])
			}
		}
		w.steps(lang)
	}
	w.click(`form[action="/signout"] button`)
	w.look("signin-en", "/signin")
}

// look opens a page light and dark, and on a tablet and a telephone.
func (w window) look(name, path string) {
	w.t.Helper()
	w.open(path)
	status, err := chromedp.Run(w.ctx, chromedp.Evaluate[int](`performance.getEntriesByType("navigation")[0].responseStatus`))
	require.NoError(w.t, err)
	assert.Equal(w.t, http.StatusOK, status, path)
	w.scheme("dark")
	w.readable(name + "-dark")
	w.scheme("light")
	w.readable(name + "-light")
	if strings.HasSuffix(name, "-zh") { // English words are the longer ones
		bad, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]string](foreign))
		require.NoError(w.t, err)
		assert.Empty(w.t, bad, name)
		return
	}
	for _, width := range []int64{768, 390} {
		w.do(chromedp.EmulateViewport(width, 900))
		w.readable(name + "-" + idText(width))
	}
	w.do(chromedp.EmulateViewport(1280, 900))
}

// speak sets the language of the pages.
func (w window) speak(lang string) {
	w.t.Helper()
	w.open("/me")
	if at, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`document.documentElement.lang`)); err != nil || at[:2] != lang {
		w.click(`header button[name=lang]`)
	}
}

func (w window) readable(name string) {
	w.t.Helper()
	bad, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]string](contrast))
	require.NoError(w.t, err)
	assert.Empty(w.t, bad, name)
	w.shot(name)
}

// steps are the pages that stand only after something was done.
func (w window) steps(lang string) {
	w.t.Helper()
	for code, name := range map[string]string{"SN00500025": "received", "SN-GHOST": "unknown"} {
		w.open("/receipt/BX-0103")
		w.enter(`input[name=barcode]`, code)
		w.do(chromedp.WaitVisible(chromedp.CSS(".shout")))
		w.readable("scan-" + name + "-" + lang)
	}
	w.open("/receipt/NOBOX")
	w.readable("refused-" + lang)
	w.open("/collect")
	w.do(chromedp.SendKeys(chromedp.CSS(`select[name=mode]`), "5"), chromedp.SendKeys(chromedp.CSS(`select[name=department]`), kb.ArrowDown))
	w.enter(`input[name=barcode]`, "TUBE-1")
	for _, client := range []string{"FREE-0001", "FREE-0002", "GHOST-1"} {
		w.do(chromedp.WaitVisible(chromedp.CSS(`input[name=client]`)))
		w.enter(`input[name=client]`, client)
	}
	w.do(chromedp.WaitVisible(chromedp.CSS(".say.bad")))
	w.readable("tube-open-" + lang)
	w.click(`form[action="/collect/drop"] button`)
	w.open("/intake")
	w.do(chromedp.SetValue(chromedp.CSS(`textarea[name=list]`), "编号\t姓名\t证件号\t类别\nQ-1\t张三\t11010519491231002X\t筛查\nQ-1\t李四\t\t\nQ-2\t王五\t110105194912310021\t\n\t赵六\t\t\n"),
		chromedp.SendKeys(chromedp.CSS(`form[action="/intake/list"] select[name=department]`), kb.ArrowDown),
		chromedp.SendKeys(chromedp.CSS(`form[action="/intake/list"] select[name=category]`), kb.ArrowDown))
	w.click(`form[action="/intake/list"] button`)
	w.readable("list-" + lang)
}

// enter types into a field and waits for the page that Enter leads to.
func (w window) enter(selector, text string) {
	w.t.Helper()
	w.do(chromedp.SendKeys(chromedp.CSS(selector), text))
	_, err := chromedp.RunResponse(w.ctx, chromedp.KeyEvent(kb.Enter))
	require.NoError(w.t, err, selector)
}
