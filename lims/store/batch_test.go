package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// withNEC is a kit with a negative extraction control.
func (l *lab) withNEC() string {
	return l.put("daan", func(s string) string {
		return strings.Replace(s, "id: daan", "id: extracted", 1) +
			"  - {id: NEC, role: nec, scope: extraction_batch, per_batch_min: 1, expect: {ORF1ab: none, N: none}, on_fail: reextract_batch}\n"
	})
}

// dirty is a plate whose extraction control shows a virus.
func dirty(found map[string][2]float64) truth {
	return func(w plate.Well) (v [2]float64, ic float64) {
		v, ic = clean(found)(w)
		if w.Role == plate.Extraction {
			v = [2]float64{30.2, 30.4}
		}
		return v, ic
	}
}

// A failed extraction control takes its batch back on other plates: read ones and those that are not read yet. What is
// released stays, and somebody is told.
func TestFailedBatchAcrossPlates(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	kit := l.withNEC()
	codes := l.received(8, lims.Single)
	other := l.received(1, lims.Single)
	lay := func(batch string, codes ...string) store.Plate {
		return l.ran(store.NewPlate{Lab: l.one, Kit: kit, Lot: "LOT2", Codes: codes, Batch: batch})
	}
	first, third := lay("E1", codes[:3]...), lay("E1", codes[5:]...)
	apart := lay("E2", other...)
	l.show(first, clean(map[string][2]float64{codes[0]: {24, 23.5}}))
	l.show(apart, clean(nil))
	l.touch()
	l.signed(codes[1])
	second := lay("E1", codes[3:5]...)
	v := l.show(second, dirty(nil))
	require.True(t, v.Accepted, "the plate itself holds")
	require.Equal(t, []string{"E1"}, v.Batches)

	require.Equal(t, "received", l.states(codes[3:5]...), "its own tubes are extracted again")
	require.Equal(t, "positive withdrawn batch.failed; negative released; negative withdrawn batch.failed", l.results(codes[:3]...))
	require.Equal(t, "received closed received", l.states(codes[:3]...))
	require.Equal(t, "negative called", l.results(other...), "another batch is not touched")
	require.Equal(t, "1 2", get[string](l, `SELECT (args->>'released') || ' ' || (args->>'withdrawn') FROM alerts WHERE key = 'batch_failed:'||$1`, second.Code))

	l.show(third, clean(nil)) // was on the cycler meanwhile
	require.Equal(t, "-; -; -", l.results(codes[5:]...))
	require.Equal(t, "received", l.states(codes[5:]...))
	work, err := l.st.Worklist(l.ctx, store.Scope{Lab: l.one})
	require.NoError(t, err)
	require.Len(t, work, 7)
	for _, w := range work {
		require.Equal(t, "reextract batch_failed", w.Action+" "+w.Why)
	}

	_, err = l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: kit, Lot: "LOT2", Codes: codes[3:5], Batch: "E1"})
	refused(t, err, lims.Conflict, "batch.failed")
	again := lay("E3", codes[3:5]...)
	require.Len(t, all[int64](l, `SELECT id FROM steps WHERE done_at IS NULL`), 5, "tubes on a plate are no open work")
	l.show(again, clean(nil))
	require.Equal(t, "negative called; negative called", l.results(codes[3:5]...))
}

// What the calls prescribe is on the worklist until the tube is on a plate again or its result is signed.
func TestNextSteps(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(3, lims.Single)
	p := l.running(codes)
	l.show(p, clean(map[string][2]float64{codes[1]: {38.2, 0}}))
	rows, err := l.st.PlateSteps(l.ctx, p.ID)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, []string{"reextract", "retest_other_kit"}, []string{rows[0].Action, rows[1].Action})
	l.show(l.running(codes[1:2]), clean(map[string][2]float64{codes[1]: {38.4, 0}}))
	require.Equal(t, "suspicious called", l.results(codes[1]))
	require.Equal(t, []string{"resample"}, all[string](l, `SELECT action FROM steps WHERE done_at IS NULL`))
	l.touch()
	l.signed(codes...)
	require.Empty(t, all[string](l, `SELECT action FROM steps WHERE done_at IS NULL`))
}
