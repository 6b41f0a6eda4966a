package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Case gathers what Judge needs for a run on a plate: the sealed layout, the kits in the versions that were sealed, and the
// earlier attempts of each sample.
func (s *Store) Case(ctx context.Context, run pcr.Run, p Plate, model string) (lims.Case, error) {
	c := lims.Case{Run: run, Model: model, History: map[lims.Tested]pcr.Context{}}
	var err error
	if c.Layout, err = s.Layout(ctx, p.ID); err != nil {
		return c, err
	}
	var keys []string
	for _, w := range c.Layout.Wells {
		if !slices.Contains(keys, w.Kit) {
			keys = append(keys, w.Kit)
		}
	}
	if c.Kits, err = s.kits(ctx, keys); err != nil {
		return c, err
	}
	before, err := s.attempts(ctx, past{`SELECT DISTINCT sample_id, kit_key FROM wells WHERE plate_id = $1 AND sample_id IS NOT NULL`, `u.plate_id <> $1`, `true`}, p.ID)
	if err != nil {
		return c, err
	}
	for _, a := range before {
		c.History[lims.Tested{Code: a.Barcode, Kit: a.Kit}] = a.context(model)
	}
	return c, mapped(ctx, s.background(ctx, p, &c))
}

// OpenPlates are the layouts of the plates of a laboratory that are on an instrument or about to be: candidates for a run that
// does not fit the plate it names.
func (s *Store) OpenPlates(ctx context.Context, lab int64) (map[string]plate.Layout, error) {
	var ids []int64
	if err := s.db.SelectContext(ctx, &ids, `SELECT id FROM plates WHERE lab_id = $1 AND state IN ('sealed','running') ORDER BY id DESC LIMIT 50`, lab); err != nil {
		return nil, mapped(ctx, err)
	}
	byID, err := s.layouts(ctx, ids)
	out := make(map[string]plate.Layout, len(byID))
	for _, l := range byID {
		out[l.Code] = l
	}
	return out, err
}

// Judged is a run with its plate and what it means.
type Judged struct {
	Run     pcr.Run
	Plate   int64
	Case    lims.Case
	Verdict lims.Verdict
	Replays int64   // the run that this one reads again, else 0
	Parts   []int64 // further messages that the run was put together from
}

// Record writes what a message means, all or nothing: runs, readings, calls, results, sample moves, repeats, alerts. A plate or
// sample that has moved on meanwhile makes it answer Conflict: judge again.
func (s *Store) Record(ctx context.Context, m Message, driver string, judged []Judged) error {
	return s.do(ctx, lims.Actor{}, func(x *tx) error {
		x.note("record", "message", m.ID, map[string]any{"runs": len(judged)})
		if err := x.move(lims.MessageMoves, "messages", "record", []int64{m.ID}, // first: who judges the same message waits here
			`, driver = $4, settled_at = $5, code = '', args = '{}', clock_text = $6, skew_s = $7`, driver, x.now, clean(m.Clock), m.Skew); err != nil {
			return err
		}
		for i, j := range judged {
			if err := x.record(m, i+1, j); err != nil {
				return err
			}
			if err := x.joined(m, j.Parts); err != nil {
				return err
			}
		}
		return nil
	})
}

func (x *tx) record(m Message, part int, j Judged) error {
	var p Plate
	if err := x.one(&p, `SELECT `+plateFields+` FROM plates WHERE id = $1 FOR UPDATE`, j.Plate); err != nil {
		return err
	}
	run, err := x.insertRun(m, part, j)
	if err != nil {
		return err
	}
	if err := x.insertReadings(run, j.Run.Readings); err != nil {
		return err
	}
	if err := x.insertCurves(run, j.Run.Curves); err != nil {
		return err
	}
	if err := x.move(lims.PlateMoves, "plates", "read", []int64{p.ID}, `, read_at = $4`, x.now); err != nil {
		return err
	}
	x.note("read", "plate", p.ID, map[string]any{"run": run, "accepted": j.Verdict.Accepted})
	tubes, err := x.tubes(p.ID)
	if err != nil {
		return err
	}
	if err := x.insertCalls(run, j.Verdict.Wells, tubes); err != nil {
		return err
	}
	if err := x.aftermath(run, m, p, j, tubes); err != nil {
		return err
	}
	if !j.Verdict.Accepted {
		return x.refuseRun(run, p, j.Verdict)
	}
	if err := x.settleTubes(run, p, j, tubes); err != nil {
		return err
	}
	if err := x.settlePools(run, p, j, tubes); err != nil {
		return err
	}
	if err := x.autoCheck(run, p, j, tubes); err != nil {
		return err
	}
	return x.move(lims.PlateMoves, "plates", "accept", []int64{p.ID}, `, closed_at = $4`, x.now)
}

