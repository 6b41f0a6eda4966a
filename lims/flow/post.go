package flow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/reports"
	"natlims/reports/send"
)

const (
	postMost  = 64               // deliveries in hand at once
	postEach  = 8                // of one destination, so that a dead one ties up little
	postLease = 5 * time.Minute  // after which another process may take a delivery: longer than all tries of one claim
	postTry   = 20 * time.Second // for one try
	postTries = 4                // at once to one destination
)

// reportOptions are the options of a destination that say how its report is filled; the others are the channel's.
var reportOptions = map[string]bool{"names": true, "cq": true, "lang": true}

// post sends what is in the outbox. It claims in batches, works on every destination separately, and gives back what failed with
// the time of the next try.
type post struct {
	*Line
	mu   sync.Mutex
	busy map[int64]int // deliveries in hand, by destination
	done chan struct{}
	all  sync.WaitGroup
}

func newPost(l *Line) *post {
	return &post{Line: l, busy: map[int64]int{}, done: make(chan struct{}, 1)}
}

func (p *post) run(ctx context.Context, wake <-chan struct{}) error {
	defer p.all.Wait()
	ctx = store.Often(ctx)
	for {
		n, err := p.claim(ctx)
		if err != nil && ctx.Err() == nil {
			p.Log.Error("claim deliveries", "err", err)
			pause(ctx, poll)
		}
		if n > 0 {
			continue
		}
		timer := time.NewTimer(p.next(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-wake:
		case <-p.done:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// next is how long nothing will be due, at most a poll.
func (p *post) next(ctx context.Context) time.Duration {
	at, ok, err := p.Store.NextDelivery(ctx)
	if err != nil || !ok {
		return poll
	}
	return min(max(at.Sub(p.Store.Now()), 20*time.Millisecond), poll)
}

// claim takes what is due and starts it. It says how many it took.
func (p *post) claim(ctx context.Context) (int, error) {
	p.mu.Lock()
	hand := 0
	busy := []int64{}
	for d, n := range p.busy {
		hand += n
		busy = append(busy, d)
	}
	p.mu.Unlock()
	if hand >= postMost {
		return 0, nil
	}
	due, err := p.Store.ClaimDeliveries(ctx, store.Claim{Most: postMost - hand, Each: postEach, Busy: busy, Lease: postLease})
	if err != nil {
		return 0, err
	}
	groups := map[int64][]store.Delivery{}
	for _, d := range due {
		groups[d.Destination] = append(groups[d.Destination], d)
	}
	p.mu.Lock()
	for dest, list := range groups {
		p.busy[dest] = len(list)
		p.all.Add(1)
		go p.destination(ctx, dest, list)
	}
	p.mu.Unlock()
	return len(due), nil
}

// destination works through the deliveries of one destination, a few at a time.
func (p *post) destination(ctx context.Context, dest int64, list []store.Delivery) {
	defer p.all.Done()
	slots := make(chan struct{}, postTries)
	var wg sync.WaitGroup
	for _, d := range list {
		slots <- struct{}{}
		wg.Add(1)
		go func() {
			defer wg.Done()
			p.deliver(ctx, d)
			<-slots
		}()
	}
	wg.Wait()
	p.mu.Lock()
	delete(p.busy, dest)
	p.mu.Unlock()
	nudge(p.done)
}

// deliver makes one try and writes down what became of it.
func (p *post) deliver(ctx context.Context, d store.Delivery) {
	outcome, err := p.try(ctx, d)
	if err != nil && ctx.Err() == nil && !errors.Is(err, lims.Conflict) { // a confirmation that came in meanwhile is no failure
		p.Log.Error("delivery", "delivery", d.ID, "err", err)
	}
	if p.Sent != nil {
		p.Sent(d.Channel, outcome)
	}
}

func (p *post) try(ctx context.Context, d store.Delivery) (string, error) {
	parcel, err := p.parcel(ctx, d)
	if err != nil {
		return "broken", errors.Join(err, p.Store.Postpone(ctx, d.ID, p.Store.Now().Add(time.Minute), "report: "+lims.KindText(err)))
	}
	options := map[string]string{}
	for k, v := range d.Options() {
		if !reportOptions[k] {
			options[k] = v
		}
	}
	tctx, cancel := context.WithTimeout(ctx, postTry)
	defer cancel()
	receipt, err := p.Outbound.Send(tctx, send.Destination{ID: fmt.Sprint(d.Destination), Channel: d.Channel, Address: d.Address,
		Secret: d.Secret, Options: options}, parcel)
	switch {
	case ctx.Err() != nil:
		return "stopped", nil // the lease runs out and somebody else sends it: at least once
	case err == nil && receipt.Acknowledged:
		return "acknowledged", p.Store.Delivered(ctx, d.ID, receipt.Text, true)
	case err == nil:
		return "delivered", p.Store.Delivered(ctx, d.ID, receipt.Text, false)
	case errors.Is(err, send.Permanent):
		p.Log.Warn("delivery refused", "delivery", d.ID, "err", err)
		return "refused", p.Store.RefuseDelivery(ctx, d.ID, err.Error())
	}
	wait := send.Backoff(d.Tries, send.Jitter(d.ID, d.Tries))
	if after := send.RetryAfter(err); after > wait {
		wait = after
	}
	level := slog.LevelInfo
	if d.Tries >= 5 { // by then it is not a hiccup
		level = slog.LevelWarn
	}
	p.Log.Log(ctx, level, "delivery postponed", "delivery", d.ID, "try", d.Tries, "wait", wait, "err", err)
	return "postponed", p.Store.Postpone(ctx, d.ID, p.Store.Now().Add(wait), err.Error())
}

func (p *post) parcel(ctx context.Context, d store.Delivery) (send.Parcel, error) {
	if d.Notice != 0 {
		return p.notice(ctx, d)
	}
	rep, err := p.Store.ReportOf(ctx, d)
	if err != nil {
		return send.Parcel{}, err
	}
	f, ok := reports.FormatNamed(d.Format)
	if !ok {
		return send.Parcel{}, lims.E(lims.Invalid, "format.unknown", lims.Args{"format": d.Format})
	}
	b, err := f.Render(rep)
	return send.Parcel{ID: d.ID, Attempt: d.Tries, Type: f.Type, Name: d.ID + "." + f.Ext, Bytes: b, Created: d.QueuedAt,
		At: p.Store.Now(), Urgent: d.Positive || d.Correction}, err
}

// notice is what a department is told before anybody signed. It cannot wait, and holds no result.
func (p *post) notice(ctx context.Context, d store.Delivery) (send.Parcel, error) {
	n, err := p.Store.NoticeOf(ctx, d)
	if err != nil {
		return send.Parcel{}, err
	}
	b, mime, ext, err := n.Render(d.Format)
	return send.Parcel{ID: d.ID, Attempt: d.Tries, Type: mime, Name: d.ID + "." + ext, Bytes: b, Created: d.QueuedAt, At: p.Store.Now(), Urgent: true}, err
}
