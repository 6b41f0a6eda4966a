package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/pooling"
)

// accused gives a pool of four that was not negative, so late that no round is left in the laboratory.
func (l *lab) accused() (codes []string, pool string) {
	l.t.Helper()
	codes = l.singles(4, lims.Screening)
	l.exec(`UPDATE samples SET due_at = due_at - interval '2 hours' WHERE state = 'received'`)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 4, codes))
	l.mixed(pools...)
	l.read(l.running(pools), cqs{pools[0]: {30, 29}})
	return codes, pools[0]
}

// What cannot be in time here and can be there is proposed, sent by a supervisor, received by scan and tested there; the clock of
// the people goes on, and both laboratories see it.
func TestForwardAPool(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	refused(t, l.st.SetPartner(l.ctx, l.tech, l.one, l.two, 60), lims.Denied, "role.needed")
	refused(t, l.st.SetPartner(l.ctx, l.chief, l.one, l.one, 60), lims.Invalid, "forward.partner")
	refused(t, l.st.SetPartner(l.ctx, l.east, l.one, l.two, 60), lims.NotFound, "not_found")
	codes, _ := l.accused()
	require.Zero(t, get[int](l, `SELECT count(*) FROM steps WHERE action = 'forward'`), "nobody takes anything over: tested here, late")
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM alerts WHERE kind = 'late'`))
	l.read(l.running(codes), nil)

	require.NoError(t, l.st.SetPartner(l.ctx, l.chief, l.one, l.two, 90))
	require.NoError(t, l.st.SetPartner(l.ctx, l.chief, l.one, l.two, 60))
	partners, err := l.st.Partners(l.ctx, l.one)
	require.NoError(t, err)
	require.Len(t, partners, 1)
	codes, pool := l.accused()
	work, err := l.st.Worklist(l.ctx, store.Scope{Lab: l.one})
	require.NoError(t, err)
	require.Len(t, work, 4)
	require.Equal(t, "forward pool", work[0].Action+" "+work[0].Why)
	retests, err := l.st.Retests(l.ctx, store.Scope{Lab: l.one})
	require.NoError(t, err)
	require.Len(t, retests, 4)
	require.True(t, retests[0].Forward)
	require.Equal(t, "forward", get[string](l, `SELECT args->>'case' FROM alerts WHERE kind = 'late' ORDER BY id DESC LIMIT 1`))

	f := store.NewForward{Pool: pool, To: l.two, Reason: "no round left"}
	_, err = l.st.ForwardPool(l.ctx, l.tech, f)
	refused(t, err, lims.Denied, "role.needed")
	_, err = l.st.ForwardPool(l.ctx, l.east, f)
	refused(t, err, lims.NotFound, "not_found")
	_, err = l.st.ForwardPool(l.ctx, l.chief, store.NewForward{Pool: pool, To: l.two})
	refused(t, err, lims.Invalid, "reason.needed")
	_, err = l.st.ForwardPool(l.ctx, l.chief, store.NewForward{Pool: pool, To: l.one, Reason: "x"})
	refused(t, err, lims.Invalid, "forward.lab")
	_, err = l.st.ForwardPool(l.ctx, l.chief, store.NewForward{Pool: pool, To: 987654, Reason: "x"})
	refused(t, err, lims.NotFound, "not_found")

	type clocks struct {
		Collected time.Time `db:"collected_at"`
		Received  time.Time `db:"received_at"`
		Due       time.Time `db:"due_at"`
		Dispatch  time.Time `db:"dispatched_at"`
	}
	of := func() clocks {
		return get[clocks](l, `SELECT o.collected_at, s.received_at, o.due_at, h.dispatched_at FROM samples s JOIN orders o ON o.sample_id = s.id
			JOIN shipments h ON h.id = coalesce(s.first_shipment_id, s.shipment_id) WHERE s.barcode = $1`, codes[0])
	}
	before := of()
	box, err := l.st.ForwardPool(l.ctx, l.chief, f)
	require.NoError(t, err)
	_, err = l.st.ForwardPool(l.ctx, l.chief, f)
	refused(t, err, lims.Conflict, "forward.nothing")
	work, err = l.st.Worklist(l.ctx, store.Scope{Lab: l.one})
	require.NoError(t, err)
	require.Empty(t, work)
	require.Equal(t, "collected", l.states(codes...))
	_, err = l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: codes})
	refused(t, err, lims.Conflict, "sample.not_waiting")

	for _, sc := range []store.Scope{{Lab: l.one}, {Lab: l.two}} {
		open, err := l.st.OpenForwards(l.ctx, sc)
		require.NoError(t, err)
		require.Len(t, open, 1)
		require.Equal(t, []any{box, 4, 0}, []any{open[0].Box, open[0].Tubes, open[0].Received})
		_, err = l.st.PoolByCode(l.ctx, sc, pool)
		require.NoError(t, err)
		_, err = l.st.TubeByCode(l.ctx, sc, codes[0])
		require.NoError(t, err)
		b, err := l.st.BoxByCode(l.ctx, sc, box)
		require.NoError(t, err)
		require.Equal(t, []any{4, 0, "one"}, []any{b.Tubes, b.Received, b.From.En})
	}
	l.clock.step(20 * time.Minute)
	out, err := l.st.Scan(l.ctx, l.east, box, append([]string{codes[0]}, codes...))
	require.NoError(t, err)
	require.Equal(t, []string{"received", "twice", "received", "received", "received"}, []string{out[0].Outcome, out[1].Outcome, out[2].Outcome, out[3].Outcome, out[4].Outcome})
	gone, err := l.st.CloseBox(l.ctx, l.east, box)
	require.NoError(t, err)
	require.Empty(t, gone)
	require.Equal(t, before, of(), "the clock of the people goes on")
	retests, err = l.st.Retests(l.ctx, store.Scope{Lab: l.two})
	require.NoError(t, err)
	require.Len(t, retests, 4, "first in line there")

	p, err := l.st.Lay(l.ctx, l.east, store.NewPlate{Lab: l.two, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: codes})
	require.NoError(t, err)
	require.NoError(t, l.st.Seal(l.ctx, l.east, p.ID))
	require.NoError(t, l.st.Start(l.ctx, l.east, p.ID, l.inst2))
	p, err = l.st.PlateByID(l.ctx, p.ID)
	require.NoError(t, err)
	l.read(p, cqs{codes[2]: {27.5, 27}})
	ids := l.called(lims.Called, codes...)
	require.Len(t, ids, 4)
	require.Equal(t, l.two, get[int64](l, `SELECT lab_id FROM results WHERE id = $1`, ids[0]))
	require.NoError(t, l.st.Check(l.ctx, l.east, ids))
	second := l.person("east2", l.two, 0, lims.Releaser)
	require.NoError(t, l.st.Release(l.ctx, second, ids))
	require.Equal(t, "final", l.orderStates(codes...))
	require.Equal(t, "closed POS", l.pool(pool), "and the pool ends in the laboratory that read it")
	open, err := l.st.OpenForwards(l.ctx, store.Scope{Lab: l.one})
	require.NoError(t, err)
	require.Empty(t, open)
}
