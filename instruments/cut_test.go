package instruments_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/instruments/sheet/sheettest"
)

func TestRowThatMayBeCut(t *testing.T) {
	t.Parallel()
	const head = "Well\tSample\tTarget\tCq\tCq Mean\nA1\tS1\tN\t30.512\t30.5\nA2\tS2\tN\tNaN\t0\n"
	for _, c := range []struct {
		name, text string
		readings   int
		cut        bool
	}{
		{"all lines ended", head + "A3\tS3\tN\t31.4\t31.4\n", 3, false},
		{"cut behind the Cq", head + "A3\tS3\tN\t31.415\t31", 3, false},
		{"cut inside the Cq", head + "A3\tS3\tN\t31.4", 2, true},
		{"cut inside the sample", head + "A3\tS", 2, true},
		{"cut before the sample", head + "A3", 2, true},
		{"not ended, last column of equal length", "Well,Cq\nA1,30.51\nA2,29.77\nA3,28.02", 3, false},
		{"cut in the last column", "Well,Cq\nA1,30.51\nA2,29.77\nA3,28.0", 2, true},
		{"not ended, a word for no Cq", "Well,Cq\nA1,30.51\nA2,29.77\nA3,NaN", 3, false},
		{"an open quote", "Well,Cq\nA1,\"30,51\"\nA2,\"29,77\"\nA3,\"28", 2, true},
		{"a closed quote", "Well,Cq\nA1,\"30,51\"\nA2,\"29,7\"\nA3,\"28,1\"", 3, false},
		{"nothing behind the last comma", "Well,Cq\nA1,30.51\nA2,29.77\nA3,", 2, true},
		{"a sample name shorter than others", "Well,Cq,Sample\nA1,30.51,S100\nA2,29.77,S101\nA3,28.01,S10", 2, true},
		{"one row, a flag", "Well,Cq,HIGHSD\nA1,30.51,Y", 1, false},
		{"one row, a word", "Well,Cq,Sample,Task\nA1,30.51,S1,UNKNOWN", 1, false},
		{"one row, a word for no Cq", "Well,Sample,Cq\nA1,S1,Undetermined", 1, false},
		{"one row, a closed quote", "Well,Sample,Cq\nA1,S1,\"30,5\"", 1, false},
		{"a word before the last column", "Well,Cq,Call,Task\nA1,30.51,negative,unknown\nA2,30.51,negative", 1, true},
		{"settings below", "Pos;Ct SYBR\nA1;30,51\n\nThreshold;91", 1, false},
	} {
		runs, err := instruments.Decode(&instruments.File{Raw: []byte(c.text)}, "")
		require.NoError(t, err, c.name)
		require.Len(t, runs[0].Readings, c.readings, c.name)
		said := false
		for _, n := range runs[0].Notes {
			said = said || n.Code == "row.cut"
		}
		require.Equal(t, c.cut, said, c.name)
	}
}

// Nothing proves these rows whole, so the only row is left out and the file says nothing.
func TestOnlyRowThatMayBeCut(t *testing.T) {
	t.Parallel()
	for _, row := range []string{"A1,S1,30.51", "A1,S1,3", "A1,S1,-", "A1,S1,Undet", "A1,S1,na", "A1,S1,", "A1,S1", "A1,S1,\"30", "A1,S1,no"} {
		_, err := instruments.Decode(&instruments.File{Raw: []byte("Well,Sample,Cq\n" + row)}, "")
		require.ErrorContains(t, err, instruments.CodeNoResults, row)
		require.Error(t, instruments.Whole("a.csv", []byte("Well,Sample,Cq\n"+row)), row)
	}
}

// TestCutAnywhere cuts every text of testdata at some 200 places: what is then read stands in the whole file too, except for
// files in which later rows say what earlier ones mean.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	context := map[string]bool{"m2000-log": true, "two_analyses.txt": true, "filters.txt": true, "damaged.csv": true, "torn.csv": true}
	for _, file := range cases(t) {
		if context[filepath.Base(filepath.Dir(file))] || context[filepath.Base(file)] {
			continue
		}
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		whole := map[string]bool{}
		runs, _ := instruments.Decode(&instruments.File{Raw: raw}, "")
		for _, r := range runs {
			for _, g := range r.Readings {
				whole[cutKey(g.Well, g.Target, string(g.State), g.CqText, g.Sample)] = true
			}
		}
		for n := 0; n < len(raw); n += 1 + len(raw)/200 {
			runs, _ := instruments.Decode(&instruments.File{Raw: raw[:n]}, "")
			for _, r := range runs {
				for _, g := range r.Readings {
					require.True(t, whole[cutKey(g.Well, g.Target, string(g.State), g.CqText, g.Sample)], "%s cut after %d bytes (%q): %+v", file, n, raw[max(0, n-60):n], g)
				}
			}
		}
	}
}

func cutKey(parts ...string) string { return strings.Join(parts, "\x00") }

// TestCutWorkbooks cuts workbooks and archives: they are refused, or say what the whole one says.
func TestCutWorkbooks(t *testing.T) {
	t.Parallel()
	check := func(file string, raw []byte) {
		want := told(instruments.Decode(&instruments.File{Raw: raw}, ""))
		for n := 1; n < len(raw); n += 1 + len(raw)/60 {
			runs, err := instruments.Decode(&instruments.File{Raw: raw[:n]}, "")
			if err == nil {
				require.Equal(t, want, told(runs, nil), "%s cut after %d of %d bytes", file, n, len(raw))
			}
		}
	}
	for file, b := range glob(t, "testdata/*/*.sheets") {
		sheets := sheettest.Text(string(b))
		check(file, sheettest.XLSX(sheettest.Style{}, sheets...))
		check(file, sheettest.XLS(sheettest.BIFF8, sheets...))
		check(file, sheettest.ODS(sheets...))
		check(file, []byte(sheettest.FODS(sheets...)))
	}
	for file, b := range glob(t, "testdata/*/*.txtar") {
		check(file, sheettest.Zip(sheettest.Files(string(b))...))
	}
	var page strings.Builder
	page.WriteString("<html><table>")
	for _, l := range strings.Split("Well\tSample\tTarget\tCq\nA1\tS1\tN\t30.512\nA2\tS2\tN\t31.25", "\n") {
		page.WriteString("<tr><td>" + strings.ReplaceAll(l, "\t", "</td><td>") + "</td></tr>")
	}
	page.WriteString("</table></html>")
	check("html", []byte(page.String()))
}
