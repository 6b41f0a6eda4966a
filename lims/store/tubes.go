package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Analysers without plates. A cartridge names its tube; the tubes of one message become the wells of a plate that is made, read
// and accepted in one transaction, so that judgement, results, alerts and signatures are those of every other plate.

// Work is how a laboratory uses an instrument. It is kept with the settings of its line.
type Work struct {
	Mode  string              `json:"mode,omitempty"`  // "" plates, "tube" one test a tube
	Kit   string              `json:"kit,omitempty"`   // of mode tube: the key of the kit that judges
	Tests map[string][]string `json:"tests,omitempty"` // assay -> codes by which the instrument knows its tests
	Setup string              `json:"setup,omitempty"` // folder that the instrument takes plate files from
}

// ModeTube is the mode of analysers without plates.
const ModeTube = "tube"

// WorkOf reads how an instrument is used out of its settings. Settings that cannot be read say nothing.
func WorkOf(settings json.RawMessage) (w Work) {
	if len(settings) > 0 && json.Unmarshal(settings, &w) != nil {
		return Work{}
	}
	return w
}

// SetWork changes how an instrument is used; the settings of its line stay as they are.
func (s *Store) SetWork(ctx context.Context, by lims.Actor, instrument int64, w Work) error {
	if err := need(by, lims.Supervisor, lims.Admin); err != nil {
		return err
	}
	if w.Mode != "" && w.Mode != ModeTube {
		return lims.E(lims.Invalid, "work.mode", lims.Args{"got": w.Mode})
	}
	full := map[string]any{"mode": w.Mode, "kit": w.Kit, "tests": w.Tests, "setup": w.Setup}
	b, err := json.Marshal(full)
	if err != nil {
		return err
	}
	if w.Mode == ModeTube {
		k, err := s.KitOf(ctx, w.Kit)
		if err != nil {
			return err
		}
		if k != nil && len(k.Controls) > 0 {
			return lims.E(lims.Invalid, "tube.controls", lims.Args{"kit": w.Kit})
		}
	}
	return s.do(ctx, by, func(x *tx) error {
		if w.Mode == ModeTube {
			if err := x.usable(w.Kit); err != nil {
				return err
			}
		}
		n, err := x.count(`UPDATE instruments SET settings = settings || $2::jsonb WHERE id = $1 AND ($3 = 0 OR lab_id = $3)`, instrument, string(b), by.Lab)
		if err == nil && n == 0 {
			err = lims.E(lims.NotFound, "instrument.unknown", nil)
		}
		x.note("work", "instrument", instrument, full)
		return err
	})
}

// TubeState is a tube as a test of it finds it.
type TubeState struct {
	ID       int64      `db:"id"`
	Barcode  string     `db:"barcode"`
	State    lims.State `db:"state"`
	Attempts int        `db:"-"` // with the kit that was asked for
	Call     string     `db:"-"`
	Action   string     `db:"-"`
}

// TubesOf finds tubes that a laboratory holds, by barcode, with what is known of them with a kit. Those of other laboratories are as
// unknown as those of nobody.
func (s *Store) TubesOf(ctx context.Context, lab int64, kit string, codes []string) (map[string]TubeState, error) {
	rows, err := list[TubeState](ctx, s, `SELECT id, barcode, state FROM samples WHERE barcode = ANY($1) AND lab_id = $2`, pq.Array(codes), lab)
	if err != nil {
		return nil, err
	}
	out, ids := make(map[string]TubeState, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		out[r.Barcode], ids[i] = r, r.ID
	}
	before, err := s.attempts(ctx, past{`SELECT unnest($1::bigint[]) AS sample_id, $2::text AS kit_key`, `true`, `true`}, pq.Array(ids), kit)
	for _, a := range before {
		t := out[a.Barcode]
		t.Attempts, t.Call, t.Action = a.N, a.Call, a.Action
		out[a.Barcode] = t
	}
	return out, err
}

// Test names one test of an analyser without plates: the tube and the instrument's own times.
type Test struct {
	Barcode string `db:"barcode"`
	Mark    string `db:"mark"`
}

// SeenTests says which tests of an instrument are on record.
func (s *Store) SeenTests(ctx context.Context, instrument int64, codes []string) (map[Test]bool, error) {
	rows, err := list[Test](ctx, s, `SELECT barcode, mark FROM cartridges WHERE instrument_id = $1 AND barcode = ANY($2)`, instrument, pq.Array(codes))
	out := make(map[Test]bool, len(rows))
	for _, t := range rows {
		out[t] = true
	}
	return out, err
}

