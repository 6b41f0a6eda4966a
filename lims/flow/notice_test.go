package flow_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/sim"
	"natlims/lims"
	"natlims/lims/store"
	outbound "natlims/reports/send"
	"natlims/reports/send/receiver"
)

// mixed10 collects a full tube of ten and receives it.
func (r *room) mixed10(code string) {
	r.t.Helper()
	ctx := context.Background()
	_, err := r.st.AddPolicy(ctx, r.admin, "mixed", "test", r.now.Add(-time.Minute), lims.Policy{Limits: map[lims.Category]lims.Limit{lims.Screening: {A: 720, B: 360}},
		Modes: map[lims.Category][]lims.Mode{lims.Screening: {lims.Mixed10}}})
	require.NoError(r.t, err)
	var orders []store.NewOrder
	var clients []string
	for i := range 10 {
		clients = append(clients, code+"/"+string(rune('0'+i)))
		orders = append(orders, store.NewOrder{ClientID: clients[i], Category: lims.Screening, Subject: lims.Subject{Kind: lims.Person, Name: "李四", DocType: "passport", DocNo: "E12345678"}})
	}
	_, err = r.st.Register(ctx, r.tech, r.dep, orders)
	require.NoError(r.t, err)
	require.NoError(r.t, r.st.Collect(ctx, r.tech, []store.Tube{{Barcode: code, Mode: lims.Mixed10, Department: r.dep, ClientIDs: clients}}))
	_, err = r.st.Dispatch(ctx, r.tech, store.Box{Code: "B" + code, Department: r.dep, Lab: r.lab, Barcodes: []string{code}})
	require.NoError(r.t, err)
	_, err = r.st.Scan(ctx, r.tech, "B"+code, []string{code})
	require.NoError(r.t, err)
}

// office is a department's own system that takes what the laboratory sends.
func (r *room) office(mode receiver.Mode) (path string) {
	r.t.Helper()
	secret := []byte("a secret of the test, long enough")
	path = filepath.Join(r.t.TempDir(), "ledger.jsonl")
	desk, err := receiver.Open(receiver.Config{Secret: secret, Ledger: path, Mode: mode, Now: r.clock})
	require.NoError(r.t, err)
	server := httptest.NewServer(desk)
	out := &outbound.Outbound{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	r.line.Outbound = out
	r.t.Cleanup(func() { out.Close(); server.Close(); desk.Close() }) //nolint:errcheck
	_, err = r.st.AddDestination(context.Background(), r.admin, store.Destination{Department: r.dep, Name: "platform", Line: "department", Format: "json",
		Channel: "webhook", Address: server.URL, Secret: secret})
	require.NoError(r.t, err)
	return path
}

func ledger(t testing.TB, path string) []receiver.Line {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	lines, _, err := receiver.Parse(raw)
	require.NoError(t, err)
	return lines
}

// From the cycler's file to the department's ledger: the recall is there, and confirmed, before anybody has signed; the results
// follow after the second signature.
func TestRecallReachesTheDepartmentBeforeAnySignature(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	path := r.office(receiver.AtOnce)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.line.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.True(t, errors.Is(<-ended, context.Canceled))
	})
	r.mixed10("M-1")
	r.mixed10("M-2")
	inst := r.instrument(store.Instrument{Code: "QS-1", Model: "QuantStudio 5", Line: "push", Protocol: "file"}, store.Work{})
	layout := r.running([]string{"M-1", "M-2"}, inst)
	m, err := sim.Find("quantstudio")
	require.NoError(t, err)
	messages, err := m.Messages(sim.Plate{Layout: layout, Ended: r.now, Cycles: 45, Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}},
		Truth: truth(layout, func(code string) bool { return code == "M-2" })})
	require.NoError(t, err)
	_, err = r.st.KeepMessage(ctx, store.Arrival{Instrument: inst, Line: "push", Name: messages[0].Name, Bytes: messages[0].Bytes, Complete: true})
	require.NoError(t, err)
	eventually := func(query string, want int) {
		t.Helper()
		require.Eventually(t, func() bool { return r.count(query) == want }, 20*time.Second, 20*time.Millisecond, query)
	}
	eventually(`SELECT count(*) FROM results`, 20)
	eventually(`SELECT count(*) FROM deliveries WHERE notice_id IS NOT NULL AND state = 'acknowledged'`, 1)
	require.Zero(t, r.count(`SELECT count(*) FROM results WHERE checked_at IS NOT NULL OR released_at IS NOT NULL`), "nobody has signed")
	lines := ledger(t, path)
	require.Len(t, lines, 10, "the members of the one tube, once")
	for _, l := range lines {
		require.Equal(t, "recall", l.Notice)
		require.Contains(t, l.Order, "M-2/")
		require.Empty(t, l.Call)
	}

	checker, releaser := r.person("checker", lims.Checker), r.person("releaser", lims.Releaser)
	ids, err := r.st.ToSign(ctx, r.lab, 100, lims.Called)
	require.NoError(t, err)
	require.Len(t, ids, 20)
	require.NoError(t, r.st.Check(ctx, checker, ids))
	require.NoError(t, r.st.Release(ctx, releaser, ids))
	eventually(`SELECT count(*) FROM deliveries WHERE state = 'acknowledged'`, 2)
	lines = ledger(t, path)
	require.Len(t, lines, 30)
	for _, l := range lines[10:] {
		require.Empty(t, l.Notice)
		require.Contains(t, []string{"negative", "pending_review"}, l.Call)
	}
}
