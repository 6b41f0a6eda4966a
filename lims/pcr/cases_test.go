package pcr_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims/pcr"
)

// TestCases runs testdata/KIT/cases.tsv through each shipped kit and ties the two folders together.
func TestCases(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir("testdata")
	require.NoError(t, err)
	have := map[string]bool{}
	for _, d := range dirs {
		have[d.Name()] = true
	}
	for _, k := range pcr.Kits() {
		require.True(t, have[k.ID], "kit %s has no folder in testdata", k.ID)
		f, err := os.Open(filepath.Join("testdata", k.ID, "cases.tsv"))
		require.NoError(t, err)
		rows, err := pcr.Cases(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NotEmpty(t, rows)
		for _, r := range rows {
			require.Equal(t, k.ID, r.Kit, "line %d", r.Line)
			got := k.Call(r.Readings, r.Context)
			require.Equal(t, r.Call, got.Call, "%s line %d: %s", k.ID, r.Line, got.Why)
			require.Equal(t, r.Action, got.Action, "%s line %d: %s", k.ID, r.Line, got.Why)
		}
	}
}
