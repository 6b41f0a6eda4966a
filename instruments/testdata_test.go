package instruments_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/lims/pcr"
)

var update = flag.Bool("update", false, "rewrite the .want files")

// cases are the text files of testdata: testdata/DRIVER/CASE, with CASE.want beside it.
func cases(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*/*")
	require.NoError(t, err)
	var files []string
	for _, f := range all {
		switch filepath.Ext(f) {
		case ".txt", ".csv", ".xml", ".rsf":
			files = append(files, f)
		}
	}
	require.NotEmpty(t, files)
	return files
}

// told writes runs and the error as a reviewer reads them.
func told(runs []pcr.Run, err error) string {
	var b strings.Builder
	for _, r := range runs {
		fmt.Fprintf(&b, "run driver=%s instrument=%q serial=%q software=%q plate=%q name=%q operator=%q started=%q ended=%q", r.Driver, r.Instrument, r.Serial, r.Software, r.Plate, r.Name, r.Operator, r.Started.Text, r.Ended.Text)
		if !r.Ended.Time.IsZero() {
			fmt.Fprintf(&b, " utc=%s", r.Ended.Time.Format("2006-01-02T15:04:05"))
		}
		b.WriteString("\n")
		for _, g := range r.Readings {
			cq := g.CqText
			if g.State != pcr.HasCq {
				cq = string(g.State)
			}
			fmt.Fprintf(&b, "%d: %s | %s | %s | %s | %s", g.Line, g.Well, g.Sample, g.Target, g.Dye, cq)
			for _, kv := range [][2]string{{"call", g.Call}, {"task", g.Task}, {"status", g.Status}, {"value", g.Value}, {"unit", g.Unit}, {"plate", g.Plate}, {"at", g.At}} {
				if kv[1] != "" {
					fmt.Fprintf(&b, " %s=%q", kv[0], kv[1])
				}
			}
			if g.Omit {
				b.WriteString(" omit")
			}
			b.WriteString("\n")
		}
		for _, c := range r.Curves {
			fmt.Fprintf(&b, "curve %s | %s | %s | %s from %d: %v\n", c.Well, c.Target, c.Dye, c.Kind, c.First, c.Y)
		}
		for _, n := range r.Notes {
			fmt.Fprintf(&b, "note %d: %s %q\n", n.Line, n.Code, n.Text)
		}
	}
	if err != nil {
		fmt.Fprintf(&b, "error %v\n", err)
	}
	return b.String()
}

// TestTestdata reads every file by content and compares it with its .want file; the folder is named as the driver.
func TestTestdata(t *testing.T) {
	t.Parallel()
	for _, file := range cases(t) {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		f := &instruments.File{Raw: raw}
		d, err := instruments.Detect(f)
		require.NoError(t, err, file)
		require.Equal(t, filepath.Base(filepath.Dir(file)), d.Name, file)
		got := told(instruments.Decode(f, ""))
		want := file + ".want"
		if *update {
			require.NoError(t, os.WriteFile(want, []byte(got), 0o600))
		}
		b, err := os.ReadFile(want)
		require.NoError(t, err)
		require.Equal(t, string(b), got, file)
	}
}

// TestEveryReadingIsSound holds for every file: numbers that JSON takes, states that agree with them, wells in A1 form.
func TestEveryReadingIsSound(t *testing.T) {
	t.Parallel()
	for _, file := range cases(t) {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		runs, err := instruments.Decode(&instruments.File{Raw: raw}, "")
		var e *instruments.Error
		require.True(t, err == nil || errors.As(err, &e), "%s: %v", file, err)
		sound(t, file, runs)
	}
}

func sound(t *testing.T, file string, runs []pcr.Run) {
	t.Helper()
	for _, run := range runs {
		for _, r := range run.Readings {
			if r.State == pcr.HasCq {
				require.Regexp(t, `^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`, r.CqText, file)
				require.False(t, math.IsNaN(r.Cq) || r.Cq <= 0, file)
			} else {
				require.Zero(t, r.CqText+fmt.Sprint(r.Cq)[1:], file)
			}
			require.Contains(t, []pcr.State{pcr.HasCq, pcr.NoCq, pcr.Blank}, r.State, file)
		}
	}
}
