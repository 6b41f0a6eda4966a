package astm

import (
	"bytes"
	"fmt"
	"time"
)

// Checksum says what a receiver thinks of checksums.
type Checksum int

// The ways to treat checksums.
const (
	Auto     Checksum = iota // verified where sent; once a line has sent one, frames without are refused
	Required                 // a frame without a right checksum is refused
	Off                      // neither asked for nor verified: for devices whose checksums are wrong
)

// Options sets a Receiver up. The zero value serves every device known to us.
type Options struct {
	Checksum   Checksum
	MaxFrame   int // bytes of text in a frame; 0 = 64,000 (LIS01-A2)
	MaxMessage int // bytes of text between two acknowledged messages; 0 = 8 MiB
}

type state int

const (
	neutral state = iota
	ready         // in a session, between frames
	number        // after STX
	text          // in a frame
	sum1          // after ETB or ETX
	sum2          // one checksum digit seen
	tail          // checksum complete, CR LF outstanding
	tailLF        // CR seen
	bare          // ETB or ETX and CR seen, no checksum
	bad           // a broken frame, up to its LF
	waiting       // a message is being stored
)

// Receiver is the receiving end of LIS01-A2. The zero value is not usable; see NewReceiver.
type Receiver struct {
	opt       Options
	state     state
	now       time.Time
	quiet     time.Time // graceTime after the last byte, where silence means something
	silence   time.Time // end of the receiver timer
	last      int       // number of the last accepted frame; -1 none in this session
	summed    bool      // this line has sent checksums
	interrupt bool

	text   []byte // accepted and not yet handed over
	seen   int    // text[:seen] was searched for an L record; a record begins there
	frame  []byte
	fn     byte
	sum    byte
	end    byte
	digits [2]byte
	sums   int    // digits seen
	code   string // why the frame is bad
	whole  int    // text[:whole] is with the caller
	before int    // length of text before the frame that waits
	ends   int    // frames in text that ended with ETX
	held   []byte // bytes that came while waiting
	events []Event
}

// NewReceiver gives a receiver in the neutral state.
func NewReceiver(o Options) *Receiver {
	if o.MaxFrame <= 0 {
		o.MaxFrame = 64000
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = 8 << 20
	}
	return &Receiver{opt: o, last: -1}
}

// Feed takes bytes as they came from the line at now.
func (r *Receiver) Feed(now time.Time, p []byte) []Event {
	r.begin(now)
	r.run(p)
	return r.events
}

// Accept acknowledges the message handed over: it is stored for good.
func (r *Receiver) Accept(now time.Time) []Event {
	r.begin(now)
	if r.state != waiting {
		return r.events
	}
	r.text = append(r.text[:0], r.text[r.whole:]...)
	r.seen, r.ends = 0, 0
	r.last = int(r.fn - '0')
	r.answer(true)
	r.release()
	return r.events
}

// Refuse answers NAK, so that the instrument sends the closing frame again. why is for the log.
func (r *Receiver) Refuse(now time.Time, why string) []Event {
	r.begin(now)
	if r.state != waiting {
		return r.events
	}
	r.text = r.text[:r.before]
	r.seen = 0 // a record may have begun before the frame
	r.fault(CodeRefused, why)
	r.answer(false)
	r.release()
	return r.events
}

// Drop ends the session because the line is lost: text that was acknowledged and belongs to no whole message is handed
// out as Incomplete. A message that waits for Accept and what came with it is not: its frame was never acknowledged.
func (r *Receiver) Drop() []Event {
	r.begin(r.now)
	if r.state == waiting {
		r.text = r.text[:0]
	}
	r.held = r.held[:0]
	if r.state != neutral {
		r.close(CodeDropped)
	}
	return r.events
}

// Interrupt makes the next acknowledgement an EOT: accepted, and please stop (LIS01-A2 6.5.5).
func (r *Receiver) Interrupt() { r.interrupt = true }

// Idle says that no session is open.
func (r *Receiver) Idle() bool { return r.state == neutral }

// Waiting says that a Message event has been given out and neither Accept nor Refuse was called.
func (r *Receiver) Waiting() bool { return r.state == waiting }

