package web

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"natlims/lims"
	"natlims/lims/store"
)

type instrumentsPage struct {
	Instruments []store.InstrumentRow
	Skews       map[int64]store.Skew
	Trouble     []store.MessageRow
}

func (s *site) instruments(v *visit) error {
	sc := v.labScope()
	rows, err := s.st.InstrumentRows(v.r.Context(), sc)
	if err != nil {
		return err
	}
	trouble, err := s.st.Messages(v.r.Context(), sc, true, store.Page{N: 20})
	if err != nil {
		return err
	}
	skews, err := s.st.Skews(v.r.Context(), sc)
	if err != nil {
		return err
	}
	return v.show("instruments", instrumentsPage{rows, skews, trouble})
}

type messagesPage struct {
	Tray     string
	Trays    []string
	Counts   map[string]int
	Messages []store.TrayRow
	More     int64
}

const messageRows = 100

func (s *site) messages(v *visit) error {
	p := messagesPage{Tray: v.field("tray"), Trays: store.Trays}
	switch {
	case p.Tray != "":
	case v.field("all") != "":
		p.Tray = store.TrayAll
	default:
		p.Tray = store.TrayTrouble
	}
	var err error
	if p.Messages, err = s.st.Tray(v.r.Context(), v.labScope(), p.Tray, v.page(messageRows)); err != nil {
		return err
	}
	if p.Counts, err = s.st.TrayCounts(v.r.Context(), v.labScope()); err != nil {
		return err
	}
	if len(p.Messages) == messageRows {
		p.More = p.Messages[messageRows-1].ID
	}
	return v.show("messages", p)
}

type messagePage struct {
	Message  store.MessageRow
	Arrivals []store.ArrivalRow
	Runs     []store.RunRow
	Plates   []store.PlateRow      // to which it may be bound
	Senders  []store.InstrumentRow // that an unknown sender may be
	Traits   store.Traits          // by what the unknown sender can be known
	Raw      string                // the bytes as text or as a hex dump, once somebody asked
	RawCut   bool
	Fixes    []store.Fix // what people said of a run that does not fit
}

func (s *site) message(v *visit) error { return s.messageWith(v, nil) }

func (s *site) messageWith(v *visit, raw []byte) error {
	ctx := v.r.Context()
	m, err := s.st.MessageByID(ctx, v.scope(), v.id("message"))
	if err != nil {
		return err
	}
	p := messagePage{Message: m}
	p.Raw, p.RawCut = readable(raw)
	if p.Arrivals, err = s.st.MessageArrivals(ctx, m.ID); err != nil {
		return err
	}
	if p.Runs, err = s.st.MessageRuns(ctx, m.ID); err != nil {
		return err
	}
	if p.Fixes, err = s.st.Fixes(ctx, m.ID); err != nil {
		return err
	}
	if m.State == string(lims.Parked) {
		if p.Plates, err = s.st.ActivePlates(ctx, v.scope()); err != nil {
			return err
		}
	}
	if m.Instrument == "" && (m.State == string(lims.Parked) || m.State == string(lims.Failed)) {
		if p.Senders, err = s.st.InstrumentRows(ctx, v.labScope()); err != nil {
			return err
		}
		if p.Traits, err = s.st.TraitsOf(ctx, m.ID); err != nil {
			return err
		}
	}
	return v.show("message", p)
}

// rawMost is the largest part of a message that a page shows.
const rawMost = 256 << 10

// readable writes bytes for people: text as text with its control characters named, anything else as a hex dump.
func readable(raw []byte) (text string, cutOff bool) {
	if len(raw) > rawMost {
		raw, cutOff = raw[:rawMost], true
	}
	if !utf8.Valid(raw[:max(0, len(raw)-3)]) || strings.ContainsRune(string(raw), 0) {
		const most = 16 << 10
		if len(raw) > most {
			raw, cutOff = raw[:most], true
		}
		return hex.Dump(raw), cutOff
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(string(raw), "�") {
		switch {
		case r == '\r':
			b.WriteString("␍")
			b.WriteByte('\n')
		case r == '\n':
			b.WriteString("␊")
			b.WriteByte('\n')
		case r < ' ' && r != '\t':
			b.WriteRune('␀' + r) // the pictures of the control characters
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), "␍\n␊\n", "␍␊\n"), cutOff
}

// raw shows the bytes; that somebody looked is on record.
func (s *site) raw(v *visit) error {
	b, err := s.st.MessageBytes(v.r.Context(), v.Actor, v.id("message"))
	if err != nil {
		return err
	}
	return s.messageWith(v, b)
}

func (s *site) fix(v *visit, done string, err error) error {
	if err != nil {
		return err
	}
	return v.done("/messages/"+strconv.FormatInt(v.id("message"), 10), done, nil)
}

func (s *site) bind(v *visit) error {
	p, err := s.st.PlateRowByCode(v.r.Context(), v.scope(), strings.ToUpper(v.field("plate")))
	if err != nil {
		return err
	}
	return s.fix(v, "message.bound", s.st.BindMessage(v.r.Context(), v.Actor, v.id("message"), p.ID))
}

func (s *site) ignore(v *visit) error {
	return s.fix(v, "message.ignored", s.st.IgnoreMessage(v.r.Context(), v.Actor, v.id("message"), v.field("reason")))
}

func (s *site) retry(v *visit) error {
	m, err := s.st.MessageByID(v.r.Context(), v.scope(), v.id("message"))
	if err != nil {
		return err
	}
	if m.State == string(lims.Parked) {
		return s.fix(v, "message.retried", s.st.AgainMessage(v.r.Context(), v.Actor, m.ID))
	}
	return s.fix(v, "message.retried", s.st.RetryMessage(v.r.Context(), v.Actor, m.ID))
}

// adopt says which instrument an unknown sender was.
func (s *site) adopt(v *visit) error {
	a := store.Adoption{Instrument: v.id("instrument"), KnownBy: v.field("known")}
	return s.fix(v, "message.adopted", s.st.AdoptMessage(v.r.Context(), v.Actor, v.id("message"), a))
}
