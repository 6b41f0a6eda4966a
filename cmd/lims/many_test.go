//go:build unix

package main

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/instruments/sim"
	"natlims/lims"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
	"natlims/reports/send"
)

// 200 instruments on sockets and 20 on serial ports send at once into a server with a real database: every message is kept once, of the
// right instrument, before it is acknowledged.
func TestManyInstrumentsAtOnce(t *testing.T) {
	t.Parallel()
	const sockets, ports, each = 200, 20, 2
	ctx := t.Context()
	st, err := store.Open(ctx, pgtest.New(t), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { st.Close() }) //nolint:errcheck
	admin := lims.Actor{Roles: []lims.Role{lims.Admin}}
	lab, err := st.AddLab(ctx, admin, store.Lab{Code: "L1", Name: store.Name{Zh: "一", En: "one"}})
	require.NoError(t, err)
	srv, err := newServer(ctx, st, &send.Outbound{}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(srv.lines.Close)
	add := func(i store.Instrument) {
		i.Lab, i.Model, i.Protocol = lab, "m2000", link.ASTM
		_, err := st.AddInstrument(ctx, admin, i)
		require.NoError(t, err)
	}
	add(store.Instrument{Code: "hall", Line: "tcp-listen", Address: "127.0.0.1:0"})
	cables := make([]*sim.Cable, ports)
	for i := range cables {
		cables[i], err = sim.NewCable()
		require.NoError(t, err)
		add(store.Instrument{Code: fmt.Sprintf("port-%02d", i), Line: "serial", Address: cables[i].Port, Settings: []byte(`{"baud":115200}`)})
	}
	require.NoError(t, srv.openLines(ctx))
	hall := ""
	require.Eventually(t, func() bool {
		up := 0
		for _, h := range srv.lines.Health() {
			if h.State == link.Up {
				up++
			}
			if h.Name == "hall" {
				hall = h.Address
			}
		}
		return up == ports+1
	}, 20*time.Second, time.Millisecond)

	m, err := sim.Find("m2000")
	require.NoError(t, err)
	open, err := sim.To("tcp:"+hall, link.Settings{})
	require.NoError(t, err)
	var all sync.WaitGroup
	errs := make(chan error, sockets+ports)
	for i := range sockets + ports {
		way := open
		if i >= sockets {
			way = cables[i-sockets].Open
		}
		var texts []sim.Message
		for n := range each {
			texts = append(texts, sim.Message{Bytes: fmt.Appendf(nil, "H|\\^&|||m-%d^%d\rP|1\rO|1|S-%d||^^^N\rR|1|^^^N|24.5\rL|1|N\r", i, n, n)})
		}
		all.Go(func() {
			_, err := m.SendAll(ctx, way, texts, sim.Options{Now: time.Now})
			errs <- err
		})
	}
	all.Wait()
	for range sockets + ports {
		require.NoError(t, <-errs)
	}
	var n struct {
		Messages, Arrivals, Ports int
	}
	require.NoError(t, st.DB().Get(&n, `SELECT (SELECT count(*) FROM messages) AS messages, (SELECT count(*) FROM arrivals) AS arrivals,
		(SELECT count(*) FROM messages m JOIN instruments i ON i.id = m.instrument_id AND i.code LIKE 'port-%') AS ports`))
	require.Equal(t, (sockets+ports)*each, n.Messages)
	require.Equal(t, (sockets+ports)*each, n.Arrivals)
	require.Equal(t, ports*each, n.Ports)
	srv.lines.Close()
	for _, c := range cables {
		require.NoError(t, c.Close())
	}
}
