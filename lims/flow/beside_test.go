package flow_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/sim"
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
