package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/pooling"
)

// NewPools asks for pools: the tubes that are mixed, in the order in which they stand in the racks.
type NewPools struct {
	Lab        int64
	Kit        string
	Scheme     string // pooling.OptDorfman, OptThree or OptArray
	N          int    // most tubes in a pool; arrays: Rows x Cols
	Rows, Cols int
	Codes      []string
	Risk       float64 // that the plan was made with
	Reason     string  // a supervisor's, for pools although positivity is above the gate
}

// MaxPoolTubes is the largest number of tubes in one plan.
const MaxPoolTubes = 1_000

// PoolBatch is one plan.
type PoolBatch struct {
	ID        int64     `db:"id"`
	Code      string    `db:"code"`
	Lab       int64     `db:"lab_id"`
	Kit       string    `db:"kit_key"`
	Scheme    string    `db:"scheme"`
	N         int       `db:"n"`
	Rows      int       `db:"rows"`
	Cols      int       `db:"cols"`
	Risk      float64   `db:"risk"`
	Expected  float64   `db:"expected"` // tests
	Reason    string    `db:"reason"`
	MadeBy    string    `db:"made_by"`
	CreatedAt time.Time `db:"created_at"`
}

// member is a tube that is going to be pooled.
type member struct {
	ID       int64      `db:"id"`
	Barcode  string     `db:"barcode"`
	Mode     lims.Mode  `db:"mode"`
	State    lims.State `db:"state"`
	Attempts int        `db:"attempts"`
	Before   bool       `db:"before"` // was in a pool that was read, or is in one now
	Never    bool       `db:"never"`  // holds an order of a category that is tested singly
	Paired   bool       `db:"paired"` // is tested with two kits by itself
	Left     *int       `db:"left"`   // microlitres; NULL: not opened yet
	DueAt    *time.Time `db:"due_at"`
}

// PlanPools plans pools from received single tubes. Everything that must not be pooled is refused, by barcode: tubes that hold
// several persons (never a pool of pools), that were tested or pooled before, whose category is tested singly, or of which too
// little is left; sizes that no validation covers; a laboratory whose positivity stands above the gate.
func (s *Store) PlanPools(ctx context.Context, by lims.Actor, n NewPools) (b PoolBatch, err error) {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return b, err
	}
	if err := inLab(by, n.Lab); err != nil {
		return b, err
	}
	n.Reason = strings.TrimSpace(n.Reason)
	if n.Reason != "" && !by.Has(lims.Supervisor) {
		return b, lims.E(lims.Denied, "role.needed", lims.Args{"roles": []lims.Role{lims.Supervisor}})
	}
	if err := n.check(); err != nil {
		return b, err
	}
	err = s.do(ctx, by, func(x *tx) error {
		b = PoolBatch{}
		return x.planPools(n, &b)
	})
	return b, err
}

func (n *NewPools) check() error {
	n.Codes = slices.Clone(n.Codes)
	for i := range n.Codes {
		n.Codes[i] = strings.TrimSpace(n.Codes[i])
	}
	switch {
	case len(n.Codes) < 2 || len(n.Codes) > MaxPoolTubes:
		return lims.E(lims.Invalid, "pool.count", lims.Args{"min": 2, "max": MaxPoolTubes, "got": len(n.Codes)})
	case !(n.Risk >= 0 && n.Risk < 1):
		return lims.E(lims.Invalid, "pool.bad_risk", nil)
	}
	switch n.Scheme {
	case pooling.OptDorfman, pooling.OptThree:
		n.Rows, n.Cols = 0, 0
	case pooling.OptArray:
		if n.Rows < 2 || n.Cols < 2 || len(n.Codes) != n.Rows*n.Cols {
			return lims.E(lims.Invalid, "pool.array", lims.Args{"rows": n.Rows, "cols": n.Cols, "got": len(n.Codes)})
		}
		n.N = max(n.Rows, n.Cols)
	default:
		return lims.E(lims.Invalid, "pool.scheme", lims.Args{"got": n.Scheme})
	}
	if n.N < 2 || n.N > 50 {
		return lims.E(lims.Invalid, "pool.size", lims.Args{"got": n.N, "max": 50})
	}
	return nil
}

