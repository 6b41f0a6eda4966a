package demo

import (
	"context"
	"io"
	"os"
	"sync"

	"natlims/instruments/sim"
)

// cable makes a pseudo terminal something that can be closed and opened again, as an instrument's side of a serial cable: the
// terminal itself stays open, and what arrives while nobody reads waits.
func cable(f *os.File) sim.Opener {
	in := make(chan []byte, 64)
	go func() {
		defer close(in)
		for {
			b := make([]byte, 4096)
			n, err := f.Read(b)
			if err != nil {
				return
			}
			in <- b[:n]
		}
	}()
	return func(context.Context) (io.ReadWriteCloser, error) {
		return &plug{f: f, in: in, out: make(chan struct{})}, nil
	}
}

// plug is one time that the cable is in use.
type plug struct {
	f    *os.File
	in   <-chan []byte
	rest []byte
	out  chan struct{}
	once sync.Once
}

// Read gives what the terminal received; it ends when the plug is pulled.
func (p *plug) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		select {
		case got, ok := <-p.in:
			if !ok {
				return 0, io.EOF
			}
			p.rest = got
		case <-p.out:
			return 0, os.ErrClosed
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Write sends down the cable.
func (p *plug) Write(b []byte) (int, error) { return p.f.Write(b) }

// Close pulls the plug and leaves the terminal open.
func (p *plug) Close() error {
	p.once.Do(func() { close(p.out) })
	return nil
}
