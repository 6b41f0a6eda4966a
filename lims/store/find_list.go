package store

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"natlims/lims"
)

// Hit is what a scanned or typed code names.
type Hit struct {
	Kind string `db:"kind"` // tube, box, plate, pool, order, instrument
	Code string `db:"code"`
	ID   int64  `db:"id"`
}

// Find says what a code is: a tube, a box, a plate, a department's own number or an instrument. Scanners send whatever is
// printed, so the kinds are told apart by looking, not by the form of the code. Nothing found is an empty list.
func (s *Store) Find(ctx context.Context, sc Scope, code string) ([]Hit, error) {
	return list[Hit](ctx, s, `SELECT 'tube' AS kind, barcode AS code, id FROM samples WHERE barcode = $1
			AND ($2 = 0 OR lab_id IS NULL OR lab_id = $2) AND ($3 = 0 OR department_id = $3)
		UNION ALL SELECT 'box', code, id FROM shipments WHERE code = $1 AND ($2 = 0 OR lab_id = $2) AND ($3 = 0 OR department_id = $3)
		UNION ALL SELECT 'plate', code, id FROM plates WHERE code = $1 AND ($2 = 0 OR lab_id = $2) AND $3 = 0
		UNION ALL SELECT 'pool', code, id FROM pools WHERE code = upper($1) AND ($2 = 0 OR lab_id = $2) AND $3 = 0
		UNION ALL SELECT 'instrument', code, id FROM instruments WHERE code = $1 AND ($2 = 0 OR lab_id = $2) AND $3 = 0
		UNION ALL SELECT 'order', o.client_id, o.id FROM departments d JOIN orders o ON o.department_id = d.id AND o.client_id = $1
			WHERE ($2 = 0 OR o.lab_id IS NULL OR o.lab_id = $2) AND ($3 = 0 OR d.id = $3)
		LIMIT 50`, strings.TrimSpace(code), sc.Lab, sc.Department)
}

// TubeRow is one tube with its box.
type TubeRow struct {
	ID           int64      `db:"id"`
	Barcode      string     `db:"barcode"`
	Mode         string     `db:"mode"`
	Specimen     string     `db:"specimen"`
	Department   Name       `db:"dep"`
	Lab          Name       `db:"lab"`
	State        string     `db:"state"`
	Priority     int        `db:"priority"`
	Declared     int        `db:"declared"`
	CollectedAt  *time.Time `db:"collected_at"`
	ClosedAt     *time.Time `db:"closed_at"`
	ReceivedAt   *time.Time `db:"received_at"`
	DueAt        *time.Time `db:"due_at"`
	RejectedAt   *time.Time `db:"rejected_at"`
	RejectReason string     `db:"reject_reason"`
	Attempts     int        `db:"attempts"`
	PriorCall    string     `db:"prior_call"`
	PriorAction  string     `db:"prior_action"`
	Box          string     `db:"box"`
	BoxID        int64      `db:"box_id"`
	SentBy       string     `db:"sent_by"`
	DispatchedAt *time.Time `db:"dispatched_at"`
	TakenBy      string     `db:"taken_by"`
	OpenedAt     *time.Time `db:"opened_at"`
}

// TubeByCode reads one tube.
func (s *Store) TubeByCode(ctx context.Context, sc Scope, barcode string) (TubeRow, error) {
	return single[TubeRow](ctx, s, `SELECT m.id, m.barcode, m.mode, m.specimen, d.name_zh AS "dep.name_zh", d.name_en AS "dep.name_en",
			coalesce(l.name_zh,'') AS "lab.name_zh", coalesce(l.name_en,'') AS "lab.name_en", m.state, m.priority,
			coalesce(m.declared,0) AS declared, m.collected_at, m.closed_at, m.received_at, m.due_at, m.rejected_at, m.reject_reason,
			m.attempts, m.prior_call, m.prior_action, coalesce(h.code,'') AS box, coalesce(h.id,0) AS box_id,
			coalesce(sb.name,'') AS sent_by, h.dispatched_at, coalesce(rb.name,'') AS taken_by, h.opened_at
		FROM samples m JOIN departments d ON d.id = m.department_id LEFT JOIN labs l ON l.id = m.lab_id
		LEFT JOIN shipments h ON h.id = m.shipment_id LEFT JOIN actors sb ON sb.id = h.sent_by LEFT JOIN actors rb ON rb.id = h.received_by
		WHERE m.barcode = $1 AND ($2 = 0 OR m.lab_id IS NULL OR m.lab_id = $2 OR m.id IN (SELECT unnest(samples) FROM pool_forwards WHERE from_lab = $2))
			AND ($3 = 0 OR m.department_id = $3)`,
		barcode, sc.Lab, sc.Department)
}

