// Package words says in Chinese and English what instruments and their lines report: why content was refused, what was expected of it,
// why a line is down.
//
// It never decides anything. Codes are stable and numbered: W1.. what was expected of content, W2.. of an archive or XML, W3.. of a workbook,
// M1.. of a table description, L1.. why a line is not up. A number is never used for something else. locale/en.json and locale/zh.json
// hold the texts; the pages take them from here.
package words

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

//go:embed locale/*.json
var files embed.FS

var languages = map[string]map[string]string{"zh": load("zh"), "en": load("en")}

func load(lang string) map[string]string {
	b, err := files.ReadFile("locale/" + lang + ".json")
	if err != nil {
		panic(err)
	}
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		panic(fmt.Errorf("locale/%s.json: %w", lang, err))
	}
	return m
}

// Texts are all texts of a language, by key.
func Texts(lang string) map[string]string { return maps.Clone(languages[lang]) }

// Has says whether there is a text of that key.
func Has(key string) bool { return languages["en"][key] != "" }

// Of is the language of an environment variable such as LANG: "zh" where it says so, else "en".
func Of(env string) string {
	if strings.HasPrefix(strings.ToLower(env), "zh") {
		return "zh"
	}
	return "en"
}

// Say gives the text of a key with {name} replaced by the argument of that name: a text, a number or a list of words. A missing key shows
// itself, a missing argument nothing.
func Say(lang, key string, args map[string]any) string {
	text, ok := languages[lang][key]
	if !ok {
		return key
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return b.String()
		}
		b.WriteString(spell(lang, args[name]))
		text = after
	}
}

func spell(lang string, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case float64: // out of JSON
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		if len(v) < 2 {
			return strings.Join(v, "")
		}
		last := len(v) - 1
		return strings.Join(v[:last], languages[lang]["list.comma"]) + languages[lang]["list.and"] + v[last]
	}
	return fmt.Sprint(v)
}
