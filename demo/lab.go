package demo

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

const (
	extraction = 28 * time.Minute // magnetic beads, 96 at a time; on the cycler at the half hour
	patience   = 10 * time.Minute // that a tube waits for a full plate
	perPlate   = 96
	atOnce     = 4 // plates worked on at the same time
)

// eachLab does the same in all laboratories at once.
func (d *Day) eachLab(ctx context.Context, do func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for lab := range d.city.Labs {
		g.Go(func() error { return do(ctx, lab) })
	}
	return g.Wait()
}

// lay makes plates of what waits: full ones at once, a part-filled one when its first tube has waited long enough.
// One laboratory after the other: what is on a plate goes by its number.
func (d *Day) lay(ctx context.Context, _ time.Duration) error {
	for lab := range d.city.Labs {
		if err := d.layIn(ctx, lab); err != nil {
			return err
		}
	}
	return nil
}

func (d *Day) layIn(ctx context.Context, lab int) error {
	k, err := pcr.Find(d.city.Kits[lab])
	if err != nil {
		return err
	}
	room := store.Room(plate.F96, k)
	for {
		codes, due, err := d.waiting(ctx, lab, room)
		if err != nil || len(codes) == 0 || len(codes) < room && !d.impatient(due) {
			return err
		}
		n := store.NewPlate{Lab: d.city.Labs[lab], Wells: perPlate, Kit: d.city.Kits[lab], Lot: d.city.Lots[lab], Codes: codes}
		p, err := d.Store.Lay(ctx, d.city.Tech[lab], n)
		if err != nil {
			return err
		}
		if err := d.Store.Seal(ctx, d.city.Tech[lab], p.ID); err != nil {
			return err
		}
	}
}

// waiting are the pools and the tubes that want a well of a laboratory, pools first, and the deadlines of them.
func (d *Day) waiting(ctx context.Context, lab, room int) (codes []string, due []*time.Time, err error) {
	pools, err := d.Store.PoolsWaiting(ctx, d.city.Labs[lab], room)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range pools {
		codes, due = append(codes, p.Code), append(due, p.DueAt)
	}
	if len(codes) == room {
		return codes, due, nil
	}
	paired, err := d.paired(ctx, lab)
	if err != nil {
		return nil, nil, err
	}
	rows, err := d.Store.Waiting(ctx, d.city.Labs[lab], room-len(codes))
	for _, r := range rows {
		if paired[r.Barcode] {
			continue
		}
		codes, due = append(codes, r.Barcode), append(due, r.DueAt)
	}
	return codes, due, err
}

func (d *Day) impatient(due []*time.Time) bool {
	limit := time.Duration(policy.Limits[lims.Screening].B) * time.Minute
	for _, at := range due {
		if at != nil && d.waited(at.Add(-limit), patience) {
			return true
		}
	}
	return false
}

// startPlates puts extracted plates on free cyclers. A plate that a crash left unsealed is sealed first.
func (d *Day) startPlates(ctx context.Context, _ time.Duration) error {
	return d.eachLab(ctx, func(ctx context.Context, lab int) error {
		running, err := d.Store.PlatesIn(ctx, d.city.Labs[lab], lims.Running)
		if err != nil {
			return err
		}
		busy := map[int64]bool{}
		for _, p := range running {
			busy[*p.Instrument] = true
		}
		plates, err := d.Store.PlatesIn(ctx, d.city.Labs[lab], lims.Open, lims.Sealed)
		if err != nil {
			return err
		}
		for _, p := range plates {
			if p.State == lims.Open {
				if err := d.Store.Seal(ctx, d.city.Tech[lab], p.ID); err != nil {
					return err
				}
				continue
			}
			u, ok := d.free(lab, busy, d.nth(p, turned))
			if !ok {
				return nil
			}
			if !d.waited(*p.SealedAt, extraction) {
				continue
			}
			if err := d.Store.Start(ctx, d.city.Tech[lab], p.ID, u.ID); err != nil {
				return err
			}
			busy[u.ID] = true
		}
		return nil
	})
}

// free is a cycler that stands idle, one that reads whatever is in it where the plate may stand the wrong way round.
func (d *Day) free(lab int, busy map[int64]bool, blind bool) (unit, bool) {
	for _, u := range d.city.Units {
		if u.Lab == lab && !busy[u.ID] && (!blind || u.Kind == "file") {
			return u, true
		}
	}
	return unit{}, false
}

// readPlates lets every cycler whose run is over send its result, and waits until the line has made something of it.
func (d *Day) readPlates(ctx context.Context, _ time.Duration) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	var read []int64
	for lab, id := range d.city.Labs {
		plates, err := d.Store.PlatesIn(ctx, id, lims.Running)
		if err != nil {
			return err
		}
		for _, p := range plates {
			if mended, err := d.mend(ctx, p, lab); err != nil {
				return err
			} else if mended {
				read = append(read, p.ID)
				continue
			}
			kit, err := pcr.Find(p.Kit)
			if err != nil {
				return err
			}
			if !d.waited(*p.StartedAt, cycling(kit)) {
				continue
			}
			read = append(read, p.ID)
			g.Go(func() error { return d.send(gctx, p) })
		}
	}
	if err := g.Wait(); err != nil || len(read) == 0 {
		return err
	}
	return d.await(ctx, "the plates to be read", func() (bool, error) {
		for _, id := range read {
			p, err := d.Store.PlateByID(ctx, id)
			if err != nil {
				return false, err
			}
			if p.State != lims.Running {
				continue
			}
			if message, err := d.misfit(ctx, p); err != nil || message == 0 {
				return false, err
			}
		}
		return true, nil
	})
}

