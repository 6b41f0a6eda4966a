package store

import (
	"context"
	"time"
)

// Stage counts the open orders of a laboratory that stand at one stage.
type Stage struct {
	Lab   int64  `db:"lab_id"` // 0: not in a laboratory yet
	Stage string `db:"stage"`  // registered, collected, dispatched, received, loaded, read, checked, recollect
	N     int    `db:"n"`
	Late  int    `db:"late"` // past the deadline of either clock: an open overdue order is late now
}

// Stages counts the open orders by laboratory and stage. It reads the open orders only, never the history.
func (s *Store) Stages(ctx context.Context, sc Scope) ([]Stage, error) {
	return list[Stage](ctx, s, `SELECT lab_id, stage, count(*) AS n, count(*) FILTER (WHERE late) AS late FROM (
		SELECT coalesce(o.lab_id,0) AS lab_id, CASE
				WHEN o.state = 'waiting' THEN 'recollect'
				WHEN t.state = 'checked' THEN 'checked'
				WHEN t.state IS NOT NULL OR m.state IN ('read','closed') THEN 'read'
				WHEN m.state = 'loaded' THEN 'loaded'
				WHEN m.state = 'received' THEN 'received'
				WHEN m.state = 'collected' AND m.shipment_id IS NOT NULL THEN 'dispatched'
				WHEN m.state = 'collected' THEN 'collected'
				WHEN m.state IN ('rejected','discarded') THEN 'recollect'
				ELSE 'registered' END AS stage,
			coalesce(o.due_at < $3, false) OR coalesce(o.collected_at + o.limit_a * interval '1 minute' < $3, false) AS late
		FROM orders o LEFT JOIN samples m ON m.id = o.sample_id
		LEFT JOIN results t ON t.order_id = o.id AND t.state IN ('called','held','checked')
		WHERE o.state IN ('open','waiting') AND ($1 = 0 OR o.lab_id = $1) AND ($2 = 0 OR o.department_id = $2)) x
		GROUP BY 1, 2`, sc.Lab, sc.Department, s.Now())
}

// Clocks are the two clocks over the orders released since an instant, in minutes; Late counts orders.
type Clocks struct {
	Lab      int64   `db:"lab_id"`
	Released int     `db:"released"`
	Late     int     `db:"late"`
	A50      float64 `db:"a50"` // collection to result, T7 - T0
	A95      float64 `db:"a95"`
	AMax     float64 `db:"amax"`
	B50      float64 `db:"b50"` // receipt to result, T7 - T3
	B95      float64 `db:"b95"`
	BMax     float64 `db:"bmax"`
}

// ReleasedClocks gives one row a laboratory and one over all, with lab 0.
func (s *Store) ReleasedClocks(ctx context.Context, sc Scope, since time.Time) ([]Clocks, error) {
	return list[Clocks](ctx, s, `SELECT coalesce(lab_id,0) AS lab_id, count(*) AS released, count(*) FILTER (WHERE late) AS late,
			coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY a),0) AS a50,
			coalesce(percentile_disc(0.95) WITHIN GROUP (ORDER BY a),0) AS a95, coalesce(max(a),0) AS amax,
			coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY b),0) AS b50,
			coalesce(percentile_disc(0.95) WITHIN GROUP (ORDER BY b),0) AS b95, coalesce(max(b),0) AS bmax
		FROM (SELECT lab_id, extract(epoch FROM released_at - collected_at)::float8/60 AS a,
				extract(epoch FROM released_at - received_at)::float8/60 AS b,
				coalesce(released_at > due_at, false)
					OR coalesce(released_at > collected_at + limit_a * interval '1 minute', false) AS late
			FROM orders WHERE released_at >= $1 AND NOT drill AND ($2 = 0 OR lab_id = $2) AND ($3 = 0 OR department_id = $3)) x
		GROUP BY ROLLUP (lab_id) ORDER BY grouping(lab_id) DESC, lab_id`, since, sc.Lab, sc.Department)
}

// Bucket counts the orders released in one quarter of an hour.
type Bucket struct {
	At time.Time `db:"at"`
	N  int       `db:"n"`
}

// Throughput counts the released orders since an instant by quarters of an hour.
func (s *Store) Throughput(ctx context.Context, sc Scope, since time.Time) ([]Bucket, error) {
	return list[Bucket](ctx, s, `SELECT date_bin('15 minutes', released_at, $1) AS at, count(*) AS n FROM orders
		WHERE released_at >= $1 AND NOT drill AND ($2 = 0 OR lab_id = $2) AND ($3 = 0 OR department_id = $3) GROUP BY 1 ORDER BY 1`,
		since, sc.Lab, sc.Department)
}

// Day counts what happened since an instant, in orders.
type Day struct {
	Registered int `db:"registered"`
	Received   int `db:"received"`
	Positive   int `db:"positive"`
}

// DayTally counts what happened since an instant.
func (s *Store) DayTally(ctx context.Context, sc Scope, since time.Time) (Day, error) {
	return single[Day](ctx, s, `SELECT
		(SELECT count(*) FROM orders WHERE registered_at >= $1 AND ($2 = 0 OR lab_id = $2) AND ($3 = 0 OR department_id = $3)) AS registered,
		(SELECT count(*) FROM orders WHERE received_at >= $1 AND ($2 = 0 OR lab_id = $2) AND ($3 = 0 OR department_id = $3)) AS received,
		(SELECT count(*) FROM orders o JOIN results t ON t.order_id = o.id AND t.state = 'released' AND t.call = 'positive' AND t.released_at >= $1
			WHERE o.released_at >= $1 AND ($2 = 0 OR o.lab_id = $2) AND ($3 = 0 OR o.department_id = $3)) AS positive`,
		since, sc.Lab, sc.Department)
}
