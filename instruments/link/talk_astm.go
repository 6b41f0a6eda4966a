package link

import (
	"fmt"
	"time"

	"natlims/instruments/astm"
)

// astmTalk drives one ASTM line.
type astmTalk struct {
	*conversation
	line    *astm.Line
	events  []astm.Event // the line reuses its own
	queries int          // counts withdrawals: an answer to an older query is not sent
}

// askedASTM is a query on its way to an answer.
type askedASTM struct {
	q   astm.Query
	d   astm.Delims
	seq int
}

func newASTM(c *conversation) *astmTalk {
	s := c.Settings
	return &astmTalk{conversation: c, line: astm.NewLine(
		astm.Options{Checksum: sums[s.Sum], MaxMessage: s.Max},
		astm.SendOptions{FrameText: s.Text, OneRecord: s.One, NoChecksum: s.NoSum})}
}

func (t *astmTalk) feed(now time.Time, p []byte) { t.handle(t.line.Feed(now, p)) }
func (t *astmTalk) expire(now time.Time)         { t.handle(t.line.Expire(now)) }
func (t *astmTalk) drop()                        { t.handle(t.line.Drop()) }
func (t *astmTalk) deadline() time.Time          { return t.line.Deadline() }

func (t *astmTalk) handle(events []astm.Event) {
	t.events = append(t.events[:0], events...)
	for i := 0; i < len(t.events); i++ {
		switch ev := t.events[i]; ev.Kind {
		case astm.Write:
			t.write(ev.Bytes)
		case astm.Message:
			t.events = append(t.events, t.message(ev.Bytes)...)
		case astm.Incomplete:
			t.broken(ev.Bytes, ev.Code)
		case astm.Fault:
			t.fault(ev.Code, ev.Text)
		case astm.Failed:
			t.fault(ev.Code, "a message to the instrument was given up")
		case astm.Sent:
			t.health.change(func(h *Health) { h.Sent++ })
		}
	}
}

// message keeps a text and acknowledges it, or answers NAK. The instant of the answer is read anew: keeping takes time.
func (t *astmTalk) message(text []byte) []astm.Event {
	q, d, ok := t.query(text)
	if ok {
		t.enquire(q, d)
		return t.line.Accept(t.o.Wall())
	}
	if err := t.whole(text); err != nil {
		return t.line.Refuse(t.o.Wall(), "not stored")
	}
	return t.line.Accept(t.o.Wall())
}

// query says that a text is a question for orders and holds nothing that must be kept.
func (t *astmTalk) query(text []byte) (q astm.Query, d astm.Delims, ok bool) {
	if t.o.Answer == nil {
		return q, d, false
	}
	asks := 0
	s := string(text)
	for r := astm.NewRecords(s); r.Next(); {
		switch r.Type() {
		case 'H', 'L':
			d = r.Delims()
		case 'Q':
			asks++
		default:
			return q, d, false
		}
	}
	if asks != 1 {
		return q, d, false
	}
	q, err := astm.ParseQuery(s)
	return q, d, err == nil && !q.Results
}

func (t *astmTalk) enquire(q astm.Query, d astm.Delims) {
	t.queries++
	if q.Cancel {
		return
	}
	out := Query{All: q.All}
	for _, a := range q.Samples {
		sample := a.Specimen
		if sample == "" {
			sample = a.Instrument
		}
		out.Samples = append(out.Samples, sample)
		out.Patients = append(out.Patients, a.Patient)
	}
	t.ask(out, askedASTM{q, d, t.queries})
}

// answer sends the orders, unless the instrument has withdrawn its query or asked another meanwhile.
func (t *astmTalk) answer(now time.Time, got answered) {
	a := got.query.(askedASTM)
	if a.seq != t.queries {
		return
	}
	b := astm.Builder{D: a.d}
	list := make([]astm.Order, len(got.orders))
	for i, o := range got.orders {
		list[i] = astm.Order{Patient: o.Patient, Specimen: o.Sample, Tests: o.Tests, Priority: o.Priority,
			Ordered: o.Ordered, Material: o.Material, Cancel: o.Cancel}
	}
	stamp := t.stamp()
	head := astm.Head{ID: fmt.Sprintf("%s-%d", stamp, t.queries), Sender: "LIMS", Receiver: a.q.From, Time: stamp}
	if got.err != nil {
		b.Unanswered(head)
	} else {
		b.Answer(head, list)
	}
	events, err := t.line.Send(now, b.Bytes())
	if err != nil {
		t.fault("answer.unsendable", err.Error())
		return
	}
	t.handle(events)
}