// TubeRun is what a message of an analyser without plates means.
type TubeRun struct {
	Wells    Judged      // the tubes, laid out; without wells there is nothing to judge
	Tests    []Test      // of the wells
	Second   Judged      // tubes that have their result: a new fact beside it
	Seconds  []Test      // of the tubes of Second
	Controls *pcr.Run    // quality controls: kept, and nothing follows
	Marks    []Test      // of the controls
	More     bool        // the same tubes were tested again: the message is read on
	Rest     *lims.Error // why a person has to look at the message; the rest of it is recorded
}

// RecordTubes writes what a message of an analyser without plates means, all or nothing. A tube that has moved on meanwhile makes
// it answer Conflict: judge again.
func (s *Store) RecordTubes(ctx context.Context, m Message, driver string, t TubeRun) error {
	return s.do(ctx, lims.Actor{}, func(x *tx) error {
		if len(t.Wells.Case.Layout.Wells) > 0 {
			run, err := x.recordTubes(m, t.Wells)
			if err != nil {
				return err
			}
			if err := x.cartridges(m, run, t.Tests); err != nil {
				return err
			}
		}
		if len(t.Seconds) > 0 {
			if err := x.besideTubes(m, t.Second, t.Seconds); err != nil {
				return err
			}
		}
		if t.Controls != nil {
			run, err := x.insertRun(m, x.part(m), Judged{Run: *t.Controls, Verdict: lims.Verdict{Accepted: true}})
			if err != nil {
				return err
			}
			if err := x.insertReadings(run, t.Controls.Readings); err != nil {
				return err
			}
			if err := x.cartridges(m, run, t.Marks); err != nil {
				return err
			}
		}
		switch {
		case t.More:
			return nil
		case t.Rest != nil:
			return x.park(m, driver, t.Rest)
		}
		x.note("record", "message", m.ID, map[string]any{"tubes": len(t.Tests)})
		return x.move(lims.MessageMoves, "messages", "record", []int64{m.ID},
			`, driver = $4, settled_at = $5, code = '', args = '{}', clock_text = $6, skew_s = $7`, driver, x.now, clean(m.Clock), m.Skew)
	})
}

// part is the next free part of a message.
func (x *tx) part(m Message) (n int) {
	if err := x.one(&n, `SELECT coalesce(max(part), 0) + 1 FROM runs WHERE message_id = $1`, m.ID); err != nil {
		return 0 // the transaction is broken; the insert says so
	}
	return n
}

func (x *tx) recordTubes(m Message, j Judged) (int64, error) {
	p, err := x.layTubes(m, j)
	if err != nil {
		return 0, err
	}
	j.Plate = p.ID
	j.Case.Layout.Code = p.Code
	if err := x.record(m, x.part(m), j); err != nil {
		return 0, err
	}
	var run int64
	return run, x.one(&run, `SELECT id FROM runs WHERE plate_id = $1`, p.ID)
}

