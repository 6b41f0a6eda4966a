//go:build unix

package localdb

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lib/pq"
)

// Cluster is a running private PostgreSQL.
type Cluster struct {
	o     Options
	bin   string
	sock  string
	owner *owner // nil: runs as we do
	lock  *os.File
	log   *slog.Logger

	stop chan stopping
	done chan struct{}
	err  error // why the server ended; valid once done is closed
	once sync.Once
}

// Start makes the cluster where there is none, starts it, makes the database and returns when it takes connections.
// The context bounds the start only, recovery after a crash included.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	c, err := prepare(o)
	if err != nil {
		return nil, err
	}
	ready := make(chan error, 1)
	if err = c.makeData(ctx); err == nil {
		go c.supervise(ctx, ready)
		err = <-ready
	}
	if err != nil {
		c.release()
		return nil, err
	}
	if err = c.makeDatabase(ctx); err != nil {
		_ = c.Stop(ctx) // the first error is the one to tell
		return nil, err
	}
	return c, nil
}

// prepare takes the lock and settles everything that does not need the server.
func prepare(o Options) (c *Cluster, err error) {
	if o.Dir == "" {
		return nil, fmt.Errorf("localdb: no folder named")
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if o.Database == "" {
		o.Database = "lims"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.backoff == 0 {
		o.backoff = 250 * time.Millisecond
	}
	if err = makeDir(o.Dir); err != nil {
		return nil, err
	}
	c = &Cluster{o: o, log: o.Log, stop: make(chan stopping), done: make(chan struct{})}
	if c.lock, err = takeLock(filepath.Join(o.Dir, lockName)); err != nil {
		return nil, err
	}
	if err = c.settle(); err != nil {
		c.release()
		return nil, err
	}
	return c, nil
}

// settle decides user, programs and socket, and refuses what cannot work.
func (c *Cluster) settle() (err error) {
	if c.owner, err = ownerFor(c.data()); err != nil {
		return err
	}
	if err = c.chooseBin(); err != nil {
		return err
	}
	if err = c.reachable(); err != nil {
		return err
	}
	c.sock, err = c.makeSocketDir()
	return err
}

func (c *Cluster) data() string    { return filepath.Join(c.o.Dir, "data") }
func (c *Cluster) logPath() string { return filepath.Join(c.o.Dir, "postgres.log") }
func (c *Cluster) release()        { c.once.Do(func() { dropLock(c.lock) }) }

// DSN is the key=value connection string of the database.
func (c *Cluster) DSN() string { return dsn(c.sock, c.o.Database) }

// Done is closed when the server has ended for good: after Stop, or when it could not be started again.
func (c *Cluster) Done() <-chan struct{} { return c.done }

// Stop ends the server: connections are cut, open transactions rolled back. When the context ends first, the server is told to
// drop everything and recovers at its next start. A second Stop does nothing. The error is why the server ended, if not by Stop.
func (c *Cluster) Stop(ctx context.Context) error {
	defer c.release()
	select {
	case c.stop <- stopGently:
	case <-c.done:
		return c.err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		select {
		case c.stop <- stopNow:
		case <-c.done:
		}
		<-c.done
	}
	return c.err
}

func (c *Cluster) makeDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	db, err := sql.Open("postgres", dsn(c.sock, "postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	var there bool
	if err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, c.o.Database).Scan(&there); err != nil {
		return fmt.Errorf("the private PostgreSQL at %s does not answer: %w", c.sock, err)
	}
	if there {
		return nil
	}
	if _, err = db.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(c.o.Database)); err != nil {
		return fmt.Errorf("database %q: %w", c.o.Database, err)
	}
	return nil
}
