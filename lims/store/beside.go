package store

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"natlims/lims"
)

// A test of what has its result already: a plate that is run or exported again, a tube that is put into an analyser once more. It is a new
// fact beside the old one. Its run, readings and calls are on record, a supervisor is asked what it means (a dispute), and the result,
// the tube and the plate stay as they are: testing until it fits is seen, and nobody's result changes by itself.

// LastRun is the run of a plate that counts; lims.NotFound where none was recorded.
func (s *Store) LastRun(ctx context.Context, plate int64) (RecordedRun, error) {
	r, err := single[RecordedRun](ctx, s, `SELECT r.id, r.plate_id AS plate, p.code, r.accepted FROM runs r JOIN plates p ON p.id = r.plate_id
		WHERE r.plate_id = $1 AND r.replays IS NULL ORDER BY r.version DESC LIMIT 1`, plate)
	if err == nil {
		err = s.recorded(ctx, &r)
	}
	return r, err
}

// Settled says whether every tube on a plate, and in a pool on it, has a result.
func (s *Store) Settled(ctx context.Context, plate int64) (bool, error) {
	return single[bool](ctx, s, `WITH t AS (
			SELECT sample_id FROM wells WHERE plate_id = $1 AND sample_id IS NOT NULL
			UNION SELECT m.sample_id FROM wells w JOIN pool_samples m ON m.pool_id = w.pool_id WHERE w.plate_id = $1
		)
		SELECT count(*) = 0 FROM t WHERE sample_id NOT IN (SELECT sample_id FROM results WHERE state <> 'withdrawn' AND sample_id IN (SELECT sample_id FROM t))`, plate)
}

// RecordBeside writes the runs of a message beside those that count, by id of the run that each stands beside, and a dispute for each well
// that is called otherwise. Where controls fail, what they cover says nothing, and the laboratory is told once for the run.
func (s *Store) RecordBeside(ctx context.Context, m Message, driver string, judged []Judged, old map[int64]RecordedRun) error {
	return s.do(ctx, lims.Actor{}, func(x *tx) error {
		x.note("beside", "message", m.ID, map[string]any{"runs": len(judged)})
		if err := x.move(lims.MessageMoves, "messages", "record", []int64{m.ID},
			`, driver = $4, settled_at = $5, code = '', args = '{}', clock_text = $6, skew_s = $7`, driver, x.now, clean(m.Clock), m.Skew); err != nil {
			return err
		}
		for _, j := range judged {
			if err := x.beside(m, j, old[j.Replays]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (x *tx) beside(m Message, j Judged, old RecordedRun) error {
	run, tubes, err := x.insertBeside(m, j)
	if err != nil {
		return err
	}
	if err := x.dispute(run, tubes, old.Contradicts(j.Verdict)); err != nil {
		return err
	}
	failed := failures(j.Verdict)
	if len(failed) == 0 {
		return nil
	}
	var lab int64
	if err := x.one(&lab, `SELECT lab_id FROM plates WHERE id = $1`, j.Plate); err != nil {
		return err
	}
	return x.raise([]alert{{kind: "control_failed", key: fmt.Sprintf("beside_failed:%d", run), lab: lab, plate: j.Plate, run: run,
		args: lims.Args{"case": "beside", "plate": old.Code, "controls": failed}}})
}

// Contradicts lists the wells that a further run calls otherwise; what it does not speak of, or what its failed controls cover, is none.
// Where it came without controls its calls must not be used, but a person should know of them.
func (r RecordedRun) Contradicts(v lims.Verdict) (out []CallChange) {
	failed := len(failures(v)) > 0
	for _, w := range v.Wells {
		pos := w.Pos.String()
		if w.Invalid && (failed || r.Calls[pos] == callWord("", true)) {
			continue
		}
		if was, now := r.Calls[pos], callWord(w.Call.Call, w.Invalid && v.Accepted); was != now {
			out = append(out, CallChange{Plate: r.Code, Pos: pos, Code: w.Code, Old: was, New: now})
		}
	}
	return out
}

// besideTubes writes tests of tubes that have their result. Their calls name no sample, so that no later judgement counts them; each is a
// dispute, also where it agrees: nobody asked for it.
func (x *tx) besideTubes(m Message, j Judged, tests []Test) error {
	run, err := x.insertRun(m, x.part(m), Judged{Run: j.Run, Verdict: j.Verdict})
	if err != nil {
		return err
	}
	if err := x.insertReadings(run, j.Run.Readings); err != nil {
		return err
	}
	if err := x.insertCalls(run, j.Verdict.Wells, nil); err != nil {
		return err
	}
	if err := x.cartridges(m, run, tests); err != nil {
		return err
	}
	var pos, codes, calls []string
	for _, w := range j.Verdict.Wells {
		pos, codes, calls = append(pos, w.Pos.String()), append(codes, w.Code), append(calls, w.Call.Call)
	}
	x.note("beside", "message", m.ID, map[string]any{"tubes": codes})
	return x.exec(`INSERT INTO disputes (run_id, lab_id, pos, code, sample_id, old_call, new_call, released, raised_at)
		SELECT $1, s.lab_id, t.p, t.c, s.id, coalesce(r.call, ''), t.n, coalesce(r.state IN ('released','superseded'), false), $5
		FROM unnest($2::text[], $3::text[], $4::text[]) AS t (p, c, n) JOIN samples s ON s.barcode = t.c
		LEFT JOIN LATERAL (SELECT call, state FROM results WHERE sample_id = s.id ORDER BY version DESC LIMIT 1) r ON true`,
		run, pq.Array(pos), pq.Array(codes), pq.Array(calls), x.now)
}
