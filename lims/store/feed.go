package store

import (
	"context"
	"time"
)

// Released is one released result as a department's program reads it. The cursor is that of its release.
type Released struct {
	Cursor      int64      `db:"cursor"`
	OrderID     int64      `db:"order_id"`
	ClientID    string     `db:"client_id"`
	Barcode     string     `db:"barcode"`
	Mode        string     `db:"mode"`
	Persons     int        `db:"persons"`
	PoolOf      int        `db:"pool_of"` // tubes in the laboratory pool that decided; 0 tested alone
	Version     int        `db:"version"`
	Call        string     `db:"call"`
	State       string     `db:"state"`
	CollectedAt *time.Time `db:"collected_at"`
	ReceivedAt  *time.Time `db:"received_at"`
	ReleasedAt  time.Time  `db:"released_at"`
	Replaces    int        `db:"replaces"` // version of the wrong result that this one corrects; 0 none
	Reason      string     `db:"reason"`   // why that was wrong
}

// ResultsSince lists a department's released results after a cursor, in the order of release. A release takes its cursor in the
// transaction that makes it visible, under a lock, so that a reader who goes on from the last cursor misses nothing.
func (s *Store) ResultsSince(ctx context.Context, department, after int64, limit int) ([]Released, error) {
	return list[Released](ctx, s, `SELECT r.cursor, r.order_id, o.client_id, m.barcode, m.mode, coalesce(m.declared, 1) AS persons,
			(SELECT count(*) FROM pool_samples n WHERE n.pool_id = r.pool_id) AS pool_of, r.version, r.call, r.state,
			m.collected_at, m.received_at, r.released_at, coalesce(y.version, 0) AS replaces, CASE WHEN y.id IS NULL THEN '' ELSE r.reason END AS reason
		FROM results r LEFT JOIN amended_results x ON x.new_id = r.id LEFT JOIN results y ON y.id = x.result_id JOIN orders o ON o.id = r.order_id JOIN samples m ON m.id = r.sample_id
		WHERE r.department_id = $1 AND r.cursor > $2 ORDER BY r.cursor LIMIT $3`, department, after, limit)
}
