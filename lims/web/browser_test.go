package web

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// browser starts Chromium. A machine without it fails the test: what people see is not tested otherwise.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	require.NotEmpty(t, path, "no Chromium on this machine: apt-get install -y chromium fonts-noto-cjk")
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("lang", "zh-CN"))
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, quit := chromedp.NewContext(ctx)
	t.Cleanup(quit)
	require.NoError(t, chromedp.Do(ctx))
	return ctx
}

// window is one person's browser, with cookies of its own.
type window struct {
	t   *testing.T
	ctx context.Context
	url string
}

func (d *day) window(t *testing.T, ctx context.Context, login string) window {
	t.Helper()
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	w := window{t, ctx, d.srv.URL}
	w.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(w.url+"/signin"),
		chromedp.SendKeys(chromedp.CSS(`input[name=login]`), login), chromedp.SendKeys(chromedp.CSS(`input[name=password]`), password))
	w.click(`button[data-main]`)
	return w
}

func (w window) do(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	require.NoError(w.t, chromedp.Do(w.ctx, steps...))
}

// click presses a button or link and waits for the page it leads to.
func (w window) click(selector string) {
	w.t.Helper()
	_, err := chromedp.RunResponse(w.ctx, chromedp.Click(chromedp.CSS(selector)))
	require.NoError(w.t, err, selector)
}

func (w window) open(path string) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.url + path))
}

func (w window) text(selector string) string {
	w.t.Helper()
	s, err := chromedp.Run(w.ctx, chromedp.Text(chromedp.CSS(selector)))
	require.NoError(w.t, err, selector)
	return s
}

func (w window) scheme(name string) {
	w.t.Helper()
	_, err := chromedp.Call(w.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
	require.NoError(w.t, err)
}

// shot keeps a picture of the page in the folder LIMS_SHOTS, for people to look at.
func (w window) shot(name string) {
	w.t.Helper()
	dir := os.Getenv("LIMS_SHOTS")
	if dir == "" {
		return
	}
	b, err := chromedp.Run(w.ctx, chromedp.FullScreenshot(100))
	require.NoError(w.t, err)
	require.NoError(w.t, os.WriteFile(filepath.Join(dir, name+".png"), b, 0o644))
}

// TestBrowser walks a plate from its first signature to the department's page with three people, by mouse and keyboard.
func TestBrowser(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, positive := d.reviewable()
	ctx := browser(t)

	checker := d.window(t, ctx, "checker")
	checker.click(`a[href="/review/` + plate + `"]`)
	require.Contains(t, checker.text("h1"), plate)
	checker.do(chromedp.KeyEvent("c"), chromedp.KeyEvent("7"))
	at, err := chromedp.Run(checker.ctx, chromedp.Evaluate[string](`document.activeElement.id`))
	require.NoError(t, err)
	require.Equal(t, "well-C7", at, "typing c7 goes to the well")
	_, err = chromedp.RunResponse(checker.ctx, chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	require.NoError(t, err)
	require.Contains(t, checker.text(`[role=status]`), "已作检测签字")
	checker.click(`#t-` + positive + ` button[value=check]`)
	require.Contains(t, checker.text(`#t-`+positive), "须由他人审核")

	releaser := d.window(t, ctx, "releaser")
	releaser.open("/review/" + plate)
	releaser.click(`#release button`)
	require.Contains(t, releaser.text(`[role=status]`), "已审核发布")
	releaser.click(`#t-` + positive + ` button[value=release]`)

	desk := d.window(t, ctx, "desk")
	desk.do(chromedp.SendKeys(chromedp.CSS(`input[name=code]`), positive+kb.Enter), chromedp.WaitVisible(chromedp.CSS(`td .chip.bad`)))
	require.Contains(t, desk.text("tbody tr"), "+ 阳性")
	require.Contains(t, desk.text("tbody tr"), "王芳 / 赵敏")
	desk.click(`tbody a[href="/tubes/` + positive + `"]`)
	require.Contains(t, desk.text(".story"), "赵敏")
	require.NotContains(t, desk.text("main"), "22.41")
	desk.open("/tubes/NOT-THERE")
	heard, err := chromedp.Run(desk.ctx, chromedp.Evaluate[string](`document.documentElement.dataset.tone || ""`))
	require.NoError(t, err)
	require.Equal(t, "220 180", heard, "a refusal is heard")
}

// contrast lists texts whose colour is too near to what lies behind them (WCAG 2.2, 1.4.3), and the width that a page needs.
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
  const nameless = [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a")].filter((e) => !(e.ariaLabel || e.labels?.length || e.textContent.trim() || e.title)).map((e) => "no name: " + e.outerHTML.slice(0, 80));
  const wide = document.documentElement.scrollWidth > 1280 ? ["wide: " + document.documentElement.scrollWidth] : [];
  const cut = [...document.querySelectorAll(".scroll, .panel, .tall")].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => "cut off: " + e.scrollWidth + " in " + e.clientWidth + " " + e.textContent.trim().slice(0, 20));
  return [...cut, ...poor, ...nameless, ...wide];
})()`

// TestLook opens the pages in both languages, light and dark, at 1280 px: every text can be read, every control has a name, and
// nothing needs to be scrolled sideways.
func TestLook(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, positive := d.reviewable()
	d.busy(plate)
	d.register(d.dep, "FREE-", 3, "screening")
	wide := d.wide()
	ctx := browser(t)
	w := d.window(t, ctx, "all")
	pages := [][2]string{{"review", "/review/" + plate + "?well=D2"}, {"work", "/review"}, {"board", "/board"}, {"box", "/receipt/BX-0102"}, {"receipt", "/receipt"}, {"bench", "/bench"},
		{"plate", "/plates/" + plate}, {"plates", "/plates"}, {"instruments", "/instruments"}, {"messages", "/messages?all=1"}, {"message", "/messages/2"}, {"tube", "/tubes/" + positive},
		{"intake", "/intake"}, {"collect", "/collect"}, {"pack", "/pack?department=1"}, {"results", "/results?department=1"}, {"deliveries", "/deliveries"}, {"alerts", "/alerts"}, {"find", "/find?q=nix"},
		{"people", "/people"}, {"me", "/me"}, {"settings", "/settings"}, {"labs", "/settings/labs?lab=1"}, {"departments", "/settings/departments"}, {"lines", "/settings/instruments"},
		{"line", "/settings/instruments/1"}, {"destinations", "/settings/destinations"}, {"destination", "/settings/destinations/1"}, {"policies", "/settings/policies"}, {"tokens", "/settings/tokens"},
		{"wide", "/plates/" + wide}}
	for _, lang := range []string{"zh", "en"} {
		w.open("/me")
		if at, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`document.documentElement.lang`)); err != nil || at[:2] != lang {
			w.click(`header button[name=lang]`)
		}
		for _, p := range pages {
			w.open(p[1])
			for _, scheme := range []string{"light", "dark"} {
				w.scheme(scheme)
				w.readable(p[0] + "-" + lang + "-" + scheme)
			}
		}
		w.scheme("light")
		w.steps(lang)
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
