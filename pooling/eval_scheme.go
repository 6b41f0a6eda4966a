package pooling

// charAnswer is the answer to a scheme.
type charAnswer struct {
	Persons  int       `json:"persons,omitempty"`
	Tests    *num      `json:"expected_tests"`
	Per      num       `json:"tests_per_person"`
	Var      num       `json:"variance"`
	PSe      num       `json:"pse"`
	PSp      num       `json:"psp"`
	PPPV     num       `json:"pppv"`
	PNPV     num       `json:"pnpv"`
	Rounds   int       `json:"rounds"`
	Beyond   figures   `json:"beyond_round"` // share needing more than round 1, 2, …
	Aliquots num       `json:"transfers_per_person"`
	Saved    num       `json:"percent_reduction"`
	Gain     num       `json:"percent_capacity_increase"`
	Ratio    num       `json:"tests_per_correct"`
	Each     *eachOnes `json:"per_person,omitempty"`
	Order    []int     `json:"order,omitempty"` // persons in ascending order of risk
	Groups   [][]int   `json:"members,omitempty"`
}

type eachOnes struct {
	Risk figures `json:"risk"`
	PSe  figures `json:"pse"`
	PSp  figures `json:"psp"`
	PPPV figures `json:"pppv"`
	PNPV figures `json:"pnpv"`
}

const maxEach = 20_000 // persons listed one by one

func answerOf(c Char) charAnswer {
	tests := num(c.Tests)
	a := charAnswer{Persons: c.Persons, Tests: &tests, Per: num(c.PerPerson()), Var: num(c.Var),
		PSe: num(c.PSe), PSp: num(c.PSp), PPPV: num(c.PPPV), PNPV: num(c.PNPV), Rounds: c.Rounds,
		Beyond: nums(c.Beyond), Aliquots: num(c.Aliquots / float64(c.Persons)), Saved: num(c.Saved()), Gain: num(c.Gain())}
	if len(c.Each) == 1 {
		a.Ratio = num(Goal{Kind: MAR}.each(c))
	} else {
		a.Ratio = num(Goal{Kind: MAR}.Value(c))
	}
	if len(c.Each) == c.Persons && c.Persons <= maxEach {
		a.Each = &eachOnes{}
		for _, p := range c.Each {
			a.Each.Risk, a.Each.PSe, a.Each.PSp = append(a.Each.Risk, num(p.Risk)), append(a.Each.PSe, num(p.PSe)), append(a.Each.PSp, num(p.PSp))
			a.Each.PPPV, a.Each.PNPV = append(a.Each.PPPV, num(p.PPPV)), append(a.Each.PNPV, num(p.PNPV))
		}
	}
	return a
}

// characterised wraps the answer of a scheme.
func characterised(c Char, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return answerOf(c), nil
}

var schemes = map[string]func(*fields) (any, error){
	"tree": evalTree, "array": evalArray, "partition": evalPartition, "halving": evalHalving,
	"regular": evalRegular, "hypercube": evalHypercube, "two-disease": evalDuo, "design": evalDesign,
}

func evalScheme(f *fields) (any, error) {
	name := ""
	f.need("scheme", "a name", &name)
	do := schemes[name]
	if f.err != nil || do == nil {
		f.fail(BadField, "scheme %q: expected tree, array, partition, halving, regular, hypercube, design or two-disease", name)
		return nil, f.err
	}
	return do(f)
}

func evalTree(f *fields) (any, error) {
	t := Tree{Stages: f.lists("stages"), Tests: f.tests(), Rho: f.float("rho", 0)}
	n := 0
	if len(t.Stages) > 0 {
		n = sum(t.Stages[0])
	}
	risk := f.risks(n)
	if err := f.done(); err != nil {
		return nil, err
	}
	return characterised(t.Char(risk))
}