// cycling is how long a run takes; ninety minutes where the insert does not say.
func cycling(k *pcr.Kit) time.Duration {
	if k.Minutes == 0 {
		return 90 * time.Minute
	}
	return time.Duration(k.Minutes) * time.Minute
}

// send has the plate's cycler report what is true of its tubes.
func (d *Day) send(ctx context.Context, p store.Plate) error {
	l, err := d.Store.Layout(ctx, p.ID)
	if err != nil {
		return err
	}
	c, err := d.Store.Case(ctx, emptyRun, p, "")
	if err != nil {
		return err
	}
	var codes []string
	for _, w := range l.Wells {
		codes = append(codes, w.Code)
	}
	if err := d.remember(ctx, p.Lab, codes); err != nil {
		return err
	}
	if d.nth(p, turned) {
		l = round180(l)
	}
	for _, u := range d.city.Units {
		if u.ID == *p.Instrument {
			k := c.Kits[p.Kit]
			return d.bench.play(ctx, u, l, k, d.truth(p, k, func(code string) int { return c.History[lims.Tested{Code: code, Kit: p.Kit}].Attempt }))
		}
	}
	return fmt.Errorf("plate %s runs on instrument %d: not one of the day's", p.Code, *p.Instrument)
}

// check is the first signature, on what came in at an earlier step. What the rules hold back is looked at and signed as well.
func (d *Day) check(ctx context.Context, _ time.Duration) error {
	if err := d.eachLab(ctx, d.look); err != nil {
		return err
	}
	return d.sign(ctx, d.Store.Check, d.city.Checker, lims.Called, lims.Held)
}

// look touches what is suspicious about the plates of a laboratory, and closes the records of its control charts.
func (d *Day) look(ctx context.Context, lab int) error {
	sc := store.Scope{Lab: d.city.Labs[lab]}
	flags, err := d.Store.UntouchedFlags(ctx, sc)
	if err != nil {
		return err
	}
	ids := make([]int64, len(flags))
	for i, f := range flags {
		ids[i] = f.ID
	}
	if len(ids) > 0 {
		if err := d.Store.TouchFlags(ctx, d.city.Checker[lab], ids, "复核曲线与邻孔,无异常"); err != nil {
			return err
		}
	}
	if err := d.disagree(ctx, lab); err != nil {
		return err
	}
	events, err := d.Store.IQCEvents(ctx, sc, true)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := d.Store.CloseIQC(ctx, d.city.Supervisor[lab], e.ID, "弱阳性加样偏差", "复测同批质控,在控"); err != nil {
			return err
		}
	}
	return nil
}

// release is the second signature, on what was checked at an earlier step.
func (d *Day) release(ctx context.Context, _ time.Duration) error {
	return d.sign(ctx, d.Store.Release, d.city.Releaser, lims.Checked)
}

func (d *Day) sign(ctx context.Context, do func(context.Context, lims.Actor, []int64) error, who []lims.Actor, states ...lims.State) error {
	return d.eachLab(ctx, func(ctx context.Context, lab int) error {
		for {
			ids, err := d.Store.ToSign(ctx, d.city.Labs[lab], 2000, states...)
			if err != nil || len(ids) == 0 {
				return err
			}
			if err := do(ctx, who[lab], ids); err != nil {
				return err
			}
		}
	})
}

// alerts are seen by the supervisor, and resolved once their cause has been dealt with.
func (d *Day) alerts(ctx context.Context, _ time.Duration) error {
	for lab, id := range d.city.Labs {
		rows, err := d.Store.Alerts(ctx, store.Scope{Lab: id}, false, store.Page{})
		if err != nil {
			return err
		}
		for _, a := range rows {
			by := d.city.Supervisor[lab]
			switch {
			case a.AcknowledgedAt == nil:
				err = d.Store.AcknowledgeAlert(ctx, by, a.ID)
			case a.Kind == "control_failed" && a.AcknowledgedAt.Add(time.Hour).Before(d.Clock.Now()):
				err = d.Store.ResolveAlert(ctx, by, a.ID, "阳性对照加样遗漏,整板重提重扩")
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// settle waits until what is due has been sent, and until departments that confirm by a call of their own have done so: the day's
// clock must not run away from real deliveries, whose leases and tries it measures.
func (d *Day) settle(ctx context.Context, _ time.Duration) error {
	return d.await(ctx, "deliveries to go out", func() (bool, error) {
		p, err := d.Store.Pending(ctx)
		return p.Due == 0 && p.Unconfirmed == 0, err
	})
}

// await looks until something has come true.
func (d *Day) await(ctx context.Context, what string, ok func() (bool, error)) error {
	for end := time.Now().Add(sendMost); ; {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("waited for %s", what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(4 * time.Millisecond):
		}
	}
}
