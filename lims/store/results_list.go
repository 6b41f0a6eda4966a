package store

import (
	"context"
	"time"

	"natlims/lims"
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

// ResultsQuery narrows a list of results. Code is a barcode or the department's own number.
type ResultsQuery struct {
	Department int64
	Lab        int64 // 0: of every laboratory
	Code       string
	Done       bool // released only
}

// Results lists the orders of a department with their released results, newest first. Preliminary and checked
// results never appear here.
func (s *Store) Results(ctx context.Context, q ResultsQuery, p Page) ([]ResultRow, error) {
	before, n := p.cut()
	which := `AND $2 = ''` // said by itself: the planner must see that a code names few orders
	if q.Code != "" {
		which = `AND o.id = ANY(ARRAY(SELECT id FROM orders WHERE department_id = $1 AND client_id = $2
			UNION SELECT c.order_id FROM samples z JOIN contents c ON c.sample_id = z.id WHERE z.barcode = $2))`
	}
	return list[ResultRow](ctx, s, `SELECT `+orderColumns+`, o.collected_at, o.received_at, coalesce(m.declared,0) AS persons,
			coalesce(t.id,0) AS result_id, coalesce(t.version,0) AS version, coalesce(t.call,'') AS call,
			coalesce(cb.name,'') AS checked_by, coalesce(rb.name,'') AS released_by, coalesce(v.state,'') AS delivery`+orderTables+`
		LEFT JOIN results t ON t.order_id = o.id AND t.state = 'released'
		LEFT JOIN actors cb ON cb.id = t.checked_by LEFT JOIN actors rb ON rb.id = t.released_by
		LEFT JOIN LATERAL (SELECT y.state FROM delivery_results x JOIN deliveries y ON y.id = x.delivery_id
			WHERE x.result_id = t.id ORDER BY array_position(ARRAY['acknowledged','delivered','sending','queued','refused'], y.state)
			LIMIT 1) v ON true
		WHERE o.department_id = $1 `+which+` AND o.id < $3 AND (NOT $4 OR t.id IS NOT NULL)
			AND ($5 = 0 OR o.lab_id IS NULL OR o.lab_id = $5) ORDER BY o.id DESC LIMIT $6`,
		q.Department, q.Code, before, q.Done, q.Lab, n)
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

// DepartmentTally counts the orders that a department registered since the instant. It reads them from the newest back to the first
// that is older; the hour is for registrations that were under way at the same time.
func (s *Store) DepartmentTally(ctx context.Context, department int64, since time.Time) (Tally, error) {
	return single[Tally](ctx, s, `SELECT count(*) FILTER (WHERE o.state = 'open') AS open,
			count(*) FILTER (WHERE o.state = 'waiting') AS waiting, count(*) FILTER (WHERE o.state = 'final') AS final,
			count(*) FILTER (WHERE o.state IN ('open','waiting') AND o.due_at < $3) AS late,
			count(*) FILTER (WHERE t.call = 'positive') AS positive
		FROM (SELECT * FROM orders WHERE department_id = $1 AND id > coalesce((SELECT id FROM orders WHERE department_id = $1
			AND registered_at < $2::timestamptz - interval '1 hour' ORDER BY id DESC LIMIT 1), 0) ORDER BY id DESC LIMIT $4) o
		LEFT JOIN results t ON t.order_id = o.id AND t.state = 'released' WHERE o.registered_at >= $2`,
		department, since, s.Now(), tallyOrders)
}

// ReleasedIn keeps of some results those that are or were released, of the department and within the scope.
func (s *Store) ReleasedIn(ctx context.Context, sc Scope, department int64, ids []int64) ([]int64, error) {
	return list[int64](ctx, s, `SELECT id FROM results WHERE id = ANY($1) AND department_id = $2 AND state IN ('released','superseded')
		AND ($3 = 0 OR lab_id = $3) AND ($4 = 0 OR department_id = $4) ORDER BY id`, int64s(ids), department, sc.Lab, sc.Department)
}

// Printed leaves on record that a person took a report with whole names out of the system.
func (s *Store) Printed(ctx context.Context, by lims.Actor, department int64, format string, results int) error {
	return s.do(ctx, by, func(x *tx) error {
		x.note("print", "department", department, map[string]any{"format": format, "results": results})
		return nil
	})
}
