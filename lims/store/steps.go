package store

import (
	"context"
	"slices"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// step is prescribed work on one tube.
type step struct {
	sample      int64
	action, why string
}

// StepRow is prescribed work that is shown on its plate and on the worklist.
type StepRow struct {
	Action  string     `db:"action"`
	Why     string     `db:"why"` // plate_failed, batch_failed, call, parallel
	Barcode string     `db:"barcode"`
	Plate   string     `db:"plate"`
	State   lims.State `db:"state"` // of the tube
	Since   time.Time  `db:"created_at"`
	DoneAt  *time.Time `db:"done_at"`
	DueAt   *time.Time `db:"due_at"`
}

const stepColumns = `t.action, t.why, s.barcode, p.code AS plate, s.state, t.created_at, t.done_at, s.due_at
	FROM steps t JOIN samples s ON s.id = t.sample_id JOIN plates p ON p.id = t.plate_id `

// Worklist lists the open work of a laboratory by action, the most urgent first.
func (s *Store) Worklist(ctx context.Context, sc Scope) ([]StepRow, error) {
	return list[StepRow](ctx, s, `SELECT `+stepColumns+`WHERE t.done_at IS NULL AND ($1 = 0 OR t.lab_id = $1)
		ORDER BY t.action, s.priority, s.due_at NULLS LAST, t.id LIMIT 2000`, sc.Lab)
}

// PlateSteps lists the work that followed from the runs of a plate.
func (s *Store) PlateSteps(ctx context.Context, plate int64) ([]StepRow, error) {
	return list[StepRow](ctx, s, `SELECT `+stepColumns+`WHERE t.plate_id = $1 ORDER BY t.action, t.why, s.barcode LIMIT 2000`, plate)
}

func (x *tx) addSteps(run int64, p Plate, steps []step) error {
	if len(steps) == 0 {
		return nil
	}
	n := len(steps)
	ids, actions, whys := make([]int64, n), make([]string, n), make([]string, n)
	for i, s := range steps {
		ids[i], actions[i], whys[i] = s.sample, s.action, s.why
	}
	return x.exec(`INSERT INTO steps (lab_id, plate_id, run_id, sample_id, action, why, created_at)
		SELECT $1, $2, $3, s, a, w, $4 FROM unnest($5::bigint[], $6::text[], $7::text[]) AS t (s, a, w) ON CONFLICT DO NOTHING`,
		p.Lab, p.ID, run, x.now, pq.Array(ids), pq.Array(actions), pq.Array(whys))
}

// doneSteps closes the open work on tubes: they are on a plate again, or what is said of them is signed.
func (x *tx) doneSteps(samples []int64) error {
	return x.exec(`UPDATE steps SET done_at = $2 WHERE sample_id = ANY($1) AND done_at IS NULL`, pq.Array(samples), x.now)
}

// nextSteps writes down what a verdict prescribes for the tubes of its plate.
func (x *tx) nextSteps(run int64, p Plate, v lims.Verdict, tubes map[string]tube) error {
	var steps []step
	for _, s := range v.Next {
		for _, code := range s.Codes {
			if t, ok := tubes[code]; ok {
				steps = append(steps, step{t.ID, s.Action, s.Why})
			}
		}
	}
	return x.addSteps(run, p, steps)
}

// failBatches takes down that extraction batches failed. What was called of them on other plates and is not released is
// withdrawn and its tubes are extracted again; plates that are not read yet learn of it when they are judged. What is released
// already is for a person: the alert says how many results.
func (x *tx) failBatches(run int64, p Plate, v lims.Verdict) error {
	batches := slices.DeleteFunc(slices.Clone(v.Batches), func(b string) bool { return b == "" })
	if len(batches) == 0 {
		return nil
	}
	var whys []string
	for _, b := range batches {
		why := ""
		for _, c := range v.Controls {
			if !c.OK && c.Batch == b {
				why = c.Pos.String() + ": " + c.Why
				break
			}
		}
		whys = append(whys, why)
	}
	if err := x.exec(`INSERT INTO failed_batches (lab_id, batch, run_id, plate_id, why, at)
		SELECT $1, b, $2, $3, w, $4 FROM unnest($5::text[], $6::text[]) AS t (b, w)`,
		p.Lab, run, p.ID, x.now, pq.Array(batches), pq.Array(whys)); err != nil {
		return err
	}
	released, withdrawn, err := x.recallBatches(run, p, batches)
	if err != nil {
		return err
	}
	return x.raise([]alert{{kind: "control_failed", key: "batch_failed:" + p.Code, lab: p.Lab, plate: p.ID, run: run,
		args: lims.Args{"plate": p.Code, "controls": failures(v), "batches": batches, "withdrawn": withdrawn, "released": released}}})
}

// touched is a result that rests on an extraction batch of another plate.
type touched struct {
	ID     int64      `db:"id"`
	Sample int64      `db:"sample_id"`
	State  lims.State `db:"state"`
	Pooled bool       `db:"pooled"` // a pool said it
}

// touched finds the results of a laboratory that rest on extraction batches, on other plates or on what pools said from there.
func (x *tx) touched(p Plate, batches []string, pools []int64) (rows []touched, err error) {
	return rows, x.all(&rows, `WITH touched AS (
			SELECT c.run_id, c.sample_id, c.pos, c.kit_key FROM wells w JOIN runs u ON u.plate_id = w.plate_id
				JOIN calls c ON c.run_id = u.id AND c.pos = w.pos AND c.kit_key = w.kit_key
			WHERE w.role = 'sample' AND w.batch = ANY($3) AND w.plate_id <> $2 AND u.lab_id = $1)
		SELECT r.id, r.sample_id, r.state, r.pool_id IS NOT NULL AS pooled FROM results r WHERE r.state IN ('called','held','checked','released')
			AND (r.id IN (SELECT a.result_id FROM result_arms a JOIN touched t ON t.run_id = a.run_id AND t.pos = a.pos AND t.kit_key = a.kit_key)
				OR (r.run_id, r.sample_id) IN (SELECT run_id, sample_id FROM touched) OR r.pool_id = ANY($4))
		ORDER BY r.id FOR UPDATE`, p.Lab, p.ID, pq.Array(batches), pq.Array(pools))
}

// recallBatches takes back what other plates of the laboratory said of extraction batches.
func (x *tx) recallBatches(run int64, p Plate, batches []string) (released, withdrawn int, err error) {
	failed, sharing, err := x.failedPools(p, batches)
	if err != nil {
		return 0, 0, err
	}
	rows, err := x.touched(p, batches, sharing)
	if err != nil {
		return 0, 0, err
	}
	if err := x.oweBatches(p, batches); err != nil {
		return 0, 0, err
	}
	var open, samples, pooled []int64
	for _, r := range rows {
		switch {
		case r.State == lims.Released:
			released++
			continue
		case r.Pooled:
			pooled = append(pooled, r.Sample)
		default:
			samples = append(samples, r.Sample)
		}
		open = append(open, r.ID)
	}
	if len(open) == 0 {
		return released, 0, x.poolAgain(p, run, failed, nil)
	}
	if err := x.move(lims.ResultMoves, "results", "withdraw", open, `, ended_at = $4, reason = 'batch.failed'`, x.now); err != nil {
		return 0, 0, err
	}
	x.noteAll("withdraw", "result", open, map[string]any{"reason": "batch.failed"})
	if err := x.annul(open); err != nil {
		return 0, 0, err
	}
	if err := x.poolAgain(p, run, failed, pooled); err != nil {
		return 0, 0, err
	}
	back, err := x.backToBench(samples)
	if err != nil {
		return 0, 0, err
	}
	var steps []step
	for _, id := range back {
		steps = append(steps, step{id, "reextract", "batch_failed"})
	}
	if err := x.exec(`UPDATE samples SET prior_action = 'reextract' WHERE id = ANY($1)`, pq.Array(back)); err != nil {
		return 0, 0, err
	}
	return released, len(open), x.addSteps(run, p, steps)
}

// oweBatches owes the arms again that were read from extraction batches and of which nothing is said yet.
func (x *tx) oweBatches(p Plate, batches []string) error {
	var ids []int64
	if err := x.all(&ids, `UPDATE sample_arms a SET state = 'owed', plate_id = NULL FROM runs u, wells w
		WHERE a.state = 'read' AND u.id = a.run_id AND w.plate_id = u.plate_id AND w.pos = a.pos AND w.kit_key = a.kit_key
			AND w.batch = ANY($3) AND w.plate_id <> $2 AND u.lab_id = $1 AND a.sample_id IN (SELECT sample_id FROM sample_arms WHERE state <> 'read')
		RETURNING a.sample_id`, p.Lab, p.ID, pq.Array(batches)); err != nil || len(ids) == 0 {
		return err
	}
	return x.placeByArms(unique(ids))
}

// backToBench sends read tubes of which no result waits for a signature to the bench again, every arm of them.
func (x *tx) backToBench(samples []int64) (back []int64, err error) {
	if err := x.all(&back, unsigned, pq.Array(unique(samples))); err != nil {
		return nil, err
	}
	slices.Sort(back)
	x.noteAll("repeat", "sample", back, nil)
	if err := x.move(lims.SampleMoves, "samples", "repeat", back, ""); err != nil {
		return nil, err
	}
	return back, x.oweArms(back)
}
