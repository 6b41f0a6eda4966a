package instruments_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/instruments/sheet/sheettest"
)

// TestOneDriverClaims asks every driver of every file of testdata: the one that the folder is named after is surest, no other
// is as sure, and the plain tables, which know nothing of an instrument, are asked last.
func TestOneDriverClaims(t *testing.T) {
	t.Parallel()
	plain := map[string]bool{"table": true, "table-wide": true}
	all, err := filepath.Glob("testdata/*/*")
	require.NoError(t, err)
	files := 0
	for _, file := range all {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		switch filepath.Ext(file) {
		case ".want", ".base64":
			continue
		case ".sheets":
			raw = sheettest.XLSX(sheettest.Style{}, sheettest.Text(string(raw))...)
		case ".txtar":
			raw = sheettest.Zip(sheettest.Files(string(raw))...)
		}
		owner := filepath.Base(filepath.Dir(file))
		if owner == "fuzz" {
			continue
		}
		files++
		f := &instruments.File{Raw: raw}
		top, second := -1, -1
		var claims []string
		for _, d := range instruments.All() {
			n := 0
			if d.Sniff != nil {
				n = d.Sniff(f)
			}
			if n > 0 {
				claims = append(claims, fmt.Sprint(d.Name, "=", n))
			}
			if plain[d.Name] && !plain[owner] {
				require.Less(t, n, 10, "%s: %s", file, d.Name)
			}
			if d.Name == owner {
				top = n
			} else {
				second = max(second, n)
			}
		}
		require.Greater(t, top, second, "%s: %s", file, strings.Join(claims, " "))
	}
	require.Greater(t, files, 90)
}

// TestNoCq reads tables of numbers that are no cycles: none of them may become a Cq.
func TestNoCq(t *testing.T) {
	t.Parallel()
	var matrix strings.Builder
	matrix.WriteString(",1,2,3,4,5,6,7,8,9,10,11,12\n")
	for r := range 8 {
		fmt.Fprintf(&matrix, "%c", 'A'+r)
		for c := range 12 {
			fmt.Fprintf(&matrix, ",%.3f", 0.05+float64(r*12+c)/40)
		}
		matrix.WriteString("\n")
	}
	for name, text := range map[string]string{
		"absorbance of a plate":   matrix.String(),
		"absorbance with a label": strings.ReplaceAll(matrix.String(), "\n", ",450\n"),
		"statistics":              "Well,Sample,Ct Mean,Ct SD\nA1,S1,30.5,0.2\n",
		"thresholds":              "Well,Ct Threshold,Baseline\nA1,0.2,3\n",
		"concentrations":          "Well,Sample,ng/ul\nA1,S1,30.5\n",
		"a pipetting list":        "Position,TubeID,Volume\nA1,S1,30.5\n",
	} {
		_, err := instruments.Decode(&instruments.File{Raw: []byte(text)}, "")
		var e *instruments.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, instruments.CodeUnknown, e.Code, name)
	}
}
