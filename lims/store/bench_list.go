package store

import (
	"context"
	"encoding/json"
	"time"
)

// PlateRow is one plate as lists and the head of its page show it.
type PlateRow struct {
	ID         int64      `db:"id"`
	Code       string     `db:"code"`
	Lab        int64      `db:"lab_id"`
	Wells      int        `db:"wells"`
	Kit        string     `db:"kit_key"`
	Lot        string     `db:"lot"`
	State      string     `db:"state"`
	Instrument string     `db:"instrument"`
	Model      string     `db:"model"`
	Driver     string     `db:"driver"`
	MadeBy     string     `db:"made_by"`
	CreatedAt  time.Time  `db:"created_at"`
	SealedAt   *time.Time `db:"sealed_at"`
	StartedAt  *time.Time `db:"started_at"`
	ReadAt     *time.Time `db:"read_at"`
	ClosedAt   *time.Time `db:"closed_at"`
	Reason     string     `db:"reason"`
	Samples    int        `db:"samples"`
	Persons    int        `db:"persons"`
	DueAt      *time.Time `db:"due_at"` // the earliest deadline of its samples that wait for this plate; nil once their results are out
}

const plateColumns = `p.id, p.code, p.lab_id, p.wells, p.kit_key, p.lot, p.state, coalesce(i.code,'') AS instrument,
	coalesce(i.model,'') AS model, coalesce(i.driver,'') AS driver, a.name AS made_by, p.created_at, p.sealed_at, p.started_at,
	p.read_at, p.closed_at, p.reason, n.samples, n.persons, n.due_at`

const plateTables = ` FROM plates p JOIN actors a ON a.id = p.made_by LEFT JOIN instruments i ON i.id = p.instrument_id
	CROSS JOIN LATERAL (SELECT count(*) AS samples, coalesce(sum(m.declared),0) AS persons,
			min(m.due_at) FILTER (WHERE p.state <> 'void' AND m.state = CASE WHEN p.state IN ('read','accepted') THEN 'read' ELSE 'loaded' END) AS due_at
		FROM (SELECT DISTINCT sample_id FROM wells WHERE plate_id = p.id) w JOIN samples m ON m.id = w.sample_id) n `

// ActivePlates lists the plates that are being laid, sealed, running or read, newest first.
func (s *Store) ActivePlates(ctx context.Context, sc Scope) ([]PlateRow, error) {
	return list[PlateRow](ctx, s, `SELECT `+plateColumns+plateTables+`WHERE p.state IN ('open','sealed','running','read')
		AND ($1 = 0 OR p.lab_id = $1) ORDER BY p.id DESC LIMIT 200`, sc.Lab)
}

// Plates lists all plates of a laboratory, newest first.
func (s *Store) Plates(ctx context.Context, sc Scope, p Page) ([]PlateRow, error) {
	before, n := p.cut()
	return list[PlateRow](ctx, s, `SELECT `+plateColumns+plateTables+
		`WHERE ($1 = 0 OR p.lab_id = $1) AND p.id < $2 ORDER BY p.id DESC LIMIT $3`, sc.Lab, before, n)
}

// PlateRowByCode reads the head of one plate. Departments see no plates.
func (s *Store) PlateRowByCode(ctx context.Context, sc Scope, code string) (PlateRow, error) {
	return single[PlateRow](ctx, s, `SELECT `+plateColumns+plateTables+
		`WHERE p.code = $1 AND ($2 = 0 OR p.lab_id = $2) AND $3 = 0`, code, sc.Lab, sc.Department)
}

// WellRow is one well with its sample and what the newest run said of it.
type WellRow struct {
	Pos      string          `db:"pos"`
	Role     string          `db:"role"`
	Code     string          `db:"code"`
	Kit      string          `db:"kit_key"`
	Arm      string          `db:"arm"`
	Lot      string          `db:"lot"`
	Target   string          `db:"target"`    // the one that is measured here; "" all
	Sample   int64           `db:"sample_id"` // 0: a control or a pool
	Pool     bool            `db:"pool"`
	Mode     string          `db:"mode"`
	Persons  int             `db:"persons"`
	Priority int             `db:"priority"`
	DueAt    *time.Time      `db:"due_at"`
	Run      int64           `db:"run_id"` // 0: not read yet
	Call     string          `db:"call"`
	Action   string          `db:"action"`
	Rule     int             `db:"rule"`
	Why      string          `db:"why"`
	Invalid  bool            `db:"invalid"`
	Targets  json.RawMessage `db:"targets"` // map[string]pcr.Target
	Flags    json.RawMessage `db:"flags"`   // []lims.Flag
}

// PlateWells lists the wells of a plate in row-major order, with the calls of the given run (0: none).
func (s *Store) PlateWells(ctx context.Context, plate, run int64) ([]WellRow, error) {
	return list[WellRow](ctx, s, `SELECT w.pos, w.role, w.code, w.kit_key, w.arm, w.lot, w.target, coalesce(w.sample_id,0) AS sample_id, w.pool_id IS NOT NULL AS pool,
			coalesce(m.mode,'') AS mode, coalesce(m.declared,0) AS persons, coalesce(m.priority,0) AS priority,
			CASE WHEN m.state IN ('received','loaded','read') THEN m.due_at END AS due_at, -- its results are not out yet
			coalesce(c.run_id,0) AS run_id, coalesce(c.call,'') AS call, coalesce(c.action,'') AS action, coalesce(c.rule,0) AS rule,
			coalesce(c.why,'') AS why, coalesce(c.invalid,false) AS invalid, coalesce(c.targets,'{}') AS targets,
			coalesce(c.flags,'[]') AS flags
		FROM wells w LEFT JOIN samples m ON m.id = w.sample_id
		LEFT JOIN calls c ON c.run_id = $2 AND c.code = w.code AND c.kit_key = w.kit_key AND w.role = 'sample' -- one call a sample, in all its wells
		WHERE w.plate_id = $1 ORDER BY left(w.pos,1), length(w.pos), w.pos, w.kit_key`, plate, run)
}

// LotRow is a lot that can be used now.
type LotRow struct {
	Kit     string    `db:"kit_key"`
	Number  string    `db:"number"`
	Expires time.Time `db:"expires_on"`
}

// LotsInUse lists a laboratory's lots that have not expired, of kits that may be used, soonest to expire first.
func (s *Store) LotsInUse(ctx context.Context, lab int64) ([]LotRow, error) {
	return list[LotRow](ctx, s, `SELECT l.kit_key, l.number, l.expires_on FROM lots l JOIN kits k ON k.key = l.kit_key
		WHERE ($1 = 0 OR l.lab_id = $1) AND l.expires_on >= $2::date AND l.blocked_at IS NULL AND (k.status = 'verified' OR k.approved_at IS NOT NULL)
		ORDER BY l.expires_on, l.kit_key, l.number LIMIT 200`, lab, s.Now())
}
