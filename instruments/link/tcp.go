package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const maxConns = 256

// alive finds a peer that was switched off: after 30 s of silence 5 probes, 10 s apart.
var alive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 5}

// listen serves everybody who connects to the address of the lines; it tries again for ever where the address is not to be had.
func (ls *Lines) listen(ctx context.Context, u *unit) {
	p := pause{min: 250 * time.Millisecond, max: 10 * time.Second}
	all := func(f func(*health)) {
		for _, h := range u.health {
			f(h)
		}
	}
	for ctx.Err() == nil {
		cfg := net.ListenConfig{KeepAliveConfig: alive}
		l, err := cfg.Listen(ctx, "tcp", u.lines[0].Address)
		if err == nil {
			all(func(h *health) {
				h.change(func(h *Health) { h.Address = l.Addr().String() }) // where port 0 was asked for
				h.state(Up)
			})
			p.reset()
			err = ls.accept(ctx, u, l)
		}
		if ctx.Err() != nil {
			return
		}
		all(func(h *health) { h.state(Opening); h.failed(err) })
		ls.o.Log.Warn("cannot listen", "address", u.lines[0].Address, "error", err)
		if p.wait(ctx) != nil {
			return
		}
	}
}

// accept ends when the listener does, with all its conversations.
func (ls *Lines) accept(ctx context.Context, u *unit, l net.Listener) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	limit := u.lines[0].Settings.Conns
	if limit <= 0 {
		limit = maxConns
	}
	free := make(chan struct{}, limit)
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
				return err
			}
			if sleep(ctx, 100*time.Millisecond) != nil { // out of files: others may close theirs
				return err
			}
			continue
		}
		e := ls.caller(u, conn)
		select {
		case free <- struct{}{}:
		default:
			conn.Close()
			e.health.fault("line.full")
			e.health.failed(because(reasonFull, nil, "peer", conn.RemoteAddr().String(), "n", limit))
			continue
		}
		wg.Go(func() {
			defer func() { <-free }()
			e.converse(ctx, conn)
		})
	}
}

// caller finds the row of a peer: the one that names its address, else the one that names none, else nobody's.
func (ls *Lines) caller(u *unit, conn net.Conn) *end {
	host, _, _ := net.SplitHostPort(conn.RemoteAddr().String()) // an address of net is well formed
	ip, anyone := net.ParseIP(host), -1
	for i, l := range u.lines {
		if l.Settings.Peer == "" {
			anyone = i
		} else if p := net.ParseIP(l.Settings.Peer); p != nil && p.Equal(ip) {
			return ls.end(u, i)
		}
	}
	if anyone >= 0 {
		return ls.end(u, anyone)
	}
	e := ls.end(u, 0)
	e.ID = 0
	e.health.fault("peer.unknown")
	return e
}

func (e *end) converse(ctx context.Context, conn net.Conn) {
	peer := conn.RemoteAddr().String()
	e.log.Info("connected", "peer", peer)
	err := e.talk(ctx, conn, peer)
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		e.health.failed(fmt.Errorf("%s: %w", peer, err))
	}
	e.log.Info("disconnected", "peer", peer, "why", err)
}

// dial connects to an instrument that listens, and again when the connection is lost.
func (ls *Lines) dial(ctx context.Context, e *end) {
	p := pause{min: 250 * time.Millisecond, max: 30 * time.Second}
	d := net.Dialer{Timeout: 10 * time.Second, KeepAliveConfig: alive}
	for ctx.Err() == nil {
		conn, err := d.DialContext(ctx, "tcp", e.Address)
		if err == nil {
			e.health.state(Up)
			before := e.health.snapshot().Bytes
			err = e.talk(ctx, conn, conn.RemoteAddr().String())
			if e.health.snapshot().Bytes > before {
				p.reset()
			}
		}
		if ctx.Err() != nil {
			return
		}
		e.health.state(Opening)
		e.health.failed(err)
		e.log.Warn("connection lost", "address", e.Address, "error", err)
		if p.wait(ctx) != nil {
			return
		}
	}
}
