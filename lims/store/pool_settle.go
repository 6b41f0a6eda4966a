package store

import (
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/pooling"
)

// readPool is a pool on a plate that was read.
type readPool struct {
	ID      int64        `db:"id"`
	Code    string       `db:"code"`
	Batch   int64        `db:"batch_id"`
	Axis    lims.Axis    `db:"axis"`
	Scheme  string       `db:"scheme"`
	Risk    float64      `db:"risk"`
	Size    int          `db:"size"`
	Repeats int          `db:"repeats"`
	DueAt   *time.Time   `db:"due_at"`
	Volume  int          `db:"volume"` // tests that the tube with the least left still has volume for
	call    pooling.Call // what this run says; of two kits the one that is further from negative
	heard   bool
	cq      float64
	step    pooling.Step
}

// settlePools turns calls on pools into what happens to their tubes: cleared, tested singly, mixed into parts, or the pool
// extracted again. It ends with the pools whose last tube was tested on this plate.
func (x *tx) settlePools(run int64, p Plate, j Judged, singles map[string]tube) error {
	pools, err := x.readPools(run, p, j)
	if err != nil {
		return err
	}
	if len(pools) > 0 {
		if err := x.actOnPools(run, p, pools); err != nil {
			return err
		}
	}
	ids := make([]int64, 0, len(singles))
	for _, t := range singles {
		ids = append(ids, t.ID)
	}
	return x.balancePools(ids)
}

// readPools locks the pools of a plate in id order, moves them, and keeps what was read of each.
func (x *tx) readPools(run int64, p Plate, j Judged) ([]*readPool, error) {
	var rows []*readPool
	if err := x.all(&rows, `SELECT p.id, p.code, p.batch_id, p.axis, b.scheme, b.risk, p.repeats, p.due_at,
			(SELECT count(*) FROM pool_samples m WHERE m.pool_id = p.id) AS size,
			(SELECT coalesce(min(l.ul), 0) FROM (SELECT sum(v.ul) AS ul FROM pool_samples m JOIN volumes v ON v.sample_id = m.sample_id
				WHERE m.pool_id = p.id GROUP BY m.sample_id) l) / r.single_ul AS volume
		FROM pools p JOIN pool_batches b ON b.id = p.batch_id JOIN pool_rules r ON r.id = b.rules_id
		WHERE p.id IN (SELECT pool_id FROM wells WHERE plate_id = $1) ORDER BY p.id FOR UPDATE OF p`, p.ID); err != nil || len(rows) == 0 {
		return nil, err
	}
	if err := x.exec(`UPDATE calls c SET pool_id = w.pool_id FROM wells w
		WHERE c.run_id = $1 AND w.plate_id = $2 AND w.pos = c.pos AND w.kit_key = c.kit_key AND w.pool_id IS NOT NULL`, run, p.ID); err != nil {
		return nil, err
	}
	byCode, ids := map[string]*readPool{}, make([]int64, len(rows))
	for i, r := range rows {
		byCode[r.Code], ids[i] = r, r.ID
	}
	cut, err := x.cutoffs(p.Lab, pooling.Media)
	if err != nil {
		return nil, err
	}
	var wells []poolWell
	var used []cutWell
	for _, w := range j.Verdict.Wells {
		r := byCode[w.Code]
		if r == nil {
			continue
		}
		kit := j.Case.Kits[w.Kit]
		c := cut.of(w.Kit, r.Size)
		one := poolWell{w, r, lims.PoolCall(kit, w.Call, c), lims.LowestCq(kit, w.Call)}
		used = append(used, cutWell{w.Pos.String(), w.Kit, c})
		if w.Invalid {
			one.call = "" // its extraction batch failed: nothing was said of the pool
		}
		r.hear(one.call, one.cq)
		wells = append(wells, one)
	}
	elsewhere, err := x.quickest(p.Lab)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		r.plan(x.now, elsewhere)
	}
	if err := x.move(lims.PoolMoves, "pools", "read", ids, `, call = CASE WHEN call = '' THEN 'INVALID' ELSE call END`); err != nil {
		return nil, err
	}
	if err := x.keepCutoffs(run, used); err != nil {
		return nil, err
	}
	return rows, x.keepReads(run, p, wells)
}

// poolWell is what one kit says of a pool.
type poolWell struct {
	lims.WellCall
	pool *readPool
	call pooling.Call // "": nothing
	cq   float64
}

// further is how far a call is from negative.
var further = map[pooling.Call]int{pooling.Negative: 0, "": 1, pooling.Invalid: 2, pooling.Grey: 3, pooling.SingleTarget: 4, pooling.Positive: 5}

