package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/lims"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
	"natlims/reports/send"
)

// TestLinesFollowTheirRows: a line is opened when its instrument is added, opened anew when it is changed, and closed when the
// instrument is taken out of use, all while the server runs.
func TestLinesFollowTheirRows(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	st, err := store.Open(ctx, pgtest.New(t), store.Options{})
	require.NoError(t, err)
	s, err := newServer(ctx, st, &send.Outbound{}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	kept := make(chan error, 1)
	go func() { kept <- s.keepLines(ctx) }()
	t.Cleanup(func() {
		stop()
		require.ErrorIs(t, <-kept, context.Canceled)
		s.lines.Close()
		require.NoError(t, st.Close())
	})
	root := lims.Actor{Roles: []lims.Role{lims.Admin}}
	lab, err := st.AddLab(ctx, root, store.Lab{Code: "L1", Name: store.Name{Zh: "一", En: "one"}})
	require.NoError(t, err)
	first, second := t.TempDir(), t.TempDir()
	i := store.Instrument{Lab: lab, Code: "QS5", Model: "QuantStudio 5", Line: "folder", Protocol: "file", Address: first}
	i.ID, err = st.AddInstrument(ctx, root, i)
	require.NoError(t, err)
	becomes := func(address string) {
		t.Helper()
		require.Eventually(t, func() bool {
			st.Wake(ctx, store.NotifyLines) //nolint:errcheck // the listener may not have been up when the row changed
			all := s.lines.Health()
			if address == "" {
				return len(all) == 0
			}
			return len(all) == 1 && all[0].State == link.Up && all[0].Address == address
		}, 20*time.Second, 20*time.Millisecond)
	}
	becomes(first)
	i.Address = second
	require.NoError(t, st.UpdateInstrument(ctx, root, i))
	becomes(second)
	require.NoError(t, st.ActivateInstrument(ctx, root, i.ID, false))
	becomes("")
	require.NoError(t, st.ActivateInstrument(ctx, root, i.ID, true))
	becomes(second)
}
