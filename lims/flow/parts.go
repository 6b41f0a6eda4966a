package flow

import (
	"context"
	"sync"

	"natlims/instruments"
	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

// Plates that come in parts. Some analysers send a message for each well or tube of a plate (m2000, HL7 ORU). A message that says
// nothing wrong, only not everything, waits as plate.partial; the one that completes the plate is recorded with all of them. A file is
// never a part: what it leaves out was left out.

// turn has the wire messages of an instrument judged one after another, since each may complete what the others began. It holds
// within this process; between processes the store does not let a part wait that was judged without another one that waits.
func (l *Line) turn(m store.Message, runs []pcr.Run) (done func()) {
	if m.Instrument == 0 || len(runs) == 0 || !wired(runs[0]) {
		return func() {}
	}
	v, _ := l.turns.LoadOrStore(m.Instrument, new(sync.Mutex))
	mu := v.(*sync.Mutex)
	mu.Lock()
	return mu.Unlock
}

// wired says that a run came as a message, not as a file.
func wired(run pcr.Run) bool {
	d, err := instruments.Find(run.Driver)
	return err == nil && d.Wire != instruments.WireFile
}

// part says whether a verdict lacks nothing but wells, in a message of a wire.
func part(run pcr.Run, v lims.Verdict) bool {
	for _, x := range v.Differences {
		if x.Code != "well.missing" {
			return false
		}
	}
	return len(v.Differences) > 0 && len(run.Readings) > 0 && wired(run)
}

// whole judges a part together with those that wait, and gives their messages. The refusal says how much of the plate is there.
func (l *Line) whole(ctx context.Context, m store.Message, c *lims.Case, p store.Plate) (v lims.Verdict, ids []int64, refusal *lims.Error, err error) {
	others, err := l.Store.Parts(ctx, m, p.Code)
	if err != nil {
		return v, nil, nil, err
	}
	c.Run, ids = merge(c.Run, p.Code, others)
	if v = lims.Judge(*c); part(c.Run, v) {
		total := len(c.Layout.Wells)
		refusal = lims.E(lims.Conflict, store.CodePartial, lims.Args{"plate": p.Code, "got": total - len(v.Differences), "total": total, "parts": len(others)})
	}
	return v, ids, refusal, nil
}

// merge adds what other messages say of the same plate to a run.
func merge(run pcr.Run, code string, others []store.Message) (pcr.Run, []int64) {
	var ids []int64
	readings, curves := run.Readings, run.Curves
	for _, o := range others {
		_, runs, err := decode(o)
		if err != nil {
			continue
		}
		ids = append(ids, o.ID)
		for _, r := range split(runs) {
			if r.Plate == code {
				readings, curves = append(readings[:len(readings):len(readings)], r.Readings...), append(curves[:len(curves):len(curves)], r.Curves...)
			}
		}
	}
	run.Readings, run.Curves = readings, curves
	return run, ids
}
