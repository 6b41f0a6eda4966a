package link

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.bug.st/serial"
)

// Wire is an open line. A write that its peer does not take ends with its deadline, and Close ends a Read that waits.
type Wire interface {
	io.ReadWriteCloser
	SetWriteDeadline(time.Time) error
}

// port is an open serial port. Its bytes go through a file of its own that waits for the device the way a connection does: the calls
// of the library block inside the system, where neither a Write that the instrument's handshake holds up nor, once the number of the
// file has gone to another one, a Read can be ended, and a line that was told to stop would hang.
type port struct {
	Wire
	set serial.Port
}

// OpenPort opens a serial port with the settings of a line.
func OpenPort(path string, s Settings) (Wire, error) {
	m, err := s.mode()
	if err != nil {
		return nil, err
	}
	w, set, err := openWire(path, m)
	if err != nil {
		return nil, fmt.Errorf("port %s: %w", path, err)
	}
	p := &port{w, set}
	if s.Lines != "" { // not all ports have them: a pseudo-terminal does not
		err = set.SetDTR(strings.Contains(s.Lines, "dtr"))
		if err == nil {
			err = set.SetRTS(strings.Contains(s.Lines, "rts"))
		}
		if err != nil {
			p.Close() //nolint:errcheck // the other error says more
			return nil, fmt.Errorf("port %s: lines %q: %w", path, s.Lines, err)
		}
	}
	return p, nil
}

// Close lets go of the port and ends what is under way on it.
func (p *port) Close() error { return errors.Join(p.Wire.Close(), p.set.Close()) }
