package astm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var t0 = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// far is an instrument that follows the standard, at the other end of a Receiver.
func TestSession(t *testing.T) {
	t.Parallel()
	msg := "H|\\^&|||X\rP|1\rO|1|S1||^^^T\rR|1|^^^T|1\rL|1|N\r"
	for _, o := range []SendOptions{{}, {OneRecord: true}, {FrameText: 7}, {FrameText: 64000}, {NoChecksum: true}} {
		got, sent := talk(t, msg, o)
		require.Equal(t, []string{msg}, got)
		require.True(t, sent)
	}
}

// talk runs a sender against a receiver over a perfect line and accepts every message.
func talk(t *testing.T, msg string, o SendOptions) (got []string, sent bool) {
	t.Helper()
	s, r := NewSender(o), NewReceiver(Options{})
	now := t0
	out, err := s.Send(now, []byte(msg))
	require.NoError(t, err)
	wire := writes(out)
	for i := 0; len(wire) > 0 && i < 1000; i++ {
		now = now.Add(time.Millisecond)
		var back []byte
		ev := r.Feed(now, wire)
		for len(ev) > 0 {
			back = append(back, writes(ev)...)
			n := len(got)
			for _, e := range ev {
				if e.Kind == Message {
					got = append(got, string(e.Bytes))
				}
				require.NotEqual(t, Fault, e.Kind, "%s %s", e.Code, e.Text)
			}
			ev = nil
			if len(got) > n {
				ev = r.Accept(now)
			}
		}
		ev = s.Feed(now, back)
		for _, e := range ev {
			sent = sent || e.Kind == Sent
		}
		wire = writes(ev)
	}
	return got, sent
}

func writes(ev []Event) (b []byte) {
	for _, e := range ev {
		if e.Kind == Write {
			b = append(b, e.Bytes...)
		}
	}
	return b
}
