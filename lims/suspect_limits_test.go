package lims_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/lims"
)

func TestSuspicionLimits(t *testing.T) {
	t.Parallel()
	require.NoError(t, lims.Suspicion{}.Check(), "what is not said is built in")
	require.NoError(t, lims.Suspicion{Strong: 18, Weak: 32.5}.Check())
	for name, tt := range map[string]struct {
		s    lims.Suspicion
		code string
	}{
		"too strong":  {lims.Suspicion{Strong: 36}, "suspicion.range"},
		"negative":    {lims.Suspicion{CqOff: -1}, "suspicion.range"},
		"certain":     {lims.Suspicion{Chance: 1}, "suspicion.range"},
		"too long":    {lims.Suspicion{Gone: 24*lims.DeltaDays + 1}, "suspicion.range"},
		"half a well": {lims.Suspicion{Few: 2.5}, "suspicion.range"},
		"weak strong": {lims.Suspicion{Strong: 34}, "suspicion.order"},
	} {
		var e *lims.Error
		require.ErrorAs(t, tt.s.Check(), &e, name)
		require.Equal(t, tt.code, e.Code, name)
	}
	var s lims.Suspicion
	require.False(t, s.Set("mood", 1))
	require.True(t, s.Set("strong", 0))
	require.ErrorIs(t, s.Check(), lims.Invalid, "nothing is not the default")
}

// Every limit comes back from JSON as it was set, under its name.
func TestSuspicionIsKept(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s, back lims.Suspicion
		want := map[string]float64{}
		for _, f := range lims.SuspicionFields {
			want[f.Name] = rapid.Float64Range(f.Low, f.High).Draw(t, f.Name)
			require.True(t, s.Set(f.Name, want[f.Name]))
		}
		b, err := json.Marshal(s)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &back))
		var named map[string]any
		require.NoError(t, json.Unmarshal(b, &named))
		for _, f := range lims.SuspicionFields {
			require.Equal(t, want[f.Name], f.Value(back))
			require.Equal(t, want[f.Name], named[f.Name])
		}
	})
}
