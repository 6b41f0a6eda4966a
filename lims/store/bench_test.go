package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// lay lays a plate of the first laboratory.
func (l *lab) lay(by lims.Actor, codes ...string) (store.Plate, error) {
	return l.st.Lay(l.ctx, by, store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: codes})
}

func TestLayRefuses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(3, lims.Single)
	there := l.tubes(l.dep, lims.Single, l.orders(l.dep, 1, lims.KeyPerson)) // collected, not received
	_, err := l.lay(l.desk, codes...)
	refused(t, err, lims.Denied, "role.needed")
	_, err = l.lay(l.east, codes...)
	refused(t, err, lims.NotFound, "not_found")
	_, err = l.lay(l.tech)
	refused(t, err, lims.Invalid, "plate.count")
	_, err = l.lay(l.tech, make([]string, 97)...)
	refused(t, err, lims.Invalid, "plate.count")
	_, err = l.lay(l.tech, codes[0], codes[1], codes[0])
	require.Equal(t, []string{codes[0]}, refused(t, err, lims.Invalid, "sample.twice")["barcodes"])
	_, err = l.lay(l.tech, codes[0], "ZZ", there[0])
	require.Equal(t, []string{"ZZ", there[0]}, refused(t, err, lims.Conflict, "sample.not_waiting")["barcodes"])
	_, err = l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 48, Kit: l.kit, Lot: "LOT1", Codes: codes})
	refused(t, err, lims.Invalid, "plate.wells")
	_, err = l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: "none@1", Lot: "LOT1", Codes: codes})
	refused(t, err, lims.NotFound, "kit.unknown")
	require.Equal(t, "received", l.states(codes...), "nothing is half-done")
	require.Zero(t, get[int](l, `SELECT count(*) FROM plates`))
	_, err = l.lay(l.tech, codes...)
	require.NoError(t, err)
	require.Equal(t, "loaded", l.states(codes...))
}

