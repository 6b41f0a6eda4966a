package lims

import "slices"

// Move is one arrow of a state machine.
type Move[S, E ~string] struct {
	From S
	On   E
	To   S
}

// Table is a state machine: its arrows. The first Move's From is the state in which things begin.
type Table[S, E ~string] []Move[S, E]

// Next is the state that follows s on e, false where the table has no such arrow.
func (t Table[S, E]) Next(s S, e E) (S, bool) {
	for _, m := range t {
		if m.From == s && m.On == e {
			return m.To, true
		}
	}
	return s, false
}

// From lists the states from which e may happen. It feeds the SQL, so that Go and SQL cannot disagree.
func (t Table[S, E]) From(e E) []string {
	var from []string
	for _, m := range t {
		if m.On == e {
			from = append(from, string(m.From))
		}
	}
	return from
}

// To is the state that e leads to; every event of our tables leads to one state only.
func (t Table[S, E]) To(e E) S {
	for _, m := range t {
		if m.On == e {
			return m.To
		}
	}
	panic("no such event: " + string(e))
}

// States lists every state of the table in the order of its first appearance.
func (t Table[S, E]) States() []string {
	var all []string
	for _, m := range t {
		for _, s := range []S{m.From, m.To} {
			if !slices.Contains(all, string(s)) {
				all = append(all, string(s))
			}
		}
	}
	return all
}
