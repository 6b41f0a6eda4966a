package pcr

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// states walks every value that tells rules apart and asks for a state; it fills reach. False where it makes no sense
// to go on.
func (c *check) states() bool {
	before := len(c.out)
	for i, r := range c.k.States {
		c.predicates(r.Line, r.When, fmt.Sprintf("state rule %d", i+1))
		if c.t.state[i] > invState {
			c.fault(r.Line, "state %q: expected pos, neg, grey, inv or none", r.State)
		}
		if len(r.Targets) == 0 {
			c.fault(r.Line, "state rule %d: no targets", i+1)
		}
	}
	c.reach, c.used = make([][]int, len(c.k.Targets)), make([]bool, len(c.k.States))
	for i := range c.k.Targets {
		for _, inst := range c.instruments(i) {
			c.walk(i, inst)
		}
		if c.k.Replicates > 1 {
			c.reach[i] = append(c.reach[i], greyState) // replicates that disagree
		}
		slices.Sort(c.reach[i])
		c.reach[i] = slices.Compact(c.reach[i])
		if len(c.reach[i]) > 0 && c.reach[i][0] == 0 {
			c.reach[i] = c.reach[i][1:]
		}
		c.reach[i] = append(c.reach[i], 0) // not assessed comes last: what a fault names first should be a case that people meet
		if !slices.Contains(c.reach[i], posState) {
			c.fault(c.line(i), "target %s can never be pos", c.k.Targets[i].ID)
		}
	}
	for i, used := range c.used {
		if !used {
			c.warn(c.k.States[i].Line, "state rule %d never applies: no case reaches it", i+1)
		}
	}
	for _, f := range c.out[before:] {
		if !f.Warning {
			return false
		}
	}
	return true
}

const posState, negState, greyState, invState = 1, 2, 3, 4

func (c *check) instruments(i int) []string {
	if len(c.t.limits[i]) == 0 {
		return []string{""}
	}
	l := slices.Clone(c.t.limits[i])
	slices.Sort(l)
	return slices.Compact(l)
}

// line is where the last state rule of a target stands, or the target where it has none.
func (c *check) line(i int) int {
	if r := c.t.rules[i]; len(r) > 0 {
		return c.k.States[r[len(r)-1]].Line
	}
	return c.k.Targets[i].Line
}

// walk asks every value of a target on one instrument.
func (c *check) walk(i int, inst string) {
	a := c.k.Targets[i]
	firstNeg := map[Shape]float64{} // the lowest Ct that is negative, by curve
	told := map[string]bool{}
	once := func(line int, key, format string, args ...any) {
		if !told[key] {
			told[key] = true
			c.fault(line, format, args...)
		}
	}
	for _, v := range c.values(i) {
		s, rule := c.t.match(c.k, i, &v, inst)
		what := describe(v, inst)
		if rule == 0 {
			once(c.line(i), "gap", "target %s: %s has no state", a.ID, what)
			continue
		}
		c.used[rule-1] = true
		line := c.k.States[rule-1].Line
		c.reach[i] = append(c.reach[i], s)
		if v.State == NoCq && !c.t.call && s == posState {
			once(line, "none", "target %s: %s is pos", a.ID, what)
		}
		if a.Role != Virus {
			continue
		}
		if c.t.call && v.Call == strange && s == negState {
			once(line, "strange", "target %s: a call that the kit does not know is neg", a.ID)
		}
		if v.State != HasCq {
			continue
		}
		if low, ok := firstNeg[v.Curve]; ok && (s == posState || s == greyState) {
			once(line, "order", "target %s: Ct %g is neg but the later Ct %g is %s", a.ID, low, v.Cq, c.t.states[s])
		}
		if _, ok := firstNeg[v.Curve]; !ok && s == negState {
			firstNeg[v.Curve] = v.Cq
		}
	}
}

// strange is a word that no instrument says.
const strange = "a word that the kit does not know"

// values are Cq values on both sides of every limit, with every curve, and no Ct; or every word of the rules and one more.
func (c *check) values(i int) []Value {
	var cuts []float64
	var said []string
	for _, r := range c.t.rules[i] {
		for _, x := range c.k.States[r].When.Clauses {
			switch {
			case x.Num > 0:
				cuts = append(cuts, x.Num-0.01, x.Num, x.Num+0.01)
			case x.Range != nil:
				cuts = append(cuts, x.Range.Low-0.01, x.Range.Low, x.Range.High, x.Range.High+0.01)
			}
			said = append(said, x.Words...)
			if x.Op == "curve" {
				said = said[:len(said)-len(x.Words)]
			}
		}
	}
	slices.Sort(said)
	said = slices.Compact(said)
	if c.t.call || len(said) > 0 {
		said = append(said, strange)
	} else {
		said = []string{""}
	}
	cuts = append(cuts, 1, 15, maxCycles-1)
	sort.Float64s(cuts)
	var out []Value
	for _, w := range said {
		out = append(out, Value{State: NoCq, Call: w, Curve: Flat})
		if c.t.call {
			continue
		}
		for _, shape := range []Shape{Sigmoid, Drift, Flat} {
			for _, cq := range cuts {
				out = append(out, Value{State: HasCq, Cq: cq, Call: w, Curve: shape})
			}
		}
	}
	return out
}

