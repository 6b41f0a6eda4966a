package link

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	chunk     = 16 << 10 // bytes of one read
	maxAsking = 8        // queries of one conversation being answered at a time

	writeTime = 15 * time.Second // until a peer that does not read is given up
	partTime  = 2 * time.Second  // the same, once the line is to end
)

// errIdle: the peer was silent for longer than the line allows.
var errIdle = errors.New("silent for too long")

// protocol is a state machine over one conversation.
type protocol interface {
	feed(now time.Time, p []byte)
	expire(now time.Time)
	drop()                            // the wire is gone
	deadline() time.Time              // when expire is due; zero for never
	answer(now time.Time, a answered) // to a query that was given to ask
}

// conversation is one open wire.
type conversation struct {
	*end
	ctx     context.Context // of the line
	life    context.Context // of this conversation
	wire    Wire
	peer    string
	err     error // of a write; ends the conversation
	asking  int
	answers chan answered
	heard   bool // at least one byte came
}

// answered is what came of a query. With an error there are no orders, and the instrument is told that it must ask again.
type answered struct {
	query  any
	orders []Order
	err    error
}

// talk serves an open wire until it breaks, the peer leaves or the context ends, and closes it. The error says why it ended; io.EOF
// is a peer that left.
func (e *end) talk(ctx context.Context, w Wire, peer string) error {
	life, cancel := context.WithCancel(ctx)
	c := &conversation{end: e, ctx: ctx, life: life, wire: w, peer: peer, answers: make(chan answered)}
	var p protocol
	switch e.Protocol {
	case HL7:
		p = newHL7(c)
	case Raw:
		p = newRaw(c)
	default:
		p = newASTM(c)
	}
	e.health.change(func(h *Health) { h.Conns++ })
	chunks, broken := make(chan []byte), make(chan error, 1)
	go c.read(chunks, broken)
	err := c.loop(p, chunks, broken)
	cancel()
	w.Close() // ends the reader
	p.drop()
	for range chunks { // what was read and not yet taken was never acknowledged
	}
	for ; c.asking > 0; c.asking-- {
		<-c.answers
	}
	e.health.change(func(h *Health) { h.Conns-- })
	return err
}

// read hands chunks on. Two buffers are enough: the second is filled while the first is worked on.
func (c *conversation) read(chunks chan<- []byte, broken chan<- error) {
	defer close(chunks)
	var bufs [2][chunk]byte
	for i := 0; ; i ^= 1 {
		n, err := c.wire.Read(bufs[i][:])
		if n > 0 {
			chunks <- bufs[i][:n]
		}
		if err != nil {
			broken <- err
			return
		}
		if n == 0 && sleep(c.life, 10*time.Millisecond) != nil { // a serial port's read timeout is (0, nil)
			broken <- c.life.Err()
			return
		}
	}
}

func (c *conversation) loop(p protocol, chunks <-chan []byte, broken <-chan error) error {
	idle := c.Settings.Idle.or(0)
	quiet := c.o.Wall()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for c.err == nil {
		due := p.deadline()
		if end := quiet.Add(idle); idle > 0 && (due.IsZero() || end.Before(due)) {
			due = end
		}
		var expired <-chan time.Time
		if !due.IsZero() {
			timer.Reset(due.Sub(c.o.Wall()))
			expired = timer.C
		}
		select {
		case b, ok := <-chunks:
			if !ok {
				return <-broken
			}
			c.heard = true
			c.health.bytes(len(b))
			quiet = c.o.Wall()
			p.feed(quiet, b)
		case <-expired:
			now := c.o.Wall()
			p.expire(now)
			if idle > 0 && !now.Before(quiet.Add(idle)) {
				return because(reasonIdle, errIdle, "idle", idle.String())
			}
		case a := <-c.answers:
			c.asking--
			if a.err != nil {
				c.health.failed(because(reasonQuery, a.err))
				c.fault("query.unanswered", a.err.Error())
			}
			p.answer(c.o.Wall(), a)
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
	return c.err
}

// write remembers the first error, which ends the conversation: what cannot be told is not acknowledged. A peer that does not take it
// is given up, and soon where the line is to end.
func (c *conversation) write(b []byte) {
	if c.err != nil {
		return
	}
	if c.err = c.wire.SetWriteDeadline(c.o.Wall().Add(writeTime)); c.err != nil {
		return
	}
	defer context.AfterFunc(c.ctx, func() {
		c.wire.SetWriteDeadline(c.o.Wall().Add(partTime)) //nolint:errcheck // a wire that is gone ends the write as well
	})()
	_, c.err = c.wire.Write(b)
}

func (c *conversation) fault(code, text string) {
	c.health.fault(code)
	c.log.Warn("fault on the line", "peer", c.peer, "code", code, "text", text)
}

// whole keeps a message; nil means that it may be acknowledged.
func (c *conversation) whole(b []byte) error {
	return c.keep(c.ctx, Arrival{Wire: c.Protocol, Peer: c.peer, Bytes: b, Complete: true})
}

// broken keeps what came of a transmission that broke off.
func (c *conversation) broken(b []byte, code string) {
	c.log.Warn("a transmission broke off", "peer", c.peer, "code", code, "bytes", len(b))
	c.insist(c.ctx, Arrival{Wire: c.Protocol, Peer: c.peer, Bytes: b, Code: code})
}

// ask looks for the orders of a query; they come to the protocol's answer later, while the conversation goes on. query is
// the protocol's own.
func (c *conversation) ask(q Query, query any) {
	if c.asking >= maxAsking {
		c.fault("query.too_many", fmt.Sprintf("more than %d at a time", maxAsking))
		return
	}
	c.asking++
	c.health.change(func(h *Health) { h.Queries++ })
	q.Instrument, q.Wire, q.Source, q.Peer = c.ID, c.Protocol, c.Name, c.peer
	go func() {
		ctx, cancel := context.WithTimeout(c.life, KeepTime)
		defer cancel()
		orders, err := c.o.Answer(ctx, q)
		c.answers <- answered{query, orders, err}
	}()
}

func (c *conversation) stamp() string { return c.o.Now().Format("20060102150405") }