// TubeOrders lists the orders in a tube in the order of the swabs.
func (s *Store) TubeOrders(ctx context.Context, sample int64) ([]OrderRow, error) {
	return list[OrderRow](ctx, s, `SELECT `+orderColumns+` FROM contents c JOIN orders o ON o.id = c.order_id
		JOIN subjects u ON u.id = o.subject_id LEFT JOIN samples m ON m.id = o.sample_id
		WHERE c.sample_id = $1 ORDER BY c.position`, sample)
}

// TubeWell is one well in which a tube stood.
type TubeWell struct {
	Plate      string     `db:"plate"`
	PlateID    int64      `db:"plate_id"`
	PlateState string     `db:"plate_state"`
	Pos        string     `db:"pos"` // several where the kit takes several wells a sample
	Kit        string     `db:"kit_key"`
	Lot        string     `db:"lot"`
	Instrument string     `db:"instrument"`
	CreatedAt  time.Time  `db:"created_at"`
	SealedAt   *time.Time `db:"sealed_at"`
	StartedAt  *time.Time `db:"started_at"`
	ReadAt     *time.Time `db:"read_at"`
}

// TubeWells lists the wells in which a tube stood, oldest first.
func (s *Store) TubeWells(ctx context.Context, sample int64) ([]TubeWell, error) {
	return list[TubeWell](ctx, s, `SELECT p.code AS plate, p.id AS plate_id, p.state AS plate_state,
			string_agg(w.pos, ' ' ORDER BY left(w.pos, 1), substr(w.pos, 2)::int) AS pos, w.kit_key, w.lot,
			coalesce(i.code,'') AS instrument, p.created_at, p.sealed_at, p.started_at, p.read_at
		FROM wells w JOIN plates p ON p.id = w.plate_id LEFT JOIN instruments i ON i.id = p.instrument_id
		WHERE w.sample_id = $1 GROUP BY p.id, w.kit_key, w.lot, i.code ORDER BY p.id, w.kit_key LIMIT 100`, sample)
}

// TubeCall is one call on a tube with the run it comes from.
type TubeCall struct {
	Run        int64           `db:"run_id"`
	Message    int64           `db:"message_id"`
	Plate      string          `db:"plate"`
	Pos        string          `db:"pos"`
	Kit        string          `db:"kit_key"`
	Call       string          `db:"call"`
	Action     string          `db:"action"`
	Rule       int             `db:"rule"`
	Why        string          `db:"why"`
	Invalid    bool            `db:"invalid"`
	Targets    json.RawMessage `db:"targets"`
	Flags      json.RawMessage `db:"flags"`
	RecordedAt time.Time       `db:"recorded_at"`
}

// TubeCalls lists what the runs said of a tube, oldest first.
func (s *Store) TubeCalls(ctx context.Context, sample int64) ([]TubeCall, error) {
	return list[TubeCall](ctx, s, `SELECT c.run_id, r.message_id, coalesce(p.code,'') AS plate, c.pos, c.kit_key, c.call, c.action,
			c.rule, c.why, c.invalid, c.targets, c.flags, r.recorded_at
		FROM calls c JOIN runs r ON r.id = c.run_id LEFT JOIN plates p ON p.id = r.plate_id
		WHERE c.sample_id = $1 ORDER BY c.run_id, c.kit_key LIMIT 100`, sample)
}

// TubeResult is one version of one order's result, with its signatures.
type TubeResult struct {
	ID         int64      `db:"id"`
	ClientID   string     `db:"client_id"`
	Version    int        `db:"version"`
	Call       string     `db:"call"`
	State      string     `db:"state"`
	CalledAt   time.Time  `db:"called_at"`
	CheckedBy  string     `db:"checked_by"`
	CheckedAt  *time.Time `db:"checked_at"`
	ReleasedBy string     `db:"released_by"`
	ReleasedAt *time.Time `db:"released_at"`
	Reason     string     `db:"reason"`
	Department int64      `db:"department_id"`
	Auto       string     `db:"auto_version"` // of the rules by which the first signature was given; "" by the person
	Replaces   int        `db:"replaces"`     // version of the result that this one corrects; 0 none
	ReplacedBy int        `db:"replaced_by"`  // version of the result that corrects this one; 0 none
	Doubt      int64      `db:"doubt"`        // the amendment of this result that goes on; 0 none
	Amendment  int64      `db:"amendment_id"` // in which this result corrects another; 0 none
}

