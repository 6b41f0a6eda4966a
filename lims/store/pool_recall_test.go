package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/pooling"
)

// A pool that shares an extraction batch with a plate whose extraction control fails said nothing: what its tubes have from it is
// withdrawn, and it is extracted again. What is released stays.
func TestFailedBatchOfAPool(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	extracted := l.withNEC()
	codes := l.singles(9, lims.Screening)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 3, codes))
	l.mixed(pools...)
	first := l.inPool(pools[0])
	p := l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: pools, Batch: "E1"})
	l.show(p, clean(map[string][2]float64{pools[2]: {24.4, 23.9}}))
	sick := l.inPool(pools[2])
	require.Equal(t, "received", l.states(sick...), "tested singly")
	l.touch()
	l.signed(first[:1]...)
	other := l.received(1, lims.Single)
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: extracted, Lot: "LOT2", Codes: other, Batch: "E1"}), dirty(nil))

	require.Equal(t, "negative released; negative withdrawn batch.failed", l.results(first[0], first[1]))
	require.Equal(t, "1 5", get[string](l, `SELECT (args->>'released') || ' ' || (args->>'withdrawn') FROM alerts WHERE key LIKE 'batch_failed:%'`))
	require.Equal(t, "received; received; read POS", strings.Join([]string{l.pool(pools[0]), l.pool(pools[1]), l.pool(pools[2])}, "; "))
	require.Equal(t, "closed loaded", strings.Join(unique([]string{l.states(first[0]), l.states(first[1:]...)}), " "))
	require.Equal(t, "received", l.states(sick...), "stay on their way")
	require.Zero(t, get[int](l, `SELECT count(*) FROM pool_reads WHERE used`))

	_, err := l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: pools[:2], Batch: "E1"})
	refused(t, err, lims.Conflict, "batch.failed")
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: pools[:2], Batch: "E2"}), clean(map[string][2]float64{pools[1]: {26.4, 25.9}}))
	require.Equal(t, "negative released; negative called", l.results(first[0], first[1]))
	require.Equal(t, "received", l.states(l.inPool(pools[1])...), "positive this time")
	require.Equal(t, 0, get[int](l, `SELECT max(repeats) FROM pools`), "it was not the pools' fault")
}

// In an array the rows that hold keep their word; who was cleared by the one that does not is in its pool again.
func TestFailedBatchOfAnArray(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	extracted := l.withNEC()
	codes := l.singles(9, lims.Screening)
	n := l.plan(pooling.OptArray, 3, codes)
	n.Rows, n.Cols = 3, 3
	_, pools := l.pools(n)
	l.mixed(pools...)
	rows := all[string](l, `SELECT code FROM pools WHERE axis = 'row' ORDER BY number`)
	columns := all[string](l, `SELECT code FROM pools WHERE axis = 'column' ORDER BY number`)
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: append(columns, rows[1:]...), Batch: "E1"}), clean(nil))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: rows[:1], Batch: "E2"}), clean(nil))
	require.Equal(t, 9, get[int](l, `SELECT count(*) FROM results WHERE state = 'called'`))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: extracted, Lot: "LOT2", Codes: l.received(1, lims.Single), Batch: "E2"}), dirty(nil))
	require.Equal(t, "received", l.pool(rows[0]))
	require.Equal(t, "loaded", l.states(l.inPool(rows[0])...))
	require.Equal(t, 6, get[int](l, `SELECT count(*) FROM results WHERE state = 'called' AND call = 'negative'`), "decided anew by what holds")
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: rows[:1]}), clean(nil))
	require.Equal(t, 9, get[int](l, `SELECT count(*) FROM results WHERE state = 'called' AND call = 'negative'`))
}

// What is suspicious in the well of a pool is told of the pool.
func TestFlagNamesItsPool(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 2, l.singles(2, lims.Screening)))
	l.mixed(pools...)
	p := l.running(append(l.singles(1, lims.Voluntary), pools...))
	j := l.judged(p, nil)
	for i := range j.Verdict.Wells {
		j.Verdict.Wells[i].Flags = []lims.Flag{{Code: "delta", Pos: j.Verdict.Wells[i].Pos, Args: lims.Args{"was": "positive", "hours": 3}}}
	}
	require.NoError(t, l.st.Record(l.ctx, l.message("run of "+p.Code), "quantstudio", []store.Judged{j}))
	flags, err := l.st.PlateFlags(l.ctx, p.ID)
	require.NoError(t, err)
	require.Len(t, flags, 2)
	for _, f := range flags {
		require.Equal(t, f.Barcode == "", f.Pool == pools[0], "%+v", f)
	}
}
