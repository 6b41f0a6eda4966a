package gate

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"natlims/instruments"
	"natlims/instruments/link"
	"natlims/instruments/link/spool"
)

// Gate is a gate at work.
type Gate struct {
	c     Config
	now   func() time.Time
	log   *slog.Logger
	http  *http.Client
	lines *link.Lines
	posts []*post // by line
	wait  time.Duration
}

// Options of Run. Now is required.
type Options struct {
	Now   func() time.Time
	Log   *slog.Logger // nil: silent
	Ready func(*Gate)  // called once the lines have begun; may be nil

	wait time.Duration // the first pause after a failure; tests shorten it
}

// Run works until the context ends. What is in the spools then stays there for the next time.
func Run(ctx context.Context, c Config, o Options) (err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.wait == 0 {
		o.wait = firstWait
	}
	g := &Gate{c: c, now: o.Now, log: o.Log, wait: o.wait}
	if g.http, err = c.client(); err != nil {
		return err
	}
	defer g.http.CloseIdleConnections()
	defer func() { err = errors.Join(err, g.close()) }()
	for _, r := range c.Lines {
		s, err := spool.Open(filepath.Join(c.Spool, r.Name), c.LimitMB<<20)
		if err != nil {
			return err
		}
		g.posts = append(g.posts, &post{gate: g, row: r, spool: s})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if g.lines, err = link.Serve(ctx, link.Options{Keep: g.keep, Answer: g.answer, Whole: instruments.Whole, Now: o.Now, Log: o.Log}); err != nil {
		return err
	}
	defer g.lines.Close()
	var rows []link.Line
	for i := range c.Lines {
		rows = append(rows, c.Lines[i].line(i))
	}
	if err := g.lines.Set(rows); err != nil {
		return err
	}
	var carrying sync.WaitGroup
	defer carrying.Wait()
	for _, p := range g.posts {
		carrying.Go(func() { p.run(ctx) })
	}
	if o.Ready != nil {
		o.Ready(g)
	}
	err = g.serveHealth(ctx)
	cancel()
	return err
}

func (g *Gate) close() error {
	var errs []error
	for _, p := range g.posts {
		errs = append(errs, p.spool.Close())
	}
	return errors.Join(errs...)
}

// keep puts an arrival into the spool of its line; a sender that no line knows uses the first spool of the port it came in on.
func (g *Gate) keep(_ context.Context, a link.Arrival) error {
	for _, p := range g.posts {
		if p.row.Name == a.Source {
			return p.spool.Put(a)
		}
	}
	return link.ErrRefused // no line has this name: it cannot be
}

// Status is how one line of the gate is.
type Status struct {
	link.Health
	Spool      spool.Stats `json:"spool"`
	Carried    int64       `json:"carried"` // messages the server has
	Refused    int64       `json:"refused_by_server"`
	Last       time.Time   `json:"last_carried"`
	Error      string      `json:"server_error,omitempty"` // of the last try; "" = it went well
	Answered   int64       `json:"queries_answered"`       // questions of the instrument that the server answered
	Unanswered int64       `json:"queries_unanswered"`     // the instrument was told to ask again
	QueryError string      `json:"query_error,omitempty"`  // of the last question; "" = it went well
}

// Status is how the lines are, in the order of names.
func (g *Gate) Status() []Status {
	var all []Status
	for _, h := range g.lines.Health() {
		for _, p := range g.posts {
			if p.row.Name == h.Name {
				all = append(all, p.status(h))
			}
		}
	}
	return all
}
