package store

import (
	"context"
	"time"
)

// Clock is the spread of one clock over the orders of a period, in minutes.
type Clock struct {
	P50 float64 `db:"p50" json:"p50"`
	P95 float64 `db:"p95" json:"p95"`
	Max float64 `db:"max" json:"max"`
}

// Standing says where the orders registered since an instant stand. All counts come from the rows, none is kept.
type Standing struct {
	Orders    int `db:"orders"`
	Open      int `db:"open"` // registered and not final, cancelled or waiting for a new collection
	Waiting   int `db:"waiting"`
	Final     int `db:"final"`
	Cancelled int `db:"cancelled"`
	Late      int `db:"late"`     // final after the deadline, or open and overdue now
	Received  int `db:"received"` // samples
	Plates    int `db:"plates"`
}

// Standing counts the orders registered since an instant.
func (s *Store) Standing(ctx context.Context, from time.Time) (out Standing, err error) {
	err = s.db.GetContext(ctx, &out, `SELECT count(*) AS orders, count(*) FILTER (WHERE state = 'open') AS open,
			count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'final') AS final,
			count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
			count(*) FILTER (WHERE due_at < coalesce(released_at, CASE WHEN state IN ('open','waiting') THEN $2::timestamptz END)) AS late,
			(SELECT count(*) FROM samples WHERE created_at >= $1 AND received_at IS NOT NULL) AS received,
			(SELECT count(*) FROM plates WHERE created_at >= $1) AS plates
		FROM orders WHERE registered_at >= $1`, from, s.Now())
	return out, mapped(ctx, err)
}

// Summary is what became of the orders registered in a period. Results, delivered and acknowledged count orders.
type Summary struct {
	Standing
	Samples      int `db:"samples"`
	Runs         int `db:"runs"`
	Void         int `db:"void"`         // plates given up
	Results      int `db:"results"`      // orders with a result that is in force
	Delivered    int `db:"delivered"`    // final orders whose result has reached every destination of its department
	Acknowledged int `db:"acknowledged"` // of these, those that every destination has confirmed
	Positive     int `db:"positive"`
	Again        int `db:"again"`   // orders collected more than once
	Doubled      int `db:"doubled"` // orders with more than one result in force
	A, B, C      Clock
}

// Summarise counts the orders registered in [from, to), with clocks as of now.
func (s *Store) Summarise(ctx context.Context, from, to time.Time) (sum Summary, err error) {
	err = s.db.GetContext(ctx, &sum, `WITH o AS MATERIALIZED (SELECT * FROM orders WHERE registered_at >= $1 AND registered_at < $2),
		t AS MATERIALIZED (SELECT c.sample_id AS id, count(*) AS n FROM contents c JOIN o ON o.id = c.order_id GROUP BY 1),
		p AS MATERIALIZED (SELECT DISTINCT w.plate_id AS id FROM wells w JOIN t ON t.id = w.sample_id),
		r AS MATERIALIZED (SELECT r.id, r.order_id, r.call FROM results r JOIN o ON o.id = r.order_id WHERE r.state = 'released' AND o.state = 'final'),
		d AS MATERIALIZED (SELECT x.result_id, bool_and(d.state IN ('delivered','acknowledged')) AS got, bool_and(d.state = 'acknowledged') AS ack
			FROM delivery_results x JOIN r ON r.id = x.result_id JOIN deliveries d ON d.id = x.delivery_id GROUP BY 1)
		SELECT count(*) AS orders, count(*) FILTER (WHERE state = 'open') AS open, count(*) FILTER (WHERE state = 'waiting') AS waiting,
			count(*) FILTER (WHERE state = 'final') AS final, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
			count(*) FILTER (WHERE due_at < coalesce(released_at, CASE WHEN state IN ('open','waiting') THEN $3::timestamptz END)) AS late,
			(SELECT count(*) FROM t) AS samples,
			(SELECT count(*) FROM samples s JOIN t USING (id) WHERE s.received_at IS NOT NULL) AS received,
			(SELECT count(*) FROM p) AS plates, (SELECT count(*) FROM plates JOIN p USING (id) WHERE state = 'void') AS void,
			(SELECT count(*) FROM runs WHERE plate_id IN (SELECT id FROM p)) AS runs,
			(SELECT count(*) FROM r) AS results, (SELECT count(*) FROM r WHERE call = 'positive') AS positive,
			(SELECT count(*) FROM d WHERE got) AS delivered, (SELECT count(*) FROM d WHERE ack) AS acknowledged,
			(SELECT count(*) FROM (SELECT order_id FROM contents c JOIN o ON o.id = c.order_id GROUP BY 1 HAVING count(*) > 1) AS q) AS again,
			(SELECT count(*) FROM (SELECT order_id FROM r GROUP BY 1 HAVING count(*) > 1) AS q) AS doubled
		FROM o`, from, to, s.Now())
	if err != nil {
		return sum, mapped(ctx, err)
	}
	for _, c := range []struct {
		into  *Clock
		query string
	}{
		{&sum.A, `SELECT extract(epoch FROM released_at - collected_at) / 60 AS m FROM orders WHERE registered_at >= $1 AND registered_at < $2 AND state = 'final'`},
		{&sum.B, `SELECT extract(epoch FROM released_at - received_at) / 60 AS m FROM orders WHERE registered_at >= $1 AND registered_at < $2 AND state = 'final'`},
		{&sum.C, `SELECT extract(epoch FROM d.delivered_at - d.queued_at) / 60 AS m FROM deliveries d
			WHERE d.queued_at >= $1 AND d.queued_at < $2::timestamptz + interval '2 days' AND d.delivered_at IS NOT NULL AND d.notice_id IS NULL`},
	} {
		if err := s.db.GetContext(ctx, c.into, `SELECT coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY m), 0)::float8 AS p50,
			coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY m), 0)::float8 AS p95, coalesce(max(m), 0)::float8 AS max FROM (`+c.query+`) AS q`, from, to); err != nil {
			return sum, mapped(ctx, err)
		}
	}
	return sum, nil
}

// Mark keeps a small fact of the program itself; MarkOf reads it, leaving into as it is where there is none.
func (s *Store) Mark(ctx context.Context, name string, value []byte) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, string(value))
	return mapped(ctx, err)
}

// MarkOf reads a mark; nil where there is none.
func (s *Store) MarkOf(ctx context.Context, name string) (value []byte, err error) {
	err = s.db.GetContext(ctx, &value, `SELECT value FROM marks WHERE name = $1`, name)
	if missing(err) {
		return nil, nil
	}
	return value, mapped(ctx, err)
}
