package web

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	says "natlims/instruments/words"
	"natlims/lims"
)

// languages are the texts by language and key. Both files have the same keys; a test holds it.
var languages = map[string]map[string]string{"zh": texts("zh"), "en": texts("en")}

func texts(lang string) map[string]string {
	b, err := files.ReadFile("locale/" + lang + ".json")
	if err != nil {
		panic(err)
	}
	m := says.Texts(lang) // of instruments and lines
	if err := json.Unmarshal(b, &m); err != nil {
		panic(fmt.Errorf("locale/%s.json: %w", lang, err))
	}
	return m
}

// say gives the text of a key with {name} replaced by the argument of that name. Where n is 1 and the key has a text for
// one, that is taken. A missing key shows itself.
func say(lang, key string, args lims.Args) string {
	if one := key + ".one"; args["n"] == 1 && languages[lang][one] != "" {
		key = one
	}
	text, ok := languages[lang][key]
	if !ok {
		return key
	}
	if !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("{" + rest)
			return b.String()
		}
		b.WriteString(spell(lang, name, args[name]))
		text = after
	}
}

// spell writes one argument for people: numbers with separators, words of the domain translated, lists cut to a few.
func spell(lang, name string, v any) string {
	switch v := v.(type) {
	case nil:
		return "—"
	case int:
		return number(v)
	case int64:
		return number(int(v))
	case float64: // out of JSON
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.Format("2006-01-02 15:04")
	case interface{ Text(lang string) string }: // a reason of an instrument or its line
		return v.Text(lang)
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice {
		return term(lang, vocabulary(name), fmt.Sprint(v))
	}
	var few []string
	for i := range rv.Len() {
		if i == itemsInline {
			break
		}
		few = append(few, item(lang, name, rv.Index(i).Interface()))
	}
	text := strings.Join(few, languages[lang]["list.comma"])
	if n := rv.Len(); n > itemsInline {
		text += say(lang, "list.more", lims.Args{"n": n})
	}
	return text
}

// item writes one element of a list: a word, a number, or the way in which a run does not fit its layout.
func item(lang, name string, v any) string {
	d, ok := v.(lims.Difference)
	if m, isMap := v.(map[string]any); isMap { // the same out of JSON
		text := func(k string) string { s, _ := m[k].(string); return s }
		d, ok = lims.Difference{Code: text("Code"), Well: text("Well"), Got: text("Got"), Want: text("Want")}, true
	}
	if !ok {
		return term(lang, vocabulary(name), fmt.Sprint(v))
	}
	what := term(lang, "difference", d.Code)
	if d.Want == "nothing" { // its code says so
		d.Want = ""
	}
	switch {
	case d.Got != "" && d.Want != "":
		what = say(lang, "difference.pair", lims.Args{"what": what, "got": d.Got, "want": d.Want})
	case d.Got != "":
		what = say(lang, "difference.got", lims.Args{"what": what, "got": d.Got})
	case d.Want != "":
		what = say(lang, "difference.want", lims.Args{"what": what, "want": d.Want})
	}
	return strings.TrimSpace(d.Well + " " + what)
}

// vocabulary is the group of words that an argument of this name takes its value from.
func vocabulary(name string) string {
	switch name {
	case "roles", "role":
		return "role"
	case "state", "from", "to":
		return "state"
	}
	return name
}

// term translates a word of the domain, such as the call "negative"; a word without translation stands as it is.
func term(lang, group, word string) string {
	if t, ok := languages[lang][group+"."+word]; ok {
		return t
	}
	return word
}

// number writes 33000 as 33,000.
func number(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}
