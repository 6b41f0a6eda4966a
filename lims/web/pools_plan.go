package web

import (
	"errors"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"strings"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/pooling"
)

// schemes that a laboratory can mix; the engine knows more.
var schemes = []string{pooling.OptDorfman, pooling.OptThree, pooling.OptArray}

// plannerPage is the question, what the engine says to it, and the tubes that could be pooled.
type plannerPage struct {
	Labs    []store.Lab
	Lab     int64
	Ask     askForm
	Watch   store.PoolWatch
	Advice  pooling.Advice
	Best    bool
	Options []plannerOption
	Why     string       // why there is no advice
	Picture template.URL // query of the drawing
	Kits    []store.Validation
	Scheme  string
	Schemes []string
	N       int
	Rows    int
	Cols    int
	Take    int
	Tubes   []store.WaitingSample
}

type plannerOption struct {
	pooling.Option
	Design string
	Here   bool
}

// askForm is the planning question as typed, within limits.
type askForm struct {
	Risk    float64 // per cent
	Persons int
	Cap     int
	Rounds  int
	Wells   int
	Se, Sp  float64 // per cent
}

// Query is the question as the address of the drawing.
func (a askForm) Query() string {
	q := url.Values{}
	f := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	q.Set("risk", f(a.Risk))
	q.Set("se", f(a.Se))
	q.Set("sp", f(a.Sp))
	for k, n := range map[string]int{"persons": a.Persons, "cap": a.Cap, "rounds": a.Rounds, "wells": a.Wells} {
		q.Set(k, strconv.Itoa(n))
	}
	return q.Encode()
}

func (a askForm) ask() pooling.Ask {
	return pooling.Ask{Risk: a.Risk / 100, Persons: a.Persons, Cap: a.Cap, Rounds: a.Rounds, Wells: a.Wells, Test: pooling.Test{Se: a.Se / 100, Sp: a.Sp / 100}}
}

// askOf reads the question; what was not typed is what the laboratory's own numbers say.
func askOf(v *visit, w store.PoolWatch, tubes int) askForm {
	a := askForm{Risk: 100 * riskNow(w), Persons: max(tubes, 1), Cap: w.Rules.Largest, Rounds: 2, Se: 99, Sp: 99.9}
	number := func(name string, into *float64, low, high float64) {
		if x, err := strconv.ParseFloat(v.field(name), 64); err == nil && !math.IsNaN(x) {
			*into = min(max(x, low), high)
		}
	}
	whole := func(name string, into *int, low, high int) {
		if n, err := strconv.Atoi(v.field(name)); err == nil {
			*into = min(max(n, low), high)
		}
	}
	number("risk", &a.Risk, 0.001, 50)
	number("se", &a.Se, 50, 100)
	number("sp", &a.Sp, 50.1, 100)
	whole("persons", &a.Persons, 1, 1_000_000)
	whole("cap", &a.Cap, 2, 50)
	whole("rounds", &a.Rounds, 1, 5)
	whole("wells", &a.Wells, 0, 1_000_000)
	return a
}

// riskNow is the laboratory's rolling positivity, or one in two thousand while it has none.
func riskNow(w store.PoolWatch) float64 {
	risk := 0.0
	if w.Rolling.Singles >= w.Rules.Least {
		risk = w.Rolling.Single
	}
	if w.Rolling.Pools >= w.Rules.Least {
		risk = max(risk, w.Rolling.Pooled)
	}
	if risk == 0 {
		return 0.0005
	}
	return math.Round(risk*1e6) / 1e6
}

const poolableMost = 400

func (s *site) poolPlanner(v *visit) (err error) {
	ctx := v.r.Context()
	p := plannerPage{Schemes: schemes}
	if p.Lab, p.Labs, err = s.labOf(v); err != nil {
		return err
	}
	if p.Watch, err = s.st.WatchPools(ctx, p.Lab); err != nil {
		return err
	}
	if p.Tubes, err = s.st.Poolable(ctx, p.Lab, poolableMost); err != nil {
		return err
	}
	all, err := s.st.Validations(ctx, p.Lab)
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.Kind == pooling.Media && k.EndedAt == nil {
			p.Kits = append(p.Kits, k)
		}
	}
	p.Ask = askOf(v, p.Watch, len(p.Tubes))
	p.Picture = template.URL(p.Ask.Query()) //nolint:gosec // numbers, encoded
	p.advise(v, s)
	p.suggest(v)
	return v.show("poolplan", p)
}

