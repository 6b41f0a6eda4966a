//go:build unix

package link_test

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/astm"
	"natlims/instruments/link"
	"natlims/instruments/sim"
)

// stopMost is far more than a line takes to end, and less than an operator waits.
const stopMost = 8 * time.Second

func ends(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(stopMost):
		t.Fatalf("%s does not end", what)
	}
}

// A server that is told to stop does so while an instrument is silent, and while one calls without end and takes no answer.
func TestLinesEnd(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]bool{"silent": false, "takes no answer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cable, err := sim.NewCable()
			require.NoError(t, err)
			ls, err := link.Serve(t.Context(), link.Options{Keep: (&shelf{whole: map[string]int{}}).keep, Now: time.Now})
			require.NoError(t, err)
			require.NoError(t, ls.Set([]link.Line{{ID: 1, Name: "cycler", Kind: link.Serial, Address: cable.Port, Protocol: link.ASTM},
				{ID: 2, Name: "hall", Kind: link.Listen, Address: "127.0.0.1:0", Protocol: link.ASTM}}))
			up := func() bool { h := ls.Health(); return h[0].State == link.Up && h[1].State == link.Up }
			require.Eventually(t, up, 10*time.Second, time.Millisecond)
			unit, err := cable.Open(t.Context())
			require.NoError(t, err)
			conn, err := net.Dial("tcp", ls.Health()[1].Address)
			require.NoError(t, err)
			if flood {
				calls := bytes.Repeat([]byte{astm.ENQ}, 8<<20)
				go unit.Write(calls) //nolint:errcheck // it ends with the cable
				go conn.Write(calls) //nolint:errcheck
				var before int64
				require.Eventually(t, func() bool { // until the answers that nobody takes hold up the line
					now := ls.Health()[0].Bytes
					stuck := now > 1000 && now == before
					before = now
					return stuck
				}, 20*time.Second, 100*time.Millisecond)
			}
			ends(t, "Close", ls.Close)
			require.NoError(t, unit.Close())
			require.NoError(t, conn.Close())
			require.NoError(t, cable.Close())
		})
	}
}

// Close of a port ends a Read that waits and a Write that is not taken, without a goroutine left behind (see TestMain).
func TestPortEnds(t *testing.T) {
	t.Parallel()
	cable, err := sim.NewCable()
	require.NoError(t, err)
	p, err := link.OpenPort(cable.Port, link.Settings{})
	require.NoError(t, err)
	reads, writes := make(chan error, 1), make(chan error, 1)
	go func() { _, err := p.Read(make([]byte, 10)); reads <- err }()
	go func() { _, err := p.Write(make([]byte, 8<<20)); writes <- err }()
	require.NoError(t, p.SetWriteDeadline(time.Now().Add(time.Millisecond)))
	ends(t, "Write", func() { err = <-writes })
	require.ErrorContains(t, err, "timeout")
	ends(t, "Close", func() { _ = p.Close() })
	ends(t, "Read", func() { err = <-reads })
	require.Error(t, err)
	require.NoError(t, cable.Close())
}
