package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// outbox gives n deliveries of one result each.
func (l *lab) outbox(n int) (ids []string) {
	l.t.Helper()
	results := l.called(lims.Called, l.readTubes(n, nil)...)
	require.NoError(l.t, l.st.Check(l.ctx, l.checker, results))
	for _, r := range results {
		require.NoError(l.t, l.st.Release(l.ctx, l.releaser, []int64{r}))
	}
	return all[string](l, `SELECT id FROM deliveries ORDER BY seq`)
}

func (l *lab) claim(most int) (ids []string) {
	l.t.Helper()
	rows, err := l.st.ClaimDeliveries(l.ctx, store.Claim{Most: most, Each: 100, Lease: time.Minute})
	require.NoError(l.t, err)
	for _, d := range rows {
		ids = append(ids, d.ID)
	}
	return ids
}

func (l *lab) delivery(id string) string {
	l.t.Helper()
	return get[string](l, `SELECT state FROM deliveries WHERE id = $1`, id)
}

// Several senders claim from one outbox: nothing is claimed twice, and nothing stays.
func TestClaimAtOnceNeverDoubles(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.outbox(40)
	got := make([][]string, 6)
	var work []func() error
	for i := range got {
		work = append(work, func() error {
			for {
				rows, err := l.st.ClaimDeliveries(l.ctx, store.Claim{Most: 3, Each: 100, Lease: time.Minute})
				if err != nil || len(rows) == 0 {
					return err
				}
				for _, d := range rows {
					got[i] = append(got[i], d.ID)
				}
			}
		})
	}
	for _, err := range together(work...) {
		require.NoError(t, err)
	}
	all := append(slices.Concat(got...), l.claim(100)...) // what others had locked a moment ago
	slices.Sort(all)
	slices.Sort(want)
	require.Equal(t, want, all)
}

func TestClaimIsFair(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ids := l.outbox(4)
	rows, err := l.st.ClaimDeliveries(l.ctx, store.Claim{Most: 10, Each: 2, Lease: time.Minute})
	require.NoError(t, err)
	require.Len(t, rows, 2, "of one destination")
	require.Equal(t, ids[:2], []string{rows[0].ID, rows[1].ID}, "oldest first")
	require.Equal(t, l.dest, rows[0].Destination)
	require.Equal(t, 1, rows[0].Tries)
	require.Equal(t, []byte("s"), rows[0].Secret)
	rows, err = l.st.ClaimDeliveries(l.ctx, store.Claim{Most: 10, Each: 2, Busy: []int64{l.dest}, Lease: time.Minute})
	require.NoError(t, err)
	require.Empty(t, rows, "the destination is still busy")
}

func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	id := l.outbox(1)[0]
	require.Equal(t, []string{id}, l.claim(1))
	require.Empty(t, l.claim(1))
	at, ok, err := l.st.NextDelivery(l.ctx)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, l.clock.now().Add(time.Minute), at.UTC())
	l.clock.step(59 * time.Second)
	require.Empty(t, l.claim(1))
	l.clock.step(2 * time.Second)
	require.Equal(t, []string{id}, l.claim(1), "its sender has died")
	require.Equal(t, 2, get[int](l, `SELECT tries FROM deliveries`))
	require.NoError(t, l.st.Delivered(l.ctx, id, "got it", false))
	refused(t, l.st.Delivered(l.ctx, id, "got it", false), lims.Conflict, "state.moved") // the first sender wakes up
	refused(t, l.st.Postpone(l.ctx, id, l.clock.now(), "x"), lims.Conflict, "state.moved")
	refused(t, l.st.RefuseDelivery(l.ctx, id, "x"), lims.Conflict, "state.moved")
	require.Equal(t, "delivered", l.delivery(id))
}

func TestPostponeRefuseRequeue(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	id := l.outbox(1)[0]
	refused(t, l.st.Delivered(l.ctx, id, "", false), lims.Conflict, "state.moved") // nobody has claimed it
	l.claim(1)
	require.NoError(t, l.st.Postpone(l.ctx, id, l.clock.now().Add(10*time.Second), "503"))
	require.Empty(t, l.claim(1), "not due")
	l.clock.step(10 * time.Second)
	require.Equal(t, []string{id}, l.claim(1))
	require.NoError(t, l.st.RefuseDelivery(l.ctx, id, "410 gone\x00"))
	require.Empty(t, l.claim(1))
	require.Equal(t, "410 gone", get[string](l, `SELECT error FROM deliveries`))
	refused(t, l.st.Requeue(l.ctx, l.tech, id), lims.Denied, "role.needed")
	refused(t, l.st.Requeue(l.ctx, l.chief, "00000000-0000-0000-0000-000000000000"), lims.Conflict, "state.moved")
	refused(t, l.st.Requeue(l.ctx, l.chief, "no uuid"), lims.Invalid, "input.malformed")
	require.NoError(t, l.st.Requeue(l.ctx, l.chief, id))
	refused(t, l.st.Requeue(l.ctx, l.chief, id), lims.Conflict, "state.moved")
	require.Equal(t, []string{id}, l.claim(1))
	require.NoError(t, l.st.Delivered(l.ctx, id, "200", true))
	require.Equal(t, "acknowledged", l.delivery(id))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM deliveries WHERE delivered_at = $1 AND acknowledged_at = $1`, l.clock.now()))
}

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ids := l.outbox(4)
	refused(t, l.st.Acknowledge(l.ctx, l.desk, ids[3]), lims.Conflict, "state.moved") // it has never been sent
	l.claim(3)
	require.NoError(t, l.st.Delivered(l.ctx, ids[0], "202", false))
	refused(t, l.st.Acknowledge(l.ctx, l.desk2, ids[0]), lims.NotFound, "delivery.unknown")
	refused(t, l.st.Acknowledge(l.ctx, l.desk, "00000000-0000-0000-0000-000000000000"), lims.NotFound, "delivery.unknown")
	refused(t, l.st.Acknowledge(l.ctx, l.desk, "no uuid"), lims.Invalid, "input.malformed")
	l.clock.step(time.Minute)
	require.NoError(t, l.st.Acknowledge(l.ctx, l.desk, ids[0]))
	t9 := get[time.Time](l, `SELECT acknowledged_at FROM deliveries WHERE id = $1`, ids[0])
	require.Equal(t, l.clock.now(), t9.UTC())
	l.clock.step(time.Minute)
	require.NoError(t, l.st.Acknowledge(l.ctx, l.desk, ids[0]), "saying it twice is saying it once")
	require.Equal(t, t9, get[time.Time](l, `SELECT acknowledged_at FROM deliveries WHERE id = $1`, ids[0]))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM audit WHERE verb = 'acknowledge'`))

	require.NoError(t, l.st.Acknowledge(l.ctx, l.desk, ids[1]), "it overtakes our own note of the delivery")
	refused(t, l.st.Delivered(l.ctx, ids[1], "200", false), lims.Conflict, "state.moved")
	require.Equal(t, "acknowledged", l.delivery(ids[1]))
	require.NoError(t, l.st.Postpone(l.ctx, ids[2], l.clock.now(), "the answer was lost"))
	require.NoError(t, l.st.Acknowledge(l.ctx, l.desk, ids[2]), "who confirms has it")
	require.Equal(t, ids[3:], l.claim(9), "and is not sent it again")
}

func TestReclaim(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ids := l.outbox(2)
	require.Equal(t, ids, l.claim(2))
	n, err := l.st.Reclaim(l.ctx)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, ids, l.claim(2), "no lease to wait for")
}
