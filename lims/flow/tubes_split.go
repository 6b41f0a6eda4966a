package flow

import (
	"strconv"
	"strings"

	"natlims/lims/pcr"
)

// tested is one test of one tube, as an analyser without plates tells it.
type tested struct {
	Sample   string
	Mark     string // the instrument's own times; the same test is known by it in every message
	Control  bool
	Run      int           // of the message
	Readings []pcr.Reading // as they came
}

// tests cuts what a message says into tests, in the order of the message.
func tests(runs []pcr.Run, message int64) (out []tested) {
	for n, run := range runs {
		at := map[string]int{}
		for _, r := range run.Readings {
			sample := strings.TrimSpace(r.Sample)
			i, ok := at[sample]
			if !ok {
				i = len(out)
				at[sample] = i
				out = append(out, tested{Sample: sample, Run: n})
			}
			t := &out[i]
			t.Readings = append(t.Readings, r)
			t.Control = t.Control || control(r.Task)
			if t.Mark == "" {
				t.Mark = r.At
			}
		}
		for _, i := range at {
			t := &out[i]
			if t.Mark == "" {
				t.Mark = strings.TrimSpace(run.Ended.Text + " " + run.Started.Text)
			}
			if t.Mark == "" { // it wrote no time: then its message tells it apart
				t.Mark = "message " + strconv.FormatInt(message, 10) + "." + strconv.Itoa(n)
			}
		}
	}
	return out
}

// control says that a test is a quality control and nobody's sample: LIS02-A2 9.4.12 "Q", or the test type of an export.
func control(task string) bool {
	t := strings.ToLower(task)
	return t == "q" || strings.Contains(t, "control") || strings.Contains(t, "qc") || strings.Contains(t, "质控")
}

// finding is what a test says of the targets of one kit.
type finding struct {
	Readings []pcr.Reading // one target each, by the analyte's own name
	Failed   string        // why the test says nothing of the sample; "" it does
	Word     string        // the instrument's result where it is not plainly negative
	Other    bool          // the test is of another assay
}

// block is one result of an assay and the readings below it.
type block struct {
	word     string // the result; "" where the format has none beside the readings
	comment  string
	analytes []pcr.Reading
	ours     bool // reads a virus target of the kit
}

// find reads a test with the eyes of a kit.
//
// GeneXpert tells the result of each assay first and its analytes below, each with a call of its own: those are what a kit judges.
// A panel tells several results; the ones that read no virus of the kit are not asked. Whatever the analytes say, a test whose
// result is ERROR, INVALID or NO RESULT, and one that does not tell every target of the kit, says nothing of the sample.
func find(t tested, driver string, k *pcr.Kit) finding {
	blocks := blocksOf(t, driver, k)
	f := finding{}
	var ours, bare []block
	for _, b := range blocks {
		switch {
		case b.ours:
			ours = append(ours, b)
		case len(b.analytes) == 0:
			bare = append(bare, b)
		default:
			f.Other = true
		}
	}
	if len(ours) == 0 {
		ours = bare
	}
	if len(ours) > 0 {
		f.Other = false
	}
	heard := make([]bool, len(k.Targets))
	for _, b := range ours {
		f.judge(b, k)
		for _, r := range b.analytes {
			i, ok := k.Index(r.Target, r.Dye)
			if !ok {
				continue // a probe of the assay that the kit does not judge
			}
			heard[i] = heard[i] || r.Call != "" || r.State == pcr.HasCq || r.State == pcr.NoCq
			f.Readings = append(f.Readings, r)
		}
	}
	for i, ok := range heard {
		if !ok && f.Failed == "" {
			f.Failed = "incomplete: " + k.Targets[i].ID
		}
	}
	return f
}

// judge weighs the result that stands above the analytes.
func (f *finding) judge(b block, k *pcr.Kit) {
	for _, word := range said(b.word, k) {
		switch {
		case failed(word):
			if f.Failed == "" {
				f.Failed = strings.TrimSpace(word + " " + b.comment)
			}
		case !negative(word):
			f.Word = word
		}
	}
}

