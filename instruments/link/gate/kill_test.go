package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/instruments/sim"
	"natlims/lims/plate"
)

// A gate is killed again and again while an instrument sends and the server comes and goes. What the instrument was told had
// arrived is at the server, once.
func TestKilledGateLosesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, false)
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := probe.Addr().String()
	require.NoError(t, probe.Close())
	dir := t.TempDir()
	path := filepath.Join(dir, "gate.json")
	c := Config{Server: l.URL, Spool: "spool", Lines: []Row{{Name: "cycler", Kind: link.Listen, Address: address, Protocol: link.ASTM, Token: "good"}}}
	b, err := json.Marshal(c)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, b, 0o600))

	m, err := sim.Find("m2000-tubes")
	require.NoError(t, err)
	p := tubes(60)
	open, err := sim.To("tcp:"+address, link.Settings{})
	require.NoError(t, err)
	sent := make(chan error, 1)
	var report sim.Report
	go func() {
		var err error
		report, err = m.Send(context.Background(), open, p, sim.Options{Now: time.Now, Rest: 5 * time.Millisecond, Tries: 100_000})
		sent <- err
	}()
	for kills := range 5 {
		gate := child(t, path)
		want := 10 * (kills + 1)
		l.set([]int{0, http.StatusBadGateway}[kills%2])
		l.mu.Lock()
		asked := l.asked
		l.mu.Unlock()
		eventually(t, func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.asked > asked+3 || len(l.kept) >= want })
		require.NoError(t, gate.Process.Kill())
		_ = gate.Wait() // "signal: killed"
	}
	l.set(0)
	gate := child(t, path)
	require.NoError(t, <-sent)
	require.Positive(t, report.Again, "no kill came between: nothing was tested")
	want, err := m.Messages(p)
	require.NoError(t, err)
	eventually(t, func() bool { return len(l.texts()) == len(want) })
	require.NoError(t, gate.Process.Kill())
	_ = gate.Wait()
	var texts []string
	for _, w := range want {
		texts = append(texts, string(w.Bytes))
	}
	require.ElementsMatch(t, texts, l.texts())
}

func tubes(n int) sim.Plate {
	p := sim.Plate{Layout: plate.Layout{Code: "P1", Format: plate.F96}, Targets: []sim.Target{{Name: "N"}},
		Truth: func(string, string) (float64, bool) { return 24, true }}
	for i := range n {
		p.Layout.Wells = append(p.Layout.Wells, plate.Well{Pos: plate.F96.At(i), Role: plate.Sample, Code: fmt.Sprint("S-", i)})
	}
	return p
}

// child is a gate in a process of its own.
func child(t *testing.T, config string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LIMS_GATE_CONFIG="+config)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	return cmd
}
