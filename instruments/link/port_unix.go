//go:build unix

package link

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"go.bug.st/serial"
)

// lockPort keeps a serial port from other programs that lock it as well, a second server for one: two readers of one port would each
// get half of every message. The system's own exclusive mode (TIOCEXCL) does not bind root, and the lock ends with the program.
func lockPort(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("port %s: %w", path, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = fmt.Errorf("port %s is used by another program", path)
	case err != nil:
		err = fmt.Errorf("port %s: lock: %w", path, err)
	}
	if err != nil {
		f.Close() //nolint:errcheck // the other error says more
		return nil, err
	}
	return func() { f.Close() }, nil //nolint:errcheck // it was opened for the lock only
}

// openWire opens the file for our bytes before the library makes the port exclusive.
func openWire(path string, m *serial.Mode) (Wire, serial.Port, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	p, err := serial.Open(path, m)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return tty{f}, p, nil
}

type tty struct{ *os.File }

// Read gives nothing, to be tried again, on a device that the system cannot wait for.
func (t tty) Read(b []byte) (int, error) {
	n, err := t.File.Read(b)
	if errors.Is(err, syscall.EAGAIN) {
		return 0, nil
	}
	return n, err
}
