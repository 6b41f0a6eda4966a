package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"natlims/instruments/astm"
)

// Opener opens the wire to the server; it is called again when the wire is lost.
type Opener func(context.Context) (io.ReadWriteCloser, error)

// Options are the pace and the faults of a sending. Only Now is required.
type Options struct {
	Now    func() time.Time // drives the timers; it must run at the pace of real time
	Baud   int              // 0 = as fast as the line goes
	Faults Faults
	Seed   uint64
	Tries  int           // of each message; 0 = 50
	Rest   time.Duration // between two tries, and between the halves of a file; 0 = 1 s
	Frames astm.SendOptions
}

func (o Options) filled() Options {
	if o.Tries <= 0 {
		o.Tries = 50
	}
	if o.Rest <= 0 {
		o.Rest = time.Second
	}
	o.Frames.Role = astm.Instrument
	return o
}

// Report is what became of a sending.
type Report struct {
	Messages int `json:"messages"` // acknowledged, or dropped as files
	Refused  int `json:"refused"`  // answered "do not send again"
	Again    int `json:"again"`    // sent again
	Bytes    int `json:"bytes"`    // of the messages, each counted once
	Faults   int `json:"faults"`   // made
}

// errAgain: this try failed, the next may not.
var errAgain = errors.New("not acknowledged")

// errRefused: the server has the message and does not want it again.
var errRefused = errors.New("refused")

// sending is one Send at work.
type sending struct {
	o      Options
	open   Opener
	model  Model
	rng    *rand.Rand
	cut    bool
	report Report
	conn   *conn
}

// conn is an open wire with its reader.
type conn struct {
	*wire
	chunks chan []byte
	broken chan error
	line   *astm.Line // of ASTM models
}

// Send sends what the instrument has to say of the plate, each message until it is acknowledged.
func (m Model) Send(ctx context.Context, open Opener, p Plate, o Options) (Report, error) {
	if m.Wire == File {
		return Report{}, fmt.Errorf("instrument %s writes files: send it to a folder", m.Name)
	}
	messages, err := m.encoded(p, o)
	if err != nil {
		return Report{}, err
	}
	return m.SendAll(ctx, open, messages, o)
}

// encoded are the messages as the wrong encoding makes them, if there is one.
func (m Model) encoded(p Plate, o Options) ([]Message, error) {
	if err := o.Faults.check(); err != nil {
		return nil, err
	}
	messages, err := m.Messages(p)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		if messages[i].Bytes, err = o.Faults.encode(messages[i].Bytes); err != nil {
			return nil, fmt.Errorf("encoding %s: %w", o.Faults.Encoding, err)
		}
	}
	return messages, nil
}

// SendAll sends texts of one's own over one wire.
func (m Model) SendAll(ctx context.Context, open Opener, messages []Message, o Options) (Report, error) {
	s := &sending{o: o.filled(), open: open, model: m, rng: rand.New(rand.NewPCG(o.Seed, 2))}
	var err error
	for i := 0; i < len(messages) && err == nil; i++ {
		err = s.message(ctx, messages[i].Bytes)
	}
	s.hangUp() // first: the reader counts faults
	return s.report, err
}

// message tries until the message is acknowledged.
func (s *sending) message(ctx context.Context, text []byte) error {
	var err error
	for try := range s.o.Tries {
		if try > 0 {
			s.report.Again++
			if err := sleep(ctx, s.o.Rest); err != nil {
				return err
			}
		}
		if err = s.try(ctx, text); err == nil {
			s.report.Messages++
			s.report.Bytes += len(text)
			return nil
		}
		if errors.Is(err, errRefused) {
			s.report.Refused++
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, errAgain) { // the wire, not the answer
			s.hangUp()
		}
	}
	return fmt.Errorf("given up after %d tries: %w", s.o.Tries, err)
}

func (s *sending) try(ctx context.Context, text []byte) error {
	if s.conn == nil {
		if err := s.dial(ctx); err != nil {
			return err
		}
	}
	if s.model.Wire == HL7 {
		return s.hl7(ctx, text)
	}
	return s.astm(ctx, text)
}

func (s *sending) dial(ctx context.Context) error {
	rwc, err := s.open(ctx)
	if err != nil {
		return err
	}
	w := &wire{ReadWriteCloser: rwc, f: s.o.Faults, baud: s.o.Baud, rng: s.rng, cut: &s.cut, count: &s.report.Faults, astm: s.model.Wire == ASTM,
		sleep: func(d time.Duration) { _ = sleep(ctx, d) }} // cut short at the end, when nobody minds the pace
	s.conn = &conn{wire: w, chunks: make(chan []byte, 64), broken: make(chan error, 1), line: astm.NewLine(astm.Options{}, s.o.Frames)}
	go s.conn.read()
	return nil
}

func (c *conn) read() {
	defer close(c.chunks)
	for {
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if n > 0 {
			c.chunks <- b[:n]
		}
		if err != nil {
			c.broken <- err
			return
		}
	}
}

// hangUp closes the wire and waits for its reader.
func (s *sending) hangUp() {
	if s.conn == nil {
		return
	}
	s.conn.Close()
	for range s.conn.chunks { // late answers are nobody's
	}
	s.conn = nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
