package pcr

import (
	"strconv"
	"strings"
)

// Call says what the kit says of one sample, by target id. It is total and deterministic. Safety holds for every kit,
// also one that was never checked: "negative" needs every virus target negative and every required internal control
// positive, "invalid" never stands beside a positive target; a rule that says otherwise ends in "review".
func (k *Kit) Call(readings map[string]Value, ctx Context) Call {
	t := k.ready()
	values := make([]Value, len(k.Targets))
	for i := range k.Targets {
		values[i] = readings[k.Targets[i].ID]
	}
	return k.say(t, [][]Value{values}, &ctx)
}

// CallWells is Call for a sample that stands in several wells: one target a well (singleplex), or replicates.
// Replicates must agree: a target that is positive in one well and negative in another is grey.
func (k *Kit) CallWells(wells []map[string]Value, ctx Context) Call {
	t := k.ready()
	rows := make([][]Value, 0, len(wells))
	for _, w := range wells {
		row := make([]Value, len(k.Targets))
		for i := range k.Targets {
			row[i] = w[k.Targets[i].ID]
		}
		rows = append(rows, row)
	}
	return k.say(t, rows, &ctx)
}

// CallRows is CallWells for callers that hold the values in the order of Targets already.
func (k *Kit) CallRows(rows [][]Value, ctx Context) Call { return k.say(k.ready(), rows, &ctx) }

// ready is the compiled table. A Kit that did not come from Read has no rules that could be trusted: it calls everything "review".
func (k *Kit) ready() *table {
	if k.table != nil {
		return k.table
	}
	n := len(k.Targets)
	return &table{states: []string{None}, rules: make([][]int, n), limits: make([][]string, n), roles: make([]string, n),
		virus: make([]bool, n), needed: make([]bool, n)}
}

func (k *Kit) say(t *table, rows [][]Value, ctx *Context) Call {
	var (
		nums  [maxTargets]int
		vals  [maxTargets]*Value
		n     = min(len(k.Targets), maxTargets)
		f     = facts{states: nums[:n], values: vals[:n], virus: t.virus, attempt: max(ctx.Attempt, 1), ctx: ctx}
		out   = Call{Kit: t.name(k), Call: Review, Targets: make(Findings, n)}
		inst  string
		found = make([]byte, 0, 96) // the findings in words
	)
	if t.limited {
		inst = model(ctx.Instrument)
	}
	for i := range n {
		num, v, x := t.over(k, i, rows, inst)
		nums[i], vals[i], x.State = num, v, t.states[num]
		out.Targets[i] = Finding{ID: k.Targets[i].ID, Target: x}
		found = appendFinding(found, k.Targets[i].ID, x, k.Cycles)
	}
	for i := range t.texts {
		if r := &k.Calls[i]; r.Default || r.When.hold(&f) {
			out.Call, out.Action, out.Rule = r.Call, r.Action, i+1
			break
		}
	}
	unsafe := t.unsafe(out.Call, f.states)
	out.Why = t.why(out.Rule, unsafe, found, f.attempt)
	if unsafe != "" {
		out.Call, out.Action, out.Rule = Review, "", 0
	}
	return out
}

// name is the kit's key without making it anew; a copy may have been given another version.
func (t *table) name(k *Kit) string {
	if n := len(k.ID); len(t.key) == n+1+len(k.Version) && t.key[:n] == k.ID && t.key[n+1:] == k.Version {
		return t.key
	}
	return k.Key()
}

// why writes "rule 3: virus targets − ≥ 2 and IC + (ORF1ab NoCt neg, N NoCt neg, IC 24.50 pos)".
func (t *table) why(rule int, unsafe string, found []byte, attempt int) string {
	b := make([]byte, 0, 160)
	if rule == 0 {
		b = append(b, "no rule covers this"...)
	} else {
		b = append(b, "rule "...)
		b = strconv.AppendInt(b, int64(rule), 10)
		b = append(b, ": "...)
		b = append(b, t.texts[rule-1]...)
	}
	if unsafe != "" {
		b = append(b, "; "...)
		b = append(b, unsafe...)
	}
	b = append(b, " ("...)
	b = append(b, found...)
	if attempt > 1 {
		b = append(b, ", attempt "...)
		b = strconv.AppendInt(b, int64(attempt), 10)
	}
	return string(append(b, ')'))
}

