package link

import (
	"context"
	"time"
)

// pause grows from min to max with every wait, and begins anew after reset.
type pause struct {
	min, max, next time.Duration
}

func (p *pause) reset() { p.next = 0 }

// wait ends early with the context.
func (p *pause) wait(ctx context.Context) error {
	p.next = min(max(p.next*2, p.min), p.max)
	return sleep(ctx, p.next)
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
