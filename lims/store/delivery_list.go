package store

import (
	"context"
	"time"
)

// DeliveryByID reads one delivery; another department's or laboratory's is not found.
func (s *Store) DeliveryByID(ctx context.Context, sc Scope, id string) (DeliveryRow, error) {
	return single[DeliveryRow](ctx, s, `SELECT `+deliveryColumns+`WHERE v.id = $3::uuid AND ($1 = 0 OR v.lab_id = $1) AND ($2 = 0 OR v.department_id = $2)`,
		sc.Lab, sc.Department, id)
}

// DeliveredRow is one result in a delivery.
type DeliveredRow struct {
	Result     int64      `db:"id"`
	ClientID   string     `db:"client_id"`
	Barcode    string     `db:"barcode"`
	Mode       string     `db:"mode"`
	Call       string     `db:"call"`
	Version    int        `db:"version"`
	State      string     `db:"state"` // superseded where a newer version was released since
	CheckedBy  string     `db:"checked_by"`
	ReleasedBy string     `db:"released_by"`
	ReleasedAt *time.Time `db:"released_at"`
	Plate      string     `db:"plate"` // "" where no plate was read
	Message    int64      `db:"message_id"`
}

// DeliveryContents lists the results of a delivery that the actor may see, by tube; at most a thousand.
func (s *Store) DeliveryContents(ctx context.Context, sc Scope, id string) ([]DeliveredRow, error) {
	return list[DeliveredRow](ctx, s, `SELECT t.id, o.client_id, m.barcode, m.mode, t.call, t.version, t.state, coalesce(cb.name,'') AS checked_by,
			coalesce(rb.name,'') AS released_by, t.released_at, coalesce(p.code,'') AS plate, coalesce(u.message_id,0) AS message_id
		FROM delivery_results x JOIN results t ON t.id = x.result_id JOIN orders o ON o.id = t.order_id JOIN samples m ON m.id = t.sample_id
			LEFT JOIN runs u ON u.id = t.run_id LEFT JOIN plates p ON p.id = u.plate_id
			LEFT JOIN actors cb ON cb.id = t.checked_by LEFT JOIN actors rb ON rb.id = t.released_by
		WHERE x.delivery_id = $3::uuid AND ($1 = 0 OR t.lab_id = $1) AND ($2 = 0 OR t.department_id = $2)
		ORDER BY m.barcode, o.client_id LIMIT 1000`, sc.Lab, sc.Department, id)
}
