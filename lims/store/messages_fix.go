package store

import (
	"context"

	"natlims/lims"
)

// What a person does to put a message right, beside binding it to a plate.

// AgainMessage has a parked message read again, after what it missed was put right: a tube was received, a mapping was written.
func (s *Store) AgainMessage(ctx context.Context, by lims.Actor, id int64) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		n, err := x.count(`UPDATE messages SET code = $2 WHERE id = $1 AND state = 'parked' AND ($3 = 0 OR lab_id = $3 OR lab_id IS NULL)`, id, codeBound, by.Lab)
		if err == nil && n == 0 {
			err = lims.E(lims.Conflict, "state.moved", lims.Args{"what": "messages", "event": "retry", "ids": []int64{id}})
		}
		if err != nil {
			return err
		}
		x.note("retry", "message", id, nil)
		return x.exec(`SELECT pg_notify($1, '')`, NotifyMessages)
	})
}

// Adoption says which instrument an unknown sender was. KnownBy (ByName, ByAddress, ByPort) lets the next message be recognised; "" is about
// this message only.
type Adoption struct {
	Instrument int64
	KnownBy    string
}

// AdoptMessage says which instrument an unknown sender was. What is failed or parked is read again as that instrument's; where the
// instrument has sent the same bytes under its own name, the message is put aside as a repeat.
func (s *Store) AdoptMessage(ctx context.Context, by lims.Actor, id int64, a Adoption) error {
	instrument := a.Instrument
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		var lab int64
		if err := x.one(&lab, `SELECT lab_id FROM instruments WHERE id = $1 AND active`, instrument); missing(err) {
			return lims.E(lims.Invalid, "instrument.unknown", nil)
		} else if err != nil {
			return err
		}
		if err := inLab(by, lab); err != nil {
			return err
		}
		var m struct {
			State lims.State `db:"state"`
			Twin  int64      `db:"twin"`
			Whole bool       `db:"complete"`
		}
		err := x.one(&m, `SELECT state, complete, coalesce((SELECT id FROM messages t WHERE coalesce(t.instrument_id, 0) = $2 AND t.sha256 = m.sha256), 0) AS twin
			FROM messages m WHERE m.id = $1 AND m.instrument_id IS NULL AND m.state IN ('failed','parked') FOR UPDATE OF m`, id, instrument)
		if missing(err) {
			return lims.E(lims.Conflict, "state.moved", lims.Args{"what": "messages", "event": "adopt", "ids": []int64{id}})
		}
		if err != nil {
			return err
		}
		x.note("adopt", "message", id, map[string]any{"instrument": instrument, "twin": m.Twin})
		if a.KnownBy != "" {
			if err := x.learn(id, instrument, a.KnownBy); err != nil {
				return err
			}
		}
		if m.Twin != 0 {
			return x.move(lims.MessageMoves, "messages", "ignore", []int64{id}, `, code = 'message.repeat', args = jsonb_build_object('message', $4::bigint)`, m.Twin)
		}
		if err := x.exec(`UPDATE messages SET instrument_id = $2, lab_id = $3 WHERE id = $1`, id, instrument, lab); err != nil {
			return err
		}
		switch {
		case m.State == lims.Parked:
			err = x.exec(`UPDATE messages SET code = $2 WHERE id = $1`, id, codeBound)
		case m.Whole: // what broke off stays where it is until somebody wants it read
			err = x.move(lims.MessageMoves, "messages", "retry", []int64{id}, `, code = '', args = '{}', settled_at = NULL`)
		}
		if err != nil {
			return err
		}
		return x.exec(`SELECT pg_notify($1, '')`, NotifyMessages)
	})
}
