package pooling

// searchBest answers {"optimise":"best"}: the cheapest scheme of all within the
// limits, and every scheme's own best.
func searchBest(f *fields) (any, error) {
	q := Ask{Persons: f.int("persons", 0), Wells: f.int("wells", 0), Rounds: f.int("rounds", 0), Cap: f.int("max", 0),
		Floor: f.float("pse", 0), Late: f.float("late", 0)}
	q.Test = f.oneTest()
	q.Risk = f.oneRisk()
	if f.has("prices") {
		in := f.object("prices")
		q.Prices = Prices{Test: in.float("test", 1), Late: in.float("late", 0), Miss: in.float("miss", 0),
			FalseAlarm: in.float("false_alarm", 0), Transfer: in.float("transfer", 0)}
		if err := in.done(); err != nil && f.err == nil {
			f.err = err
		}
	}
	if f.has("cut") {
		q.Cq, q.Dilution = ReferenceCq(), Dilution{C95: f.float("cut", 0), Sigma: f.float("sigma", 0.6)}
		f.take("cq", "a list of numbers", &q.Cq)
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	for _, name := range []string{"persons", "rounds", "max"} {
		if f.has(name) && f.int(name, 0) < 1 {
			return nil, refuse(BadSize, "%s %d: expected at least 1", name, f.int(name, 0))
		}
	}
	a, err := Recommend(q)
	if err != nil {
		return nil, err
	}
	best, ok := a.Best()
	if !ok {
		return nil, refuse(NoAnswer, "no scheme keeps within the limits; the nearest, %s, breaks: %s", a.Options[0].Scheme, a.Options[0].Refused)
	}
	out := struct {
		bestAnswer
		Options []bestAnswer `json:"options"`
	}{bestAnswer: answerBest(best)}
	for _, o := range a.Options {
		out.Options = append(out.Options, answerBest(o))
	}
	return out, nil
}

type bestAnswer struct {
	Scheme  string  `json:"scheme"`
	Stages  [][]int `json:"stages,omitempty"`
	Rows    int     `json:"rows,omitempty"`
	Cols    int     `json:"cols,omitempty"`
	Per     num     `json:"tests_per_person"`
	PSe     num     `json:"pse"`
	PSp     num     `json:"psp"`
	Wells   int     `json:"wells"`
	Rounds  int     `json:"rounds"`
	Late    num     `json:"late"`
	Cost    num     `json:"cost_per_person"`
	Refused string  `json:"refused,omitempty"`
}

func answerBest(o Option) bestAnswer {
	return bestAnswer{o.Scheme, o.Stages, o.Rows, o.Cols, num(o.Char.PerPerson()), num(o.PSe), num(o.Char.PSp),
		o.Wells, o.Char.Rounds, num(o.Late), num(o.Cost), o.Refused}
}