func (x *tx) planPools(n NewPools, b *PoolBatch) error {
	rules, err := x.poolRules(n.Lab)
	if err != nil {
		return err
	}
	if err := x.usable(n.Kit); err != nil {
		return err
	}
	most, err := x.validated(n.Lab, n.Kit, pooling.Media)
	if err != nil {
		return err
	}
	if most = min(most, rules.Largest); n.N > most {
		return lims.E(lims.Denied, "pool.unvalidated", lims.Args{"kit": n.Kit, "max": most, "got": n.N, "barcodes": []string{}})
	}
	rolling, err := x.positivity(n.Lab, rules)
	if err != nil {
		return err
	}
	if err := gate(n, rules, rolling); err != nil {
		return err
	}
	members, err := x.members(n, rules)
	if err != nil {
		return err
	}
	advice, err := pooling.Recommend(pooling.Ask{Risk: n.Risk, Persons: len(members), Cap: most})
	if err != nil {
		return lims.Wrap(lims.Invalid, "pool.plan", err)
	}
	if err := x.steer(n.Lab, advice); err != nil {
		return err
	}
	pools := n.pools(members)
	if err := allowed(pools, most); err != nil {
		return err
	}
	return x.insertBatch(n, rules, members, pools, b)
}

// gate refuses pools where too many people are positive for them, or where monitoring says stop (domain 1.1, 1.9).
func gate(n NewPools, rules PoolRules, r pooling.Rolling) error {
	if r.Watch(n.Risk, rules.Least) == pooling.Stop {
		return lims.E(lims.Denied, "pool.stopped", nil)
	}
	now := n.Risk
	if r.Singles >= rules.Least {
		now = max(now, r.Single)
	}
	if r.Pools >= rules.Least {
		now = max(now, r.Pooled)
	}
	if now > rules.Gate && n.Reason == "" {
		return lims.E(lims.Denied, "pool.positivity", lims.Args{"got": shareText(now), "max": shareText(rules.Gate)})
	}
	return nil
}

func shareText(p float64) string { return fmt.Sprintf("%.3g %%", 100*p) }

// members locks the tubes in id order and gives them in the order asked for.
func (x *tx) members(n NewPools, rules PoolRules) ([]member, error) {
	var rows []member
	if err := x.all(&rows, `SELECT id, barcode, mode, state, attempts, due_at, retest_of IS NOT NULL OR id IN (SELECT m.sample_id FROM pool_samples m
				JOIN pools p ON p.id = m.pool_id WHERE p.state <> 'dropped' AND m.sample_id IN (SELECT id FROM samples WHERE barcode = ANY($1))) AS before,
			id IN (SELECT sample_id FROM orders WHERE sample_id IN (SELECT id FROM samples WHERE barcode = ANY($1)) AND category = ANY($3)) AS never,
			id IN (SELECT sample_id FROM sample_arms WHERE sample_id IN (SELECT id FROM samples WHERE barcode = ANY($1))) AS paired,
			(SELECT sum(ul) FROM volumes v WHERE v.sample_id = samples.id) AS left
		FROM samples WHERE barcode = ANY($1) AND lab_id = $2 ORDER BY id FOR UPDATE`, pq.Array(n.Codes), n.Lab, pq.Array([]string(rules.Never))); err != nil {
		return nil, err
	}
	byCode := make(map[string]member, len(rows))
	for _, r := range rows {
		byCode[r.Barcode] = r
	}
	share := rules.AliquotUL
	if n.Scheme != pooling.OptDorfman {
		share *= 2 // a row and a column, or a pool and its part
	}
	need := share + rules.SingleUL
	out := make([]member, 0, len(n.Codes))
	wrong := map[string][]string{}
	used := map[string]bool{}
	for _, c := range n.Codes {
		m, ok := byCode[c]
		left := rules.TubeUL
		if m.Left != nil {
			left = *m.Left
		}
		switch {
		case used[c]:
			wrong["sample.twice"] = append(wrong["sample.twice"], c)
		case !ok:
			wrong["sample.not_waiting"] = append(wrong["sample.not_waiting"], c)
		case m.Mode != lims.Single:
			wrong["pool.of_pools"] = append(wrong["pool.of_pools"], c)
		case m.Before:
			wrong["pool.member_taken"] = append(wrong["pool.member_taken"], c)
		case m.State != lims.Received:
			wrong["sample.not_waiting"] = append(wrong["sample.not_waiting"], c)
		case m.Attempts > 0:
			wrong["pool.tested"] = append(wrong["pool.tested"], c)
		case m.Never:
			wrong["pool.never"] = append(wrong["pool.never"], c)
		case m.Paired:
			wrong["pool.paired"] = append(wrong["pool.paired"], c)
		case left < need:
			wrong["pool.volume"] = append(wrong["pool.volume"], c)
		}
		used[c] = true
		out = append(out, m)
	}
	return out, refusePool(wrong, need)
}