func evalHalving(f *fields) (any, error) {
	n, stages := f.size("n"), f.size("stages")
	t := Tree{Tests: f.tests(), Rho: f.float("rho", 0)}
	risk := f.risks(n)
	if err := f.done(); err != nil {
		return nil, err
	}
	var err error
	if t.Stages, err = Halving(n, stages); err != nil {
		return nil, err
	}
	if len(t.Tests) != 1 && len(t.Tests) != stages {
		return nil, refuse(BadAccuracy, "%d accuracies for %d stages: expected one, or one per stage", len(t.Tests), stages)
	}
	return characterised(t.trimmed().Char(risk))
}

func evalPartition(f *fields) (any, error) {
	p := Partition{Pools: f.ints("pools")}
	p.Pool, p.Each = f.poolTests()
	risk := f.risks(sum(p.Pools))
	if err := f.done(); err != nil {
		return nil, err
	}
	c, err := p.Char(risk)
	if err != nil {
		return nil, err
	}
	a := answerOf(c)
	a.Order = from1(Ascending(risk))
	a.Groups = groupsFrom1(p.Groups(risk))
	return a, nil
}

func groupsFrom1(groups [][]int) [][]int {
	out := make([][]int, len(groups))
	for i, g := range groups {
		out[i] = from1(g)
	}
	return out
}

func evalArray(f *fields) (any, error) {
	a := Array{Rows: f.size("rows"), Cols: f.size("cols"), Master: f.flag("master"), Strict: f.flag("strict"), Rho: f.float("rho", 0)}
	f.arrayTests(&a)
	risk := f.grid(a.Rows, a.Cols)
	if err := f.done(); err != nil {
		return nil, err
	}
	return characterised(a.Char(risk))
}

func evalRegular(f *fields) (any, error) {
	g := Regular{R: f.size("r"), S: f.size("s"), E: f.int("e", 0)}
	g.Pool, g.Each = f.poolTests()
	given, n := f.has("n"), f.int("n", 1)
	p := f.oneRisk()
	if err := f.done(); err != nil {
		return nil, err
	}
	c, err := g.Char(p, n)
	if err != nil {
		return nil, err
	}
	a := answerOf(c)
	if !given { // the design says nothing about how many persons there are
		a.Tests, a.Persons, a.Each = nil, 0, nil
	}
	return a, nil
}

func (f *fields) oneRisk() float64 {
	v := 0.0
	f.need("risk", "a number", &v)
	return v
}

func evalHypercube(f *fields) (any, error) {
	h := Hypercube{L: f.size("l"), D: f.size("d"), E: f.int("e", 0)}
	h.Pool, h.Each = f.poolTests()
	p := f.oneRisk()
	if err := f.done(); err != nil {
		return nil, err
	}
	return characterised(h.Char(p))
}

// evalDesign answers for pools that are listed one by one.
func evalDesign(f *fields) (any, error) {
	pools, n, e := f.members("pools"), f.int("n", 0), f.int("e", 0)
	pool, each := f.poolTests()
	highest := n
	for _, m := range pools {
		for _, who := range m {
			highest = max(highest, who+1)
		}
	}
	risk := f.risks(highest)
	if err := f.done(); err != nil {
		return nil, err
	}
	d, err := NewDesign(n, pools)
	if err != nil {
		return nil, err
	}
	return characterised(d.Char(risk, pool, each, e))
}

// evalDuo answers for both targets; the measures at the top are the first's.
func evalDuo(f *fields) (any, error) {
	var joint []float64
	f.need("joint", "four probabilities: --, +-, -+, ++", &joint)
	d := Duo{N: f.size("n")}
	t := f.tests()
	if len(joint) != 4 || len(t) > 2 {
		f.fail(BadField, "joint of %d, accuracy of %d: expected 4 and at most 2", len(joint), len(t))
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	d.Joint = [4]float64(joint)
	d.A, d.B = t[0], t[len(t)-1]
	a, b, err := d.Char()
	if err != nil {
		return nil, err
	}
	return struct {
		charAnswer
		Second charAnswer `json:"second"`
	}{answerOf(a), answerOf(b)}, nil
}
