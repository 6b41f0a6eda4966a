package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
)

// A day that is over is counted once, and again where a result of its tubes was withdrawn. The new result counts on its own day.
func TestDaysAreKeptUntilSomethingHappensToThem(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.singles(4, lims.Voluntary)
	l.read(l.running(codes), cqs{codes[0]: {30, 29}})
	days := func() (n [2][2]int) {
		w, err := l.st.WatchPools(l.ctx, l.one)
		require.NoError(t, err)
		for i := range n {
			n[i] = [2]int{w.Days[i].Singles, w.Days[i].SinglesPos}
		}
		return n
	}
	require.Equal(t, [2][2]int{{4, 1}, {}}, days())
	l.clock.step(24 * time.Hour)
	require.Equal(t, [2][2]int{{}, {4, 1}}, days())
	_, err := l.st.DB().Exec(`UPDATE results SET call = 'positive' WHERE sample_id = (SELECT id FROM samples WHERE barcode = $1)`, codes[1])
	require.NoError(t, err) // nothing does this: it shows that nobody counts again
	require.Equal(t, [2][2]int{{}, {4, 1}}, days())
	require.NoError(t, l.st.Withdraw(l.ctx, l.checker, l.called(lims.Called, codes[2]), "spilt"))
	require.Equal(t, [2][2]int{{}, {3, 2}}, days(), "counted again")
	l.read(l.running(codes[2:3]), cqs{codes[2]: {30, 29}})
	require.Equal(t, [2][2]int{{1, 1}, {3, 2}}, days())
}

// What was said of a tube later is said of the day of its first call, on which alone it is counted.
func TestATubeIsCountedOnItsFirstDay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.singles(2, lims.Voluntary)
	l.read(l.running(codes), nil)
	ids := l.called(lims.Called, codes[0])
	require.NoError(t, l.st.Check(l.ctx, l.checker, ids))
	require.NoError(t, l.st.Release(l.ctx, l.releaser, ids))
	l.clock.step(24 * time.Hour)
	_, err := l.st.DB().Exec(`WITH n AS (INSERT INTO results (order_id, sample_id, run_id, lab_id, department_id, version, call, state, called_at)
			SELECT order_id, sample_id, run_id, lab_id, department_id, 2, 'positive', 'called', $2::timestamptz FROM results WHERE id = $1 RETURNING id)
		INSERT INTO audit (at, actor_id, verb, entity, key, changes) SELECT $2, $3, 'call', 'result', id, '{"state": "called"}' FROM n`, ids[0], l.clock.now(), l.chief.ID)
	require.NoError(t, err)
	w, err := l.st.WatchPools(l.ctx, l.one)
	require.NoError(t, err)
	require.Equal(t, [2]int{2, 1}, [2]int{w.Days[1].Singles, w.Days[1].SinglesPos})
	require.Zero(t, w.Days[0].Singles)
}
