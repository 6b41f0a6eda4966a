package instruments

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// expectedRow is a line of EXPECTED.tsv: file, well, target, reported text, note.
type expectedRow struct{ well, target, value, note string }

// wireExpectations are the rows of the ASTM and HL7 files; a file with its summary only holds no results.
func wireExpectations(t *testing.T, corpus string) map[string][]expectedRow {
	t.Helper()
	f, err := os.Open(filepath.Join(corpus, "EXPECTED.tsv"))
	require.NoError(t, err)
	defer f.Close()
	files := map[string][]expectedRow{}
	for s := bufio.NewScanner(f); s.Scan(); {
		c := strings.Split(s.Text()+"\t\t\t\t", "\t")
		dir, _, _ := strings.Cut(c[0], "/")
		if dir != "astm_framed" && dir != "astm_records" && dir != "hl7" {
			continue
		}
		files[c[0]] = append(files[c[0]], []expectedRow{}...)
		if c[2] != "*SUMMARY*" {
			files[c[0]] = append(files[c[0]], expectedRow{c[1], c[2], c[3], c[4]})
		}
	}
	return files
}

// TestWireCorpus reads the real captures. Every row expected of a file must come out of it; a file of which none is
// expected must be refused.
func TestWireCorpus(t *testing.T) {
	t.Parallel()
	corpus := os.Getenv("LIMS_CORPUS")
	if corpus == "" {
		require.Empty(t, os.Getenv("CI"), "LIMS_CORPUS is not set")
		t.Log("LIMS_CORPUS is not set: no corpus to read")
		return
	}
	files := wireExpectations(t, corpus)
	require.NotEmpty(t, files)
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join(corpus, name))
			require.NoError(t, err)
			checkWireFile(t, raw, files[name])
		})
	}
}

func checkWireFile(t *testing.T, raw []byte, want []expectedRow) {
	t.Helper()
	runs, err := Decode(&File{Raw: raw}, "")
	if len(want) == 0 {
		var e *Error
		require.True(t, errors.As(err, &e), "%v", err)
		require.Equal(t, CodeNoResults, e.Code)
		return
	}
	require.NoError(t, err)
	got := map[expectedRow]int{}
	samples := map[string]bool{}
	for _, run := range runs {
		for _, g := range run.Readings {
			got[expectedRow{well: g.Well, target: g.Target, value: g.Value}]++
			got[expectedRow{target: "interpreted", value: g.Call, note: g.Sample}]++
			samples[g.Sample] = true
		}
	}
	for _, w := range want {
		if strings.HasSuffix(w.target, " interpreted") {
			_, sample, _ := strings.Cut(w.note, "sample=")
			sample, _, _ = strings.Cut(sample, ":")
			require.Positive(t, got[expectedRow{target: "interpreted", value: w.value, note: sample}], "%+v", w)
			continue
		}
		key := expectedRow{well: w.well, target: w.target, value: strings.Replace(w.value, "(empty)", "", 1)}
		require.Positive(t, got[key], "%+v", w)
		got[key]--
		if _, s, ok := strings.Cut(w.note, "sample="); ok {
			s, _, _ = strings.Cut(s, ";")
			found := s == ""
			for have := range samples {
				found = found || have != "" && strings.Contains(s, have)
			}
			require.True(t, found, "sample %q, have %v", s, samples)
		}
	}
}
