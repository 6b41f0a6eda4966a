package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/pooling"
)

// Two kits on a pool: negative where both say so, and whatever else one of them says sends its tubes to be tested singly.
func TestTwoKitsOnAPool(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	other := l.second()
	codes := l.singles(12, lims.Screening)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 3, codes))
	l.mixed(pools...)
	lay := store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: pools, Second: &store.SecondKit{Kit: other, Lot: "LOT2"}}
	_, err := l.st.Lay(l.ctx, l.tech, lay)
	args := refused(t, err, lims.Denied, "pool.unvalidated")
	require.Equal(t, other, args["kit"], "the second kit is not validated for pools")
	require.NoError(t, l.st.ValidatePool(l.ctx, l.chief, store.Validation{Lab: l.one, Kit: other, Kind: pooling.Media, N: 5, Tested: 20, Detected: 19, Source: "V-2"}))

	p := l.ran(lay)
	layout, err := l.st.Layout(l.ctx, p.ID)
	require.NoError(t, err)
	arms := map[string]int{}
	for _, w := range layout.Wells {
		arms[w.Arm]++
	}
	require.Equal(t, [2]int{4, 4}, [2]int{arms["A"], arms["B"]})
	hit := [2]float64{27.4, 26.9}
	l.show(p, clean(map[string][2]float64{pools[1]: hit, pools[2] + " " + l.kit: {28.4, 27.9}, pools[3] + " " + other: {29.4, 28.9}}))
	require.Equal(t, "read NEG; read POS; read POS; read POS", strings.Join([]string{l.pool(pools[0]), l.pool(pools[1]), l.pool(pools[2]), l.pool(pools[3])}, "; "))
	require.Equal(t, "read", l.states(l.inPool(pools[0])...))
	for _, one := range pools[1:] {
		require.Equal(t, "received", l.states(l.inPool(one)...), "either kit accuses them")
	}
	require.Equal(t, 3, get[int](l, `SELECT count(*) FROM results`))
	require.Equal(t, []string{"NEG", "POS"}, all[string](l, `SELECT r.call FROM pool_reads r JOIN pools p ON p.id = r.pool_id WHERE p.code = $1 ORDER BY r.call`, pools[2]))

	l.touch()
	first := l.inPool(pools[0])
	l.signed(first...)
	report, err := l.st.ReportFor(l.ctx, l.chief, l.dep, l.called(lims.Released, first[0]), "zh")
	require.NoError(t, err)
	require.Len(t, report.Results[0].Arms, 2)
	require.Equal(t, "LOT1 LOT2", report.Results[0].Arms[0].Lot+" "+report.Results[0].Arms[1].Lot)
	chain, err := l.st.ProofOf(l.ctx, get[int64](l, `SELECT id FROM samples WHERE barcode = $1`, first[0]))
	require.NoError(t, err)
	require.Len(t, chain, 2, "both kits are in the proof")
	require.NotEqual(t, chain[0].Kit, chain[1].Kit)
}

// A pool that was tested with two kits is tested with both again.
func TestPoolOfTwoKitsAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	other := l.second()
	require.NoError(t, l.st.ValidatePool(l.ctx, l.chief, store.Validation{Lab: l.one, Kit: other, Kind: pooling.Media, N: 5, Tested: 20, Detected: 19, Source: "V-2"}))
	codes := l.singles(3, lims.Screening)
	_, pools := l.pools(l.plan(pooling.OptDorfman, 3, codes))
	l.mixed(pools...)
	lay := store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: pools, Second: &store.SecondKit{Kit: other, Lot: "LOT2"}}
	require.NoError(t, l.st.VoidPlate(l.ctx, l.tech, l.ran(lay).ID, "dropped"))
	_, err := l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: pools})
	args := refused(t, err, lims.Conflict, "pool.two_kits")
	require.Equal(t, pools, args["pools"])
	lay.Kit, lay.Lot, lay.Second = other, "LOT2", &store.SecondKit{Kit: l.kit, Lot: "LOT1"} // the other way round is the same
	l.show(l.ran(lay), clean(nil))
	require.Equal(t, "negative called", l.results(codes[0]))
}

// The tubes of a pool have no arms of their own: not while it is out, and not before.
func TestTubesOfAPoolHaveNoArms(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.pooling(10)
	other := l.second()
	codes := l.singles(4, lims.Screening)
	ask := store.Ask{Lab: l.one, Barcodes: codes[:1], First: l.kit, Second: other}
	require.NoError(t, l.st.AskParallel(l.ctx, l.tech, ask))
	_, err := l.st.PlanPools(l.ctx, l.tech, l.plan(pooling.OptDorfman, 4, codes))
	args := refused(t, err, lims.Conflict, "pool.paired")
	require.Equal(t, codes[:1], args["barcodes"])
	_, pools := l.pools(l.plan(pooling.OptDorfman, 3, codes[1:]))
	ask.Barcodes = codes[1:2]
	args = refused(t, l.st.AskParallel(l.ctx, l.tech, ask), lims.Conflict, "arm.in_pool")
	require.Equal(t, codes[1:2], args["barcodes"])
	l.mixed(pools...)
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: pools}), clean(map[string][2]float64{pools[0]: {27.4, 26.9}}))
	require.NoError(t, l.st.AskParallel(l.ctx, l.tech, ask), "tested singly from now on")
}
