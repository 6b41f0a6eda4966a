package astm

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Role says which end of the line we are. It decides contention: the instrument has priority (LIS01-A2 6.2.7).
type Role int

// The roles.
const (
	Host Role = iota
	Instrument
)

// SendOptions sets a Sender up. The zero value is a host that sends frames of up to 240 bytes with checksums.
type SendOptions struct {
	Role       Role
	FrameText  int  // bytes of text in a frame; 0 = 240 (E1381), LIS01-A2 allows 64,000
	OneRecord  bool // each record begins a frame of its own and ends it with ETX, as older instruments ask
	NoChecksum bool
}

// ErrBusy says that a message is still being sent.
var ErrBusy = errors.New("astm: a message is still being sent")

// ErrEmpty says that there is nothing to send.
var ErrEmpty = errors.New("astm: empty message")

// ErrText says that a message holds bytes which LIS01-A2 6.3.1.2 forbids in a frame.
var ErrText = errors.New("astm: control character in the text of a message")

type sending int

const (
	idle      sending = iota
	resting           // ENQ goes out when the rest is over
	enquiring         // ENQ sent
	framing           // a frame sent
	yielded           // the instrument has the line
)

// Sender is the sending end of LIS01-A2: one message, one session.
type Sender struct {
	opt    SendOptions
	state  sending
	now    time.Time
	until  time.Time
	rest   time.Time // not before this instant, after an interrupt
	frames [][]byte
	next   int // the frame being sent
	tries  int
	events []Event
}

// NewSender gives an idle sender.
func NewSender(o SendOptions) *Sender {
	if o.FrameText <= 0 {
		o.FrameText = 240
	}
	return &Sender{opt: o}
}

// Send begins to send a message: records, each ended by CR, in the instrument's code page.
func (s *Sender) Send(now time.Time, message []byte) ([]Event, error) {
	s.begin(now)
	if s.state != idle {
		return nil, ErrBusy
	}
	if err := sendable(message); err != nil {
		return nil, err
	}
	s.frames = Frames(message, s.opt)
	s.next, s.tries = 0, 0
	if now.Before(s.rest) {
		s.pause(s.rest)
	} else {
		s.enquire()
	}
	return s.events, nil
}

// sendable says whether a message can stand in frames.
func sendable(message []byte) error {
	if len(message) == 0 {
		return ErrEmpty
	}
	if i := bytes.IndexFunc(message, forbidden); i >= 0 {
		return fmt.Errorf("%w: %q at byte %d", ErrText, message[i], i)
	}
	return nil
}

// Feed takes the answers of the receiver that came at now.
func (s *Sender) Feed(now time.Time, p []byte) []Event {
	s.begin(now)
	for _, b := range p {
		s.step(b)
	}
	return s.events
}

// Busy says that a message is being sent, or waits to be.
func (s *Sender) Busy() bool { return s.state != idle }

// Active says that the next byte from the line is an answer to us.
func (s *Sender) Active() bool { return s.state == enquiring || s.state == framing }

// Deadline is the instant at which Expire must be called; zero for none.
func (s *Sender) Deadline() time.Time {
	if s.state == idle {
		return time.Time{}
	}
	return s.until
}

// Expire tells the sender that it is now.
func (s *Sender) Expire(now time.Time) []Event {
	s.begin(now)
	if s.state == idle || now.Before(s.until) {
		return s.events
	}
	switch s.state {
	case resting, yielded:
		s.enquire()
	case enquiring, framing:
		s.emit(Write, eot)
		s.fail(CodeNoAnswer)
	}
	return s.events
}

// Drop gives the message up because the line is lost.
func (s *Sender) Drop() []Event {
	s.begin(s.now)
	if s.state != idle {
		s.fail(CodeDropped)
	}
	return s.events
}

// resume asks for the line again after the instrument's session, instead of waiting out YieldTime.
func (s *Sender) resume(now time.Time) []Event {
	s.begin(now)
	if s.state == yielded {
		s.enquire()
	}
	return s.events
}

func (s *Sender) begin(now time.Time) {
	s.now = now
	s.events = s.events[:0]
}

