package flow_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// A message is read again after its reading was mended. Here the mending is played by spoiling what was recorded.
func TestReplay(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ctx := context.Background()
	gx := r.xpert()
	r.tubes("X-1", "X-2")
	const end = "20260302083000"
	m := r.hear(gx, "", cartridge("X-1", end, "POSITIVE", "POS", "NA"))
	require.Equal(t, "positive called", r.said("X-1"))

	got, err := r.line.Replay(ctx, r.chief, m.ID, true)
	require.NoError(t, err)
	require.True(t, got.Same(), "%+v", got)
	require.Empty(t, got.Applied, "what is the same is not written again")

	for _, q := range []string{`UPDATE readings SET call = 'NEG' WHERE target LIKE '%SARS-CoV-2' AND call = 'POS'`,
		`UPDATE readings SET state = 'none', cq = NULL WHERE state = 'cq'`, `DELETE FROM readings WHERE target LIKE '%SPC%EndPt'`,
		`INSERT INTO readings SELECT run_id, 99, well, sample, 'ghost', dye, state, cq, cq_text, call, task, status, value, unit, omit, line FROM readings WHERE seq = 1`,
		`UPDATE calls SET call = 'negative'`} {
		_, err := r.st.DB().Exec(q)
		require.NoError(t, err)
	}
	look, err := r.line.Replay(ctx, r.chief, m.ID, false)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{look.Added, look.Removed}, "%+v", look.Changes)
	require.Positive(t, look.Changed)
	require.Equal(t, []store.CallChange{{Plate: m.Plate, Pos: "A1", Code: "X-1", Old: "negative", New: "positive"}}, look.Calls)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM runs`), "a look changes nothing")
	b, err := json.Marshal(look)
	require.NoError(t, err)
	require.Contains(t, string(b), `"old":"negative"`)

	_, err = r.line.Replay(ctx, r.tech, m.ID, true)
	require.ErrorIs(t, err, lims.Denied)
	_, err = r.st.DB().Exec(`UPDATE results SET state = 'released', checked_by = $1, checked_at = called_at, released_by = $2, released_at = called_at, cursor = 1`, r.tech.ID, r.chief.ID)
	require.NoError(t, err)
	got, err = r.line.Replay(ctx, r.chief, m.ID, true)
	require.NoError(t, err)
	require.Equal(t, "version", got.Applied)
	require.Equal(t, 2, r.count(`SELECT max(version) FROM runs WHERE message_id = $1`, m.ID))
	require.Equal(t, "positive released", r.said("X-1"), "what was released stays as it is")
	require.Equal(t, 1, r.count(`SELECT count(*) FROM results`))
	open, err := r.st.Disputes(ctx, store.Scope{Lab: r.lab}, 0)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.True(t, open[0].Released)
	require.Equal(t, "negative", open[0].Old)
	require.ErrorIs(t, r.st.SettleDispute(ctx, r.chief, open[0].ID, ""), lims.Invalid)
	require.NoError(t, r.st.SettleDispute(ctx, r.chief, open[0].ID, "the result was right"))
	open, err = r.st.Disputes(ctx, store.Scope{Lab: r.lab}, 0)
	require.NoError(t, err)
	require.Empty(t, open)

	got, err = r.line.Replay(ctx, r.chief, m.ID, true)
	require.NoError(t, err)
	require.True(t, got.Same(), "the second replay is compared with the first: %+v", got)
}

// What failed or was parked is given to the line again, and the look says what would come of it.
func TestReplayOfWhatWasNotRecorded(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ctx := context.Background()
	gx := r.xpert()
	m := r.hear(gx, "", cartridge("X-1", "20260302083000", "NEGATIVE", "NEG", "PASS"))
	require.Equal(t, "tube.unknown", m.Code)
	look, err := r.line.Replay(ctx, r.chief, m.ID, false)
	require.NoError(t, err)
	require.Equal(t, "tube.unknown", look.Code)
	require.Equal(t, 6, look.Added)
	r.tubes("X-1")
	look, err = r.line.Replay(ctx, r.chief, m.ID, true)
	require.NoError(t, err)
	require.Empty(t, look.Code)
	require.Equal(t, "again", look.Applied)
	require.Equal(t, "recorded", r.settled(m.ID).State)

	bad := r.hear(gx, "", "gibberish")
	look, err = r.line.Replay(ctx, r.chief, bad.ID, false)
	require.NoError(t, err)
	require.Equal(t, "format.unknown", look.Code)
	ids, err := r.st.ReplayIDs(ctx, store.ReplayRange{Instrument: gx, State: lims.Failed}, 0, 10)
	require.NoError(t, err)
	require.Equal(t, []int64{bad.ID}, ids)
	require.False(t, strings.Contains(look.Code, " "))
}

// A plate that was read is judged again as it stood: attempts that came later do not count.
func TestReplayOfAPlate(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	ctx := context.Background()
	m := r.plateRun(t)
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	look, err := r.line.Replay(ctx, r.chief, m.ID, true)
	require.NoError(t, err)
	require.True(t, look.Same(), "%+v", look)
}