// hear takes what a kit says. A pool that is tested with two kits is negative where both say so; whatever else one of them says decides.
func (r *readPool) hear(c pooling.Call, cq float64) {
	if !r.heard || further[c] > further[r.call] {
		r.call = c
	}
	if cq > 0 && (r.cq == 0 || cq < r.cq) {
		r.cq = cq
	}
	r.heard = true
}

// plan decides what is done with the pool itself; the fate of its tubes follows from all pools of its plan. elsewhere is how long
// the quickest partner takes with tubes that are sent on; 0: nobody takes them.
func (r *readPool) plan(now time.Time, elsewhere time.Duration) {
	slack := time.Duration(0)
	if r.DueAt != nil {
		slack = r.DueAt.Sub(now)
	}
	if r.call == "" {
		r.step = pooling.Step{Do: pooling.Reextract}
		return
	}
	q := pooling.Read{Kind: pooling.Media, Call: r.call, Size: r.Size, Slack: slack, Volume: max(1, r.Volume), Repeated: r.Repeats > 0, Risk: r.Risk,
		Elsewhere: elsewhere > 0 && elsewhere <= slack}
	r.step, _ = pooling.UsualClock.Next(q) // the kind and the call are ours
	if r.step.Do == pooling.SplitPool && (r.Scheme != pooling.OptThree || r.Axis != lims.Whole) {
		r.step = pooling.Step{Do: pooling.Singles, Wells: r.Size}
	}
}

func (x *tx) keepReads(run int64, p Plate, wells []poolWell) error {
	n := len(wells)
	ids, pos, kits, calls, cqs, used := make([]int64, n), make([]string, n), make([]string, n), make([]string, n), make([]*float64, n), make([]bool, n)
	for i := range wells {
		w := &wells[i]
		ids[i], pos[i], kits[i], calls[i], used[i] = w.pool.ID, w.Pos.String(), w.Kit, string(w.call), w.pool.step.Do != pooling.Reextract
		if w.call == "" {
			calls[i] = string(pooling.Invalid)
		}
		if w.cq > 0 {
			cqs[i] = &w.cq
		}
	}
	return x.exec(`INSERT INTO pool_reads (pool_id, pos, kit_key, call, cq, used, run_id, plate, at)
		SELECT *, $7, $8, $9 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::boolean[])`,
		pq.Array(ids), pq.Array(pos), pq.Array(kits), pq.Array(calls), pq.Array(cqs), pq.Array(used), run, p.Code, x.now)
}

// actOnPools writes each pool's call or sends it back to be extracted again, then decides the tubes of every plan concerned.
func (x *tx) actOnPools(run int64, p Plate, pools []*readPool) error {
	var again, done, batches []int64
	var calls []string
	var cqs []*float64
	var alerts []alert
	for _, r := range pools {
		batches = append(batches, r.Batch)
		if r.step.Do == pooling.Reextract {
			again = append(again, r.ID)
			continue
		}
		done, calls = append(done, r.ID), append(calls, string(r.call))
		var cq *float64
		if r.cq > 0 {
			cq = &r.cq
		}
		cqs = append(cqs, cq)
		if r.call != pooling.Negative && r.call != pooling.Invalid {
			alerts = append(alerts, alert{kind: "suspicious", key: "pool:" + r.Code + ":" + p.Code, lab: p.Lab, plate: p.ID, run: run,
				args: lims.Args{"barcode": r.Code, "persons": r.Size, "call": string(r.call), "plate": p.Code}})
		}
		if r.step.Late {
			alerts = append(alerts, alert{kind: "late", key: "pool:late:" + r.Code, lab: p.Lab, plate: p.ID, run: run,
				args: lims.Args{"barcode": r.Code, "persons": r.Size, "plate": p.Code}})
		}
	}
	if err := x.exec(`UPDATE pools SET call = t.c, cq = t.q, run_id = $4, called_at = $5
		FROM unnest($1::bigint[], $2::text[], $3::float8[]) AS t (id, c, q) WHERE pools.id = t.id`, pq.Array(done), pq.Array(calls), pq.Array(cqs), run, x.now); err != nil {
		return err
	}
	x.noteAll("read", "pool", done, map[string]any{"run": run})
	x.noteAll("repeat", "pool", again, map[string]any{"run": run})
	if err := x.move(lims.PoolMoves, "pools", "repeat", again, `, call = '', repeats = repeats + 1`); err != nil {
		return err
	}
	if err := x.raise(alerts); err != nil {
		return err
	}
	for _, r := range pools {
		if r.step.Do == pooling.SplitPool {
			if err := x.split(r); err != nil {
				return err
			}
		}
	}
	for _, b := range unique(batches) {
		if err := x.decideBatch(p.Lab, b); err != nil {
			return err
		}
	}
	return x.proposeForward(run, p, pools)
}

