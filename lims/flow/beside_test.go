package flow_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/sim"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// A plate that was read and signed for is run again and says something else of a tube. The second run stands beside the first, a supervisor
// is asked, and nothing else changes. What does not fit the plate is parked as before.
func TestPlateRunAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRoom(t)
	m := r.plateRun(t)
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Equal(t, "negative called", r.said("P-1"))
	raw, err := r.st.MessageBytes(ctx, r.chief, m.ID)
	require.NoError(t, err)
	results, calls := r.count(`SELECT count(*) FROM results`), r.count(`SELECT count(*) FROM calls`)

	inst := int64(r.count(`SELECT instrument_id FROM messages WHERE id = $1`, m.ID))
	same := r.hear(inst, "again.txt", string(raw)+"\n")
	require.Equal(t, "recorded", same.State, "%s %s", same.Code, same.Args)
	require.Equal(t, 0, r.count(`SELECT count(*) FROM disputes`), "it says the same")
	require.Equal(t, 2*calls, r.count(`SELECT count(*) FROM calls`))

	layout, err := r.st.Layout(ctx, int64(r.count(`SELECT id FROM plates`)))
	require.NoError(t, err)
	cycler, err := sim.Find("quantstudio")
	require.NoError(t, err)
	texts, err := cycler.Messages(sim.Plate{Layout: layout, Ended: r.now.Add(time.Hour), Cycles: 45,
		Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}},
		Truth:   truth(layout, func(code string) bool { return code == "P-1" })})
	require.NoError(t, err)
	second := r.hear(inst, "second.txt", string(texts[0].Bytes))
	require.Equal(t, "recorded", second.State, "%s %s", second.Code, second.Args)
	require.Equal(t, 2, r.count(`SELECT count(*) FROM disputes WHERE settled_at IS NULL AND (code, old_call, new_call) IN (('P-1','negative','positive'), ('P-2','positive','negative'))`))
	require.Equal(t, 2, r.count(`SELECT count(*) FROM disputes`))
	require.Equal(t, "negative called", r.said("P-1"))
	require.Equal(t, results, r.count(`SELECT count(*) FROM results`))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM plates WHERE state = 'accepted'`))

	strange := r.hear(inst, "strange.txt", strings.ReplaceAll(string(texts[0].Bytes), "P-3", "P-9"))
	require.Equal(t, "parked plate.already_read", strange.State+" "+strange.Code)
}

// again is what a cycler writes of some wells of a plate: those of the codes, all without any.
func again(t *testing.T, model string, layout plate.Layout, ended time.Time, says func(code, target string) (float64, bool), codes ...string) []sim.Message {
	t.Helper()
	if len(codes) > 0 {
		layout.Wells = slices.DeleteFunc(slices.Clone(layout.Wells), func(w plate.Well) bool { return !slices.Contains(codes, w.Code) })
		require.Len(t, layout.Wells, len(codes))
	}
	m, err := sim.Find(model)
	require.NoError(t, err)
	texts, err := m.Messages(sim.Plate{Assay: "NCOV", Layout: layout, Ended: ended, Cycles: 45,
		Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}}, Truth: says})
	require.NoError(t, err)
	return texts
}

// coded is the code of the control of that role.
func coded(t *testing.T, l plate.Layout, role plate.Role) string {
	t.Helper()
	at := slices.IndexFunc(l.Wells, func(w plate.Well) bool { return w.Role == role })
	require.GreaterOrEqual(t, at, 0, role)
	return l.Wells[at].Code
}

// dead is a run whose positive controls show nothing.
func dead(l plate.Layout, rest func(code, target string) (float64, bool)) func(code, target string) (float64, bool) {
	none := map[string]bool{}
	for _, w := range l.Wells {
		none[w.Code] = w.Role == plate.Positive || w.Role == plate.Weak
	}
	return func(code, target string) (float64, bool) {
		if none[code] {
			return 0, false
		}
		return rest(code, target)
	}
}

// Some wells of a plate are run again: what they say otherwise is asked of a person, what they leave out is not. Where the controls of a
// further run fail, the laboratory is told once and nothing is asked of the wells.
func TestWellsRunAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRoom(t)
	m := r.plateRun(t)
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	inst := int64(r.count(`SELECT instrument_id FROM messages WHERE id = $1`, m.ID))
	layout, err := r.st.Layout(ctx, int64(r.count(`SELECT id FROM plates`)))
	require.NoError(t, err)
	asBefore, turned := truth(layout, func(code string) bool { return code == "P-2" }), truth(layout, func(code string) bool { return code == "P-1" })
	positive, negative := coded(t, layout, plate.Positive), coded(t, layout, plate.Negative)
	results := r.count(`SELECT count(*) FROM results`)
	for _, c := range []struct {
		name              string
		says              func(code, target string) (float64, bool)
		codes             []string
		calls             int
		disputes, notices int
	}{
		{"the same", asBefore, []string{"P-1", "P-2"}, 2, 0, 0},
		{"otherwise, without controls", turned, []string{"P-1", "P-3"}, 2, 1, 0},
		{"otherwise, with controls", turned, []string{"P-1", "P-2", "P-3", positive, negative}, 3, 2, 0},
		{"a control failed", dead(layout, turned), []string{"P-1", "P-2", positive}, 2, 0, 1},
		{"all wells, controls failed", dead(layout, turned), nil, 4, 0, 1},
		{"a control alone", asBefore, []string{negative}, 0, 0, 0},
	} {
		disputes, notices := r.count(`SELECT count(*) FROM disputes`), r.count(`SELECT count(*) FROM alerts WHERE kind = 'control_failed'`)
		calls, runs := r.count(`SELECT count(*) FROM calls`), r.count(`SELECT count(*) FROM runs`)
		r.now = r.now.Add(time.Hour)
		h := r.hear(inst, c.name, string(again(t, "quantstudio", layout, r.now, c.says, c.codes...)[0].Bytes))
		require.Equal(t, "recorded", h.State, "%s: %s %s", c.name, h.Code, h.Args)
		require.Equal(t, runs+1, r.count(`SELECT count(*) FROM runs`), c.name)
		require.Equal(t, calls+c.calls, r.count(`SELECT count(*) FROM calls`), c.name)
		require.Equal(t, disputes+c.disputes, r.count(`SELECT count(*) FROM disputes`), c.name)
		require.Equal(t, notices+c.notices, r.count(`SELECT count(*) FROM alerts WHERE kind = 'control_failed'`), c.name)
		said, err := r.line.Replay(ctx, r.chief, h.ID, false)
		require.NoError(t, err)
		require.True(t, said.Same(), "%s, read again: %+v", c.name, said)
	}
	require.Equal(t, 2, r.count(`SELECT count(*) FROM disputes WHERE code = 'P-1' AND old_call = 'negative' AND new_call = 'positive'`))
	require.Equal(t, 2, r.count(`SELECT count(*) FROM alerts WHERE key LIKE 'beside_failed:%' AND args->>'case' = 'beside' AND lab_id = $1`, r.lab))
	require.Equal(t, "negative called", r.said("P-1"))
	require.Equal(t, results, r.count(`SELECT count(*) FROM results`))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM plates WHERE state = 'accepted'`))

	strange := string(again(t, "quantstudio", layout, r.now, asBefore, "P-1", "P-2")[0].Bytes)
	h := r.hear(inst, "strange", strings.ReplaceAll(strange, "P-2", "P-9"))
	require.Equal(t, "parked plate.already_read", h.State+" "+h.Code)
}

