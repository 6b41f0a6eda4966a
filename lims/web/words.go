package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"natlims/instruments"
	"natlims/instruments/link"
	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
	"natlims/reports"
)

// words are the functions of the templates in one language.
func (s *site) words(lang string) template.FuncMap {
	all := s.pageWords(lang)
	maps.Copy(all, s.qualityWords(lang))
	return all
}

func (s *site) pageWords(lang string) template.FuncMap {
	return template.FuncMap{
		"t":       func(key string, pairs ...any) string { return say(lang, key, args(pairs)) },
		"term":    func(group string, word any) string { return term(lang, group, fmt.Sprint(word)) },
		"num":     func(n any) string { return spell(lang, "", n) },
		"name":    func(n store.Name) string { return n.In(lang) },
		"clock":   s.clock,
		"date":    func(t time.Time) string { return t.In(s.zone).Format(time.DateOnly) },
		"stamp":   func(t any) string { return stampOf(t, s.zone) },
		"left":    func(t any) countdown { return left(t, s.st.Now()) },
		"heard":   func(t any) bool { return instant(t).After(s.st.Now().Add(-heardWithin)) },
		"past":    func(t any) bool { at := instant(t); return !at.IsZero() && at.Before(s.st.Now()) },
		"minutes": minutes,
		"who":     func(o store.OrderRow) string { return subject(o) },
		"doc":     reports.MaskDoc,
		"phone":   reports.MaskPhone,
		"tone":    tone,
		"glyph":   glyph,
		"can":     func(a lims.Actor, roles ...lims.Role) bool { return a.Has(roles...) },
		"role":    func(r string) lims.Role { return lims.Role(r) },
		"targets": func(kit string, raw json.RawMessage) []target { return targets(s.kit(kit), raw) },
		"flags":   func(raw json.RawMessage) []string { return flagTexts(lang, raw) },
		"reason":  func(code string, raw json.RawMessage) string { return reason(lang, code, raw) },
		"titled":  func(group, name, title string) string { return titled(lang, group, name, title) },
		"gist":    func(code string) string { return gist(lang, code) },
		"percent": func(part, whole int) string { return percent(part, whole) },
		"join":    strings.Join,
		"list":    func(v ...string) []string { return v },
		"dict":    func(pairs ...any) lims.Args { return args(pairs) },
		"changes": func(raw json.RawMessage) string { return changes(raw) },
		"size":    size,

		"mask": func(u lims.Subject) string {
			return subject(store.OrderRow{SubjectKind: string(u.Kind), SubjectName: u.Name})
		},
		"fault":   func(h *link.Health) string { return h.ErrorText(lang) },
		"refusal": func(code string, a lims.Args) string { return refusal(lang, code, a) },
		"why":     func(text string) string { return why(lang, text) },
		"kit":     func(key string) string { return s.kitTitle(lang, key) },
		"held":    func(code string) string { return held(lang, code) },
		"cq":      cq,
		"decimal": decimal,
		"share":   share,
		"ids":     idList,
		"sum":     func(a, b int) int { return a + b },
		"place":   place,
		"one": func(sh store.Sheaf, me int64) attention {
			return attention{Sheaf: sh, Mine: sh.CheckedID != 0 && sh.CheckedID == me}
		},
		"hours":        hours,
		"lastWell":     last[store.TubeWell],
		"lastResult":   lastReleased,
		"lastDelivery": last[store.DeliveryRow],
	}
}

