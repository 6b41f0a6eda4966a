package instruments_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
)

// FuzzDecode asks every driver, detected or named, to read any bytes: no panic, every error an *Error, every reading sound.
// The seeds are all files of testdata, so that each decoder starts from its own formats.
func FuzzDecode(f *testing.F) {
	for _, file := range cases(f) {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(raw, "")
	}
	for _, d := range instruments.All() {
		f.Add([]byte("Well,Cq\nA1,1\n"), d.Name)
	}
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		if len(raw) > 64<<10 {
			return // time, not memory: the limits are tested elsewhere
		}
		runs, err := instruments.Decode(&instruments.File{Raw: raw}, name)
		var e *instruments.Error
		require.True(t, err == nil || errors.As(err, &e), "%v", err)
		for _, run := range runs {
			require.LessOrEqual(t, len(run.Readings), instruments.MaxCells)
		}
		sound(t, "fuzz", runs)
	})
}

// FuzzText reads any bytes as text and cuts them into rows: no line and no row may be lost or made up.
func FuzzText(f *testing.F) {
	for _, file := range cases(f) {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 64<<10 {
			return
		}
		text, err := (&instruments.File{Raw: raw}).Text()
		if err != nil {
			return
		}
		rows, err := instruments.SplitRows(text.Lines, 1, instruments.Delimiter(text.Lines))
		require.NoError(t, err)
		require.LessOrEqual(t, len(rows), len(text.Lines))
		last := 0
		for _, r := range rows {
			require.Greater(t, r.Line, last)
			require.NotEmpty(t, r.Cells)
			last = r.Line
		}
	})
}

// FuzzMapping reads any mapping and uses it on any table.
func FuzzMapping(f *testing.F) {
	f.Add([]byte(gentier), []byte("孔;样本;通道;x;结果Ct\nA1;S;FAM;O;3\n"))
	f.Add([]byte(`{"name":"x","row":1,"columns":{"well":"#1","cq":"#4096"}}`), []byte("Well,Cq\nA1,3\n"))
	f.Fuzz(func(t *testing.T, mapping, raw []byte) {
		m, err := instruments.ReadMapping(mapping)
		if err != nil || len(raw) > 16<<10 {
			return
		}
		p, _ := m.Preview(&instruments.File{Raw: raw}, 5)
		require.LessOrEqual(t, len(p.Readings), 5)
	})
}
