package web

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims/store"
)

// A supervisor looks, then sends the tubes of a pool on; the other laboratory scans them. Both see where they are.
func TestForwardByHand(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	codes := d.pooled(4)
	chief, tech, east := d.as("chief"), d.as("tech"), d.as("east")
	code, body := chief.post("/pools/watch/partner", "partner", idText(d.other), "minutes", "60")
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "60 min")
	b, err := d.st.PlanPools(d.ctx, d.people["tech"], store.NewPools{Lab: d.lab, Kit: d.kit, Scheme: "dorfman", N: 4, Codes: codes, Risk: 0.001})
	require.NoError(t, err)
	rows, err := d.st.BatchPools(d.ctx, b.ID)
	require.NoError(t, err)
	pool := rows[0].Code
	_, err = d.st.MixPool(d.ctx, d.people["tech"], pool, codes)
	require.NoError(t, err)
	d.clock.step(2 * time.Hour) // no round is left when it is read
	d.run([]string{pool}, map[string][2]float64{pool: {30, 29.5}}, nil)

	_, body = tech.get("/pools")
	require.Contains(t, body, "/forward/"+pool)
	_, body = tech.get("/worklist")
	require.Contains(t, body, languages["zh"]["action.forward"])
	_, body = tech.get("/alerts")
	require.Contains(t, body, pool)
	require.Equal(t, http.StatusForbidden, first(tech.get("/forward/"+pool)))
	require.Equal(t, http.StatusForbidden, first(tech.post("/forward/"+pool, "to", idText(d.other), "reason", "x")))
	code, body = chief.get("/forward/" + pool)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, "城东实验室")
	require.Contains(t, body, codes[3])
	require.Equal(t, http.StatusUnprocessableEntity, first(chief.post("/forward/"+pool, "to", idText(d.other), "reason", "")))
	code, body = chief.post("/forward/"+pool, "to", idText(d.other), "reason", "没有空板")
	require.Equal(t, http.StatusOK, code, body)
	box := regexp.MustCompile(`FW-\d{6}`).FindString(body)
	require.NotEmpty(t, box)
	_, body = tech.get("/pools")
	require.Contains(t, body, box)
	_, body = east.get("/receipt")
	require.Contains(t, body, box)
	require.Contains(t, body, "市一实验室")
	code, body = east.post("/receipt/"+box+"/scan", "barcode", codes[0])
	require.Equal(t, http.StatusOK, code, body)
	_, body = east.get("/pools/" + pool)
	require.Contains(t, body, box)
	_, body = east.get("/tubes/" + codes[0] + "/proof")
	require.Contains(t, body, pool)
}
