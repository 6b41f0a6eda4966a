package flow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments/sim"
	"natlims/lims/store"
)

// A run whose tubes no longer wait for it cannot be recorded. It is shown to a person and does not hold up what comes behind it.
func TestRunThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	codes := []string{"M-1", "M-2"}
	r.tubes(codes...)
	inst := r.instrument(store.Instrument{Code: "QS-1", Model: "QuantStudio 5", Line: "push", Protocol: "file"}, store.Work{})
	layout := r.running(codes, inst)
	_, err := r.st.DB().Exec(`UPDATE samples SET state = 'received' WHERE barcode = 'M-2'`) // behind the program's back
	require.NoError(t, err)
	m, err := sim.Find("quantstudio")
	require.NoError(t, err)
	messages, err := m.Messages(sim.Plate{Layout: layout, Ended: r.now, Cycles: 45, Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}},
		Truth: truth(layout, func(string) bool { return false })})
	require.NoError(t, err)
	bad, err := r.st.KeepMessage(t.Context(), store.Arrival{Instrument: inst, Line: "push", Bytes: messages[0].Bytes, Complete: true})
	require.NoError(t, err)

	r.tubes("M-3")
	good := r.hear(r.xpert(), "", cartridge("M-3", "20260302083500", "NEGATIVE", "NEG", "PASS"))
	require.Equal(t, "recorded", string(good.State), good.Code)
	row := r.settled(bad.ID)
	require.Equal(t, "parked run.moved", string(row.State)+" "+row.Code)
	require.Zero(t, r.count(`SELECT count(*) FROM results WHERE sample_id IN (SELECT id FROM samples WHERE barcode = ANY('{M-1,M-2}'))`), "nothing half-done")
}
