package store

import (
	"context"
	"time"

	"github.com/lib/pq"
)

// Dark results: whatever an instrument ever said ends somewhere, and this is where. A reading is
//
//	reported     a result of its tube rests on its run, or rests on it and was amended since
//	waiting      a result rests on it and is not signed yet
//	superseded   its run was refused, its tube is tested again, its orders had their result, or a later reading replaced it;
//	             or it is of a tube that had its result, and a supervisor has said what it means
//	control      its well holds a control, or it is a quality control
//	empty        nothing stands in its well, and nothing was found there
//	unclaimed    none of these: somebody has to look
//
// Messages that gave no readings are unclaimed as long as they are kept, failed or parked.

// The fates of a reading.
const (
	FateReported   = "reported"
	FateWaiting    = "waiting"
	FateSuperseded = "superseded"
	FateControl    = "control"
	FateEmpty      = "empty"
	FateUnclaimed  = "unclaimed"
)

// Fates are all of them, in the order of pages.
var Fates = []string{FateReported, FateWaiting, FateSuperseded, FateControl, FateEmpty, FateUnclaimed}

// DarkQuery is a span of recording, at most DarkSpan long, and an instrument (0: all).
type DarkQuery struct {
	Scope
	From, To   time.Time
	Instrument int64
}

// DarkSpan bounds the days of one question.
const DarkSpan = 31 * 24 * time.Hour

// DarkRow counts the readings of one instrument by fate and reason.
type DarkRow struct {
	Instrument string `db:"instrument" json:"instrument"` // "" unknown sender
	Fate       string `db:"fate" json:"fate"`
	Reason     string `db:"reason" json:"reason"`
	Readings   int    `db:"n" json:"readings"`
}

// DarkReading is one reading that nobody claims.
type DarkReading struct {
	Instrument string    `db:"instrument" json:"instrument"`
	Message    int64     `db:"message_id" json:"message"`
	Run        int64     `db:"run_id" json:"run"`
	Plate      string    `db:"plate" json:"plate"`
	Well       string    `db:"well" json:"well"`
	Sample     string    `db:"sample" json:"sample"`
	Target     string    `db:"target" json:"target"`
	State      string    `db:"state" json:"state"`
	CqText     string    `db:"cq_text" json:"cq"`
	Reason     string    `db:"reason" json:"reason"`
	RecordedAt time.Time `db:"recorded_at" json:"recorded_at"`
}

// DarkMessage counts messages that gave no readings yet.
type DarkMessage struct {
	Instrument string `db:"instrument" json:"instrument"`
	State      string `db:"state" json:"state"`
	Code       string `db:"code" json:"code"`
	Messages   int    `db:"n" json:"messages"`
}

