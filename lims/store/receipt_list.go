package store

import (
	"context"
	"time"

	"github.com/lib/pq"
)

// BoxRow is a box with its counts of tubes.
type BoxRow struct {
	ID           int64      `db:"id"`
	Code         string     `db:"code"`
	Lab          int64      `db:"lab_id"`
	LabName      Name       `db:"lab"`
	Department   int64      `db:"department_id"` // 0: another laboratory sent it on
	From         Name       `db:"dep"`
	SentBy       string     `db:"sent_by"`
	ReceivedBy   string     `db:"received_by"`
	DispatchedAt time.Time  `db:"dispatched_at"`
	OpenedAt     *time.Time `db:"opened_at"`
	ClosedAt     *time.Time `db:"closed_at"`
	Tubes        int        `db:"tubes"`
	Received     int        `db:"received"`
	Persons      int        `db:"persons"`
}

const boxColumns = `h.id, h.code, h.lab_id, l.name_zh AS "lab.name_zh", l.name_en AS "lab.name_en", coalesce(h.department_id, 0) AS department_id,
	coalesce(d.name_zh, f.name_zh) AS "dep.name_zh", coalesce(d.name_en, f.name_en) AS "dep.name_en", sb.name AS sent_by, coalesce(rb.name,'') AS received_by,
	h.dispatched_at, h.opened_at, h.closed_at, n.tubes, n.received, n.persons`

const boxTables = ` FROM shipments h JOIN labs l ON l.id = h.lab_id LEFT JOIN departments d ON d.id = h.department_id
	LEFT JOIN labs f ON f.id = h.from_lab_id
	JOIN actors sb ON sb.id = h.sent_by LEFT JOIN actors rb ON rb.id = h.received_by
	CROSS JOIN LATERAL (SELECT count(*) AS tubes, count(received_at) FILTER (WHERE state <> 'collected') AS received, coalesce(sum(declared),0) AS persons
		FROM samples WHERE shipment_id = h.id) n `

// OpenBoxes lists the boxes on their way or being received, oldest first.
func (s *Store) OpenBoxes(ctx context.Context, sc Scope) ([]BoxRow, error) {
	return list[BoxRow](ctx, s, `SELECT `+boxColumns+boxTables+`WHERE h.closed_at IS NULL
		AND ($1 = 0 OR h.lab_id = $1) AND ($2 = 0 OR h.department_id = $2) ORDER BY h.id LIMIT 200`, sc.Lab, sc.Department)
}

// ClosedBoxes lists the boxes whose receipt was finished last, newest first.
func (s *Store) ClosedBoxes(ctx context.Context, sc Scope, n int) ([]BoxRow, error) {
	_, n = Page{N: n}.cut()
	return list[BoxRow](ctx, s, `SELECT `+boxColumns+boxTables+`WHERE h.id IN (SELECT id FROM shipments WHERE closed_at IS NOT NULL
		AND ($1 = 0 OR lab_id = $1) AND ($2 = 0 OR department_id = $2) ORDER BY id DESC LIMIT $3) ORDER BY h.closed_at DESC, h.id DESC`,
		sc.Lab, sc.Department, n)
}

// BoxByCode reads one box.
func (s *Store) BoxByCode(ctx context.Context, sc Scope, code string) (BoxRow, error) {
	return single[BoxRow](ctx, s, `SELECT `+boxColumns+boxTables+
		`WHERE h.code = $1 AND ($2 = 0 OR h.lab_id = $2 OR h.from_lab_id = $2) AND ($3 = 0 OR h.department_id = $3)`, code, sc.Lab, sc.Department)
}

// BoxTube is one tube of a box.
type BoxTube struct {
	Barcode    string     `db:"barcode"`
	Mode       string     `db:"mode"`
	State      string     `db:"state"`
	Priority   int        `db:"priority"`
	Persons    int        `db:"persons"`
	ReceivedAt *time.Time `db:"received_at"`
	Reason     string     `db:"reject_reason"`
}

// BoxTubes lists the tubes of a box: those still awaited first, then the newest scans.
func (s *Store) BoxTubes(ctx context.Context, box int64) ([]BoxTube, error) {
	return list[BoxTube](ctx, s, `SELECT barcode, mode, state, priority, coalesce(declared,0) AS persons,
			CASE WHEN state <> 'collected' THEN received_at END AS received_at, reject_reason
		FROM samples WHERE shipment_id = $1 ORDER BY 6 DESC NULLS FIRST, id LIMIT 2000`, box)
}

// ExceptionRow is something that did not fit at receipt.
type ExceptionRow struct {
	ID      int64     `db:"id"`
	Box     string    `db:"box"`
	Barcode string    `db:"barcode"`
	Kind    string    `db:"kind"` // unknown, extra, missing, rejected
	Note    string    `db:"note"`
	At      time.Time `db:"at"`
	By      string    `db:"by"`
	Closed  bool      `db:"closed"`
}

const exceptionColumns = `e.id, coalesce(h.code,'') AS box, e.barcode, e.kind, e.note, e.at, a.name AS by,
	e.closed_at IS NOT NULL AS closed FROM exceptions e JOIN actors a ON a.id = e.actor_id
	LEFT JOIN shipments h ON h.id = e.shipment_id `

// BoxExceptions lists what did not fit in one box, newest first.
func (s *Store) BoxExceptions(ctx context.Context, box int64) ([]ExceptionRow, error) {
	return list[ExceptionRow](ctx, s, `SELECT `+exceptionColumns+`WHERE e.shipment_id = $1 ORDER BY e.id DESC LIMIT 500`, box)
}

// OpenExceptions lists what nobody has settled yet in a laboratory, newest first.
func (s *Store) OpenExceptions(ctx context.Context, sc Scope) ([]ExceptionRow, error) {
	return list[ExceptionRow](ctx, s, `SELECT `+exceptionColumns+
		`WHERE e.closed_at IS NULL AND ($1 = 0 OR e.lab_id = $1) ORDER BY e.id DESC LIMIT 200`, sc.Lab)
}

func int64s(v []int64) any { return pq.Array(v) }
