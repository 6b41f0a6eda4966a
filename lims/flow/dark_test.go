package flow_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims/store"
)

// Every reading that arrived is somewhere, and the sum is what arrived.
func TestDark(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ctx := context.Background()
	gx := r.xpert()
	r.tubes("X-1", "X-2", "X-3", "X-4", "X-5")
	const end = "20260302083000"
	r.hear(gx, "", cartridge("X-1", end, "NEGATIVE", "NEG", "PASS"))
	r.hear(gx, "", cartridge("X-2", end, "ERROR", "NO RESULT", "NO RESULT"))
	r.hear(gx, "", strings.Replace(cartridge("QC", end, "POSITIVE", "POS", "NA"), "^^^COVPLUS|R|20260302083000||||", "^^^COVPLUS|R|20260302083000|||||Q|||", 1))
	r.hear(gx, "", cartridge("GHOST", end, "NEGATIVE", "NEG", "PASS"))
	r.hear(gx, "", "no instrument ever said this")
	q := store.DarkQuery{From: r.clock().Add(-time.Hour), To: r.clock().Add(time.Hour)}
	count := func() map[string]int {
		rows, err := r.st.Dark(ctx, q)
		require.NoError(t, err)
		out := map[string]int{}
		for _, x := range rows {
			require.Equal(t, "GX-1", x.Instrument)
			out[strings.TrimSuffix(x.Fate+"/"+x.Reason, "/")] += x.Readings
		}
		sum := 0
		for _, n := range out {
			sum += n
		}
		require.Equal(t, r.count(`SELECT count(*) FROM readings`), sum, "every reading is counted once")
		return out
	}
	require.Equal(t, map[string]int{"waiting": 6, "superseded/repeat": 6, "control": 6}, count())
	unread, err := r.st.Unread(ctx, q)
	require.NoError(t, err)
	var said []string
	for _, m := range unread {
		said = append(said, m.State+" "+m.Code)
	}
	require.Contains(t, said, "parked tube.unknown")
	require.Contains(t, said, "failed format.unknown")

	// What is signed is reported; a result that was taken back is superseded; a call without a result and an order that waits is dark.
	sign := func(state string) {
		_, err := r.st.DB().Exec(`UPDATE results SET state = 'withdrawn', ended_at = called_at, reason = $1 WHERE state = 'called'`, state)
		require.NoError(t, err)
	}
	sign("test")
	require.Equal(t, 6, count()["superseded/withdrawn"])
	_, err = r.st.DB().Exec(`DELETE FROM results`)
	require.NoError(t, err)
	require.Equal(t, 6, count()["unclaimed/no_result"])
	list, err := r.st.Unclaimed(ctx, q)
	require.NoError(t, err)
	require.Len(t, list, 6)
	require.Equal(t, "X-1", list[0].Sample)
	_, err = r.st.DB().Exec(`UPDATE readings SET well = 'C7', state = 'cq', cq = 20, cq_text = '20' WHERE seq = 2 AND sample = 'X-1'`)
	require.NoError(t, err)
	require.Equal(t, 1, count()["unclaimed/no_well"], "something came up where nothing stands")
	q.From, q.To = q.To, q.To.Add(time.Hour)
	rows, err := r.st.Dark(ctx, q)
	require.NoError(t, err)
	require.Empty(t, rows, "another day")
}
