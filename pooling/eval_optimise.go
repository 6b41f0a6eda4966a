package pooling

// choiceAnswer is the answer to an optimisation.
type choiceAnswer struct {
	Stages    [][]int `json:"stages,omitempty"`
	Rows      int     `json:"rows,omitempty"`
	Cols      int     `json:"cols,omitempty"`
	Master    bool    `json:"master,omitempty"`
	Pools     []int   `json:"pools,omitempty"`
	R         int     `json:"r,omitempty"`
	S         int     `json:"s,omitempty"`
	L         int     `json:"l,omitempty"`
	D         int     `json:"d,omitempty"`
	Objective string  `json:"objective"`
	Value     num     `json:"value"`
	charAnswer
}

func answerChoice(c Choice, g Goal) choiceAnswer {
	if g.Kind == "" {
		g.Kind = ET
	}
	a := choiceAnswer{Stages: c.Stages, Rows: c.Rows, Cols: c.Cols, Master: c.Master, Pools: c.Pools,
		Objective: g.Kind, Value: num(c.Value), charAnswer: answerOf(c.Char)}
	if c.Order != nil {
		a.Order = from1(c.Order)
	}
	return a
}

var searches = map[string]func(*fields) (any, error){
	"tree": searchTree, "array": searchArray, "array-master": searchArray, "partition": searchPartition,
	"regular": searchRegular, "halving": searchHalving, "hypercube": searchHypercube, "best": searchBest,
}

func evalOptimise(f *fields) (any, error) {
	name := ""
	f.need("optimise", "a name", &name)
	do := searches[name]
	if f.err != nil || do == nil {
		f.fail(BadField, "optimise %q: expected tree, array, array-master, partition, regular, halving, hypercube or best", name)
		return nil, f.err
	}
	return do(f)
}

func (f *fields) goal() Goal {
	g := Goal{Kind: f.text("objective", ET)}
	if g.Kind == GR {
		f.need("d1", "a number", &g.D1)
		f.need("d2", "a number", &g.D2)
	}
	return g
}

// span reads min and max; a given bound has to be at least 1.
func (f *fields) span() Range {
	r := Range{Min: f.int("min", 0), Max: f.int("max", 0)}
	if f.has("min") && r.Min < 1 || f.has("max") && r.Max < 1 {
		f.fail(BadSize, "min %d, max %d: expected at least 1", r.Min, r.Max)
	}
	return r
}

func searchTree(f *fields) (any, error) {
	stages, r := f.int("stages", 2), f.span()
	o := Options{Tests: f.tests(), Goal: f.goal()}
	single := f.kindOf("risk") != '['
	risk := f.vector("risk")
	if err := f.done(); err != nil {
		return nil, err
	}
	var c Choice
	var err error
	if single {
		c, err = BestTree(risk[0], stages, r, o)
	} else {
		c, err = BestOrdered(risk, stages, r, o)
	}
	if err != nil {
		return nil, err
	}
	a := answerChoice(c, o.Goal)
	if c.Order != nil { // per person in the order of the request
		a.Each = unsorted(a.Each, c.Order)
	}
	return a, nil
}

// unsorted puts per-person measures back into the order of the request.
func unsorted(e *eachOnes, order []int) *eachOnes {
	if e == nil {
		return nil
	}
	back := func(x figures) figures {
		out := make(figures, len(x))
		for i, who := range order {
			out[who] = x[i]
		}
		return out
	}
	return &eachOnes{back(e.Risk), back(e.PSe), back(e.PSp), back(e.PPPV), back(e.PNPV)}
}

func searchArray(f *fields) (any, error) {
	a := Array{Master: f.text("optimise", "") == "array-master" || f.flag("master"), Strict: f.flag("strict")}
	if a.Master && f.has("master") && !f.flag("master") {
		f.fail(BadField, "field \"master\": false with array-master: expected true")
	}
	r := f.span()
	o := ArrayOptions{Goal: f.goal(), Oblong: f.flag("oblong"), Persons: f.int("persons", 0)}
	f.arrayTests(&a)
	p := f.oneRisk()
	if err := f.done(); err != nil {
		return nil, err
	}
	c, err := BestArray(p, a, r, o)
	if err != nil {
		return nil, err
	}
	return answerChoice(c, o.Goal), nil
}

