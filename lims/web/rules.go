package web

import (
	"encoding/json"
	"slices"
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
	Flags    []string // that may be ignored
	Controls []string // internal controls of the kits in use
	From     string   // today
}

// rulesRow is a version of rules with what it says, on one line.
type rulesRow struct {
	store.Rules
	Says    []string
	Current bool // holds now
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
		p.Auto = append(p.Auto, rulesRow{Rules: r, Says: s.autoSays(v.Lang, r.Body)})
	}
	for _, r := range parallel {
		p.Parallel = append(p.Parallel, rulesRow{Rules: r, Says: pairingSays(v.Lang, r.Body)})
	}
	p.From = s.today().Format(time.DateOnly)
	p.Flags, p.Controls = plateFlags, controlsOf(p.Kits, s.kit)
	inForce(p.Auto, p.From)
	inForce(p.Parallel, p.From)
	return v.show("rules", p)
}

func (s *site) autoSays(lang string, raw json.RawMessage) []string {
	r, ok := ruleOf(raw)
	if !ok {
		return nil
	}
	var out []string
	for _, k := range r.Kits {
		out = append(out, s.kitTitle(lang, k)+" "+k)
	}
	for _, k := range sortedKeys(r.Internal) {
		out = append(out, k+" ≤ "+figure(r.Internal[k]))
	}
	if r.MaxShare > 0 {
		out = append(out, say(lang, "rules.share", nil)+" ≤ "+figure(100*r.MaxShare)+"%")
	}
	for _, f := range r.Ignore {
		out = append(out, say(lang, "rules.ignore", nil)+": "+term(lang, "flag.word", f))
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
	r := lims.AutoRules{On: true, Kits: v.Form["kit"], Internal: map[string]float64{}, Ignore: v.Form["ignore"]}
	if bad := unknown(r.Ignore, plateFlags); bad != "" {
		return lims.E(lims.Invalid, "rules.flag", lims.Args{"got": bad})
	}
	for name := range v.Form {
		control, ok := strings.CutPrefix(name, "internal-")
		if !ok || v.field(name) == "" {
			continue
		}
		cq, err := strconv.ParseFloat(v.field(name), 64)
		if err != nil || !(cq > 0 && cq < 100) {
			return lims.E(lims.Invalid, "rules.internal", lims.Args{"target": control, "got": v.field(name)})
		}
		r.Internal[control] = cq
	}
	if text := v.field("share"); text != "" {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f < 0 || f > 100 {
			return lims.E(lims.Invalid, "rules.share", lims.Args{"got": text})
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
		return lims.E(lims.Invalid, "rules.from", lims.Args{"got": v.field("from")})
	}
	n.Source = v.field("source")
	if _, err := s.st.SetRules(v.r.Context(), v.Actor, n); err != nil {
		return err
	}
	return v.done("/rules", "rules.set", nil)
}

// unknown is the first word that is none of those known; "" where there is none.
func unknown(words, known []string) string {
	for _, w := range words {
		if !slices.Contains(known, w) {
			return w
		}
	}
	return ""
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