// Deadline is the instant at which Expire must be called; zero for none.
func (r *Receiver) Deadline() time.Time {
	if r.state == neutral || r.state == waiting {
		return time.Time{}
	}
	return earlier(r.silence, r.quiet)
}

// Expire tells the receiver that it is now.
func (r *Receiver) Expire(now time.Time) []Event {
	r.begin(now)
	if r.state == neutral || r.state == waiting {
		return r.events
	}
	if !r.quiet.IsZero() && !now.Before(r.quiet) {
		r.quiet = time.Time{}
		r.hush()
	}
	if r.state != neutral && r.state != waiting && !now.Before(r.silence) {
		r.close(CodeSilence)
	}
	return r.events
}

// hush decides what a quiet line means in the middle of a frame.
func (r *Receiver) hush() {
	switch r.state {
	case sum1, tail, tailLF, bare:
		r.finish()
	case sum2:
		r.spoil(CodeChecksum)
		r.finish()
	case bad:
		r.finish()
	case text:
		// A lone ENQ or EOT: the sender was restarted in the middle of a frame. Followed by more bytes it would have
		// been a damaged letter (E and D differ from them by one bit).
		b := r.frame[len(r.frame)-1]
		r.state = ready
		r.between(b)
	}
}

func (r *Receiver) begin(now time.Time) {
	r.now = now
	r.events = r.events[:0]
}

func (r *Receiver) emit(k Kind, b []byte) { r.events = append(r.events, Event{Kind: k, Bytes: b}) }

func (r *Receiver) fault(code, detail string) {
	r.events = append(r.events, Event{Kind: Fault, Code: code, Text: detail})
}

func (r *Receiver) run(p []byte) {
	if len(p) == 0 {
		return
	}
	for len(p) > 0 && r.state != waiting {
		p = p[r.step(p):]
	}
	if len(p) > 0 {
		r.hold(p)
	}
	r.silence = r.now.Add(SilenceTime)
	r.quiet = time.Time{}
	if r.uncertain() {
		r.quiet = r.now.Add(graceTime)
	}
}

// uncertain says that silence after the last byte would mean something.
func (r *Receiver) uncertain() bool {
	switch r.state {
	case sum1, sum2, tail, tailLF, bare, bad:
		return true
	case text:
		if n := len(r.frame); n > 0 {
			return r.frame[n-1] == ENQ || r.frame[n-1] == EOT
		}
	}
	return false
}

// hold keeps bytes that came while a message is being stored: a repeated frame after 15 s, or EOT.
func (r *Receiver) hold(p []byte) {
	if len(r.held)+len(p) > r.opt.MaxFrame+64 {
		r.fault(CodeHeld, fmt.Sprintf("%d bytes dropped while a message was being stored", len(r.held)+len(p)))
		r.held = r.held[:0]
		return
	}
	r.held = append(r.held, p...)
}

// release leaves the waiting state and works off what was held.
func (r *Receiver) release() {
	p := r.held
	r.held = nil
	r.silence = r.now.Add(SilenceTime)
	r.run(p)
}

// answer acknowledges or refuses the frame and waits for the next.
func (r *Receiver) answer(ok bool) {
	r.state = ready
	switch {
	case ok && r.interrupt:
		r.interrupt = false
		r.emit(Write, eot)
	case ok:
		r.emit(Write, ack)
	default:
		r.emit(Write, nak)
	}
}

// open answers ENQ.
func (r *Receiver) open() {
	if r.state != neutral {
		r.close(CodeRestarted)
	}
	r.state = ready
	r.last = -1
	r.emit(Opened, nil)
	r.emit(Write, ack)
}

// close ends the session; text without an L record is handed out.
func (r *Receiver) close(code string) {
	if len(bytes.Trim(r.text, "\r\n\x00 ")) > 0 {
		why := code
		if why == "" {
			why = CodeUnended
		}
		r.events = append(r.events, Event{Kind: Incomplete, Bytes: bytes.Clone(r.text), Code: why})
	}
	r.text, r.seen, r.ends = r.text[:0], 0, 0
	r.frame = r.frame[:0]
	r.state = neutral
	r.last = -1
	r.events = append(r.events, Event{Kind: Closed, Code: code})
}
