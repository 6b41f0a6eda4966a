package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"natlims/instruments/link/gate"
)

// gateCmd runs at a bench PC. See package gate for its configuration.
type gateCmd struct {
	Config string `default:"gate.json" type:"path" placeholder:"FILE" help:"Lines, spool and server of this PC."`
	Check  bool   `help:"Try ports, folders, server, tokens and the answering of host queries once, say what is wrong, and stop."`
}

func (c gateCmd) Run(ctx context.Context) error {
	cfg, err := gate.Load(c.Config)
	if err != nil {
		return err
	}
	if c.Check {
		return c.check(ctx, cfg)
	}
	log := logger(slog.LevelInfo)
	log.Info("gate", "server", cfg.Server, "lines", len(cfg.Lines), "spool", cfg.Spool)
	return gate.Run(ctx, cfg, gate.Options{Now: time.Now, Log: log})
}

// check prints one line for each trial; the exit code is 1 where one failed.
func (c gateCmd) check(ctx context.Context, cfg gate.Config) error {
	failed := 0
	for _, f := range gate.Check(ctx, cfg, time.Now) {
		if f.Err == nil {
			fmt.Println("ok  ", f.What)
			continue
		}
		failed++
		fmt.Printf("FAIL %s\n     %v\n", f.What, f.Err)
	}
	if failed > 0 {
		return fmt.Errorf("%d of the trials failed", failed)
	}
	return nil
}
