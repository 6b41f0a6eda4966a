package instruments_test

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/lims/pcr"
)

// corpus is the folder of real instrument files. They are not ours to ship: without LIMS_CORPUS the test has nothing to read.
func corpus(t *testing.T) string {
	dir := os.Getenv("LIMS_CORPUS")
	if dir == "" && os.Getenv("CI") != "" {
		t.Fatal("LIMS_CORPUS is not set: the corpus test must run in CI")
	}
	return dir
}

// expected is EXPECTED_full.tsv by file: each line "well, target, cq-or-NEG-or-EMPTY".
func expected(t *testing.T, dir string) map[string][]string {
	b, err := os.ReadFile(filepath.Join(dir, "EXPECTED_full.tsv"))
	require.NoError(t, err)
	want := map[string][]string{}
	for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		c := strings.Split(l, "\t")
		require.GreaterOrEqual(t, len(c), 4, l)
		want[c[0]] = append(want[c[0]], c[1]+"\t"+c[2]+"\t"+c[3])
	}
	return want
}

// said writes a reading as EXPECTED_full.tsv does.
func said(driver string, r pcr.Reading) string {
	cq := map[pcr.State]string{pcr.HasCq: r.CqText, pcr.NoCq: "NEG", pcr.Blank: "EMPTY"}[r.State]
	if driver == "genexpert-csv" && cq != "NEG" {
		cq += " (" + r.Call + ")"
	}
	return r.Well + "\t" + r.Target + "\t" + cq
}

// TestCorpus reads every file of the corpus and compares every row: wells, targets, the exact text of the Cq, none and empty.
func TestCorpus(t *testing.T) {
	dir := corpus(t)
	if dir == "" {
		t.Log("LIMS_CORPUS is not set")
		return
	}
	want := expected(t, dir)
	files := make([]string, 0, len(want))
	for f := range want {
		files = append(files, f)
	}
	sort.Strings(files)
	var right, missing, invented int
	for _, name := range files {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		runs, err := instruments.Decode(&instruments.File{Name: name, Raw: raw}, "")
		open := map[string]int{}
		for _, w := range want[name] {
			open[w]++
		}
		ok, wrong := 0, []string(nil)
		driver := ""
		for _, run := range runs {
			driver = run.Driver
			for _, r := range run.Readings {
				if s := said(run.Driver, r); open[s] > 0 {
					open[s]--
					ok++
				} else {
					wrong = append(wrong, s)
				}
			}
		}
		lost := len(want[name]) - ok
		right, missing, invented = right+ok, missing+lost, invented+len(wrong)
		t.Logf("%-75s %-20s right %3d missing %3d invented %3d %v", name, driver, ok, lost, len(wrong), err)
		if lost > 0 || len(wrong) > 0 {
			var left []string
			for w, n := range open {
				if n > 0 {
					left = append(left, w)
				}
			}
			sort.Strings(left)
			t.Errorf("%s: want %q got %q", name, left[:min(3, len(left))], wrong[:min(3, len(wrong))])
		}
	}
	t.Logf("files %d, right %d, missing %d, invented %d", len(files), right, missing, invented)
}

// TestCorpusRefused reads the files that hold no results.
func TestCorpusRefused(t *testing.T) {
	dir := corpus(t)
	if dir == "" {
		t.Log("LIMS_CORPUS is not set")
		return
	}
	for name, code := range map[string]string{
		"lightcycler480/LC480_Example.txt":                   instruments.CodeNoResults,
		"mic_raw/MIC_experimental_raw_fluorescence_data.csv": instruments.CodeNoResults,
		"plate_setup/LC480_Example_SampleInfo.txt":           instruments.CodeNotRun,
		"plate_setup/QPCR_PREP_2020-07-16_16-13.csv":         instruments.CodeUnknown,
		"plate_setup/hamilton_plate_layout.csv":              instruments.CodeUnknown,
		"plate_setup/welllit_plate_layout.csv":               instruments.CodeUnknown,
		"encoding/Product_Coding.txt":                        instruments.CodeUnknown,
		"tapestry_16x40.tsv":                                 instruments.CodeUnknown,
	} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		_, err = instruments.Decode(&instruments.File{Name: name, Raw: raw}, "")
		var e *instruments.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, code, e.Code, "%s: %v", name, err)
	}
}
