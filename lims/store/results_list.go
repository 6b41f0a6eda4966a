package store

import (
	"context"
	"time"
)

// ResultRow is an order as its department sees it: where it stands, and the result once it is released.
type ResultRow struct {
	OrderRow
	CollectedAt *time.Time `db:"collected_at"`
	ReceivedAt  *time.Time `db:"received_at"`
	Persons     int        `db:"persons"` // in the tube: n > 1 was tested in a pool
	Result      int64      `db:"result_id"`
	Version     int        `db:"version"`
	Call        string     `db:"call"` // "" not released
	CheckedBy   string     `db:"checked_by"`
	ReleasedBy  string     `db:"released_by"`
	Delivery    string     `db:"delivery"` // state of the delivery that is furthest on, "" none
}

// ResultsQuery narrows the list of a department. Code is a barcode or the department's own number.
type ResultsQuery struct {
	Code string
	Done bool // released only
}

// Results lists the orders of a department with their released results, newest first. Preliminary and checked
// results never appear here. A laboratory's actor must name the department.
func (s *Store) Results(ctx context.Context, department int64, q ResultsQuery, p Page) ([]ResultRow, error) {
	before, n := p.cut()
	return list[ResultRow](ctx, s, `SELECT `+orderColumns+`, o.collected_at, o.received_at, coalesce(m.declared,0) AS persons,
			coalesce(t.id,0) AS result_id, coalesce(t.version,0) AS version, coalesce(t.call,'') AS call,
			coalesce(cb.name,'') AS checked_by, coalesce(rb.name,'') AS released_by, coalesce(v.state,'') AS delivery`+orderTables+`
		LEFT JOIN results t ON t.order_id = o.id AND t.state = 'released'
		LEFT JOIN actors cb ON cb.id = t.checked_by LEFT JOIN actors rb ON rb.id = t.released_by
		LEFT JOIN LATERAL (SELECT y.state FROM delivery_results x JOIN deliveries y ON y.id = x.delivery_id
			WHERE x.result_id = t.id ORDER BY array_position(ARRAY['acknowledged','delivered','sending','queued','refused'], y.state)
			LIMIT 1) v ON true
		WHERE o.department_id = $1 AND o.id < $2 AND ($3 = '' OR o.id IN (
			SELECT id FROM orders WHERE department_id = $1 AND client_id = $3
			UNION ALL SELECT c.order_id FROM samples z JOIN contents c ON c.sample_id = z.id WHERE z.barcode = $3))
			AND (NOT $4 OR t.id IS NOT NULL)
		ORDER BY o.id DESC LIMIT $5`, department, before, q.Code, q.Done, n)
}

// Tally counts a department's orders of the last days by state.
type Tally struct {
	Open     int `db:"open"`
	Waiting  int `db:"waiting"`
	Final    int `db:"final"`
	Late     int `db:"late"`
	Positive int `db:"positive"`
}

const tallyOrders = 50_000 // the newest orders of a department that its counts look at

// DepartmentTally counts the orders that a department registered since the instant.
func (s *Store) DepartmentTally(ctx context.Context, department int64, since time.Time) (Tally, error) {
	return single[Tally](ctx, s, `SELECT count(*) FILTER (WHERE o.state = 'open') AS open,
			count(*) FILTER (WHERE o.state = 'waiting') AS waiting, count(*) FILTER (WHERE o.state = 'final') AS final,
			count(*) FILTER (WHERE o.state IN ('open','waiting') AND o.due_at < $3) AS late,
			count(*) FILTER (WHERE t.call = 'positive') AS positive
		FROM (SELECT * FROM orders WHERE department_id = $1 ORDER BY id DESC LIMIT $4) o
		LEFT JOIN results t ON t.order_id = o.id AND t.state = 'released' WHERE o.registered_at >= $2`,
		department, since, s.Now(), tallyOrders)
}
