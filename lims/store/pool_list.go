package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
)

// PoolRow is one pool as lists and its page show it.
type PoolRow struct {
	ID        int64      `db:"id"`
	Code      string     `db:"code"`
	Lab       int64      `db:"lab_id"`
	State     string     `db:"state"`
	Batch     int64      `db:"batch_id"`
	BatchCode string     `db:"batch"`
	Scheme    string     `db:"scheme"`
	Kit       string     `db:"kit_key"`
	Axis      string     `db:"axis"`
	Number    int        `db:"number"`
	Parent    string     `db:"parent"`
	Split     bool       `db:"split"`
	Repeats   int        `db:"repeats"`
	Call      string     `db:"call"`
	Cq        *float64   `db:"cq"`
	Expected  *float64   `db:"expected_cq"`
	Size      int        `db:"size"`
	Mixed     int        `db:"mixed"` // tubes whose aliquot is in
	Open      int        `db:"open"`  // tubes without an end of their own
	Odd       int        `db:"odd"`   // discordances that nobody has closed
	Plate     string     `db:"plate"` // on which it stands, or stood last
	Pos       string     `db:"pos"`
	DueAt     *time.Time `db:"due_at"`
	MadeBy    string     `db:"made_by"`
	CreatedAt time.Time  `db:"created_at"`
	MixedAt   *time.Time `db:"mixed_at"`
	CalledAt  *time.Time `db:"called_at"`
	ClosedAt  *time.Time `db:"closed_at"`
}

const poolColumns = `p.id, p.code, p.lab_id, p.state, p.batch_id, b.code AS batch, b.scheme, p.kit_key, p.axis, p.number, coalesce(f.code,'') AS parent, p.split,
	p.repeats, p.call, p.cq, p.expected_cq, m.size, m.mixed, m.open, (SELECT count(*) FROM pool_discordances d WHERE d.pool_id = p.id AND d.closed_at IS NULL) AS odd,
	coalesce(w.plate,'') AS plate, coalesce(w.pos,'') AS pos, p.due_at, a.name AS made_by, p.created_at, p.mixed_at, p.called_at, p.closed_at
	FROM pools p JOIN pool_batches b ON b.id = p.batch_id JOIN actors a ON a.id = p.made_by LEFT JOIN pools f ON f.id = p.parent_id
	CROSS JOIN LATERAL (SELECT count(*) AS size, count(x.mixed_at) AS mixed, count(*) FILTER (WHERE s.state NOT IN ('closed','rejected','discarded')) AS open
		FROM pool_samples x JOIN samples s ON s.id = x.sample_id WHERE x.pool_id = p.id) m
	LEFT JOIN LATERAL (SELECT t.code AS plate, v.pos FROM wells v JOIN plates t ON t.id = v.plate_id WHERE v.pool_id = p.id ORDER BY t.id DESC LIMIT 1) w ON true `

// OpenPools lists the pools of a laboratory that have not ended, the most urgent first.
func (s *Store) OpenPools(ctx context.Context, sc Scope) ([]PoolRow, error) {
	return list[PoolRow](ctx, s, `SELECT `+poolColumns+`WHERE p.state IN ('planned','received','loaded','read') AND ($1 = 0 OR p.lab_id = $1)
		ORDER BY p.due_at NULLS LAST, p.id LIMIT 500`, sc.Lab)
}

// BatchPools lists the pools of a plan in the order of their numbers.
func (s *Store) BatchPools(ctx context.Context, batch int64) ([]PoolRow, error) {
	return list[PoolRow](ctx, s, `SELECT `+poolColumns+`WHERE p.batch_id = $1 ORDER BY array_position(ARRAY['pool','row','column','part'], p.axis), p.number, p.id`, batch)
}

// PoolByCode reads one pool. Departments see no pools.
func (s *Store) PoolByCode(ctx context.Context, sc Scope, code string) (PoolRow, error) {
	return single[PoolRow](ctx, s, `SELECT `+poolColumns+`WHERE p.code = upper($1) AND $3 = 0
		AND ($2 = 0 OR p.lab_id = $2 OR p.id IN (SELECT pool_id FROM pool_forwards WHERE to_lab = $2))`, code, sc.Lab, sc.Department)
}

