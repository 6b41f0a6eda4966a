package pcr

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Test is a condition on the value of one target: all its clauses hold.
type Test struct {
	Clauses []Clause
	Line    int
}

// Clause is one predicate: ct_lt, ct_le, ct_gt, ct_ge, each also with _or_none, no_ct, call_in, curve, lot_range, any.
type Clause struct {
	Op     string
	Num    float64
	OrNone bool
	Words  []string
	Range  *Range // of lot_range; nil: the range of the control lot in use
}

// Range is a closed interval of Cq values, in cycles.
type Range struct{ Low, High float64 }

// Holds says whether x lies in the range.
func (r Range) Holds(x float64) bool { return x >= r.Low && x <= r.High }

// answer is three-valued: what a value does not settle is never taken for a no.
type answer int

const (
	no answer = iota
	yes
	open
)

func given(b bool) answer {
	if b {
		return yes
	}
	return no
}

// words is a list of strings that may be written as one string.
type words []string

// UnmarshalYAML reads a scalar or a list.
func (w *words) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*w = words{n.Value}
		return nil
	}
	return n.Decode((*[]string)(w))
}

func (w words) holds(s string) bool {
	for _, x := range w {
		if x == s {
			return true
		}
	}
	return false
}

// UnmarshalYAML reads the word "none" or a map of predicates.
func (t *Test) UnmarshalYAML(n *yaml.Node) error {
	t.Line = n.Line
	if n.Kind == yaml.ScalarNode {
		switch n.Value {
		case "none":
			t.Clauses = []Clause{{Op: "no_ct"}}
			return nil
		case "any":
			t.Clauses = []Clause{{Op: "any"}}
			return nil
		}
		// A word of another kind never holds. Check refuses it.
		t.Clauses = []Clause{{Op: "unknown:" + n.Value}}
		return nil
	}
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return fmt.Errorf("line %d: expected predicates such as {ct_lt: 40}", n.Line)
	}
	content := n.Content
	for i := 0; i+1 < len(n.Content); i += 2 { // a merge is followed one step: deeper ones would let a file refer to itself
		if n.Content[i].Value == "<<" && n.Content[i+1].Kind == yaml.AliasNode && n.Content[i+1].Alias.Kind == yaml.MappingNode {
			content = append(append(append([]*yaml.Node{}, content[:i]...), content[i+2:]...), n.Content[i+1].Alias.Content...)
			break
		}
	}
	for i := 0; i+1 < len(content); i += 2 {
		c, err := readClause(content[i].Value, content[i+1])
		if err != nil {
			return err
		}
		t.Clauses = append(t.Clauses, c)
	}
	return nil
}

func readClause(key string, n *yaml.Node) (Clause, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	op, orNone := strings.CutSuffix(key, "_or_none")
	c := Clause{Op: op, OrNone: orNone}
	bad := func(want string) (Clause, error) {
		return c, fmt.Errorf("line %d: %s: %q: expected %s", n.Line, key, n.Value, want)
	}
	switch op {
	case "ct_lt", "ct_le", "ct_gt", "ct_ge":
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || !decimal(n.Value) || f <= 0 || f > maxCycles {
			return bad("a number of cycles")
		}
		c.Num = f
		return c, nil
	}
	if orNone {
		c.Op = key
	}
	switch c.Op {
	case "no_ct", "any":
		if n.Value != "true" {
			return bad("true")
		}
	case "call_in", "curve":
		var w words
		if err := w.UnmarshalYAML(n); err != nil {
			return bad("a word or a list of words")
		}
		c.Words = w
		for i := range w {
			w[i] = fold(w[i])
		}
	case "lot_range":
		return readRange(c, n)
	default:
		// An unknown predicate settles nothing: values that reach it stay "none". Check refuses it.
		c.Op = "unknown:" + key
	}
	return c, nil
}

// readRange reads [low, high] or {min:, max:}; anything else means the range of the control lot in use.
func readRange(c Clause, n *yaml.Node) (Clause, error) {
	var r Range
	switch n.Kind {
	case yaml.ScalarNode:
		return c, nil
	case yaml.SequenceNode:
		var two []float64
		if err := n.Decode(&two); err == nil && len(two) == 2 {
			r = Range{two[0], two[1]}
		}
	case yaml.MappingNode:
		var m struct{ Min, Max float64 }
		if err := n.Decode(&m); err == nil {
			r = Range{m.Min, m.Max}
		}
	}
	if r.Low <= 0 || r.High < r.Low {
		return c, fmt.Errorf("line %d: lot_range: expected true, [low, high] or {min: , max: }", n.Line)
	}
	c.Range = &r
	return c, nil
}