// blocksOf cuts a test into the results of its assays.
func blocksOf(t tested, driver string, k *pcr.Kit) []block {
	blocks := []block{{}}
	for _, r := range t.Readings {
		b := &blocks[len(blocks)-1]
		switch {
		case r.Target == "(C record)":
			if b.comment == "" || strings.HasPrefix(r.Value, "Error") {
				b.comment = r.Value
			}
		case driver == "genexpert-csv":
			b.word = r.Value
			if r.Call != "" || r.State != pcr.Blank {
				b.add(analyte(r), k)
			}
			if strings.Contains(r.Status, " ") || failed(r.Status) { // "Done ERROR 5007"
				b.comment = r.Status
			}
		case strings.HasPrefix(driver, "genexpert") && r.Status != "" && (r.Call != "" || r.State == pcr.Blank):
			blocks = append(blocks, block{word: first(r.Call, r.Value)})
		default:
			if strings.Contains(r.Status, "X") && b.word == "" { // LIS02-A2 9.4.26: cannot be done
				b.word = "ERROR"
			}
			b.add(analyte(r), k)
		}
	}
	if len(blocks) > 1 && blocks[0].word == "" && len(blocks[0].analytes) == 0 {
		blocks = blocks[1:]
	}
	return blocks
}

func (b *block) add(r pcr.Reading, k *pcr.Kit) {
	if pcr.Beside("^" + r.Target) {
		return // end points and the like
	}
	b.analytes = append(b.analytes, r)
	if i, ok := k.Index(r.Target, r.Dye); ok && k.Targets[i].Role == pcr.Virus {
		b.ours = true
	}
}

// analyte is a reading by the analyte's own name: "COVPLUS^SARS-CoV-2^Ct", "CTNG&CT#CT1&Ct" and "Xpress / N2" name their assay
// first, and a panel's name may hold that of a virus.
func analyte(r pcr.Reading) pcr.Reading {
	parts := strings.FieldsFunc(r.Target, func(c rune) bool { return c == '^' || c == '&' || c == '#' || c == '/' })
	name := ""
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" && !strings.EqualFold(p, "Ct") && !strings.EqualFold(p, "Cq") {
			name = p
		}
	}
	if r.Target = name; r.State == pcr.Blank && r.Call == "" && number(r.Value) {
		r.Value = "" // a number is no call
	}
	return r
}

func number(s string) bool {
	_, err := strconv.ParseFloat(strings.Trim(s, "^ "), 64)
	return err == nil
}

// said cuts the result of an assay into words, "X DETECTED|Y NOT DETECTED|", and keeps those of the kit's viruses. Where none
// names one, all count.
func said(word string, k *pcr.Kit) []string {
	var all, ours []string
	for _, w := range strings.FieldsFunc(word, func(r rune) bool { return r == '|' || r == ';' }) {
		if w = strings.Trim(w, "^ "); w == "" {
			continue
		}
		all = append(all, w)
		name := w
		for _, tail := range verdicts {
			if i := strings.Index(strings.ToLower(name), tail); i > 0 {
				name = name[:i]
			}
		}
		if i, ok := k.Index(strings.TrimSpace(name), ""); ok && k.Targets[i].Role == pcr.Virus {
			ours = append(ours, w)
		}
	}
	if len(ours) > 0 {
		return ours
	}
	return all
}

// The words of results. A word that is neither leaves the result in doubt, and doubt is never negative.
var (
	failures  = []string{"error", "invalid", "no result", "erreur", "pas de r", "错误", "无效", "无结果", "aborted", "cancel"}
	negatives = []string{"negative", "not detected", "neg", "négatif", "non détecté", "阴性", "未检出"}
	verdicts  = append([]string{"positive", "presumptive", "not detected", "detected", "négatif", "positif", "阳性", "检出"}, append(failures, negatives...)...)
)

func failed(word string) bool { return holds(word, failures) }

func negative(word string) bool { return holds(word, negatives) }

func holds(word string, list []string) bool {
	w := strings.ToLower(word)
	for _, x := range list {
		if strings.Contains(w, x) {
			return true
		}
	}
	return false
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
