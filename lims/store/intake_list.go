package store

import (
	"context"
	"time"
)

// OrderRow is one order as lists show it. Name and document number are whole here: pages mask them.
type OrderRow struct {
	ID           int64      `db:"id"`
	ClientID     string     `db:"client_id"`
	Department   int64      `db:"department_id"`
	SubjectKind  string     `db:"kind"`
	SubjectName  string     `db:"name"`
	DocType      string     `db:"doc_type"`
	DocNo        string     `db:"doc_no"`
	Category     string     `db:"category"`
	Assay        string     `db:"assay"`
	State        string     `db:"state"`
	Drill        bool       `db:"drill"`
	RegisteredAt time.Time  `db:"registered_at"`
	DueAt        *time.Time `db:"due_at"`
	ReleasedAt   *time.Time `db:"released_at"`
	Barcode      string     `db:"barcode"` // of the tube that counts now, "" before collection
	SampleState  string     `db:"sample_state"`
}

const orderColumns = `o.id, o.client_id, o.department_id, u.kind, u.name, u.doc_type, u.doc_no, o.category, o.assay, o.state,
	o.drill, o.registered_at, o.due_at, o.released_at, coalesce(m.barcode,'') AS barcode, coalesce(m.state,'') AS sample_state`

const orderTables = ` FROM orders o JOIN subjects u ON u.id = o.subject_id LEFT JOIN samples m ON m.id = o.sample_id `

// Registrations lists the orders of the last day that the actor's department registered, or that the actor registered
// for others, newest first.
func (s *Store) Registrations(ctx context.Context, sc Scope, actor int64, p Page) ([]OrderRow, error) {
	before, n := p.cut()
	if sc.Department != 0 {
		return list[OrderRow](ctx, s, `SELECT `+orderColumns+orderTables+
			`WHERE o.department_id = $1 AND o.id < $2 ORDER BY o.id DESC LIMIT $3`, sc.Department, before, n)
	}
	return list[OrderRow](ctx, s, `SELECT `+orderColumns+orderTables+
		`WHERE o.registered_at > $1 AND o.registered_by = $2 AND o.id < $3 ORDER BY o.id DESC LIMIT $4`,
		s.Now().Add(-24*time.Hour), actor, before, n)
}

// OrdersByClient finds orders by the department's own number; the number may be in use in several departments.
func (s *Store) OrdersByClient(ctx context.Context, sc Scope, clientID string) ([]OrderRow, error) {
	return list[OrderRow](ctx, s, `SELECT `+orderColumns+` FROM departments d
		JOIN orders o ON o.department_id = d.id AND o.client_id = $1
		JOIN subjects u ON u.id = o.subject_id LEFT JOIN samples m ON m.id = o.sample_id
		WHERE ($2 = 0 OR d.id = $2) AND ($3 = 0 OR o.lab_id IS NULL OR o.lab_id = $3) ORDER BY o.id DESC LIMIT 20`,
		clientID, sc.Department, sc.Lab)
}

// OrdersByID reads orders in the order of the ids.
func (s *Store) OrdersByID(ctx context.Context, sc Scope, ids []int64) ([]OrderRow, error) {
	return list[OrderRow](ctx, s, `SELECT `+orderColumns+` FROM unnest($1::bigint[]) WITH ORDINALITY AS w (id, n)
		JOIN orders o ON o.id = w.id JOIN subjects u ON u.id = o.subject_id LEFT JOIN samples m ON m.id = o.sample_id
		WHERE ($2 = 0 OR o.department_id = $2) AND ($3 = 0 OR o.lab_id IS NULL OR o.lab_id = $3) ORDER BY w.n`,
		int64s(ids), sc.Department, sc.Lab)
}

// LooseTube is a collected tube that is in no box yet.
type LooseTube struct {
	Barcode     string     `db:"barcode"`
	Mode        string     `db:"mode"`
	Persons     int        `db:"persons"`
	Priority    int        `db:"priority"`
	CollectedAt *time.Time `db:"collected_at"`
}

// LooseTubes lists a department's collected tubes that wait for a box, oldest first.
func (s *Store) LooseTubes(ctx context.Context, department int64) ([]LooseTube, error) {
	return list[LooseTube](ctx, s, `SELECT m.barcode, m.mode, coalesce(m.declared, 0) AS persons, m.priority, m.collected_at
		FROM samples m WHERE m.department_id = $1 AND m.state = 'collected' AND m.shipment_id IS NULL ORDER BY m.id LIMIT $2`, department, PageMost)
}
