package store

import (
	"context"
	"time"

	"github.com/lib/pq"
)

// Float4s is an array of numbers.
type Float4s = pq.Float64Array

// WorkRow is a plate (or the results without a plate) that waits for signatures, counted in orders.
type WorkRow struct {
	Plate    string     `db:"plate"` // "" results without a plate
	Kit      string     `db:"kit_key"`
	Lab      Name       `db:"lab"`
	Called   int        `db:"called"`
	Checked  int        `db:"checked"`
	Held     int        `db:"held"`
	Negative int        `db:"negative"`
	Positive int        `db:"positive"` // positive and presumptive positive
	Other    int        `db:"other"`
	Accepted bool       `db:"accepted"` // the controls held
	CalledAt time.Time  `db:"called_at"`
	DueAt    *time.Time `db:"due_at"`
	Mine     int        `db:"mine"`    // checked by the actor: another person must release these
	Blocked  bool       `db:"blocked"` // quality control is out, or flags that nobody has touched: nothing is released
}

// Work lists the plates that wait for a first or a second signature, the most urgent first.
func (s *Store) Work(ctx context.Context, sc Scope, actor int64) ([]WorkRow, error) {
	return list[WorkRow](ctx, s, `SELECT coalesce(p.code,'') AS plate, coalesce(p.kit_key,'') AS kit_key,
			l.name_zh AS "lab.name_zh", l.name_en AS "lab.name_en",
			count(*) FILTER (WHERE t.state = 'called') AS called, count(*) FILTER (WHERE t.state = 'checked') AS checked,
			count(*) FILTER (WHERE t.state = 'held') AS held, count(*) FILTER (WHERE t.call = 'negative') AS negative,
			count(*) FILTER (WHERE t.call IN ('positive','presumptive_positive')) AS positive,
			count(*) FILTER (WHERE t.call NOT IN ('negative','positive','presumptive_positive')) AS other,
			coalesce(bool_and(r.accepted), true) AS accepted, min(t.called_at) AS called_at, min(m.due_at) AS due_at,
			count(*) FILTER (WHERE t.state = 'checked' AND t.checked_by = $2) AS mine,
			coalesce(bool_or(t.run_id IN (SELECT run_id FROM iqc_events WHERE reject AND closed_at IS NULL
				UNION ALL SELECT run_id FROM flags WHERE touched_at IS NULL)), false) AS blocked
		FROM results t JOIN samples m ON m.id = t.sample_id JOIN labs l ON l.id = t.lab_id
		LEFT JOIN runs r ON r.id = t.run_id LEFT JOIN plates p ON p.id = r.plate_id
		WHERE t.state IN ('called','held','checked') AND ($1 = 0 OR t.lab_id = $1)
		GROUP BY p.code, p.kit_key, l.id ORDER BY min(m.due_at) NULLS LAST, min(t.called_at) LIMIT 300`, sc.Lab, actor)
}

// Sheaf is the results of one tube that stand in the same state with the same call: they are signed together.
type Sheaf struct {
	Sample     int64         `db:"sample_id"`
	Barcode    string        `db:"barcode"`
	Mode       string        `db:"mode"`
	Call       string        `db:"call"`
	State      string        `db:"state"`
	Run        int64         `db:"run_id"`
	IDs        pq.Int64Array `db:"ids"`
	CheckedBy  string        `db:"checked_by"`
	CheckedID  int64         `db:"checked_id"`
	CheckedAt  *time.Time    `db:"checked_at"`
	ReleasedBy string        `db:"released_by"`
	ReleasedAt *time.Time    `db:"released_at"`
	DueAt      *time.Time    `db:"due_at"`
	Reason     string        `db:"reason"`
	Auto       string        `db:"auto_version"` // of the rules by which the first signature was given; "" by the person
	Amendment  int64         `db:"amendment_id"` // that these results correct others in; 0 none
}

const sheafColumns = `t.sample_id, m.barcode, m.mode, t.call, t.state, coalesce(t.run_id,0) AS run_id,
	array_agg(t.id ORDER BY t.id) AS ids, coalesce(cb.name,'') AS checked_by, coalesce(t.checked_by,0) AS checked_id,
	max(t.checked_at) AS checked_at, coalesce(rb.name,'') AS released_by, max(t.released_at) AS released_at,
	min(o.due_at) AS due_at, max(t.reason) AS reason,
	max(t.auto_version) AS auto_version, coalesce(max(am.amendment_id), 0) AS amendment_id
	FROM results t LEFT JOIN amended_results am ON am.new_id = t.id JOIN orders o ON o.id = t.order_id JOIN samples m ON m.id = t.sample_id
	LEFT JOIN actors cb ON cb.id = t.checked_by LEFT JOIN actors rb ON rb.id = t.released_by `

const sheafGroup = ` GROUP BY t.sample_id, m.barcode, m.mode, t.call, t.state, t.run_id, t.checked_by, cb.name, rb.name `

// PlateSheaves lists all results that the runs of a plate gave, whatever their state, by tube.
func (s *Store) PlateSheaves(ctx context.Context, plate int64) ([]Sheaf, error) {
	return list[Sheaf](ctx, s, `SELECT `+sheafColumns+
		`WHERE t.run_id IN (SELECT id FROM runs WHERE plate_id = $1)`+sheafGroup+`ORDER BY t.sample_id, min(t.id)`, plate)
}

// LooseSheaves lists the results without a plate that wait for a signature, such as those of rejected tubes.
func (s *Store) LooseSheaves(ctx context.Context, sc Scope) ([]Sheaf, error) {
	return list[Sheaf](ctx, s, `SELECT `+sheafColumns+`LEFT JOIN runs r ON r.id = t.run_id
		WHERE t.state IN ('called','held','checked') AND r.plate_id IS NULL AND ($1 = 0 OR t.lab_id = $1)`+
		sheafGroup+`ORDER BY min(o.due_at) NULLS LAST, t.sample_id LIMIT 500`, sc.Lab)
}
