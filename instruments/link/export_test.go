package link

import (
	"context"
	"io"
)

// Talk serves one open wire as a line would, for tests that bring their own wire. The Health is that of the line.
func Talk(ctx context.Context, l Line, o Options, wire io.ReadWriteCloser) (func() Health, error) {
	e := lone(l, o)
	return e.health.snapshot, e.talk(ctx, wire, "test")
}
