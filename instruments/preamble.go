package instruments

import (
	"strings"
	"time"

	"natlims/lims/pcr"
)

// preamble is the "key = value" part above a table: keys as key writes them.
type preamble map[string]string

// readPreamble reads rows up to the given one. It knows "* Key = Value" and "# Key: Value" in one cell, "Key: Value" in
// one cell, and key and value in two cells. The first value of a key counts.
func readPreamble(rows []Row, until int) preamble {
	p := preamble{}
	for _, r := range rows[:min(until, len(rows))] {
		if len(r.Cells) == 0 {
			continue
		}
		k, v, ok := "", "", false
		first := r.At(0)
		switch {
		case strings.HasPrefix(first, "*"):
			k, v, ok = strings.Cut(strings.TrimRight(strings.Join(r.Cells, ","), ", \t"), "=")
		case strings.HasPrefix(first, "#"):
			k, v, ok = strings.Cut(strings.TrimRight(strings.Join(r.Cells, ","), ", \t"), ":")
			k = strings.TrimLeft(k, "# ")
		case len(r.Cells) == 1 || r.At(1) == "":
			k, v, ok = strings.Cut(first, ":")
			if !ok {
				k, v, ok = strings.Cut(first, " = ")
			}
		default:
			k, v, ok = strings.TrimSuffix(first, ":"), r.At(1), true
		}
		if !ok {
			continue
		}
		if k, v = key(k), strings.TrimSpace(v); k != "" && v != "" && p[k] == "" {
			p[k] = v
		}
	}
	return p
}

// of is the first value that one of the keys has; "NA" and "null" are no values.
func (p preamble) of(keys ...string) string {
	for _, k := range keys {
		if v := p[key(k)]; v != "" && v != "NA" && v != "null" {
			return v
		}
	}
	return ""
}

// zones are the zone names with one meaning. CST (Chicago and Shanghai) and IST are left out: the instant stays unknown.
var zones = map[string]int{"UTC": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "CDT": -5,
	"CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "WET": 0, "WEST": 1, "MSK": 3, "JST": 9, "KST": 9, "HKT": 8, "SGT": 8, "AEST": 10, "AEDT": 11}

// stamp reads "2020-05-23 05:14:33 AM PDT". The hour may be written for 24 hours although a mark follows ("19:30:32 PM").
// Without a zone that has one meaning the time stays zero and the text tells.
func stamp(text string) pcr.Stamp {
	s := pcr.Stamp{Text: text}
	words := strings.Fields(text)
	if len(words) < 3 {
		return s
	}
	t, err := time.Parse("2006-01-02 15:04:05", words[0]+" "+words[1])
	if err != nil {
		t, err = time.Parse("01/02/2006 15:04:05", words[0]+" "+words[1]) // CFX, which always names a zone
	}
	if err != nil {
		return s
	}
	switch {
	case words[2] == "PM" && t.Hour() < 12:
		t = t.Add(12 * time.Hour)
	case words[2] == "AM" && t.Hour() == 12:
		t = t.Add(-12 * time.Hour)
	}
	if hours, ok := zones[words[len(words)-1]]; ok {
		s.Time = t.Add(-time.Duration(hours) * time.Hour)
	}
	return s
}

// first is the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// head is the beginning of a text: its first n lines, none for a workbook or where the content is no text.
func head(f *File, n int) []string {
	if f.Workbook() {
		return nil
	}
	t, err := f.Text()
	if err != nil {
		return nil
	}
	return t.Lines[:min(n, len(t.Lines))]
}

// melted is the refusal of content that holds melting only.
func melted(line int) error {
	return &Error{Code: CodeMelt, Line: line, Offset: -1, Want: want(wantAmplified)}
}

// nothing is the refusal of content that holds no results.
func nothing(driver string, line int, w Want) error {
	return &Error{Driver: driver, Code: CodeNoResults, Line: line, Offset: -1, Want: w}
}
