package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

// both looks at the page in both languages, light and dark.
func (w window) both(path, name string) {
	w.t.Helper()
	for range 2 {
		w.open(path)
		lang, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](`document.documentElement.lang.slice(0, 2)`))
		require.NoError(w.t, err)
		for _, scheme := range []string{"dark", "light"} {
			w.scheme(scheme)
			w.readable(name + "-" + lang + "-" + scheme)
		}
		w.click(`header button[name=lang]`)
	}
	w.open(path)
}

// has says whether an element stands on the page.
func (w window) has(selector string) bool {
	w.t.Helper()
	found, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool](`document.querySelector(`+"`"+selector+"`"+`) !== null`))
	require.NoError(w.t, err)
	return found
}

// A kit comes on record with its file and its insert, and decides a pair of kits that disagree.
func TestPairInTheBrowser(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	other := d.secondKit()
	ctx := browser(t)
	chief := d.window(t, ctx, "chief")

	dir := t.TempDir()
	body, err := pcr.KitFile("biogerm")
	require.NoError(t, err)
	kitFile, insert := filepath.Join(dir, "biogerm.yaml"), filepath.Join(dir, "说明书.pdf")
	require.NoError(t, os.WriteFile(kitFile, body, 0o600))
	require.NoError(t, os.WriteFile(insert, []byte("insert"), 0o600))
	chief.open("/kits")
	chief.do(chromedp.SetUploadFiles(chromedp.CSS(`form[action="/kits"] input[type=file]`), []string{kitFile}))
	chief.click(`form[action="/kits"] button`)
	require.Contains(t, chief.text("h1 + .chip + .chip"), "未核实")
	chief.do(chromedp.SetUploadFiles(chromedp.CSS(`input[name=insert]`), []string{insert}))
	chief.click(`form[action$="/approve"] button`)
	require.Contains(t, chief.text("h1 + .chip + .chip"), "可用")
	require.Contains(t, chief.text("aside"), "说明书.pdf")
	path, err := chromedp.Run(chief.ctx, chromedp.Evaluate[string](`location.pathname`))
	require.NoError(t, err)
	chief.both(path, "kit")
	third := strings.TrimPrefix(path, "/kits/")

	codes := d.waiting(2, "PAB")
	p, err := d.st.Lay(d.ctx, d.people["tech"], store.NewPlate{Lab: d.lab, Wells: 96, Kit: d.kit, Lot: "2026031", Codes: codes, Second: &store.SecondKit{Kit: other, Lot: "S-1"}})
	require.NoError(t, err)
	d.pairRun(p, codes[0]+other)
	at := "/review/" + p.Code
	row := "#t-" + codes[0]
	chief.open(at)
	require.Contains(t, chief.text(row), "A 达安", "both arms stand side by side")
	require.Contains(t, chief.text(row), "B 圣湘")
	require.False(t, chief.has(row+" button[value=check]"), "a pair that disagrees is never signed")
	chief.do(chromedp.Click(chromedp.CSS(row + ` details summary`)))
	chief.readable("pair-open")
	chief.do(chromedp.SetValue(chromedp.CSS(row+` select[name=way]`), "retest_other_kit"), chromedp.SetValue(chromedp.CSS(row+` select[name=kit]`), third),
		chromedp.SendKeys(chromedp.CSS(row+` input[name=reason]`), "两试剂不一致,以第三种为准"))
	chief.click(row + ` form[action$="/pair"] button`)
	require.Contains(t, chief.text(`[role=status]`), "已转下一步")

	d.id(d.st.AddLot(d.ctx, d.root, d.lab, third, "T-1", d.clock.now().AddDate(1, 0, 0)))
	p3, err := d.st.Lay(d.ctx, d.people["tech"], store.NewPlate{Lab: d.lab, Wells: 96, Kit: third, Lot: "T-1", Codes: codes[:1]})
	require.NoError(t, err)
	d.pairRun(p3, codes[0]+third)
	require.Equal(t, 1, len(d.toSign(lims.Called))-1, "the other pair agrees, this one is decided")
	chief.open("/tubes/" + codes[0])
	require.Contains(t, chief.text("main"), "第三种试剂")
	chief.both("/agreement", "agreement")
}

