package main

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/flow"
	"natlims/lims/store"
)

// A range of messages is shown, message by message, and only --apply of a named supervisor writes.
func TestReplayCommand(t *testing.T) {
	t.Parallel()
	st, _, _ := benchLab(t)
	ctx := t.Context()
	line := &flow.Line{Store: st, Log: slog.New(slog.DiscardHandler)}
	for _, text := range []string{"no instrument ever said this", "Well,Sample,Cq\nA1,S-1,22.5\n"} {
		_, err := st.KeepMessage(ctx, store.Arrival{Instrument: 1, Line: "push", Bytes: []byte(text), Complete: true})
		require.NoError(t, err)
	}
	require.NoError(t, line.Read(ctx))
	run := func(c replayCmd) string {
		t.Helper()
		var out strings.Builder
		require.NoError(t, c.replay(ctx, st, line, &out))
		return out.String()
	}
	text := run(replayCmd{})
	require.Contains(t, text, "message 1 failed")
	require.Contains(t, text, "[format.unknown]")
	require.Contains(t, text, "2 messages")
	require.NotContains(t, run(replayCmd{From: 2}), "message 1 ")
	require.Contains(t, run(replayCmd{Since: "2100-01-01"}), "0 messages")
	var r store.Replay
	require.NoError(t, json.Unmarshal([]byte(run(replayCmd{From: 1, To: 1, JSON: true, Instrument: "cfx-1"})), &r))
	require.Equal(t, int64(1), r.Message)
	require.Equal(t, lims.Failed, r.State)

	require.ErrorContains(t, (&replayCmd{Apply: true}).Run(ctx), "--by")
	require.ErrorContains(t, (&replayCmd{Since: "yesterday"}).replay(ctx, st, line, &strings.Builder{}), `"yesterday"`)
	require.ErrorContains(t, (&replayCmd{Instrument: "none"}).replay(ctx, st, line, &strings.Builder{}), `"none"`)
	require.ErrorContains(t, (&replayCmd{By: "nobody"}).replay(ctx, st, line, &strings.Builder{}), `"nobody"`)
}
