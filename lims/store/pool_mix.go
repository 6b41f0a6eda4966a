package store

import (
	"context"
	"slices"
	"strings"

	"github.com/lib/pq"

	"natlims/lims"
)

// poolPrefix begins the code of every pool.
const poolPrefix = "PL-"

// poolRow is a pool under lock.
type poolRow struct {
	ID    int64      `db:"id"`
	Code  string     `db:"code"`
	Lab   int64      `db:"lab_id"`
	Batch int64      `db:"batch_id"`
	State lims.State `db:"state"`
}

func (x *tx) lockPool(code string) (p poolRow, err error) {
	err = x.one(&p, `SELECT id, code, lab_id, batch_id, state FROM pools WHERE code = $1 FOR UPDATE`, strings.ToUpper(strings.TrimSpace(code)))
	if missing(err) {
		return p, lims.E(lims.NotFound, "pool.unknown", lims.Args{"pool": code})
	}
	if err == nil {
		err = inLab(x.actor, p.Lab)
	}
	return p, err
}

// MixPool takes down that aliquots of these tubes went into a pool: one scan by hand, or all that a robot read. Every barcode is
// held against the plan; the ledger of each tube is debited. The last tube makes the pool ready for a plate. It says how many
// tubes are still missing.
func (s *Store) MixPool(ctx context.Context, by lims.Actor, pool string, barcodes []string) (missing int, err error) {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return 0, err
	}
	barcodes = slices.Clone(barcodes)
	seen := map[string]bool{}
	for i, b := range barcodes {
		barcodes[i] = strings.TrimSpace(b)
		if seen[barcodes[i]] {
			return 0, lims.E(lims.Invalid, "sample.twice", lims.Args{"barcodes": []string{barcodes[i]}})
		}
		seen[barcodes[i]] = true
	}
	if len(barcodes) == 0 || len(barcodes) > 50 {
		return 0, lims.E(lims.Invalid, "tubes.count", lims.Args{"max": 50, "got": len(barcodes)})
	}
	err = s.do(ctx, by, func(x *tx) error {
		p, err := x.lockPool(pool)
		if err != nil {
			return err
		}
		if p.State != lims.Planned {
			return lims.E(lims.Conflict, "pool.not_planned", lims.Args{"pool": p.Code, "state": string(p.State)})
		}
		missing, err = x.mix(p, barcodes)
		return err
	})
	return missing, err
}

func (x *tx) mix(p poolRow, barcodes []string) (int, error) {
	var rows []struct {
		Sample  int64  `db:"sample_id"`
		Barcode string `db:"barcode"`
		Done    bool   `db:"done"`
		UL      int    `db:"ul"`
		Left    int    `db:"left"`
	}
	if err := x.all(&rows, `SELECT m.sample_id, s.barcode, m.mixed_at IS NOT NULL AS done, m.ul,
			(SELECT coalesce(sum(ul), 0) FROM volumes v WHERE v.sample_id = m.sample_id) AS left
		FROM pool_samples m JOIN samples s ON s.id = m.sample_id WHERE m.pool_id = $1 ORDER BY m.sample_id FOR UPDATE OF s`, p.ID); err != nil {
		return 0, err
	}
	at := make(map[string]int, len(rows))
	open := 0
	for i, r := range rows {
		at[r.Barcode] = i
		if !r.Done {
			open++
		}
	}
	var strange, done, dry []string
	var ids []int64
	for _, b := range barcodes {
		switch i, ok := at[b]; {
		case !ok:
			strange = append(strange, b)
		case rows[i].Done:
			done = append(done, b)
		case rows[i].Left < rows[i].UL:
			dry = append(dry, b)
		default:
			ids = append(ids, rows[i].Sample)
		}
	}
	switch {
	case strange != nil:
		return 0, lims.E(lims.Invalid, "pool.wrong_tube", lims.Args{"pool": p.Code, "barcodes": strange})
	case done != nil:
		return 0, lims.E(lims.Conflict, "pool.mixed_already", lims.Args{"pool": p.Code, "barcodes": done})
	case dry != nil:
		return 0, lims.E(lims.Conflict, "pool.volume", lims.Args{"barcodes": dry, "ul": rows[0].UL})
	}
	if err := x.exec(`UPDATE pool_samples SET mixed_at = $3, mixed_by = $4 WHERE pool_id = $1 AND sample_id = ANY($2)`,
		p.ID, pq.Array(ids), x.now, x.actor.ID); err != nil {
		return 0, err
	}
	if err := x.exec(`INSERT INTO volumes (sample_id, ul, why, pool_id, at, actor_id)
		SELECT sample_id, -ul, 'pool', pool_id, $3, $4 FROM pool_samples WHERE pool_id = $1 AND sample_id = ANY($2)`, p.ID, pq.Array(ids), x.now, x.actor.ID); err != nil {
		return 0, err
	}
	x.noteAll("mix", "sample", ids, map[string]any{"pool": p.Code})
	if open -= len(ids); open > 0 {
		return open, nil
	}
	x.note("mix", "pool", p.ID, nil)
	return 0, x.move(lims.PoolMoves, "pools", "mix", []int64{p.ID}, `, mixed_at = $4`, x.now)
}

