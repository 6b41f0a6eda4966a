package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// Arrival is the bytes of one message as they came. Instrument 0 is a sender that no line names: where a person has told by what it is
// known (see Sender) the message is that instrument's, else it is kept and shown as an unknown sender's, never dropped.
type Arrival struct {
	Instrument int64
	Line       string // serial, tcp-listen, tcp-dial, folder, push
	Peer       string // port, remote address or folder
	Name       string // file name, for people
	Bytes      []byte
	Complete   bool // false: the transmission broke off
}

// MaxMessage is the largest message in bytes.
const MaxMessage = 64 << 20

// Kept is what became of an arrival. Repeat means that this instrument sent the same bytes before: the arrival is on record
// and nothing is judged twice.
type Kept struct {
	ID     int64
	Repeat bool
	State  lims.State
}

// Channels of LISTEN. A wake-up only: the rows are the truth.
const (
	NotifyMessages   = "natlims_messages"
	NotifyDeliveries = "natlims_deliveries"
)

// KeepMessage stores the bytes. Only after it has returned may the instrument be told that they arrived.
func (s *Store) KeepMessage(ctx context.Context, a Arrival) (k Kept, err error) {
	if len(a.Bytes) == 0 || len(a.Bytes) > MaxMessage {
		return k, lims.E(lims.Invalid, "message.size", lims.Args{"max": MaxMessage, "got": len(a.Bytes)})
	}
	hash := sha256.Sum256(a.Bytes)
	state, code := lims.Kept, ""
	if !a.Complete { // an identity of its own: the whole transmission may bring the same bytes and is then no repeat of this
		state, code = lims.Failed, "message.incomplete"
		hash = sha256.Sum256(append(hash[:], "incomplete"...))
	}
	err = s.do(ctx, lims.Actor{}, func(x *tx) error {
		k = Kept{State: state}
		if a.Instrument == 0 {
			if a.Instrument, err = x.known(traits(a.Line, a.Peer, a.Bytes)); err != nil {
				return err
			}
		}
		err := x.one(&k.ID, `INSERT INTO messages (instrument_id, lab_id, sha256, bytes, name, complete, kept_at, state, code, settled_at)
			VALUES (nullif($1::bigint, 0), (SELECT lab_id FROM instruments WHERE id = $1), $2, $3, $4, $5, $6::timestamptz, $7, $8,
				CASE WHEN $5 THEN NULL ELSE $6::timestamptz END)
			ON CONFLICT (coalesce(instrument_id, 0), sha256) DO NOTHING RETURNING id`,
			a.Instrument, hash[:], a.Bytes, a.Name, a.Complete, x.now, string(state), code)
		if missing(err) {
			k.Repeat = true
			err = x.QueryRowContext(ctx, `SELECT id, state FROM messages WHERE coalesce(instrument_id, 0) = $1 AND sha256 = $2`,
				a.Instrument, hash[:]).Scan(&k.ID, &k.State)
		}
		if err != nil {
			return err
		}
		if a.Complete && a.Name != "" && !k.Repeat {
			if err := x.supersede(k.ID); err != nil {
				return err
			}
		}
		if err := x.exec(`INSERT INTO arrivals (message_id, at, line, peer) VALUES ($1,$2,$3,$4)`, k.ID, x.now, a.Line, a.Peer); err != nil {
			return err
		}
		if err := x.exec(`UPDATE instruments SET last_message_at = $2 WHERE id = $1`, a.Instrument, x.now); err != nil {
			return err
		}
		return x.exec(`SELECT pg_notify($1, '')`, NotifyMessages)
	})
	return k, err
}

