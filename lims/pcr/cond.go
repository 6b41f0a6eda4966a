package pcr

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Cond is a condition on the states of a sample's targets and its history. Several keys in one Cond all hold.
type Cond struct {
	All         []Cond `yaml:"all"`
	AnyOf       []Cond `yaml:"any_of"`
	Not         *Cond  `yaml:"not"`
	Count       *Count `yaml:"count"`
	Target      string `yaml:"target"`
	TargetAny   words  `yaml:"target_any"`
	TargetAll   words  `yaml:"target_all"`
	Is          words  `yaml:"is"`
	AttemptLT   *int   `yaml:"attempt_lt"`
	AttemptGE   *int   `yaml:"attempt_ge"`
	PriorAction words  `yaml:"prior_action"`
	PriorCall   words  `yaml:"prior_call"`
	Curve       words  `yaml:"curve"` // of every virus target that has a Cq
	Any         bool   `yaml:"any"`
	Line        int    `yaml:"-"`

	odd []string // what is not understood: the condition never holds
	one []int    // indexes of Target, TargetAny, TargetAll
	is  uint     // set of states of Is
}

// Count asks how many targets are in one of the states.
type Count struct {
	Role    string `yaml:"role"`
	Targets words  `yaml:"targets"` // instead of Role
	Is      words  `yaml:"is"`
	Min     *int   `yaml:"min"`
	Max     *int   `yaml:"max"`

	of  []int
	is  uint
	odd []string
}

// UnmarshalYAML notes the line and the keys that are not known.
func (c *Cond) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return fmt.Errorf("line %d: expected a condition such as {target: N, is: [pos]}", n.Line)
	}
	type plain Cond
	if err := n.Decode((*plain)(c)); err != nil {
		return err
	}
	c.Line = n.Line
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		switch {
		case !condKeys[key]:
			c.odd = append(c.odd, key)
		case value.Kind == yaml.SequenceNode && len(value.Content) == 0:
			c.odd = append(c.odd, key+" of nothing")
		}
	}
	c.odd = append(c.odd, c.halves()...)
	return nil
}

// halves are conditions of which one half is missing: read as they stand they would hold always, or never.
func (c *Cond) halves() (odd []string) {
	named := c.Target != "" || len(c.TargetAny) > 0 || len(c.TargetAll) > 0
	switch {
	case named && len(c.Is) == 0:
		odd = append(odd, "target without is")
	case !named && len(c.Is) > 0:
		odd = append(odd, "is without target")
	}
	if n := c.Count; n != nil {
		odd = append(odd, n.odd...)
		if len(n.Is) == 0 {
			odd = append(odd, "count without is")
		}
		if n.Min != nil && (*n.Min < 0 || n.Max != nil && *n.Max < *n.Min) || n.Max != nil && *n.Max < 0 {
			odd = append(odd, "count with min above max or below 0")
		}
		if n.Role != "" && n.Role != Virus && n.Role != Internal {
			odd = append(odd, "count of role "+n.Role)
		}
	}
	return odd
}

// UnmarshalYAML notes the keys that are not known.
func (c *Count) UnmarshalYAML(n *yaml.Node) error {
	type plain Count
	if err := n.Decode((*plain)(c)); err != nil {
		return err
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		switch key := n.Content[i].Value; key {
		case "role", "targets", "is", "min", "max", "<<":
		default:
			c.odd = append(c.odd, "count "+key)
		}
	}
	return nil
}

var condKeys = map[string]bool{
	"all": true, "any_of": true, "not": true, "count": true, "target": true, "target_any": true, "target_all": true,
	"is": true, "attempt_lt": true, "attempt_ge": true, "prior_action": true, "prior_call": true, "curve": true,
	"any": true, "<<": true,
}

// facts are what conditions are asked about.
type facts struct {
	states  []int // state numbers by target, see table.states
	values  []*Value
	virus   []bool
	attempt int
	ctx     *Context
}

// hold asks the condition.
func (c *Cond) hold(f *facts) bool {
	if len(c.odd) > 0 {
		return false
	}
	for i := range c.All {
		if !c.All[i].hold(f) {
			return false
		}
	}
	if len(c.AnyOf) > 0 && !anyOf(c.AnyOf, f) {
		return false
	}
	if c.Not != nil && c.Not.hold(f) {
		return false
	}
	if c.Count != nil && !c.Count.hold(f) {
		return false
	}
	return c.targets(f) && c.history(f)
}

func anyOf(list []Cond, f *facts) bool {
	for i := range list {
		if list[i].hold(f) {
			return true
		}
	}
	return false
}

func (c *Cond) targets(f *facts) bool {
	if len(c.one) == 0 {
		return c.Target == "" && len(c.TargetAny) == 0 && len(c.TargetAll) == 0
	}
	hit := 0
	for _, t := range c.one {
		if c.is&(1<<uint(f.states[t])) != 0 {
			hit++
		}
	}
	if len(c.TargetAny) > 0 {
		return hit > 0
	}
	return hit == len(c.one)
}

