package flow_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/sim"
	"natlims/lims"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
)

// Two servers judge the last two parts of a plate at the same moment, each without the other's. One part waits, the other is judged
// again and completes the plate: neither order leaves both waiting.
func TestLastTwoPartsAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn := pgtest.New(t)
	r := newRoomAt(t, dsn)
	other, err := store.Open(ctx, dsn, store.Options{Now: r.clock})
	require.NoError(t, err)
	t.Cleanup(func() { other.Close() }) //nolint:errcheck
	codes := []string{"S-0001", "S-0002"}
	r.tubes(codes...)
	m, err := sim.Find("m2000-tubes")
	require.NoError(t, err)
	id := r.instrument(store.Instrument{Code: "A-1", Model: m.Name, Line: "push", Protocol: string(m.Wire)}, store.Work{})
	layout := r.running(codes, id)
	texts, err := m.Messages(sim.Plate{Assay: "NCOV", Ended: r.clock(), Cycles: 5, Layout: layout, Operator: "tech",
		Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}},
		Truth:   truth(layout, func(string) bool { return false })})
	require.NoError(t, err)
	last := len(texts) - 2
	for _, text := range texts[:last] {
		require.Equal(t, store.CodePartial, r.hear(id, "", string(text.Bytes)).Code)
	}
	var two []store.Message
	for _, text := range texts[last:] {
		_, err := r.st.KeepMessage(ctx, store.Arrival{Instrument: id, Line: "push", Bytes: text.Bytes, Complete: true})
		require.NoError(t, err)
	}
	two, err = r.st.KeptMessages(ctx, 0, 10)
	require.NoError(t, err)
	require.Len(t, two, 2)

	hold, err := r.st.DB().Beginx()
	require.NoError(t, err)
	_, err = hold.Exec(`SELECT 1 FROM plates WHERE code = $1 FOR UPDATE`, layout.Code)
	require.NoError(t, err)
	done := make(chan error, 2)
	for i, st := range []*store.Store{r.st, other} {
		go func() {
			done <- st.ParkMessage(ctx, two[i], "m2000", store.CodePartial, lims.Args{"plate": layout.Code, "got": len(texts) - 1, "total": len(texts), "parts": last})
		}()
	}
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 2
	}, 20*time.Second, time.Millisecond)
	require.NoError(t, hold.Rollback())
	a, b := <-done, <-done
	if a != nil {
		a, b = b, a
	}
	require.NoError(t, a)
	require.ErrorIs(t, b, lims.Conflict)
	require.NoError(t, r.line.Read(ctx))
	require.Equal(t, len(texts), r.count(`SELECT count(*) FROM messages WHERE state = 'recorded'`), r.states())
	require.Equal(t, "negative called", r.said("S-0001"))
}
