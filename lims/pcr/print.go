package pcr

import (
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"natlims/lims/plate"
)

// Page is a kit's decision table, ready to be written in one language.
type Page struct {
	Lang, Title, Key, Heading string
	Facts                     [][2]string
	Tables                    []Grid
	Safety                    string
	Digest                    string
	Signs                     []string
	FileWord                  string
}

// Grid is one table of a Page.
type Grid struct {
	Title string
	Head  []string
	Rows  [][]string
}

// WriteText writes the decision table as text, in Chinese ("zh") or English.
func (k *Kit) WriteText(w io.Writer, lang string) error {
	p := k.Page(lang)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n%s\n\n", p.Heading, p.Title, p.Key)
	for _, f := range p.Facts {
		fmt.Fprintf(&b, "%s: %s\n", f[0], f[1])
	}
	for _, t := range p.Tables {
		fmt.Fprintf(&b, "\n%s\n", t.Title)
		t.text(&b)
	}
	fmt.Fprintf(&b, "\n%s\n%s: %s\n\n", p.Safety, p.FileWord, p.Digest)
	for _, s := range p.Signs {
		fmt.Fprintf(&b, "%s: ______________________\n", s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text writes the table in columns; Chinese characters are two columns wide.
func (t Grid) text(b *strings.Builder) {
	wide := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, c := range row {
			wide[i] = max(wide[i], columns(c))
		}
	}
	for n, row := range append([][]string{t.Head}, t.Rows...) {
		var line strings.Builder
		for i, c := range row {
			line.WriteString("  " + c + strings.Repeat(" ", wide[i]-columns(c)))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		if n == 0 {
			for _, w := range wide {
				b.WriteString("  " + strings.Repeat("-", w))
			}
			b.WriteString("\n")
		}
	}
}

func columns(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if r >= 0x2E80 {
			n++
		}
	}
	return n
}

// Page gives the decision table in Chinese ("zh") or English.
func (k *Kit) Page(lang string) Page {
	if lang != "zh" {
		lang = "en"
	}
	say := tongueOf(lang)
	p := Page{Lang: lang, Title: k.Title(lang), Key: k.Key(), Heading: say("Decision table"), Digest: k.Digest, FileWord: say("File") + " SHA-256",
		Safety: say("A negative needs every virus target − and every required internal control +. What no rule covers goes to a person.")}
	fact := func(name, value string) {
		if value != "" && value != "0" {
			p.Facts = append(p.Facts, [2]string{say(name), value})
		}
	}
	fact("Version", k.Version)
	fact("Status", say(string(k.Status)))
	fact("Source", k.Source)
	cycles := strconv.Itoa(k.Cycles)
	if k.PreCycles > 0 {
		cycles += fmt.Sprintf(" (+ %d %s)", k.PreCycles, say("not counted"))
	}
	fact("Cycles", cycles)
	if k.Replicates > 1 {
		fact("Replicates", strconv.Itoa(k.Replicates))
	}
	if k.LoD.Value > 0 {
		fact("LoD", fmt.Sprintf("%g %s", k.LoD.Value, k.LoD.Unit))
	}
	fact("Max pool", strconv.Itoa(k.MaxPool))
	fact("PCR minutes", strconv.Itoa(k.Minutes))
	fact("Specimens", strings.Join(k.Specimens, ", "))
	fact("Approved by", k.ApprovedBy)
	p.Tables = []Grid{k.targetGrid(say), k.stateGrid(say), k.callGrid(say), k.controlGrid(say)}
	if g, ok := k.combinationGrid(say); ok {
		p.Tables = append(p.Tables, g)
	}
	faults := Grid{Title: say("Faults"), Head: []string{"#", ""}}
	for _, f := range k.Check() {
		faults.Rows = append(faults.Rows, []string{strconv.Itoa(f.Line), f.Text})
	}
	if len(faults.Rows) == 0 {
		faults.Rows = [][]string{{"", say("none found")}}
	}
	p.Tables = append(p.Tables, faults)
	for _, s := range []string{"Insert (file, version)", "SHA-256 of the insert", "Compared with the insert by", "Date", "Approved by", "Date"} {
		p.Signs = append(p.Signs, say(s))
	}
	return p
}

func (k *Kit) targetGrid(say tongue) Grid {
	g := Grid{Title: say("Targets"), Head: []string{say("Target"), say("Role"), say("Gene"), say("Channel"), "LOINC"}}
	for _, a := range k.Targets {
		role := say(a.Role)
		if a.Origin != "" {
			role += " (" + say(a.Origin) + ")"
		}
		g.Rows = append(g.Rows, []string{a.ID, role, a.Gene, a.Channel, strings.TrimSpace(a.LOINC["presence"] + " " + a.LOINC["ct"])})
	}
	return g
}

func (k *Kit) stateGrid(say tongue) Grid {
	g := Grid{Title: say("State of a target"), Head: []string{say("Rule"), say("Target"), say("Instruments"), say("Value"), say("State")}}
	for i, r := range k.States {
		g.Rows = append(g.Rows, []string{strconv.Itoa(i + 1), strings.Join(r.Targets, ", "), strings.Join(r.Instruments, ", "), r.When.text(say), say(r.State)})
	}
	return g
}

func (k *Kit) callGrid(say tongue) Grid {
	g := Grid{Title: say("Call of a sample"), Head: []string{say("Rule"), say("Condition"), say("Call"), say("Action")}}
	for i := range k.Calls {
		r := &k.Calls[i]
		when := r.When.text(say)
		if r.Default {
			when = say("nothing above applies")
		}
		g.Rows = append(g.Rows, []string{strconv.Itoa(i + 1), when, say(r.Call), actionText(r.Action, say)})
	}
	return g
}

func (k *Kit) controlGrid(say tongue) Grid {
	g := Grid{Title: say("Controls"), Head: []string{say("Control"), say("Role"), say("Scope"), say("Expected"), say("If it fails")}}
	for _, c := range k.Controls {
		var want []string
		for _, a := range k.Targets {
			if t, ok := c.Expect[a.ID]; ok {
				want = append(want, a.ID+": "+t.text(say))
			}
		}
		role := string(c.PlateRole())
		if r := c.PlateRole(); r == plate.Negative || r == plate.Positive {
			role += " control"
		}
		g.Rows = append(g.Rows, []string{c.ID, say(role), say(c.Scope), strings.Join(want, "; "), say(c.OnFail)})
	}
	return g
}

// maxShown bounds the table of combinations: a page to be signed is a page.
const maxShown = 96

// combinationGrid lists every combination of states that a first test can show, except "not assessed".
func (k *Kit) combinationGrid(say tongue) (Grid, bool) {
	t := k.ready()
	c := &check{k: k, t: t}
	c.states()
	g := Grid{Title: say("All combinations, first test")}
	n := 1
	for i, a := range k.Targets {
		g.Head = append(g.Head, a.ID)
		r := c.reach[i]
		if n := len(r); n > 0 && r[n-1] == 0 {
			r = r[:n-1]
		}
		c.reach[i] = r
		if n *= len(r); n == 0 || n > maxShown {
			return g, false
		}
	}
	g.Head = append(g.Head, say("Call"), say("Action"), say("Rule"))
	for x := range n {
		nums := make([]int, len(c.reach))
		for i := len(c.reach) - 1; i >= 0; i-- {
			r := c.reach[i]
			nums[i] = r[x%len(r)]
			x /= len(r)
		}
		f := facts{states: nums, values: make([]*Value, len(nums)), virus: t.virus, attempt: 1, ctx: &Context{}}
		var row []string
		for _, s := range nums {
			row = append(row, say(t.states[s]))
		}
		for i := range k.Calls {
			if r := &k.Calls[i]; r.Default || r.When.hold(&f) {
				row = append(row, say(r.Call), actionText(r.Action, say), strconv.Itoa(i+1))
				break
			}
		}
		g.Rows = append(g.Rows, row)
	}
	return g, true
}

var sheetHTML = template.Must(template.New("kit").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><title>{{.Title}} {{.Key}}</title><style>
body{font:14px/1.5 "Noto Sans SC",system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:1.4rem 0 .3rem}code{font-size:.85em;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:.2rem .5rem;text-align:left;vertical-align:top}th{background:#eee}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dt{color:#555}dd{margin:0}
.sign{display:grid;grid-template-columns:max-content 1fr;gap:.9rem 1rem;margin-top:2rem}.sign i{border-bottom:1px solid #333}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr,.sign{break-inside:avoid}}
</style></head><body><p>{{.Heading}}</p><h1>{{.Title}}</h1><p><code>{{.Key}}</code></p>
<dl>{{range .Facts}}<dt>{{index . 0}}</dt><dd>{{index . 1}}</dd>{{end}}</dl>
{{range .Tables}}<h2>{{.Title}}</h2><table><thead><tr>{{range .Head}}<th scope="col">{{.}}</th>{{end}}</tr></thead><tbody>
{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>
{{end}}</tbody></table>{{end}}
<p>{{.Safety}}</p><p>{{.FileWord}} <code>{{.Digest}}</code></p>
<div class="sign">{{range .Signs}}<span>{{.}}</span><i></i>{{end}}</div></body></html>
`))

// WriteHTML writes the decision table as one page without scripts, to be printed and signed.
func (k *Kit) WriteHTML(w io.Writer, lang string) error { return sheetHTML.Execute(w, k.Page(lang)) }
