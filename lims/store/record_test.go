package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

func TestRecordCleanPlate(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	single, mixed := l.received(3, lims.Single), l.received(2, lims.Mixed5)
	p := l.running(append(append([]string{}, single...), mixed...))
	l.read(p, cqs{single[1]: {22.4, 21.9}, mixed[0]: {28.4, 27.9}})
	require.Equal(t, "read", l.states(append(single, mixed...)...))
	calls := map[string]string{}
	for _, code := range append(append([]string{}, single...), mixed...) {
		calls[code] = get[string](l, `SELECT string_agg(DISTINCT r.call || ' ' || r.state || ' ' || r.version, ',') FROM results r JOIN samples s ON s.id = r.sample_id WHERE s.barcode = $1`, code)
	}
	require.Equal(t, map[string]string{single[0]: "negative called 1", single[1]: "positive called 1", single[2]: "negative called 1",
		mixed[0]: "pending_review called 1", mixed[1]: "negative called 1"}, calls, "nobody in a pool is called positive")
	require.Equal(t, 13, get[int](l, `SELECT count(*) FROM results`))
	require.Equal(t, "accepted", get[string](l, `SELECT state FROM plates`))
	require.Equal(t, []string{"preliminary_positive:" + single[1] + ":" + p.Code, "preliminary_positive:" + mixed[0] + ":" + p.Code},
		all[string](l, `SELECT key FROM alerts WHERE kind = 'preliminary_positive' ORDER BY id`), "at once, before anybody signs")
	require.Equal(t, 13, get[int](l, `SELECT count(*) FROM orders WHERE resulted_at = $1`, l.clock.now()))
	require.Equal(t, 11*3, get[int](l, `SELECT count(*) FROM readings`), "what the instrument said of 5 tubes and 6 controls is kept")
	require.Zero(t, get[int](l, `SELECT count(*) FROM delivery_results`), "and no result has left")
	require.Equal(t, "recall 5", get[string](l, `SELECT n.kind || ' ' || v.results FROM deliveries v JOIN notices n ON n.id = v.notice_id`), "but the department of the pool has heard")
}

// A run whose control fails releases nothing: no result, every tube back at the bench, somebody told at once.
func TestRecordFailedControl(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(4, lims.Single)
	p := l.running(codes)
	l.read(p, cqs{"PC": {}, codes[2]: {22.4, 21.9}})
	require.Zero(t, get[int](l, `SELECT count(*) FROM results`))
	require.Equal(t, "received", l.states(codes...))
	require.Equal(t, "void control_failed", get[string](l, `SELECT state || ' ' || reason FROM plates`))
	require.Equal(t, "false", get[string](l, `SELECT accepted::text FROM runs`))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM alerts WHERE kind = 'control_failed'`))
	require.Equal(t, 0, get[int](l, `SELECT max(attempts) FROM samples`), "a run that does not count is no attempt")

	again := l.running(codes)
	l.read(again, cqs{codes[2]: {22.4, 21.9}})
	require.Equal(t, "read", l.states(codes...))
	l.signed(codes...)
	require.Equal(t, "final", l.orderStates(codes...))
}

// A grey first run is repeated; the second run knows of the first.
func TestRecordRepeat(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(2, lims.Single)
	l.read(l.running(codes), cqs{codes[0]: {38.4, 0}}) // one target, late
	require.Equal(t, "received read", l.states(codes...))
	require.Empty(t, l.called(lims.Called, codes[0]), "nothing is said of a tube that is tested again")
	require.Equal(t, 1, get[int](l, `SELECT attempts FROM samples WHERE barcode = $1`, codes[0]))
	require.NotEmpty(t, get[string](l, `SELECT prior_action FROM samples WHERE barcode = $1`, codes[0]))
	p := l.running(codes[:1])
	c, err := l.st.Case(l.ctx, l.judged(p, nil).Run, p, "")
	require.NoError(t, err)
	require.Equal(t, 2, c.History[lims.Tested{Code: codes[0], Kit: l.kit}].Attempt)
	l.read(p, nil)
	require.Equal(t, "read", l.states(codes...))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM results r JOIN samples s ON s.id = r.sample_id WHERE s.barcode = $1`, codes[0]))
}

