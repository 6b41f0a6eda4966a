package hl7

import (
	"bytes"
	"fmt"
	"time"
)

// MaxMessage is the largest message that a Deframer takes where its maker names no limit: 8 MiB.
const MaxMessage = 8 << 20

// SilenceTime is how long an open block may be silent before it is given up.
const SilenceTime = 30 * time.Second

// Kind says what an Event is.
type Kind int

// The kinds of events.
const (
	Message    Kind = iota // Bytes is a whole message
	Incomplete             // Bytes is a message that never ended; Code says why
	Fault                  // Code and Text say what was dropped
	Write                  // Bytes is a block that goes to the line now (Sender)
	Sent                   // the receiver took the message given to Send
	Failed                 // the message given to Send was given up; Code and Text say why
)

// Event is one thing that the caller must do or may want to know. Bytes belongs to the caller.
type Event struct {
	Kind  Kind
	Bytes []byte
	Code  string
	Text  string
}

// The codes of events. They are stable.
const (
	CodeNoise   = "block.noise"     // bytes outside a block
	CodeUnended = "block.unended"   // a new block began inside this one
	CodeSize    = "block.too_large" // more than the limit
	CodeSilence = "block.silence"   // nothing for 30 s
	CodeDropped = "line.dropped"    // the line was lost
	CodeSilent  = "answer.none"     // no acknowledgement after the last try
	CodeRefused = "answer.refused"  // MSA-1 is AE, AR, CE or CR
)

type blockState int

const (
	outside blockState = iota
	inside
	oversize // dropping the rest of a block that is too large
)

// Deframer takes messages out of MLLP blocks.
type Deframer struct {
	max     int
	state   blockState
	buf     []byte
	lost    int // bytes dropped outside blocks or of a block too large
	silence time.Time
	events  []Event
}

// NewDeframer gives a deframer for messages of at most max bytes; 0 = MaxMessage.
func NewDeframer(max int) *Deframer {
	if max <= 0 {
		max = MaxMessage
	}
	return &Deframer{max: max}
}

// Feed takes bytes as they came from the line at now. The slice of events is reused by the next call.
func (d *Deframer) Feed(now time.Time, p []byte) []Event {
	d.events = d.events[:0]
	for len(p) > 0 {
		switch d.state {
		case outside:
			p = d.seek(p)
		default:
			p = d.fill(p)
		}
	}
	d.silence = time.Time{}
	if d.state != outside || len(d.buf) > 0 {
		d.silence = now.Add(SilenceTime)
	}
	return d.events
}

// seek looks for a block. A message whose start byte is missing begins with MSH at the start of a line.
func (d *Deframer) seek(p []byte) []byte {
	for i, b := range p {
		switch {
		case b == VT:
			d.lost += len(d.buf)
			d.buf = d.buf[:0]
			d.noise()
			d.state = inside
			return p[i+1:]
		case len(d.buf) < 3 && b == "MSH"[len(d.buf)]:
			d.buf = append(d.buf, b)
			if len(d.buf) == 3 {
				d.noise()
				d.state = inside
				return p[i+1:]
			}
		default:
			d.lost += len(d.buf)
			d.buf = d.buf[:0]
			if b == 'M' {
				d.buf = append(d.buf, b)
			} else if b != CR && b != LF && b != FS && b != 0 && b != ' ' {
				d.lost++
			}
		}
	}
	return nil
}

func (d *Deframer) noise() {
	if d.lost > 0 {
		d.events = append(d.events, Event{Kind: Fault, Code: CodeNoise, Text: fmt.Sprintf("%d bytes outside a block", d.lost)})
		d.lost = 0
	}
}

// fill takes the content of a block up to FS, or up to the next VT where FS is missing.
func (d *Deframer) fill(p []byte) []byte {
	i := bytes.IndexAny(p, "\x0b\x1c")
	part := p
	if i >= 0 {
		part = p[:i]
	}
	if d.state == oversize {
		d.lost += len(part)
	} else if len(d.buf)+len(part) > d.max {
		d.state, d.lost = oversize, len(d.buf)+len(part)
		d.buf = nil
	} else {
		d.buf = append(d.buf, part...)
	}
	if i < 0 {
		return nil
	}
	end := p[i] == FS
	switch {
	case d.state == oversize:
		d.events = append(d.events, Event{Kind: Fault, Code: CodeSize,
			Text: fmt.Sprintf("%d bytes, at most %d are taken", d.lost, d.max)})
		d.lost = 0
	case end:
		d.out(Message, "")
	default:
		d.out(Incomplete, CodeUnended)
	}
	d.buf = d.buf[:0]
	d.state = outside
	if !end {
		d.state = inside
	}
	return p[i+1:]
}

func (d *Deframer) out(k Kind, code string) {
	if len(bytes.TrimSpace(d.buf)) > 0 {
		d.events = append(d.events, Event{Kind: k, Bytes: bytes.Clone(d.buf), Code: code})
	}
}

// Deadline is the instant at which Expire must be called; zero for none.
func (d *Deframer) Deadline() time.Time { return d.silence }

// Expire gives an open block up when it has been silent for SilenceTime.
func (d *Deframer) Expire(now time.Time) []Event {
	d.events = d.events[:0]
	if !d.silence.IsZero() && !now.Before(d.silence) {
		d.end(CodeSilence)
	}
	return d.events
}

// Drop gives an open block up because the line is lost.
func (d *Deframer) Drop() []Event {
	d.events = d.events[:0]
	d.end(CodeDropped)
	return d.events
}

func (d *Deframer) end(code string) {
	if d.state == inside {
		d.out(Incomplete, code)
	}
	d.noise()
	d.buf, d.state, d.silence = d.buf[:0], outside, time.Time{}
}

// Frame wraps a message into an MLLP block.
func Frame(message []byte) []byte {
	b := make([]byte, 0, len(message)+4)
	b = append(b, VT)
	b = append(b, message...)
	if n := len(message); n == 0 || message[n-1] != CR {
		b = append(b, CR)
	}
	return append(b, FS, CR)
}
