package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// Amendment is the correction of released results of one tube, from the doubt to the signed result or back.
type Amendment struct {
	ID         int64         `db:"id"`
	Lab        Name          `db:"lab"`
	LabID      int64         `db:"lab_id"`
	Barcode    string        `db:"barcode"`
	TubeState  string        `db:"tube_state"`
	Persons    int           `db:"persons"` // whose results are corrected
	Code       string        `db:"code"`
	Reason     string        `db:"reason"`
	OpenedBy   string        `db:"opened_by"`
	OpenedAt   time.Time     `db:"opened_at"`
	Basis      string        `db:"basis"` // "" nothing called yet, run, record
	Plate      string        `db:"plate"` // of the run
	Pos        string        `db:"pos"`
	Kit        string        `db:"kit_key"`
	Evidence   string        `db:"evidence"`
	Renamed    bool          `db:"renamed"` // the result is another's
	CalledBy   string        `db:"called_by"`
	CalledAt   *time.Time    `db:"called_at"`
	Outcome    string        `db:"outcome"` // "" open, released, dropped
	EndedBy    string        `db:"ended_by"`
	EndedAt    *time.Time    `db:"ended_at"`
	EndReason  string        `db:"end_reason"`
	OldCall    string        `db:"old_call"`
	OldVersion int           `db:"old_version"`
	OldAt      *time.Time    `db:"old_at"` // when the wrong result was released
	OldBy      string        `db:"old_by"`
	Call       string        `db:"call"`  // of the corrected result
	State      string        `db:"state"` // of the corrected result; "" none
	Version    int           `db:"version"`
	IDs        pq.Int64Array `db:"ids"` // of the corrected results that wait for a signature
	CheckedBy  string        `db:"checked_by"`
	CheckedID  int64         `db:"checked_id"`
	CheckedAt  *time.Time    `db:"checked_at"`
}

// Open says whether the amendment goes on.
func (a Amendment) Open() bool { return a.Outcome == "" }

// Wants says whether a corrected result is still to be called.
func (a Amendment) Wants() bool {
	return a.Open() && (a.State == "" || a.State == string(lims.Withdrawn))
}

const amendmentColumns = `a.id, l.name_zh AS "lab.name_zh", l.name_en AS "lab.name_en", a.lab_id, s.barcode, s.state AS tube_state, m.persons, a.code, a.reason,
	ob.name AS opened_by, a.opened_at, a.basis, coalesce(p.code,'') AS plate, a.pos, coalesce(a.kit_key,'') AS kit_key, a.evidence,
	a.subject_id IS NOT NULL AS renamed, coalesce(cb.name,'') AS called_by, a.called_at, a.outcome, coalesce(eb.name,'') AS ended_by, a.ended_at, a.end_reason,
	r.call AS old_call, r.version AS old_version, r.released_at AS old_at, coalesce(rb.name,'') AS old_by, coalesce(n.call,'') AS call,
	coalesce(n.state,'') AS state, coalesce(n.version,0) AS version, m.ids, coalesce(kb.name,'') AS checked_by, coalesce(n.checked_by,0) AS checked_id, n.checked_at
	FROM amendments a JOIN labs l ON l.id = a.lab_id JOIN samples s ON s.id = a.sample_id JOIN actors ob ON ob.id = a.opened_by
	JOIN LATERAL (SELECT count(*) AS persons, min(m.result_id) AS old_id, min(m.new_id) AS new_id,
		coalesce(array_agg(m.new_id ORDER BY m.new_id) FILTER (WHERE v.state IN ('called','held','checked')), '{}') AS ids
		FROM amended_results m LEFT JOIN results v ON v.id = m.new_id WHERE m.amendment_id = a.id) m ON true
	JOIN results r ON r.id = m.old_id LEFT JOIN actors rb ON rb.id = r.released_by
	LEFT JOIN results n ON n.id = m.new_id LEFT JOIN actors kb ON kb.id = n.checked_by
	LEFT JOIN runs u ON u.id = a.run_id LEFT JOIN plates p ON p.id = u.plate_id
	LEFT JOIN actors cb ON cb.id = a.called_by LEFT JOIN actors eb ON eb.id = a.ended_by `

