package pooling

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Explain writes advice for people: the recommendation, why, every scheme in a
// table, and a small picture of the recommended one. lang is zh or en.
func Explain(a Advice, lang string) (string, error) {
	s, err := speak(lang)
	if err != nil {
		return "", err
	}
	q, best := a.Ask, a.Options[0]
	wells := s["nowells"]
	if q.Wells > 0 {
		wells = s.say("wells", grouped(q.Wells))
	}
	out := []string{
		s.say("title", grouped(q.Persons), percent(q.Risk)),
		s.say("limits", q.Cap, q.Rounds, wells, percent(q.Test.Se), percent(q.Test.Sp)),
		"",
	}
	if best.Refused == "" {
		out = append(out, s.say("do", s[best.Scheme], s.design(best)))
	} else {
		out = append(out, s.say("none", s[best.Scheme], s.design(best), s["r-"+best.Refused], grouped(a.Forward)))
	}
	out = append(out, s.reasons(a, best)...)
	out = append(out, "", s.table(a), s.picture(best))
	return strings.Join(out, "\n") + "\n", nil
}

func (s speech) reasons(a Advice, o Option) []string {
	c, q := o.Char, a.Ask
	var out []string
	if o.Scheme == OptSingle {
		out = append(out, s.say("costmore", digits(c.PerPerson()), grouped(o.Wells)))
		if p, _ := PoolingLimit(q.Test); q.Risk > p {
			out = append(out, s.say("why-single", percent(p)))
		}
	} else {
		saved := strconv.FormatFloat(c.Saved(), 'f', 1, 64)
		out = append(out, s.say("cost", digits(c.PerPerson()), grouped(o.Wells), grouped(q.Persons), saved))
	}
	if len(c.Beyond) > 0 {
		out = append(out, s.say("rounds", c.Rounds, percent(c.Beyond[0])))
	}
	if o.Scheme == OptDorfman {
		const inFlight = 90 // a plate of pools
		out = append(out, s.say("recall", grouped(int(math.Ceil(c.Beyond[0]*float64(q.Persons))))), s.say("reserve", inFlight, grouped(Reserve(inFlight, c.Persons, c.Beyond[0]))))
	}
	if o.Late > 0 {
		out = append(out, s.say("late", percent(o.Late)))
	}
	out = append(out, s.say("errors", percent(o.PSe), percent(c.PSp), percent(c.PPPV)))
	if len(a.Options) > 1 && a.Options[1].Refused == "" {
		next := a.Options[1]
		out = append(out, s.say("saves", s[next.Scheme], digits(next.Char.PerPerson())))
	}
	if o.Scheme != OptSingle {
		out = append(out, s["proof"])
		if len(q.Cq) == 0 {
			out = append(out, s["dilution"])
		} else {
			out = append(out, s.say("diluted", percent(o.Cq.Integrated), percent(o.Cq.Independent)))
		}
	}
	return out
}

func (s speech) table(a Advice) string {
	rows := [][]string{strings.Split(s["head"], "|")}
	for _, o := range a.Options {
		why := ""
		if o.Refused != "" {
			why = s.say("refused", s["r-"+o.Refused])
		}
		rows = append(rows, []string{s[o.Scheme], s.design(o), digits(o.Char.PerPerson()), grouped(o.Wells),
			strconv.Itoa(o.Char.Rounds), percent(o.Late), percent(o.PSe), why})
	}
	return columns(rows)
}

// columns aligns a table; a Chinese character takes two places.
func columns(rows [][]string) string {
	wide := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			wide[i] = max(wide[i], width(cell))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		line := ""
		for i, cell := range r {
			line += cell + strings.Repeat(" ", wide[i]-width(cell)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func width(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if r >= 0x2E80 && r <= 0xFFEF {
			n++
		}
	}
	return n
}

// percent keeps three digits that mean something, also near 0 and 100.
func percent(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case x > 0.5 && x < 1:
		places := min(6, max(2, int(math.Ceil(-math.Log10(1-x)))-1))
		text := strings.TrimRight(strconv.FormatFloat(100*x, 'f', places, 64), "0")
		return strings.TrimSuffix(text, ".") + " %"
	}
	return strconv.FormatFloat(100*x, 'g', 3, 64) + " %"
}

func digits(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }

// grouped writes 33000 as 33,000.
func grouped(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
