package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// TestDelivery walks back from a delivery to the tube, the plate and the message; a department sees its own, and no plate.
// The time left is not counted on after the results are out.
func TestDelivery(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	plate, positive := d.reviewable()
	_, body := d.as("tech").get("/plates/" + plate)
	require.Contains(t, body, "剩余 <span", "results are not out: the clock runs")
	ids, err := d.st.ToSign(d.ctx, d.lab, 2000, lims.Called, lims.Held)
	require.NoError(t, err)
	require.NoError(t, d.st.Check(d.ctx, d.people["checker"], ids))
	require.NoError(t, d.st.Release(d.ctx, d.people["releaser"], ids))
	all, err := d.st.Deliveries(d.ctx, store.Scope{}, "", store.Page{})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	p := d.as("releaser")
	_, body = p.get("/deliveries")
	require.Contains(t, body, `href="/deliveries/`+all[0].ID+`"`)
	code, body := p.get("/deliveries/" + all[0].ID)
	require.Equal(t, http.StatusOK, code, body)
	require.Contains(t, body, `href="/review/`+plate+`"`)
	require.Contains(t, body, `href="/messages/`)
	require.Contains(t, body, `href="/tubes/`)
	code, body = d.as("desk").get("/deliveries/" + all[0].ID)
	require.Equal(t, http.StatusOK, code)
	require.NotContains(t, body, plate)
	for _, who := range []string{"desk2", "east"} {
		code, _ = d.as(who).get("/deliveries/" + all[0].ID)
		require.Equal(t, http.StatusNotFound, code, who)
	}
	_, body = p.get("/tubes/" + positive)
	require.Contains(t, body, `href="/deliveries/`)
	d.clock.step(24 * time.Hour)
	_, body = p.get("/plates/" + plate)
	require.NotContains(t, body, "剩余 <span", "nothing is left to wait for")
}
