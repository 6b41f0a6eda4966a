package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims/api"
)

func TestDark(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	token := c.token(c.chief, api.InstrumentsRead)
	a := c.call(token, "GET", "/dark?day=2026-03-02", nil)
	require.Equal(t, 200, a.status, "%s", a.raw)
	require.Contains(t, string(a.raw), `"day":"2026-03-02"`)
	require.Contains(t, string(a.raw), `"readings"`)
	require.Equal(t, 422, c.call(token, "GET", "/dark?day=yesterday", nil).status)
}
