package store

import (
	"context"
	"time"
)

// DeliveryRow is one delivery with its way.
type DeliveryRow struct {
	ID             string     `db:"id"`
	Seq            int64      `db:"seq"`
	Destination    string     `db:"destination"`
	Line           string     `db:"line"`
	Format         string     `db:"format"`
	Channel        string     `db:"channel"`
	Department     Name       `db:"dep"`
	State          string     `db:"state"`
	Positive       bool       `db:"positive"`
	Results        int        `db:"results"`
	Notice         int64      `db:"notice_id"` // 0: results
	Kind           string     `db:"kind"`      // of the notice: recall, withdrawal; correction; "" results
	Tries          int        `db:"tries"`
	QueuedAt       time.Time  `db:"queued_at"`
	NextAt         time.Time  `db:"next_at"`
	DeliveredAt    *time.Time `db:"delivered_at"`
	AcknowledgedAt *time.Time `db:"acknowledged_at"`
	Error          string     `db:"error"`
	Receipt        string     `db:"receipt"`
}

const deliveryColumns = `v.id, v.seq, n.name AS destination, n.line, n.format, n.channel, d.name_zh AS "dep.name_zh",
	d.name_en AS "dep.name_en", v.state, v.positive, v.results, coalesce(v.notice_id, 0) AS notice_id, coalesce(e.kind, CASE WHEN v.correction THEN 'correction' ELSE '' END) AS kind, v.tries, v.queued_at, v.next_at, v.delivered_at,
	v.acknowledged_at, v.error, v.receipt
	FROM deliveries v JOIN destinations n ON n.id = v.destination_id JOIN departments d ON d.id = v.department_id
	LEFT JOIN notices e ON e.id = v.notice_id `

// Deliveries lists deliveries newest first, of one state or ("") of all.
func (s *Store) Deliveries(ctx context.Context, sc Scope, state string, p Page) ([]DeliveryRow, error) {
	before, n := p.cut()
	return list[DeliveryRow](ctx, s, `SELECT `+deliveryColumns+`WHERE ($1 = 0 OR v.lab_id = $1) AND ($2 = 0 OR v.department_id = $2)
		AND ($3 = '' OR v.state = $3) AND v.seq < $4 ORDER BY v.seq DESC LIMIT $5`, sc.Lab, sc.Department, state, before, n)
}

// DeliveryTally counts what is under way or stuck.
type DeliveryTally struct {
	Queued    int `db:"queued"`
	Sending   int `db:"sending"`
	Delivered int `db:"delivered"` // not acknowledged yet
	Refused   int `db:"refused"`
	Notices   int `db:"notices"` // of all these, recalls and withdrawals
}

// DeliveryTally counts the deliveries that are not finished.
func (s *Store) DeliveryTally(ctx context.Context, sc Scope) (DeliveryTally, error) {
	return single[DeliveryTally](ctx, s, `SELECT count(*) FILTER (WHERE state = 'queued') AS queued,
			count(*) FILTER (WHERE state = 'sending') AS sending, count(*) FILTER (WHERE state = 'delivered') AS delivered,
			count(*) FILTER (WHERE state = 'refused') AS refused, count(notice_id) AS notices
		FROM (SELECT state, lab_id, department_id, notice_id FROM deliveries WHERE state = 'queued'
			UNION ALL SELECT state, lab_id, department_id, notice_id FROM deliveries WHERE state = 'sending'
			UNION ALL SELECT state, lab_id, department_id, notice_id FROM deliveries WHERE state IN ('delivered','refused')) v
		WHERE ($1 = 0 OR lab_id = $1) AND ($2 = 0 OR department_id = $2)`, sc.Lab, sc.Department)
}