// What stands against a release is said on the plate: a chart that is out, a flag that nobody touched. Then it is closed and released.
func TestBlockedPlateInTheBrowser(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	ctx := browser(t)
	chief := d.window(t, ctx, "chief")
	chief.open("/iqc")
	chief.do(chromedp.SendKeys(chromedp.CSS(`form[action="/iqc/lots"] input[name=number]`), "W7"), chromedp.SendKeys(chromedp.CSS(`form[action="/iqc/lots"] input[name=material]`), "弱阳性"),
		chromedp.SetValue(chromedp.CSS(`form[action="/iqc/lots"] input[name=expires]`), "2026-12-31"))
	chief.click(`form[action="/iqc/lots"] button`)
	chief.do(chromedp.SendKeys(chromedp.CSS(`input[name=target]`), "N"), chromedp.SendKeys(chromedp.CSS(`input[name=mean]`), "31.0"), chromedp.SendKeys(chromedp.CSS(`input[name=sd]`), "0.3"))
	chief.click(`form[action="/iqc/goals"] button`)

	codes := d.waiting(4, "BLK")
	same := [2]float64{24.4, 23.9}
	plate := d.run(codes, map[string][2]float64{codes[0]: same, codes[1]: same}, nil)
	require.NoError(t, d.st.Check(d.ctx, d.people["checker"], d.toSign(lims.Called, lims.Held)))
	at := "/review/" + plate
	releaser := d.window(t, ctx, "releaser")
	releaser.open("/review")
	require.Contains(t, releaser.text("tbody"), "不得发布")
	releaser.open(at)
	require.Contains(t, releaser.text("main"), "室内质控失控")
	require.True(t, releaser.has("#release button[disabled]"))
	chief.both(at, "blocked")
	chief.both("/iqc", "iqc-out")
	for chief.has(`form[action^="/iqc/events/"]`) {
		chief.do(chromedp.SendKeys(chromedp.CSS(`form[action^="/iqc/events/"] input[name=cause]`), "加样偏差"), chromedp.SendKeys(chromedp.CSS(`form[action^="/iqc/events/"] input[name=action]`), "重测在控"))
		chief.click(`form[action^="/iqc/events/"] button`)
	}
	releaser.open(at)
	require.NotContains(t, releaser.text("main"), "室内质控失控")
	require.True(t, releaser.has("#release button[disabled]"), "the flags are still open")
	require.True(t, releaser.has(".well.flagged"))
	releaser.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("input[name=flag]").forEach((e) => e.click())`), chromedp.SendKeys(chromedp.CSS(`input[name=note]`), "曲线不同,加样无误"))
	releaser.click(`#flags button.go`)
	require.Contains(t, releaser.text("#flags"), "赵敏")
	releaser.click(`#release button`)
	require.Contains(t, releaser.text(`[role=status]`), "已审核发布")
}

// A supervisor switches automatic first signatures on, the named checker agrees, and the page says by which rules a tube was checked.
func TestAutoInTheBrowser(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	ctx := browser(t)
	chief := d.window(t, ctx, "chief")
	chief.open("/rules")
	form := `form[action="/rules/auto"] `
	chief.do(chromedp.Click(chromedp.CSS(form+`input[name=kit]`)), chromedp.SendKeys(chromedp.CSS(form+`input[name=internal-IC]`), "35"), chromedp.SendKeys(chromedp.CSS(form+`input[name=share]`), "50"),
		chromedp.SetValue(chromedp.CSS(form+`select[name=named]`), idText(d.people["checker"].ID)), chromedp.SetValue(chromedp.CSS(form+`input[name=from]`), "2026-03-01"),
		chromedp.SendKeys(chromedp.CSS(form+`input[name=source]`), "SOP-12"))
	chief.click(form + `button`)
	require.Contains(t, chief.text("main"), "等待被指定人同意")
	codes := d.waiting(4, "AUA")
	d.run(codes[:1], nil, nil)
	require.Empty(t, d.toSign(lims.Checked), "nobody has agreed yet")
	checker := d.window(t, ctx, "checker")
	checker.open("/rules")
	checker.click(`form[action$="/accept"] button`)
	chief.both("/rules", "rules")
	plate := d.run(codes[1:], map[string][2]float64{codes[1]: {24.4, 23.9}}, nil)
	require.Len(t, d.toSign(lims.Checked), 2, "clean negatives only")
	releaser := d.window(t, ctx, "releaser")
	releaser.open("/review/" + plate)
	require.Contains(t, releaser.text("main"), "2 管阴性由自动审核规则第 1 版以 王芳 名义作检测签字")
	releaser.click(`#release button`)
	releaser.open("/tubes/" + codes[2])
	require.Contains(t, releaser.text("#results"), "自动审核规则第 1 版")
	require.Contains(t, releaser.text("#results"), "王芳")
	require.Contains(t, releaser.text("#results"), "赵敏")
	chief.both("/limits", "limits")
}
