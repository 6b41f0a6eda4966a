package store

import (
	"slices"

	"github.com/lib/pq"

	"natlims/lims"
)

// What an extraction batch that failed on another plate takes back of pools. A pool that was read from it said nothing: what its tubes
// have from it and is not released is withdrawn, the tubes are in their pool again, and the pool is extracted again. In an array every
// pool may have decided for every tube, so the whole plan is decided once more. Tubes that it sent to be tested singly stay on that way.

// failedPools are pools whose call comes from extraction batches of other plates, and every pool whose word may rest on theirs.
func (x *tx) failedPools(p Plate, batches []string) (failed, sharing []int64, err error) {
	if err := x.all(&failed, `SELECT q.id FROM pools q WHERE q.state IN ('read','closed') AND NOT q.split AND q.id IN (
			SELECT w.pool_id FROM wells w JOIN runs u ON u.plate_id = w.plate_id
			WHERE w.role = 'sample' AND w.batch = ANY($3) AND w.plate_id <> $2 AND w.pool_id IS NOT NULL AND u.lab_id = $1
				AND u.id IN (SELECT run_id FROM pools WHERE id = w.pool_id))
		ORDER BY q.id FOR UPDATE OF q`, p.Lab, p.ID, pq.Array(batches)); err != nil || len(failed) == 0 {
		return nil, nil, err
	}
	err = x.all(&sharing, `SELECT id FROM pools WHERE id = ANY($1) OR axis IN ('row','column')
		AND batch_id IN (SELECT batch_id FROM pools WHERE id = ANY($1) AND axis IN ('row','column')) ORDER BY id`, pq.Array(failed))
	return failed, sharing, err
}

// poolAgain has pools extracted again whose tubes, taken back, wait for their word, and decides anew what the others still say.
func (x *tx) poolAgain(p Plate, run int64, failed, samples []int64) error {
	if err := x.exec(`UPDATE pool_reads SET used = false WHERE pool_id = ANY($1) AND used AND run_id IN (SELECT run_id FROM pools WHERE id = ANY($1))`,
		pq.Array(failed)); err != nil || len(samples) == 0 {
		return err
	}
	slices.Sort(samples)
	samples = slices.Compact(samples)
	x.noteAll("repeat", "sample", samples, map[string]any{"by": "pool", "run": run})
	for _, e := range []lims.Event{"repeat", "load"} { // in the pool again
		if err := x.move(lims.SampleMoves, "samples", e, samples, ""); err != nil {
			return err
		}
	}
	var again, plans []int64
	if err := x.all(&again, `SELECT DISTINCT m.pool_id FROM pool_samples m JOIN pools q ON q.id = m.pool_id AND q.state = 'read'
		WHERE m.pool_id = ANY($1) AND m.sample_id = ANY($2) ORDER BY m.pool_id`, pq.Array(failed), pq.Array(samples)); err != nil {
		return err
	}
	x.noteAll("repeat", "pool", again, map[string]any{"reason": "batch.failed", "run": run})
	if err := x.move(lims.PoolMoves, "pools", "repeat", again, `, call = '', cq = NULL, run_id = NULL, called_at = NULL`); err != nil {
		return err
	}
	if err := x.all(&plans, `SELECT DISTINCT batch_id FROM pools WHERE id = ANY($1) ORDER BY 1`, pq.Array(failed)); err != nil {
		return err
	}
	for _, b := range plans {
		if err := x.decideBatch(p.Lab, b); err != nil {
			return err
		}
	}
	return nil
}