// refusePool names the gravest reason with every tube that it stops.
func refusePool(wrong map[string][]string, ul int) error {
	for _, code := range []string{"pool.of_pools", "pool.never", "pool.paired", "pool.member_taken", "sample.twice", "sample.not_waiting", "pool.tested", "pool.volume"} {
		if list := wrong[code]; list != nil {
			kind := lims.Conflict
			switch code {
			case "pool.of_pools", "sample.twice":
				kind = lims.Invalid
			case "pool.never":
				kind = lims.Denied
			}
			return lims.E(kind, code, lims.Args{"barcodes": list, "ul": ul})
		}
	}
	return nil
}

// planned is one pool of a plan: the places of its tubes in the list.
type planned struct {
	axis    lims.Axis
	number  int
	members []member
}

func (n NewPools) pools(ms []member) (out []planned) {
	if n.Scheme != pooling.OptArray {
		at := 0
		for i, size := range lims.PoolSizes(len(ms), n.N) {
			out = append(out, planned{lims.Whole, i + 1, ms[at : at+size]})
			at += size
		}
		return out
	}
	for r := range n.Rows {
		out = append(out, planned{lims.Row, r + 1, ms[r*n.Cols : (r+1)*n.Cols]})
	}
	for c := range n.Cols {
		p := planned{axis: lims.Column, number: c + 1}
		for r := range n.Rows {
			p.members = append(p.members, ms[r*n.Cols+c])
		}
		out = append(out, p)
	}
	return out
}

// allowed asks the engine once more, axis by axis: nobody twice, nobody in two pools, no size above the validated one.
func allowed(pools []planned, most int) error {
	byAxis := map[lims.Axis][]pooling.Mix{}
	for _, p := range pools {
		m := pooling.Mix{Name: fmt.Sprintf("%s %d", p.axis, p.number), Kind: pooling.Media}
		for _, t := range p.members {
			m.Members = append(m.Members, t.Barcode)
		}
		byAxis[p.axis] = append(byAxis[p.axis], m)
	}
	for _, mixes := range byAxis {
		err := pooling.CheckBatch(mixes, pooling.Allowed{Validated: map[pooling.Kind]int{pooling.Media: most}})
		var e *pooling.Error
		if errors.As(err, &e) {
			return lims.Wrap(lims.Invalid, "pool.plan", err)
		}
	}
	return nil
}

// expect is the number of tests that a plan is expected to need, with the tests as the kit's validation found them.
func (n NewPools) expect(pools []planned, tubes int) float64 {
	perfect := pooling.Perfect
	if n.Scheme == pooling.OptArray {
		c, err := pooling.Array{Rows: n.Rows, Cols: n.Cols, Row: perfect, Col: perfect, Each: perfect}.Char(pooling.Same(n.Risk, tubes))
		if err != nil {
			return float64(tubes)
		}
		return c.Tests
	}
	sum := 0.0
	for _, p := range pools {
		stages := [][]int{{len(p.members)}}
		if parts := pooling.Parts(len(p.members), n.Risk); n.Scheme == pooling.OptThree && len(p.members) >= 8 {
			stages = append(stages, parts)
		}
		c, err := pooling.Tree{Stages: stages, Tests: []pooling.Test{perfect}}.Char(pooling.Same(n.Risk, len(p.members)))
		if err != nil {
			return float64(tubes)
		}
		sum += c.Tests
	}
	return sum
}