// What moved between judging and recording makes it answer Conflict, and nothing is written.
func TestRecordAfterTheWorldMoved(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(4, lims.Single)
	p := l.running(codes[:2])
	j, m := l.judged(p, nil), l.message("late")
	require.NoError(t, l.st.VoidPlate(l.ctx, l.tech, p.ID, "dropped"))
	refused(t, l.st.Record(l.ctx, m, "x", []store.Judged{j}), lims.Conflict, "state.moved")
	require.Zero(t, get[int](l, `SELECT (SELECT count(*) FROM runs) + (SELECT count(*) FROM readings) + (SELECT count(*) FROM calls) + (SELECT count(*) FROM results)`))
	require.Equal(t, "kept", get[string](l, `SELECT state FROM messages WHERE id = $1`, m.ID))

	good, bad := l.running(codes[:2]), l.running(codes[2:]) // one message holds two runs: both or none
	jg, jb := l.judged(good, nil), l.judged(bad, nil)
	require.NoError(t, l.st.VoidPlate(l.ctx, l.tech, bad.ID, "dropped"))
	refused(t, l.st.Record(l.ctx, m, "x", []store.Judged{jg, jb}), lims.Conflict, "state.moved")
	require.Equal(t, "running", get[string](l, `SELECT state FROM plates WHERE id = $1`, good.ID))
	require.NoError(t, l.st.Record(l.ctx, m, "x", []store.Judged{jg}))
	refused(t, l.st.Record(l.ctx, m, "x", []store.Judged{jg}), lims.Conflict, "state.moved")
}

// Two programs judge the same message at once: it is recorded once. Nor does a plate take two messages.
func TestRecordAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(6, lims.Single)
	for i := range 3 {
		p := l.running(codes[i*2 : i*2+2])
		j, one, two := l.judged(p, nil), l.message(fmt.Sprint("one", i)), l.message(fmt.Sprint("two", i))
		rec := func(m store.Message) func() error {
			return func() error { return l.st.Record(l.ctx, m, "x", []store.Judged{j}) }
		}
		done := 0
		for _, err := range together(rec(one), rec(one), rec(two), rec(two)) {
			if err == nil {
				done++
			} else {
				require.Equal(t, lims.Conflict, lims.KindOf(err), "%v", err)
			}
		}
		require.Equal(t, 1, done)
		require.Equal(t, 1, get[int](l, `SELECT count(*) FROM runs WHERE plate_id = $1`, p.ID))
		require.Len(t, l.called(lims.Called, codes[i*2:i*2+2]...), 2)
	}
}

func TestAlertsAreRaisedOnceAndStay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(1, lims.Single)
	l.read(l.running(codes), cqs{codes[0]: {22.4, 21.9}})
	id := get[int64](l, `SELECT id FROM alerts`)
	refused(t, l.st.AcknowledgeAlert(l.ctx, l.desk, id), lims.Denied, "role.needed")
	refused(t, l.st.AcknowledgeAlert(l.ctx, l.east, id), lims.NotFound, "not_found")
	refused(t, l.st.AcknowledgeAlert(l.ctx, l.chief, 987654), lims.Conflict, "state.moved")
	require.NoError(t, l.st.AcknowledgeAlert(l.ctx, l.tech, id))
	seen := get[time.Time](l, `SELECT acknowledged_at FROM alerts`)
	l.clock.step(time.Hour)
	refused(t, l.st.AcknowledgeAlert(l.ctx, l.chief, id), lims.Conflict, "state.moved")
	refused(t, l.st.ResolveAlert(l.ctx, l.chief, id, " "), lims.Invalid, "reason.needed")
	require.NoError(t, l.st.ResolveAlert(l.ctx, l.chief, id, "the CDC has been told"))
	refused(t, l.st.ResolveAlert(l.ctx, l.chief, id, "again"), lims.Conflict, "state.moved")
	require.Equal(t, seen, get[time.Time](l, `SELECT acknowledged_at FROM alerts`), "who saw it first stays on record")
	for _, q := range []string{`DELETE FROM alerts`, `TRUNCATE alerts`} {
		_, err := l.st.DB().ExecContext(l.ctx, q)
		require.ErrorContains(t, err, "append only", q)
	}
	_, err := l.st.DB().ExecContext(l.ctx, `INSERT INTO alerts (lab_id, kind, key, raised_at) SELECT lab_id, kind, key, raised_at FROM alerts`)
	require.ErrorContains(t, err, "alerts_key_key")
	rows, err := l.st.Alerts(l.ctx, store.Scope{Lab: l.one}, true, store.Page{})
	require.NoError(t, err)
	require.Len(t, rows, 1)
}
