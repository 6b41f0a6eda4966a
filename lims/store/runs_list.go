package store

import (
	"context"
	"encoding/json"
	"time"

	"natlims/lims"
)

// InstrumentRow is an instrument with what waits on it.
type InstrumentRow struct {
	ID            int64      `db:"id"`
	Code          string     `db:"code"`
	LabName       Name       `db:"lab"`
	Model         string     `db:"model"`
	Serial        string     `db:"serial"`
	Driver        string     `db:"driver"`
	Line          string     `db:"line"`
	Protocol      string     `db:"protocol"`
	Address       string     `db:"address"`
	Active        bool       `db:"active"`
	LastMessageAt *time.Time `db:"last_message_at"`
	Plate         string     `db:"plate"`   // running now, "" none
	Trouble       int        `db:"trouble"` // failed and parked messages
}

// InstrumentRows lists the instruments of a laboratory by code.
func (s *Store) InstrumentRows(ctx context.Context, sc Scope) ([]InstrumentRow, error) {
	return list[InstrumentRow](ctx, s, `SELECT i.id, i.code, l.name_zh AS "lab.name_zh", l.name_en AS "lab.name_en", i.model, i.serial,
			i.driver, i.line, i.protocol, i.address, i.active, i.last_message_at, coalesce(p.code,'') AS plate, coalesce(t.n,0) AS trouble
		FROM instruments i JOIN labs l ON l.id = i.lab_id
		LEFT JOIN (SELECT instrument_id, max(code) AS code FROM plates WHERE state = 'running' GROUP BY 1) p ON p.instrument_id = i.id
		LEFT JOIN (SELECT instrument_id, count(*) AS n FROM messages WHERE state IN ('failed','parked') GROUP BY 1) t
			ON t.instrument_id = i.id
		WHERE ($1 = 0 OR i.lab_id = $1) ORDER BY l.id, i.code LIMIT 500`, sc.Lab)
}

// Pulse says how many instruments of a laboratory are in service and how many of them were heard since the instant.
type Pulse struct {
	Active int `db:"active"`
	Heard  int `db:"heard"`
}

// Pulse counts the instruments.
func (s *Store) Pulse(ctx context.Context, sc Scope, since time.Time) (Pulse, error) {
	return single[Pulse](ctx, s, `SELECT count(*) FILTER (WHERE active) AS active,
		count(*) FILTER (WHERE active AND last_message_at > $2) AS heard FROM instruments WHERE ($1 = 0 OR lab_id = $1)`, sc.Lab, since)
}

// MessageRow is one raw message without its bytes.
type MessageRow struct {
	ID         int64           `db:"id"`
	Instrument string          `db:"instrument"` // "" unknown sender
	Name       string          `db:"name"`
	Size       int             `db:"size"`
	SHA256     string          `db:"sha256"`
	Complete   bool            `db:"complete"`
	State      string          `db:"state"`
	Driver     string          `db:"driver"`
	Plate      string          `db:"plate"` // bound by a person, or of its first run
	Code       string          `db:"code"`
	Args       json.RawMessage `db:"args"`
	KeptAt     time.Time       `db:"kept_at"`
	SettledAt  *time.Time      `db:"settled_at"`
	Arrivals   int             `db:"arrivals"`
}

const messageColumns = `g.id, coalesce(i.code,'') AS instrument, g.name, length(g.bytes) AS size, encode(CASE WHEN g.complete THEN g.sha256 ELSE sha256(g.bytes) END,'hex') AS sha256,
	g.complete, g.state, g.driver, coalesce(p.code,'') AS plate, g.code, g.args, g.kept_at, g.settled_at,
	(SELECT count(*) FROM arrivals v WHERE v.message_id = g.id) AS arrivals`

const messageTables = ` FROM messages g LEFT JOIN instruments i ON i.id = g.instrument_id
	LEFT JOIN LATERAL (SELECT plate_id FROM runs WHERE message_id = g.id ORDER BY part LIMIT 1) r ON true
	LEFT JOIN plates p ON p.id = coalesce(g.plate_id, r.plate_id) `

// Messages lists messages newest first: those that need a person (trouble), or all.
func (s *Store) Messages(ctx context.Context, sc Scope, trouble bool, p Page) ([]MessageRow, error) {
	before, n := p.cut()
	which := ""
	if trouble {
		which = `g.state IN ('failed','parked') AND `
	}
	return list[MessageRow](ctx, s, `SELECT `+messageColumns+messageTables+`WHERE `+which+
		`($1 = 0 OR g.lab_id = $1 OR g.lab_id IS NULL) AND g.id < $2 ORDER BY g.id DESC LIMIT $3`, sc.Lab, before, n)
}

// MessageByID reads one message without its bytes.
func (s *Store) MessageByID(ctx context.Context, sc Scope, id int64) (MessageRow, error) {
	return single[MessageRow](ctx, s, `SELECT `+messageColumns+messageTables+
		`WHERE g.id = $1 AND ($2 = 0 OR g.lab_id = $2 OR g.lab_id IS NULL) AND $3 = 0`, id, sc.Lab, sc.Department)
}

