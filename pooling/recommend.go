package pooling

import (
	"math"
	"sort"
)

// Ask is a planning question. Zero means the default in brackets.
type Ask struct {
	Risk    float64 // mean risk of a person
	Persons int     // [1000; a pool or an array never holds more than are given]
	Wells   int     // free wells in the window, [no limit]
	Rounds  int     // that fit before the deadline [2]
	Cap     int     // largest pool, validated and allowed [10]
	Test    Test    // [Perfect] accuracy of every test
	Floor   float64 // least PSe [0]
	Late    float64 // share of persons who may need one round more [0]
	Prices  Prices  // [1 per test]
	// Cq and Dilution, when Cq is given, put the sensitivity integrated over the
	// laboratory's own Cq in the place of PSe for Floor and the price of misses.
	Cq       []float64
	Dilution Dilution

	fill int // persons whom one pool or array may hold
}

// Names of schemes in an Option.
const (
	OptSingle  = "single"
	OptDorfman = "dorfman"
	OptThree   = "three-stage"
	OptFour    = "four-stage"
	OptHalving = "halving"
	OptArray   = "array"
	OptMaster  = "array-master"
)

// Option is the best configuration of one scheme within the limits, or, when
// Refused is set, its cheapest configuration and the limit it breaks.
type Option struct {
	Scheme     string
	Stages     [][]int // hierarchical schemes
	Rows, Cols int     // arrays
	Char       Char
	Wells      int         // expected for all persons, rounded up
	Late       float64     // share of persons who need more rounds than there are
	Cost       float64     // per person
	PSe        float64     // what Floor is held against
	Cq         Sensitivity // over the Cq of the question, when it has any
	Refused    string      // rounds, sensitivity, wells
}

// Largest is the most persons in one pool of the option.
func (o Option) Largest() int {
	switch {
	case o.Scheme == OptMaster:
		return o.Rows * o.Cols
	case o.Rows > 0:
		return max(o.Rows, o.Cols)
	case len(o.Stages) > 0:
		return o.Stages[0][0]
	}
	return 1
}

// Advice is what Recommend found: options in order of preference, admissible
// ones first; Forward is how many persons another laboratory has to take when
// none is.
type Advice struct {
	Ask     Ask
	Options []Option
	Forward int
}

// Best is the recommended option; false when every one breaks a limit.
func (a Advice) Best() (Option, bool) {
	if len(a.Options) == 0 || a.Options[0].Refused != "" {
		return Option{}, false
	}
	return a.Options[0], true
}

// Recommend looks at every scheme and size within the limits and minimises the
// cost per person; ties go to fewer rounds, then to smaller pools.
func Recommend(q Ask) (Advice, error) {
	q = q.defaults()
	if err := q.check(); err != nil {
		return Advice{}, err
	}
	best := map[string]Option{}
	for _, o := range q.candidates() {
		q.judge(&o)
		if b, ok := best[o.Scheme]; !ok || better(o, b) {
			best[o.Scheme] = o
		}
	}
	a := Advice{Ask: q}
	for _, name := range []string{OptSingle, OptDorfman, OptThree, OptFour, OptHalving, OptArray, OptMaster} {
		if o, ok := best[name]; ok {
			a.Options = append(a.Options, o)
		}
	}
	sort.SliceStable(a.Options, func(i, j int) bool { return better(a.Options[i], a.Options[j]) })
	if a.Options[0].Refused != "" {
		a.Forward = a.forward()
	}
	return a, nil
}

// forward is how many persons do not fit when wells are what is missing.
func (a Advice) forward() int {
	for _, o := range a.Options {
		if o.Refused == "wells" {
			return a.Ask.Persons - int(float64(a.Ask.Wells)/o.Char.PerPerson())
		}
	}
	return a.Ask.Persons
}

// better puts admissible before refused, then cost, rounds, size.
func better(a, b Option) bool {
	if (a.Refused == "") != (b.Refused == "") {
		return a.Refused == ""
	}
	if rank := refusals[a.Refused] - refusals[b.Refused]; rank != 0 {
		return rank < 0
	}
	if math.Abs(a.Cost-b.Cost) > 1e-12 {
		return a.Cost < b.Cost
	}
	if a.Char.Rounds != b.Char.Rounds {
		return a.Char.Rounds < b.Char.Rounds
	}
	return a.Largest() < b.Largest()
}

// refusals in the order in which they can be lived with: wells can be borrowed.
var refusals = map[string]int{"": 0, "wells": 1, "rounds": 2, "sensitivity": 3}

func (q Ask) defaults() Ask {
	q.fill = orElse(q.Persons, maxPersons)
	q.Persons, q.Rounds, q.Cap = orElse(q.Persons, 1000), orElse(q.Rounds, 2), orElse(q.Cap, 10)
	if q.Test == (Test{}) {
		q.Test = Perfect
	}
	if q.Prices == (Prices{}) {
		q.Prices.Test = 1
	}
	return q
}

func (q Ask) check() error {
	if err := checkRisk(q.Risk); err != nil {
		return err
	}
	switch {
	case q.Persons < 1 || q.Wells < 0 || q.Rounds < 1 || q.Cap < 1:
		return refuse(BadSize, "persons %d, wells %d, rounds %d, cap %d: expected at least 1 (wells 0)", q.Persons, q.Wells, q.Rounds, q.Cap)
	case q.Persons > 1_000_000_000 || q.Cap > 100:
		return refuse(TooLarge, "persons %d, cap %d: expected at most 1e9 and 100", q.Persons, q.Cap)
	case !(q.Floor >= 0 && q.Floor <= 1 && q.Late >= 0 && q.Late <= 1):
		return refuse(BadField, "floor %v, late %v: expected 0..1", q.Floor, q.Late)
	}
	if err := q.Dilution.Check(); err != nil {
		return err
	}
	return q.Test.Check()
}

// judge prices an option and names the limit it breaks, the gravest first.
func (q Ask) judge(o *Option) {
	c := o.Char
	o.PSe = c.PSe
	if len(q.Cq) > 0 {
		o.Cq = q.Dilution.Chain(q.Cq, o.factors()...)
		o.PSe, c.PSe = o.Cq.Integrated, o.Cq.Integrated
	}
	o.Late = c.Late(q.Rounds)
	o.Cost = q.Prices.PerPerson(c, q.Risk, q.Rounds)
	o.Wells = int(math.Ceil(c.PerPerson()*float64(q.Persons) - 1e-9))
	switch {
	case o.PSe < q.Floor-1e-12:
		o.Refused = "sensitivity"
	case c.Rounds > q.Rounds && o.Late > q.Late, c.Rounds > q.Rounds+1:
		o.Refused = "rounds"
	case q.Wells > 0 && o.Wells > q.Wells:
		o.Refused = "wells"
	}
}

// factors are the dilutions a person's sample goes through. For arrays that is
// the strict rule, which every retest by the usual rule is at least as good as.
func (o Option) factors() []float64 {
	var f []float64
	if o.Scheme == OptMaster {
		f = append(f, float64(o.Rows*o.Cols))
	}
	if o.Rows > 0 {
		f = append(f, float64(o.Cols), float64(o.Rows))
	}
	for _, sizes := range o.Stages {
		if n := largest(sizes); n > 1 {
			f = append(f, float64(n))
		}
	}
	return append(f, 1)
}

func largest(x []int) int {
	m := 0
	for _, v := range x {
		m = max(m, v)
	}
	return m
}
