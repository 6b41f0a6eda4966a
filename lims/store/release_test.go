package store_test

import (
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// read gives n single tubes of which the results wait for the first signature.
func (l *lab) readTubes(n int, found func(codes []string) cqs) []string {
	l.t.Helper()
	codes := l.received(n, lims.Single)
	var f cqs
	if found != nil {
		f = found(codes)
	}
	l.read(l.running(codes), f)
	return codes
}

func TestTwoDifferentPeopleSign(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.readTubes(3, nil)
	ids := l.called(lims.Called, codes...)
	refused(t, l.st.Check(l.ctx, l.tech, ids), lims.Denied, "role.needed")
	refused(t, l.st.Check(l.ctx, l.releaser, ids), lims.Denied, "role.needed")
	refused(t, l.st.Check(l.ctx, l.east, ids), lims.NotFound, "not_found")
	refused(t, l.st.Check(l.ctx, l.checker, nil), lims.Invalid, "results.count")
	refused(t, l.st.Check(l.ctx, l.checker, []int64{987654}), lims.NotFound, "not_found")
	refused(t, l.st.Check(l.ctx, l.checker, append(ids[:1:1], 987654)), lims.Conflict, "state.moved")
	refused(t, l.st.Release(l.ctx, l.releaser, ids), lims.Conflict, "state.moved") // nobody has checked them
	require.NoError(t, l.st.Check(l.ctx, l.both, ids))
	refused(t, l.st.Check(l.ctx, l.checker, ids), lims.Conflict, "state.moved")
	refused(t, l.st.Release(l.ctx, l.both, ids), lims.Denied, "release.same_person")
	refused(t, l.st.Release(l.ctx, l.checker, ids), lims.Denied, "role.needed")
	refused(t, l.st.Release(l.ctx, l.east, ids), lims.NotFound, "not_found")
	require.Equal(t, 3, get[int](l, `SELECT count(*) FROM results WHERE state = 'checked' AND released_by IS NULL`))

	// The database says the same to whoever comes past the program.
	_, err := l.st.DB().ExecContext(l.ctx, `UPDATE results SET state = 'released', released_by = checked_by, released_at = checked_at, cursor = nextval('results_cursor')`)
	require.ErrorContains(t, err, "constraint")
	_, err = l.st.DB().ExecContext(l.ctx, `UPDATE results SET checked_by = NULL, checked_at = NULL`)
	require.ErrorContains(t, err, "constraint")
	require.NoError(t, l.st.Release(l.ctx, l.releaser, ids))
	_, err = l.st.DB().ExecContext(l.ctx, `UPDATE results SET checked_by = released_by`)
	require.ErrorContains(t, err, "constraint")
	_, err = l.st.DB().ExecContext(l.ctx, `UPDATE results SET released_by = NULL, released_at = NULL`)
	require.ErrorContains(t, err, "constraint")
	refused(t, l.st.Release(l.ctx, l.releaser, ids), lims.Conflict, "state.moved")
}

// Release ends orders and tubes and fills the outbox in one transaction.
func TestReleaseEndsTheOrder(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.readTubes(4, func(c []string) cqs { return cqs{c[1]: {22.4, 21.9}} })
	l.signed(codes[:3]...)
	at := l.clock.now()
	require.Equal(t, "closed read", l.states(codes...))
	require.Equal(t, "final open", l.orderStates(codes...))
	require.Equal(t, 3, get[int](l, `SELECT count(*) FROM orders WHERE released_at = $1`, at))
	require.Equal(t, "3 true", get[string](l, `SELECT results || ' ' || positive FROM deliveries WHERE notice_id IS NULL`))
	require.Equal(t, 3, get[int](l, `SELECT count(*) FROM delivery_results`))
	l.signed(codes[3])
	require.Equal(t, "1 false", get[string](l, `SELECT results || ' ' || positive FROM deliveries ORDER BY seq DESC LIMIT 1`))
	refused(t, l.st.Withdraw(l.ctx, l.chief, all[int64](l, `SELECT id FROM results`), "too late"), lims.Conflict, "state.moved")
	refused(t, l.st.Hold(l.ctx, l.chief, all[int64](l, `SELECT id FROM results`), "too late"), lims.Conflict, "state.moved")
}

// Two people release the same results, or parts that overlap: every result leaves once.
func TestReleaseAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ids := l.called(lims.Called, l.readTubes(12, nil)...)
	require.NoError(t, l.st.Check(l.ctx, l.checker, ids))
	rel := func(by lims.Actor, ids []int64) func() error {
		return func() error { return l.st.Release(l.ctx, by, ids) }
	}
	done := 0
	for _, err := range together(rel(l.releaser, ids[:8]), rel(l.chief, ids[4:]), rel(l.both, ids[:8]), rel(l.chief, ids[2:3])) {
		if err == nil {
			done++
		} else {
			refused(t, err, lims.Conflict, "state.moved")
		}
	}
	require.Positive(t, done)
	require.Equal(t, get[int](l, `SELECT count(*) FROM results WHERE state = 'released'`), get[int](l, `SELECT count(*) FROM delivery_results`))
	require.Equal(t, done, get[int](l, `SELECT count(*) FROM deliveries`))
}

