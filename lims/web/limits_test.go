package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
)

// A supervisor tightens the limit of strong positives: the run judged before is not touched, the one after is flagged.
func TestLimitsPage(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	chief := d.as("chief")
	first := d.run(d.waiting(2, "LMA"), map[string][2]float64{"LMA00001": {21.4, 20.9}, "LMA00002": {35.4, 34.9}}, nil)
	form := func(pairs ...string) []string {
		all := []string{"from", "2026-03-02", "source", "SOP-9 第 3 版"}
		for _, f := range lims.SuspicionFields {
			all = append(all, f.Name, figure(f.Default))
		}
		for i := 0; i < len(pairs); i += 2 {
			for k := 0; k < len(all); k += 2 {
				if all[k] == pairs[i] {
					all[k+1] = pairs[i+1]
				}
			}
		}
		return all
	}
	code, body := d.as("tech").post("/limits", form()...)
	require.Equal(t, http.StatusForbidden, code)
	require.NotContains(t, body, `action="/limits"`)
	for _, bad := range [][]string{{"strong", "x", "suspicion.range"}, {"chance", "0", "suspicion.range"}, {"few", "2.5", "suspicion.range"}, {"weak", "19", "suspicion.order"}, {"source", "", "reason.needed"}, {"from", "soon", "rules.from"}} {
		code, body = chief.post("/limits", form(bad[0], bad[1])...)
		require.Equal(t, http.StatusUnprocessableEntity, code, bad)
		require.Contains(t, body, "["+bad[2]+"]", bad)
	}
	code, body = chief.post("/limits", form("strong", "22")...)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "强阳性上限(Cq): 20 → 22")
	require.Contains(t, body, "孙立")
	_, body = chief.get("/review/" + first)
	require.NotContains(t, body, "疑似污染", "judged before")
	second := d.run(d.waiting(2, "LMB"), map[string][2]float64{"LMB00001": {21.5, 21.0}, "LMB00002": {35.5, 35.0}}, nil)
	_, body = chief.get("/review/" + second)
	require.Contains(t, body, "疑似污染", "judged after")

	code, body = chief.post("/limits", form("strong", "18", "from", "2026-03-20")...)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "未生效")
	code, body = chief.post("/limits/1/end")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "内置限值")
	code, _ = d.as("east").post("/limits/2/end")
	require.Equal(t, http.StatusNotFound, code, "another laboratory's")
	_, body = d.as("admin").get("/limits")
	require.NotContains(t, body, `name="strong"`, "to read only")
	trail, err := d.st.SettingsTrail(d.ctx, 10)
	require.NoError(t, err)
	require.Equal(t, "end", trail[0].Verb)
	require.Contains(t, string(trail[1].Changes), `"kind": "suspicion"`)
}
