package store

import (
	"context"

	"natlims/lims"
)

// Trays sort the messages that need a person by what the person does about them.
const (
	TrayTrouble    = "trouble"    // failed or parked, whole, of a known instrument
	TrayUnknown    = "unknown"    // failed or parked, of a sender that no instrument is
	TrayIncomplete = "incomplete" // the transmission broke off
	TrayAll        = "all"
)

// Trays are all of them, in the order of pages.
var Trays = []string{TrayTrouble, TrayUnknown, TrayIncomplete, TrayAll}

var trayRules = map[string]string{
	TrayTrouble:    `g.state IN ('failed','parked') AND g.complete AND g.instrument_id IS NOT NULL AND `,
	TrayUnknown:    `g.state IN ('failed','parked') AND g.complete AND g.instrument_id IS NULL AND `,
	TrayIncomplete: `g.state IN ('failed','parked') AND NOT g.complete AND `,
	TrayAll:        ``,
}

// TrayRow is a message and how it came.
type TrayRow struct {
	MessageRow
	Line  string `db:"line"`
	Peer  string `db:"peer"`
	Later int64  `db:"later"` // of what broke off: the message that brought the whole of it afterwards, else 0
}

// Tray lists the messages of a tray, newest first.
func (s *Store) Tray(ctx context.Context, sc Scope, tray string, p Page) ([]TrayRow, error) {
	rule, ok := trayRules[tray]
	if !ok {
		return nil, lims.E(lims.Invalid, "tray.unknown", lims.Args{"got": tray})
	}
	before, n := p.cut()
	return list[TrayRow](ctx, s, `SELECT `+messageColumns+`, coalesce(a.line,'') AS line, coalesce(a.peer,'') AS peer, coalesce(z.id, 0) AS later`+messageTables+`
		LEFT JOIN LATERAL (SELECT line, peer FROM arrivals v WHERE v.message_id = g.id ORDER BY v.id DESC LIMIT 1) a ON true
		LEFT JOIN LATERAL (SELECT id FROM (SELECT id, bytes, complete FROM messages m WHERE NOT g.complete AND m.instrument_id = g.instrument_id AND m.id > g.id
				ORDER BY m.id LIMIT 20) next
			WHERE complete AND substr(bytes, 1, length(g.bytes)) = g.bytes ORDER BY id LIMIT 1) z ON true
		WHERE `+rule+`($1 = 0 OR g.lab_id = $1 OR g.lab_id IS NULL) AND g.id < $2 ORDER BY g.id DESC LIMIT $3`, sc.Lab, before, n)
}

// TrayCounts counts the messages in the trays that need a person.
func (s *Store) TrayCounts(ctx context.Context, sc Scope) (map[string]int, error) {
	rows, err := list[struct {
		Tray string `db:"tray"`
		N    int    `db:"n"`
	}](ctx, s, `SELECT CASE WHEN NOT complete THEN 'incomplete' WHEN instrument_id IS NULL THEN 'unknown' ELSE 'trouble' END AS tray, count(*) AS n
		FROM messages WHERE state IN ('failed','parked') AND ($1 = 0 OR lab_id = $1 OR lab_id IS NULL) GROUP BY 1`, sc.Lab)
	out := make(map[string]int, len(rows))
	for _, r := range rows {
		out[r.Tray] = r.N
	}
	return out, err
}

// InstrumentMessages lists the last messages of an instrument, newest first.
func (s *Store) InstrumentMessages(ctx context.Context, instrument int64, n int) ([]MessageRow, error) {
	return list[MessageRow](ctx, s, `SELECT `+messageColumns+messageTables+`WHERE g.instrument_id = $1 ORDER BY g.id DESC LIMIT $2`, instrument, n)
}

// InstrumentIn is one instrument within a scope.
func (s *Store) InstrumentIn(ctx context.Context, sc Scope, id int64) (Instrument, error) {
	return single[Instrument](ctx, s, `SELECT id, lab_id, code, model, serial, driver, line, protocol, address, settings, active, last_message_at
		FROM instruments WHERE id = $1 AND ($2 = 0 OR lab_id = $2) AND $3 = 0`, id, sc.Lab, sc.Department)
}

// NoteSetup leaves an audit row of a plate file that was put into an instrument's folder.
func (s *Store) NoteSetup(ctx context.Context, by lims.Actor, plate, instrument int64, file string) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		x.note("setup", "plate", plate, map[string]any{"instrument": instrument, "file": file})
		return nil
	})
}
