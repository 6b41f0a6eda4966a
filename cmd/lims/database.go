package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"natlims/lims/store"
	"natlims/lims/store/localdb"
)

// database says where the facts are: a DSN, or a private PostgreSQL that this program starts and supervises.
type database struct {
	DSN  string `env:"LIMS_DSN" placeholder:"DSN" help:"PostgreSQL to use. Without it the program runs a private one in --data."`
	Data string `env:"LIMS_DATA" type:"path" placeholder:"DIR" help:"Folder of the private PostgreSQL and its files."`
}

// settings of the private PostgreSQL: small machines, many short transactions.
var settings = map[string]string{
	"shared_buffers":     "256MB",
	"max_wal_size":       "2GB",
	"wal_compression":    "on",
	"max_connections":    "100",
	"log_min_messages":   "warning",
	"checkpoint_timeout": "15min",
	"random_page_cost":   "1.1", // no spinning disks
	"jit":                "off", // every query is short
	"autovacuum_naptime": "10s", // the day begins with empty tables
}

// opened is a store and, where it is private, the PostgreSQL under it.
type opened struct {
	*store.Store
	cluster *localdb.Cluster
	dsn     string
}

func (d database) open(ctx context.Context, now func() time.Time, log *slog.Logger) (*opened, error) {
	o := &opened{dsn: d.DSN}
	if d.DSN == "" {
		dir := d.Data
		if dir == "" {
			dir = localdb.DefaultDir()
		}
		c, err := localdb.Start(ctx, localdb.Options{Dir: dir, Database: "lims", Settings: settings, Log: log})
		if err != nil {
			return nil, err
		}
		o.cluster, o.dsn = c, c.DSN()
	}
	st, err := store.Open(ctx, o.dsn, store.Options{Now: now, Log: log})
	if err != nil {
		o.stop()
		return nil, err
	}
	o.Store = st
	if o.cluster != nil { // nobody else has this database
		if _, err := st.Reclaim(ctx); err != nil {
			o.stop()
			return nil, err
		}
	}
	return o, nil
}

// lost is closed when the private PostgreSQL ends by itself; nil where there is none.
func (o *opened) lost() <-chan struct{} {
	if o.cluster == nil {
		return nil
	}
	return o.cluster.Done()
}

// stop closes the store and stops the private PostgreSQL.
func (o *opened) stop() {
	if o.Store != nil {
		o.Store.Close() //nolint:errcheck // nothing is open any more
	}
	if o.cluster != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		o.cluster.Stop(ctx) //nolint:errcheck // it is logged by the cluster
	}
}

func logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