// supersede puts aside what came of a file before it was whole.
func (x *tx) supersede(whole int64) error {
	var ids []int64
	if err := x.all(&ids, `SELECT m.id FROM messages m JOIN messages w ON w.id = $1 AND w.instrument_id = m.instrument_id AND w.name = m.name
		WHERE NOT m.complete AND m.id < w.id AND m.state IN ('failed','parked') AND length(m.bytes) < length(w.bytes)
			AND substr(w.bytes, 1, length(m.bytes)) = m.bytes ORDER BY m.id LIMIT 100`, whole); err != nil || len(ids) == 0 {
		return err
	}
	x.noteAll("supersede", "message", ids, map[string]any{"by": whole})
	return x.move(lims.MessageMoves, "messages", "ignore", ids, `, code = 'message.superseded', args = jsonb_build_object('message', $4::bigint)`, whole)
}

// Message is a kept message.
type Message struct {
	ID         int64      `db:"id"`
	Instrument int64      `db:"instrument"`
	Lab        int64      `db:"lab"`
	Model      string     `db:"model"`
	Driver     string     `db:"driver"` // of the instrument; empty: by content
	Bytes      []byte     `db:"bytes"`
	Name       string     `db:"name"`
	State      lims.State `db:"state"`
	Plate      int64      `db:"plate"` // bound by a person, else 0
	KeptAt     time.Time  `db:"kept_at"`

	Settings json.RawMessage `db:"settings"` // of the instrument; see WorkOf
	Mapping  string          `db:"mapping"`  // of the instrument, JSON of instruments.Mapping; "" none
	Zone     string          `db:"zone"`     // of the laboratory

	Clock string   `db:"-"` // the instrument's own time in the message, as it wrote it
	Skew  *float64 `db:"-"` // arrival minus that time, in seconds; nil: none that could be read
}

// KeptMessages lists messages that wait to be read, oldest first: new ones and those that a person has bound to a plate.
func (s *Store) KeptMessages(ctx context.Context, after int64, n int) (rows []Message, err error) {
	err = s.db.SelectContext(ctx, &rows, `SELECT `+readColumns+`
		WHERE (m.state = 'kept' OR m.state = 'parked' AND m.code = $3) AND m.id > $1 ORDER BY m.id LIMIT $2`, after, n, codeBound)
	return rows, mapped(ctx, err)
}

// readColumns is what reading a message takes: its bytes and what its instrument is.
const readColumns = `m.id, coalesce(m.instrument_id,0) AS instrument, coalesce(m.lab_id,0) AS lab, coalesce(i.model,'') AS model,
	coalesce(i.driver,'') AS driver, m.bytes, m.name, m.state, coalesce(m.plate_id,0) AS plate, m.kept_at,
	coalesce(i.settings, '{}') AS settings, coalesce(l.zone,'') AS zone,
	coalesce((SELECT body FROM mappings p WHERE p.instrument_id = i.id ORDER BY version DESC LIMIT 1), '') AS mapping
	FROM messages m LEFT JOIN instruments i ON i.id = m.instrument_id LEFT JOIN labs l ON l.id = i.lab_id`

// FailMessage says that no driver could read the message.
func (s *Store) FailMessage(ctx context.Context, id int64, driver, code string, args lims.Args) error {
	return s.settle(ctx, lims.Actor{}, id, "fail", settled{driver: driver, code: code, args: args})
}

// ParkMessage says that the message was read but fits nothing: a person decides. A message that was bound and still does not fit
// stays parked, with the new reason. A part of a plate that was judged without another part that waits is refused with Conflict: judge again.
func (s *Store) ParkMessage(ctx context.Context, m Message, driver, code string, args lims.Args) error {
	return s.do(ctx, lims.Actor{}, func(x *tx) error {
		if code == CodePartial {
			if err := x.alone(m, args); err != nil {
				return err
			}
		}
		return x.park(m, driver, lims.E(lims.Conflict, code, args))
	})
}

// IgnoreMessage puts a failed or parked message aside, with a reason.
func (s *Store) IgnoreMessage(ctx context.Context, by lims.Actor, id int64, reason string) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.settle(ctx, by, id, "ignore", settled{code: "message.ignored", args: lims.Args{"reason": reason}})
}