const batchColumns = `b.id, b.code, b.lab_id, b.kit_key, b.scheme, b.n, b.rows, b.cols, b.risk, b.expected, b.reason, a.name AS made_by, b.created_at
	FROM pool_batches b JOIN actors a ON a.id = b.made_by `

// PoolBatchByCode reads one plan.
func (s *Store) PoolBatchByCode(ctx context.Context, sc Scope, code string) (PoolBatch, error) {
	return single[PoolBatch](ctx, s, `SELECT `+batchColumns+`WHERE b.code = upper($1) AND ($2 = 0 OR b.lab_id = $2) AND $3 = 0`, code, sc.Lab, sc.Department)
}

// PoolBatches lists the newest plans of a laboratory.
func (s *Store) PoolBatches(ctx context.Context, sc Scope, p Page) ([]PoolBatch, error) {
	before, n := p.cut()
	return list[PoolBatch](ctx, s, `SELECT `+batchColumns+`WHERE ($1 = 0 OR b.lab_id = $1) AND b.id < $2 ORDER BY b.id DESC LIMIT $3`, sc.Lab, before, n)
}

// PoolMember is one tube of a pool and what has become of it.
type PoolMember struct {
	Pool     int64      `db:"pool_id"`
	Position int        `db:"position"`
	Barcode  string     `db:"barcode"`
	State    string     `db:"state"`
	UL       int        `db:"ul"`
	Left     int        `db:"left"` // microlitres in the tube
	MixedAt  *time.Time `db:"mixed_at"`
	MixedBy  string     `db:"mixed_by"`
	Retest   bool       `db:"retest"` // sent back to be tested singly
	Single   string     `db:"single"` // what its single test said last
	Result   string     `db:"result"` // newest result of its order
	Stands   string     `db:"stands"` // state of that result
	DueAt    *time.Time `db:"due_at"`
}

// PoolMembers lists the tubes of pools in the order of mixing.
func (s *Store) PoolMembers(ctx context.Context, pools []int64) ([]PoolMember, error) {
	return list[PoolMember](ctx, s, `SELECT m.pool_id, m.position, s.barcode, s.state, m.ul, s.due_at, coalesce(v.ul, 0) AS left, m.mixed_at,
			coalesce(a.name,'') AS mixed_by, s.retest_of IS NOT NULL AS retest, coalesce(k.call,'') AS single, coalesce(r.call,'') AS result, coalesce(r.state,'') AS stands
		FROM pool_samples m JOIN samples s ON s.id = m.sample_id LEFT JOIN actors a ON a.id = m.mixed_by
			LEFT JOIN LATERAL (SELECT sum(ul) AS ul FROM volumes WHERE sample_id = s.id) v ON true
			LEFT JOIN LATERAL (SELECT call FROM calls WHERE sample_id = s.id AND NOT invalid ORDER BY run_id DESC LIMIT 1) k ON true
			LEFT JOIN LATERAL (SELECT call, state FROM results WHERE sample_id = s.id AND state <> 'withdrawn' ORDER BY version DESC LIMIT 1) r ON true
		WHERE m.pool_id = ANY($1) ORDER BY m.pool_id, m.position`, pq.Array(pools))
}

// PoolRead is one reading of a pool.
type PoolRead struct {
	Pool    int64     `db:"pool_id"`
	Message int64     `db:"message_id"`
	Plate   string    `db:"plate"`
	Pos     string    `db:"pos"`
	Call    string    `db:"call"`
	Cq      *float64  `db:"cq"`
	Used    bool      `db:"used"`
	At      time.Time `db:"at"`
}

// PoolReads lists the readings of a pool, oldest first.
func (s *Store) PoolReads(ctx context.Context, pool int64) ([]PoolRead, error) {
	return list[PoolRead](ctx, s, `SELECT r.pool_id, u.message_id, r.plate, r.pos, r.call, r.cq, r.used, r.at FROM pool_reads r JOIN runs u ON u.id = r.run_id
		WHERE r.pool_id = $1 ORDER BY r.at, r.run_id`, pool)
}