// split plans the parts of a pool that was not negative: mixed from the retained tubes, never from the pool.
func (x *tx) split(r *readPool) error {
	var b PoolBatch
	if err := x.one(&b, `SELECT id, code, lab_id, kit_key, scheme, n, rows, cols, risk, expected, reason, created_at FROM pool_batches WHERE id = $1`, r.Batch); err != nil {
		return err
	}
	var ms []member
	if err := x.all(&ms, `SELECT s.id, s.barcode, s.due_at FROM pool_samples m JOIN samples s ON s.id = m.sample_id WHERE m.pool_id = $1 ORDER BY m.position`, r.ID); err != nil {
		return err
	}
	var ul, number int
	if err := x.one(&ul, `SELECT aliquot_ul FROM pool_rules WHERE id = (SELECT rules_id FROM pool_batches WHERE id = $1)`, r.Batch); err != nil {
		return err
	}
	if err := x.one(&number, `SELECT count(*) FROM pools WHERE batch_id = $1 AND axis = 'part'`, r.Batch); err != nil {
		return err
	}
	var parts []planned
	at := 0
	for _, size := range r.step.Parts {
		number++
		parts = append(parts, planned{lims.Part, number, ms[at : at+size]})
		at += size
	}
	x.note("split", "pool", r.ID, map[string]any{"parts": r.step.Parts})
	if err := x.exec(`UPDATE pools SET split = true WHERE id = $1`, r.ID); err != nil {
		return err
	}
	maker := x.actor
	defer func() { x.actor = maker }()
	if err := x.one(&x.actor.ID, `SELECT made_by FROM pools WHERE id = $1`, r.ID); err != nil { // a plan has a person behind it
		return err
	}
	if err := x.insertPools(&b, ul, parts, &r.ID); err != nil {
		return err
	}
	return x.exec(`UPDATE pools SET second_kit = p.second_kit FROM pools p WHERE pools.parent_id = p.id AND p.id = $1`, r.ID) // two kits, in parts too
}

// share is one tube in one pool that counts for it.
type share struct {
	Sample int64        `db:"sample_id"`
	Pool   int64        `db:"pool_id"`
	Axis   lims.Axis    `db:"axis"`
	Call   pooling.Call `db:"call"`
	Run    *int64       `db:"run_id"`
	State  lims.State   `db:"state"`
	Left   int          `db:"left"`
	Single int          `db:"single_ul"`
	Flag   string       `db:"flag"` // of the pool's well
}

// decided is a tube whose pools have spoken.
type decided struct {
	sample, pool, run int64
}

// decideBatch gives every tube of a plan that is still in its pools its fate, in one go.
func (x *tx) decideBatch(lab, batch int64) error {
	var rows []share
	if err := x.all(&rows, `SELECT m.sample_id, m.pool_id, p.axis, p.call, p.run_id, s.state, r.single_ul,
			(SELECT coalesce(sum(v.ul), 0) FROM volumes v WHERE v.sample_id = m.sample_id) AS left,
			coalesce((SELECT 'flag.' || (c.flags->0->>'Code') FROM calls c WHERE c.run_id = p.run_id AND c.pool_id = p.id ORDER BY c.flags = '[]' LIMIT 1), '') AS flag
		FROM pool_samples m JOIN pools p ON p.id = m.pool_id JOIN samples s ON s.id = m.sample_id
			JOIN pool_batches b ON b.id = m.batch_id JOIN pool_rules r ON r.id = b.rules_id
		WHERE m.batch_id = $1 AND NOT (p.split AND m.sample_id IN (SELECT c.sample_id FROM pool_samples c WHERE c.batch_id = $1 AND c.axis = 'part'))
			AND p.state <> 'dropped' ORDER BY m.sample_id, p.axis DESC, p.id FOR UPDATE OF s`, batch); err != nil {
		return err
	}
	var all []lims.PoolState
	seen, runs, flags := map[int64]bool{}, map[int64]int64{}, map[int64]string{}
	for _, r := range rows {
		flags[r.Pool] = r.Flag
		if !seen[r.Pool] {
			seen[r.Pool] = true
			all = append(all, lims.PoolState{ID: r.Pool, Axis: r.Axis, Call: r.Call})
		}
		if r.Run != nil {
			runs[r.Pool] = *r.Run
		}
	}
	var clear, single, recall []decided
	for i := 0; i < len(rows); {
		var own []lims.PoolState
		first := rows[i]
		for ; i < len(rows) && rows[i].Sample == first.Sample; i++ {
			own = append(own, lims.PoolState{ID: rows[i].Pool, Axis: rows[i].Axis, Call: rows[i].Call})
		}
		if first.State != lims.Loaded {
			continue // decided before
		}
		f, by := lims.TubeFate(own, all)
		d := decided{first.Sample, by, runs[by]}
		switch {
		case f == lims.Cleared:
			clear = append(clear, d)
		case f == lims.Implicated && first.Left < first.Single:
			recall = append(recall, d)
		case f == lims.Implicated:
			single = append(single, d)
		}
	}
	if err := x.sayOfPools(lab, clear, lims.Negative, flags); err != nil {
		return err
	}
	if err := x.sayOfPools(lab, recall, lims.PendingReview, flags); err != nil {
		return err
	}
	return x.retestSingly(single)
}

