package store_test

import (
	"math"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// weakAt is a clean plate with the weak positive at a Cq.
func weakAt(orf, n float64) truth {
	return func(w plate.Well) (v [2]float64, ic float64) {
		v, ic = clean(nil)(w)
		if w.Role == plate.Weak {
			v = [2]float64{orf, n}
		}
		return v, ic
	}
}

func (l *lab) weakLot() store.IQCLot {
	l.t.Helper()
	lot := store.IQCLot{Lab: l.one, Number: "W7", Level: "weak", Material: "third-party weak positive", Expires: l.clock.now().AddDate(0, 6, 0)}
	lot.ID = l.id(l.st.AddIQCLot(l.ctx, l.tech, lot))
	for _, target := range []string{"ORF1ab", "N"} {
		require.NoError(l.t, l.st.SetIQCGoal(l.ctx, l.chief, store.IQCGoal{Lot: lot.ID, Kit: l.kit, Target: target, Mean: 32, SD: 0.5}))
	}
	return lot
}

func TestIQCBlocksRelease(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.weakLot()
	codes := l.received(6, lims.Single)
	good := l.running(codes[:3])
	l.show(good, weakAt(32.2, 31.8))
	bad := l.running(codes[3:])
	require.Equal(t, "W7", get[string](l, `SELECT lot FROM wells WHERE plate_id = $1 AND role = 'weak'`, bad.ID))
	v := l.show(bad, weakAt(34, 32.1)) // 4 SD
	require.True(t, v.Accepted, "the weak positive is positive")
	l.touch()
	l.signed(codes[:3]...)
	ids := l.called(lims.Called, codes[3:]...)
	require.NoError(t, l.st.Check(l.ctx, l.checker, ids))
	args := refused(t, l.st.Release(l.ctx, l.releaser, ids), lims.Denied, "iqc.out_of_control")
	require.Equal(t, []string{bad.Code + " ORF1ab 1-3s"}, args["events"])
	_, err := l.st.DB().ExecContext(l.ctx, `UPDATE results SET state = 'released', released_at = checked_at, released_by = $2, cursor = id WHERE id = ANY($1)`, pq.Array(ids), l.releaser.ID)
	require.ErrorContains(t, err, "iqc_out_of_control")
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM alerts WHERE kind = 'iqc'`))

	open, err := l.st.IQCEvents(l.ctx, store.Scope{Lab: l.one}, true)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.InDelta(t, 4, *open[0].Z, 1e-9)
	require.Len(t, all[string](l, `SELECT rule FROM iqc_events WHERE NOT reject`), 1, "1-2s is a warning")
	refused(t, l.st.CloseIQC(l.ctx, l.checker, open[0].ID, "x", "y"), lims.Denied, "role.needed")
	refused(t, l.st.CloseIQC(l.ctx, l.chief, open[0].ID, "pipette", " "), lims.Invalid, "iqc.cause")
	refused(t, l.st.CloseIQC(l.ctx, l.east, open[0].ID, "pipette", "new tip"), lims.Conflict, "state.moved")
	require.NoError(t, l.st.CloseIQC(l.ctx, l.chief, open[0].ID, "pipette", "repeated, in control"))
	refused(t, l.st.CloseIQC(l.ctx, l.chief, open[0].ID, "again", "again"), lims.Conflict, "state.moved")
	require.NoError(t, l.st.Release(l.ctx, l.releaser, ids))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM iqc_points WHERE left_out`))
}

