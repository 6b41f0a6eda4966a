package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/api"
	"natlims/lims/store"
)

func TestSuspicion(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	id, err := c.st.AddActor(c.ctx, c.root, store.NewActor{Login: "boss", Name: "boss", Lab: c.lab, Roles: []lims.Role{lims.Supervisor}})
	require.NoError(t, err)
	boss := c.token(lims.Actor{ID: id, Login: "boss"}, api.RulesWrite)
	a := c.call(boss, "GET", "/suspicion", nil)
	require.Equal(t, 200, a.status, "%s", a.raw)
	require.Equal(t, 20.0, a.body["now"].(map[string]any)["strong"])
	require.Empty(t, a.body["versions"])
	body := func(limits map[string]float64) any {
		return map[string]any{"from": c.st.Now().Format("2006-01-02"), "reason": "SOP-9", "limits": limits}
	}
	c.refused(422, "suspicion.range", boss, "POST", "/suspicion", body(map[string]float64{"strong": 50}))
	c.refused(422, "suspicion.unknown", boss, "POST", "/suspicion", body(map[string]float64{"mood": 5}))
	c.refused(403, "role.needed", c.tech, "POST", "/suspicion", body(map[string]float64{"strong": 18}))
	c.refused(404, "not_found", c.desk, "GET", "/suspicion", nil)
	a = c.call(boss, "POST", "/suspicion", body(map[string]float64{"strong": 18}))
	require.Equal(t, 200, a.status, "%s", a.raw)
	require.Equal(t, 18.0, a.body["now"].(map[string]any)["strong"])
	v := a.body["versions"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"1", "SOP-9", "boss", 33.0}, []any{v["version"], v["reason"], v["set_by"], v["limits"].(map[string]any)["weak"]})
}