// MeasureTube corrects what is left of a tube, in microlitres.
func (s *Store) MeasureTube(ctx context.Context, by lims.Actor, barcode string, ul int) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	if ul < 0 || ul > 100_000 {
		return lims.E(lims.Invalid, "pool.ul", lims.Args{"got": ul})
	}
	return s.do(ctx, by, func(x *tx) error {
		var row struct {
			ID   int64 `db:"id"`
			Lab  int64 `db:"lab_id"`
			Left int   `db:"left"`
		}
		err := x.one(&row, `SELECT id, coalesce(lab_id, 0) AS lab_id, (SELECT coalesce(sum(ul), 0) FROM volumes v WHERE v.sample_id = samples.id) AS left
			FROM samples WHERE barcode = $1 AND lab_id IS NOT NULL FOR UPDATE`, strings.TrimSpace(barcode))
		if missing(err) {
			return lims.E(lims.NotFound, "sample.unknown", lims.Args{"barcodes": []string{barcode}})
		}
		if err == nil {
			err = inLab(by, row.Lab)
		}
		if err != nil || ul == row.Left {
			return err
		}
		x.note("measure", "sample", row.ID, map[string]any{"ul": ul, "was": row.Left})
		return x.exec(`INSERT INTO volumes (sample_id, ul, why, at, actor_id) VALUES ($1,$2,'measured',$3,$4)`, row.ID, ul-row.Left, x.now, by.ID)
	})
}

// DropPools gives up a plan, with a reason, as long as nothing of it was plated: its tubes want a well again.
func (s *Store) DropPools(ctx context.Context, by lims.Actor, batch int64, reason string) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.do(ctx, by, func(x *tx) error {
		var rows []poolRow
		if err := x.all(&rows, `SELECT id, code, lab_id, batch_id, state FROM pools WHERE batch_id = $1 ORDER BY id FOR UPDATE`, batch); err != nil {
			return err
		}
		if len(rows) == 0 {
			return lims.E(lims.NotFound, "pool.unknown", lims.Args{"pool": batch})
		}
		ids := make([]int64, len(rows))
		for i, p := range rows {
			if err := inLab(by, p.Lab); err != nil {
				return err
			}
			ids[i] = p.ID
		}
		if err := x.move(lims.PoolMoves, "pools", "drop", ids, `, closed_at = $4`, x.now); err != nil {
			return err
		}
		var samples []int64
		if err := x.all(&samples, `SELECT DISTINCT sample_id FROM pool_samples WHERE batch_id = $1 ORDER BY sample_id`, batch); err != nil {
			return err
		}
		x.note("drop", "pool_batch", batch, map[string]any{"reason": reason})
		x.noteAll("drop", "pool", ids, nil)
		x.noteAll("unload", "sample", samples, nil)
		return x.move(lims.SampleMoves, "samples", "unload", samples, "")
	})
}

