// Package migrations holds the schema as numbered SQL files, forward only.
//
// It never drops what holds facts. Invariants: a file that was released is never edited (a test holds its hash);
// the states in the CHECKs are those of the tables in package lims (a test compares them).
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"log/slog"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// FS holds the files 0001_….sql and following.
//
//go:embed *.sql
var FS embed.FS

// Up brings the database to the newest version. Programs that start together wait for each other through a session lock.
// It says how many files it applied.
func Up(ctx context.Context, db *sql.DB) (int, error) {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return 0, fmt.Errorf("migration lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, FS,
		goose.WithSessionLocker(locker), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	done, err := p.Up(ctx)
	if err != nil {
		return len(done), fmt.Errorf("migration: %w", err)
	}
	return len(done), nil
}
