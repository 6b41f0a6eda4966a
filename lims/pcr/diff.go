package pcr

import "strings"

// Line is one line of a comparison: Sign is "-" for the old kit only, "+" for the new only, " " for both.
type Line struct{ Sign, Text string }

// Diff compares two versions of a kit as their decision tables read, line by line; lines that are the same are left out
// except the headings above a change.
func Diff(old, new *Kit, lang string) []Line {
	a, b := tableLines(old, lang), tableLines(new, lang)
	// longest common subsequence, from the end
	n := make([][]int, len(a)+1)
	for i := range n {
		n[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				n[i][j] = n[i+1][j+1] + 1
			} else {
				n[i][j] = max(n[i+1][j], n[i][j+1])
			}
		}
	}
	var out []Line
	heading := ""
	add := func(sign, text string) {
		if heading != "" {
			out = append(out, Line{" ", heading})
			heading = ""
		}
		out = append(out, Line{sign, text})
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			if !strings.HasPrefix(a[i], "\t") {
				heading = a[i]
			}
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || n[i+1][j] >= n[i][j+1]):
			add("-", strings.TrimSpace(a[i]))
			i++
		default:
			add("+", strings.TrimSpace(b[j]))
			j++
		}
	}
	return out
}

// tableLines are the lines that are compared: headings, and rows behind a tab.
func tableLines(k *Kit, lang string) []string {
	p := k.Page(lang)
	out := []string{p.Heading, "\t" + p.Title}
	for _, f := range p.Facts {
		out = append(out, "\t"+f[0]+": "+f[1])
	}
	for _, t := range p.Tables[:4] {
		out = append(out, t.Title)
		for _, r := range t.Rows {
			out = append(out, "\t"+strings.Join(r, " | "))
		}
	}
	return out
}