// One series is a kit, its lot, the control's lot, an instrument and a target: 2-2s asks two points of one series, and a point
// whose record is closed counts no more.
func TestIQCSeries(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.weakLot()
	codes := l.received(6, lims.Single)
	for i, orf := range []float64{33.2, 33.3, 33.25} { // 2.4, 2.6, 2.5 SD
		l.show(l.running(codes[i:i+1]), weakAt(orf, 32))
		if i == 1 {
			open, err := l.st.IQCEvents(l.ctx, store.Scope{Lab: l.one}, true)
			require.NoError(t, err)
			require.Len(t, open, 1)
			require.Equal(t, "2-2s ORF1ab", open[0].Rule+" "+open[0].Target)
			require.NoError(t, l.st.CloseIQC(l.ctx, l.chief, open[0].ID, "new extraction lot", "goal is set anew"))
		}
	}
	require.Equal(t, []string{"2-2s", "2-2s"}, all[string](l, `SELECT rule FROM iqc_events WHERE reject ORDER BY id`), "against the first, which stands")
	series, err := l.st.IQCSeriesOf(l.ctx, l.one)
	require.NoError(t, err)
	require.Len(t, series, 2)
	for _, one := range series {
		c, err := l.st.IQCChart(l.ctx, one)
		require.NoError(t, err)
		require.Len(t, c.Points, 3)
		require.Equal(t, "QS5 W7 LOT1", one.Code+" "+one.IQCLot+" "+one.KitLot)
		if one.Target == "ORF1ab" {
			require.Equal(t, []int{0, 2}, c.At)
			require.True(t, c.Points[1].LeftOut)
		}
	}
}

// Without a goal the first points go by Grubbs.
func TestIQCFirstPoints(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(8, lims.Single)
	for i, code := range codes[:7] {
		l.show(l.running([]string{code}), weakAt(32+0.1*math.Mod(float64(i)*1.7, 3), 31.5))
	}
	require.Empty(t, all[string](l, `SELECT rule FROM iqc_events`))
	l.show(l.running(codes[7:]), weakAt(35.5, 31.5))
	require.Equal(t, []string{"grubbs-3s"}, all[string](l, `SELECT rule FROM iqc_events WHERE reject`))
}

func TestIQCGoalsAndLots(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	lot := l.weakLot()
	refused(t, l.st.SetIQCGoal(l.ctx, l.tech, store.IQCGoal{Lot: lot.ID, Kit: l.kit, Target: "N", Mean: 31, SD: 1}), lims.Denied, "role.needed")
	refused(t, l.st.SetIQCGoal(l.ctx, l.chief, store.IQCGoal{Lot: lot.ID, Kit: l.kit, Target: "N", Mean: 31}), lims.Invalid, "iqc.goal")
	refused(t, l.st.SetIQCGoal(l.ctx, l.chief, store.IQCGoal{Lot: lot.ID, Kit: l.kit, Target: "N", Mean: math.NaN(), SD: 1}), lims.Invalid, "iqc.goal")
	refused(t, l.st.SetIQCGoal(l.ctx, l.chief, store.IQCGoal{Lot: lot.ID, Kit: l.kit, Target: "IC", Mean: 31, SD: 1}), lims.Invalid, "iqc.target")
	refused(t, l.st.SetIQCGoal(l.ctx, l.east, store.IQCGoal{Lot: lot.ID, Kit: l.kit, Target: "N", Mean: 31, SD: 1}), lims.NotFound, "not_found")
	goals, err := l.st.IQCGoals(l.ctx, l.one)
	require.NoError(t, err)
	require.Len(t, goals, 2)
	_, err = l.st.AddIQCLot(l.ctx, l.tech, store.IQCLot{Lab: l.one, Number: "W8", Level: "strong", Material: "x", Expires: l.clock.now()})
	refused(t, err, lims.Invalid, "lot.incomplete")
	_, err = l.st.AddIQCLot(l.ctx, l.tech, store.IQCLot{Lab: l.two, Number: "W8", Level: "weak", Material: "x", Expires: l.clock.now()})
	refused(t, err, lims.NotFound, "not_found")
	l.id(l.st.AddIQCLot(l.ctx, l.tech, store.IQCLot{Lab: l.one, Number: "W6", Level: "weak", Material: "x", Expires: l.clock.now().Add(-48 * time.Hour)}))
	p, err := l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: l.received(1, lims.Single)})
	require.NoError(t, err)
	require.Equal(t, "W7", get[string](l, `SELECT lot FROM wells WHERE plate_id = $1 AND role = 'weak'`, p.ID), "the newest that has not expired")
}
