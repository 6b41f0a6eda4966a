package instruments_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/instruments"
	"natlims/lims/plate"
)

// importers are the plate files with the columns in which our own reader finds well, name and role again.
var importers = map[string]struct {
	well, sample, role string
	target             string
	table              string
	roles              map[plate.Role]string
	only96             bool
}{
	"quantstudio-da1": {well: "Well Position", sample: "Sample Name", role: "Task", target: "Target Name", table: "Sample Setup", roles: map[plate.Role]string{plate.Sample: "UNKNOWN", plate.Positive: "UNKNOWN", plate.NoTemplate: "NTC"}},
	"stepone-7500":    {well: "Well", sample: "Sample Name", role: "Task", target: "Target Name", table: "Sample Setup", roles: map[plate.Role]string{plate.Sample: "UNKNOWN", plate.Positive: "UNKNOWN", plate.NoTemplate: "NTC"}, only96: true},
	"cfx":             {sample: "*Sample Name", role: "*Sample Type", target: "*Target Name", roles: map[plate.Role]string{plate.Sample: "Unknown", plate.Positive: "Positive Control", plate.NoTemplate: "NTC"}},
	"lightcycler480":  {well: "General:Pos", sample: "General:Sample Name", role: "Rel Quant:Combined Sample/Target type", target: "General:Target Name", roles: map[plate.Role]string{plate.Sample: "Target Unknown", plate.Positive: "Target Pos Control", plate.NoTemplate: "Target Negative"}},
	"lightcycler96":   {well: "Position", sample: "Sample Name", role: "Sample Type", target: "Gene Name", roles: map[plate.Role]string{plate.Sample: "Unknown", plate.Positive: "Positive control", plate.NoTemplate: "Negative control"}, only96: true},
	"table":           {well: "Well", sample: "Sample Name", role: "Type", target: "Target", roles: map[plate.Role]string{plate.Sample: "sample", plate.Positive: "positive", plate.NoTemplate: "ntc"}},
}

// TestSetupReadBack writes layouts for every importer and reads them back with our own tables.
func TestSetupReadBack(t *testing.T) {
	t.Parallel()
	for _, d := range instruments.All() {
		if d.Setup == nil {
			continue
		}
		is, ok := importers[d.Name]
		require.True(t, ok, "%s has a plate file and no test of it", d.Name)
		rapid.Check(t, func(t *rapid.T) {
			l := drawLayout(t, is.only96)
			file, err := d.Setup(l)
			require.NoError(t, err)
			f := &instruments.File{Raw: file.Bytes}
			rows, err := f.Table(is.table).Rows()
			require.NoError(t, err)
			h, ok := instruments.FindHeaderWith(rows, is.sample, is.role)
			require.True(t, ok, "%s", file.Bytes)
			require.Len(t, rows[h.Row+1:], len(l.Wells))
			for i, r := range rows[h.Row+1:] {
				w := l.Wells[i]
				well := r.At(h.Col(is.well))
				if is.well == "" {
					well = r.At(h.Col("Row")) + r.At(h.Col("Column"))
				}
				require.Equal(t, w.Pos.String(), well)
				require.Equal(t, strings.TrimSpace(w.Code), r.At(h.Col(is.sample)))
				require.Equal(t, is.roles[w.Role], r.At(h.Col(is.role)))
				require.Equal(t, w.Target, r.At(h.Col(is.target)))
			}
			_, err = instruments.Decode(f, d.Name)
			var e *instruments.Error
			require.ErrorAs(t, err, &e, "a plate file holds no results")
			require.Contains(t, []string{instruments.CodeNotRun, instruments.CodeNoResults}, e.Code)
		})
	}
}

// drawLayout draws a plate with wells of three roles and codes with the letters that barcodes and names have.
func drawLayout(t *rapid.T, only96 bool) plate.Layout {
	l := plate.Layout{Code: "PL-1", Format: plate.F96}
	if !only96 && rapid.Bool().Draw(t, "384") {
		l.Format = plate.F384
	}
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, l.Format.Size()-1), 1, 20, rapid.ID[int]).Draw(t, "wells") {
		l.Wells = append(l.Wells, plate.Well{Pos: l.Format.At(i), Code: rapid.StringMatching(`[A-Z0-9][A-Za-z0-9 ,;'._|阴性-]{0,20}`).Draw(t, "code"),
			Role:   rapid.SampledFrom([]plate.Role{plate.Sample, plate.Positive, plate.NoTemplate}).Draw(t, "role"),
			Target: rapid.SampledFrom([]string{"", "N1", "RNase P"}).Draw(t, "target")})
	}
	return l
}

func TestSetupRefusesAndCleans(t *testing.T) {
	t.Parallel()
	for _, d := range instruments.All() {
		if d.Setup == nil {
			continue
		}
		a1 := plate.Well{Pos: plate.Pos{}, Role: plate.Sample, Code: "S"}
		for want, l := range map[string]plate.Layout{
			"no wells":     {Code: "P", Format: plate.F96},
			"stands twice": {Code: "P", Format: plate.F96, Wells: []plate.Well{a1, a1}},
			"lies outside": {Code: "P", Format: plate.F96, Wells: []plate.Well{{Pos: plate.Pos{Row: 9}, Code: "S"}}},
			"expected":     {Code: "P", Format: plate.Format{Rows: 1, Cols: 1}, Wells: []plate.Well{a1}},
		} {
			_, err := d.Setup(l)
			require.ErrorContains(t, err, want, d.Name)
		}
		file, err := d.Setup(plate.Layout{Code: "../../a b", Format: plate.F96, Wells: []plate.Well{{Code: "S1\r\nA2\t\"x\"", Role: plate.Sample}}})
		require.NoError(t, err)
		require.Regexp(t, `^[A-Za-z0-9_-]+-[a-z0-9]+\.(txt|csv)$`, file.Name)
		require.NotContains(t, string(file.Bytes), "S1\r\n", "a code must not add a line")
	}
}
