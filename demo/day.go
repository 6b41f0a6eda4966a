package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"natlims/lims/store"
)

// Options of a day.
type Options struct {
	Orders   int
	Speed    float64 // of the day against real time; 0: as fast as it goes
	Dir      string  // for folders, sockets and the departments' ledgers
	Progress io.Writer
	Log      *slog.Logger
}

// MaxOrders is the largest day: five times the city's declared capacity.
const MaxOrders = 165_000

// Day is a day that is being played.
type Day struct {
	Options
	Store *store.Store
	Clock *Clock

	plan  *plan
	city  city
	start time.Time

	site  *sites     // the departments' own systems
	bench *bench     // the simulated instruments
	seen  store.Seen // what was on record when this life of the day began
	mixed mixed      // what is in the laboratories' pools
	asked bool       // for the second kit of the pair
	past  int64      // the last plate of the days before

	looked [len(departments)]bool // for tubes that an earlier life of this day collected again and did not send

	orderAt, tubeAt [len(departments)]span // what is still to be registered and collected, by department
	base            string                 // URL of the laboratories' server
}

const markDay = "demo.day"

// mark is where a day stands.
type mark struct {
	Orders int       `json:"orders"`
	Start  time.Time `json:"start"`
	Now    time.Time `json:"now"`
	Over   bool      `json:"over"`
}

// NewDay prepares a day, or goes on with the one that the database holds. The store must run on the clock.
func NewDay(ctx context.Context, st *store.Store, clock *Clock, o Options) (*Day, error) {
	if o.Orders < 1 || o.Orders > MaxOrders {
		return nil, fmt.Errorf("orders %d: expected 1 to %d", o.Orders, MaxOrders)
	}
	d := &Day{Options: o, Store: st, Clock: clock, start: clock.Now().Truncate(time.Minute), mixed: mixed{tubes: map[string][]string{}}}
	b, err := st.MarkOf(ctx, markDay)
	if err != nil {
		return nil, err
	}
	if b != nil {
		var m mark
		if err := json.Unmarshal(b, &m); err != nil {
			return nil, err
		}
		if m.Orders != o.Orders {
			return nil, fmt.Errorf("%s holds a day of %d orders: go on with --orders %d or give another --data", o.Dir, m.Orders, m.Orders)
		}
		d.start = m.Start
		clock.jump(m.Now)
		fmt.Fprintf(o.Progress, "going on with the day of %s, which stands at %s\n", m.Start.Format("2006-01-02 15:04"), m.Now.Format("15:04"))
	}
	d.plan = newPlan(o.Orders)
	if err := d.save(ctx, false); err != nil {
		return nil, err
	}
	return d, d.found(ctx)
}

func (d *Day) save(ctx context.Context, over bool) error {
	b, err := json.Marshal(mark{d.Options.Orders, d.start, d.Clock.Now(), over})
	if err != nil {
		return err
	}
	return d.Store.Mark(ctx, markDay, b)
}

// limit is how long a day may take before we say that it does not end.
const limit = 20 * time.Hour

// Run plays the day step by step until every order is final and acknowledged.
func (d *Day) Run(ctx context.Context) error {
	ctx = store.Often(ctx) // every step asks the same
	if err := d.before(ctx); err != nil {
		return err
	}
	if err := d.resume(ctx); err != nil {
		return err
	}
	for at := d.Clock.Now().Truncate(step).Add(step); ; at = at.Add(step) {
		if err := d.Clock.Advance(ctx, at); err != nil {
			return err
		}
		if err := d.Store.Wake(ctx, store.NotifyDeliveries); err != nil { // its timers run on real time
			return err
		}
		if err := d.stations(ctx, at.Sub(d.start)); err != nil {
			return err
		}
		if err := d.save(ctx, false); err != nil {
			return err
		}
		over, err := d.over(ctx)
		if err != nil {
			return err
		}
		if err := d.progress(ctx, at, over); err != nil {
			return err
		}
		if over {
			return d.save(ctx, true)
		}
		if at.Sub(d.start) > limit {
			return fmt.Errorf("the day does not end: it has been %s", limit)
		}
	}
}

// stations does everything that is due at this offset into the day, in the order of the line.
func (d *Day) stations(ctx context.Context, at time.Duration) error {
	for _, s := range []struct {
		name string
		do   func(context.Context, time.Duration) error
	}{
		{"departments", d.trouble}, {"register", d.register}, {"collect", d.collect}, {"ship", d.ship}, {"receive", d.receive},
		{"read", d.readPlates}, {"release", d.release}, {"check", d.check}, {"recall", d.recall}, {"pool", d.pool}, {"pair", d.pair}, {"plate", d.lay}, {"start", d.startPlates}, {"alerts", d.alerts}, {"send", d.settle},
	} {
		if err := s.do(ctx, at); err != nil {
			return fmt.Errorf("station %s at %s: %w", s.name, at, err)
		}
	}
	return nil
}

func lower(s string) string { return strings.ToLower(s) }

// Open brings up the departments' systems and the instruments. Base is where the laboratories' own server answers.
func (d *Day) Open(ctx context.Context, base string) error {
	d.base = base
	if err := d.openSites(ctx); err != nil {
		return err
	}
	return d.openBench(ctx)
}

// Close ends the departments' systems and the instruments.
func (d *Day) Close() error { return errors.Join(d.bench.close(), d.site.close()) }

// Invitation tells a person how to look at the day.
func (d *Day) Invitation(base string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nPages 页面: %s   password 密码: %s\n", base, Password)
	for _, r := range [][3]string{
		{"tech1 / tech2", "technician 检验员", "receive, plate, instruments"},
		{"check1 / check2", "first signature 检测者", "review, check"},
		{"release1 / release2", "second signature 审核者", "release"},
		{"super1 / super2", "supervisor 主管", "bind parked messages, alerts"},
		{"admin", "administrator 管理员", "people"},
		{"fc1 fc2 cdc cold com1 com2", "departments 送检单位", "own results"},
	} {
		fmt.Fprintf(&b, "  %-28s %-26s %s\n", r[0], r[1], r[2])
	}
	b.WriteString("Stop with ^C.\n")
	return b.String()
}
