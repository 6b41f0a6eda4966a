package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/instruments/link/gate"
	"natlims/instruments/sim"
	"natlims/lims"
	"natlims/lims/api"
	"natlims/lims/plate"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
)

// benchLab is a real server with one instrument, and that instrument's token.
func benchLab(t *testing.T) (st *store.Store, url, token string) {
	t.Helper()
	ctx := t.Context()
	st, err := store.Open(ctx, pgtest.New(t), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { st.Close() }) //nolint:errcheck
	admin := lims.Actor{Roles: []lims.Role{lims.Admin}}
	lab, err := st.AddLab(ctx, admin, store.Lab{Code: "L1", Name: store.Name{Zh: "一", En: "one"}})
	require.NoError(t, err)
	inst, err := st.AddInstrument(ctx, admin, store.Instrument{Lab: lab, Code: "cfx-1", Model: "CFX96", Line: "push", Protocol: "file"})
	require.NoError(t, err)
	id, err := st.AddActor(ctx, admin, store.NewActor{Login: "cfx-1", Name: "cfx-1", Instrument: inst, Lab: lab, Roles: []lims.Role{lims.Machine}})
	require.NoError(t, err)
	token, err = st.NewToken(ctx, admin, id, store.TokenGrant{Name: "gate", Scopes: []string{api.MessagesWrite}})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/api/", api.New(st, api.Options{}))
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return st, srv.URL, token
}

// A file that a cycler writes at the bench is a kept message of its instrument at the server, byte for byte and once.
func TestGateCarriesToARealServer(t *testing.T) {
	t.Parallel()
	st, url, token := benchLab(t)
	dir, drops := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cfx-1.token"), []byte(token+"\n"), 0o600))
	b, err := json.Marshal(gate.Config{Server: url, Spool: "spool", Lines: []gate.Row{{Name: "cfx-1", Kind: link.Folder, Address: drops,
		Protocol: link.File, TokenFile: "cfx-1.token", Settings: link.Settings{Every: link.Span(5 * time.Millisecond)}}}})
	require.NoError(t, err)
	c := gateCmd{Config: filepath.Join(dir, "gate.json"), Check: true}
	require.NoError(t, os.WriteFile(c.Config, b, 0o600))
	require.NoError(t, c.Run(t.Context()), "everything works")

	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	c.Check = false
	go func() { over <- c.Run(ctx) }()
	m, err := sim.Find("cfx")
	require.NoError(t, err)
	p := sim.Plate{Layout: plate.Layout{Code: strings.Repeat("P", 150), Format: plate.F96, Wells: []plate.Well{{Role: plate.Sample, Code: "S-1"}}},
		Targets: []sim.Target{{Name: "N", Dye: "FAM"}}, Truth: func(string, string) (float64, bool) { return 24, true }}
	_, err = m.Drop(ctx, drops, p, sim.Options{Faults: sim.Faults{Repeat: 0.999}, Seed: 1})
	require.NoError(t, err)
	want, err := m.Messages(p)
	require.NoError(t, err)
	arrivals := func() (n int) {
		require.NoError(t, st.DB().Get(&n, `SELECT count(*) FROM arrivals`))
		return n
	}
	require.Eventually(t, func() bool { return arrivals() == 2 }, 20*time.Second, 5*time.Millisecond, "both copies arrive")
	kept, err := st.KeptMessages(ctx, 0, 10)
	require.NoError(t, err)
	require.Len(t, kept, 1, "the copy is known")
	require.Equal(t, want[0].Bytes, kept[0].Bytes)
	require.Equal(t, "CFX96", kept[0].Model)
	cancel()
	require.NoError(t, <-over)
}

func TestGateCheckFailsInWords(t *testing.T) {
	t.Parallel()
	_, url, _ := benchLab(t)
	dir := t.TempDir()
	b, err := json.Marshal(gate.Config{Server: url, Spool: "spool", Lines: []gate.Row{{Name: "cfx-1", Kind: link.Folder,
		Address: filepath.Join(dir, "share"), Protocol: link.File, Token: "stale"}}})
	require.NoError(t, err)
	c := gateCmd{Config: filepath.Join(dir, "gate.json"), Check: true}
	require.NoError(t, os.WriteFile(c.Config, b, 0o600))
	require.ErrorContains(t, c.Run(t.Context()), "2 of the trials failed")
	c.Config = filepath.Join(dir, "none.json")
	require.ErrorContains(t, c.Run(t.Context()), "none.json")
}
