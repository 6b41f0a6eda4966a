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
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
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
