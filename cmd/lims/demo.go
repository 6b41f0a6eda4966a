package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"natlims/demo"
	"natlims/lims/store/localdb"
	"natlims/reports/send"
)

type demoCmd struct {
	Orders int    `default:"600" help:"Orders (person-tests) of the day."`
	Speed  string `default:"max" help:"Of the day against real time, e.g. 60: an hour in a minute; or max."`
	Exit   bool   `help:"Stop after the summary; exit code 0 only if everything reconciles."`
	JSON   bool   `name:"json" help:"Print the summary as one JSON object on stdout, progress on stderr."`
	Data   string `type:"path" placeholder:"DIR" help:"Folder of the day. A day that was interrupted goes on. Without it every demo begins anew in a folder of its own."`
	Listen string `default:"127.0.0.1:8080" help:"Address to serve the pages on."`
}

// Run plays the day and then serves its pages.
func (c *demoCmd) Run(ctx context.Context) error {
	speed, err := c.speed()
	if err != nil {
		return err
	}
	progress := io.Writer(os.Stdout)
	if c.JSON {
		progress = os.Stderr
	}
	dir, err := c.dir()
	if err != nil {
		return err
	}
	log := logger(slog.LevelWarn)
	begin := time.Now()
	zone := time.FixedZone("CST", 8*60*60)
	morning := time.Date(begin.Year(), begin.Month(), begin.Day(), 7, 0, 0, 0, zone).AddDate(0, 0, -1)
	clock := demo.NewClock(morning, speed)
	fmt.Fprintf(progress, "natlims demo: %d orders, data in %s\n", c.Orders, dir) //nolint:errcheck // a terminal
	o, err := database{Data: dir}.open(ctx, clock.Now, log)
	if err != nil {
		return err
	}
	defer o.stop()
	fmt.Fprintf(progress, "private PostgreSQL is up after %.1f s\n", time.Since(begin).Seconds()) //nolint:errcheck
	return guarded(ctx, o, func(ctx context.Context) error {
		return c.play(ctx, o, clock, demo.Options{Orders: c.Orders, Speed: speed, Dir: dir, Progress: progress, Log: log})
	})
}

func (c *demoCmd) speed() (float64, error) {
	if c.Speed == "max" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(c.Speed, 64)
	if err != nil || f < 1 || f > 100_000 {
		return 0, fmt.Errorf("--speed %q: expected max or a factor of at least 1", c.Speed)
	}
	return f, nil
}

// dir is the folder of the day.
func (c *demoCmd) dir() (string, error) {
	if c.Data != "" {
		return c.Data, os.MkdirAll(c.Data, 0o755)
	}
	base := filepath.Join(localdb.DefaultDir(), "demo")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	return filepath.Join(base, time.Now().UTC().Format("20060102-150405")+"-"+strconv.Itoa(os.Getpid())), nil
}

func (c *demoCmd) play(ctx context.Context, o *opened, clock *demo.Clock, opt demo.Options) error {
	begin := time.Now()
	l, err := net.Listen("tcp", c.Listen)
	if err != nil && c.Exit { // the pages are not wanted: any port will do
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return err
	}
	loopback := &send.Outbound{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Folder: opt.Dir}
	srv, err := newServer(ctx, o.Store, loopback, opt.Log)
	if err != nil {
		return err
	}
	day, err := demo.NewDay(ctx, o.Store, clock, opt)
	if err != nil {
		return err
	}
	if err := day.Open(ctx, "http://"+l.Addr().String()); err != nil {
		return err
	}
	defer day.Close() //nolint:errcheck // the day is over
	if err := srv.openLines(ctx); err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- srv.run(serving, l) }()
	defer func() { stop(); <-served }()
	if err := day.Run(ctx); err != nil {
		return err
	}
	s, err := day.Summarise(ctx, time.Since(begin))
	if err != nil {
		return err
	}
	if err := c.tell(s, opt.Progress); err != nil {
		return err
	}
	if c.Exit {
		if !s.Reconciles(opt.Orders) {
			return exit{1, "the day does not reconcile"}
		}
		return nil
	}
	clock.Rest()
	fmt.Fprint(opt.Progress, day.Invitation("http://"+l.Addr().String())) //nolint:errcheck
	select {
	case <-ctx.Done():
		return nil
	case err := <-served:
		served <- nil
		return errors.Join(err, errors.New("the server has ended"))
	}
}

func (c *demoCmd) tell(s demo.Summary, progress io.Writer) error {
	if err := s.Print(progress); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(s)
	}
	return nil
}
