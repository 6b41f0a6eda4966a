package astm

import "time"

// Kind says what an Event is.
type Kind int

// The kinds of events.
const (
	Write      Kind = iota // Bytes go to the line now
	Message                // Bytes is the text of one or more whole messages; the receiver waits for Accept or Refuse
	Incomplete             // Bytes is acknowledged text of a message that never ended; Code says why
	Fault                  // something went wrong on the line and was dealt with; Code and Text say what
	Opened                 // the instrument opened a session
	Closed                 // the session is over; Code is "" after EOT
	Sent                   // the receiver accepted the whole message given to Send
	Failed                 // the message given to Send was given up; Code says why
)

var kinds = [...]string{"write", "message", "incomplete", "fault", "opened", "closed", "sent", "failed"}

// String names the kind for logs.
func (k Kind) String() string { return kinds[k] }

// Event is one thing that the caller must do or may want to know.
type Event struct {
	Kind  Kind
	Bytes []byte
	Code  string // one of the codes below
	Text  string // detail for people; quotes at most a few bytes of the line
}

// The codes of Fault, Incomplete, Closed and Failed events. They are stable.
const (
	CodeChecksum   = "frame.checksum"     // the sum is wrong or missing
	CodeNumber     = "frame.number"       // not a digit 0 to 7
	CodeGap        = "frame.gap"          // a frame is missing before this one
	CodeRepeated   = "frame.repeated"     // the last frame again: our ACK was lost; dropped
	CodeFrameSize  = "frame.too_large"    // more than Options.MaxFrame
	CodeSize       = "message.too_large"  // more than Options.MaxMessage
	CodeRefused    = "message.refused"    // Refuse was called
	CodeUnended    = "message.unended"    // EOT came before an L record
	CodeRestarted  = "session.restarted"  // ENQ came inside a session
	CodeSilence    = "session.silence"    // nothing for 30 s
	CodeDropped    = "line.dropped"       // the line was lost
	CodeHeld       = "line.overrun"       // the instrument went on sending while a message was being stored
	CodeNoAnswer   = "answer.none"        // no answer for 15 s
	CodeBusy       = "answer.busy"        // ENQ was refused again and again
	CodeNAK        = "answer.nak"         // a frame was refused six times
	CodeContention = "line.contention"    // both ends asked for the line
	CodeInterrupt  = "answer.interrupted" // the receiver asked us to stop after this message
)

// Events that need no allocation.
var (
	ack = []byte{ACK}
	nak = []byte{NAK}
	eot = []byte{EOT}
	enq = []byte{ENQ}
)

// The times of LIS01-A2 6.5 and 8.
const (
	AnswerTime    = 15 * time.Second // a sender waits for an answer
	SilenceTime   = 30 * time.Second // a receiver waits for the next frame or EOT
	BusyTime      = 10 * time.Second // a sender waits after NAK to ENQ
	YieldTime     = 20 * time.Second // a host waits after contention
	InsistTime    = 1 * time.Second  // an instrument waits after contention
	InterruptTime = 15 * time.Second // a sender waits after an interrupt before it asks again
	// graceTime is ours: how long the line must be quiet until a frame without the usual end, or a lone ENQ or EOT
	// inside a frame, is taken as meant.
	graceTime = 300 * time.Millisecond
)

// MaxTries is how often a frame is sent before the sender gives up (LIS01-A2 6.5.1.2).
const MaxTries = 6

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
