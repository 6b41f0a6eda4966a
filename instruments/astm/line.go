package astm

import "time"

// MaxQueue is how many messages may wait in a Line to be sent.
const MaxQueue = 64

// Line is one half-duplex line with a receiver and a sender at our end. Only one of them is at work at a time.
type Line struct {
	Receiver *Receiver
	Sender   *Sender
	queue    [][]byte
	events   []Event
}

// NewLine gives an idle line.
func NewLine(o Options, s SendOptions) *Line {
	return &Line{Receiver: NewReceiver(o), Sender: NewSender(s)}
}

// Send queues a message for the instrument and sends it as soon as no session is open. ErrBusy: MaxQueue messages wait.
func (l *Line) Send(now time.Time, message []byte) ([]Event, error) {
	l.events = l.events[:0]
	if len(l.queue) >= MaxQueue {
		return nil, ErrBusy
	}
	if err := sendable(message); err != nil {
		return nil, err
	}
	l.queue = append(l.queue, message)
	l.next(now)
	return l.events, nil
}

// next begins the oldest queued message if the line is free, or asks again for the line that was yielded.
func (l *Line) next(now time.Time) {
	switch {
	case !l.Receiver.Idle():
	case l.Sender.Busy():
		l.take(l.Sender.resume(now))
	case len(l.queue) > 0:
		m := l.queue[0]
		l.queue = l.queue[1:]
		ev, _ := l.Sender.Send(now, m) // it is idle, and the message was looked at before it was queued
		l.take(ev)
	}
}

func (l *Line) take(ev []Event) { l.events = append(l.events, ev...) }

// Feed takes bytes as they came from the line at now.
func (l *Line) Feed(now time.Time, p []byte) []Event {
	l.events = l.events[:0]
	for len(p) > 0 {
		if l.Sender.Active() {
			l.take(l.Sender.Feed(now, p[:1]))
			p = p[1:]
			continue
		}
		l.take(l.Receiver.Feed(now, p))
		p = nil
	}
	return l.settle(now)
}

// settle starts what waits, when the line has become free.
func (l *Line) settle(now time.Time) []Event {
	if n := len(l.events); n > 0 {
		switch l.events[n-1].Kind {
		case Closed, Sent, Failed:
			l.next(now)
		}
	}
	return l.events
}

// Accept acknowledges the message handed over: it is stored for good.
func (l *Line) Accept(now time.Time) []Event {
	l.events = append(l.events[:0], l.Receiver.Accept(now)...)
	return l.settle(now)
}

// Refuse answers NAK, so that the instrument sends the closing frame again.
func (l *Line) Refuse(now time.Time, why string) []Event {
	l.events = append(l.events[:0], l.Receiver.Refuse(now, why)...)
	return l.settle(now)
}

// Drop ends whatever goes on because the line is lost. Messages that only waited stay queued.
func (l *Line) Drop() []Event {
	l.events = append(l.events[:0], l.Receiver.Drop()...)
	l.take(l.Sender.Drop())
	return l.events
}

// Up sends what was queued before the line was lost, now that it is back.
func (l *Line) Up(now time.Time) []Event {
	l.events = l.events[:0]
	l.next(now)
	return l.events
}

// Deadline is the instant at which Expire must be called; zero for none. While the instrument has the line, a message of
// ours that yielded to it has no timer.
func (l *Line) Deadline() time.Time {
	if !l.Receiver.Idle() {
		return l.Receiver.Deadline()
	}
	return l.Sender.Deadline()
}

// Expire tells the line that it is now.
func (l *Line) Expire(now time.Time) []Event {
	l.events = append(l.events[:0], l.Receiver.Expire(now)...)
	if l.Receiver.Idle() {
		l.take(l.Sender.Expire(now))
	}
	return l.settle(now)
}
