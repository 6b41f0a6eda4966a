package instruments_test

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/instruments"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

func TestNumberText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		mark instruments.Mark
		want string // "" is no number
	}{
		{"28.00", instruments.Point, "28.00"},
		{" 28.5 ", instruments.Point, "28.5"},
		{"28,50", instruments.Comma, "28.50"},
		{",04", instruments.Comma, "0.04"},
		{".5", instruments.Point, "0.5"},
		{"5.", instruments.Point, "5"},
		{"00.00", instruments.Point, "0.00"},
		{"007", instruments.Point, "7"},
		{"0", instruments.Point, "0"},
		{"+3.1", instruments.Point, "3.1"},
		{"-1.00", instruments.Point, "-1.00"},
		{"5,720.562", instruments.Point, "5720.562"},
		{"100,000,000.000", instruments.Point, "100000000.000"},
		{"161,152", instruments.Point, "161152"},
		{"1.000,5", instruments.Comma, "1000.5"},
		{"1,000E+03", instruments.Comma, "1.000E+03"},
		{"8,940e+003", instruments.Comma, "8.940e+003"},
		{"21.1877528266099", instruments.Point, "21.1877528266099"},
		{"1,2,3", instruments.Comma, ""},
		{"28,5", instruments.Point, ""},
		{"1e", instruments.Point, ""},
		{"#######", instruments.Point, ""},
		{"-1#,INF", instruments.Comma, ""},
		{"", instruments.Point, ""},
		{".", instruments.Point, ""},
		{"-", instruments.Point, ""},
		{"12 3", instruments.Point, ""},
		{"0x10", instruments.Point, ""},
		{"１２", instruments.Point, ""},
	} {
		got, ok := instruments.NumberText(c.in, c.mark)
		require.Equal(t, c.want != "", ok, "%q", c.in)
		require.Equal(t, c.want, got, "%q", c.in)
		if ok {
			require.True(t, json.Valid([]byte(got)), "%q gives %q", c.in, got)
		}
	}
}

// TestNumberTextProperty: a number that is written in any dialect comes back as the same digits and as a JSON number.
func TestNumberTextProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strconv.FormatFloat(rapid.Float64Range(0, 1e6).Draw(t, "v"), 'f', rapid.IntRange(0, 12).Draw(t, "digits"), 64)
		got, ok := instruments.NumberText(text, instruments.Point)
		require.True(t, ok)
		require.Equal(t, text, got)
		got, ok = instruments.NumberText(strings.Replace(text, ".", ",", 1), instruments.Comma)
		require.True(t, ok)
		require.Equal(t, text, got)
		any := rapid.StringMatching(`[-+0-9.,eE ]{0,12}`).Draw(t, "any")
		for _, m := range []instruments.Mark{instruments.Point, instruments.Comma} {
			if got, ok := instruments.NumberText(any, m); ok {
				require.True(t, json.Valid([]byte(got)), "%q gives %q", any, got)
			}
		}
	})
}

func TestMarks(t *testing.T) {
	t.Parallel()
	for cells, want := range map[string]instruments.Mark{
		"28.1 N/A 30":       instruments.Point,
		"28,1 N/A 30":       instruments.Comma,
		"28,123 29,456":     instruments.Comma, // no cycle reaches a thousand
		"1.028,5 30,1":      instruments.Comma,
		"N/A -":             instruments.Point,
		"28.5 12,963.927":   instruments.Point,
		"28.5 29,5":         instruments.Point, // they disagree: the point wins, the other cell is unreadable and noted
		"Undetermined 27,0": instruments.Comma,
	} {
		require.Equal(t, want, instruments.CqMark(slices.Values(strings.Fields(cells))), cells)
	}
	for cells, want := range map[string]instruments.Mark{
		"36,431.130 4,790.476": instruments.Point,
		"161,152 1,000":        instruments.Point,
		"0,612 0,619":          instruments.Comma,
		"161,152 0,5":          instruments.Comma,
		"1.000,5":              instruments.Comma,
		"12 13":                instruments.Point,
	} {
		require.Equal(t, want, instruments.NumberMark(slices.Values(strings.Fields(cells))), cells)
	}
	require.InDelta(t, 36431.13, instruments.Number("36,431.130", instruments.Point), 1e-9)
	require.True(t, math.IsNaN(instruments.Number("x", instruments.Point)))
}

