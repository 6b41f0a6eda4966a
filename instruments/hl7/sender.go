package hl7

import (
	"errors"
	"time"
)

// MaxTries is how often a message is sent, and AnswerTime how long each acknowledgement is waited for (Cepheid 301-2002,
// chapter 8: 60 s, resent at most 3 times).
const (
	MaxTries   = 4
	AnswerTime = 60 * time.Second
)

// ErrBusy says that a message still waits for its acknowledgement.
var ErrBusy = errors.New("hl7: a message still waits for its acknowledgement")

// ErrNoID says that a message has no MSH-10, so that no acknowledgement could name it.
var ErrNoID = errors.New("hl7: no message control id in MSH-10")

// Sender sends one message at a time and waits for the acknowledgements that its MSH-15 and MSH-16 ask for. An answer is
// credited only to the message that its MSA-2 names: a late one never to another.
type Sender struct {
	block  []byte
	id     string // "" idle
	app    bool   // the application's acknowledgement is waited for as well
	tries  int
	until  time.Time
	events []Event
}

// NewSender gives an idle sender.
func NewSender() *Sender { return &Sender{} }

// Busy says that a message waits for its acknowledgement.
func (s *Sender) Busy() bool { return s.id != "" }

// Deadline is the instant at which Expire must be called; zero for none.
func (s *Sender) Deadline() time.Time {
	if s.id == "" {
		return time.Time{}
	}
	return s.until
}

// Send begins to send a message. The slice of events is reused by the next call.
func (s *Sender) Send(now time.Time, message []byte) ([]Event, error) {
	s.events = s.events[:0]
	if s.id != "" {
		return nil, ErrBusy
	}
	m, err := Parse(string(message))
	if err != nil {
		return nil, err
	}
	id := m.ControlID()
	if id == "" {
		return nil, ErrNoID
	}
	accept, app := m.Field("MSH", 15), m.Field("MSH", 16)
	s.block, s.tries = Frame(message), 0
	if never(accept) && never(app) && accept+app != "" {
		s.emit(Event{Kind: Write, Bytes: s.block})
		s.emit(Event{Kind: Sent})
		return s.events, nil
	}
	s.id, s.app = id, accept == "" || !never(app)
	s.write(now)
	return s.events, nil
}

// never says that a value of table 0155 asks for no acknowledgement of a message that went well.
func never(when string) bool { return when == "" || when == "NE" || when == "ER" }

func (s *Sender) emit(e Event) { s.events = append(s.events, e) }

func (s *Sender) write(now time.Time) {
	s.tries++
	s.until = now.Add(AnswerTime)
	s.emit(Event{Kind: Write, Bytes: s.block})
}

// Take looks at a message that came in. It is true if the message answers ours (or would have answered an earlier one):
// such a message is not stored and not acknowledged.
func (s *Sender) Take(now time.Time, m Parsed) ([]Event, bool) {
	s.events = s.events[:0]
	code := m.Text("MSA", 1)
	if len(code) != 2 || !m.IsAck() {
		return nil, false
	}
	if s.id == "" || m.Text("MSA", 2) != s.id {
		s.emit(Event{Kind: Fault, Code: CodeNoise, Text: "an answer to no message of ours"})
		return s.events, true
	}
	switch code {
	case "CA":
		if s.app {
			s.until = now.Add(AnswerTime)
			return s.events, true
		}
		s.done(Event{Kind: Sent})
	case "AA":
		s.done(Event{Kind: Sent})
	case "CE", "AR": // could not take it now
		if s.tries < MaxTries {
			s.until = now.Add(AnswerTime / 2)
			return s.events, true
		}
		fallthrough
	default:
		s.done(Event{Kind: Failed, Code: CodeRefused, Text: code + " " + m.Text("ERR", 8)})
	}
	return s.events, true
}

func (s *Sender) done(e Event) {
	s.id, s.block = "", nil
	s.emit(e)
}

// Expire sends the message again, or gives it up after MaxTries.
func (s *Sender) Expire(now time.Time) []Event {
	s.events = s.events[:0]
	if s.id == "" || now.Before(s.until) {
		return s.events
	}
	if s.tries >= MaxTries {
		s.done(Event{Kind: Failed, Code: CodeSilent})
	} else {
		s.write(now)
	}
	return s.events
}

// Drop gives the message up because the line is lost.
func (s *Sender) Drop() []Event {
	s.events = s.events[:0]
	if s.id != "" {
		s.done(Event{Kind: Failed, Code: CodeDropped})
	}
	return s.events
}
