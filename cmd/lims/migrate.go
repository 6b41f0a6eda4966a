package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

type migrateCmd struct {
	database
}

// Run opens the database, which brings its schema up, and closes it again.
func (c *migrateCmd) Run(ctx context.Context) error {
	o, err := c.open(ctx, time.Now, logger(slog.LevelInfo))
	if err != nil {
		return err
	}
	defer o.stop()
	_, err = fmt.Println("schema is up to date")
	return err
}
