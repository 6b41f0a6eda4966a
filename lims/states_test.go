package lims_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
)

var update = flag.Bool("update", false, "draw the state machines into doc.go")

type table = lims.Table[lims.State, lims.Event]

// machine is a table with the states in which a thing may rest for good.
type machine struct {
	name  string
	moves table
	ends  []lims.State
}

var machines = []machine{
	{"order", lims.OrderMoves, []lims.State{lims.Final, lims.Cancelled}},
	{"sample", lims.SampleMoves, []lims.State{lims.Discarded}},
	{"pool", lims.PoolMoves, []lims.State{lims.Closed, lims.Dropped}},
	{"plate", lims.PlateMoves, []lims.State{lims.Accepted, lims.Void}},
	{"result", lims.ResultMoves, []lims.State{lims.Released, lims.Superseded, lims.Withdrawn}},
	{"message", lims.MessageMoves, []lims.State{lims.Recorded, lims.Ignored}},
	{"delivery", lims.DeliveryMoves, []lims.State{lims.Acknowledged}},
}

// reach is every state that can be reached from s, s itself included.
func reach(t table, s lims.State) map[lims.State]bool {
	seen := map[lims.State]bool{s: true}
	for grown := true; grown; {
		grown = false
		for _, m := range t {
			if seen[m.From] && !seen[m.To] {
				seen[m.To], grown = true, true
			}
		}
	}
	return seen
}

func TestEveryStateIsReachedAndCanEnd(t *testing.T) {
	t.Parallel()
	for _, m := range machines {
		all := m.moves.States()
		first := reach(m.moves, m.moves[0].From)
		for _, word := range all {
			s := lims.State(word)
			require.True(t, first[s], "%s: %s is never reached", m.name, s)
			after := reach(m.moves, s)
			require.True(t, slices.ContainsFunc(m.ends, func(e lims.State) bool { return after[e] }), "%s: %s never ends", m.name, s)
		}
		for _, e := range m.ends {
			require.Contains(t, all, string(e), m.name)
		}
	}
}

// The plate that was accepted, the result that was superseded and the like never move again: a correction is a new fact.
func TestEndsAreEnds(t *testing.T) {
	t.Parallel()
	for _, s := range []struct {
		name  string
		moves table
		at    lims.State
	}{{"order", lims.OrderMoves, lims.Cancelled}, {"sample", lims.SampleMoves, lims.Discarded}, {"plate", lims.PlateMoves, lims.Accepted},
		{"plate", lims.PlateMoves, lims.Void}, {"result", lims.ResultMoves, lims.Superseded}, {"result", lims.ResultMoves, lims.Withdrawn},
		{"message", lims.MessageMoves, lims.Recorded}, {"message", lims.MessageMoves, lims.Ignored}, {"delivery", lims.DeliveryMoves, lims.Acknowledged}} {
		require.Len(t, reach(s.moves, s.at), 1, "%s moves on from %s", s.name, s.at)
	}
	for _, m := range lims.ResultMoves {
		require.False(t, m.From == lims.Released && m.On != "amend", "a released result is amended, nothing else: %s", m.On)
		require.False(t, m.To == lims.Released && m.From != lims.Checked, "released without the first signature")
	}
}

func TestAnEventLeadsToOneState(t *testing.T) {
	t.Parallel()
	for _, m := range machines {
		to := map[lims.Event]lims.State{}
		arrows := map[string]bool{}
		for _, a := range m.moves {
			if s, ok := to[a.On]; ok {
				require.Equal(t, s, a.To, "%s: %s leads to two states", m.name, a.On)
			}
			to[a.On] = a.To
			key := string(a.From) + " " + string(a.On)
			require.False(t, arrows[key], "%s: %s stands twice", m.name, key)
			arrows[key] = true
			next, ok := m.moves.Next(a.From, a.On)
			require.True(t, ok)
			require.Equal(t, a.To, next)
			require.Equal(t, a.To, m.moves.To(a.On))
			require.Contains(t, m.moves.From(a.On), string(a.From))
		}
		for _, s := range m.moves.States() {
			for e := range to {
				next, ok := m.moves.Next(lims.State(s), e)
				require.Equal(t, arrows[s+" "+string(e)], ok, "%s: %s %s", m.name, s, e)
				if !ok {
					require.Equal(t, lims.State(s), next, "a refused event moves nothing")
				}
			}
		}
	}
	require.Empty(t, lims.PlateMoves.From("melt"))
	require.Panics(t, func() { lims.PlateMoves.To("melt") })
}

// TestDiagrams holds the drawings in doc.go to the tables.
func TestDiagrams(t *testing.T) {
	t.Parallel()
	const begin, end = "draws them anew):\n//\n", "package lims\n"
	b, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(b), begin)
	require.True(t, ok)
	var d strings.Builder
	for i, m := range machines {
		if i > 0 {
			d.WriteString("//\n")
		}
		d.WriteString(draw(m))
	}
	if *update {
		require.NoError(t, os.WriteFile("doc.go", []byte(head+begin+d.String()+end), 0o644))
		return
	}
	require.Equal(t, d.String()+end, rest, "run go test ./lims -run TestDiagrams -update")
}

// draw prints a machine, the arrows of a state under each other.
func draw(m machine) string {
	wide, far := 0, 0
	for _, a := range m.moves {
		wide, far = max(wide, len(a.From)), max(far, len(a.On))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "//\t%s\n", m.name)
	for _, s := range m.moves.States() {
		from := s
		for _, a := range m.moves {
			if string(a.From) == s {
				fmt.Fprintf(&b, "//\t  %-*s --%s--> %s\n", wide, from, string(a.On)+strings.Repeat("-", far-len(a.On)), a.To)
				from = ""
			}
		}
	}
	return b.String()
}
