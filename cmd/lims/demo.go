package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"natlims/demo"
	"natlims/lims/store/localdb"
	"natlims/reports/send"
)

type demoCmd struct {
	Orders int    `default:"600" help:"Orders (person-tests) of the day, 1 to 165000."`
	Speed  string `default:"max" help:"Of the day against real time, e.g. 60: an hour in a minute; or max. At thousands, the seconds that this machine takes count as hours, and orders are late by that alone; with max they do not."`
	Exit   bool   `help:"Stop after the summary; exit code 0 only if everything reconciles."`
	JSON   bool   `name:"json" help:"Print the summary as one JSON object on stdout, progress on stderr."`
	Data   string `type:"path" placeholder:"DIR" help:"Folder of the day. A day that was interrupted goes on. Without it every demo begins anew in a folder of its own, which is removed at its end."`
	Keep   bool   `help:"Keep the folder of a demo without --data."`
	Listen string `default:"127.0.0.1:8080" help:"Address to serve the pages on."`
}

// Run plays the day and then serves its pages.
func (c *demoCmd) Run(ctx context.Context) (err error) {
	speed, err := c.speed()
	if err != nil {
		return err
	}
	if c.Orders < 1 || c.Orders > demo.MaxOrders {
		return fmt.Errorf("--orders %d: expected 1 to %d 人份数应在 1 到 %d 之间", c.Orders, demo.MaxOrders, demo.MaxOrders)
	}
	l, err := c.listen()
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // closed before, where it served
	progress := io.Writer(os.Stdout)
	if c.JSON {
		progress = os.Stderr
	}
	begin := time.Now()
	dir, err := c.dir(begin)
	if err != nil {
		return err
	}
	log := logger(slog.LevelWarn)
	zone := time.FixedZone("CST", 8*60*60)
	morning := time.Date(begin.Year(), begin.Month(), begin.Day(), 7, 0, 0, 0, zone).AddDate(0, 0, -1)
	clock := demo.NewClock(morning, speed)
	fmt.Fprintf(progress, "natlims demo: %d orders, data in %s\n", c.Orders, dir) //nolint:errcheck // a terminal
	defer func() { err = c.leave(ctx, dir, err) }()                               // last: the cluster has stopped
	o, err := database{Data: dir}.open(ctx, clock.Now, log)
	if err != nil {
		return err
	}
	defer o.stop()
	fmt.Fprintf(progress, "private PostgreSQL is up after %.1f s\n", time.Since(begin).Seconds()) //nolint:errcheck
	return guarded(ctx, o, func(ctx context.Context) error {
		return c.play(ctx, o, clock, stage{l, demo.Options{Orders: c.Orders, Speed: speed, Dir: dir, Progress: progress, Log: log}})
	})
}

// stage is where a day is played.
type stage struct {
	net.Listener
	demo.Options
}

// listen comes first: nothing has been made yet where the port is taken.
func (c *demoCmd) listen() (net.Listener, error) {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil && c.Exit { // the pages are not wanted: any port will do
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("address %s is in use: name another with --listen, such as 127.0.0.1:8081 端口已被占用,请用 --listen 指定其它地址", c.Listen)
	}
	return l, err
}

// leave takes the demo's own folder away, unless it was asked to stay or holds a day that broke and should be looked at.
func (c *demoCmd) leave(ctx context.Context, dir string, err error) error {
	stopped := ctx.Err() != nil && err != nil
	if stopped {
		err = exit{130, "stopped before the end of the day 这一天尚未结束即被中断"}
	}
	var done exit
	switch {
	case c.Data != "" || c.Keep:
		if stopped {
			err = exit{130, err.Error() + fmt.Sprintf("; go on with 继续: lims demo --orders %d --data %q", c.Orders, dir)}
		}
	case err == nil || stopped:
		err = errors.Join(err, removed(dir))
	default:
		text := err.Error() + "; its folder stays for a day 数据保留一天: " + dir
		if !errors.As(err, &done) {
			done.code = 1
		}
		err = exit{done.code, text}
	}
	return err
}

func removed(dir string) error {
	err := localdb.Remove(dir)
	if errors.Is(err, fs.ErrNotExist) { // the demo ended before it made one
		return nil
	}
	return err
}

func (c *demoCmd) speed() (float64, error) {
	if c.Speed == "max" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(c.Speed, 64)
	if err != nil || !(f >= 1 && f <= 100_000) { // NaN is neither
		return 0, fmt.Errorf("--speed %q: expected max or a factor from 1 to 100000 速度应为 max 或 1 到 100000 的倍数", c.Speed)
	}
	return f, nil
}

// dir is the folder of the day.
func (c *demoCmd) dir(now time.Time) (string, error) {
	if c.Data != "" {
		return c.Data, os.MkdirAll(c.Data, 0o755)
	}
	sweepDemos(demosDir(), now)
	return newDemoDir(demosDir(), now)
}

func (c *demoCmd) play(ctx context.Context, o *opened, clock *demo.Clock, at stage) error {
	begin := time.Now()
	l, opt := at.Listener, at.Options
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