// sayOfPools writes the results that follow from pools alone, for all tubes at once: negative for those that were cleared, under
// verification for those of which too little is left to test them singly.
func (x *tx) sayOfPools(lab int64, ds []decided, result string, flags map[int64]string) error {
	if len(ds) == 0 {
		return nil
	}
	samples, pools := make([]int64, len(ds)), make([]int64, len(ds))
	byRun := map[int64][]decided{}
	var runs []int64
	for i, d := range ds {
		samples[i], pools[i] = d.sample, d.pool
		byRun[d.run] = append(byRun[d.run], d)
		runs = append(runs, d.run)
	}
	if err := x.move(lims.SampleMoves, "samples", "read", samples, ""); err != nil {
		return err
	}
	var rows []tube
	if err := x.all(&rows, `SELECT s.id, s.barcode, s.state, s.department_id, coalesce(s.declared, 1) AS persons, array_agg(o.id ORDER BY o.id) AS orders
		FROM samples s JOIN orders o ON o.sample_id = s.id AND o.state = 'open' WHERE s.id = ANY($1) GROUP BY s.id ORDER BY s.id`, pq.Array(samples)); err != nil {
		return err
	}
	byID := make(map[int64]tube, len(rows))
	for _, t := range rows {
		byID[t.ID] = t
	}
	for _, run := range unique(runs) {
		var out []said
		for _, d := range byRun[run] {
			out = append(out, said{tube: byID[d.sample], outcome: lims.Outcome{Result: result, Hold: flags[d.pool]}, pool: d.pool})
		}
		if err := x.insertResults(run, lab, out); err != nil {
			return err
		}
	}
	x.noteAll("read", "sample", samples, map[string]any{"by": "pool"})
	return x.exec(`UPDATE results SET pool_id = t.p FROM unnest($1::bigint[], $2::bigint[]) AS t (s, p)
		WHERE results.sample_id = t.s AND results.state IN ('called','held') AND results.called_at = $3`, pq.Array(samples), pq.Array(pools), x.now)
}

// retestSingly sends tubes that a pool implicated back to the bench: first in line, and never into a pool again. Nothing is said
// of their persons: they are under verification until their own tube was tested.
func (x *tx) retestSingly(ds []decided) error {
	if len(ds) == 0 {
		return nil
	}
	samples, pools := make([]int64, len(ds)), make([]int64, len(ds))
	for i, d := range ds {
		samples[i], pools[i] = d.sample, d.pool
	}
	x.noteAll("retest", "sample", samples, nil)
	if err := x.move(lims.SampleMoves, "samples", "unload", samples, `, priority = 1`); err != nil {
		return err
	}
	return x.exec(`UPDATE samples SET retest_of = t.p FROM unnest($1::bigint[], $2::bigint[]) AS t (s, p) WHERE samples.id = t.s`,
		pq.Array(samples), pq.Array(pools))
}

// unloadPools gives the pools of a plate back to the bench.
func (x *tx) unloadPools(plate int64) error {
	var ids []int64
	if err := x.all(&ids, `SELECT id FROM pools WHERE state = 'loaded' AND id IN (SELECT pool_id FROM wells WHERE plate_id = $1) ORDER BY id FOR UPDATE`, plate); err != nil {
		return err
	}
	x.noteAll("unload", "pool", ids, nil)
	return x.move(lims.PoolMoves, "pools", "unload", ids, "")
}
