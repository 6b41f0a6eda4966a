package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/astm"
)

var errNotAcknowledged = errors.New("not acknowledged")

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 20*time.Second, 2*time.Millisecond)
}

func up(ls *Lines) bool {
	for _, h := range ls.Health() {
		if h.State != Up {
			return false
		}
	}
	return true
}

// deliver is caller.send for goroutines that are not the test's.
func deliver(w io.ReadWriter, text string) error {
	one := func(out string) error {
		if _, err := io.WriteString(w, out); err != nil {
			return err
		}
		b := make([]byte, 1)
		if _, err := io.ReadFull(w, b); err != nil {
			return err
		}
		if b[0] != astm.ACK {
			return fmt.Errorf("%w: %q", errNotAcknowledged, b)
		}
		return nil
	}
	if err := one("\x05"); err != nil {
		return err
	}
	for _, f := range astm.Frames([]byte(text), astm.SendOptions{}) {
		if err := one(string(f)); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "\x04")
	return err
}

func hall() Line {
	return Line{ID: 1, Name: "hall", Kind: Listen, Address: "127.0.0.1:0", Protocol: ASTM}
}

func dialFrom(t *testing.T, local, address string) caller {
	t.Helper()
	d := net.Dialer{}
	if local != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(local)}
	}
	conn, err := d.DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return caller{t, conn}
}

func TestInstrumentsThatShareAPort(t *testing.T) {
	t.Parallel()
	k := &tray{}
	ls := lines(t, Options{Keep: k.keep})
	a, b := hall(), hall()
	a.Settings.Peer = "127.0.0.1"
	b.ID, b.Name, b.Settings.Peer = 2, "second", "127.0.0.2"
	require.NoError(t, ls.Set([]Line{a, b}))
	eventually(t, func() bool { return up(ls) })
	address := ls.Health()[0].Address
	for i, from := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"} {
		dialFrom(t, from, address).send(fmt.Sprintf("H|\\^&|||%d\rL|1\r", i))
	}
	var who []int64
	for _, a := range k.arrivals() {
		who = append(who, a.Instrument)
	}
	require.Equal(t, []int64{1, 2, 0}, who, "an unknown sender is kept, as nobody's")
	require.Equal(t, map[string]int64{"peer.unknown": 1}, ls.Health()[0].Faults)
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	ls := lines(t, Options{Keep: (&tray{}).keep})
	l := hall()
	l.Settings.Conns = 1
	require.NoError(t, ls.Set([]Line{l}))
	eventually(t, func() bool { return up(ls) })
	address := ls.Health()[0].Address
	first := dialFrom(t, "", address)
	first.send(message)
	second := dialFrom(t, "", address)
	_, err := io.ReadFull(second.w, make([]byte, 1))
	require.Error(t, err)
	eventually(t, func() bool { return ls.Health()[0].Faults["line.full"] == 1 })
	first.w.(net.Conn).Close()
	eventually(t, func() bool { return ls.Health()[0].Conns == 0 })
	eventually(t, func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		defer c.Close()
		return deliver(c, message) == nil
	})
}

func TestDialsAgain(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	k := &tray{}
	ls := lines(t, Options{Keep: k.keep})
	require.NoError(t, ls.Set([]Line{{ID: 5, Name: "dialled", Kind: Dial, Address: l.Addr().String(), Protocol: ASTM}}))
	for i := range 3 {
		conn, err := l.Accept()
		require.NoError(t, err)
		caller{t, conn}.send(fmt.Sprintf("H|\\^&|||%d\rL|1\r", i))
		conn.Close()
	}
	require.Len(t, k.texts(), 3)
}

func TestSetDisturbsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	k := &tray{}
	ls := lines(t, Options{Keep: k.keep})
	a, b := hall(), hall()
	a.Name = "a"
	b.ID, b.Name, b.Address = 2, "b", "127.0.0.2:0"
	require.NoError(t, ls.Set([]Line{a, b}))
	eventually(t, func() bool { return up(ls) })
	ca, cb := dialFrom(t, "", ls.Health()[0].Address), dialFrom(t, "", ls.Health()[1].Address)
	ca.send("H|\\^&|||a\rL|1\r")
	cb.send("H|\\^&|||b\rL|1\r")

	b.Settings.Sum = "required"
	wrong := Line{ID: 9, Name: "z", Kind: Serial, Address: "/dev/x", Protocol: "morse"}
	require.ErrorContains(t, ls.Set([]Line{a, b, wrong}), `protocol "morse"`)
	ca.send("H|\\^&|||a2\rL|1\r")
	_, err := io.ReadFull(cb.w, make([]byte, 1))
	require.Error(t, err, "a changed line is started anew")
	h := ls.Health()
	require.Equal(t, Wrong, h[2].State)
	require.Contains(t, h[2].LastError, "astm, hl7 or raw")

	require.NoError(t, ls.Set(nil))
	require.Empty(t, ls.Health())
	_, err = io.ReadFull(ca.w, make([]byte, 1))
	require.Error(t, err)
	require.Len(t, k.texts(), 3)
}

func TestAddressInUseIsTriedAgain(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	row := hall()
	row.Address = l.Addr().String()
	ls := lines(t, Options{Keep: (&tray{}).keep})
	require.NoError(t, ls.Set([]Line{row}))
	eventually(t, func() bool { return ls.Health()[0].LastError != "" })
	require.Contains(t, ls.Health()[0].LastError, "in use")
	require.NoError(t, l.Close())
	eventually(t, func() bool { return up(ls) })
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]Line{
		"address":               {Kind: Serial, Protocol: ASTM},
		"frame":                 {Kind: Serial, Address: "/dev/ttyS0", Protocol: ASTM, Settings: Settings{Frame: "8Z1"}},
		"host:port":             {Kind: Dial, Address: ":4001", Protocol: HL7},
		"such as 10.0.0.5":      {Kind: Listen, Address: "4001", Protocol: HL7},
		"an IP address":         {Kind: Listen, Address: ":4001", Protocol: HL7, Settings: Settings{Peer: "cycler"}},
		"only one of a folder":  {Kind: Folder, Address: "/x", Protocol: ASTM},
		"a pattern":             {Kind: Folder, Address: "/x", Protocol: File, Settings: Settings{Glob: "["}},
		"serial, tcp-listen":    {Kind: "carrier pigeon", Address: "/x", Protocol: ASTM},
		"auto, required or off": {Kind: Listen, Address: ":4001", Protocol: ASTM, Settings: Settings{Sum: "maybe"}},
	} {
		require.ErrorContains(t, l.Check(), want)
	}
	two := []Line{{Name: "a", Kind: Folder, Address: "/x", Protocol: File}, {Name: "b", Kind: Folder, Address: "/x", Protocol: File}}
	_, wrong, err := group(two, nowForTest)
	require.ErrorContains(t, err, `is used by line "a"`)
	require.Len(t, wrong, 1)
}
