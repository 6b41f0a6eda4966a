package web

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

type rulesPage struct {
	Labs     []store.Lab
	Lab      int64
	Kits     []store.KitRow
	People   []store.Checker // who may be named
	Auto     []rulesRow
	Parallel []rulesRow
}

// rulesRow is a version of rules with what it says, on one line.
type rulesRow struct {
	store.Rules
	Says []string
}

func (s *site) rules(v *visit) (err error) {
	ctx := v.r.Context()
	var p rulesPage
	if p.Lab, p.Labs, err = s.qualityLab(v); err != nil {
		return err
	}
	if p.Kits, err = s.st.Kits(ctx); err != nil {
		return err
	}
	people, err := s.st.Checkers(ctx, p.Lab)
	if err != nil {
		return err
	}
	for _, one := range people {
		if one.ID != v.Actor.ID {
			p.People = append(p.People, one)
		}
	}
	auto, err := s.st.RulesOf(ctx, p.Lab, store.AutoRules)
	if err != nil {
		return err
	}
	parallel, err := s.st.RulesOf(ctx, p.Lab, store.ParallelRules)
	if err != nil {
		return err
	}
	for _, r := range auto {
		p.Auto = append(p.Auto, rulesRow{r, autoSays(v.Lang, r.Body)})
	}
	for _, r := range parallel {
		p.Parallel = append(p.Parallel, rulesRow{r, pairingSays(v.Lang, r.Body)})
	}
	return v.show("rules", p)
}

func autoSays(lang string, raw json.RawMessage) []string {
	var r lims.AutoRules
	if json.Unmarshal(raw, &r) != nil {
		return nil
	}
	out := []string{strings.Join(r.Kits, " ")}
	for _, k := range sortedKeys(r.Internal) {
		out = append(out, k+" ≤ "+strconv.FormatFloat(r.Internal[k], 'f', -1, 64))
	}
	if r.MaxShare > 0 {
		out = append(out, say(lang, "rules.share", nil)+" ≤ "+strconv.FormatFloat(100*r.MaxShare, 'f', -1, 64)+"%")
	}
	for _, f := range r.Ignore {
		out = append(out, say(lang, "rules.ignore", nil)+" "+f)
	}
	return out
}

func pairingSays(lang string, raw json.RawMessage) []string {
	var r store.Pairing
	if json.Unmarshal(raw, &r) != nil {
		return nil
	}
	var out []string
	if r.Required {
		out = append(out, say(lang, "rules.required", nil))
	}
	if r.TwoLabs {
		out = append(out, say(lang, "rules.two_labs", nil))
	}
	if r.Reflex {
		out = append(out, say(lang, "rules.reflex", nil)+" "+r.Kit)
	}
	return out
}

func (s *site) setAuto(v *visit) error {
	r := lims.AutoRules{On: true, Kits: v.Form["kit"], Internal: map[string]float64{}, Ignore: strings.Fields(v.field("ignore"))}
	for _, part := range strings.Fields(strings.ReplaceAll(v.field("internal"), ",", " ")) {
		name, value, _ := strings.Cut(part, "=")
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || name == "" {
			return lims.E(lims.Invalid, "rules.body", nil)
		}
		r.Internal[name] = f
	}
	if text := v.field("share"); text != "" {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f < 0 || f > 100 {
			return lims.E(lims.Invalid, "rules.body", nil)
		}
		r.MaxShare = f / 100
	}
	return s.setRules(v, store.NewRules{Kind: store.AutoRules, Body: r, Named: v.id("named")})
}

func (s *site) setPairing(v *visit) error {
	p := store.Pairing{Parallel: lims.DefaultParallel(), Kit: v.field("kit")}
	p.Required, p.Reflex, p.TwoLabs = v.field("required") != "", v.field("reflex") != "", v.field("two_labs") != ""
	return s.setRules(v, store.NewRules{Kind: store.ParallelRules, Body: p})
}

func (s *site) setRules(v *visit, n store.NewRules) (err error) {
	if n.Lab, _, err = s.qualityLab(v); err != nil {
		return err
	}
	if n.From, err = time.Parse(time.DateOnly, v.field("from")); err != nil {
		return lims.E(lims.Invalid, "rules.body", nil)
	}
	n.Source = v.field("source")
	if _, err := s.st.SetRules(v.r.Context(), v.Actor, n); err != nil {
		return err
	}
	return v.done("/rules", "rules.set", nil)
}

func (s *site) acceptRules(v *visit) error {
	if err := s.st.AcceptRules(v.r.Context(), v.Actor, v.id("rules")); err != nil {
		return err
	}
	return v.done("/rules", "rules.accepted", nil)
}

func (s *site) endRules(v *visit) error {
	if err := s.st.EndRules(v.r.Context(), v.Actor, v.id("rules")); err != nil {
		return err
	}
	return v.done("/rules", "rules.ended", nil)
}
