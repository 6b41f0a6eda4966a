package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
)

func TestPoolPolicy(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	a := c.call(c.desk, "GET", "/pool-policy", nil)
	require.Equal(t, 200, a.status, "%s", a.raw)
	list := a.body["categories"].([]any)
	require.Len(t, list, 2)
	require.Equal(t, "key_person", list[0].(map[string]any)["category"])
	require.Equal(t, []any{map[string]any{"mode": "single", "capacity": 1.0}}, list[0].(map[string]any)["modes"])
	require.Equal(t, map[string]any{"mode": "mixed10", "capacity": 10.0}, list[1].(map[string]any)["modes"].([]any)[1])
}

// A department hears whom to call back, without names, and nothing of another department.
func TestRecalls(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	a := c.call(c.desk, "GET", "/recalls", nil)
	require.Equal(t, 200, a.status, "%s", a.raw)
	require.Empty(t, a.body["recalls"])
	codes := c.toBox("RB", 3)
	for _, code := range codes[:2] {
		require.NoError(t, c.st.RejectSample(c.ctx, c.chief, code, "leaking"))
	}
	var ids []int64
	require.NoError(t, c.st.DB().SelectContext(c.ctx, &ids, `SELECT id FROM results ORDER BY id`))
	require.NoError(t, c.st.Check(c.ctx, c.checker, ids))
	require.NoError(t, c.st.Release(c.ctx, c.chief, ids))
	a = c.call(c.desk, "GET", "/recalls?limit=1", nil)
	require.Equal(t, true, a.body["more"])
	a = c.call(c.desk, "GET", "/recalls", nil)
	rows := a.body["recalls"].([]any)
	require.Len(t, rows, 2)
	first := rows[0].(map[string]any)
	require.Equal(t, "RB-0", first["client_id"])
	require.Equal(t, codes[0], first["barcode"])
	require.Equal(t, lims.RejectedResult, first["call"])
	require.Equal(t, true, first["signed"])
	require.Equal(t, "single", first["collect_mode"])
	require.NotContains(t, string(a.raw), "张伟")
	require.Empty(t, c.call(c.desk2, "GET", "/recalls", nil).body["recalls"])
	c.refused(404, "not_found", c.desk2, "GET", "/recalls?department=1", nil)
}