// RetryMessage has a failed message read again, after a driver was mended. Half a message is never read: what is not in it would
// look like nothing found.
func (s *Store) RetryMessage(ctx context.Context, by lims.Actor, id int64) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	return s.settle(ctx, by, id, "retry", settled{})
}

// BindMessage says to which plate a parked message belongs that names none that is known. It is judged again as that plate's run.
// A run that was compared with a plate and did not fit takes two people: see ProposeFix.
func (s *Store) BindMessage(ctx context.Context, by lims.Actor, id, plateID int64) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		var lab int64
		if err := x.one(&lab, `SELECT lab_id FROM plates WHERE id = $1`, plateID); missing(err) {
			return lims.E(lims.NotFound, "plate.unknown", nil)
		} else if err != nil {
			return err
		}
		if err := inLab(by, lab); err != nil {
			return err
		}
		if err := x.oneMayBind(id); err != nil {
			return err
		}
		n, err := x.count(`UPDATE messages SET plate_id = $2, lab_id = $3, code = $4 WHERE id = $1 AND state = 'parked' AND coalesce(lab_id, $3) = $3`,
			id, plateID, lab, codeBound)
		if err == nil && n == 0 {
			err = lims.E(lims.Conflict, "state.moved", lims.Args{"what": "messages", "event": "bind", "ids": []int64{id}})
		}
		if err != nil {
			return err
		}
		x.note("bind", "message", id, map[string]any{"plate": plateID})
		return x.exec(`SELECT pg_notify($1, '')`, NotifyMessages)
	})
}

// codeBound marks a parked message that a person has bound to a plate and that waits to be judged again.
const codeBound = "message.bound"

type settled struct {
	driver, code string
	args         lims.Args
}

func (s *Store) settle(ctx context.Context, by lims.Actor, id int64, e lims.Event, o settled) error {
	args, err := json.Marshal(o.args)
	if err != nil || o.args == nil {
		args = []byte("{}")
	}
	return s.do(ctx, by, func(x *tx) error {
		x.note(string(e), "message", id, map[string]any{"code": o.code})
		var m struct {
			Lab      int64 `db:"lab"`
			Complete bool  `db:"complete"`
		}
		err := x.one(&m, `SELECT coalesce(lab_id, $2) AS lab, complete FROM messages WHERE id = $1`, id, by.Lab)
		switch {
		case missing(err) || err == nil && by.Lab != 0 && m.Lab != by.Lab:
			return lims.E(lims.NotFound, "not_found", nil)
		case err != nil:
			return err
		case e == "retry" && !m.Complete:
			return lims.E(lims.Invalid, "message.incomplete", nil)
		}
		if err := x.move(lims.MessageMoves, "messages", e, []int64{id},
			`, driver = CASE WHEN $4 = '' THEN driver ELSE $4 END, code = $5, args = $6,
			settled_at = CASE WHEN $3 = 'kept' THEN NULL ELSE $7::timestamptz END`, o.driver, o.code, string(args), x.now); err != nil {
			return err
		}
		return x.exec(`SELECT pg_notify($1, '')`, NotifyMessages)
	})
}

// Listen calls wake whenever one of the channels is notified, and once after every reconnection, until ctx ends.
func (s *Store) Listen(ctx context.Context, wake func(), channels ...string) error {
	l := pq.NewListener(s.dsn, time.Second, 30*time.Second, nil)
	defer l.Close()
	for _, c := range channels {
		if err := l.Listen(c); err != nil {
			return lims.Wrap(lims.Broken, "database.broken", err)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.Notify: // nil after a reconnection: look again as well
			wake()
		}
	}
}

// Wake tells the listeners of a channel to look again, as when a clock other than the machine's has moved on.
func (s *Store) Wake(ctx context.Context, channel string) error {
	_, err := s.db.ExecContext(ctx, `SELECT pg_notify($1, '')`, channel)
	return mapped(ctx, err)
}
