package store

import (
	"context"

	"natlims/lims"
)

// Plates that come in parts: messages that wait for the rest of their plate, and those that were recorded with another.
const (
	CodePartial = "plate.partial" // parked: wells are missing, nothing else is wrong
	codePart    = "message.part"  // recorded with the message that completed the plate
)

// maxParts is the largest number of messages that make up one plate.
const maxParts = 400

// Parts are the other messages of the instrument that wait for the rest of a plate; of a recorded message those that it completed.
func (s *Store) Parts(ctx context.Context, m Message, plate string) (rows []Message, err error) {
	if m.State == lims.Recorded {
		return list[Message](ctx, s, `SELECT `+readColumns+` WHERE m.instrument_id = $1 AND m.id <> $2 AND m.state = 'recorded' AND m.code = $3
			AND (m.args->>'message')::bigint = $2 ORDER BY m.id LIMIT $4`, m.Instrument, m.ID, codePart, maxParts)
	}
	return list[Message](ctx, s, `SELECT `+readColumns+` WHERE m.instrument_id = $1 AND m.id <> $2 AND m.state = 'parked' AND m.code = $3
		AND m.args->>'plate' = $4 ORDER BY m.id LIMIT $5`, m.Instrument, m.ID, CodePartial, plate, maxParts)
}

// alone refuses a part that was judged with other parts than those that wait now. The plate's row is locked first, so that of two servers
// that take the last two parts at once the second one sees the first.
func (x *tx) alone(m Message, args lims.Args) error {
	code := args["plate"]
	if err := x.exec(`SELECT 1 FROM plates WHERE code = $1 FOR UPDATE`, code); err != nil {
		return err
	}
	var waiting int
	if err := x.one(&waiting, `SELECT count(*) FROM messages m WHERE m.instrument_id = $1 AND m.id <> $2 AND m.state = 'parked' AND m.code = $3
		AND m.args->>'plate' = $4`, m.Instrument, m.ID, CodePartial, code); err != nil {
		return err
	}
	if seen, _ := args["parts"].(int); min(waiting, maxParts) != seen {
		return lims.E(lims.Conflict, "parts.moved", lims.Args{"plate": code})
	}
	return nil
}

// joined records the parts of a plate with the message that completed it.
func (x *tx) joined(m Message, parts []int64) error {
	if len(parts) == 0 {
		return nil
	}
	x.noteAll("record", "message", parts, map[string]any{"with": m.ID})
	return x.move(lims.MessageMoves, "messages", "record", parts, `, settled_at = $4, code = $5, args = jsonb_build_object('message', $6::bigint)`,
		x.now, codePart, m.ID)
}
