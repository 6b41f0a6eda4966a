package instruments_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/instruments/sim"
	"natlims/lims/plate"
)

// TestWhole cuts files of every model at many places: a whole one is never held back, and an archive that is cut always is.
func TestWhole(t *testing.T) {
	t.Parallel()
	p := sim.Plate{Layout: plate.Layout{Code: "P1", Format: plate.F96}, Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}},
		Truth: func(string, string) (float64, bool) { return 24.35, true }}
	for i := range 8 {
		p.Layout.Wells = append(p.Layout.Wells, plate.Well{Pos: plate.F96.At(i), Role: plate.Sample, Code: "S-" + string(rune('1'+i))})
	}
	for _, m := range sim.Models() {
		if m.Wire != sim.File {
			continue
		}
		all, err := m.Messages(p)
		require.NoError(t, err, m.Name)
		raw := all[0].Bytes
		require.NoError(t, instruments.Whole("x", raw), m.Name)
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		_, err = w.Write(raw)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		files := [][]byte{zipped.Bytes()}
		if bytes.HasPrefix(raw, []byte("PK\x03\x04")) {
			files = append(files, raw)
		}
		for _, f := range files {
			require.NoError(t, instruments.Whole("x", f), m.Name)
			for _, part := range []int{2, 3, 10} {
				err := instruments.Whole("x", f[:len(f)-len(f)/part])
				var e *instruments.Error
				require.ErrorAs(t, err, &e, "%s without its last %d bytes", m.Name, len(f)/part)
				require.Equal(t, instruments.CodeIncomplete, e.Code)
			}
		}
	}
	files, err := filepath.Glob("testdata/*/*.csv")
	require.NoError(t, err)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		require.NoError(t, err)
		if _, err := instruments.Decode(&instruments.File{Raw: raw}, ""); err == nil && bytes.HasSuffix(raw, []byte("\n")) && filepath.Base(f) != "cut.csv" {
			require.NoError(t, instruments.Whole(f, raw), f)
		}
	}
}
