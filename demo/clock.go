package demo

import (
	"context"
	"sync"
	"time"
)

// Clock is the day's time. It stands at the instant of the current step and moves on with the real clock, so that what happens
// within a step has an order. Speed 0 jumps from step to step; speed 60 makes an hour of a minute.
type Clock struct {
	mu    sync.Mutex
	at    time.Time // day's time …
	since time.Time // … at this real instant
	speed float64
}

// NewClock starts at an instant.
func NewClock(at time.Time, speed float64) *Clock {
	return &Clock{at: at, since: time.Now(), speed: speed}
}

// Now is the day's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Add(time.Duration(float64(time.Since(c.since)) * max(c.speed, 1)))
}

// Advance goes to an instant: at once at speed 0, else when it has come. It never goes back.
func (c *Clock) Advance(ctx context.Context, to time.Time) error {
	if c.speed > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(float64(to.Sub(c.Now())) / c.speed)):
			return nil
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.at.Add(time.Since(c.since)); to.After(now) {
		c.at, c.since = to, time.Now()
	}
	return ctx.Err()
}

// waited says that so long has passed, in whole steps: how busy the machine was within one must not change the day.
func (d *Day) waited(since time.Time, so time.Duration) bool {
	return !since.Truncate(step).Add(so).After(d.Clock.Now().Truncate(step))
}

// Rest lets the clock run like any other once the day is over.
func (c *Clock) Rest() {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.since, c.speed = now, time.Now(), 1
}

// jump sets the clock of a day that goes on, whatever the speed.
func (c *Clock) jump(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.since = to, time.Now()

}