func (c *Cond) history(f *facts) bool {
	switch {
	case c.AttemptLT != nil && f.attempt >= *c.AttemptLT,
		c.AttemptGE != nil && f.attempt < *c.AttemptGE,
		len(c.PriorAction) > 0 && !prior(c.PriorAction, f.ctx.PriorAction),
		len(c.PriorCall) > 0 && !c.PriorCall.holds(f.ctx.PriorCall):
		return false
	}
	if len(c.Curve) == 0 {
		return true
	}
	for i, v := range f.values {
		if f.virus[i] && v != nil && v.State == HasCq && !seen(c.Curve, v.Curve) {
			return false
		}
	}
	return true
}

// prior matches an action, also as a part of a joined one: reextract in reextract_and_retest_other_kit.
func prior(want words, did string) bool {
	if want.holds(did) {
		return true
	}
	for _, part := range Parts(did) {
		if want.holds(part) {
			return true
		}
	}
	return false
}

// Parts are the single steps of an action: "reextract_and_retest_other_kit" has two.
func Parts(action string) []string {
	if action == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(action, "_or_", "_and_"), "_and_")
}

func (c *Count) hold(f *facts) bool {
	n := 0
	for _, t := range c.of {
		if c.is&(1<<uint(f.states[t])) != 0 {
			n++
		}
	}
	min, max := c.bounds()
	return n >= min && n <= max
}

// bounds are min and max; a count without either asks for one.
func (c *Count) bounds() (min, max int) {
	min, max = 0, len(c.of)
	if c.Min == nil && c.Max == nil {
		min = 1
	}
	if c.Min != nil {
		min = *c.Min
	}
	if c.Max != nil {
		max = *c.Max
	}
	return min, max
}

// String writes the condition as in a decision table.
func (c *Cond) String() string { return c.text(english) }

func (c *Cond) text(say tongue) string {
	var p []string
	join := func(conds []Cond, sep string) string {
		s := make([]string, len(conds))
		for i := range conds {
			s[i] = conds[i].text(say)
		}
		return strings.Join(s, sep)
	}
	if len(c.All) > 0 {
		p = append(p, join(c.All, say("and")))
	}
	if len(c.AnyOf) > 0 {
		p = append(p, "("+join(c.AnyOf, say("or"))+")")
	}
	if c.Not != nil {
		p = append(p, say("not")+"("+c.Not.text(say)+")")
	}
	if c.Count != nil {
		p = append(p, c.Count.text(say))
	}
	p = append(p, c.single(say)...)
	if len(p) == 0 {
		return say("always")
	}
	return strings.Join(p, say("and"))
}

// single writes the conditions on single targets and on the history.
func (c *Cond) single(say tongue) (p []string) {
	is := states(c.Is, say)
	if c.Target != "" {
		p = append(p, c.Target+" "+is)
	}
	if len(c.TargetAny) > 0 {
		p = append(p, say("any of")+strings.Join(c.TargetAny, ", ")+" "+is)
	}
	if len(c.TargetAll) > 0 {
		p = append(p, say("all of")+strings.Join(c.TargetAll, ", ")+" "+is)
	}
	if c.AttemptLT != nil {
		p = append(p, fmt.Sprintf("%s < %d", say("attempt"), *c.AttemptLT))
	}
	if c.AttemptGE != nil {
		p = append(p, fmt.Sprintf("%s ≥ %d", say("attempt"), *c.AttemptGE))
	}
	if len(c.PriorAction) > 0 {
		p = append(p, say("after")+actionWords(c.PriorAction, say))
	}
	if len(c.PriorCall) > 0 {
		p = append(p, say("called before")+states(c.PriorCall, say))
	}
	if len(c.Curve) > 0 {
		p = append(p, say("every virus curve")+states(c.Curve, say))
	}
	for _, k := range c.odd {
		p = append(p, say("unknown condition")+k)
	}
	return p
}

func (c *Count) text(say tongue) string {
	who := say(c.Role + " targets")
	if len(c.Targets) > 0 {
		who = strings.Join(c.Targets, ", ")
	}
	min, max := c.bounds()
	who += " " + states(c.Is, say)
	switch {
	case max >= len(c.of):
		return fmt.Sprintf("%s ≥ %d", who, min)
	case min == max:
		return fmt.Sprintf("%s = %d", who, min)
	case min == 0:
		return fmt.Sprintf("%s ≤ %d", who, max)
	}
	return fmt.Sprintf("%s %d - %d", who, min, max)
}

func states(list words, say tongue) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = say(s)
	}
	return strings.Join(out, "/")
}

func actionWords(list words, say tongue) string {
	var out []string
	for _, a := range list {
		out = append(out, actionText(a, say))
	}
	return strings.Join(out, "/")
}

// actionText writes an action in words, joined steps one by one.
func actionText(a string, say tongue) string {
	if a == "" {
		return ""
	}
	sep := say("then")
	if strings.Contains(a, "_or_") {
		sep = say("or")
	}
	var out []string
	for _, p := range Parts(a) {
		out = append(out, say(p))
	}
	return strings.Join(out, sep)
}
