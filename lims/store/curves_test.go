package store_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
	"natlims/migrations"
)

// Curves come back as they were, whatever their length; of two for one place the first stays.
func TestCurvesAreKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.running(l.received(1, lims.Single))
	j := l.judged(p, nil)
	want := [][]float64{{1.5, -2.25, math.Float64frombits(0x4009220000000000), 1e30, 0}, {}, {7}, {math.Inf(1), math.Inf(-1)}}
	for i, y := range want {
		j.Run.Curves = append(j.Run.Curves, pcr.Curve{Well: "A1", Target: string(rune('0' + i)), Dye: "FAM", Kind: pcr.Raw, First: i + 1, Y: y})
	}
	j.Run.Curves = append(j.Run.Curves, pcr.Curve{Well: "H12", Target: "0", Dye: "VIC", Kind: pcr.Rn, First: 2, Y: []float64{11, 12}},
		pcr.Curve{Well: "A1", Target: "0", Dye: "FAM", Kind: pcr.Raw, First: 9, Y: []float64{3}},
		pcr.Curve{Well: "H12", Target: "0", Dye: "VIC", Kind: pcr.DeltaRn, First: 4, Y: []float64{13}},
		pcr.Curve{Well: "H12", Target: "1", Dye: "", Kind: pcr.Raw, First: 5, Y: []float64{14}})
	m := l.message("run of " + p.Code)
	require.NoError(t, l.st.Record(l.ctx, m, "quantstudio", []store.Judged{j}))
	runs, err := l.st.MessageRuns(l.ctx, m.ID)
	require.NoError(t, err)
	curves, err := l.st.WellCurves(l.ctx, runs[0].ID, "A1")
	require.NoError(t, err)
	require.Greater(t, len(curves), len(want))
	for i, c := range curves[:len(want)] {
		require.Equal(t, i+1, c.First)
		require.Len(t, c.Y, len(want[i]))
		for k, v := range c.Y {
			require.Equal(t, float32(want[i][k]), float32(v), "curve %d value %d", i, k)
		}
	}
	curves, err = l.st.WellCurves(l.ctx, runs[0].ID, "H12")
	require.NoError(t, err)
	require.Subset(t, curves, []store.CurveRow{{Target: "0", Dye: "VIC", Kind: "drn", First: 4, Y: store.Float4s{13}}, {Target: "1", Kind: "raw", First: 5, Y: store.Float4s{14}}},
		"the most processed kind, whatever the order they came in")
}

// What an older program wrote, a row for each curve, comes back the same.
func TestOldCurvesAreKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.running(l.received(1, lims.Single))
	l.read(p, nil)
	up, err := migrations.FS.ReadFile("0009_curves.sql")
	require.NoError(t, err)
	_, err = l.st.DB().ExecContext(l.ctx, `DROP TABLE well_curves;
		CREATE TABLE curves (run_id bigint NOT NULL REFERENCES runs, well text NOT NULL, target text NOT NULL, dye text NOT NULL,
			kind text NOT NULL CHECK (kind IN ('raw','rn','drn')), first smallint NOT NULL, y real[] NOT NULL, PRIMARY KEY (run_id, well, target, dye, kind));
		INSERT INTO curves (run_id, well, target, dye, kind, first, y) SELECT id, w, t, d, k, f, y FROM runs, (VALUES
			('A1', 'N', 'FAM', 'rn', 1, '{1,2.5,Infinity}'::real[]), ('A1', 'E', '', 'drn', 3, '{4}'), ('A1', 'N', 'FAM', 'raw', 1, '{5,6}'), ('A1', 'IC', 'CY5', 'rn', 2, '{}'),
			('A2', 'N', 'FAM', 'raw', 1, '{7,8}')) AS c (w, t, d, k, f, y);`+string(up))
	require.NoError(t, err)
	run := get[int64](l, `SELECT id FROM runs`)
	curves, err := l.st.WellCurves(l.ctx, run, "A1")
	require.NoError(t, err)
	require.Equal(t, []store.CurveRow{{Target: "E", Kind: "drn", First: 3, Y: store.Float4s{4}}, {Target: "IC", Dye: "CY5", Kind: "rn", First: 2, Y: store.Float4s{}},
		{Target: "N", Dye: "FAM", Kind: "rn", First: 1, Y: store.Float4s{1, 2.5, math.Inf(1)}}}, curves)
	curves, err = l.st.WellCurves(l.ctx, run, "A2")
	require.NoError(t, err)
	require.Equal(t, []store.CurveRow{{Target: "N", Dye: "FAM", Kind: "raw", First: 1, Y: store.Float4s{7, 8}}}, curves)
}
