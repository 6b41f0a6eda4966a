package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// KeepTime is how long Keep may take. An instrument waits 15 s (LIS01-A2 6.5.1.1).
const KeepTime = 10 * time.Second

// Options are what all lines share. Keep and Now are required.
type Options struct {
	Keep   Keep
	Answer Answer           // nil: queries are kept like any message
	Whole  Whole            // nil: every file is
	Now    func() time.Time // of arrivals and health
	Wall   func() time.Time // drives the timers of protocols; nil: Now. It must run at the pace of real time.
	Log    *slog.Logger     // nil: silent. No content of messages is ever logged.
}

// Lines are the lines that run.
type Lines struct {
	o     Options
	ctx   context.Context
	stop  context.CancelFunc
	setMu sync.Mutex // one Set at a time

	mu    sync.Mutex
	units map[string]*unit
	wrong []*health
}

// unit is what is opened and closed together: one line, or the lines that listen at one address.
type unit struct {
	lines  []Line
	health []*health // by line
	stop   context.CancelFunc
	done   chan struct{}
}

// Serve begins without lines; see Set. It ends with Close or its context.
func Serve(ctx context.Context, o Options) (*Lines, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	ls := &Lines{o: o, units: map[string]*unit{}}
	ls.ctx, ls.stop = context.WithCancel(ctx)
	return ls, nil
}

// Set makes these the lines that run: new ones are started, changed ones started anew, missing ones ended; the others are not disturbed.
// A line that cannot work does not hold up the others: it is told in the error and in its Health.
func (ls *Lines) Set(lines []Line) error {
	ls.setMu.Lock()
	defer ls.setMu.Unlock()
	groups, wrong, err := group(lines, ls.o.Now)
	ls.mu.Lock()
	ls.wrong = wrong
	var ending []*unit
	for key, u := range ls.units {
		if !reflect.DeepEqual(groups[key], u.lines) {
			u.stop()
			ending = append(ending, u)
			delete(ls.units, key)
		}
	}
	ls.mu.Unlock()
	for _, u := range ending { // before anything starts: the port may be wanted again
		<-u.done
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.ctx.Err() != nil {
		return errors.Join(err, ls.ctx.Err())
	}
	for key, g := range groups {
		if ls.units[key] == nil {
			ls.units[key] = ls.start(g)
		}
	}
	return err
}

// group puts lines that share a wire together. Only listening lines may.
func group(lines []Line, now func() time.Time) (map[string][]Line, []*health, error) {
	groups := map[string][]Line{}
	var wrong []*health
	var errs []error
	for _, l := range lines {
		err := l.Check()
		if g := groups[l.wire()]; err == nil && len(g) > 0 && !(l.Kind == Listen && distinct(g, l)) {
			err = because(reasonTaken, nil, "address", l.Address, "other", strconv.Quote(g[0].Name))
		}
		if err != nil {
			h := newHealth(l, now)
			h.state(Wrong)
			h.failed(err)
			wrong = append(wrong, h)
			errs = append(errs, fmt.Errorf("line %q: %w", l.Name, err))
			continue
		}
		groups[l.wire()] = append(groups[l.wire()], l)
	}
	return groups, wrong, errors.Join(errs...)
}

// distinct says that no line of the group serves the same peer.
func distinct(g []Line, l Line) bool {
	return !slices.ContainsFunc(g, func(o Line) bool { return o.Settings.Peer == l.Settings.Peer })
}

func (ls *Lines) start(g []Line) *unit {
	u := &unit{lines: g, done: make(chan struct{})}
	ctx, stop := context.WithCancel(ls.ctx)
	u.stop = stop
	for _, l := range g {
		u.health = append(u.health, newHealth(l, ls.o.Now))
	}
	go func() {
		defer close(u.done)
		defer stop()
		switch g[0].Kind {
		case Serial:
			ls.serial(ctx, ls.end(u, 0))
		case Listen:
			ls.listen(ctx, u)
		case Dial:
			ls.dial(ctx, ls.end(u, 0))
		case Folder:
			ls.folder(ctx, ls.end(u, 0))
		}
		for _, h := range u.health {
			h.state(Ended)
		}
	}()
	return u
}

// Health tells how every line is, in the order of names.
func (ls *Lines) Health() []Health {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	var all []Health
	for _, u := range ls.units {
		for _, h := range u.health {
			all = append(all, h.snapshot())
		}
	}
	for _, h := range ls.wrong {
		all = append(all, h.snapshot())
	}
	slices.SortFunc(all, func(a, b Health) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Close ends all lines and waits for them. A message that is being kept is kept and acknowledged first.
func (ls *Lines) Close() {
	ls.stop()
	ls.mu.Lock()
	units := maps.Clone(ls.units)
	ls.mu.Unlock()
	for _, u := range units {
		<-u.done
	}
}

// end is one line's row with what it needs to run.
type end struct {
	Line
	o      *Options
	health *health
	log    *slog.Logger
}

func (ls *Lines) end(u *unit, i int) *end {
	l := u.lines[i]
	return &end{Line: l, o: &ls.o, health: u.health[i], log: ls.o.Log.With("line", l.Name, "instrument", l.ID)}
}

// keep stores an arrival. It is not cut short by the end of the line, only by KeepTime.
func (e *end) keep(ctx context.Context, a Arrival) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), KeepTime)
	defer cancel()
	a.Instrument, a.Source, a.Kind, a.At = e.ID, e.Name, e.Line.Kind, e.o.Now()
	err := e.o.Keep(ctx, a)
	repeated := errors.Is(err, ErrRepeated)
	e.health.change(func(h *Health) {
		switch {
		case err != nil && !repeated:
			h.Refused++
			return
		case repeated:
			h.Repeated++
		}
		if a.Complete {
			h.Messages++
			h.LastMessage = a.At
		} else {
			h.Incomplete++
		}
	})
	if repeated {
		e.log.Info("a message came again", "peer", a.Peer, "bytes", len(a.Bytes))
		return nil
	}
	if err != nil {
		e.health.failed(because(reasonStore, err))
		e.log.Error("a message could not be stored", "peer", a.Peer, "bytes", len(a.Bytes), "error", err)
	}
	return err
}

// insist keeps what nobody would send again, with growing pauses, until it is stored or the line ends.
func (e *end) insist(ctx context.Context, a Arrival) {
	p := pause{min: time.Second, max: 30 * time.Second}
	for {
		err := e.keep(ctx, a)
		if err == nil || errors.Is(err, ErrRefused) {
			return
		}
		if p.wait(ctx) != nil {
			e.log.Error("a transmission that broke off is lost: it could not be stored before the end", "peer", a.Peer, "bytes", len(a.Bytes))
			e.health.fault("arrival.lost")
			return
		}
	}
}