// Two people reach for the same tubes: one gets the plate, the other is told which tubes are gone.
func TestLayAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(12, lims.Single)
	var work []func() error
	for i := range 4 {
		mine := append([]string{codes[0]}, codes[1+i], codes[5+i]) // all want the first
		work = append(work, func() error { _, err := l.lay(l.tech, mine...); return err })
	}
	done := 0
	for _, err := range together(work...) {
		if err == nil {
			done++
			continue
		}
		require.Equal(t, []string{codes[0]}, refused(t, err, lims.Conflict, "sample.not_waiting")["barcodes"])
	}
	require.Equal(t, 1, done)
	require.Equal(t, 3, get[int](l, `SELECT count(*) FROM samples WHERE state = 'loaded'`))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM wells w JOIN samples s ON s.id = w.sample_id WHERE s.barcode = $1`, codes[0]))
}

func TestWaitingInOrderOfUrgency(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	slow := l.tubes(l.dep, lims.Single, l.orders(l.dep, 2, lims.Voluntary))
	fast := l.tubes(l.dep, lims.Single, l.orders(l.dep, 2, lims.CloseContact))
	for _, codes := range [][]string{slow[:1], fast[:1], slow[1:], fast[1:]} {
		l.scan(l.tech, l.box(l.dep, l.one, codes), codes...)
		l.clock.step(10 * time.Minute)
	}
	rows, err := l.st.Waiting(l.ctx, l.one, 3)
	require.NoError(t, err)
	var got []string
	for _, r := range rows {
		got = append(got, r.Barcode)
	}
	require.Equal(t, []string{fast[0], fast[1], slow[0]}, got)
}

func TestPlateStations(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(2, lims.Single)
	p, err := l.lay(l.tech, codes...)
	require.NoError(t, err)
	refused(t, l.st.Start(l.ctx, l.tech, p.ID, l.inst), lims.Conflict, "state.moved") // not sealed
	refused(t, l.st.Seal(l.ctx, l.desk, p.ID), lims.Denied, "role.needed")
	refused(t, l.st.Seal(l.ctx, l.east, p.ID), lims.NotFound, "not_found")
	refused(t, l.st.Seal(l.ctx, l.tech, 987654), lims.NotFound, "plate.unknown")
	require.NoError(t, l.st.Seal(l.ctx, l.tech, p.ID))
	refused(t, l.st.Seal(l.ctx, l.tech, p.ID), lims.Conflict, "state.moved")
	require.NoError(t, l.st.Unseal(l.ctx, l.tech, p.ID))
	require.NoError(t, l.st.Seal(l.ctx, l.tech, p.ID))
	refused(t, l.st.Start(l.ctx, l.tech, p.ID, l.inst2), lims.Invalid, "instrument.unknown") // another laboratory's
	require.NoError(t, l.st.Start(l.ctx, l.tech, p.ID, l.inst))
	refused(t, l.st.Unseal(l.ctx, l.tech, p.ID), lims.Conflict, "state.moved")
	refused(t, l.st.VoidPlate(l.ctx, l.tech, p.ID, "  "), lims.Invalid, "reason.needed")
	refused(t, l.st.VoidPlate(l.ctx, l.east, p.ID, "dropped"), lims.NotFound, "not_found")
	require.NoError(t, l.st.VoidPlate(l.ctx, l.tech, p.ID, "dropped"))
	require.Equal(t, "received", l.states(codes...), "the tubes want a well again")
	refused(t, l.st.VoidPlate(l.ctx, l.tech, p.ID, "again"), lims.Conflict, "state.moved")
	q := l.running(codes)
	l.read(q, nil)
	refused(t, l.st.VoidPlate(l.ctx, l.tech, q.ID, "too late"), lims.Conflict, "state.moved")
	require.Equal(t, "read", l.states(codes...))
	require.Len(t, l.called(lims.Called, codes...), 2, "a void that was refused has withdrawn nothing")
}

// A plate that is started by one and given up by another ends one way.
func TestStartAndVoidAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(8, lims.Single)
	for i := range 8 {
		p, err := l.lay(l.tech, codes[i])
		require.NoError(t, err)
		require.NoError(t, l.st.Seal(l.ctx, l.tech, p.ID))
		errs := together(
			func() error { return l.st.Start(l.ctx, l.tech, p.ID, l.inst) },
			func() error { return l.st.VoidPlate(l.ctx, l.chief, p.ID, "dropped") },
			func() error { return l.st.VoidPlate(l.ctx, l.tech, p.ID, "dropped") })
		require.True(t, (errs[1] == nil) != (errs[2] == nil), "given up once: %v", errs)
		require.Equal(t, "void received", get[string](l, `SELECT p.state || ' ' || s.state FROM plates p, samples s WHERE p.id = $1 AND s.barcode = $2`, p.ID, codes[i]))
	}
}

// The laboratory never pools pools, whatever program speaks to the database (domain 1.1, V8).
func TestPoolOfPoolsIsRefusedByTheDatabase(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	single, mixed := l.received(1, lims.Single), l.received(1, lims.Mixed10)
	l.exec(`ALTER TABLE pools DISABLE TRIGGER USER`)
	_, err := l.st.DB().ExecContext(l.ctx, fmt.Sprintf(poolSQL, mixed[0]))
	require.ErrorContains(t, err, "pool_of_pools")
	_, err = l.st.DB().ExecContext(l.ctx, fmt.Sprintf(poolSQL, single[0]))
	if err != nil { // whatever else a pool must have, this is not what is wrong with it
		require.NotContains(t, err.Error(), "pool_of_pools")
	}
}

// poolSQL puts one tube into a pool; the row trigger speaks before any other constraint.
const poolSQL = `INSERT INTO pool_samples (pool_id, position, sample_id) SELECT 1, 1, id FROM samples WHERE barcode = '%s'`
