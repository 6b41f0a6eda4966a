package flow

import (
	"context"
	"fmt"
	"strconv"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// Replay reads a kept message again and says what would change. With apply, what was recorded gets a new version beside the old one,
// and what was failed or parked is given to the line again. Nothing that was signed is touched.
func (l *Line) Replay(ctx context.Context, by lims.Actor, id int64, apply bool) (store.Replay, error) {
	m, err := l.Store.MessageToRead(ctx, store.ScopeOf(by), id)
	if err != nil {
		return store.Replay{}, err
	}
	out := store.Replay{Message: id, State: m.State}
	driver, runs, err := decode(m)
	out.Driver = driver
	if err != nil {
		out.Code, out.Args = reason(err)
		return out, nil
	}
	for _, r := range runs {
		out.Readings += len(r.Readings)
	}
	if m.State != lims.Recorded {
		return out, l.rereading(ctx, by, m, &out, runs, apply)
	}
	old, err := l.Store.RecordedRuns(ctx, id)
	if err != nil {
		return out, err
	}
	judged, err := l.rejudge(ctx, m, &out, runs, old)
	if err != nil || !apply || len(judged) == 0 || out.Same() {
		return out, err
	}
	byID := make(map[int64]store.RecordedRun, len(old))
	for _, r := range old {
		byID[r.ID] = r
	}
	if err := l.Store.RecordReplay(ctx, by, m, judged, byID); err != nil {
		return out, err
	}
	out.Applied = "version"
	return out, nil
}

// rereading says what the line would make of a message that failed or was parked, and gives it to the line.
func (l *Line) rereading(ctx context.Context, by lims.Actor, m store.Message, out *store.Replay, runs []pcr.Run, apply bool) error {
	out.Added = out.Readings
	var rest *lims.Error
	if byTube(m, runs) {
		t, err := l.load(ctx, m, out.Driver, runs)
		if err != nil {
			return err
		}
		rest = t.Rest
	} else {
		_, refusal, err := l.cases(ctx, m, runs)
		if err != nil {
			return err
		}
		rest = refusal
	}
	if rest != nil {
		out.Code, out.Args = rest.Code, rest.Args
	}
	if !apply {
		return nil
	}
	out.Applied = "again"
	if m.State == lims.Parked {
		return l.Store.AgainMessage(ctx, by, m.ID)
	}
	return l.Store.RetryMessage(ctx, by, m.ID)
}

// rejudge compares what a recorded message says now with what it said, run by run.
func (l *Line) rejudge(ctx context.Context, m store.Message, out *store.Replay, runs []pcr.Run, old []store.RecordedRun) (all []store.Judged, err error) {
	parts := split(runs)
	for _, was := range old {
		var j store.Judged
		var now []pcr.Reading
		switch {
		case was.Plate == 0: // quality controls: there is nothing to judge
			now = ofTests(runs, m.ID, was.Tests)
		case len(was.Tests) > 0:
			j, err = l.tubesAgain(ctx, m, out.Driver, runs, was)
			now = j.Run.Readings
		default:
			j, err = l.plateAgain(ctx, m, parts, was)
			now = j.Run.Readings
		}
		if err != nil {
			return nil, err
		}
		compare(out, was.Readings, now)
		if was.Plate == 0 {
			continue
		}
		if len(j.Verdict.Differences) > 0 {
			out.Code, out.Args = "run.mismatch", lims.Args{"plate": was.Code, "differences": j.Verdict.Differences, "count": len(j.Verdict.Differences), "fits": nil}
			return nil, nil
		}
		out.Calls = append(out.Calls, was.Differ(j.Verdict)...)
		j.Replays = was.ID
		all = append(all, j)
	}
	return all, nil
}

// plateAgain judges the part of a message that is of a plate, as it stood when it was recorded.
func (l *Line) plateAgain(ctx context.Context, m store.Message, parts []pcr.Run, was store.RecordedRun) (store.Judged, error) {
	var run pcr.Run
	for _, p := range parts {
		if p.Plate == was.Code || len(parts) == 1 {
			run = p
		}
	}
	p, err := l.Store.PlateByID(ctx, was.Plate)
	if err != nil {
		return store.Judged{}, err
	}
	others, err := l.Store.Parts(ctx, m, was.Code)
	if err != nil {
		return store.Judged{}, err
	}
	run, _ = merge(run, was.Code, others)
	c, err := l.Store.Case(ctx, run, p, m.Model)
	if err != nil {
		return store.Judged{}, err
	}
	fix, err := l.Store.FixOf(ctx, m.ID)
	if err != nil {
		return store.Judged{}, err
	}
	fix.Apply(&c)
	c.Bound = true
	for code := range c.History {
		h := was.History[code]
		h.Instrument, h.Attempt = m.Model, max(h.Attempt, 1)
		c.History[code] = h
	}
	v := lims.Judge(c)
	if was.Part && narrow(&c, v) {
		v = lims.Judge(c)
	}
	return store.Judged{Run: c.Run, Plate: was.Plate, Case: c, Verdict: v}, nil
}

// tubesAgain judges the tests of an analyser without plates again, each in the well that it was given.
func (l *Line) tubesAgain(ctx context.Context, m store.Message, driver string, runs []pcr.Run, was store.RecordedRun) (store.Judged, error) {
	layout, err := l.Store.Layout(ctx, was.Plate)
	if err != nil {
		return store.Judged{}, err
	}
	kit, err := l.Store.KitOf(ctx, layout.Wells[0].Kit)
	if err != nil {
		return store.Judged{}, err
	}
	wells := map[string]plate.Well{}
	for _, w := range layout.Wells {
		wells[w.Code] = w
	}
	b := rack{m: m, kit: kit, driver: driver, taken: map[string]bool{}}
	for _, t := range tests(runs, m.ID) {
		w, ok := wells[t.Sample]
		if !ok || !was.Tests[store.Test{Barcode: t.Sample, Mark: t.Mark}] {
			continue
		}
		h := was.History[lims.Tested{Code: t.Sample, Kit: w.Kit}]
		b.putAt(w, t, store.TubeState{Attempts: max(h.Attempt-1, 0), Call: h.PriorCall, Action: h.PriorAction})
	}
	j := b.wells
	j.Plate, j.Verdict.Accepted = was.Plate, true
	j.Verdict.Differences = b.differences
	if len(runs) > 0 {
		readings := j.Run.Readings
		j.Run = runs[0]
		j.Run.Readings, j.Run.Curves = readings, nil
	}
	return j, nil
}

// ofTests are the readings of some tests, as they came.
func ofTests(runs []pcr.Run, message int64, which map[store.Test]bool) (out []pcr.Reading) {
	for _, t := range tests(runs, message) {
		if which[store.Test{Barcode: t.Sample, Mark: t.Mark}] {
			out = append(out, t.Readings...)
		}
	}
	return out
}

// compare counts and lists readings that are new, gone or different. Readings are the same by place, target and dye; where several
// share these, by their order.
func compare(out *store.Replay, old, now []pcr.Reading) {
	type id struct {
		well, sample, target, dye string
		n                         int
	}
	name := func(r pcr.Reading, seen map[id]int) id {
		k := id{well: r.Well, target: r.Target, dye: r.Dye}
		if r.Well == "" {
			k.sample = r.Sample
		}
		seen[k]++
		k.n = seen[k]
		return k
	}
	was := make(map[id]pcr.Reading, len(old))
	seen := map[id]int{}
	for _, r := range old {
		was[name(r, seen)] = r
	}
	seen = map[id]int{}
	for _, r := range now {
		k := name(r, seen)
		before, ok := was[k]
		delete(was, k)
		switch a, b := says(before), says(r); {
		case !ok:
			out.Added++
			list(out, store.ReadingChange{Well: r.Well, Sample: r.Sample, Target: r.Target, New: b})
		case a != b:
			out.Changed++
			list(out, store.ReadingChange{Well: r.Well, Sample: r.Sample, Target: r.Target, Old: a, New: b})
		}
	}
	seen = map[id]int{}
	for _, r := range old { // in their order
		if k := name(r, seen); len(was) > 0 {
			if _, gone := was[k]; gone {
				out.Removed++
				list(out, store.ReadingChange{Well: r.Well, Sample: r.Sample, Target: r.Target, Old: says(r)})
			}
		}
	}
}

func list(out *store.Replay, c store.ReadingChange) {
	if len(out.Changes) < store.MaxChanges {
		out.Changes = append(out.Changes, c)
	}
}

// says is everything that a reading says, in one line.
func says(r pcr.Reading) string {
	s := string(r.State)
	if r.State == pcr.HasCq {
		s = strconv.FormatFloat(r.Cq, 'g', -1, 64)
	}
	for _, f := range [][2]string{{"sample", r.Sample}, {"call", r.Call}, {"task", r.Task}, {"status", r.Status}, {"value", r.Value}, {"unit", r.Unit}} {
		if f[1] != "" {
			s += fmt.Sprintf(" %s=%s", f[0], f[1])
		}
	}
	if r.Omit {
		s += " omitted"
	}
	return s
}
