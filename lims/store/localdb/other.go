//go:build !unix

package localdb

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Cluster is a running private PostgreSQL; there is none on this system.
type Cluster struct{}

// Start refuses: the private cluster needs unix sockets, flock and signals.
func Start(context.Context, Options) (*Cluster, error) {
	return nil, fmt.Errorf("%w: %s", ErrNoBinaries, advice())
}

// DSN is empty here.
func (c *Cluster) DSN() string { return "" }

// Done is never closed here.
func (c *Cluster) Done() <-chan struct{} { return nil }

// Stop does nothing here.
func (c *Cluster) Stop(context.Context) error { return nil }

// Remove refuses: there are no clusters here.
func Remove(dir string) error { return fmt.Errorf("%s: %w", dir, errors.ErrUnsupported) }

// Since refuses as well.
func Since(dir string) (time.Time, error) {
	return time.Time{}, fmt.Errorf("%s: %w", dir, errors.ErrUnsupported)
}
