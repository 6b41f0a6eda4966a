//go:build unix

package link

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// jack is a serial port made of a pseudo-terminal, at a path of our own that can be plugged in again.
type jack struct {
	path   string
	master *os.File
}

func newPort(t *testing.T) *jack {
	t.Helper()
	p := &jack{path: filepath.Join(t.TempDir(), "ttyS0")}
	p.plug(t)
	return p
}

func (p *jack) plug(t *testing.T) {
	t.Helper()
	master, slave, err := pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { master.Close(); slave.Close() })
	_ = os.Remove(p.path) // not there the first time
	require.NoError(t, os.Symlink(slave.Name(), p.path))
	p.master = master
}

func (p *jack) line() Line {
	return Line{ID: 3, Name: "cycler 3", Kind: Serial, Address: p.path, Protocol: ASTM, Settings: Settings{Baud: 115200}}
}

func TestSerialSurvivesUnplugging(t *testing.T) {
	t.Parallel()
	p, k := newPort(t), &tray{}
	ls := lines(t, Options{Keep: k.keep})
	require.NoError(t, ls.Set([]Line{p.line()}))
	eventually(t, func() bool { return up(ls) })
	caller{t, p.master}.send(message)
	require.Equal(t, []string{message}, k.texts())

	p.master.Close()
	eventually(t, func() bool { return ls.Health()[0].State == Opening && ls.Health()[0].LastError != "" })
	p.plug(t)
	eventually(t, func() bool { return up(ls) })
	caller{t, p.master}.send("H|\\^&|||again\rL|1\r")
	require.Len(t, k.texts(), 2)
	h := ls.Health()[0]
	require.Equal(t, int64(2), h.Opens)
	require.Equal(t, int64(2), h.Messages)
	require.Equal(t, "cycler 3", k.all[1].Source)
	require.Equal(t, int64(3), k.all[1].Instrument)
}

func TestPortIsNotOpenedTwice(t *testing.T) {
	t.Parallel()
	p := newPort(t)
	a, b := lines(t, Options{Keep: (&tray{}).keep}), lines(t, Options{Keep: (&tray{}).keep})
	require.NoError(t, a.Set([]Line{p.line()}))
	eventually(t, func() bool { return up(a) })
	other := p.line()
	other.Name = "other"
	real, err := filepath.EvalSymlinks(p.path) // the same port by another name
	require.NoError(t, err)
	other.Address = real
	require.NoError(t, b.Set([]Line{other}))
	eventually(t, func() bool { return b.Health()[0].LastError != "" })
	require.Contains(t, b.Health()[0].LastError, `is used by line "cycler 3"`)
	require.NoError(t, a.Set(nil))
	eventually(t, func() bool { return up(b) })
}

func TestModes(t *testing.T) {
	t.Parallel()
	for _, frame := range []string{"", "7E1", "8n1", "7O2", "8N2", "5S1"} {
		_, err := (Settings{Frame: frame}).mode()
		require.NoError(t, err, frame)
	}
	for _, s := range []Settings{{Frame: "9N1"}, {Frame: "8X1"}, {Frame: "8N3"}, {Frame: "8N"}, {Baud: 3}, {Lines: "cts"}} {
		_, err := s.mode()
		require.Error(t, err, s)
	}
	p := newPort(t)
	for _, frame := range []string{"7E1", "8N1", "7O2"} {
		port, err := OpenPort(p.path, Settings{Baud: 19200, Frame: frame})
		require.NoError(t, err, frame)
		require.NoError(t, port.Close())
	}
	_, err := OpenPort(p.path, Settings{Lines: "dtr"})
	require.ErrorContains(t, err, "lines", "a pseudo-terminal has none")
}

// One server holds 200 TCP instruments and 20 serial lines at once; every message of each is kept once.
func TestManyInstrumentsAtOnce(t *testing.T) {
	t.Parallel()
	const clients, ports, each = 200, 20, 5
	k := &tray{}
	ls := lines(t, Options{Keep: k.keep})
	rows := []Line{{ID: 1, Name: "hall", Kind: Listen, Address: "127.0.0.1:0", Protocol: ASTM}}
	var masters []*os.File
	for i := range ports {
		p := newPort(t)
		masters = append(masters, p.master)
		l := p.line()
		l.ID, l.Name = int64(100+i), fmt.Sprintf("serial %d", i)
		rows = append(rows, l)
	}
	require.NoError(t, ls.Set(rows))
	eventually(t, func() bool { return up(ls) })
	address := ls.Health()[0].Address

	var wg sync.WaitGroup
	errs := make(chan error, clients+ports)
	text := func(who string, n int) string {
		return fmt.Sprintf("H|\\^&|||%s\rP|1\rO|1|S-%d\rR|1|^^^N|24.5\rL|1|N\r", who, n)
	}
	for i := range clients {
		wg.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				errs <- err
				return
			}
			defer conn.Close()
			for n := range each {
				errs <- deliver(conn, text(fmt.Sprint("tcp", i), n))
			}
		})
	}
	for i, m := range masters {
		wg.Go(func() {
			for n := range each {
				errs <- deliver(m, text(fmt.Sprint("tty", i), n))
			}
		})
	}
	go func() { wg.Wait(); close(errs) }()
	for err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, k.texts(), (clients+ports)*each)
	require.Zero(t, k.repeated)
	require.Equal(t, int64(clients*each), ls.Health()[0].Messages)
	require.Empty(t, ls.Health()[0].Faults)
}

// Another program that has the port keeps it; once it lets go, the line comes up.
func TestSerialOfAnotherProgram(t *testing.T) {
	t.Parallel()
	p, k := newPort(t), &tray{}
	real, err := filepath.EvalSymlinks(p.path)
	require.NoError(t, err)
	release, err := lockPort(real) // a lock binds open files, not programs: our own other one is as good
	require.NoError(t, err)
	ls := lines(t, Options{Keep: k.keep})
	require.NoError(t, ls.Set([]Line{p.line()}))
	eventually(t, func() bool { return strings.Contains(ls.Health()[0].LastError, "used by another program") })
	require.Zero(t, ls.Health()[0].Opens)
	release()
	eventually(t, func() bool { return up(ls) })
	caller{t, p.master}.send(message)
	require.Equal(t, []string{message}, k.texts())
}
