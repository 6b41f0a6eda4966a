package flow

import (
	"context"
	"errors"
	"slices"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// byTube says whether a message is read tube by tube: its instrument has no plates, and nobody named one.
func byTube(m store.Message, runs []pcr.Run) bool {
	if m.Instrument == 0 || m.Plate != 0 || store.WorkOf(m.Settings).Mode != store.ModeTube {
		return false
	}
	for _, r := range split(runs) {
		if r.Plate != "" {
			return false
		}
	}
	return true
}

// tubes brings a message of an analyser without plates to recorded or parked. What can be recorded is, whatever else the message
// holds; the barcodes of the rest are named. Tests that are on record are passed over, so that it may be read again at any time.
func (l *Line) tubes(ctx context.Context, m store.Message, driver string, runs []pcr.Run) (string, error) {
	for try := 1; ; {
		t, err := l.load(ctx, m, driver, runs)
		if err != nil {
			return "", err
		}
		err = l.Store.RecordTubes(ctx, m, driver, t)
		switch {
		case errors.Is(err, lims.Conflict) && try < rejudging: // a tube has moved on
			try++
		case err != nil:
			return "", err
		case t.More:
		case t.Rest != nil:
			l.Log.Warn("message parked", "message", m.ID, "instrument", m.Instrument, "driver", driver, "code", t.Rest.Code)
			return "parked", nil
		default:
			return "recorded", nil
		}
	}
}

// load finds the tests that can be recorded now, a tube at most once, and judges them.
func (l *Line) load(ctx context.Context, m store.Message, driver string, runs []pcr.Run) (out store.TubeRun, err error) {
	all := tests(runs, m.ID)
	codes := make([]string, len(all))
	for i, t := range all {
		codes[i] = t.Sample
	}
	seen, err := l.Store.SeenTests(ctx, m.Instrument, codes)
	if err != nil {
		return out, err
	}
	tubes, err := l.Store.TubesOf(ctx, m.Lab, store.WorkOf(m.Settings).Kit, codes)
	if err != nil {
		return out, err
	}
	kit, err := l.Store.KitOf(ctx, store.WorkOf(m.Settings).Kit)
	if err != nil {
		return out, err
	}
	if e := fit(kit, store.WorkOf(m.Settings).Kit); e != nil {
		out.Rest = e
		return out, nil
	}
	b := rack{m: m, kit: kit, driver: driver, taken: map[string]bool{}}
	b.second = &rack{m: m, kit: kit, driver: driver, taken: map[string]bool{}}
	for _, t := range all {
		if seen[store.Test{Barcode: t.Sample, Mark: t.Mark}] {
			continue
		}
		tube, known := tubes[t.Sample]
		switch {
		case t.Control:
			b.controls = append(b.controls, t)
		case !known:
			b.unknown = append(b.unknown, t.Sample)
		case done(tube.State) && !b.taken[t.Sample] && len(b.second.tests) < plate.F96.Size():
			b.putSecond(t, tube)
		case b.taken[t.Sample] || len(b.wells.Case.Layout.Wells) == plate.F96.Size():
			out.More = true
		case tube.State != lims.Received:
			b.moved = append(b.moved, t.Sample+" ("+string(tube.State)+")")
		default:
			b.put(t, tube)
		}
	}
	return b.tubeRun(out.More, runs), nil
}

// done says that a tube has been tested: a further test of it is a fact beside the first.
func done(s lims.State) bool { return s == lims.Read || s == lims.Closed || s == lims.Discarded }

// fit says why a kit cannot judge single tubes: there is none, or it asks for controls that stand on a plate.
func fit(k *pcr.Kit, key string) *lims.Error {
	switch {
	case k == nil:
		return lims.E(lims.NotFound, "kit.unknown", lims.Args{"kit": key})
	case len(k.Controls) > 0:
		return lims.E(lims.Invalid, "tube.controls", lims.Args{"kit": key})
	}
	return nil
}

// rack collects the tests of one pass.
type rack struct {
	m        store.Message
	kit      *pcr.Kit
	driver   string
	taken    map[string]bool
	wells    store.Judged
	tests    []store.Test
	controls []tested
	runs     []int // that the wells come from

	second *rack // tests of tubes that have their result

	unknown, moved, other []string
	differences           []lims.Difference
}

// put judges one test and gives it the next well.
func (b *rack) put(t tested, tube store.TubeState) {
	b.putAt(plate.Well{Pos: plate.F96.At(len(b.wells.Case.Layout.Wells)), Role: plate.Sample, Code: t.Sample, Kit: b.kit.Key()}, t, tube)
}

// putSecond judges a test of a tube that has its result. Two of them in one message are two passes, like those of any tube.
func (b *rack) putSecond(t tested, tube store.TubeState) {
	b.second.put(t, tube)
	b.taken[t.Sample] = b.second.taken[t.Sample]
	b.other, b.second.other = append(b.other, b.second.other...), nil
	b.differences, b.second.differences = append(b.differences, b.second.differences...), nil
}

// judged are the tests of a rack as one run.
func (b *rack) judged(runs []pcr.Run) store.Judged {
	j := b.wells
	j.Run = runs[b.runs[0]]
	j.Run.Readings, j.Run.Curves = b.wells.Run.Readings, nil
	j.Verdict.Accepted = true // the controls of such analysers are in every cartridge
	j.Case.Kits = map[string]*pcr.Kit{b.kit.Key(): b.kit}
	j.Case.Layout.Format = plate.F96
	return j
}

// putAt judges one test and gives it a well. A test of another assay, or one that the kit cannot settle without a plate, gets none.
func (b *rack) putAt(w plate.Well, t tested, tube store.TubeState) {
	f := find(t, b.driver, b.kit)
	if f.Other {
		b.other = append(b.other, t.Sample)
		return
	}
	var call lims.WellCall
	if f.Failed != "" {
		call = again(w, tube, f.Failed)
	} else {
		v := lims.Judge(b.single(w, f, tube))
		if len(v.Differences) > 0 || len(v.Wells) != 1 {
			b.differences = append(b.differences, v.Differences...)
			b.other = append(b.other, t.Sample)
			return
		}
		call = v.Wells[0]
		call.Invalid = false // Judge misses the controls of a plate; those of a cartridge are its internal targets
		if call.Call.Call == pcr.Negative && f.Word != "" {
			call.Call.Call, call.Call.Action = pcr.Review, ""
			call.Call.Why = "the instrument says " + f.Word + "; " + call.Call.Why
		}
	}
	b.taken[t.Sample] = true
	b.wells.Case.Layout.Wells = append(b.wells.Case.Layout.Wells, w)
	b.wells.Verdict.Wells = append(b.wells.Verdict.Wells, call)
	b.tests = append(b.tests, store.Test{Barcode: t.Sample, Mark: t.Mark})
	b.runs = append(b.runs, t.Run)
	for _, r := range t.Readings {
		r.Well, r.Sample = w.Pos.String(), t.Sample
		b.wells.Run.Readings = append(b.wells.Run.Readings, r)
	}
}

// single is the case of one tube.
func (b *rack) single(w plate.Well, f finding, tube store.TubeState) lims.Case {
	readings := slices.Clone(f.Readings)
	for i := range readings {
		readings[i].Well, readings[i].Sample, readings[i].Plate = w.Pos.String(), w.Code, ""
	}
	return lims.Case{Bound: true, Model: b.m.Model, Kits: map[string]*pcr.Kit{w.Kit: b.kit},
		Run: pcr.Run{Readings: readings, Cycles: b.kit.Cycles}, Layout: plate.Layout{Format: plate.F96, Wells: []plate.Well{w}},
		History: map[lims.Tested]pcr.Context{{Code: w.Code, Kit: w.Kit}: {Instrument: b.m.Model, Attempt: tube.Attempts + 1, PriorAction: tube.Action, PriorCall: tube.Call}}}
}

// again is the call of a test that said nothing of its sample: tested once more, then a new collection is asked for.
func again(w plate.Well, tube store.TubeState, why string) lims.WellCall {
	c := pcr.Call{Call: "pending", Action: "retest_sample", Why: why}
	if tube.Attempts > 0 {
		c.Call, c.Action = lims.InvalidResult, "resample"
	}
	return lims.WellCall{Pos: w.Pos, Code: w.Code, Kit: w.Kit, Call: c}
}

func (b *rack) tubeRun(more bool, runs []pcr.Run) store.TubeRun {
	out := store.TubeRun{Tests: b.tests, Seconds: b.second.tests, More: more && len(b.tests)+len(b.second.tests) > 0}
	if len(b.tests) > 0 {
		out.Wells = b.judged(runs)
	}
	if len(b.second.tests) > 0 {
		out.Second = b.second.judged(runs)
	}
	if len(b.controls) > 0 {
		run := runs[b.controls[0].Run]
		run.Readings, run.Curves = nil, nil
		for _, t := range b.controls {
			run.Readings = append(run.Readings, t.Readings...)
			out.Marks = append(out.Marks, store.Test{Barcode: t.Sample, Mark: t.Mark})
		}
		out.Controls = &run
	}
	switch { // the first thing that a person has to put right; the others come up when the message is read again
	case len(b.unknown) > 0:
		out.Rest = lims.E(lims.NotFound, "tube.unknown", lims.Args{"barcodes": b.unknown})
	case len(b.moved) > 0:
		out.Rest = lims.E(lims.Conflict, "tube.not_waiting", lims.Args{"barcodes": b.moved})
	case len(b.differences) > 0:
		out.Rest = lims.E(lims.Conflict, "run.mismatch", lims.Args{"plate": "", "differences": b.differences, "count": len(b.differences), "fits": nil})
	case len(b.other) > 0:
		out.Rest = lims.E(lims.Conflict, "tube.assay", lims.Args{"barcodes": b.other, "kit": b.kit.Key()})
	}
	return out
}
