package scenario

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	domain "natlims/lims"
	"natlims/lims/store"
)

// post is what came to an address of the department, before anybody judges it.
type post struct {
	mu     sync.Mutex
	bodies [][]byte
	urgent []bool
	next   http.Handler // nil: 200 and no more
}

func (p *post) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "cut off", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.bodies, p.urgent = append(p.bodies, b), append(p.urgent, r.Header.Get("Natlims-Urgent") == "true")
	p.mu.Unlock()
	if p.next == nil {
		w.Header().Set("Natlims-Acknowledged", "true")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	p.next.ServeHTTP(w, r)
}

func (p *post) last() ([]byte, bool, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.bodies)
	return p.bodies[n-1], p.urgent[n-1], n
}

// A negative result was wrong: the tube is run again on the real line, the corrected result is signed by two and goes out at once, by
// itself, as a correction of the report that the department has; as JSON and as PDF.
func TestCorrectedResult(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	root := domain.Actor{Roles: []domain.Role{domain.Admin, domain.Supervisor}}
	desk, pdf := &post{next: c.desk}, &post{}
	for _, one := range []struct {
		to     *post
		format string
	}{{desk, "json"}, {pdf, "pdf"}} {
		srv := httptest.NewServer(one.to)
		t.Cleanup(srv.Close)
		c.id(c.st.AddDestination(c.ctx, root, store.Destination{Department: c.dep, Name: one.format, Line: "department", Format: one.format, Channel: "webhook",
			Address: srv.URL, Secret: []byte(secret)}))
	}
	_, err := c.st.DB().ExecContext(c.ctx, `UPDATE destinations SET active = false WHERE name = 'his'`)
	require.NoError(t, err)
	tubes := c.box("AM", 4)
	c.scan("AM", tubes...)
	p := c.running(tubes)
	c.drop(c.drops, "first.txt", c.file(p, p.Code, true).Bytes)
	c.plateIs(p, domain.Accepted)
	c.sign()
	require.Equal(t, map[string]string{"AM-00": "negative", "AM-01": "negative", "AM-02": "negative", "AM-03": "negative"}, c.delivered(4))
	var first struct {
		Report string `json:"report_id"`
	}
	body, urgent, _ := desk.last()
	require.NoError(t, json.Unmarshal(body, &first))
	require.False(t, urgent)

	var old int64
	require.NoError(t, c.st.DB().GetContext(c.ctx, &old, `SELECT r.id FROM results r JOIN samples s ON s.id = r.sample_id WHERE s.barcode = $1`, tubes[2]))
	id := c.id(c.st.OpenAmendment(c.ctx, c.boss, store.NewAmendment{Results: []int64{old}, Code: "retest", Reason: "临床不符,复测"}))
	require.NoError(t, c.st.RetestAmended(c.ctx, c.boss, id))
	again := c.running(tubes[2:3])
	c.drop(c.drops, "again.txt", c.file(again, again.Code, true, tubes[2]).Bytes)
	c.plateIs(again, domain.Accepted)
	calls, err := c.st.Evidence(c.ctx, store.Scope{Lab: c.lab}, id, "")
	require.NoError(t, err)
	require.Len(t, calls, 2)
	require.Equal(t, "positive", calls[0].Call)
	require.NoError(t, c.st.Correct(c.ctx, c.boss, id, store.Correction{Run: calls[0].Run, Pos: calls[0].Pos, Kit: calls[0].Kit}))
	require.Equal(t, "negative", c.got()["AM-02"], "nothing leaves before the second signature")
	c.sign()
	require.Equal(t, "positive", c.delivered(4)["AM-02"])

	var got struct {
		Report  string `json:"report_id"`
		Results []struct {
			OrderID   string `json:"order_id"`
			Version   int    `json:"version"`
			Corrected bool   `json:"corrected"`
			Replaces  string `json:"replaces"`
			ReplacesV int    `json:"replaces_version"`
			Reason    string `json:"reason"`
			CheckedBy string `json:"checked_by"`
			Released  string `json:"released_by"`
		} `json:"results"`
	}
	body, urgent, n := desk.last()
	require.NoError(t, json.Unmarshal(body, &got))
	require.Equal(t, 2, n)
	require.True(t, urgent)
	require.Len(t, got.Results, 1, "by itself")
	one := got.Results[0]
	require.Equal(t, "AM-02", one.OrderID)
	require.Equal(t, []any{2, true, 1}, []any{one.Version, one.Corrected, one.ReplacesV})
	require.Equal(t, first.Report, one.Replaces, "the report that the department has")
	require.NotEqual(t, got.Report, one.Replaces)
	require.Equal(t, "临床不符,复测", one.Reason)
	require.Equal(t, "checker releaser", one.CheckedBy+" "+one.Released)
	body, urgent, n = pdf.last()
	require.Equal(t, 2, n)
	require.True(t, urgent && bytes.HasPrefix(body, []byte("%PDF-")))
	require.Zero(t, c.desk.Counts().Refused)
	require.Equal(t, 2, c.count(`SELECT count(*) FROM deliveries WHERE correction AND state = 'acknowledged'`))
}
