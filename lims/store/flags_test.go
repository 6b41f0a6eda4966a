package store_test

import (
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// Nothing of a plate leaves before somebody has looked at every flag, not even by a hand at the database.
func TestFlagsMustBeTouched(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(4, lims.Single)
	p := l.running(codes)
	same := [2]float64{24.11, 23.52}
	twin := clean(map[string][2]float64{codes[0]: same, codes[1]: same})
	l.show(p, func(w plate.Well) (v [2]float64, ic float64) {
		v, ic = twin(w)
		if w.Code == codes[0] || w.Code == codes[1] {
			ic = 25
		}
		return v, ic
	})
	flags, err := l.st.PlateFlags(l.ctx, p.ID)
	require.NoError(t, err)
	require.Len(t, flags, 2)
	require.Equal(t, "identical_cq "+codes[0], flags[0].Code+" "+flags[0].Barcode)
	require.Equal(t, "positive held flag.identical_cq; positive held flag.identical_cq; negative called; negative called", l.results(codes...))
	require.NoError(t, l.st.Check(l.ctx, l.checker, append(l.called(lims.Called, codes...), l.called(lims.Held, codes...)...)))
	clean := l.called(lims.Checked, codes[2:]...)
	args := refused(t, l.st.Release(l.ctx, l.releaser, clean), lims.Denied, "flags.untouched")
	require.Len(t, args["wells"], 2, "%v", args)
	_, err = l.st.DB().ExecContext(l.ctx, `UPDATE results SET state = 'released', released_at = checked_at, released_by = $2, cursor = id WHERE id = ANY($1)`,
		pq.Array(clean), l.releaser.ID)
	require.ErrorContains(t, err, "flags_untouched")

	refused(t, l.st.TouchFlags(l.ctx, l.tech, []int64{flags[0].ID}, "x"), lims.Denied, "role.needed")
	refused(t, l.st.TouchFlags(l.ctx, l.checker, []int64{flags[0].ID}, " "), lims.Invalid, "flag.note")
	refused(t, l.st.TouchFlags(l.ctx, l.east, []int64{flags[0].ID}, "not mine"), lims.Conflict, "state.moved")
	require.NoError(t, l.st.TouchFlags(l.ctx, l.checker, []int64{flags[0].ID}, "curves differ"))
	args = refused(t, l.st.Release(l.ctx, l.releaser, clean), lims.Denied, "flags.untouched")
	require.Equal(t, []string{p.Code + " " + flags[1].Pos}, args["wells"])
	require.NoError(t, l.st.TouchFlags(l.ctx, l.releaser, []int64{flags[1].ID}, "curves differ"))
	refused(t, l.st.TouchFlags(l.ctx, l.checker, []int64{flags[1].ID}, "again"), lims.Conflict, "state.moved")
	require.NoError(t, l.st.Release(l.ctx, l.releaser, clean))
	open, err := l.st.UntouchedFlags(l.ctx, store.Scope{Lab: l.one})
	require.NoError(t, err)
	require.Empty(t, open)
}

// A positive of yesterday that is negative today is looked at.
func TestDeltaCheck(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first := l.received(1, lims.Single)
	l.show(l.running(first), clean(map[string][2]float64{first[0]: {24, 23.5}}))
	l.touch()
	l.signed(first...)
	second := l.received(1, lims.Single) // the same document number
	l.show(l.running(second), clean(nil))
	require.Equal(t, "negative held flag.delta", l.results(second...))
}
