package pcr

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"natlims/lims/plate"
)

// Check lists what is wrong with the kit, by line. Faults keep it from use; warnings do not. The rules:
//
//   - every value of every target has a state, every combination of states has a call, the last call rule is the default
//     and says review;
//   - no rule says negative while a virus target is not negative or a required internal control is not positive, and
//     none says invalid with a positive virus target;
//   - no Ct makes a virus target positive, no earlier Ct makes it negative where a later one does not, and a word of the
//     instrument that the kit does not know makes nothing negative;
//   - every test can be fulfilled, every figure is one that can be, every key is known and stands once;
//   - LOINC codes carry a valid check digit, targets stand in channels of their own, and the instruments named have them.
func (k *Kit) Check() []Fault {
	if k.table == nil {
		return []Fault{{Line: 1, Text: "not read from a kit file"}}
	}
	c := &check{k: k, t: k.table, out: slices.Clone(k.faults)}
	c.head()
	c.targets()
	c.controls()
	if c.states() && c.defaults() {
		c.combinations()
	}
	sort.SliceStable(c.out, func(i, j int) bool { return c.out[i].Line < c.out[j].Line })
	return c.out
}

type check struct {
	k     *Kit
	t     *table
	out   []Fault
	used  []bool  // by state rule: some value meets it
	reach [][]int // by target: the states that a value can have, None included
}

func (c *check) fault(line int, format string, a ...any) {
	c.out = append(c.out, Fault{Line: line, Text: fmt.Sprintf(format, a...)})
}

