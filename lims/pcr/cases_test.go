package pcr_test

import (
	"os"
	"path/filepath"
	"strings"
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

// What a Cq may be written as; none of it says "no amplification" by accident.
func TestParseCq(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]pcr.Value{
		"31.2": {State: pcr.HasCq, Cq: 31.2}, "31,2": {State: pcr.HasCq, Cq: 31.2}, " 40.00 ": {State: pcr.HasCq, Cq: 40}, "3.8e1": {State: pcr.HasCq, Cq: 38},
		">40": {State: pcr.HasCq, Cq: 40, Above: true}, "> 40,0": {State: pcr.HasCq, Cq: 40, Above: true},
		"Undetermined": {State: pcr.NoCq}, "NoCt": {State: pcr.NoCq}, "No Ct": {State: pcr.NoCq}, "N/A": {State: pcr.NoCq}, "NaN": {State: pcr.NoCq}, "-": {State: pcr.NoCq}, "--": {State: pcr.NoCq},
		"": {State: pcr.Blank}, "0": {State: pcr.Blank}, "-1": {State: pcr.Blank}, "101": {State: pcr.Blank}, "Inf": {State: pcr.Blank}, "３８": {State: pcr.Blank},
		"0x1p5": {State: pcr.Blank}, "1_0": {State: pcr.Blank}, "3 8": {State: pcr.Blank}, "1,234.5": {State: pcr.Blank}, "<38": {State: pcr.Blank}, ">": {State: pcr.Blank},
	} {
		got := pcr.ParseCq(text)
		want.Text = strings.TrimSpace(text)
		require.Equal(t, want, got, "%q", text)
	}
}

// A value that cannot be read is not settled by the curve beside it, and a target that was not read has none.
func TestCurveOfNothing(t *testing.T) {
	t.Parallel()
	k, err := pcr.Read([]byte(strings.NewReplacer("{ct_le: 38, curve: sigmoid}, state: pos", "{curve: none}, state: neg").Replace(sound)))
	require.NoError(t, err)
	ic := pcr.Value{State: pcr.HasCq, Cq: 30, Curve: pcr.Sigmoid}
	for _, v := range []pcr.Value{{}, {Curve: pcr.Flat}, {State: pcr.Blank, Text: "abc", Curve: pcr.Flat}} {
		got := k.Call(map[string]pcr.Value{"O": v, "N": v, "IC": ic}, pcr.Context{})
		require.Equal(t, pcr.None, got.Targets.Of("O").State)
		require.Equal(t, pcr.Review, got.Call, got.Why)
	}
}

func TestCasesByColumn(t *testing.T) {
	t.Parallel()
	rows, err := pcr.Cases(strings.NewReader("\ufeffContext\tnote\tReadings (- = no Ct)\tKit\r\n" +
		"attempt=2\tx\tN=30 IC=Not Assessed\ttiny.yml\r\n" + "kit=3\t\tN=-\ttiny.json\r\n" + "\r\n" + "-\t\tN=30\r\n"))
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, "tiny", rows[0].Kit)
	require.Equal(t, 2, rows[0].Context.Attempt)
	require.Equal(t, "Not Assessed", rows[0].Readings["IC"].Text)
	require.Equal(t, "tiny", rows[1].Kit)
	require.Equal(t, []string{"context kit"}, rows[1].Odd)
	require.ErrorContains(t, rows[2].Err, "line 5")
	rows, err = pcr.Cases(strings.NewReader("tiny\tN=30 IC=20\tN=wavy"))
	require.NoError(t, err)
	require.Equal(t, []string{"curve wavy"}, rows[0].Odd)
}