// An analyser that tells each tube of a plate in a message of its own tests two of them again.
func TestTubesOfPlateRunAgain(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	codes := []string{"S-0001", "S-0002", "S-0003"}
	r.tubes(codes...)
	m, err := sim.Find("m2000-tubes")
	require.NoError(t, err)
	inst := r.instrument(store.Instrument{Code: "A-1", Model: m.Name, Line: "push", Protocol: string(m.Wire)}, store.Work{})
	layout := r.running(codes, inst)
	for _, text := range again(t, m.Name, layout, r.now, truth(layout, func(string) bool { return false })) {
		r.hear(inst, "", string(text.Bytes))
	}
	require.Equal(t, "negative called", r.said("S-0001"), r.states())
	r.now = r.now.Add(time.Hour)
	for _, text := range again(t, m.Name, layout, r.now, truth(layout, func(code string) bool { return code == "S-0002" }), "S-0001", "S-0002") {
		h := r.hear(inst, "", string(text.Bytes))
		require.Equal(t, "recorded", h.State, "%s %s", h.Code, h.Args)
	}
	require.Equal(t, 1, r.count(`SELECT count(*) FROM disputes`))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM disputes WHERE code = 'S-0002' AND (old_call, new_call) = ('negative', 'positive')`))
	require.Equal(t, 0, r.count(`SELECT count(*) FROM alerts WHERE kind = 'control_failed'`))
	require.Equal(t, "negative called", r.said("S-0002"))
}

// While a tube of the plate waits for its repeat, a run of some wells may be that repeat: a person looks at it.
func TestWellsRunAgainTooEarly(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	codes := []string{"P-1", "P-2"}
	r.tubes(codes...)
	inst := r.instrument(store.Instrument{Code: "QS-1", Model: "QuantStudio 5", Line: "push", Protocol: "file"}, store.Work{})
	layout := r.running(codes, inst)
	clear := truth(layout, func(string) bool { return false })
	says := func(code, target string) (float64, bool) {
		if code == "P-2" && target != "IC" {
			return 39, target == "N"
		}
		return clear(code, target)
	}
	h := r.hear(inst, "first", string(again(t, "quantstudio", layout, r.now, says)[0].Bytes))
	require.Equal(t, "recorded", h.State, "%s %s", h.Code, h.Args)
	require.Equal(t, "negative called", r.said("P-1"))
	require.Equal(t, "received", r.said("P-2"))
	r.now = r.now.Add(time.Hour)
	h = r.hear(inst, "second", string(again(t, "quantstudio", layout, r.now, clear, "P-2")[0].Bytes))
	require.Equal(t, "parked plate.already_read", h.State+" "+h.Code)
}
