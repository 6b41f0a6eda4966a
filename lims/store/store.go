// Package store keeps the facts of the laboratory in PostgreSQL.
//
// One method is one transaction is one thing that a person or a machine did; its audit rows are written in the same
// transaction. It never decides what a reading means and never talks to an instrument or a department.
// Invariants: state moves only along the tables of package lims, from the expected state, or the method answers
// Conflict and names what has moved; nothing is half-done; sets instead of loops.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"natlims/migrations"
)

// Options of Open. The zero value is right for production.
type Options struct {
	Now   func() time.Time // the only clock of the program; default time.Now
	Log   *slog.Logger
	Conns int // most connections to the database; default 16
}

// Store is the laboratory's memory. It is safe for concurrent use.
type Store struct {
	db  *sqlx.DB
	dsn string
	now func() time.Time
	log *slog.Logger

	parsed sync.Map // kit body -> *pcr.Kit
	days   dayCounts
}

// Open connects and brings the schema to the newest version.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Conns == 0 {
		o.Conns = 16
	}
	c, err := newConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db := sqlx.NewDb(sql.OpenDB(c), "postgres")
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("database: %w", err)
	}
	db.SetMaxOpenConns(o.Conns)
	db.SetMaxIdleConns(o.Conns)
	n, err := migrations.Up(ctx, db.DB)
	if err != nil {
		db.Close()
		return nil, err
	}
	if n > 0 {
		o.Log.Info("schema migrated", "files", n)
	}
	return &Store{db: db, dsn: dsn, now: o.Now, log: o.Log}, nil
}

// Close gives the connections back.
func (s *Store) Close() error { return s.db.Close() }

// DB is the pool, for metrics and health checks.
func (s *Store) DB() *sqlx.DB { return s.db }

// Now is the instant on the program's only clock, in UTC.
func (s *Store) Now() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.PingContext(ctx) }