// TubeResults lists the results that came from a tube; released only where the actor belongs to a department.
func (s *Store) TubeResults(ctx context.Context, sc Scope, sample int64) ([]TubeResult, error) {
	return list[TubeResult](ctx, s, `SELECT t.id, o.client_id, t.version, t.call, t.state, t.called_at, coalesce(cb.name,'') AS checked_by,
			t.checked_at, coalesce(rb.name,'') AS released_by, t.released_at, t.reason, t.department_id, t.auto_version,
			coalesce(yr.version, 0) AS replaces, coalesce(zr.version, 0) AS replaced_by, coalesce(y.amendment_id, 0) AS amendment_id,
			coalesce((SELECT m.amendment_id FROM amended_results m WHERE m.result_id = t.id AND m.open), 0) AS doubt
		FROM results t JOIN orders o ON o.id = t.order_id LEFT JOIN actors cb ON cb.id = t.checked_by
		LEFT JOIN actors rb ON rb.id = t.released_by
		LEFT JOIN amended_results y ON y.new_id = t.id LEFT JOIN results yr ON yr.id = y.result_id
		LEFT JOIN (amended_results z JOIN results zr ON zr.id = z.new_id AND zr.released_at IS NOT NULL) ON z.result_id = t.id
		WHERE t.sample_id = $1 AND ($2 = 0 OR t.state IN ('released','superseded')) ORDER BY t.version, t.id LIMIT 200`,
		sample, sc.Department)
}

// TubeDeliveries lists the deliveries that carried a result of a tube, oldest first.
func (s *Store) TubeDeliveries(ctx context.Context, sample int64) ([]DeliveryRow, error) {
	return list[DeliveryRow](ctx, s, `SELECT `+deliveryColumns+`WHERE v.id IN (SELECT x.delivery_id FROM results t
		JOIN delivery_results x ON x.result_id = t.id WHERE t.sample_id = $1) ORDER BY v.seq LIMIT 100`, sample)
}

// AuditRow is one thing that somebody did.
type AuditRow struct {
	ID      int64           `db:"id"`
	At      time.Time       `db:"at"`
	Actor   string          `db:"actor"`
	Verb    string          `db:"verb"`
	Entity  string          `db:"entity"`
	Key     int64           `db:"key"`
	Changes json.RawMessage `db:"changes"`
}

// TubeAudit lists what was done to a tube, its orders and its results, oldest first.
func (s *Store) TubeAudit(ctx context.Context, sample int64) ([]AuditRow, error) {
	return list[AuditRow](ctx, s, `SELECT u.id, u.at, coalesce(a.name,'') AS actor, u.verb, u.entity, u.key, u.changes
		FROM (SELECT 'sample' AS entity, $1::bigint AS key
			UNION ALL SELECT 'order', order_id FROM contents WHERE sample_id = $1
			UNION ALL SELECT 'result', id FROM results WHERE sample_id = $1
			UNION ALL SELECT DISTINCT 'plate', plate_id FROM wells WHERE sample_id = $1
			UNION ALL SELECT 'shipment', shipment_id FROM samples WHERE id = $1 AND shipment_id IS NOT NULL) k
		JOIN audit u ON u.entity = k.entity AND u.key = k.key LEFT JOIN actors a ON a.id = u.actor_id
		ORDER BY u.id LIMIT 500`, sample)
}

// Reveal leaves on record that a person was shown the names and document numbers of a tube's orders, and why (PIPL Art. 54).
func (s *Store) Reveal(ctx context.Context, by lims.Actor, barcode, why string) error {
	if why = strings.TrimSpace(why); why == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	t, err := s.TubeByCode(ctx, ScopeOf(by), barcode)
	if err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		x.note("reveal", "sample", t.ID, map[string]any{"reason": why})
		return nil
	})
}