func (s *Sender) emit(k Kind, b []byte) { s.events = append(s.events, Event{Kind: k, Bytes: b}) }

func (s *Sender) note(code string) {
	s.events = append(s.events, Event{Kind: Fault, Code: code})
}

func (s *Sender) fail(code string) {
	s.state, s.frames = idle, nil
	s.events = append(s.events, Event{Kind: Failed, Code: code})
}

func (s *Sender) enquire() {
	s.state = enquiring
	s.until = s.now.Add(AnswerTime)
	s.emit(Write, enq)
}

func (s *Sender) pause(until time.Time) {
	s.state = resting
	s.until = until
}

func (s *Sender) send() {
	s.state = framing
	s.until = s.now.Add(AnswerTime)
	s.emit(Write, s.frames[s.next])
}

// step takes one byte of an answer. Bytes that are no answer are ignored (see the package comment).
func (s *Sender) step(b byte) {
	switch s.state {
	case enquiring:
		s.enquired(b)
	case framing:
		s.framed(b)
	}
}

func (s *Sender) enquired(b byte) {
	switch {
	case b == ACK:
		s.next, s.tries = 0, 0
		s.send()
	case b == NAK:
		s.tries++
		if s.tries >= MaxTries {
			s.emit(Write, eot)
			s.fail(CodeBusy)
			return
		}
		s.pause(s.now.Add(BusyTime))
	case b == ENQ && s.opt.Role == Instrument:
		s.note(CodeContention)
		s.pause(s.now.Add(InsistTime))
	case b == ENQ:
		s.note(CodeContention)
		s.state = yielded
		s.until = s.now.Add(YieldTime)
	}
}

func (s *Sender) framed(b byte) {
	switch b {
	case EOT: // accepted, and please stop; a message that has begun is ended, as 6.5.5 allows
		s.rest = s.now.Add(InterruptTime)
		s.note(CodeInterrupt)
		fallthrough
	case ACK:
		s.next++
		s.tries = 0
		if s.next < len(s.frames) {
			s.send()
			return
		}
		s.state, s.frames = idle, nil
		s.emit(Write, eot)
		s.emit(Sent, nil)
	case NAK:
		s.tries++
		if s.tries >= MaxTries {
			s.emit(Write, eot)
			s.fail(CodeNAK)
			return
		}
		s.send()
	}
}

// forbidden are the control characters that may not stand in a frame, except LF, which some records carry.
func forbidden(c rune) bool {
	switch c {
	case 0x00, 0x01, STX, ETX, EOT, ENQ, ACK, 0x10, 0x11, 0x12, 0x13, 0x14, NAK, 0x16, ETB:
		return true
	}
	return false
}

// Frames cuts a message into frames numbered from 1: parts end with ETB, the last one with ETX.
func Frames(message []byte, o SendOptions) [][]byte {
	size := o.FrameText
	if size <= 0 {
		size = 240
	}
	var frames [][]byte
	for len(message) > 0 {
		unit := message
		if o.OneRecord {
			if i := bytes.IndexByte(message, CR); i >= 0 {
				unit = message[:i+1]
			}
		}
		message = message[len(unit):]
		for len(unit) > 0 {
			part, end := unit, byte(ETX)
			if len(part) > size {
				part, end = unit[:size], ETB
			}
			unit = unit[len(part):]
			frames = append(frames, Frame((len(frames)+1)%8, part, end, !o.NoChecksum))
		}
	}
	return frames
}

// Frame writes one frame: STX, number, text, ETB or ETX, the checksum where wanted, CR LF.
func Frame(number int, text []byte, end byte, checksum bool) []byte {
	f := make([]byte, 0, len(text)+7)
	f = append(f, STX, byte('0'+number%8))
	f = append(f, text...)
	f = append(f, end)
	if checksum {
		var sum byte
		for _, b := range f[1:] {
			sum += b
		}
		const digits = "0123456789ABCDEF"
		f = append(f, digits[sum>>4], digits[sum&15])
	}
	return append(f, CR, LF)
}