// Discordance is something about a pool that does not fit together.
type Discordance struct {
	ID       int64      `db:"id"`
	Pool     string     `db:"pool"`
	Kind     string     `db:"kind"` // singles_negative, cq, single_positive
	Observed *float64   `db:"observed"`
	Expected *float64   `db:"expected"`
	At       time.Time  `db:"at"`
	ClosedAt *time.Time `db:"closed_at"`
	ClosedBy string     `db:"closed_by"`
	Reason   string     `db:"reason"`
	Near     string     `db:"near"` // positive wells that touch the pool's well
}

const discordanceColumns = `d.id, p.code AS pool, d.kind, d.observed, d.expected, d.at, d.closed_at, coalesce(a.name,'') AS closed_by, d.reason,
	coalesce((SELECT string_agg(c.code || ' ' || c.pos, ', ' ORDER BY c.pos) FROM wells w JOIN calls c ON c.run_id = p.run_id AND c.pos <> w.pos
		WHERE w.pool_id = p.id AND w.plate_id = (SELECT plate_id FROM runs WHERE id = p.run_id) AND c.call IN ('positive','presumptive_positive')
		AND abs(ascii(c.pos) - ascii(w.pos)) <= 1 AND abs(substr(c.pos, 2)::int - substr(w.pos, 2)::int) <= 1), '') AS near
	FROM pool_discordances d JOIN pools p ON p.id = d.pool_id LEFT JOIN actors a ON a.id = d.closed_by `

// PoolDiscordances lists what did not fit together about a pool.
func (s *Store) PoolDiscordances(ctx context.Context, pool int64) ([]Discordance, error) {
	return list[Discordance](ctx, s, `SELECT `+discordanceColumns+`WHERE d.pool_id = $1 ORDER BY d.id`, pool)
}

// OpenDiscordances lists what a supervisor of the laboratory has to close.
func (s *Store) OpenDiscordances(ctx context.Context, sc Scope) ([]Discordance, error) {
	return list[Discordance](ctx, s, `SELECT `+discordanceColumns+`WHERE d.closed_at IS NULL AND ($1 = 0 OR p.lab_id = $1) ORDER BY d.id LIMIT 200`, sc.Lab)
}

// RetestRow is a tube that a pool implicated and that has not been tested singly yet.
type RetestRow struct {
	Barcode string     `db:"barcode"`
	State   string     `db:"state"`
	Pool    string     `db:"pool"`
	Call    string     `db:"call"`    // of the pool
	Left    int        `db:"left"`    // microlitres
	Forward bool       `db:"forward"` // another laboratory should take it over
	DueAt   *time.Time `db:"due_at"`
}

// Retests is the worklist of tubes to be tested singly, least slack first.
func (s *Store) Retests(ctx context.Context, sc Scope) ([]RetestRow, error) {
	return list[RetestRow](ctx, s, `SELECT s.barcode, s.state, p.code AS pool, p.call, coalesce(v.ul, 0) AS left, s.due_at,
			s.id IN (SELECT sample_id FROM steps WHERE done_at IS NULL AND action = 'forward' AND ($1 = 0 OR lab_id = $1)) AS forward
		FROM samples s JOIN pools p ON p.id = s.retest_of LEFT JOIN LATERAL (SELECT sum(ul) AS ul FROM volumes WHERE sample_id = s.id) v ON true
		WHERE s.retest_of IS NOT NULL AND s.state IN ('received','loaded') AND ($1 = 0 OR s.lab_id = $1)
		ORDER BY s.state DESC, s.due_at NULLS LAST, s.id LIMIT 1000`, sc.Lab)
}