func TestCqRule(t *testing.T) {
	t.Parallel()
	usual := instruments.CqRule{Mark: instruments.Point}
	for _, w := range []string{"Undetermined", "UNDETERMINED", "N/A", "NaN", "No Ct", "NoCt", "NoC", "n. def.", "-", "Undet.", "No Cq"} {
		state, _, _, known := usual.Read(w)
		require.Equal(t, pcr.NoCq, state, w)
		require.True(t, known, w)
	}
	for cell, rule := range map[string]instruments.CqRule{
		"0.0":   {Mark: instruments.Point, Zero: true},
		"-1.00": {Mark: instruments.Point, Zero: true},
		"":      {Empty: pcr.NoCq},
		" ":     {Empty: pcr.NoCq},
		"40.0":  {Mark: instruments.Point, Words: map[string]bool{"40.0": true}},
	} {
		if cell == "40.0" { // a number counts as a number before it counts as a word
			state, cq, _, _ := rule.Read(cell)
			require.Equal(t, pcr.HasCq, state)
			require.InDelta(t, 40, cq, 0)
			continue
		}
		state, _, _, known := rule.Read(cell)
		require.Equal(t, pcr.NoCq, state, "%q", cell)
		require.True(t, known, "%q", cell)
	}
	for _, unreadable := range []string{"0", "0.00", "-1.00", "#######", "abc", "1234.5", "28,5"} {
		state, _, _, known := usual.Read(unreadable)
		require.Equal(t, pcr.Blank, state, unreadable)
		require.False(t, known, "%q must be noted, never be a negative", unreadable)
	}
	state, _, _, known := usual.Read("")
	require.Equal(t, pcr.Blank, state)
	require.True(t, known)
}

func TestWellName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"A1": "A1", "A01": "A1", "a1": "A1", "<A1>": "A1", " A1 ": "A1", "A 1": "A1", "H12": "H12", "P24": "P24", "A001": "A1", "      A1": "A1",
		"A0": "", "A25": "", "Q1": "", "1": "", "": "", "A": "", "AA1": "", "A1B": "", "Undetermined": "", "Ct": "", "A100": ""} {
		got, ok := instruments.WellName(in)
		require.Equal(t, want != "", ok, "%q", in)
		require.Equal(t, want, got, "%q", in)
	}
	for _, f := range []plate.Format{plate.F96, plate.F384} {
		for i := range f.Size() {
			got, ok := instruments.WellIndex(strconv.Itoa(i+1), f)
			require.True(t, ok)
			require.Equal(t, f.At(i).String(), got)
		}
		_, ok := instruments.WellIndex(strconv.Itoa(f.Size()+1), f)
		require.False(t, ok)
	}
	got, _ := instruments.WellIndex("25", plate.F384)
	require.Equal(t, "B1", got)
	got, _ = instruments.WellIndex("25.0", plate.F384)
	require.Equal(t, "B1", got)
}

// The short way of the most common form gives what strconv gives, to the last bit.
func TestNumberIsTheNearest(t *testing.T) {
	t.Parallel()
	for _, cell := range []string{"0", "-0", "0.1", "-12.345", "00.50", "7.", ".5", "123456789012345", "1234567890123456", "9007199254740993", "0.000000000000001",
		"1.2.3", "-", ".", "-.", "--1", "1-", "5e3", " 2.5 ", "+4", "12,345.5"} {
		nearest(t, cell)
	}
	rapid.Check(t, func(rt *rapid.T) { nearest(rt, rapid.StringMatching(`-?[0-9]{0,12}(\.[0-9]{0,9})?`).Draw(rt, "cell")) })
}

func nearest(t require.TestingT, cell string) {
	want, err := math.NaN(), error(nil)
	if text, ok := instruments.NumberText(cell, instruments.Point); ok {
		want, err = strconv.ParseFloat(text, 64)
		require.NoError(t, err)
	}
	got := instruments.Number(cell, instruments.Point)
	require.True(t, math.Float64bits(want) == math.Float64bits(got) || math.IsNaN(want) && math.IsNaN(got), "%q: %v, expected %v", cell, got, want)
}