// loadPools takes the codes of mixed pools out of a new plate's and puts the pools on it; it gives the pools by code, and the
// plate without them. A pool is read with the kit that it was validated for.
func (x *tx) loadPools(n NewPlate) (map[string]int64, NewPlate, error) {
	var codes []string
	for _, c := range n.Codes {
		if strings.HasPrefix(c, poolPrefix) {
			codes = append(codes, c)
		}
	}
	if codes == nil {
		return nil, n, nil
	}
	var rows []loadedPool
	if err := x.all(&rows, `SELECT id, code, kit_key, coalesce(second_kit, '') AS second_kit, (SELECT count(*) FROM pool_samples m WHERE m.pool_id = pools.id) AS size
		FROM pools WHERE code = ANY($1) AND lab_id = $2 AND state = 'received' ORDER BY id FOR UPDATE`, pq.Array(codes), n.Lab); err != nil {
		return nil, n, err
	}
	pools, ids := make(map[string]int64, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		pools[r.Code], ids[i] = r.ID, r.ID
	}
	if err := x.kitsOfPools(n, rows); err != nil {
		return nil, n, err
	}
	n.Codes = slices.DeleteFunc(slices.Clone(n.Codes), func(c string) bool { return pools[c] != 0 })
	x.noteAll("load", "pool", ids, nil)
	return pools, n, x.move(lims.PoolMoves, "pools", "load", ids, "")
}

// spend debits the ledger of tubes that have one with a single test each. Tubes of more swabs than were validated stop here.
func (x *tx) spend(n NewPlate, plate int64, samples []int64) error {
	if err := x.swabSizes(n, samples); err != nil {
		return err
	}
	return x.exec(`INSERT INTO volumes (sample_id, ul, why, plate_id, at, actor_id)
		SELECT m.sample_id, -(SELECT single_ul FROM pool_rules WHERE id = max(b.rules_id)), 'single', $2, $3, $4
		FROM pool_samples m JOIN pool_batches b ON b.id = m.batch_id WHERE m.sample_id = ANY($1) GROUP BY m.sample_id`,
		pq.Array(samples), plate, x.now, x.actor.ID)
}

// DropPool gives up one pool that is not on a plate, with a reason: a part for which there is no time, a row that was spilt. Its
// tubes go by the other pools that they have a share of; those that have none left are tested singly.
func (s *Store) DropPool(ctx context.Context, by lims.Actor, code, reason string) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.do(ctx, by, func(x *tx) error {
		p, err := x.lockPool(code)
		if err != nil {
			return err
		}
		if err := x.move(lims.PoolMoves, "pools", "drop", []int64{p.ID}, `, closed_at = $4`, x.now); err != nil {
			return err
		}
		x.note("drop", "pool", p.ID, map[string]any{"reason": reason})
		var rest []struct {
			Sample int64 `db:"sample_id"`
			Retest int64 `db:"retest"` // the pool that was read before; 0: none was
		}
		if err := x.all(&rest, `SELECT m.sample_id, coalesce(p.parent_id, CASE WHEN p.repeats > 0 THEN p.id END, 0) AS retest
			FROM pool_samples m JOIN pools p ON p.id = m.pool_id JOIN samples s ON s.id = m.sample_id AND s.state = 'loaded'
			WHERE m.pool_id = $1 AND m.sample_id NOT IN (SELECT o.sample_id FROM pool_samples o JOIN pools q ON q.id = o.pool_id
				WHERE o.batch_id = m.batch_id AND q.state <> 'dropped' AND NOT q.split) ORDER BY m.sample_id FOR UPDATE OF s`, p.ID); err != nil {
			return err
		}
		var back []int64
		var again []decided
		for _, r := range rest {
			if r.Retest == 0 {
				back = append(back, r.Sample)
			} else {
				again = append(again, decided{sample: r.Sample, pool: r.Retest})
			}
		}
		x.noteAll("unload", "sample", back, nil)
		if err := x.move(lims.SampleMoves, "samples", "unload", back, ""); err != nil {
			return err
		}
		if err := x.retestSingly(again); err != nil {
			return err
		}
		return x.decideBatch(p.Lab, p.Batch)
	})
}