// Poolable lists received single tubes that may be pooled, the least urgent category last, at most limit of them.
func (s *Store) Poolable(ctx context.Context, lab int64, limit int) (rows []WaitingSample, err error) {
	rules, err := s.PoolRules(ctx, lab)
	if err != nil {
		return nil, err
	}
	return list[WaitingSample](ctx, s, `SELECT id, barcode, mode, coalesce(declared, 1) AS persons, priority, due_at, attempts, prior_action FROM samples
		WHERE lab_id = $1 AND state = 'received' AND mode = 'single' AND retest_of IS NULL AND attempts = 0
			AND id NOT IN (SELECT o.sample_id FROM orders o JOIN samples w ON w.id = o.sample_id WHERE w.lab_id = $1 AND w.state = 'received' AND o.category = ANY($2))
			AND id NOT IN (SELECT m.sample_id FROM pool_samples m JOIN pools p ON p.id = m.pool_id JOIN samples w ON w.id = m.sample_id
				WHERE w.lab_id = $1 AND w.state = 'received' AND p.state <> 'dropped')
		ORDER BY priority, due_at, id LIMIT $3`, lab, pq.Array([]string(rules.Never)), limit)
}

// Proof is one link of the chain that leads to what is said of a tube: a pool that it had a share of, or its own test.
type Proof struct {
	Pool   string     `db:"pool"` // "" its own test
	Axis   string     `db:"axis"`
	Size   int        `db:"size"`
	Plate  string     `db:"plate"`
	Pos    string     `db:"pos"`
	Kit    string     `db:"kit_key"`
	Lot    string     `db:"lot"`
	Call   string     `db:"call"`
	Cq     *float64   `db:"cq"` // lowest of the virus targets
	Used   bool       `db:"used"`
	Effect string     `db:"effect"` // cleared, implicated, void, single, waits
	At     *time.Time `db:"at"`

	Targets json.RawMessage `db:"targets"` // of its own test
	Raw     json.RawMessage `db:"cutoffs"`
	Cutoffs lims.Cutoffs    `db:"-"` // of a pool of that size, which its call went by
}