// Amendments lists the amendments of a laboratory, those that go on first, then newest first.
func (s *Store) Amendments(ctx context.Context, sc Scope, p Page) ([]Amendment, error) {
	before, n := p.cut()
	return list[Amendment](ctx, s, `SELECT `+amendmentColumns+`WHERE ($1 = 0 OR a.lab_id = $1) AND $2 = 0 AND a.id < $3
		ORDER BY a.outcome <> '', a.id DESC LIMIT $4`, sc.Lab, sc.Department, before, n)
}

// AmendmentByID reads one amendment.
func (s *Store) AmendmentByID(ctx context.Context, sc Scope, id int64) (Amendment, error) {
	return single[Amendment](ctx, s, `SELECT `+amendmentColumns+`WHERE a.id = $3 AND ($1 = 0 OR a.lab_id = $1) AND $2 = 0`, sc.Lab, sc.Department, id)
}

// OpenAmendments counts what goes on in a laboratory.
func (s *Store) OpenAmendments(ctx context.Context, sc Scope) (n int, err error) {
	err = s.db.GetContext(ctx, &n, `SELECT count(*) FROM amendments WHERE outcome = '' AND ($1 = 0 OR lab_id = $1) AND $2 = 0`, sc.Lab, sc.Department)
	return n, mapped(ctx, err)
}

// EvidenceRow is a call of a run on which a corrected result may rest.
type EvidenceRow struct {
	Run        int64           `db:"run_id"`
	Message    int64           `db:"message_id"`
	Barcode    string          `db:"barcode"`
	Plate      string          `db:"plate"`
	Pos        string          `db:"pos"`
	Kit        string          `db:"kit_key"`
	Call       string          `db:"call"`
	Why        string          `db:"why"`
	Targets    json.RawMessage `db:"targets"`
	Usable     bool            `db:"usable"` // the controls held
	Cited      bool            `db:"cited"`  // the wrong result rests on it
	Replay     bool            `db:"replay"`
	RecordedAt time.Time       `db:"recorded_at"`
}

// Evidence lists the calls of the runs on the tubes of an amendment's orders, newest first, and on another tube by its barcode:
// that is for tubes that were mistaken for one another.
func (s *Store) Evidence(ctx context.Context, sc Scope, id int64, other string) ([]EvidenceRow, error) {
	return list[EvidenceRow](ctx, s, `WITH m AS MATERIALIZED (SELECT x.order_id, r.run_id FROM amended_results x JOIN results r ON r.id = x.result_id
			JOIN amendments a ON a.id = x.amendment_id WHERE x.amendment_id = $1 AND ($2 = 0 OR a.lab_id = $2)),
		tubes AS MATERIALIZED (SELECT sample_id AS id FROM contents WHERE order_id IN (SELECT order_id FROM m)
			UNION SELECT id FROM samples WHERE barcode = $3 AND ($2 = 0 OR lab_id = $2))
		SELECT c.run_id, u.message_id, s.barcode, coalesce(p.code,'') AS plate, c.pos, c.kit_key, c.call, c.why, c.targets, u.accepted AND NOT c.invalid AS usable,
			c.run_id IN (SELECT run_id FROM m) AS cited, u.replays IS NOT NULL AS replay, u.recorded_at
		FROM calls c JOIN runs u ON u.id = c.run_id JOIN samples s ON s.id = c.sample_id LEFT JOIN plates p ON p.id = u.plate_id
		WHERE c.sample_id IN (SELECT id FROM tubes) ORDER BY c.run_id DESC, s.id, c.kit_key LIMIT 60`, id, sc.Lab, other)
}

// AmendmentAudit is who did what in an amendment, oldest first.
func (s *Store) AmendmentAudit(ctx context.Context, id int64) ([]AuditRow, error) {
	return list[AuditRow](ctx, s, `SELECT u.id, u.at, coalesce(a.name,'') AS actor, u.verb, u.entity, u.key, u.changes FROM (
			SELECT 'amendment' AS entity, $1::bigint AS key UNION ALL SELECT 'result', new_id FROM amended_results WHERE amendment_id = $1 AND new_id IS NOT NULL) k
		JOIN audit u ON u.entity = k.entity AND u.key = k.key LEFT JOIN actors a ON a.id = u.actor_id ORDER BY u.id LIMIT 200`, id)
}
