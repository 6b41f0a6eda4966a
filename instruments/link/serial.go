package link

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.bug.st/serial"
)

// ports are the serial ports this program has open; lockPort keeps other programs away from them.
var ports = struct {
	sync.Mutex
	users map[string]string
}{users: map[string]string{}}

func takePort(path, user string) (release func(), err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil { // /dev/serial/by-id/…
		path = real
	}
	ports.Lock()
	defer ports.Unlock()
	if other, taken := ports.users[path]; taken {
		return nil, because(reasonTaken, nil, "address", path, "other", strconv.Quote(other))
	}
	unlock, err := lockPort(path)
	if err != nil {
		return nil, err
	}
	ports.users[path] = user
	return func() {
		unlock()
		ports.Lock()
		defer ports.Unlock()
		delete(ports.users, path)
	}, nil
}

// mode reads settings such as 9600 baud, "7E1".
func (s Settings) mode() (*serial.Mode, error) {
	m := &serial.Mode{BaudRate: s.Baud, DataBits: 8}
	if m.BaudRate == 0 {
		m.BaudRate = 9600
	}
	if m.BaudRate < 50 || m.BaudRate > 4_000_000 {
		return nil, because("L128", nil, "value", s.Baud)
	}
	if s.Frame != "" {
		f := strings.ToUpper(s.Frame)
		parity := -1
		if len(f) == 3 {
			parity = strings.IndexByte("NOEMS", f[1])
		}
		if len(f) != 3 || f[0] < '5' || f[0] > '8' || parity < 0 || f[2] != '1' && f[2] != '2' {
			return nil, because("L129", nil, "value", strconv.Quote(s.Frame))
		}
		m.DataBits, m.Parity = int(f[0]-'0'), serial.Parity(parity)
		if f[2] == '2' {
			m.StopBits = serial.TwoStopBits
		}
	}
	for _, w := range strings.Fields(s.Lines) {
		if w != "dtr" && w != "rts" && w != "off" {
			return nil, because("L130", nil, "value", strconv.Quote(s.Lines))
		}
	}
	return m, nil
}

// serial opens the port, serves it and opens it again, for ever.
func (ls *Lines) serial(ctx context.Context, e *end) {
	p := pause{min: 250 * time.Millisecond, max: 10 * time.Second}
	for ctx.Err() == nil {
		heard, err := e.serialOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		e.health.state(Opening)
		e.health.failed(err)
		e.log.Warn("serial port lost", "port", e.Address, "error", err)
		if heard {
			p.reset()
		}
		if p.wait(ctx) != nil {
			return
		}
	}
}

func (e *end) serialOnce(ctx context.Context) (heard bool, err error) {
	release, err := takePort(e.Address, e.Name)
	if err != nil {
		return false, err
	}
	defer release()
	port, err := OpenPort(e.Address, e.Settings)
	if err != nil {
		return false, err
	}
	before := e.health.snapshot().Bytes
	e.health.state(Up)
	err = e.talk(ctx, port, e.Address)
	return e.health.snapshot().Bytes > before, err
}
