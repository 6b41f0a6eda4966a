//go:build unix

package sim

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/creack/pty"
)

// Cable is a serial line inside this machine: a pseudo-terminal whose one end is a port for the server, while the instrument's end can be
// opened and closed again and again. It has no speed of its own; see Options.Baud.
type Cable struct {
	Port   string // what the server opens
	master int
	slave  *os.File
}

// NewCable makes a cable.
func NewCable() (*Cable, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer master.Close()
	// A file that pty.Open gives blocks in Read for good: Close would not end it.
	fd, err := syscall.Dup(int(master.Fd()))
	if err == nil {
		syscall.CloseOnExec(fd)
		err = syscall.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, errors.Join(err, slave.Close())
	}
	return &Cable{Port: slave.Name(), master: fd, slave: slave}, nil
}

// Open is an Opener of the instrument's end.
func (c *Cable) Open(context.Context) (io.ReadWriteCloser, error) {
	fd, err := syscall.Dup(c.master)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "cable "+c.Port), nil
}

// Close pulls the cable out: the server's port is gone.
func (c *Cable) Close() error { return errors.Join(syscall.Close(c.master), c.slave.Close()) }
