package link

import (
	"errors"
	"fmt"
	"time"

	"natlims/instruments/hl7"
)

// hl7Talk drives one MLLP connection.
type hl7Talk struct {
	*conversation
	d       *hl7.Deframer
	seq     int
	pending map[string]bool // tags of queries being answered
}

type askedHL7 struct {
	m hl7.Parsed
	q hl7.Query
}

func newHL7(c *conversation) *hl7Talk {
	return &hl7Talk{conversation: c, d: hl7.NewDeframer(c.Settings.Max), pending: map[string]bool{}}
}

func (t *hl7Talk) feed(now time.Time, p []byte) { t.handle(t.d.Feed(now, p)) }
func (t *hl7Talk) expire(now time.Time)         { t.handle(t.d.Expire(now)) }
func (t *hl7Talk) drop()                        { t.handle(t.d.Drop()) }
func (t *hl7Talk) deadline() time.Time          { return t.d.Deadline() }

func (t *hl7Talk) handle(events []hl7.Event) {
	for _, ev := range events {
		switch ev.Kind {
		case hl7.Message:
			t.message(ev.Bytes)
		case hl7.Incomplete:
			t.broken(ev.Bytes, ev.Code)
		case hl7.Fault:
			t.fault(ev.Code, ev.Text)
		}
	}
}

// message keeps a text and acknowledges it. A text that is no HL7 is kept as well, but there is nobody to answer.
func (t *hl7Talk) message(text []byte) {
	m, err := hl7.Parse(string(text))
	if err != nil {
		t.fault("message.no_header", err.Error())
		t.insist(t.ctx, Arrival{Wire: HL7, Peer: t.peer, Bytes: text, Complete: true, Code: "message.no_header"})
		return
	}
	if m.IsAck() { // of an answer of ours
		t.health.change(func(h *Health) { h.Sent++ })
		return
	}
	if q, err := hl7.ParseQuery(m); err == nil && t.o.Answer != nil && !q.Results {
		t.enquire(m, q)
		return
	}
	outcome := hl7.Kept
	if err := t.whole(text); errors.Is(err, ErrRefused) {
		outcome = hl7.Wrong
	} else if err != nil {
		outcome = hl7.Down
	}
	t.acknowledge(m, outcome)
}

func (t *hl7Talk) acknowledge(m hl7.Parsed, o hl7.Outcome) {
	r := t.reply()
	switch o {
	case hl7.Down:
		r.Text = "not stored, send again"
	case hl7.Wrong:
		r.Text = "refused"
	}
	for _, ack := range m.Acks(o, r) {
		t.write(hl7.Frame(ack))
	}
}

func (t *hl7Talk) reply() hl7.Reply {
	t.seq++
	stamp := t.stamp()
	return hl7.Reply{ID: fmt.Sprintf("%s-%d", stamp, t.seq), Time: stamp}
}

// enquire answers a withdrawal at once and a question when the orders are there. IHE LAW and GeneXpert ask for the accept acknowledgement
// of enhanced mode first, if at all: Codes knows.
func (t *hl7Talk) enquire(m hl7.Parsed, q hl7.Query) {
	for _, code := range m.Codes(hl7.Kept) {
		if code[0] == 'C' || q.Cancel {
			t.write(hl7.Frame(m.NewAck(code, t.reply())))
		}
	}
	if q.Cancel {
		delete(t.pending, q.Tag)
		return
	}
	t.pending[q.Tag] = true
	out := Query{All: q.All}
	if q.Sample != "" {
		out.Samples, out.Patients = []string{q.Sample}, []string{q.Patient}
	}
	t.ask(out, askedHL7{m, q})
}

func (t *hl7Talk) answer(_ time.Time, got answered) {
	a := got.query.(askedHL7)
	if !t.pending[a.q.Tag] {
		return
	}
	delete(t.pending, a.q.Tag)
	if got.err != nil {
		t.write(hl7.Frame(a.m.Unanswered(a.q, t.reply())))
		return
	}
	list := make([]hl7.Order, len(got.orders))
	for i, o := range got.orders {
		list[i] = hl7.Order{ID: o.ID, Patient: o.Patient, Sample: o.Sample, Tests: o.Tests, Priority: o.Priority,
			Ordered: o.Ordered, Material: o.Material, Cancel: o.Cancel}
		if o.Control {
			list[i].Role = "Q"
		}
	}
	for _, m := range a.m.Answer(a.q, t.reply(), list) {
		t.write(hl7.Frame(m))
	}
}