// ProofOf is the chain of a tube, oldest first: which pools and wells cleared or implicated it, and its own tests.
func (s *Store) ProofOf(ctx context.Context, sample int64) ([]Proof, error) {
	chain, err := list[Proof](ctx, s, `SELECT * FROM (
		SELECT p.code AS pool, p.axis, (SELECT count(*) FROM pool_samples n WHERE n.pool_id = p.id) AS size, coalesce(r.plate,'') AS plate, coalesce(r.pos,'') AS pos,
			coalesce(r.kit_key, p.kit_key) AS kit_key, coalesce(w.lot,'') AS lot, coalesce(r.call,'') AS call, r.cq, '{}'::jsonb AS targets, coalesce(r.used,false) AS used,
			CASE WHEN r.call IS NULL THEN 'waits' WHEN NOT r.used THEN 'void' WHEN r.call = 'NEG' THEN 'cleared' ELSE 'implicated' END AS effect, r.at,
			coalesce(k.cutoffs, '{}') AS cutoffs
		FROM pool_samples m JOIN pools p ON p.id = m.pool_id LEFT JOIN pool_reads r ON r.pool_id = p.id
			LEFT JOIN runs u ON u.id = r.run_id LEFT JOIN wells w ON w.plate_id = u.plate_id AND w.pool_id = p.id AND w.pos = r.pos AND w.kit_key = r.kit_key
			LEFT JOIN calls k ON k.run_id = r.run_id AND k.pos = r.pos AND k.kit_key = r.kit_key
		WHERE m.sample_id = $1 AND p.state <> 'dropped'
		UNION ALL
		SELECT '', '', 1, coalesce(p.code,''), c.pos, c.kit_key, coalesce(w.lot,''), c.call,
			NULL, c.targets, NOT c.invalid, CASE WHEN c.invalid THEN 'void' ELSE 'single' END, u.recorded_at, c.cutoffs
		FROM calls c JOIN runs u ON u.id = c.run_id LEFT JOIN plates p ON p.id = u.plate_id
			LEFT JOIN wells w ON w.plate_id = u.plate_id AND w.pos = c.pos AND w.kit_key = c.kit_key
		WHERE c.sample_id = $1) x ORDER BY at NULLS LAST, pool LIMIT 100`, sample)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, p := range chain {
		keys = append(keys, p.Kit)
	}
	kits, err := s.kits(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, p := range chain {
		chain[i].Cutoffs = readCutoffs(p.Raw)
		call := pcr.Call{}
		if json.Unmarshal(p.Targets, &call.Targets) != nil || kits[p.Kit] == nil {
			continue
		}
		if cq := lims.LowestCq(kits[p.Kit], call); cq > 0 {
			chain[i].Cq = &cq
		}
	}
	return chain, nil
}

// RecallRow is an order whose person has to be swabbed again, singly: announced as soon as the tube was read, due once it was signed.
type RecallRow struct {
	Order      int64      `db:"id"`
	ClientID   string     `db:"client_id"`
	Department int64      `db:"department_id"`
	Lab        int64      `db:"lab_id"`
	Barcode    string     `db:"barcode"` // the tube that asks for it
	Mode       string     `db:"mode"`
	Persons    int        `db:"persons"`
	Call       string     `db:"call"`
	Signed     bool       `db:"signed"` // released; else announced
	Since      time.Time  `db:"since"`
	DueAt      *time.Time `db:"due_at"`     // the person's own clock goes on
	CollectBy  *time.Time `db:"collect_by"` // the clock of the second collection, where it was recalled by a notice
	Heard      bool       `db:"heard"`      // the department has confirmed that notice
	Kind       string     `db:"kind"`
	Name       string     `db:"name"`
	Phone      string     `db:"phone"`
}

// RecallList lists, oldest first, whom a department (0: all; a laboratory: its own) has to call back: the orders that wait for a
// new collection, and those of open recalls, of which the department has heard before anybody signed.
func (s *Store) RecallList(ctx context.Context, sc Scope, limit int) ([]RecallRow, error) {
	return list[RecallRow](ctx, s, `SELECT o.id, o.client_id, o.department_id, coalesce(o.lab_id,0) AS lab_id, m.barcode, m.mode, coalesce(m.declared,1) AS persons,
			d.call, d.signed, d.since, o.due_at, n.collect_by, u.kind, u.name, u.phone, coalesce(v.heard, false) AS heard
		FROM (SELECT o.id, r.sample_id, r.call, true AS signed, r.called_at AS since FROM orders o JOIN results r ON r.order_id = o.id AND r.state = 'released'
				WHERE o.state = 'waiting'
			UNION ALL SELECT o.id, n.sample_id, 'pending_review', false, n.at FROM notices n JOIN notice_orders x ON x.notice_id = n.id
				JOIN orders o ON o.id = x.order_id AND o.state = 'open' AND o.sample_id = n.sample_id WHERE n.kind = 'recall' AND n.ended_at IS NULL) d
			JOIN orders o ON o.id = d.id JOIN samples m ON m.id = d.sample_id JOIN subjects u ON u.id = o.subject_id
			LEFT JOIN LATERAL (SELECT id, collect_by FROM notices WHERE sample_id = m.id AND kind = 'recall' AND ended_by <> 'withdrawn' ORDER BY id DESC LIMIT 1) n ON true
			LEFT JOIN LATERAL (SELECT bool_or(state = 'acknowledged') AS heard FROM deliveries WHERE notice_id = n.id) v ON true
		WHERE ($1 = 0 OR o.lab_id = $1) AND ($2 = 0 OR o.department_id = $2)
		ORDER BY d.since, o.id LIMIT $3`, sc.Lab, sc.Department, limit)
}

// PoolsWaiting lists the mixed pools that want a well, by deadline.
func (s *Store) PoolsWaiting(ctx context.Context, lab int64, limit int) (rows []WaitingPool, err error) {
	err = s.db.SelectContext(ctx, &rows, `SELECT p.code, p.kit_key, p.due_at, (SELECT count(*) FROM pool_samples m WHERE m.pool_id = p.id) AS size
		FROM pools p WHERE p.lab_id = $1 AND p.state = $2 ORDER BY p.due_at NULLS LAST, p.id LIMIT $3`, lab, string(lims.Received), limit)
	return rows, mapped(ctx, err)
}

// WaitingPool is a mixed pool that wants a well.
type WaitingPool struct {
	Code  string     `db:"code"`
	Kit   string     `db:"kit_key"`
	Size  int        `db:"size"`
	DueAt *time.Time `db:"due_at"`
}