// fold makes the words of calls comparable: case, blanks, "_" and "-" do not count.
func fold(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == ' ' || r == '_' || r == '-' }), " ")
}

// hold asks a value. call says that the kit's signal is the instrument's call; lot is the range of the control lot.
func (t *Test) hold(v *Value, call bool, lot *Range) answer {
	if len(t.Clauses) == 0 {
		return open // a test that was left out says nothing
	}
	all := yes
	for i := range t.Clauses {
		switch t.Clauses[i].hold(v, call, lot) {
		case no:
			return no
		case open:
			all = open
		}
	}
	return all
}

func (c *Clause) hold(v *Value, call bool, lot *Range) answer {
	switch c.Op {
	case "any":
		if v.silent() && (!call || v.Call == "") {
			return open
		}
		return yes
	case "call_in":
		if v.Call == "" {
			return open
		}
		return given(words(c.Words).holds(fold(v.Call)))
	}
	if v.silent() { // of a Cq that cannot be read a curve says nothing either
		return open
	}
	if c.Op == "curve" {
		return given(seen(c.Words, v.Curve) && (v.State == HasCq || v.Curve != Unseen))
	}
	if v.State == NoCq {
		return given(c.OrNone || c.Op == "no_ct")
	}
	switch c.Op {
	case "no_ct":
		return no
	case "lot_range":
		r := lot
		if c.Range != nil {
			r = c.Range
		}
		if r == nil || v.Above {
			return open
		}
		return given(r.Holds(v.Cq))
	}
	return c.compare(v)
}

// compare asks a Cq that stands there. A lower bound settles "not below it" and "above less than it" only.
func (c *Clause) compare(v *Value) answer {
	if v.Above {
		switch {
		case (c.Op == "ct_lt" || c.Op == "ct_le") && v.Cq >= c.Num:
			return no
		case (c.Op == "ct_gt" || c.Op == "ct_ge") && v.Cq >= c.Num:
			return yes
		}
		return open
	}
	switch c.Op {
	case "ct_lt":
		return given(v.Cq < c.Num)
	case "ct_le":
		return given(v.Cq <= c.Num)
	case "ct_gt":
		return given(v.Cq > c.Num)
	case "ct_ge":
		return given(v.Cq >= c.Num)
	}
	return open
}

// seen matches a shape with the words of a rule. Where no amplification data came in, the Cq that the instrument
// gave stands for a curve, and the finding says so (Target.Taken): a rule may then still say positive, never negative.
func seen(list []string, s Shape) bool {
	for _, w := range list {
		switch Shape(w) {
		case Sigmoid:
			if s == Sigmoid || s == Unseen {
				return true
			}
		case Flagged:
			if s == Flagged || s == Drift || s == Late || s == Noise {
				return true
			}
		default:
			if s == Shape(w) {
				return true
			}
		}
	}
	return false
}

// String writes the test as in a decision table: "Ct <= 38 and curve sigmoid".
func (t Test) String() string { return t.text(english) }

func (t Test) text(say tongue) string {
	parts := make([]string, len(t.Clauses))
	for i, c := range t.Clauses {
		parts[i] = c.text(say)
	}
	return strings.Join(parts, say("and"))
}

var signs = map[string]string{"ct_lt": "<", "ct_le": "≤", "ct_gt": ">", "ct_ge": "≥"}

func (c Clause) text(say tongue) string {
	if s := signs[c.Op]; s != "" {
		out := "Ct " + s + " " + strconv.FormatFloat(c.Num, 'f', -1, 64)
		if c.OrNone {
			out += say("or no Ct")
		}
		return out
	}
	switch c.Op {
	case "no_ct":
		return say("no Ct")
	case "any":
		return say("anything else")
	case "call_in":
		return say("instrument says") + strings.Join(c.Words, " / ")
	case "curve":
		w := make([]string, len(c.Words))
		for i := range w {
			w[i] = say("curve " + c.Words[i])
		}
		return strings.Join(w, " / ")
	case "lot_range":
		if c.Range != nil {
			return fmt.Sprintf("Ct %g - %g", c.Range.Low, c.Range.High)
		}
		return say("range of the control lot")
	}
	return c.Op
}
