package store

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"natlims/instruments/astm"
	"natlims/instruments/hl7"
	"natlims/lims"
)

// Senders that no line names. A person who says which instrument sent a message may say by what the next one is known: the name in the
// message's header, the remote address, or the port it came in on, in this order where several are known. It can be taken back.
const (
	ByName    = "name"
	ByAddress = "address"
	ByPort    = "port"
)

// Sender is how an unknown sender is known to be an instrument.
type Sender struct {
	ID     int64     `db:"id"`
	What   string    `db:"by_what"`
	Value  string    `db:"value"`
	ToldBy string    `db:"told_by"`
	ToldAt time.Time `db:"told_at"`
}

// Traits are by what a message's sender can be known; "" where it shows none.
type Traits struct {
	Name, Address, Port string
}

// Of is the trait of that kind.
func (t Traits) Of(what string) string {
	return map[string]string{ByName: t.Name, ByAddress: t.Address, ByPort: t.Port}[what]
}

// headerDepth is how far into a message its header is looked for.
const headerDepth = 4096

// traits reads a sender's traits. The remote port of a connection is another one each time and says nothing.
func traits(line, peer string, raw []byte) (t Traits) {
	t.Port, t.Address = line, peer
	if at, err := netip.ParseAddrPort(peer); err == nil {
		t.Address = at.Addr().String()
	}
	head := string(raw[:min(len(raw), headerDepth)])
	switch {
	case strings.HasPrefix(head, "H"):
		if r := astm.NewRecords(head); r.Next() {
			t.Name = r.Part(5, 1)
		}
	case strings.HasPrefix(head, "MSH"):
		head, _, _ = strings.Cut(head, "\r")
		if m, err := hl7.Parse(head); err == nil {
			t.Name, _, _ = strings.Cut(m.Field("MSH", 3), string(rune(m.D.Component)))
		}
	}
	t.Name = clean(strings.TrimSpace(t.Name))
	return t
}

// known is the instrument whose sender a person has told, 0 where nobody has.
func (x *tx) known(t Traits) (id int64, err error) {
	err = x.one(&id, `SELECT s.instrument_id FROM senders s JOIN instruments i ON i.id = s.instrument_id AND i.active
		WHERE s.dropped_at IS NULL AND (s.by_what = 'name' AND s.value = $1 OR s.by_what = 'address' AND s.value = $2 OR s.by_what = 'port' AND s.value = $3)
		ORDER BY CASE s.by_what WHEN 'name' THEN 1 WHEN 'address' THEN 2 ELSE 3 END LIMIT 1`, t.Name, t.Address, t.Port)
	if missing(err) {
		return 0, nil
	}
	return id, err
}

// InstrumentOf is the instrument of a sender that no line names and that asks for its orders, 0 where nobody has told it.
func (s *Store) InstrumentOf(ctx context.Context, line, peer string) (id int64, err error) {
	err = s.do(ctx, lims.Actor{}, func(x *tx) error {
		id, err = x.known(traits(line, peer, nil))
		return err
	})
	return id, err
}

// TraitsOf are by what the sender of a message can be known.
func (s *Store) TraitsOf(ctx context.Context, message int64) (Traits, error) {
	m, err := single[senderRow](ctx, s, senderRead, message, headerDepth)
	return traits(m.Line, m.Peer, m.Head), err
}

type senderRow struct {
	Line string `db:"line"`
	Peer string `db:"peer"`
	Head []byte `db:"head"`
}

const senderRead = `SELECT a.line, a.peer, substr(m.bytes, 1, $2) AS head FROM messages m JOIN arrivals a ON a.message_id = m.id
	WHERE m.id = $1 ORDER BY a.id DESC LIMIT 1`

// learn makes the sender of a message known as an instrument from now on.
func (x *tx) learn(message, instrument int64, what string) error {
	var m senderRow
	if err := x.one(&m, senderRead, message, headerDepth); err != nil {
		return err
	}
	value := traits(m.Line, m.Peer, m.Head).Of(what)
	if value == "" {
		return lims.E(lims.Invalid, "sender.no_trait", lims.Args{"trait": what})
	}
	n, err := x.count(`INSERT INTO senders (instrument_id, by_what, value, message_id, told_by, told_at) VALUES ($1,$2,$3,$4,$5,$6)
		ON CONFLICT (by_what, value) WHERE dropped_at IS NULL DO NOTHING`, instrument, what, value, message, x.actor.ID, x.now)
	if err == nil && n == 0 {
		err = x.sameSender(instrument, what, value)
	}
	x.note("remember", "instrument", instrument, map[string]any{"by": what, "value": value, "message": message})
	return err
}

// sameSender refuses a trait that is another instrument's.
func (x *tx) sameSender(instrument int64, what, value string) error {
	var other struct {
		ID   int64  `db:"id"`
		Code string `db:"code"`
	}
	err := x.one(&other, `SELECT i.id, i.code FROM senders s JOIN instruments i ON i.id = s.instrument_id
		WHERE s.by_what = $1 AND s.value = $2 AND s.dropped_at IS NULL`, what, value)
	if err == nil && other.ID != instrument {
		return lims.E(lims.Conflict, "sender.taken", lims.Args{"value": value, "instrument": other.Code})
	}
	return err
}

// Senders lists by what senders are known to be an instrument, oldest first.
func (s *Store) Senders(ctx context.Context, instrument int64) ([]Sender, error) {
	return list[Sender](ctx, s, `SELECT s.id, s.by_what, s.value, a.name AS told_by, s.told_at FROM senders s JOIN actors a ON a.id = s.told_by
		WHERE s.instrument_id = $1 AND s.dropped_at IS NULL ORDER BY s.id LIMIT 100`, instrument)
}

// ForgetSender takes back by what a sender was known: its next message is an unknown sender's again. What was read stays.
func (s *Store) ForgetSender(ctx context.Context, by lims.Actor, instrument, id int64) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		var lab int64
		if err := x.one(&lab, `SELECT lab_id FROM instruments WHERE id = $1`, instrument); missing(err) {
			return lims.E(lims.NotFound, "instrument.unknown", nil)
		} else if err != nil {
			return err
		}
		if err := inLab(by, lab); err != nil {
			return err
		}
		n, err := x.count(`UPDATE senders SET dropped_at = $3, dropped_by = $4 WHERE id = $1 AND instrument_id = $2 AND dropped_at IS NULL`,
			id, instrument, x.now, by.ID)
		if err == nil && n == 0 {
			err = lims.E(lims.NotFound, "not_found", nil)
		}
		x.note("forget", "instrument", instrument, map[string]any{"sender": id})
		return err
	})
}