func (c *check) warn(line int, format string, a ...any) {
	c.out = append(c.out, Fault{Line: line, Text: fmt.Sprintf(format, a...), Warning: true})
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (c *check) head() {
	k := c.k
	if k.Signal != "ct" && k.Signal != "call" {
		c.fault(1, "signal %q: expected ct or call", k.Signal)
	}
	if k.Layout != "multiplex" && k.Layout != "singleplex" {
		c.fault(1, "layout %q: expected multiplex or singleplex", k.Layout)
	}
	if k.Status != Verified && k.Status != Unverified {
		c.fault(1, "status %q: expected verified or unverified", k.Status)
	}
	if k.Cycles < 0 || k.Cycles > maxCycles || k.PreCycles < 0 || k.PreCycles > maxCycles {
		c.fault(1, "cycles %d, pre_cycles %d: expected at most %d", k.Cycles, k.PreCycles, maxCycles)
	}
	if k.Replicates < 1 || k.Replicates > 8 {
		c.fault(1, "replicates %d: expected 1 to 8", k.Replicates)
	}
	if k.MaxPool < 0 || k.MaxPool > 50 {
		c.fault(1, "max_pool %d: expected 1 to 50", k.MaxPool)
	}
	if k.InsertHash != "" && !sha256Hex.MatchString(k.InsertHash) {
		c.fault(1, "insert_sha256 %q: expected 64 hex digits", k.InsertHash)
	}
	c.figures()
	if strings.HasPrefix(k.Digest, k.Version) {
		c.warn(1, "no version: %s, the start of the file's SHA-256, stands for it", k.Version)
	}
	for _, m := range k.Models {
		if miss := k.Missing(m); len(miss) > 0 {
			c.fault(1, "instrument %s has no channel %s", m, strings.Join(miss, ", "))
		}
	}
}

func (c *check) targets() {
	channel := map[string]string{}
	viruses, internal := 0, 0
	for _, a := range c.k.Targets {
		switch a.Role {
		case Virus:
			viruses++
		case Internal:
			internal++
		default:
			c.fault(a.Line, "target %s: role %q: expected virus or internal", a.ID, a.Role)
		}
		if a.Origin != "" && a.Origin != "endogenous" && a.Origin != "exogenous" {
			c.fault(a.Line, "target %s: origin %q: expected endogenous or exogenous", a.ID, a.Origin)
		}
		if a.Wells != "" && a.Wells != "own" {
			c.fault(a.Line, "target %s: wells %q: expected own", a.ID, a.Wells)
		}
		if a.Wells == "own" && c.k.Layout == "multiplex" { // some targets together and some alone: no plate is laid so
			c.fault(a.Line, "target %s: wells own: expected layout singleplex, where every target has its own", a.ID)
		}
		for what, code := range a.LOINC {
			if !LOINC(code) {
				c.fault(a.Line, "target %s: LOINC %s %q: expected digits, a hyphen and their check digit", a.ID, what, code)
			}
		}
		if a.Channel == "" || c.k.Layout == "singleplex" {
			continue
		}
		d := dyeName(a.Channel)
		if other := channel[d]; other != "" && !c.k.Shared {
			c.fault(a.Line, "target %s: channel %s is that of %s: say shared_channel: true if that is so", a.ID, a.Channel, other)
		}
		channel[d] = a.ID
	}
	if viruses == 0 {
		c.fault(1, "no target with role virus")
	}
	if internal == 0 && c.k.Signal == "ct" {
		c.warn(1, "no internal control: a negative proves nothing about the sample")
	}
}

func (c *check) controls() {
	ids := map[string]bool{}
	if len(c.k.Controls) == 0 {
		c.warn(1, "no controls: the general rules are used (negative: no virus target, positive: all)")
	}
	for _, x := range c.k.Controls {
		if x.ID == "" || ids[x.ID] {
			c.fault(x.Line, "control %q: expected an id that stands once", x.ID)
		}
		ids[x.ID] = true
		if x.PerPlate < 0 || x.PerBatch < 0 || x.PerSamples < 0 || max(x.PerPlate, x.PerBatch, x.PerSamples) > 384 {
			c.fault(x.Line, "control %s: per_plate_min %d, per_batch_min %d, per_samples %d: expected 0 to 384", x.ID, x.PerPlate, x.PerBatch, x.PerSamples)
		}
		if x.Scope != ScopePlate && x.Scope != ScopeBatch {
			c.fault(x.Line, "control %s: scope %q: expected plate or extraction_batch", x.ID, x.Scope)
		}
		switch x.OnFail {
		case FailPlate, FailBatch, FailReextract, FailAll:
		default:
			c.fault(x.Line, "control %s: on_fail %q: expected %s, %s, %s or %s", x.ID, x.OnFail, FailPlate, FailBatch, FailReextract, FailAll)
		}
		switch x.PlateRole() {
		case plate.Empty:
			c.warn(x.Line, "control %s: role not known from its id: say role: negative, positive, weak, ntc, nec or saline", x.ID)
		case plate.Negative, plate.Positive, plate.Weak, plate.NoTemplate, plate.Extraction, plate.Saline:
		default:
			c.fault(x.Line, "control %s: role %q: expected negative, positive, weak, ntc, nec or saline", x.ID, x.Role)
		}
		for id, test := range x.Expect {
			c.predicates(x.Line, test, "control "+x.ID+" target "+id)
		}
	}
}

func (c *check) predicates(line int, t Test, where string) {
	if t.Line > 0 {
		line = t.Line
	}
	if len(t.Clauses) == 0 {
		c.fault(line, "%s: no test: expected one such as {ct_lt: 38} or {any: true}", where)
		return
	}
	for _, x := range t.Clauses {
		if name, odd := strings.CutPrefix(x.Op, "unknown:"); odd {
			c.fault(line, "%s: unknown predicate %q", where, name)
			return
		}
		for _, w := range x.Words {
			if x.Op == "curve" && !shapes.holds(w) {
				c.fault(line, "%s: curve %q: expected one of %s", where, w, strings.Join(shapes, ", "))
			}
		}
		if c.k.Cycles > 0 && x.Num > float64(c.k.Cycles) {
			c.fault(line, "%s: %s: the run has %d cycles", where, x.text(english), c.k.Cycles)
		}
	}
	if !c.t.call && !t.possible() {
		c.fault(line, "%s: no value fulfils %s", where, t.String())
	}
}

// defaults asks for exactly one default, last, that says review.
func (c *check) defaults() bool {
	n := len(c.k.Calls)
	ok := true
	if n > 0 && !c.k.Calls[n-1].Default {
		c.fault(c.k.Calls[n-1].Line, "rule %d is the last: expected {default: true, call: review} after it", n)
	}
	for i, r := range c.k.Calls {
		switch {
		case r.Default && i < n-1:
			c.fault(r.Line, "rule %d is the default: expected it last", i+1)
			ok = false
		case r.Default && r.When.Line > 0:
			c.fault(r.Line, "rule %d has a condition and is the default: expected one of them", i+1)
		case r.Default && r.Call != Review:
			c.fault(r.Line, "the default says %q: expected review", r.Call)
		case !calls.holds(r.Call):
			c.fault(r.Line, "rule %d: call %q: expected one of %s", i+1, r.Call, strings.Join(calls, ", "))
		}
		for _, p := range Parts(r.Action) {
			if !actions.holds(p) {
				c.warn(r.Line, "rule %d: action %q is not one of %s", i+1, p, strings.Join(actions, ", "))
			}
		}
		if r.Call == Pending && r.Action == "" {
			c.fault(r.Line, "rule %d: pending without an action: expected what is to be done", i+1)
		}
		if !r.Default {
			c.odd(i, &c.k.Calls[i].When)
		}
	}
	return ok
}

var (
	calls   = words{Negative, Positive, Presumptive, Suspicious, Doubtful, Invalid, Pending, Review}
	actions = words{"reextract", "retest_eluate", "retest_sample", "retest_other_kit", "new_aliquot", "resample", "refer", "report_unable"}
)

func (c *check) odd(rule int, x *Cond) {
	for _, key := range x.odd {
		c.fault(x.Line, "rule %d: unknown condition %q", rule+1, key)
	}
	for _, w := range x.Curve {
		if !shapes.holds(w) {
			c.fault(x.Line, "rule %d: curve %q: expected one of %s", rule+1, w, strings.Join(shapes, ", "))
		}
	}
	for _, n := range []*int{x.AttemptLT, x.AttemptGE} {
		if n != nil && *n < 1 {
			c.fault(x.Line, "rule %d: attempt %d: the first attempt is 1", rule+1, *n)
		}
	}
	for _, list := range [][]Cond{x.All, x.AnyOf} {
		for i := range list {
			c.odd(rule, &list[i])
		}
	}
	if x.Not != nil {
		c.odd(rule, x.Not)
	}
	is := x.Is
	if x.Count != nil {
		is = append(slices.Clone(is), x.Count.Is...)
	}
	for _, s := range is {
		if !words(c.t.states).holds(plain(s)) {
			c.fault(x.Line, "rule %d: state %q: no state rule gives it", rule+1, s)
		}
	}
}

var loinc = regexp.MustCompile(`^\d{1,7}-\d$`)

// LOINC says whether a code has the form of a LOINC code and the right check digit (mod 10, LOINC Users' Guide appendix).
func LOINC(code string) bool {
	if !loinc.MatchString(code) {
		return false
	}
	body, sum := code[:len(code)-2], 0
	for i := range len(body) {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return (10-sum%10)%10 == int(code[len(code)-1]-'0')
}
