package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// A program checks clean negatives only, in the name of somebody who has agreed, and says by which rules.
func TestAutoCheck(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	rules := lims.AutoRules{On: true, Kits: []string{l.kit}, Internal: map[string]float64{"IC": 35}, Ignore: []string{"curve_unseen"}}
	set := func(by lims.Actor, named int64) (int64, error) {
		return l.st.SetRules(l.ctx, by, store.NewRules{Lab: l.one, Kind: store.AutoRules, From: l.clock.now(), Source: "SOP 7", Body: rules, Named: named})
	}
	_, err := set(l.checker, l.checker.ID)
	refused(t, err, lims.Denied, "role.needed")
	_, err = set(l.chief, 0)
	refused(t, err, lims.Invalid, "rules.two_people")
	_, err = set(l.chief, l.chief.ID)
	refused(t, err, lims.Invalid, "rules.two_people")
	_, err = set(l.chief, l.tech.ID)
	refused(t, err, lims.Invalid, "rules.named")
	codes := l.received(9, lims.Single)
	l.show(l.running(codes[:2]), clean(nil))
	require.Equal(t, "negative called; negative called", l.results(codes[:2]...), "off, unless somebody switched it on")
	id, err := set(l.chief, l.checker.ID)
	require.NoError(t, err)
	l.show(l.running(codes[2:4]), clean(nil))
	require.Equal(t, "negative called; negative called", l.results(codes[2:4]...), "not before the named person has agreed")
	refused(t, l.st.AcceptRules(l.ctx, l.both, id), lims.Denied, "rules.not_named")
	require.NoError(t, l.st.AcceptRules(l.ctx, l.checker, id))
	refused(t, l.st.AcceptRules(l.ctx, l.checker, id), lims.Denied, "rules.not_named")

	l.show(l.running(codes[4:7]), clean(map[string][2]float64{codes[6]: {24, 23.5}}))
	require.Equal(t, "negative checked; negative checked; positive called", l.results(codes[4:7]...))
	require.Equal(t, []string{"1"}, all[string](l, `SELECT DISTINCT auto_version FROM results WHERE state = 'checked' AND checked_by = $1`, l.checker.ID))
	ids := l.called(lims.Checked, codes[4:7]...)
	boss := l.checker
	boss.Roles = []lims.Role{lims.Releaser}
	refused(t, l.st.Release(l.ctx, boss, ids), lims.Denied, "release.same_person")
	require.NoError(t, l.st.Release(l.ctx, l.releaser, ids))

	require.NoError(t, l.st.EndRules(l.ctx, l.chief, id))
	l.show(l.running(codes[7:8]), clean(nil))
	require.Equal(t, "negative called", l.results(codes[7]))
	rows, err := l.st.RulesOf(l.ctx, l.one, store.AutoRules)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, "chief checker", rows[0].SetBy+" "+rows[0].Named)
	_, err = l.st.DB().ExecContext(l.ctx, `UPDATE results SET auto_version = '1' WHERE call = 'positive'`)
	require.Error(t, err, "only negatives")
}