func searchPartition(f *fields) (any, error) {
	r := f.span()
	o := Options{Goal: f.goal()}
	pool, each := f.poolTests()
	o.Tests = []Test{pool, each}
	risk := f.vector("risk")
	if f.kindOf("risk") != '[' {
		f.fail(BadField, "field \"risk\": expected a list of numbers")
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	c, err := BestPartition(risk, r, o)
	if err != nil {
		return nil, err
	}
	a := answerChoice(c, o.Goal)
	a.Groups = groupsFrom1(Partition{Pools: c.Pools}.Groups(risk))
	return a, nil
}

// sizeSearch is an optimisation over one size, tried one by one.
type sizeSearch struct {
	goal     Goal
	min, max int // default range
	try      func(n int) (Char, error)
	note     func(a *choiceAnswer, n int) // writes the configuration
}

func (q sizeSearch) answer(r Range) (any, error) {
	r, err := r.or(q.min, q.max)
	if err != nil {
		return nil, err
	}
	if err := q.goal.check(); err != nil {
		return nil, err
	}
	best, size := Choice{}, 0
	for n := r.Min; n <= r.Max; n++ {
		c, err := q.try(n)
		if err != nil {
			return nil, err
		}
		v := q.goal.Value(c)
		if len(c.Each) == 1 {
			v = q.goal.each(c)
		}
		if size == 0 || v < best.Value-1e-13 {
			best, size = Choice{Char: c, Value: v}, n
		}
	}
	a := answerChoice(best, q.goal)
	q.note(&a, size)
	return a, nil
}

// searchRegular finds the pool size of a regular design.
func searchRegular(f *fields) (any, error) {
	g, r, p := Regular{R: f.size("r"), E: f.int("e", 0)}, f.span(), f.oneRisk()
	g.Pool, g.Each = f.poolTests()
	q := sizeSearch{goal: f.goal(), min: 2, max: 100}
	if err := f.done(); err != nil {
		return nil, err
	}
	q.try = func(n int) (Char, error) { g.S = n; return g.Char(p, 1) }
	q.note = func(a *choiceAnswer, n int) {
		a.R, a.S, a.Tests, a.Persons, a.Each = g.R, n, nil, 0, nil
	}
	return q.answer(r)
}

// searchHalving finds the number of persons of a halving in so many stages.
func searchHalving(f *fields) (any, error) {
	stages, r, p := f.size("stages"), f.span(), f.oneRisk()
	t := Tree{Tests: f.tests()}
	q := sizeSearch{goal: f.goal(), min: 2, max: 50}
	if err := f.done(); err != nil {
		return nil, err
	}
	if len(t.Tests) != 1 && len(t.Tests) != stages {
		return nil, refuse(BadAccuracy, "%d accuracies for %d stages: expected one, or one per stage", len(t.Tests), stages)
	}
	q.try = func(n int) (Char, error) {
		h, err := Halving(n, stages)
		if err != nil {
			return Char{}, err
		}
		return Tree{Stages: h, Tests: t.Tests}.trimmed().Char(Same(p, n))
	}
	q.note = func(a *choiceAnswer, n int) { a.Stages, _ = Halving(n, stages) }
	return q.answer(r)
}

// searchHypercube finds the side of a cube of d dimensions.
func searchHypercube(f *fields) (any, error) {
	h, r, p := Hypercube{D: f.size("d"), E: f.int("e", 0)}, f.span(), f.oneRisk()
	h.Pool, h.Each = f.poolTests()
	q := sizeSearch{goal: f.goal(), min: 2, max: 5}
	if err := f.done(); err != nil {
		return nil, err
	}
	q.try = func(n int) (Char, error) { h.L = n; return h.Char(p) }
	q.note = func(a *choiceAnswer, n int) { a.L, a.D = n, h.D }
	return q.answer(r)
}
