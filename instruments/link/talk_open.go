package link

import (
	"context"
	"errors"
	"log/slog"
)

// Talk serves one wire that the caller has opened, as a line would, until the wire or the context ends. The Health is that of the line.
func Talk(ctx context.Context, l Line, o Options, wire Wire) (func() Health, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	e := &end{Line: l, o: &o, health: newHealth(l, o.Now), log: o.Log}
	return e.health.snapshot, e.talk(ctx, wire, "wire")
}

// filled are the options with their defaults.
func (o Options) filled() (Options, error) {
	if o.Keep == nil || o.Now == nil {
		return o, errors.New("link: Keep and Now are required")
	}
	if o.Wall == nil {
		o.Wall = o.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
