package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"natlims/lims/store"
	"natlims/reports/send"
)

type serveCmd struct {
	database
	Listen  string   `default:"127.0.0.1:8080" env:"LIMS_LISTEN" help:"Address to serve pages and API on."`
	Cert    string   `env:"LIMS_CERT" type:"existingfile" help:"TLS certificate; with --key the server speaks HTTPS."`
	Key     string   `env:"LIMS_KEY" type:"existingfile" help:"TLS key."`
	Private []string `env:"LIMS_PRIVATE" placeholder:"PREFIX" help:"Networks of the laboratory that results may be delivered to although they are not public, such as 10.1.0.0/16."`
	Folder  string   `env:"LIMS_FOLDER" type:"path" help:"Folder under which deliveries to folders are written."`
	Lines   string   `default:"all" env:"LIMS_LINES" placeholder:"all|none|CODE,…" help:"Instruments whose lines this process opens, by code. Of several servers on one database each line belongs to one."`
	Verbose bool     `short:"v" help:"Log more."`
}

// Run serves until it is told to stop.
func (c *serveCmd) Run(ctx context.Context) error {
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	log := logger(level)
	out := &send.Outbound{Folder: c.Folder}
	for _, p := range c.Private {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			return fmt.Errorf("--private %q: expected a network such as 10.1.0.0/16", p)
		}
		out.AllowPrivate = append(out.AllowPrivate, prefix)
	}
	l, err := c.listen()
	if err != nil {
		return err
	}
	o, err := c.open(ctx, time.Now, log)
	if err != nil {
		l.Close() //nolint:errcheck // the other error says more
		return err
	}
	defer o.stop()
	if err := firstAdmin(ctx, o.Store); err != nil {
		return err
	}
	srv, err := newServer(ctx, o.Store, out, log)
	if err != nil {
		return err
	}
	srv.secure, srv.mine = c.Cert != "", linesOf(c.Lines)
	if err := srv.openLines(ctx); err != nil {
		log.Error("instrument lines", "err", err)
	}
	log.Info("serving", "address", l.Addr().String(), "tls", srv.secure)
	return guarded(ctx, o, func(ctx context.Context) error { return srv.run(ctx, l) })
}

func (c *serveCmd) listen() (net.Listener, error) {
	if (c.Cert == "") != (c.Key == "") {
		return nil, errors.New("--cert and --key go together")
	}
	if c.Cert == "" {
		return net.Listen("tcp", c.Listen)
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return tls.Listen("tcp", c.Listen, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
}

// guarded ends the work when the private PostgreSQL ends by itself: a supervisor or the administrator starts us anew.
func guarded(ctx context.Context, o *opened, work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if lost := o.lost(); lost != nil {
		go func() {
			select {
			case <-lost:
				cancel(errors.New("the private PostgreSQL has ended; its log is in the data folder"))
			case <-ctx.Done():
			}
		}()
	}
	err := work(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// firstAdmin makes the first login on an empty database and prints its password once.
func firstAdmin(ctx context.Context, st *store.Store) error {
	password, err := st.FirstAdmin(ctx)
	if err != nil || password == "" {
		return err
	}
	fmt.Printf("First start: sign in as %q with the password %s and change it.\n", "admin", password)
	return nil
}
