package web

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

type limitsPage struct {
	Labs  []store.Lab
	Lab   int64
	Now   lims.Suspicion // by which a run would be judged now
	Lines []limitLine
	From  string
	Rows  []rulesRow
}

// limitLine is one limit with what stands in its field.
type limitLine struct {
	lims.SuspicionField
	Now  string
	Text string // in the field: the limit in force, or what was typed and refused
}

// limits shows the limits of the flags and every version of them.
func (s *site) limits(v *visit) (err error) {
	ctx := v.r.Context()
	p := limitsPage{From: v.field("from")}
	if p.Lab, p.Labs, err = s.qualityLab(v); err != nil {
		return err
	}
	if p.Now, err = s.st.Suspicion(ctx, p.Lab, s.st.Now()); err != nil {
		return err
	}
	if p.From == "" {
		p.From = s.today().Format(time.DateOnly)
	}
	for _, f := range lims.SuspicionFields {
		l := limitLine{SuspicionField: f, Now: figure(f.Value(p.Now))}
		if l.Text = l.Now; v.refused != nil {
			l.Text = v.field(f.Name)
		}
		p.Lines = append(p.Lines, l)
	}
	rows, err := s.st.RulesOf(ctx, p.Lab, store.SuspicionRules)
	if err != nil {
		return err
	}
	for i, r := range rows {
		before := lims.Suspicion{}.Filled()
		if i+1 < len(rows) {
			before = suspicionOf(rows[i+1].Body)
		}
		p.Rows = append(p.Rows, rulesRow{Rules: r, Says: limitsSay(v.Lang, before, suspicionOf(r.Body))})
	}
	inForce(p.Rows, s.today().Format(time.DateOnly))
	return v.show("limits", p)
}

func suspicionOf(raw json.RawMessage) (s lims.Suspicion) {
	json.Unmarshal(raw, &s) //nolint:errcheck // written by SetRules
	return s.Filled()
}

// limitsSay is what a version changes against the one before.
func limitsSay(lang string, before, now lims.Suspicion) (out []string) {
	for _, f := range lims.SuspicionFields {
		if a, b := f.Value(before), f.Value(now); a != b {
			out = append(out, fmt.Sprintf("%s: %s → %s", say(lang, "suspicion."+f.Name, nil), figure(a), figure(b)))
		}
	}
	if before.NoTouch != now.NoTouch {
		out = append(out, say(lang, map[bool]string{true: "suspicion.no_touch", false: "suspicion.touch"}[now.NoTouch], nil))
	}
	if out == nil {
		out = []string{say(lang, "suspicion.same", nil)}
	}
	return out
}

func figure(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// setLimits puts a version of the limits on record. Every limit is given: what is in force is what the supervisor saw.
func (s *site) setLimits(v *visit) (err error) {
	limits := lims.Suspicion{NoTouch: v.field("no_touch") != ""}
	for _, f := range lims.SuspicionFields {
		x, err := strconv.ParseFloat(v.field(f.Name), 64)
		if err != nil {
			return lims.E(lims.Invalid, "suspicion.range", lims.Args{"suspicion": f.Name, "got": v.field(f.Name), "low": f.Low, "high": f.High})
		}
		limits.Set(f.Name, x)
	}
	n := store.NewRules{Kind: store.SuspicionRules, Body: limits, Source: v.field("source")}
	if n.Lab, _, err = s.qualityLab(v); err != nil {
		return err
	}
	if n.From, err = time.Parse(time.DateOnly, v.field("from")); err != nil {
		return lims.E(lims.Invalid, "rules.from", lims.Args{"got": v.field("from")})
	}
	if _, err := s.st.SetRules(v.r.Context(), v.Actor, n); err != nil {
		return err
	}
	return v.done("/limits", "rules.set", nil)
}

func (s *site) endLimits(v *visit) error {
	if err := s.st.EndRules(v.r.Context(), v.Actor, v.id("rules")); err != nil {
		return err
	}
	return v.done("/limits", "rules.ended", nil)
}
