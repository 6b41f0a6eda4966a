package lims_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/lims"
)

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	kinds := []lims.Kind{lims.Invalid, lims.NotFound, lims.Conflict, lims.Denied, lims.Busy, lims.Broken}
	for _, k := range kinds {
		cause := errors.New("the cause")
		err := fmt.Errorf("station: %w", lims.Wrap(k, "some.code", cause))
		require.Equal(t, k, lims.KindOf(err))
		require.ErrorIs(t, err, cause)
		for _, other := range kinds {
			require.Equal(t, k == other, errors.Is(err, other), "%s is %s", k, other)
		}
		require.Equal(t, string(k)+" some.code", lims.KindText(err))
	}
	require.Equal(t, lims.Broken, lims.KindOf(errors.New("foreign")))
	require.Equal(t, "broken", lims.KindText(errors.New("name of a patient")), "foreign text is not shown")
	e := lims.E(lims.Conflict, "sample.taken", lims.Args{"b": []string{"S2"}, "a": 1})
	require.Equal(t, "sample.taken a=1 b=[S2]", e.Error())
	require.Equal(t, "sample.taken: x", lims.Wrap(lims.Conflict, "sample.taken", errors.New("x")).Error())
}

func TestResidentID(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, normal string
		ok         bool
	}{
		{"11010519491231002X", "11010519491231002X", true},
		{"440524188001010014", "440524188001010014", true},
		{"11010519491231002x", "11010519491231002X", true},
		{" 1101 0519 4912 3100 2Ｘ ", "11010519491231002X", true},
		{"１１０１０５１９４９１２３１００２ｘ", "11010519491231002X", true},
		{"110105-19491231-002X", "11010519491231002X", true},
		{"110105194912310021", "110105194912310021", false},
		{"11010519491231002", "11010519491231002", false},
		{"X10105194912310021", "X10105194912310021", false},
		{"", "", false},
		{"中文中文中文", "中文中文中文", false}, // 18 bytes, no digits
	}
	for _, tt := range tests {
		normal, ok := lims.ResidentID(tt.in)
		require.Equal(t, tt.normal, normal, tt.in)
		require.Equal(t, tt.ok, ok, tt.in)
	}
}

// ISO 7064 MOD 11-2 finds every wrong character and every swap of two neighbours.
func TestResidentIDFindsTypingErrors(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringMatching(`[1-9][0-9]{16}`).Draw(t, "body")
		good, found := "", 0
		for _, c := range "0123456789X" {
			if id, ok := lims.ResidentID(body + string(c)); ok {
				good, found = id, found+1
			}
		}
		require.Equal(t, 1, found, "one check character fits")
		i := rapid.IntRange(0, 16).Draw(t, "at")
		wrong := rapid.RuneFrom([]rune("0123456789")).Draw(t, "digit")
		if bad := good[:i] + string(wrong) + good[i+1:]; bad != good {
			_, ok := lims.ResidentID(bad)
			require.False(t, ok, bad)
		}
		if j := i + 1; good[i] != good[j] {
			_, ok := lims.ResidentID(good[:i] + string(good[j]) + string(good[i]) + good[j+1:])
			require.False(t, ok, "swap at %d of %s", i, good)
		}
	})
}

func TestModesAndCategories(t *testing.T) {
	t.Parallel()
	for m, n := range map[lims.Mode]int{lims.Single: 1, lims.Household: 10, lims.Mixed5: 5, lims.Mixed10: 10, lims.Mixed20: 20, "": 0, "mixed50": 0, "SINGLE": 0} {
		require.Equal(t, n, m.Capacity(), m)
	}
	for c, n := range map[lims.Category]int{lims.CloseContact: 1, lims.KeyPerson: 2, lims.FeverClinic: 2, lims.ColdChain: 3, lims.Screening: 4, lims.Voluntary: 5, "": 0, "vip": 0} {
		require.Equal(t, n, c.Priority(), c)
	}
}

func TestPolicyAllows(t *testing.T) {
	t.Parallel()
	p := lims.Policy{Modes: map[lims.Category][]lims.Mode{lims.Screening: {lims.Mixed10}}}
	for _, c := range []lims.Category{lims.CloseContact, lims.KeyPerson, lims.FeverClinic, lims.ColdChain, lims.Screening, lims.Voluntary, "unknown"} {
		for _, m := range []lims.Mode{lims.Single, lims.Household, lims.Mixed5, lims.Mixed10, lims.Mixed20, ""} {
			require.Equal(t, m == lims.Single || c == lims.Screening && m == lims.Mixed10, p.Allows(c, m), "%s %s", c, m)
			require.Equal(t, m == lims.Single, lims.Policy{}.Allows(c, m), "without a policy, singly only")
		}
	}
}

func TestActorHas(t *testing.T) {
	t.Parallel()
	a := lims.Actor{Roles: []lims.Role{lims.Checker, lims.Technician}}
	require.True(t, a.Has(lims.Releaser, lims.Technician))
	require.False(t, a.Has(lims.Releaser))
	require.False(t, a.Has())
	require.False(t, lims.Actor{}.Has(lims.Admin))
}
