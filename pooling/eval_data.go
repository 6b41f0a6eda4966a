package pooling

import "slices"

func evalDecode(f *fields) (any, error) {
	in := f.object("decode")
	pools, named := in.members("pools"), in.ints("positive")
	n := in.int("n", 0)
	if in.has("n") && n < 1 {
		in.fail(BadSize, "n %d: expected at least 1", n)
	}
	r := Reading{Miss: in.int("e", 0)}
	r.Test = in.oneTest()
	if in.has("risk") {
		r.Prior = in.vector("risk")
	}
	if err := f.done(in); err != nil {
		return nil, err
	}
	if err := r.Test.Check(); err != nil {
		return nil, err
	}
	d, err := NewDesign(n, pools)
	if err != nil {
		return nil, err
	}
	if r.Positive, err = readings(named, len(pools)); err != nil {
		return nil, err
	}
	out, err := d.Decode(r)
	if err != nil {
		return nil, err
	}
	return answerDecoded(out), nil
}

func readings(named []int, pools int) ([]bool, error) {
	out := make([]bool, pools)
	for _, t := range named {
		if t < 1 || t > pools {
			return nil, refuse(UnknownName, "positive pool %d: expected 1..%d", t, pools)
		}
		if out[t-1] {
			return nil, refuse(Duplicate, "positive pool %d is named twice", t)
		}
		out[t-1] = true
	}
	return out, nil
}

type decodeAnswer struct {
	Sure         []int            `json:"sure"`
	Possible     []int            `json:"possible"`
	Candidates   []int            `json:"candidates"` // sure and possible: confirm all of them singly
	Cleared      []int            `json:"cleared"`
	Untested     []int            `json:"untested"`
	Unexplained  []int            `json:"unexplained"`
	Contradicted []int            `json:"contradicted"`
	Scomp        []int            `json:"scomp"`
	Tied         bool             `json:"scomp_tied"`
	Ambiguous    bool             `json:"ambiguous"`
	Posterior    *posteriorAnswer `json:"posterior,omitempty"`
}

type posteriorAnswer struct {
	Method  string  `json:"method"`
	Persons []int   `json:"persons"`
	P       figures `json:"p"`
}

func answerDecoded(d Decoded) decodeAnswer {
	both := append(append([]int(nil), d.Sure...), d.Possible...)
	slices.Sort(both)
	a := decodeAnswer{Sure: from1(d.Sure), Possible: from1(d.Possible), Candidates: from1(both),
		Cleared: from1(d.Cleared), Untested: from1(d.Untested), Unexplained: from1(d.Unexplained),
		Contradicted: from1(d.Contradicted), Scomp: from1(d.Scomp), Tied: d.Tied, Ambiguous: len(d.Possible) > 0}
	if p := d.Posterior; p.Method != "" {
		a.Posterior = &posteriorAnswer{p.Method, from1(p.Persons), nums(p.P)}
	}
	return a
}

func evalPrevalence(f *fields) (any, error) {
	in := f.object("prevalence")
	s := Survey{Level: in.float("level", 0.95)}
	s.Test = in.oneTest()
	inner := []*fields{in}
	for _, raw := range in.objects("pools") {
		inner = append(inner, raw)
		s.Pools = append(s.Pools, Tested{raw.size("size"), raw.size("tested"), raw.size("positive")})
	}
	estimator, interval := in.text("estimator", MLE), in.text("interval", "")
	if err := f.done(inner...); err != nil {
		return nil, err
	}
	if s.Level == 0 {
		return nil, refuse(BadField, "level 0: expected between 0 and 1")
	}
	if interval == "" {
		interval = s.usual()
	}
	estimate, lower, upper, err := s.Prevalence(estimator, interval)
	if err != nil {
		return nil, err
	}
	return struct {
		Estimate  num    `json:"estimate"`
		Lower     num    `json:"lower"`
		Upper     num    `json:"upper"`
		Level     num    `json:"level"`
		Estimator string `json:"estimator"`
		Interval  string `json:"interval"`
	}{num(estimate), num(lower), num(upper), num(s.Level), estimator, interval}, nil
}

// usual is Clopper-Pearson for pools of one size, else the score interval.
func (s Survey) usual() string {
	for _, p := range s.Pools {
		if p.Size != s.Pools[0].Size {
			return Score
		}
	}
	return ClopperPearson
}

// maxCq is the most cycles that are believed.
const maxCq = 100

func evalDilution(f *fields) (any, error) {
	in := f.object("dilution")
	n := in.int("n", 0)
	factor := in.float("factor", float64(n))
	d := Dilution{Sigma: in.float("sigma", 0), Efficiency: in.float("efficiency", 1)}
	in.need("cut", "a number", &d.C95)
	cq := ReferenceCq()
	if in.has("cq") {
		in.need("cq", "a list of numbers", &cq)
	}
	target, limit := in.float("target", 0.95), in.int("max", 100)
	if err := f.done(in); err != nil {
		return nil, err
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	switch {
	case in.has("n") && n < 1 || !in.has("n") && !in.has("factor"):
		return nil, refuse(BadSize, "n %d: expected at least 1", n)
	case !(factor >= 1 && factor <= maxPersons):
		return nil, refuse(BadSize, "factor %v: expected 1..%d", factor, maxPersons)
	case in.has("max") && n > limit:
		return nil, refuse(OverValid, "n %d is above the validated %d", n, limit)
	case limit < 1 || limit > maxSearch || !(target > 0 && target <= 1):
		return nil, refuse(BadField, "max %d, target %v: expected 1..%d and a share in (0,1]", limit, target, maxSearch)
	case d.Efficiency == 0:
		return nil, refuse(BadField, "efficiency 0: expected in (0,1]")
	case len(cq) == 0:
		return nil, refuse(EmptyPool, "no cq")
	}
	for _, c := range append([]float64{d.C95}, cq...) {
		if !(c > 0 && c <= maxCq) {
			return nil, refuse(BadField, "cq or cut %v: expected cycles above 0, at most %d", c, maxCq)
		}
	}
	two := d.Chain(cq, factor, 1)
	return struct {
		Detected    int `json:"detected"`
		Of          int `json:"of"`
		Shift       num `json:"shift"`
		Volume      num `json:"relative_volume"`
		PPA         num `json:"ppa"`
		Median      num `json:"median"`
		Largest     int `json:"largest"`
		Integrated  num `json:"pse_integrated"`
		Independent num `json:"pse_independent"`
	}{d.Detected(cq, factor), len(cq), num(d.Shift(factor)), num(RelativeVolume(max(n, 1))), num(d.PPA(cq, factor)),
		num(Median(cq)), d.Largest(cq, target, limit, LabFactor), num(two.Integrated), num(two.Independent)}, nil
}
