package flow

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"natlims/instruments"
	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

const (
	batch     = 32 // messages taken from the database at once
	rejudging = 3  // times a run is judged again because its plate moved meanwhile
)

// Read works through every message that waits.
func (l *Line) Read(ctx context.Context) error {
	ctx = store.Often(ctx)
	after := int64(0)
	for {
		messages, err := l.Store.KeptMessages(ctx, after, batch)
		if err != nil || len(messages) == 0 {
			return err
		}
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(runtime.GOMAXPROCS(0) + 1)
		for _, m := range messages {
			g.Go(func() error { return l.settle(gctx, m) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
		after = messages[len(messages)-1].ID
	}
}

// settle brings one message to recorded, failed or parked. What cannot be understood is shown to a person, and so is what cannot be
// recorded: one bad message must not hold up the others. Only a database that does not answer is waited for.
func (l *Line) settle(ctx context.Context, m store.Message) error {
	state, err := l.judge(ctx, m)
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, lims.Busy) {
			return err
		}
		l.Log.Error("message not recorded", "message", m.ID, "instrument", m.Instrument, "err", err)
		code := "run.broken"
		if errors.Is(err, lims.Conflict) {
			code = "run.moved"
		}
		state, err = "parked", l.Store.ParkMessage(ctx, m, "", code, lims.Args{})
		if errors.Is(err, lims.Conflict) { // another process has recorded it
			return nil
		}
	}
	if err == nil && l.Settled != nil {
		l.Settled(state)
	}
	return err
}

func (l *Line) judge(ctx context.Context, m store.Message) (string, error) {
	driver, runs, err := decode(m)
	if err != nil {
		code, args := reason(err)
		l.Log.Warn("message not read", "message", m.ID, "instrument", m.Instrument, "driver", driver, "code", code)
		if code == instruments.CodeIncomplete || m.State == lims.Parked { // a person looks at it, and may have it read again
			return "parked", l.Store.ParkMessage(ctx, m, driver, code, args)
		}
		return "failed", l.Store.FailMessage(ctx, m.ID, driver, code, args)
	}
	m.Clock, m.Skew = clock(m, runs)
	defer l.turn(m, runs)()
	if byTube(m, runs) {
		return l.tubes(ctx, m, driver, runs)
	}
	for try := 1; ; try++ {
		judged, refusal, err := l.cases(ctx, m, runs)
		if err != nil {
			return "", err
		}
		if refusal != nil && refusal.Code == "plate.already_read" {
			if second, old, ok, err := l.beside(ctx, m, runs); err != nil {
				return "", err
			} else if ok {
				return "recorded", l.Store.RecordBeside(ctx, m, driver, second, old)
			}
		}
		if refusal != nil {
			l.Log.Warn("message parked", "message", m.ID, "instrument", m.Instrument, "driver", driver, "code", refusal.Code)
			err := l.Store.ParkMessage(ctx, m, driver, refusal.Code, refusal.Args)
			if refusal.Code == store.CodePartial && errors.Is(err, lims.Conflict) && try < rejudging { // another server has taken a part meanwhile
				continue
			}
			return "parked", err
		}
		err = l.Store.Record(ctx, m, driver, judged)
		if err == nil || try == rejudging || !errors.Is(err, lims.Conflict) {
			return "recorded", err
		}
	}
}

// decode reads the bytes. A driver that panics has met a file that it does not understand: the message fails, the line goes on.
func decode(m store.Message) (name string, runs []pcr.Run, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &instruments.Error{Driver: m.Driver, Code: instruments.CodeDamaged, Value: fmt.Sprint(p)}
		}
	}()
	f := &instruments.File{Name: m.Name, Raw: m.Bytes}
	if runs, err = described(f, m.Mapping); err != nil || runs == nil {
		other, why := instruments.Decode(f, m.Driver)
		if err == nil || why == nil { // else the table that was described has the better reason
			runs, err = other, why
		}
	}
	var e *instruments.Error
	switch {
	case err == nil && len(runs) > 0:
		name = runs[0].Driver
	case errors.As(err, &e):
		name = e.Driver
	}
	return name, runs, err
}

// described reads a file with the table that the laboratory described for its instrument; nil where it described none.
func described(f *instruments.File, mapping string) ([]pcr.Run, error) {
	if mapping == "" {
		return nil, nil
	}
	m, err := instruments.ReadMapping([]byte(mapping))
	if err != nil {
		return nil, err
	}
	d, err := m.Driver()
	if err != nil {
		return nil, err
	}
	return d.Read(f)
}

