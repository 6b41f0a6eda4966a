package sim

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"natlims/instruments/astm"
	"natlims/instruments/hl7"
)

// ackTime is how long an acknowledgement of HL7 is waited for.
const ackTime = 30 * time.Second

// astm sends one message in one session and waits for the end of it.
func (s *sending) astm(ctx context.Context, text []byte) error {
	c := s.conn
	events, err := c.line.Send(s.o.Now(), text)
	if err != nil {
		return err
	}
	for {
		done, err := c.handle(s.o.Now, events)
		if done || err != nil {
			return err
		}
		if events, err = s.next(ctx); err != nil {
			return err
		}
	}
}

// next waits for what happens first: bytes, a timer, the end.
func (s *sending) next(ctx context.Context) ([]astm.Event, error) {
	c := s.conn
	var expired <-chan time.Time
	if due := c.line.Deadline(); !due.IsZero() {
		t := time.NewTimer(due.Sub(s.o.Now()))
		defer t.Stop()
		expired = t.C
	}
	select {
	case b, ok := <-c.chunks:
		if !ok {
			return nil, <-c.broken
		}
		return c.line.Feed(s.o.Now(), b), nil
	case <-expired:
		return c.line.Expire(s.o.Now()), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// handle does what the line asks. Messages of the server (answers to queries) are taken and accepted.
func (c *conn) handle(now func() time.Time, events []astm.Event) (done bool, err error) {
	queue := append([]astm.Event(nil), events...) // the line reuses its own
	for i := 0; i < len(queue); i++ {
		switch ev := queue[i]; ev.Kind {
		case astm.Write:
			if _, err := c.Write(ev.Bytes); err != nil {
				return false, err
			}
		case astm.Message:
			queue = append(queue, c.line.Accept(now())...)
		case astm.Sent:
			done = true
		case astm.Failed:
			return false, fmt.Errorf("%w: %s", errAgain, ev.Code)
		}
	}
	return done, nil
}

// hl7 sends one block and waits for the acknowledgement that names it (MSA-2). One that comes late, to an earlier try, is as good.
func (s *sending) hl7(ctx context.Context, text []byte) error {
	sent, err := hl7.Parse(string(text))
	if err != nil {
		return s.blind(text)
	}
	if _, err := s.conn.Write(hl7.Frame(text)); err != nil {
		return err
	}
	wait := time.NewTimer(ackTime)
	defer wait.Stop()
	d := hl7.NewDeframer(0)
	for {
		select {
		case b, ok := <-s.conn.chunks:
			if !ok {
				return <-s.conn.broken
			}
			for _, ev := range d.Feed(s.o.Now(), b) {
				if code := acknowledged(ev, sent.ControlID()); code != "" {
					return verdict(code)
				}
			}
		case <-wait.C:
			return fmt.Errorf("%w in %v", errAgain, ackTime)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// blind sends a text that is no HL7 any more (a wrong encoding); nobody can acknowledge it.
func (s *sending) blind(text []byte) error {
	_, err := s.conn.Write(hl7.Frame(bytes.ReplaceAll(text, []byte{hl7.FS}, nil)))
	return err
}

// acknowledged is MSA-1 of an acknowledgement of the message with this control id.
func acknowledged(ev hl7.Event, id string) string {
	if ev.Kind != hl7.Message {
		return ""
	}
	m, err := hl7.Parse(string(ev.Bytes))
	if err != nil || m.Text("MSA", 2) != id {
		return ""
	}
	return m.Field("MSA", 1)
}

func verdict(code string) error {
	switch code {
	case "AA", "CA":
		return nil
	case "AE", "CE":
		return fmt.Errorf("%w: %s", errRefused, code)
	}
	return fmt.Errorf("%w: %s", errAgain, code)
}