func TestHoldAndWithdraw(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.readTubes(3, nil)
	ids := l.called(lims.Called, codes...)
	refused(t, l.st.Hold(l.ctx, l.checker, ids, ""), lims.Invalid, "reason.needed")
	refused(t, l.st.Hold(l.ctx, l.tech, ids, "x"), lims.Denied, "role.needed")
	refused(t, l.st.Hold(l.ctx, l.east, ids, "x"), lims.NotFound, "not_found")
	require.NoError(t, l.st.Hold(l.ctx, l.checker, ids[:2], "neighbour of a strong positive"))
	refused(t, l.st.Release(l.ctx, l.releaser, ids[:2]), lims.Conflict, "state.moved")
	require.NoError(t, l.st.Check(l.ctx, l.checker, ids[:1])) // looked at, and found right
	require.NoError(t, l.st.Release(l.ctx, l.releaser, ids[:1]))
	require.NoError(t, l.st.Withdraw(l.ctx, l.releaser, ids[1:2], "label doubtful"))
	require.Equal(t, "closed received read", l.states(codes...), "the tube of the withdrawn result wants another test")
	require.NoError(t, l.st.Check(l.ctx, l.checker, ids[2:]))
	require.NoError(t, l.st.Withdraw(l.ctx, l.chief, ids[2:], "second thoughts"))
	require.Equal(t, "final open", l.orderStates(codes...))
	l.read(l.running(codes[1:]), nil)
	l.signed(codes[1:]...)
	require.Equal(t, "final", l.orderStates(codes...))
	require.Equal(t, 2, get[int](l, `SELECT count(*) FROM results WHERE state = 'released' AND version = 2`))
}

// One result of a tube of five is withdrawn while the others have left: only that person's order is tested again.
func TestWithdrawOneOfAPool(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(1, lims.Mixed5)
	l.read(l.running(codes), nil)
	ids := l.called(lims.Called, codes...)
	require.Len(t, ids, 5)
	require.NoError(t, l.st.Check(l.ctx, l.checker, ids[:4]))
	require.NoError(t, l.st.Release(l.ctx, l.releaser, ids[:4]))
	require.Equal(t, "read", l.states(codes...), "a result of the tube still waits")
	require.NoError(t, l.st.Withdraw(l.ctx, l.chief, ids[4:], "wrong person"))
	require.Equal(t, "received", l.states(codes...))
	l.read(l.running(codes), nil)
	require.Len(t, l.called(lims.Called, codes...), 1)
	l.signed(codes...)
	require.Equal(t, "final", l.orderStates(codes...))
	require.Equal(t, "closed", l.states(codes...))
}

