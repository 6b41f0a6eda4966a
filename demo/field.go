package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"natlims/lims"
	"natlims/lims/store"
)

// resume finds where the day stands: what is on record is not done again.
func (d *Day) resume(ctx context.Context) (err error) {
	d.orderAt, d.tubeAt = d.plan.orderOf, d.plan.tubeOf
	d.seen, err = d.Store.SeenSince(ctx, d.start)
	return err
}

const fieldBatch = 1000 // orders or tubes in one call

// eachDepartment does the same for all departments at once.
func eachDepartment(ctx context.Context, do func(context.Context, int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(3)
	for dept := range departments {
		g.Go(func() error { return do(ctx, dept) })
	}
	return g.Wait()
}

// register has the departments register their orders, a quarter of an hour before they are sampled.
func (d *Day) register(ctx context.Context, at time.Duration) error {
	return eachDepartment(ctx, func(ctx context.Context, dept int) error {
		next := &d.orderAt[dept]
		for {
			var batch []store.NewOrder
			for ; next.from < next.to && d.plan.orders[next.from].at <= at+lead && len(batch) < fieldBatch; next.from++ {
				if !d.seen.Orders[d.plan.orders[next.from].client] {
					batch = append(batch, d.plan.register(next.from))
				}
			}
			if len(batch) == 0 {
				return nil
			}
			if err := d.site.register(ctx, dept, batch); err != nil {
				return err
			}
		}
	})
}

// collect fills and closes the tubes whose last swab has been taken.
func (d *Day) collect(ctx context.Context, at time.Duration) error {
	return eachDepartment(ctx, func(ctx context.Context, dept int) error {
		next := &d.tubeAt[dept]
		for {
			var batch []store.Tube
			for ; next.from < next.to && d.plan.tubes[next.from].t1 <= at && len(batch) < fieldBatch; next.from++ {
				if t := &d.plan.tubes[next.from]; !d.seen.Samples[t.barcode] {
					batch = append(batch, d.tube(t))
				}
			}
			if len(batch) == 0 {
				return nil
			}
			if err := d.Store.Collect(ctx, d.city.Sites[dept], batch); err != nil {
				return err
			}
		}
	})
}

func (d *Day) tube(t *plannedTube) store.Tube {
	tube := store.Tube{Barcode: t.barcode, Mode: departments[t.dept].mode, Department: d.city.Departments[t.dept],
		CollectedAt: d.start.Add(t.t0), ClosedAt: d.start.Add(t.t1)}
	for _, o := range t.orders {
		tube.ClientIDs = append(tube.ClientIDs, d.plan.orders[o].client)
	}
	return tube
}

// ship sends the couriers off.
func (d *Day) ship(ctx context.Context, at time.Duration) error {
	for _, b := range d.plan.boxes {
		if b.leave > at || d.seen.Boxes[b.code] {
			continue
		}
		d.seen.Boxes[b.code] = true
		box := store.Box{Code: b.code, Department: d.city.Departments[b.dept], Lab: d.city.Labs[departments[b.dept].lab]}
		for _, t := range b.tubes {
			box.Barcodes = append(box.Barcodes, d.plan.tubes[t].barcode)
		}
		if _, err := d.Store.Dispatch(ctx, d.city.Sites[b.dept], box); err != nil {
			return err
		}
	}
	return nil
}

// Three things go wrong with the boxes of the first fever clinic, as they do: the second box lacks a tube, the third brings it, and
// with it a tube that nobody has registered; and one tube is scanned twice.
const (
	shortBox = "BXFC10002"
	nextBox  = "BXFC10003"
	stranger = "ZZ00000001"
)

// receive unpacks the boxes that have arrived, tube by tube.
func (d *Day) receive(ctx context.Context, _ time.Duration) error {
	for lab, id := range d.city.Labs {
		boxes, err := d.Store.OpenShipments(ctx, id)
		if err != nil {
			return err
		}
		for _, b := range boxes {
			ride := courier
			if strings.HasPrefix(b.Code, againBox) {
				ride = express
			}
			if !d.waited(b.DispatchedAt, ride) {
				continue
			}
			if err := d.unpack(ctx, lab, b); err != nil {
				return err
			}
		}
	}
	return d.settleExceptions(ctx)
}

func (d *Day) unpack(ctx context.Context, lab int, b store.Shipment) error {
	codes := []string(b.Barcodes)
	switch {
	case b.Code == shortBox && len(codes) > 1:
		codes = codes[:len(codes)-1]
	case b.Code == nextBox && len(codes) > 0:
		codes = append(codes, codes[0], stranger)
		if t := d.forgotten(); t != "" {
			codes = append(codes, t)
		}
	}
	if _, err := d.Store.Scan(ctx, d.city.Tech[lab], b.Code, codes); err != nil {
		return err
	}
	_, err := d.Store.CloseBox(ctx, d.city.Tech[lab], b.Code)
	return err
}

// forgotten is the last tube of the short box.
func (d *Day) forgotten() string {
	last := ""
	for _, b := range d.plan.boxes {
		if b.code == shortBox && len(b.tubes) > 1 {
			for _, t := range b.tubes {
				last = max(last, d.plan.tubes[t].barcode)
			}
		}
	}
	return last
}

func (d *Day) settleExceptions(ctx context.Context) error {
	for lab, id := range d.city.Labs {
		rows, err := d.Store.OpenExceptions(ctx, store.Scope{Lab: id})
		if err != nil {
			return err
		}
		for _, e := range rows {
			if err := d.Store.CloseException(ctx, d.city.Tech[lab], e.ID, "已电话核实送检单位"); err != nil {
				return err
			}
		}
	}
	return nil
}

const recallAfter = 5 * time.Minute // police and community are told at once

// recall collects the members of a tube that was not negative again, singly, as soon as the notice says so, and sends the tubes off
// at once: nobody waits for the signatures.
func (d *Day) recall(ctx context.Context, at time.Duration) error {
	rows, err := d.Store.RecallList(ctx, store.Scope{}, 5000)
	if err != nil {
		return err
	}
	now := d.Clock.Now()
	for dept, id := range d.city.Departments {
		var tubes []store.Tube
		for _, r := range rows {
			if r.Department == id && d.waited(r.Since, recallAfter) {
				tubes = append(tubes, store.Tube{Barcode: againPrefix + r.ClientID, Mode: lims.Single, Department: id, Orders: []int64{r.Order},
					CollectedAt: now.Add(-2 * time.Minute), ClosedAt: now.Add(-time.Minute)})
			}
		}
		if len(tubes) > 0 {
			if err := d.Store.Collect(ctx, d.city.Sites[dept], tubes); err != nil {
				return err
			}
		}
		if len(tubes) == 0 && d.looked[dept] {
			continue
		}
		d.looked[dept] = true
		if err := d.shipAgain(ctx, dept, fmt.Sprintf("%s%s%04d", againBox, departments[dept].code, int(at.Minutes()))); err != nil {
			return err
		}
	}
	return nil
}

// againPrefix begins the barcodes of second collections; the department's number of the order follows.
const (
	againPrefix = "SR"
	againBox    = "RC" // begins the code of a box that the police bring
	express     = 15 * time.Minute
)

// shipAgain sends tubes of second collections that are in no box yet.
func (d *Day) shipAgain(ctx context.Context, dept int, code string) error {
	loose, err := d.Store.LooseTubes(ctx, d.city.Departments[dept])
	if err != nil {
		return err
	}
	for d.seen.Boxes[code] { // sent before the day was killed in this very step
		code += "B"
	}
	box := store.Box{Code: code, Department: d.city.Departments[dept], Lab: d.city.Labs[departments[dept].lab]}
	for _, t := range loose {
		if strings.HasPrefix(t.Barcode, againPrefix) {
			box.Barcodes = append(box.Barcodes, t.Barcode)
		}
	}
	if len(box.Barcodes) == 0 {
		return nil
	}
	_, err = d.Store.Dispatch(ctx, d.city.Sites[dept], box)
	return err
}

// recalled is the order of a second collection.
func (d *Day) recalled(barcode string) (int, bool) {
	client, ok := strings.CutPrefix(barcode, againPrefix)
	i, known := d.plan.byClient[client]
	return i, ok && known
}
