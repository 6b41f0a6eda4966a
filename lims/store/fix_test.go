package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// turned is a run of a plate that was put into the instrument the wrong way round: the worklist's names stand where they stood,
// what is found has moved.
func turnedRun(r pcr.Run, t plate.Turn) pcr.Run {
	found := map[string]map[string]pcr.Reading{}
	for _, x := range r.Readings {
		p, _ := plate.ParsePos(x.Well)
		to, _ := t.To(plate.F96, p)
		if found[to.String()] == nil {
			found[to.String()] = map[string]pcr.Reading{}
		}
		found[to.String()][x.Target] = x
	}
	out := r
	out.Readings, out.Curves = nil, nil
	for _, x := range r.Readings {
		y, ok := found[x.Well][x.Target]
		if !ok {
			y = pcr.Reading{State: pcr.NoCq, CqText: "Undetermined"}
		}
		x.State, x.Cq, x.CqText = y.State, y.Cq, y.CqText
		out.Readings = append(out.Readings, x)
	}
	return out
}

func TestFixNeedsTwoPeople(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	chief2 := l.person("chief2", l.one, 0, lims.Supervisor)
	codes := l.received(90, lims.Single)
	p := l.running(codes)
	found := map[string][2]float64{codes[3]: {24.2, 23.7}, codes[60]: {29.2, 28.7}}
	r := turnedRun(l.says(p, clean(found)), plate.Rotated)
	c, err := l.st.Case(l.ctx, r, p, "QuantStudio 5")
	require.NoError(t, err)
	v := lims.Judge(c)
	require.False(t, v.Accepted)
	require.NotEmpty(t, v.Fits)
	require.Equal(t, plate.Rotated, v.Fits[0].Turn)

	m := l.message("turned run")
	propose := func(f store.Fix) (int64, error) { f.Message = m.ID; return l.st.ProposeFix(l.ctx, l.chief, f) }
	good := store.Fix{Plate: p.ID, Turn: plate.Rotated, Reason: "found upside down"}
	_, err = propose(good)
	refused(t, err, lims.Conflict, "state.moved")
	require.NoError(t, l.st.ParkMessage(l.ctx, m, "quantstudio", "run.fits_other", lims.Args{"plate": p.Code}))
	m.State = lims.Parked
	refused(t, l.st.BindMessage(l.ctx, l.chief, m.ID, p.ID), lims.Denied, "fix.two_people")
	_, err = propose(store.Fix{Plate: p.ID, Turn: plate.Rotated})
	refused(t, err, lims.Invalid, "reason.needed")
	_, err = propose(store.Fix{Plate: p.ID, Turn: plate.ShiftDown, Reason: "x"})
	refused(t, err, lims.Invalid, "fix.turn")
	_, err = propose(store.Fix{Plate: p.ID, Waived: []string{"kit.unknown"}, Reason: "x"})
	refused(t, err, lims.Invalid, "fix.waived")
	_, err = propose(store.Fix{Plate: 999, Reason: "x"})
	refused(t, err, lims.NotFound, "plate.unknown")
	_, err = l.st.ProposeFix(l.ctx, l.tech, good)
	refused(t, err, lims.Denied, "role.needed")
	id, err := propose(good)
	require.NoError(t, err)
	_, err = propose(good)
	refused(t, err, lims.Conflict, "fix.open")
	refused(t, l.st.ConfirmFix(l.ctx, l.chief, id), lims.Denied, "fix.same_person")
	refused(t, l.st.ConfirmFix(l.ctx, l.east, id), lims.NotFound, "not_found")
	_, err = l.st.DB().ExecContext(l.ctx, `UPDATE fixes SET confirmed_by = proposed_by, confirmed_at = proposed_at`)
	require.Error(t, err, "the database holds that they are two")
	f, err := l.st.FixOf(l.ctx, m.ID)
	require.NoError(t, err)
	require.Zero(t, f.ID, "one person's word is not enough")
	require.NoError(t, l.st.DeclineFix(l.ctx, l.chief, id))
	refused(t, l.st.ConfirmFix(l.ctx, chief2, id), lims.Conflict, "state.moved")
	id, err = propose(good)
	require.NoError(t, err)
	require.NoError(t, l.st.ConfirmFix(l.ctx, chief2, id))
	kept, err := l.st.KeptMessages(l.ctx, 0, 10)
	require.NoError(t, err)
	require.Len(t, kept, 1, "it is judged again")

	f, err = l.st.FixOf(l.ctx, m.ID)
	require.NoError(t, err)
	f.Apply(&c)
	v = lims.Judge(c)
	require.Empty(t, v.Differences)
	require.True(t, v.Accepted)
	require.NoError(t, l.st.Record(l.ctx, m, "quantstudio", []store.Judged{{Run: c.Run, Plate: p.ID, Case: c, Verdict: v}}))
	require.Equal(t, []string{codes[3], codes[60]}, all[string](l, `SELECT s.barcode FROM results r JOIN samples s ON s.id = r.sample_id WHERE r.call = 'positive' ORDER BY 1`),
		"who is positive is who was positive")
	require.Equal(t, id, get[int64](l, `SELECT fix_id FROM runs`))
	fixes, err := l.st.Fixes(l.ctx, m.ID)
	require.NoError(t, err)
	require.Len(t, fixes, 2)
	require.Equal(t, "chief2", fixes[0].ConfirmedBy)
}

// A slipped plate loses a column; its wells are waived by two people and nothing in them becomes negative.
func TestFixSlipWaivesTheLostColumn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(90, lims.Single)
	p := l.running(codes)
	r := l.says(p, clean(nil))
	c, err := l.st.Case(l.ctx, turnedRun(r, plate.SlipRight), p, "QuantStudio 5")
	require.NoError(t, err)
	f := store.Fix{ID: 1, Turn: plate.SlipRight}
	asIs := c
	f.Apply(&asIs)
	require.NotEmpty(t, lims.Judge(asIs).Differences, "a column is missing")
	f.Waived = []string{"well.missing"}
	f.Apply(&c)
	v := lims.Judge(c)
	require.Empty(t, v.Differences)
	for _, w := range v.Wells {
		if w.Pos.Col == 11 {
			require.NotEqual(t, pcr.Negative, w.Call.Call, w.Pos)
		}
	}
}