// advise asks the engine. A question that it refuses is shown as refused, with the page.
func (p *plannerPage) advise(v *visit, s *site) {
	a, err := s.st.AdvisePools(v.r.Context(), p.Lab, "", p.Ask.ask())
	if err != nil {
		var e *lims.Error
		if errors.As(err, &e) {
			p.Why = refusal(v.Lang, e.Code, e.Args)
		}
		return
	}
	p.Advice = a
	best, ok := a.Best()
	p.Best = ok
	for i, o := range a.Options {
		p.Options = append(p.Options, plannerOption{o, design(o), ok && i == 0})
	}
	p.Scheme, p.N, p.Rows, p.Cols = pooling.OptDorfman, min(p.Ask.Cap, 10), 8, 10
	if ok {
		switch best.Scheme {
		case pooling.OptDorfman, pooling.OptThree:
			p.Scheme, p.N = best.Scheme, best.Largest()
		case pooling.OptArray:
			p.Scheme, p.Rows, p.Cols = best.Scheme, best.Rows, best.Cols
		}
	}
}

// suggest ticks as many tubes as the scheme takes.
func (p *plannerPage) suggest(v *visit) {
	if scheme := v.field("scheme"); scheme != "" {
		p.Scheme = scheme
	}
	p.Take = len(p.Tubes)
	if p.Scheme == pooling.OptArray {
		p.Take = p.Rows * p.Cols
	}
}

// design writes an option in figures: 25 → 5×5, or 8 × 12.
func design(o pooling.Option) string {
	if o.Rows > 0 {
		return strconv.Itoa(o.Rows) + " × " + strconv.Itoa(o.Cols)
	}
	var parts []string
	for _, stage := range o.Stages {
		var sizes []string
		for i, n := range stage {
			if i == 6 {
				sizes = append(sizes, "…")
				break
			}
			sizes = append(sizes, strconv.Itoa(n))
		}
		parts = append(parts, strings.Join(sizes, "+"))
	}
	return strings.Join(parts, " → ")
}

// poolPicture draws the recommended design.
func (s *site) poolPicture(v *visit) error {
	lab, _, err := s.labOf(v)
	if err != nil {
		return err
	}
	w, err := s.st.WatchPools(v.r.Context(), lab)
	if err != nil {
		return err
	}
	a, err := s.st.AdvisePools(v.r.Context(), lab, "", askOf(v, w, 0).ask())
	if err != nil {
		return err
	}
	best, ok := a.Best()
	if !ok && len(a.Options) > 0 {
		best = a.Options[0]
	}
	svg, err := pooling.SVG(best, v.Lang)
	if err != nil {
		return lims.Wrap(lims.Invalid, "pool.plan", err)
	}
	v.w.Header().Set("Content-Type", "image/svg+xml")
	v.w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'") // its colours stand in it
	v.w.Write(svg)                                                                               //nolint:errcheck // the browser has gone
	return nil
}

// makePools plans pools of the ticked tubes, and of those scanned by hand.
func (s *site) makePools(v *visit) error {
	lab, _, err := s.labOf(v)
	if err != nil {
		return err
	}
	risk, err := strconv.ParseFloat(v.field("risk"), 64)
	if err != nil {
		return lims.E(lims.Invalid, "pool.bad_risk", nil)
	}
	n := store.NewPools{Lab: lab, Kit: v.field("kit"), Scheme: v.field("scheme"), N: int(v.id("n")), Rows: int(v.id("rows")), Cols: int(v.id("cols")),
		Codes: append(v.Form["tube"], strings.Fields(v.Form.Get("scan"))...), Risk: risk / 100, Reason: v.field("reason")}
	if n.Scheme == pooling.OptArray && n.Rows > 0 && n.Cols > 0 && len(n.Codes) > n.Rows*n.Cols {
		n.Codes = n.Codes[:n.Rows*n.Cols]
	}
	b, err := s.st.PlanPools(v.r.Context(), v.Actor, n)
	if err != nil {
		return err
	}
	return v.done("/pools/batches/"+url.PathEscape(b.Code), "pool.planned", lims.Args{"batch": b.Code, "n": len(n.Codes)})
}
