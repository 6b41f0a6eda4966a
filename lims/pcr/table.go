package pcr

import (
	"fmt"
	"strings"
)

// table is a kit made ready for calling: names turned into indexes, rule texts written once.
type table struct {
	key     string           // of the kit as it was read
	limited bool             // some rule is limited to instruments
	index   map[string]int   // target id -> index
	states  []string         // state number -> name; 0 is none
	rules   [][]int          // by target: indexes of its state rules
	limits  [][]string       // by target: instruments named in its rules, folded
	inst    [][]string       // by state rule: instruments, folded
	state   []int            // by state rule: state number
	roles   []string         // by target
	virus   []bool           // by target
	needed  []bool           // by target: internal control that a negative needs
	texts   []string         // by call rule
	tests   []string         // by state rule
	names   map[string][]int // folded name or alias -> target indexes; see alias.go
	dyes    map[string][]int
	call    bool // the signal is the instrument's call
}

// maxTargets bounds the targets of a kit; maxRules its rules.
const (
	maxTargets = 12
	maxRules   = 400
	maxStates  = 30
)

func compile(k *Kit) (*table, error) {
	if len(k.Targets) == 0 || len(k.Targets) > maxTargets {
		return nil, fmt.Errorf("%d targets: expected 1 to %d", len(k.Targets), maxTargets)
	}
	if len(k.States) > maxRules || len(k.Calls) > maxRules || len(k.Controls) > maxRules {
		return nil, fmt.Errorf("more than %d rules", maxRules)
	}
	t := &table{key: k.Key(), index: map[string]int{}, states: []string{None, Pos, Neg, Grey, Inv}, call: k.Signal == "call"}
	t.rules = make([][]int, len(k.Targets))
	t.limits = make([][]string, len(k.Targets))
	for i, a := range k.Targets {
		if _, dup := t.index[a.ID]; dup || a.ID == "" {
			return nil, fmt.Errorf("line %d: target %q: expected an id that stands once", a.Line, a.ID)
		}
		t.index[a.ID] = i
		t.roles = append(t.roles, a.Role)
		t.virus = append(t.virus, a.Role == Virus)
		t.needed = append(t.needed, a.Needed())
	}
	if err := t.compileStates(k); err != nil {
		return nil, err
	}
	for i := range k.Calls {
		r := &k.Calls[i]
		if err := t.compileCond(&r.When); err != nil {
			return nil, err
		}
		text := r.When.String()
		if r.Default {
			text = "nothing above applies"
		}
		t.texts = append(t.texts, text)
	}
	for _, c := range k.Controls {
		for id := range c.Expect {
			if _, ok := t.index[id]; !ok {
				return nil, fmt.Errorf("line %d: control %s: target %q is not in the kit", c.Line, c.ID, id)
			}
		}
	}
	t.alias(k)
	return t, nil
}

func (t *table) compileStates(k *Kit) error {
	for i, r := range k.States {
		var inst []string
		for _, name := range r.Instruments {
			inst = append(inst, model(name))
			t.limited = true
		}
		t.inst = append(t.inst, inst)
		n, err := t.stateNumber(r.State)
		if err != nil {
			return fmt.Errorf("line %d: %w", r.Line, err)
		}
		t.state = append(t.state, n)
		t.tests = append(t.tests, r.When.String())
		for _, id := range r.Targets {
			x, ok := t.index[id]
			if !ok {
				return fmt.Errorf("line %d: target %q is not in the kit", r.Line, id)
			}
			t.rules[x] = append(t.rules[x], i)
			t.limits[x] = append(t.limits[x], inst...)
		}
	}
	return nil
}

// stateNumber numbers a state. A state that is none of the five is carried along; Check refuses it.
func (t *table) stateNumber(s string) (int, error) {
	if s == "" {
		return 0, fmt.Errorf("state %q: expected pos, neg, grey, inv or none", s)
	}
	for i, have := range t.states {
		if have == plain(s) {
			return i, nil
		}
	}
	if len(t.states) == maxStates {
		return 0, fmt.Errorf("more than %d states", maxStates)
	}
	t.states = append(t.states, s)
	return len(t.states) - 1, nil
}

func (t *table) set(is words) (set uint) {
	for i, s := range t.states {
		for _, w := range is {
			if plain(w) == s {
				set |= 1 << uint(i)
			}
		}
	}
	return set
}

// plain brings the longer words for a state onto the short ones.
func plain(s string) string {
	switch fold(s) {
	case "positive":
		return Pos
	case "negative":
		return Neg
	case "invalid":
		return Inv
	case "na", "n/a", "not assessed", "missing":
		return None
	case "gray":
		return Grey
	}
	return s
}

func (t *table) compileCond(c *Cond) error {
	for _, list := range [][]Cond{c.All, c.AnyOf} {
		for i := range list {
			if err := t.compileCond(&list[i]); err != nil {
				return err
			}
		}
	}
	if c.Not != nil {
		if err := t.compileCond(c.Not); err != nil {
			return err
		}
	}
	c.is = t.set(c.Is)
	c.one = c.one[:0]
	for _, id := range append(append(words{}, c.TargetAny...), c.TargetAll...) {
		x, ok := t.index[id]
		if !ok {
			return fmt.Errorf("line %d: target %q is not in the kit", c.Line, id)
		}
		c.one = append(c.one, x)
	}
	if c.Target != "" {
		x, ok := t.index[c.Target]
		if !ok {
			return fmt.Errorf("line %d: target %q is not in the kit", c.Line, c.Target)
		}
		c.one = append(c.one, x)
	}
	if c.Count == nil {
		return nil
	}
	n := c.Count
	n.is, n.of = t.set(n.Is), n.of[:0]
	for i := range t.virus {
		if len(n.Targets) == 0 && (n.Role == "" || n.Role == t.roles[i]) {
			n.of = append(n.of, i)
		}
	}
	for _, id := range n.Targets {
		x, ok := t.index[id]
		if !ok {
			return fmt.Errorf("line %d: target %q is not in the kit", c.Line, id)
		}
		n.of = append(n.of, x)
	}
	return nil
}

// model makes names of instruments comparable: letters and digits only, without the maker.
func model(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') || r > 127 && r != '™' && r != '®' {
			b.WriteRune(r)
		}
	}
	out := b.String()
	for _, maker := range []string{"appliedbiosystems", "thermofisher", "thermo", "biorad", "abi", "roche"} {
		out = strings.TrimPrefix(out, maker)
	}
	for _, tail := range []string{"touch", "system", "realtimepcrsystem"} {
		out = strings.TrimSuffix(out, tail)
	}
	if rest, ok := strings.CutPrefix(out, "qs"); ok && rest != "" {
		out = "quantstudio" + rest
	}
	return out
}