// reason is what a person reads on the message's page.
func reason(err error) (string, lims.Args) {
	var e *instruments.Error
	if !errors.As(err, &e) {
		return instruments.CodeDamaged, lims.Args{"value": err.Error()}
	}
	return e.Code, e.Args()
}

// cases finds the plate of each run and judges it. A refusal says why a person has to look at the message.
func (l *Line) cases(ctx context.Context, m store.Message, runs []pcr.Run) (out []store.Judged, refusal *lims.Error, err error) {
	fix, err := l.Store.FixOf(ctx, m.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, run := range split(runs) {
		p, err := l.plateOf(ctx, m, run)
		if errors.As(err, &refusal) && refusal.Kind != lims.Broken && refusal.Kind != lims.Busy {
			return nil, refusal, nil
		}
		if err != nil {
			return nil, nil, err
		}
		c, err := l.Store.Case(ctx, run, p, m.Model)
		if err != nil {
			return nil, nil, err
		}
		if m.Plate != 0 { // a person said so
			c.Run.Plate = c.Layout.Code
		}
		fix.Apply(&c)
		v := lims.Judge(c)
		var parts []int64
		if part(c.Run, v) {
			var refusal *lims.Error
			if v, parts, refusal, err = l.whole(ctx, m, &c, p); refusal != nil || err != nil {
				return nil, refusal, err
			}
		}
		if len(v.Differences) > 0 || !v.Accepted && fix.ID == 0 {
			refusal, again, err := l.fits(ctx, &c, p)
			if refusal != nil || err != nil {
				return nil, refusal, err
			}
			v = again
		}
		out = append(out, store.Judged{Run: c.Run, Plate: p.ID, Case: c, Verdict: v, Parts: parts})
	}
	if len(out) == 0 {
		return nil, lims.E(lims.Invalid, instruments.CodeNoResults, nil), nil
	}
	return out, nil, nil
}

// fits judges again with the plates that are open at the same time. A run that differs from its layout, or whose controls fail
// where another plate or another turn would explain them, is parked: the page says what it fits, and two people decide.
func (l *Line) fits(ctx context.Context, c *lims.Case, p store.Plate) (*lims.Error, lims.Verdict, error) {
	var err error
	if c.Others, err = l.Store.OpenPlates(ctx, p.Lab); err != nil {
		return nil, lims.Verdict{}, err
	}
	v := lims.Judge(*c)
	const most = 50
	shown := v.Differences
	if len(shown) > most {
		shown = shown[:most]
	}
	args := lims.Args{"plate": p.Code, "differences": shown, "count": len(v.Differences), "fits": v.Fits}
	switch {
	case len(v.Differences) > 0:
		return lims.E(lims.Conflict, "run.mismatch", args), v, nil
	case !v.Accepted && len(v.Fits) > 0:
		return lims.E(lims.Conflict, "run.fits_other", args), v, nil
	}
	return nil, v, nil
}

func (l *Line) plateOf(ctx context.Context, m store.Message, run pcr.Run) (p store.Plate, err error) {
	switch {
	case m.Plate != 0:
		p, err = l.Store.PlateByID(ctx, m.Plate)
	case run.Plate == "":
		return p, lims.E(lims.NotFound, "plate.unnamed", nil)
	default:
		p, err = l.Store.PlateByCode(ctx, run.Plate)
	}
	switch {
	case err != nil:
		return p, err
	case m.Lab != 0 && p.Lab != m.Lab:
		return p, lims.E(lims.Conflict, "plate.other_lab", lims.Args{"plate": p.Code})
	case p.State == lims.Open || p.State == lims.Sealed:
		return p, lims.E(lims.Conflict, "plate.not_running", lims.Args{"plate": p.Code, "state": string(p.State)})
	case p.State != lims.Running:
		return p, lims.E(lims.Conflict, "plate.already_read", lims.Args{"plate": p.Code, "state": string(p.State)})
	}
	return p, nil
}

// split makes one run for each plate that the readings name.
func split(runs []pcr.Run) (out []pcr.Run) {
	for _, r := range runs {
		byPlate := map[string]*pcr.Run{}
		var order []string
		for _, one := range r.Readings {
			code := one.Plate
			if code == "" {
				code = r.Plate
			}
			part, ok := byPlate[code]
			if !ok {
				c := r
				c.Plate, c.Readings, part = code, nil, &c
				byPlate[code] = part
				order = append(order, code)
			}
			part.Readings = append(part.Readings, one)
		}
		for _, code := range order {
			out = append(out, *byPlate[code])
		}
	}
	return out
}
