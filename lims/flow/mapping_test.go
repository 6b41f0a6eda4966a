package flow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// A table that no driver knows is read once a supervisor has described it; what other drivers know is still read.
func TestDescribedTable(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ctx := context.Background()
	i := r.instrument(store.Instrument{Code: "G-1", Model: "Gentier 96E", Line: "push", Protocol: "file"}, store.Work{})
	const table = "孔;样本;通道;结果Ct\r\nA1;P-1;FAM;22,5\r\nA1;P-1;VIC;未扩增\r\n"
	m := r.hear(i, "", table)
	require.Equal(t, "failed", m.State)
	const body = `{"name":"gentier","header":["孔","结果Ct"],"columns":{"well":"孔","sample":"样本","dye":"通道","cq":"结果Ct"},"none":["未扩增"],"decimal":","}`
	require.ErrorIs(t, r.st.SaveMapping(ctx, r.tech, i, 0, body), lims.Denied)
	require.NoError(t, r.st.SaveMapping(ctx, r.chief, i, 0, body))
	require.ErrorIs(t, r.st.SaveMapping(ctx, r.chief, i, 0, body), lims.Conflict, "somebody saved meanwhile")
	look, err := r.line.Replay(ctx, r.chief, m.ID, true)
	require.NoError(t, err)
	require.Equal(t, 2, look.Readings)
	m = r.settled(m.ID)
	require.Equal(t, "parked", m.State, "read; it names no plate")
	require.Equal(t, "plate.unnamed", m.Code)
	require.Equal(t, "gentier", m.Driver)

	m = r.hear(i, "", cartridge("X-1", "20260302083000", "NEGATIVE", "NEG", "PASS"))
	require.Equal(t, "genexpert-astm", m.Driver)
	require.NoError(t, r.st.SaveMapping(ctx, r.chief, i, 1, ""))
	require.Equal(t, "failed", r.hear(i, "", table+"A2;P-2;FAM;30,1\r\n").State, "taken back")
}