func describe(v Value, inst string) string {
	s := "no Ct"
	if v.State == HasCq {
		s = fmt.Sprintf("Ct %g with curve %s", v.Cq, v.Curve)
	}
	if v.Call != "" {
		s = fmt.Sprintf("call %q", v.Call)
	}
	if inst != "" {
		s += " on " + inst
	}
	return s
}

// maxCombinations bounds the grid of a check: twelve targets with a grey zone and two attempts, a few seconds.
const maxCombinations = 40_000_000

// combinations asks the rules, without the guards of Call, about every combination of states and history.
func (c *check) combinations() {
	n, hist := 1, c.histories()
	for _, r := range c.reach {
		n *= len(r)
		if n*len(hist) > maxCombinations {
			c.fault(1, "more than %d combinations of states and histories", maxCombinations)
			return
		}
	}
	fired := make([]bool, len(c.k.Calls))
	told := make([]bool, len(c.k.Calls)+1)
	states := make([]int, len(c.k.Targets))
	vals := make([]*Value, len(c.k.Targets))
	for x := range n {
		for i, r := range c.reach {
			states[i] = r[x%len(r)]
			x /= len(r)
		}
		for h := range hist {
			for i, s := range states {
				vals[i] = &Value{State: NoCq}
				if s == posState || s == greyState {
					vals[i] = &Value{State: HasCq, Cq: 30, Curve: hist[h].curve}
				}
			}
			f := facts{states: states, values: vals, virus: c.t.virus, attempt: hist[h].ctx.Attempt, ctx: &hist[h].ctx}
			c.ask(&f, fired, told)
		}
	}
	for i, ok := range fired {
		if !ok && !c.k.Calls[i].Default {
			c.warn(c.k.Calls[i].Line, "rule %d never applies: no case reaches it", i+1)
		}
	}
}

func (c *check) ask(f *facts, fired, told []bool) {
	for i := range c.k.Calls {
		r := &c.k.Calls[i]
		if !r.Default && !r.When.hold(f) {
			continue
		}
		fired[i] = true
		if why := c.t.unsafe(r.Call, f.states); why != "" && !told[i] {
			told[i] = true
			c.fault(r.Line, "rule %d says %s: %s", i+1, r.Call, c.combination(f))
		}
		return
	}
	if last := len(told) - 1; !told[last] {
		told[last] = true
		line := 1
		if n := len(c.k.Calls); n > 0 {
			line = c.k.Calls[n-1].Line
		}
		c.fault(line, "no rule for %s: expected a last rule {default: true, call: review}", c.combination(f))
	}
}

// combination writes "ORF1ab neg, N grey, IC pos, attempt 1".
func (c *check) combination(f *facts) string {
	var p []string
	for i, s := range f.states {
		p = append(p, c.k.Targets[i].ID+" "+c.t.states[s])
	}
	p = append(p, fmt.Sprintf("attempt %d", f.attempt))
	if f.ctx.PriorAction != "" {
		p = append(p, "after "+f.ctx.PriorAction)
	}
	if f.ctx.PriorCall != "" {
		p = append(p, "was "+f.ctx.PriorCall)
	}
	return strings.Join(p, ", ")
}

type history struct {
	ctx   Context
	curve Shape
}

// histories are the attempts, earlier actions and calls that the rules tell apart, with and without a curve.
func (c *check) histories() []history {
	attempts, acts, was, curves := []int{1, 2}, []string{""}, []string{""}, []Shape{Sigmoid}
	var look func(x *Cond)
	look = func(x *Cond) {
		for _, n := range []*int{x.AttemptLT, x.AttemptGE} {
			if n != nil {
				attempts = append(attempts, max(1, *n-1), *n, *n+1)
			}
		}
		acts, was = append(acts, x.PriorAction...), append(was, x.PriorCall...)
		if len(x.Curve) > 0 {
			curves = []Shape{Sigmoid, Flat, Drift}
		}
		for i := range x.All {
			look(&x.All[i])
		}
		for i := range x.AnyOf {
			look(&x.AnyOf[i])
		}
		if x.Not != nil {
			look(x.Not)
		}
	}
	for i := range c.k.Calls {
		look(&c.k.Calls[i].When)
	}
	slices.Sort(attempts)
	slices.Sort(acts)
	slices.Sort(was)
	var out []history
	for _, n := range slices.Compact(attempts) {
		for _, a := range slices.Compact(acts) {
			for _, w := range slices.Compact(was) {
				for _, s := range curves {
					out = append(out, history{Context{Attempt: n, PriorAction: a, PriorCall: w}, s})
				}
			}
		}
	}
	return out
}
