package link

import (
	"fmt"
	"time"
)

const (
	rawPause = 2 * time.Second
	rawMax   = 8 << 20
)

// rawTalk collects text of instruments that only print: a message ends with a pause or with the connection. Nothing is acknowledged, so
// what cannot be stored is held until it can, and the instrument is not read meanwhile.
type rawTalk struct {
	*conversation
	buf []byte
	due time.Time
}

func newRaw(c *conversation) *rawTalk { return &rawTalk{conversation: c} }

func (t *rawTalk) feed(now time.Time, p []byte) {
	limit := t.Settings.Max
	if limit <= 0 {
		limit = rawMax
	}
	t.buf = append(t.buf, p...)
	t.due = now.Add(t.Settings.Pause.or(rawPause))
	if len(t.buf) > limit {
		t.fault("message.too_large", fmt.Sprintf("no pause in %d bytes", len(t.buf)))
		t.out("message.too_large")
	}
}

func (t *rawTalk) expire(now time.Time) {
	if !t.due.IsZero() && !now.Before(t.due) {
		t.out("")
	}
}

func (t *rawTalk) drop()                      { t.out("") }
func (t *rawTalk) deadline() time.Time        { return t.due }
func (t *rawTalk) answer(time.Time, answered) {}

func (t *rawTalk) out(code string) {
	if len(t.buf) > 0 {
		t.insist(t.ctx, Arrival{Wire: Raw, Peer: t.peer, Bytes: t.buf, Complete: code == "", Code: code})
	}
	t.buf, t.due = nil, time.Time{}
}
