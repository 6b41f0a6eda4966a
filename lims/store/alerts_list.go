package store

import (
	"context"
	"encoding/json"
	"time"
)

// AlertRow is one alert.
type AlertRow struct {
	ID             int64           `db:"id"`
	Kind           string          `db:"kind"`
	Lab            Name            `db:"lab"`
	Department     Name            `db:"dep"`
	Barcode        string          `db:"barcode"`
	Plate          string          `db:"plate"`
	Args           json.RawMessage `db:"args"`
	RaisedAt       time.Time       `db:"raised_at"`
	AcknowledgedAt *time.Time      `db:"acknowledged_at"`
	AcknowledgedBy string          `db:"acknowledged_by"`
	ResolvedAt     *time.Time      `db:"resolved_at"`
	ResolvedBy     string          `db:"resolved_by"`
	Reason         string          `db:"reason"`
}

const alertColumns = `e.id, e.kind, l.name_zh AS "lab.name_zh", l.name_en AS "lab.name_en", coalesce(d.name_zh,'') AS "dep.name_zh",
	coalesce(d.name_en,'') AS "dep.name_en", coalesce(m.barcode,'') AS barcode, coalesce(p.code,'') AS plate, e.args, e.raised_at,
	e.acknowledged_at, coalesce(ab.name,'') AS acknowledged_by, e.resolved_at, coalesce(rb.name,'') AS resolved_by, e.reason
	FROM alerts e JOIN labs l ON l.id = e.lab_id LEFT JOIN departments d ON d.id = e.department_id
	LEFT JOIN samples m ON m.id = e.sample_id LEFT JOIN plates p ON p.id = e.plate_id
	LEFT JOIN actors ab ON ab.id = e.acknowledged_by LEFT JOIN actors rb ON rb.id = e.resolved_by `

// Alerts lists alerts newest first: the unresolved ones, or all.
func (s *Store) Alerts(ctx context.Context, sc Scope, all bool, p Page) ([]AlertRow, error) {
	before, n := p.cut()
	which := `e.resolved_at IS NULL AND `
	if all {
		which = ""
	}
	return list[AlertRow](ctx, s, `SELECT `+alertColumns+`WHERE `+which+
		`($1 = 0 OR e.lab_id = $1) AND e.id < $2 ORDER BY e.id DESC LIMIT $3`, sc.Lab, before, n)
}

// OpenAlerts counts the alerts that nobody has acknowledged.
func (s *Store) OpenAlerts(ctx context.Context, sc Scope) (int, error) {
	return single[int](ctx, s, `SELECT count(*) FROM alerts WHERE resolved_at IS NULL AND acknowledged_at IS NULL
		AND ($1 = 0 OR lab_id = $1)`, sc.Lab)
}
