package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
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

// A laboratory's own system puts validated sizes with their cut-offs on record, in a supervisor's name.
func TestPoolValidations(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	body, err := pcr.KitFile("daan")
	require.NoError(t, err)
	k, err := pcr.Load(body)
	require.NoError(t, err)
	_, err = c.st.AddKit(c.ctx, c.root, body)
	require.NoError(t, err)
	require.NoError(t, c.st.ApproveKit(c.ctx, c.chief, k.Key(), strings.Repeat("ab", 32)))
	chief := c.token(c.chief, lims.RulesWrite)
	v := obj{"kit": k.Key(), "kind": "media", "n": 5, "tested": 20, "detected": 20, "source": "V-1", "cutoffs": obj{"ORF1ab": 41.5}}
	c.refused(403, "role.needed", c.tech, "POST", "/pool-validations", v)
	a := c.call(chief, "POST", "/pool-validations", v)
	require.Equal(t, 204, a.status, "%s", a.raw)
	v["cutoffs"] = obj{"ORF1ab": 44}
	c.refused(422, "pool.cutoff", chief, "POST", "/pool-validations", v)
	v["lab"] = c.lab + 1
	c.refused(404, "not_found", chief, "POST", "/pool-validations", v)
	c.refused(404, "not_found", c.desk, "GET", "/pool-validations", nil)
	rows := c.call(c.tech, "GET", "/pool-validations", nil).body["validations"].([]any)
	require.Len(t, rows, 1)
	require.Equal(t, map[string]any{"ORF1ab": 41.5}, rows[0].(map[string]any)["cutoffs"])
	require.Equal(t, "chief", rows[0].(map[string]any)["signed_by"])
}
