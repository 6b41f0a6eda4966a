package demo

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"natlims/lims/store"
)

// Summary is what became of the day. Clocks are in minutes; counts of results count orders.
type Summary struct {
	Orders       int         `json:"orders"`
	Samples      int         `json:"samples"`
	Received     int         `json:"received"`
	Plates       int         `json:"plates"`
	Runs         int         `json:"runs"`
	Results      int         `json:"results"`
	Released     int         `json:"released"`
	Delivered    int         `json:"delivered"`
	Acknowledged int         `json:"acknowledged"`
	Positive     int         `json:"positive"`
	Recalled     int         `json:"recalled"`    // persons of whom their department heard at once that they are under verification
	Unheard      int         `json:"unheard"`     // persons who got "under verification" as a result and were in no such notice
	Recollected  int         `json:"recollected"` // orders that were collected again after a pool that was not negative
	Pools        int         `json:"pools"`       // mixed in the laboratory
	PoolTubes    int         `json:"pooled"`      // tubes in them
	Retested     int         `json:"retested"`    // of these, tested singly because of a pool
	VoidPlates   int         `json:"void_plates"`
	Late         int         `json:"late"`
	Lost         int         `json:"lost"`    // orders without a final result in their department's own ledger
	Doubled      int         `json:"doubled"` // results that a department got twice
	Wrong        int         `json:"wrong"`   // results that differ from what was true of the tube
	Seconds      float64     `json:"seconds"` // of real time
	Speed        float64     `json:"speed"`   // of the day against real time; 0: as fast as it goes
	ClockA       store.Clock `json:"clock_a"`
	ClockB       store.Clock `json:"clock_b"`
	ClockC       store.Clock `json:"clock_c"`
}

// Summarise counts what the laboratories say and what the departments have.
func (d *Day) Summarise(ctx context.Context, took time.Duration) (Summary, error) {
	s, err := d.Store.Summarise(ctx, d.start, d.Clock.Now())
	if err != nil {
		return Summary{}, err
	}
	g, err := d.ledgersSay()
	if err != nil {
		return Summary{}, err
	}
	out := Summary{Orders: s.Orders, Samples: s.Samples, Received: s.Received, Plates: s.Plates, Runs: s.Runs, Results: s.Results,
		Released: s.Final, Delivered: s.Delivered, Acknowledged: s.Acknowledged, Positive: s.Positive, Recollected: s.Again, VoidPlates: s.Void,
		Late: s.Late, Lost: len(d.plan.orders) - len(g.final), Doubled: g.doubled + s.Doubled, Wrong: len(g.wrong), Recalled: g.recalls, Unheard: g.unheard,
		Seconds: took.Seconds(), Speed: d.Speed, ClockA: s.A, ClockB: s.B, ClockC: s.C}
	out.Pools, out.PoolTubes, out.Retested, err = d.pools(ctx)
	return out, err
}

// Reconciles says whether every order that was planned has come back once, rightly, and is acknowledged.
func (s Summary) Reconciles(planned int) bool {
	return s.Orders == planned && s.Results == planned && s.Released == planned && s.Delivered == planned && s.Acknowledged == planned &&
		s.Samples == s.Received && s.Lost == 0 && s.Doubled == 0 && s.Wrong == 0 && s.Unheard == 0
}

// Print writes the summary for people.
func (s Summary) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nThe day 这一天\t\t\t\n") //nolint:errcheck // a tabwriter fails at Flush
	for _, r := range []struct {
		zh, en string
		n      int
	}{
		{"检测申请(人份)", "orders", s.Orders}, {"样本(管)", "samples", s.Samples}, {"收样", "received", s.Received}, {"板", "plates", s.Plates},
		{"上机", "runs", s.Runs}, {"出结果(人份)", "results", s.Results}, {"审核放行", "released", s.Released}, {"送达", "delivered", s.Delivered},
		{"签收", "acknowledged", s.Acknowledged}, {"阳性", "positive", s.Positive}, {"即时重采通知(人)", "recalled at once", s.Recalled}, {"混采复采", "collected again", s.Recollected}, {"实验室混样(池)", "pools mixed", s.Pools},
		{"入池(管)", "tubes pooled", s.PoolTubes}, {"拆池单检(管)", "tested singly", s.Retested}, {"质控失败整板作废", "plates void", s.VoidPlates},
		{"超时", "late", s.Late}, {"丢失", "lost", s.Lost}, {"重复", "doubled", s.Doubled}, {"错误", "wrong", s.Wrong},
	} {
		fmt.Fprintf(t, "  %s\t%s\t%d\t\n", r.en, r.zh, r.n) //nolint:errcheck
	}
	fmt.Fprintf(t, "\nClocks, minutes 时钟(分钟)\t\tmedian\tp95\tworst\t\n") //nolint:errcheck
	for _, c := range []struct {
		zh, en string
		c      store.Clock
	}{{"采样→结果", "A collection to result", s.ClockA}, {"收样→结果(限 360)", "B receipt to result (limit 360)", s.ClockB}, {"放行→送达", "C release to delivery", s.ClockC}} {
		fmt.Fprintf(t, "  %s\t%s\t%.1f\t%.1f\t%.1f\t\n", c.en, c.zh, c.c.P50, c.c.P95, c.c.Max) //nolint:errcheck
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if s.Late > 0 && s.Speed >= hasty {
		_, err := fmt.Fprintf(w, "\nAt --speed %g a second of this machine is %.0f minutes of the day: some of what is late is so by that alone.\n"+
			"本机的一秒相当于这一天的 %.0f 分钟,部分超时仅由此造成。\n", s.Speed, s.Speed/60, s.Speed/60)
		return err
	}
	return nil
}

// hasty is the speed at which what this machine takes for a plate counts as minutes of the day.
const hasty = 120

// over says whether nothing is left to do.
func (d *Day) over(ctx context.Context) (bool, error) {
	for _, left := range d.orderAt {
		if left.from < left.to {
			return false, nil
		}
	}
	p, err := d.Store.Pending(ctx)
	if err != nil || p.Messages > 0 || p.Unsent > 0 || p.Orders {
		return false, err
	}
	s, err := d.Store.Standing(ctx, d.start)
	return err == nil && s.Final+s.Cancelled == len(d.plan.orders), err
}

// progress prints a line every half hour of the day.
func (d *Day) progress(ctx context.Context, at time.Time, over bool) error {
	if at.Minute()%30 != 0 && !over {
		return nil
	}
	s, err := d.Store.Standing(ctx, d.start)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(d.Progress, "%s  registered %6d  received %6d tubes  plates %4d  final %6d  waiting %3d  late %d\n",
		at.Format("15:04"), s.Orders, s.Received, s.Plates, s.Final, s.Waiting, s.Late)
	return err
}
