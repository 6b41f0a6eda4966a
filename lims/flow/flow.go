// Package flow is the line: from a kept message to recorded results, and from a released result to an acknowledged delivery.
//
// It holds no facts of its own: every step reads rows and writes rows, so that it may be killed at any point and go on where it
// was. A wake-up is only a hint; a slow poll stands behind it. It never signs anything and never decides what a reading means.
package flow

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"natlims/lims/store"
	"natlims/reports/send"
)

// Line works for one server process. Several may run on one database.
type Line struct {
	Store    *store.Store
	Log      *slog.Logger
	Outbound *send.Outbound                // which addresses deliveries may go to
	Sent     func(channel, outcome string) // counts what became of a try; may be nil
	Settled  func(state string)            // counts what became of a message; may be nil

	turns sync.Map // instrument -> *sync.Mutex: see turn
}

// poll is how long a lost wake-up can delay a step.
const poll = 2 * time.Second

// reminding is how often unconfirmed notices are looked for: well within store.NoticeUnheard.
const reminding = 15 * time.Second

// Run works until ctx ends.
func (l *Line) Run(ctx context.Context) error {
	messages, deliveries := make(chan struct{}, 1), make(chan struct{}, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.listen(ctx, messages, store.NotifyMessages) })
	g.Go(func() error { return l.listen(ctx, deliveries, store.NotifyDeliveries) })
	g.Go(func() error { return l.loop(ctx, messages, l.Read) })
	g.Go(func() error { return newPost(l).run(ctx, deliveries) })
	g.Go(func() error { return l.remind(ctx) })
	return g.Wait()
}

// remind looks for notices that nobody confirms, as long as it runs.
func (l *Line) remind(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := l.Store.RemindNotices(ctx); err != nil && ctx.Err() == nil {
			l.Log.Error("remind of notices", "err", err)
		}
		pause(ctx, reminding)
	}
	return ctx.Err()
}

// listen turns notifications into wake-ups; a broken listener is opened again.
func (l *Line) listen(ctx context.Context, wake chan<- struct{}, channel string) error {
	for ctx.Err() == nil {
		err := l.Store.Listen(ctx, func() { nudge(wake) }, channel)
		if ctx.Err() == nil {
			l.Log.Warn("listening again", "channel", channel, "err", err)
			pause(ctx, poll)
		}
	}
	return ctx.Err()
}

// loop does a step whenever it is woken, and every poll. A step that breaks is tried again, never given up.
func (l *Line) loop(ctx context.Context, wake <-chan struct{}, step func(context.Context) error) error {
	for {
		if err := step(ctx); err != nil && ctx.Err() == nil {
			l.Log.Error("step", "err", err)
			pause(ctx, poll)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-time.After(poll):
		}
	}
}

func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