// unsafe says why a call must not stand, "" where it may.
func (t *table) unsafe(call string, states []int) string {
	viruses := 0
	for i, s := range states {
		if t.virus[i] {
			viruses++
		}
		switch {
		case call == Negative && t.virus[i] && s != negState:
			return "refused: negative with a virus target that is not negative"
		case call == Negative && t.needed[i] && s != posState && s <= invState:
			return "refused: negative without its internal control"
		case call == Invalid && t.virus[i] && s == posState:
			return "refused: invalid with a positive target"
		}
	}
	if call == Negative && viruses == 0 {
		return "refused: negative without a virus target"
	}
	return ""
}

// over is the state of one target over the wells of a sample, and the value that stands for it; nil where no well measures it.
func (t *table) over(k *Kit, i int, rows [][]Value, inst string) (num int, v *Value, out Target) {
	seen := 0
	for _, row := range rows {
		if i >= len(row) {
			continue
		}
		w := &row[i]
		if w.silent() && w.Call == "" && k.Layout == "singleplex" {
			continue // another target's well
		}
		s, rule := t.find(k, i, w, inst)
		one := Target{Cq: w.Cq, HasCq: w.State == HasCq, CqText: w.Text, Rule: rule, Curve: w.Curve, Word: w.Call}
		one.Taken = w.Curve == Unseen && one.HasCq && rule > 0 && k.asksCurve(rule)
		switch {
		case seen == 0:
			num, v, out = s, w, one
		case s == 0 || num == 0:
			num, out.Rule = 0, 0 // a replicate that says nothing leaves the target not assessed
		case s != num:
			num, out.Rule = greyState, 0 // replicates that disagree: grey
		}
		if seen > 0 && one.HasCq && (!out.HasCq || one.Cq < out.Cq) {
			out.Cq, out.HasCq, out.CqText, v = one.Cq, true, one.CqText, w
		}
		seen++
	}
	return num, v, out
}

func (k *Kit) asksCurve(rule int) bool {
	for _, c := range k.States[rule-1].When.Clauses {
		if c.Op == "curve" {
			return true
		}
	}
	return false
}

// find is the state of one value. Where rules are limited to instruments and this one is not named, a state counts
// only if all named instruments agree on it: a cut-off is never borrowed.
func (t *table) find(k *Kit, i int, v *Value, inst string) (state, rule int) {
	limits := t.limits[i]
	if len(limits) == 0 || words(limits).holds(inst) {
		return t.match(k, i, v, inst)
	}
	for n, name := range limits {
		s, r := t.match(k, i, v, name)
		if n == 0 {
			state, rule = s, r
		} else if s != state {
			return 0, 0
		}
	}
	return state, rule
}

func (t *table) match(k *Kit, i int, v *Value, inst string) (state, rule int) {
	for _, r := range t.rules[i] {
		if len(t.inst[r]) > 0 && !words(t.inst[r]).holds(inst) {
			continue
		}
		switch k.States[r].When.hold(v, t.call, nil) {
		case yes:
			return t.state[r], r + 1
		case open:
			return 0, 0 // the value does not settle this rule, so no later rule may speak
		}
	}
	return 0, 0
}

// appendFinding writes "ORF1ab 31.20 pos".
func appendFinding(b []byte, id string, f Target, cycles int) []byte {
	if len(b) > 0 {
		b = append(b, ", "...)
	}
	b = append(b, id...)
	b = append(b, ' ')
	switch {
	case f.CqText != "":
		b = append(b, f.CqText...)
		b = append(b, ' ')
	case f.HasCq:
		b = strconv.AppendFloat(b, f.Cq, 'f', 2, 64)
		b = append(b, ' ')
	case f.Word != "":
		b = append(b, strings.TrimSpace(f.Word)...)
		b = append(b, ' ')
	}
	b = append(b, f.State...)
	if f.HasCq && f.Curve != Unseen && f.Curve != Sigmoid {
		b = append(b, " curve "...)
		b = append(b, string(f.Curve)...)
	}
	if f.HasCq && cycles > 0 && f.Cq > float64(cycles) {
		b = append(b, " beyond the last cycle"...)
	}
	return b
}