// MessageBytes reads the raw bytes for a person. They may name people, so every look leaves an audit row.
func (s *Store) MessageBytes(ctx context.Context, by lims.Actor, id int64) (raw []byte, err error) {
	sc := ScopeOf(by)
	err = s.do(ctx, by, func(x *tx) error {
		err := x.one(&raw, `SELECT bytes FROM messages WHERE id = $1 AND ($2 = 0 OR lab_id = $2 OR lab_id IS NULL) AND $3 = 0`,
			id, sc.Lab, sc.Department)
		if missing(err) {
			return lims.E(lims.NotFound, "not_found", nil)
		}
		x.note("look", "message", id, nil)
		return err
	})
	return raw, err
}

// ArrivalRow is one time the bytes came.
type ArrivalRow struct {
	At   time.Time `db:"at"`
	Line string    `db:"line"`
	Peer string    `db:"peer"`
}

// MessageArrivals lists every time the bytes of a message came.
func (s *Store) MessageArrivals(ctx context.Context, id int64) ([]ArrivalRow, error) {
	return list[ArrivalRow](ctx, s, `SELECT at, line, peer FROM arrivals WHERE message_id = $1 ORDER BY id LIMIT 100`, id)
}

// RunRow is one run with its place.
type RunRow struct {
	ID         int64           `db:"id"`
	Message    int64           `db:"message_id"`
	Part       int             `db:"part"`
	Plate      string          `db:"plate"`
	Instrument string          `db:"instrument"`
	Version    int             `db:"version"`
	Driver     string          `db:"driver"`
	Model      string          `db:"model"`
	Serial     string          `db:"serial"`
	Name       string          `db:"name"`
	Started    string          `db:"started_text"`
	Ended      string          `db:"ended_text"`
	Accepted   bool            `db:"accepted"`
	Verdict    json.RawMessage `db:"verdict"`
	RecordedAt time.Time       `db:"recorded_at"`
	Replays    int64           `db:"replays"` // the run that this one reads again, else 0
}

const runColumns = `r.id, r.message_id, r.part, coalesce(p.code,'') AS plate, coalesce(i.code,'') AS instrument, r.version,
	r.driver, r.model, r.serial, r.name, r.started_text, r.ended_text, r.accepted, r.verdict, r.recorded_at, coalesce(r.replays, 0) AS replays
	FROM runs r LEFT JOIN plates p ON p.id = r.plate_id LEFT JOIN instruments i ON i.id = r.instrument_id `

// MessageRuns lists the runs that a message held.
func (s *Store) MessageRuns(ctx context.Context, id int64) ([]RunRow, error) {
	return list[RunRow](ctx, s, `SELECT `+runColumns+`WHERE r.message_id = $1 ORDER BY r.part LIMIT 100`, id)
}

// PlateRuns lists the runs of a plate, newest first.
func (s *Store) PlateRuns(ctx context.Context, plate int64) ([]RunRow, error) {
	return list[RunRow](ctx, s, `SELECT `+runColumns+`WHERE r.plate_id = $1 ORDER BY r.version DESC LIMIT 20`, plate)
}

// CurveRow is the fluorescence of one target of a well.
type CurveRow struct {
	Target string  `db:"target"`
	Dye    string  `db:"dye"`
	Kind   string  `db:"kind"`
	First  int     `db:"first"`
	Y      Float4s `db:"y"`
}

// WellCurves reads the curves of one well, the most processed kind where there are several.
func (s *Store) WellCurves(ctx context.Context, run int64, well string) ([]CurveRow, error) {
	return list[CurveRow](ctx, s, `SELECT DISTINCT ON (target, dye) target, dye, kind, first, y[coalesce(ends[n - 1], 0) + 1:ends[n]] AS y
		FROM well_curves CROSS JOIN unnest(targets, dyes, kinds, firsts) WITH ORDINALITY AS c (target, dye, kind, first, n)
		WHERE run_id = $1 AND well = $2 ORDER BY target, dye, array_position(ARRAY['drn','rn','raw'], kind)`, run, well)
}

// ReadingRow is what the instrument said of one target of a well.
type ReadingRow struct {
	Target string `db:"target"`
	Dye    string `db:"dye"`
	State  string `db:"state"`
	CqText string `db:"cq_text"`
	Call   string `db:"call"`
	Value  string `db:"value"`
	Unit   string `db:"unit"`
	Omit   bool   `db:"omit"`
	Line   int    `db:"line"`
}

// WellReadings reads what the instrument said of one well.
func (s *Store) WellReadings(ctx context.Context, run int64, well string) ([]ReadingRow, error) {
	return list[ReadingRow](ctx, s, `SELECT target, dye, state, cq_text, call, value, unit, omit, line FROM readings
		WHERE run_id = $1 AND well = $2 ORDER BY seq LIMIT 100`, run, well)
}