func (x *tx) insertRun(m Message, part int, j Judged) (id int64, err error) {
	verdict, err := json.Marshal(struct {
		Controls []lims.ControlCall
		Flags    []lims.Flag
		Notes    []pcr.Note
	}{j.Verdict.Controls, j.Verdict.Flags, j.Run.Notes})
	if err != nil {
		return 0, err
	}
	r := j.Run
	err = x.one(&id, `INSERT INTO runs (message_id, part, plate_id, lab_id, instrument_id, version, driver, model, serial, name,
			started_text, ended_text, accepted, verdict, recorded_at, replays)
		VALUES ($1, $2, nullif($3::bigint, 0), coalesce((SELECT lab_id FROM plates WHERE id = $3), nullif($14::bigint, 0)), nullif($4::bigint, 0),
			(SELECT count(*) + 1 FROM runs WHERE plate_id = $3), $5, $6, $7, $8, $9, $10, $11, $12, $13, nullif($15::bigint, 0)) RETURNING id`,
		m.ID, part, j.Plate, m.Instrument, r.Driver, clean(r.Instrument), clean(r.Serial), clean(r.Name), clean(r.Started.Text), clean(r.Ended.Text),
		j.Verdict.Accepted, string(verdict), x.now, m.Lab, j.Replays)
	return id, err
}

func (x *tx) insertReadings(run int64, rs []pcr.Reading) error {
	n := len(rs)
	text := make([][]string, 11)
	for i := range text {
		text[i] = make([]string, n)
	}
	cqs, seqs, lines, omits := make([]*float64, n), make([]int64, n), make([]int64, n), make([]bool, n)
	for i := range rs {
		r := &rs[i]
		for k, v := range [11]string{r.Well, r.Sample, r.Target, r.Dye, string(r.State), r.CqText, r.Call, r.Task, r.Status, r.Value, r.Unit} {
			text[k][i] = clean(v)
		}
		if r.State == pcr.HasCq {
			cqs[i] = &r.Cq
		}
		seqs[i], lines[i], omits[i] = int64(i+1), int64(r.Line), r.Omit
	}
	return x.exec(`INSERT INTO readings (run_id, seq, well, sample, target, dye, state, cq_text, call, task, status, value, unit, cq, line, omit)
		SELECT $1, * FROM unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
			$11::text[], $12::text[], $13::text[], $14::float8[], $15::integer[], $16::boolean[])`,
		run, pq.Array(seqs), pq.Array(text[0]), pq.Array(text[1]), pq.Array(text[2]), pq.Array(text[3]), pq.Array(text[4]), pq.Array(text[5]),
		pq.Array(text[6]), pq.Array(text[7]), pq.Array(text[8]), pq.Array(text[9]), pq.Array(text[10]), pq.Array(cqs), pq.Array(lines), pq.Array(omits))
}

// insertCurves writes the curves, those of a well in one row: all values go in one array, of which each well takes its share. Of two curves
// of one kind for the same place the first stays.
func (x *tx) insertCurves(run int64, curves []pcr.Curve) error {
	order := make([]*pcr.Curve, len(curves))
	for i := range curves {
		order[i] = &curves[i]
	}
	slices.SortStableFunc(order, func(a, b *pcr.Curve) int { return strings.Compare(a.Well, b.Well) })
	type place struct{ well, target, dye, kind string }
	seen := make(map[place]bool, len(curves))
	var wells, targets, dyes, kinds []string
	var first, last, from, to []int64 // of each well: its curves, and their values
	var firsts, ends []int64          // of each curve
	n := 0
	for i := range curves {
		n += len(curves[i].Y)
	}
	values := make(reals, 0, n)
	for _, c := range order {
		at := place{c.Well, clean(c.Target), clean(c.Dye), string(c.Kind)}
		if seen[at] {
			continue
		}
		seen[at] = true
		if len(wells) == 0 || wells[len(wells)-1] != c.Well {
			wells = append(wells, c.Well)
			first, from = append(first, int64(len(kinds)+1)), append(from, int64(len(values)+1))
			last, to = append(last, 0), append(to, 0)
		}
		for _, v := range c.Y {
			values = append(values, float32(v))
		}
		targets, dyes, kinds = append(targets, at.target), append(dyes, at.dye), append(kinds, at.kind)
		w := len(wells) - 1
		last[w], to[w] = int64(len(kinds)), int64(len(values))
		firsts, ends = append(firsts, int64(c.First)), append(ends, to[w]-from[w]+1)
	}
	if len(wells) == 0 {
		return nil
	}
	return x.exec(`INSERT INTO well_curves (run_id, well, targets, dyes, kinds, firsts, ends, y)
		SELECT $1, w, ($2::text[])[a:b], ($3::text[])[a:b], ($4::text[])[a:b], ($5::smallint[])[a:b], ($6::integer[])[a:b], ($7::real[])[c:d]
		FROM unnest($8::text[], $9::integer[], $10::integer[], $11::integer[], $12::integer[]) AS t (w, a, b, c, d)`,
		run, pq.Array(targets), pq.Array(dyes), pq.Array(kinds), pq.Array(firsts), pq.Array(ends), values,
		pq.Array(wells), pq.Array(first), pq.Array(last), pq.Array(from), pq.Array(to))
}

// clean takes NUL out, which PostgreSQL text cannot hold; the message keeps the bytes as they were.
func clean(s string) string {
	if strings.IndexByte(s, 0) < 0 {
		return s
	}
	return string(slices.DeleteFunc([]byte(s), func(b byte) bool { return b == 0 }))
}