func (x *tx) insertBatch(n NewPools, rules PoolRules, ms []member, pools []planned, b *PoolBatch) error {
	numbers, err := x.ids("pool_batches", 1)
	if err != nil {
		return err
	}
	if err := x.one(b, `INSERT INTO pool_batches (id, code, lab_id, kit_key, rules_id, scheme, n, rows, cols, risk, expected, reason, made_by, created_at)
			OVERRIDING SYSTEM VALUE VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)
			RETURNING id, code, lab_id, kit_key, scheme, n, rows, cols, risk, expected, reason, created_at`,
		numbers[0], fmt.Sprintf("PB-%06d", numbers[0]), n.Lab, n.Kit, rules.ID, n.Scheme, n.N, n.Rows, n.Cols, n.Risk,
		n.expect(pools, len(ms)), n.Reason, x.actor.ID, x.now); err != nil {
		return err
	}
	if err := x.openTubes(ms, rules.TubeUL); err != nil {
		return err
	}
	if err := x.insertPools(b, rules.AliquotUL, pools, nil); err != nil {
		return err
	}
	ids := make([]int64, len(ms))
	for i, m := range ms {
		ids[i] = m.ID
	}
	changes := map[string]any{"scheme": n.Scheme, "n": n.N, "tubes": len(ms)}
	if n.Reason != "" {
		changes["reason"] = n.Reason
	}
	x.note("plan", "pool_batch", b.ID, changes)
	x.noteAll("pool", "sample", ids, map[string]any{"batch": b.Code})
	return x.move(lims.SampleMoves, "samples", "load", ids, "")
}

// openTubes begins the ledger of tubes that have none.
func (x *tx) openTubes(ms []member, ul int) error {
	var fresh []int64
	for _, m := range ms {
		if m.Left == nil {
			fresh = append(fresh, m.ID)
		}
	}
	return x.exec(`INSERT INTO volumes (sample_id, ul, why, at, actor_id) SELECT unnest($1::bigint[]), $2, 'tube', $3, $4`,
		pq.Array(fresh), ul, x.now, x.actor.ID)
}

// insertPools writes pools and who is in them. parent is the pool that they are parts of.
func (x *tx) insertPools(b *PoolBatch, ul int, pools []planned, parent *int64) error {
	ids, err := x.ids("pools", len(pools))
	if err != nil {
		return err
	}
	codes, axes, numbers := make([]string, len(pools)), make([]string, len(pools)), make([]int64, len(pools))
	dues := make([]*time.Time, len(pools))
	var in, places, samples []int64
	var memberAxes []string
	for i, p := range pools {
		codes[i], axes[i], numbers[i] = fmt.Sprintf(poolPrefix+"%06d", ids[i]), string(p.axis), int64(p.number)
		for j, m := range p.members {
			in, places, samples, memberAxes = append(in, ids[i]), append(places, int64(j+1)), append(samples, m.ID), append(memberAxes, string(p.axis))
			if m.DueAt != nil && (dues[i] == nil || m.DueAt.Before(*dues[i])) {
				dues[i] = m.DueAt
			}
		}
	}
	if err := x.exec(`INSERT INTO pools (id, code, axis, number, due_at, lab_id, batch_id, kit_key, parent_id, state, made_by, created_at)
			OVERRIDING SYSTEM VALUE
			SELECT *, $6, $7, $8, $9::bigint, 'planned', $10, $11 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::smallint[], $5::timestamptz[])`,
		pq.Array(ids), pq.Array(codes), pq.Array(axes), pq.Array(numbers), pq.Array(dues), b.Lab, b.ID, b.Kit, parent, x.actor.ID, x.now); err != nil {
		return err
	}
	x.noteAll("plan", "pool", ids, nil)
	return x.exec(`INSERT INTO pool_samples (pool_id, position, sample_id, axis, batch_id, ul)
		SELECT *, $5, $6 FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::text[])`,
		pq.Array(in), pq.Array(places), pq.Array(samples), pq.Array(memberAxes), b.ID, ul)
}
