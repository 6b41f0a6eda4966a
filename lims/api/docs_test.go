package api_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/api"
)

// TestDocs: the page names every call with its scope, every link on it leads somewhere, and it loads nothing from elsewhere.
func TestDocs(t *testing.T) {
	t.Parallel()
	h := api.New(nil, api.Options{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/", nil))
	require.Equal(t, http.StatusOK, w.Code)
	page := w.Body.String()
	require.Contains(t, w.Header().Get("Content-Type"), "text/html")
	for _, scope := range []string{lims.OrdersWrite, lims.SamplesWrite, lims.ReceiptWrite, lims.MessagesWrite, lims.ResultsRead, lims.DeliveriesWrite, lims.InstrumentsRead, lims.RulesWrite} {
		require.Contains(t, page, `class="code">`+scope+`</td>`)
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		require.Contains(t, page, `id="`+m[1]+`"`, "a link to nothing")
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		require.Regexp(t, `^[/#]`, m[1], "something from elsewhere")
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", nil))
	require.Equal(t, http.StatusOK, w.Code, "the description itself needs no token")
}