// A pool that is not negative says nothing of a person: everybody in it is told "under verification" and collected again, singly.
func TestReleaseOfAPositivePool(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(1, lims.Mixed10)
	l.read(l.running(codes), cqs{codes[0]: {28.4, 27.9}})
	l.signed(codes...)
	require.Equal(t, "waiting", l.orderStates(codes...))
	require.Equal(t, []string{"pending_review"}, all[string](l, `SELECT DISTINCT call FROM results`))
	require.Equal(t, "10 true", get[string](l, `SELECT results || ' ' || positive FROM deliveries WHERE notice_id IS NULL`))
	recalls, err := l.st.RecallList(l.ctx, store.Scope{Department: l.dep}, 100)
	require.NoError(t, err)
	require.Len(t, recalls, 10)
	var tubes []store.Tube
	var singles []string
	for i, r := range recalls {
		singles = append(singles, "SR"+string(rune('0'+i)))
		tubes = append(tubes, store.Tube{Barcode: singles[i], Mode: lims.Single, Department: l.dep, Orders: []int64{r.Order}})
	}
	l.clock.step(time.Hour)
	require.NoError(t, l.st.Collect(l.ctx, l.desk, tubes))
	refused(t, l.st.Collect(l.ctx, l.desk, []store.Tube{{Barcode: "SRX", Mode: lims.Single, Department: l.dep, Orders: []int64{recalls[0].Order}}}), lims.Conflict, "order.collected")
	l.scan(l.tech, l.box(l.dep, l.one, singles), singles...)
	l.read(l.running(singles), cqs{singles[3]: {26.4, 25.9}})
	l.signed(singles...)
	require.Equal(t, "final", l.orderStates(singles...))
	require.Equal(t, "9 1", get[string](l, `SELECT count(*) FILTER (WHERE call = 'negative') || ' ' || count(*) FILTER (WHERE call = 'positive') FROM results WHERE state = 'released'`))
	require.Equal(t, 10, get[int](l, `SELECT count(*) FROM results WHERE state = 'superseded' AND call = 'pending_review'`))
}

// A correction after the end is a new version beside the old one, and it goes to the department as well.
func TestAmendAfterFinal(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.readTubes(2, nil)
	old := l.signed(codes...)
	released := get[time.Time](l, `SELECT released_at FROM orders WHERE id = (SELECT order_id FROM results WHERE id = $1)`, old[0])
	l.clock.step(time.Hour)
	fresh := get[int64](l, `WITH r AS (INSERT INTO results (order_id, sample_id, run_id, lab_id, department_id, version, call, called_at)
			SELECT order_id, sample_id, run_id, lab_id, department_id, 2, 'positive', $2 FROM results WHERE id = $1 RETURNING id),
		a AS (INSERT INTO audit (at, actor_id, verb, entity, key) SELECT $2, 0, 'call', 'result', id FROM r)
		SELECT id FROM r`, old[0], l.clock.now())
	require.NoError(t, l.st.Check(l.ctx, l.checker, []int64{fresh}))
	require.Equal(t, "released", get[string](l, `SELECT state FROM results WHERE id = $1`, old[0]), "in force until the new one is released")
	require.NoError(t, l.st.Release(l.ctx, l.releaser, []int64{fresh}))
	require.Equal(t, "superseded negative", get[string](l, `SELECT state || ' ' || call FROM results WHERE id = $1`, old[0]), "not overwritten")
	require.Equal(t, "final", l.orderStates(codes...))
	require.Equal(t, released, get[time.Time](l, `SELECT released_at FROM orders WHERE id = (SELECT order_id FROM results WHERE id = $1)`, old[0]), "T7 is the first release")
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM delivery_results WHERE result_id = $1`, fresh))
	feed, err := l.st.ResultsSince(l.ctx, l.dep, 0, 10)
	require.NoError(t, err)
	require.Len(t, feed, 3)
	require.Equal(t, "positive", feed[2].Call)
	require.Equal(t, 2, feed[2].Version)
	_, err = l.st.DB().ExecContext(l.ctx, `UPDATE results SET state = 'released', ended_at = NULL WHERE id = ANY($1)`, pq.Array(old[:1]))
	require.ErrorContains(t, err, "results_one_released")
}
