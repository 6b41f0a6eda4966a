package web

import (
	"fmt"
	"slices"
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

type policiesPage struct {
	Tab   string
	Now   *policyView // in force
	All   []policyView
	Form  []policyLine
	Modes []lims.Mode
	Name  string
	From  string // as the browser writes a time, in the laboratory's zone
	Zone  string
}

// policyView is a version with what it changes against the one before.
type policyView struct {
	store.PolicyVersion
	State string // current, coming, past
	Lines []policyLine
}

type policyLine struct {
	Category string
	Limit    lims.Limit
	Was      *lims.Limit // of the version before, where it was another
	Modes    []lims.Mode
	NewModes bool
}

var pooledModes = []lims.Mode{lims.Household, lims.Mixed5, lims.Mixed10, lims.Mixed20}

// localTime is how a browser writes a time of day.
const localTime = "2006-01-02T15:04"

func (s *site) policies(v *visit) error {
	rows, err := s.st.Policies(v.r.Context())
	if err != nil {
		return err
	}
	now := s.st.Now()
	p := policiesPage{Tab: "policies", Modes: pooledModes, Zone: s.zone.String(), Name: v.field("name"), From: v.field("from"), All: policyViews(rows, now)}
	for i := range p.All {
		if p.All[i].State == "current" {
			p.Now = &p.All[i]
		}
	}
	switch {
	case v.refused != nil:
		p.Form = policyForm(v)
	case p.Now != nil:
		p.Form, p.Name = p.Now.Lines, p.Now.Name
	default:
		p.Form = policyForm(v)
	}
	return v.show("policies", p)
}

func policyViews(rows []store.PolicyVersion, now time.Time) []policyView {
	views := make([]policyView, len(rows))
	current := false
	for i, r := range rows {
		views[i] = policyView{PolicyVersion: r, State: "past"}
		if r.From.After(now) {
			views[i].State = "coming"
		} else if !current {
			views[i].State, current = "current", true
		}
		for _, c := range store.Categories {
			l := policyLine{Category: string(c), Limit: r.Limits[c], Modes: r.Modes[c]}
			if i+1 < len(rows) {
				before := rows[i+1]
				if was := before.Limits[c]; was != l.Limit {
					l.Was = &was
				}
				l.NewModes = !slices.Equal(before.Modes[c], l.Modes)
			}
			views[i].Lines = append(views[i].Lines, l)
		}
	}
	return views
}

func policyForm(v *visit) []policyLine {
	var lines []policyLine
	for _, c := range store.Categories {
		l := policyLine{Category: string(c), Limit: lims.Limit{A: int(v.id("a-" + string(c))), B: int(v.id("b-" + string(c)))}}
		for _, m := range v.Form["m-"+string(c)] {
			l.Modes = append(l.Modes, lims.Mode(m))
		}
		lines = append(lines, l)
	}
	return lines
}

func (s *site) issuePolicy(v *visit) error {
	n := store.PolicyVersion{Name: v.field("name"), Source: v.field("source"), Limits: map[lims.Category]lims.Limit{}, Modes: map[lims.Category][]lims.Mode{}}
	if text := v.field("from"); text != "" {
		at, err := time.ParseInLocation(localTime, text, s.zone)
		if err != nil {
			return lims.E(lims.Invalid, "policy.from", lims.Args{"got": text})
		}
		n.From = at
	}
	for _, l := range policyForm(v) {
		n.Limits[lims.Category(l.Category)] = l.Limit
		if len(l.Modes) > 0 {
			n.Modes[lims.Category(l.Category)] = l.Modes
		}
	}
	_, err := s.st.IssuePolicy(v.r.Context(), v.Actor, n)
	return s.saved(v, "policies", n.Name, err)
}

// Has says whether a mode is among those allowed.
func (l policyLine) Has(m lims.Mode) bool { return slices.Contains(l.Modes, m) }

// hours writes minutes as hours where they are whole ones.
func hours(minutes int) string {
	if minutes%60 == 0 {
		return fmt.Sprintf("%d h", minutes/60)
	}
	return fmt.Sprintf("%d:%02d h", minutes/60, minutes%60)
}