func args(pairs []any) lims.Args {
	a := lims.Args{}
	for i := 0; i+1 < len(pairs); i += 2 {
		a[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return a
}

// instant reads a time out of what templates hold; zero where there is none.
func instant(v any) time.Time {
	switch t := v.(type) {
	case time.Time:
		return t
	case *time.Time:
		if t != nil {
			return *t
		}
	}
	return time.Time{}
}

// clock is the time of day, with the date where it is not today.
func (s *site) clock(v any) string {
	t := instant(v)
	if t.IsZero() {
		return "—"
	}
	t = t.In(s.zone)
	if now := s.st.Now().In(s.zone); t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		return t.Format("01-02 15:04")
	}
	return t.Format("15:04")
}

func stampOf(v any, zone *time.Location) string {
	t := instant(v)
	if t.IsZero() {
		return "—"
	}
	return t.In(zone).Format("2006-01-02 15:04:05")
}

// countdown is the time left to a deadline; Tone is "" while there is plenty, warn under an hour, bad when it has passed.
type countdown struct{ Text, Tone, Glyph string }

func left(v any, now time.Time) countdown {
	due := instant(v)
	if due.IsZero() {
		return countdown{Text: "—"}
	}
	d := due.Sub(now)
	c := countdown{Text: minutes(math.Abs(d.Minutes()))}
	switch {
	case d < 0:
		c.Tone, c.Glyph, c.Text = "bad", "▲", "−"+c.Text
	case d < time.Hour:
		c.Tone, c.Glyph = "warn", "◔"
	}
	return c
}

// minutes writes 312 minutes as 5:12.
func minutes(m float64) string {
	if m <= 0 || math.IsNaN(m) {
		return "0:00"
	}
	n := int(m)
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

func percent(part, whole int) string {
	if whole == 0 {
		return "—"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(whole))
}

func size(n int) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
}

// subject is who or what was sampled; people are masked, objects are not.
func subject(o store.OrderRow) string {
	if o.SubjectKind == string(lims.Person) {
		return reports.MaskName(o.SubjectName)
	}
	return o.SubjectName
}

// tone and glyph belong together: the colour and the sign of a call, a state or a kind of alert.
func tone(word any) string { return signs[fmt.Sprint(word)].tone }

func glyph(word any) string { return signs[fmt.Sprint(word)].glyph }

var signs = map[string]struct{ tone, glyph string }{
	"negative": {"ok", "−"}, "positive": {"bad", "+"}, "presumptive_positive": {"bad", "+"}, "suspicious": {"warn", "?"},
	"inconclusive": {"warn", "?"}, "pending": {"warn", "?"}, "discordant": {"warn", "≠"}, "pending_review": {"warn", "?"},
	"review": {"warn", "?"}, "invalid": {"odd", "!"},

	"received": {"ok", "✓"}, "extra": {"warn", "+"}, "twice": {"warn", "⟳"}, "unknown": {"bad", "?"}, "rejected": {"bad", "✕"},
	"elsewhere": {"bad", "≠"}, "future": {"bad", "!"}, "missing": {"bad", "−"},

	"open": {"", "○"}, "sealed": {"", "▣"}, "running": {"warn", "▶"}, "read": {"odd", "◉"}, "accepted": {"ok", "✓"}, "void": {"", "✕"},
	"called": {"warn", "①"}, "checked": {"odd", "②"}, "released": {"ok", "✓"}, "held": {"warn", "‖"}, "superseded": {"", "⤳"}, "withdrawn": {"", "✕"},
	"kept": {"", "○"}, "recorded": {"ok", "✓"}, "failed": {"bad", "✕"}, "parked": {"warn", "‖"}, "ignored": {"", "–"},
	"queued": {"", "○"}, "sending": {"warn", "▶"}, "delivered": {"odd", "✓"}, "acknowledged": {"ok", "✓✓"}, "refused": {"bad", "✕"},
	"registered": {"", "○"}, "collected": {"", "◐"}, "loaded": {"warn", "▦"}, "closed": {"ok", "✓"}, "discarded": {"", "✕"},
	"final": {"ok", "✓"}, "waiting": {"warn", "↻"}, "cancelled": {"", "✕"},

	"preliminary_positive": {"bad", "+"}, "control_failed": {"odd", "!"}, "late": {"bad", "▲"}, "silence": {"warn", "…"}, "delivery": {"warn", "⇢"},
	"iqc": {"bad", "✕"}, "lot_drift": {"warn", "∿"},
	"created": {"ok", "✓"}, "known": {"", "="},

	"planned": {"", "○"}, "dropped": {"", "✕"}, "NEG": {"ok", "−"}, "POS": {"bad", "+"}, "SINGLE": {"warn", "±"}, "GREY": {"warn", "?"}, "INVALID": {"odd", "!"},
	"cleared": {"ok", "−"}, "implicated": {"warn", "?"}, "single": {"", "①"}, "waits": {"", "○"},
	"continue": {"ok", "✓"}, "reassess": {"warn", "?"}, "stop": {"bad", "✕"},
}

// target is one target of a call, for a table.
type target struct {
	Name string
	pcr.Target
}

// targets lists the targets of a call in the order of the kit.
func targets(kit *pcr.Kit, raw json.RawMessage) []target {
	var m map[string]pcr.Target
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	names := map[string]bool{}
	for k := range m {
		names[k] = true
	}
	out := make([]target, 0, len(m))
	for _, k := range ordered(names, kit) {
		out = append(out, target{k, m[k]})
	}
	return out
}

// flagTexts says what is suspicious about a well.
func flagTexts(lang string, raw json.RawMessage) []string {
	var fs []lims.Flag
	if json.Unmarshal(raw, &fs) != nil {
		return nil
	}
	out := make([]string, len(fs))
	for i, f := range fs {
		out[i] = flagText(lang, f)
	}
	return out
}

func flagText(lang string, f lims.Flag) string {
	if languages[lang]["flag."+f.Code] == "" {
		return f.Code
	}
	return say(lang, "flag."+f.Code, f.Args)
}

// reason says why a message failed, was parked or ignored: a code with arguments, or a person's own words.
func reason(lang, code string, raw json.RawMessage) string {
	if code == "" {
		return ""
	}
	var a lims.Args
	json.Unmarshal(raw, &a) //nolint:errcheck // without arguments the text still says what happened
	return refusal(lang, code, a)
}

// titled is the title of a driver, a format or a channel in the reader's language; the title it was registered with where nobody has
// translated it.
func titled(lang, group, name, title string) string {
	if text := languages[lang][group+"."+name]; text != "" {
		return text
	}
	return title
}

var (
	lastBlank = regexp.MustCompile(`\s*[(:(:]\s*(?:板\s*)?\{[a-z_]+\}[))]?$`)
	blank     = regexp.MustCompile(`\{[a-z_]+\}`)
)

// gist is what a code says of many messages: its text without what differs from one to the next.
func gist(lang, code string) string {
	if e, ok := instruments.Refused(code, nil); ok {
		return e.Text(lang)
	}
	return blank.ReplaceAllString(lastBlank.ReplaceAllString(languages[lang]["error."+code], ""), "…")
}

// changes writes an audit row's changed fields on one line.
func changes(raw json.RawMessage) string {
	var m map[string]any
	if json.Unmarshal(raw, &m) != nil || len(m) == 0 {
		return ""
	}
	parts := make([]string, 0, len(m))
	for _, k := range sortedKeys(m) {
		parts = append(parts, fmt.Sprintf("%s=%v", k, m[k]))
	}
	return strings.Join(parts, " ")
}

// why translates the words of a kit's rule; the figures and names stand as the kit wrote them.
func why(lang, text string) string {
	if lang != "zh" {
		return text
	}
	return ruleWords.Replace(text)
}

var ruleWords = strings.NewReplacer("no rule covers this", "没有规则适用", "virus targets", "病毒靶标", " and ", " 且 ", " or ", " 或 ", "rule ", "规则 ", " pos", " 阳", " neg", " 阴", " grey", " 灰", " inv", " 无效",
	" none", " 无扩增", "attempt", "检测次数", "Undetermined", "无 Ct", "expected ", "应为 ", "no Ct", "无 Ct", "not measured", "未测", "refused: ", "不予采信:",
	"negative with a virus target that is not negative", "病毒靶标并非阴性", "negative without its internal control", "内标未起",
	"invalid with a positive target", "有阳性靶标", "negative without a virus target", "没有病毒靶标", "called ", "判为 ")

// held says why a result is held: a code of ours, a flag, or a person's own words.
func held(lang, reason string) string {
	if code, ok := strings.CutPrefix(reason, "flag."); ok && languages[lang]["hold."+reason] == "" && languages[lang]["held.flag."+code] != "" {
		return say(lang, "held.flag."+code, nil)
	}
	return term(lang, "hold", reason)
}

func idList(ids []int64) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(parts, ",")
}

// last gives the last element for a template's "with", nil where there is none.
func last[T any](all []T) *T {
	if len(all) == 0 {
		return nil
	}
	return &all[len(all)-1]
}

func lastReleased(all []store.TubeResult) *store.TubeResult {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].ReleasedAt != nil {
			return &all[i]
		}
	}
	return nil
}
