//go:build !unix

package link

import (
	"time"

	"go.bug.st/serial"
)

// lockPort does nothing: the system lets a serial port be opened once.
func lockPort(string) (release func(), err error) { return func() {}, nil }

const readSlice = time.Second // of a Read; an empty one is tried again

// openWire takes the library's port as it is: the system opens it once. Close ends what waits there.
func openWire(path string, m *serial.Mode) (Wire, serial.Port, error) {
	p, err := serial.Open(path, m)
	if err != nil {
		return nil, nil, err
	}
	return openPort{p}, p, p.SetReadTimeout(readSlice)
}

type openPort struct{ serial.Port }

func (openPort) SetWriteDeadline(time.Time) error { return nil }