// darkReadings gives each reading of the runs of a span its place and its fate. It starts from the runs of the span, by index, and
// reads their readings, wells, calls and results by key: the cost is that of the span, not of the history.
const darkReadings = `WITH u AS (
		SELECT r.id, r.message_id, r.plate_id, r.version, r.accepted, r.replays, r.recorded_at, coalesce(i.code,'') AS instrument,
			CASE WHEN p.wells = 384 THEN 24 ELSE 12 END AS cols, coalesce(p.code,'') AS plate
		FROM runs r LEFT JOIN instruments i ON i.id = r.instrument_id LEFT JOIN plates p ON p.id = r.plate_id
		WHERE r.recorded_at >= $1 AND r.recorded_at < $2 AND ($3 = 0 OR r.lab_id = $3) AND ($4 = 0 OR r.instrument_id = $4)
	), w AS (
		SELECT DISTINCT ON (plate_id, pos) plate_id, pos, role, code, kit_key, sample_id, pool_id FROM wells
		WHERE plate_id IN (SELECT plate_id FROM u) ORDER BY plate_id, pos
	), named AS (
		SELECT DISTINCT ON (plate_id, code) plate_id, code, pos FROM w ORDER BY plate_id, code
	), res AS (
		SELECT run_id, sample_id, bool_or(state IN ('released','superseded')) AS out, bool_or(state IN ('called','held','checked')) AS open
		FROM results WHERE run_id IN (SELECT id FROM u) GROUP BY 1, 2
	), c AS ( -- one call a sample and kit, in however many wells
		SELECT DISTINCT ON (run_id, code, kit_key) run_id, code, kit_key, pos, action, invalid FROM calls WHERE run_id IN (SELECT id FROM u) ORDER BY run_id, code, kit_key
	), o AS (
		SELECT DISTINCT sample_id FROM orders WHERE sample_id IN (SELECT sample_id FROM w) AND state IN ('open','waiting')
	), at AS ( -- each well of a run and its fate; several readings share it
		SELECT u.id AS run_id, w.pos, w.role, CASE
			WHEN w.role <> 'sample' THEN 'control'
			WHEN u.replays IS NOT NULL THEN 'superseded/replay'
			WHEN s.out THEN 'reported'
			WHEN s.open THEN 'waiting'
			WHEN NOT u.accepted THEN 'superseded/control_failed'
			WHEN s.sample_id IS NOT NULL THEN 'superseded/withdrawn'
			WHEN c.invalid THEN 'superseded/batch_failed'
			WHEN c.action NOT IN ('', 'resample', 'refer', 'report_unable') THEN 'superseded/repeat'
			WHEN c.pos IS NULL THEN 'unclaimed/no_call'
			WHEN w.pool_id IS NOT NULL THEN 'superseded/pool'
			WHEN o.sample_id IS NULL THEN 'superseded/no_order'
			ELSE 'unclaimed/no_result' END AS fate
		FROM u JOIN w ON w.plate_id = u.plate_id LEFT JOIN res s ON s.run_id = u.id AND s.sample_id = w.sample_id
		LEFT JOIN c ON c.run_id = u.id AND c.code = w.code AND c.kit_key = w.kit_key LEFT JOIN o ON o.sample_id = w.sample_id
	), g AS (
		SELECT u.id, u.message_id, u.plate_id, u.plate, u.instrument, u.recorded_at, d.seq, d.well, d.sample, d.target, d.state, d.cq_text, d.task,
			CASE WHEN d.well = '' THEN n.pos
				WHEN d.well ~ '^[0-9]{1,3}$' THEN chr(65 + (d.well::int - 1) / u.cols) || ((d.well::int - 1) % u.cols + 1)
				ELSE d.well END AS pos
		FROM u JOIN readings d ON d.run_id = u.id LEFT JOIN named n ON d.well = '' AND n.plate_id = u.plate_id AND n.code = d.sample
	), f AS (
		SELECT g.*, CASE
			WHEN g.plate_id IS NULL THEN CASE WHEN g.task <> '' THEN 'control' WHEN z.open THEN 'unclaimed/retest'
				WHEN z.run_id IS NOT NULL THEN 'superseded/retest' ELSE 'unclaimed/no_plate' END
			WHEN at.fate IS NOT NULL THEN at.fate
			WHEN g.state = 'cq' THEN 'unclaimed/no_well'
			ELSE 'empty' END AS fate
		FROM g LEFT JOIN at ON at.run_id = g.id AND at.pos = g.pos
		LEFT JOIN (SELECT run_id, bool_or(settled_at IS NULL) AS open FROM disputes WHERE run_id IN (SELECT id FROM u) GROUP BY 1) z ON z.run_id = g.id
	) `

func (q DarkQuery) args() []any {
	if q.To.Sub(q.From) > DarkSpan {
		q.From = q.To.Add(-DarkSpan)
	}
	return []any{q.From, q.To, q.Lab, q.Instrument}
}

// Dark counts what became of the readings that were recorded in a span.
func (s *Store) Dark(ctx context.Context, q DarkQuery) ([]DarkRow, error) {
	return list[DarkRow](ctx, s, darkReadings+`SELECT instrument, split_part(fate, '/', 1) AS fate, split_part(fate, '/', 2) AS reason, count(*) AS n
		FROM f GROUP BY 1, 2, 3 ORDER BY 1, array_position($5::text[], split_part(fate, '/', 1)), 3`, append(q.args(), pq.Array(Fates))...)
}

// Unclaimed lists the readings of a span that nobody claims, at most 500.
func (s *Store) Unclaimed(ctx context.Context, q DarkQuery) ([]DarkReading, error) {
	return list[DarkReading](ctx, s, darkReadings+`SELECT instrument, message_id, id AS run_id, plate, well, sample, target, state, cq_text,
			split_part(fate, '/', 2) AS reason, recorded_at
		FROM f WHERE fate LIKE 'unclaimed%' ORDER BY id DESC, seq LIMIT 500`, q.args()...)
}

// Unread counts the messages of a span that gave no readings and wait for the line or for a person.
func (s *Store) Unread(ctx context.Context, q DarkQuery) ([]DarkMessage, error) {
	return list[DarkMessage](ctx, s, `SELECT coalesce(i.code,'') AS instrument, m.state, m.code, count(*) AS n
		FROM messages m LEFT JOIN instruments i ON i.id = m.instrument_id
		WHERE m.kept_at >= $1 AND m.kept_at < $2 AND ($3 = 0 OR m.lab_id = $3 OR m.lab_id IS NULL) AND ($4 = 0 OR m.instrument_id = $4)
			AND m.state IN ('kept','failed','parked') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`, q.args()...)
}