// layTubes makes the plate that the tubes of a message stand for and puts them on it.
func (x *tx) layTubes(m Message, j Judged) (p Plate, err error) {
	l := j.Case.Layout
	by, err := x.instrumentActor(m.Instrument)
	if err != nil {
		return p, err
	}
	codes := make([]string, len(l.Wells))
	for i, w := range l.Wells {
		codes[i] = w.Code
	}
	var rows []TubeState
	if err := x.all(&rows, `SELECT id, barcode FROM samples WHERE barcode = ANY($1) AND lab_id = $2 ORDER BY id FOR UPDATE`, pq.Array(codes), m.Lab); err != nil {
		return p, err
	}
	ids, byCode := make([]int64, len(rows)), make(map[string]waitingTube, len(rows))
	for i, r := range rows {
		ids[i], byCode[r.Barcode] = r.ID, waitingTube{ID: r.ID, Barcode: r.Barcode}
	}
	if len(ids) != len(codes) {
		return p, lims.E(lims.Conflict, "sample.not_waiting", lims.Args{"barcodes": codes})
	}
	numbers, err := x.ids("plates", 1)
	if err != nil {
		return p, err
	}
	if err := x.one(&p, `INSERT INTO plates (id, code, lab_id, wells, kit_key, state, instrument_id, made_by, created_at, sealed_at, started_at)
		OVERRIDING SYSTEM VALUE VALUES ($1,$2,$3,$4,$5,'running',$6,$7,$8,$8,$8) RETURNING `+plateFields,
		numbers[0], fmt.Sprintf("T-%06d", numbers[0]), m.Lab, plate.F96.Size(), l.Wells[0].Kit, m.Instrument, by, x.now); err != nil {
		return p, err
	}
	x.note("lay", "plate", p.ID, map[string]any{"samples": len(ids), "kit": p.Kit, "message": m.ID})
	x.noteAll("load", "sample", ids, map[string]any{"plate": p.Code})
	owed, err := x.loadArms(NewPlate{Lab: m.Lab, Kit: p.Kit, Codes: codes}, &p, byCode) // a tube that owes other kits is not tested with this one
	if err != nil {
		return p, err
	}
	pos, samples, arms := make([]string, len(l.Wells)), make([]int64, len(l.Wells)), make([]string, len(l.Wells))
	for i, w := range l.Wells {
		pos[i], samples[i] = w.Pos.String(), byCode[w.Code].ID
		arms[i] = owed[armAt{samples[i], p.Kit}]
	}
	if err := x.exec(`INSERT INTO wells (plate_id, kit_key, pos, role, code, sample_id, arm)
		SELECT $1, $2, p, 'sample', c, s, a FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[]) AS t (p, c, s, a)`,
		p.ID, p.Kit, pq.Array(pos), pq.Array(codes), pq.Array(samples), pq.Array(arms)); err != nil {
		return p, err
	}
	if err := x.doneSteps(ids); err != nil { // what was asked for is being done
		return p, err
	}
	return p, x.move(lims.SampleMoves, "samples", "load", ids, "")
}

// instrumentActor is the actor that an instrument itself is: who made the plates of its cartridges. It cannot sign in.
func (x *tx) instrumentActor(instrument int64) (id int64, err error) {
	err = x.one(&id, `SELECT min(id) FROM actors WHERE instrument_id = $1 AND password = '' HAVING count(*) > 0`, instrument)
	if !missing(err) {
		return id, err
	}
	return id, x.one(&id, `INSERT INTO actors (login, name, lab_id, instrument_id, roles, active, created_at)
		SELECT 'instrument:' || id, code, lab_id, id, '{machine}', false, $2 FROM instruments WHERE id = $1
		ON CONFLICT (login) DO UPDATE SET name = excluded.name RETURNING id`, instrument, x.now)
}

func (x *tx) cartridges(m Message, run int64, tests []Test) error {
	codes, marks := make([]string, len(tests)), make([]string, len(tests))
	for i, t := range tests {
		codes[i], marks[i] = clean(t.Barcode), clean(t.Mark)
	}
	return x.exec(`INSERT INTO cartridges (instrument_id, barcode, mark, message_id, run_id)
		SELECT $1, c, k, $2, $3 FROM unnest($4::text[], $5::text[]) AS t (c, k) ON CONFLICT DO NOTHING`,
		m.Instrument, m.ID, run, pq.Array(codes), pq.Array(marks))
}

// park leaves a message to a person, in the transaction of what could be recorded of it.
func (x *tx) park(m Message, driver string, why *lims.Error) error {
	args, err := json.Marshal(why.Args)
	if err != nil || why.Args == nil {
		args = []byte("{}")
	}
	x.note("park", "message", m.ID, map[string]any{"code": why.Code})
	if m.State == lims.Parked {
		return x.exec(`UPDATE messages SET code = $2, args = $3, plate_id = NULL, driver = $4, clock_text = $5, skew_s = $6
			WHERE id = $1 AND state = 'parked'`, m.ID, why.Code, string(args), driver, clean(m.Clock), m.Skew)
	}
	return x.move(lims.MessageMoves, "messages", "park", []int64{m.ID},
		`, driver = $4, code = $5, args = $6, settled_at = $7, clock_text = $8, skew_s = $9`, driver, why.Code, string(args), x.now, clean(m.Clock), m.Skew)
}

// KitOf is the kit on record with a key, ready to judge; nil where there is none.
func (s *Store) KitOf(ctx context.Context, key string) (*pcr.Kit, error) {
	all, err := s.kits(ctx, []string{key})
	return all[key], err
}
