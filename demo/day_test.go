package demo

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/lims/api"
	"natlims/lims/flow"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
	"natlims/reports/send"
)

// The whole line on a real database: every order comes back once, rightly, and is acknowledged.
func TestDay(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	clock := NewClock(time.Date(2021, 1, 15, 7, 0, 0, 0, time.FixedZone("CST", 8*3600)), 0)
	st, err := store.Open(ctx, pgtest.New(t), store.Options{Now: clock.Now})
	require.NoError(t, err)
	defer st.Close()
	const n = 300
	day, err := NewDay(ctx, st, clock, Options{Orders: n, Dir: t.TempDir(), Progress: testWriter{t}, Log: log})
	require.NoError(t, err)
	server := httptest.NewServer(api.New(st, api.Options{Log: log}))
	defer server.Close()
	require.NoError(t, day.Open(ctx, server.URL))
	defer day.Close()
	lines, err := link.Serve(ctx, link.Options{Now: st.Now, Wall: time.Now, Log: log, Keep: func(ctx context.Context, a link.Arrival) error {
		_, err := st.KeepMessage(ctx, store.Arrival{Instrument: a.Instrument, Line: a.Wire, Peer: a.Peer, Name: a.Name, Bytes: a.Bytes, Complete: a.Complete})
		return err
	}})
	require.NoError(t, err)
	defer lines.Close()
	var all []link.Line
	rows, err := st.Instruments(ctx, 0)
	require.NoError(t, err)
	for _, r := range rows {
		l := link.Line{ID: r.ID, Name: r.Code, Kind: link.Kind(r.Line), Address: r.Address, Protocol: r.Protocol}
		require.NoError(t, json.Unmarshal(r.Settings, &l.Settings))
		all = append(all, l)
	}
	require.NoError(t, lines.Set(all))
	line := &flow.Line{Store: st, Log: log, Outbound: &send.Outbound{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	go line.Run(ctx)
	require.NoError(t, day.Run(ctx))
	s, err := day.Summarise(ctx, 0)
	require.NoError(t, err)
	require.NoError(t, s.Print(testWriter{t}))
	require.True(t, s.Reconciles(n), "%+v", s)
	require.Zero(t, s.Late)
	arms, err := st.SampleArms(ctx, day.plan.pairTube())
	require.NoError(t, err)
	require.Len(t, arms, 2)
	var discordant int
	require.NoError(t, st.DB().Get(&discordant, `SELECT count(*) FROM results WHERE call = 'discordant' AND state = 'withdrawn'`))
	require.Equal(t, 1, discordant, "two kits did not agree, and a supervisor had the tube tested again")
	require.Equal(t, n*departments[poolDept].share/100, s.PoolTubes, "all of the cold chain")
	require.Positive(t, s.Retested, "the pool that was not negative was told apart from the tubes that were kept")
	require.Positive(t, s.Recalled)
	for what, query := range map[string]string{
		"a plate that stood the wrong way round is mended by two people": `SELECT count(*) FROM fixes f JOIN plates p ON p.id = f.plate_id WHERE f.turn = 'rotated_180' AND f.confirmed_by <> f.proposed_by AND p.state = 'accepted'`,
		"a reviewer has looked at a control that rises late":             `SELECT count(*) FROM flags WHERE code = 'late_control' AND touched_at IS NOT NULL`,
		"a tube without internal control is tested again and then told":  `SELECT count(*) FROM results r WHERE r.state = 'released' AND r.sample_id IN (SELECT sample_id FROM calls WHERE call = 'pending' AND action = 'reextract')`,
		"what was out of control is closed with a cause":                 `SELECT count(*) FROM iqc_events WHERE reject AND closed_at IS NOT NULL AND cause <> ''`,
		"every flag has been looked at":                                  `SELECT 1 - count(*) FROM flags WHERE touched_at IS NULL`,
		"a plate whose positive control was forgotten is void":           `SELECT count(*) FROM plates WHERE state = 'void'`,
	} {
		var there int
		require.NoError(t, st.DB().Get(&there, query), what)
		require.Equal(t, 1, min(there, 1), what)
	}
	charts, err := st.IQCSeriesOf(ctx, day.city.Labs[0])
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(charts, func(c store.IQCSeries) bool { return c.N > mornings }), "%+v", charts)
	var late int
	require.NoError(t, st.DB().Get(&late, `SELECT count(*) FROM deliveries v JOIN notices e ON e.id = v.notice_id JOIN results r ON r.sample_id = e.sample_id
		WHERE e.kind = 'recall' AND r.call = 'pending_review' AND v.delivered_at > r.released_at AND v.tries = 1`))
	require.Zero(t, late, "the department has the notice before anybody has signed")
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(string(b))
	return len(b), nil
}
