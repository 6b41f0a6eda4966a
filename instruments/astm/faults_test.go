package astm

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// world is an instrument that sends one message at one end of a line and a host that stores messages at the other, with
// faults in between and a clock that jumps to the next deadline when the line is silent.
type world struct {
	t          *testing.T
	now        time.Time
	instrument *Line
	host       *Line
	toHost     func(n int, p []byte) []byte // the n-th write of the instrument, as it arrives
	toDevice   func(n int, p []byte) []byte
	sent, back int // writes so far
	kept       []string
	incomplete []string
	delivered  bool // the instrument believes so
	tries      int
	refuse     int // the host's store fails so often
}

func newWorld(t *testing.T, o SendOptions) *world {
	o.Role = Instrument
	return &world{t: t, now: t0, instrument: NewLine(Options{}, o), host: NewLine(Options{}, SendOptions{}),
		toHost:   func(_ int, p []byte) []byte { return p },
		toDevice: func(_ int, p []byte) []byte { return p },
	}
}

// deliver sends the message, again after every failure as instruments do, until it is delivered; gives the time it took.
func (w *world) deliver(message string) time.Duration {
	w.send(message)
	for step := 0; step < 200000 && !(w.delivered && w.host.Receiver.Idle()); step++ {
		next := earlier(w.instrument.Deadline(), w.host.Deadline())
		if next.IsZero() {
			if w.delivered {
				break
			}
			w.now = w.now.Add(time.Second)
			w.send(message)
			continue
		}
		if next.After(w.now) {
			w.now = next
		}
		w.fromInstrument(clone(w.instrument.Expire(w.now)))
		w.fromHost(clone(w.host.Expire(w.now)))
	}
	return w.now.Sub(t0)
}

func (w *world) send(message string) {
	w.tries++
	require.Less(w.t, w.tries, 500, "the message never gets through")
	ev, err := w.instrument.Send(w.now, []byte(message))
	require.NoError(w.t, err)
	w.fromInstrument(clone(ev))
}

func clone(ev []Event) []Event { return append([]Event(nil), ev...) }

func (w *world) fromInstrument(ev []Event) {
	for _, e := range ev {
		switch e.Kind {
		case Write:
			w.sent++
			if p := w.toHost(w.sent, append([]byte(nil), e.Bytes...)); len(p) > 0 {
				w.now = w.now.Add(time.Millisecond)
				w.fromHost(clone(w.host.Feed(w.now, p)))
			}
		case Sent:
			w.delivered = true
		}
	}
}

func (w *world) fromHost(ev []Event) {
	for _, e := range ev {
		switch e.Kind {
		case Write:
			w.back++
			if p := w.toDevice(w.back, append([]byte(nil), e.Bytes...)); len(p) > 0 {
				w.now = w.now.Add(time.Millisecond)
				w.fromInstrument(clone(w.instrument.Feed(w.now, p)))
			}
		case Message:
			if w.refuse > 0 {
				w.refuse--
				w.fromHost(clone(w.host.Refuse(w.now, "disk full")))
				continue
			}
			w.kept = append(w.kept, string(e.Bytes))
			w.fromHost(clone(w.host.Accept(w.now)))
		case Incomplete:
			w.incomplete = append(w.incomplete, string(e.Bytes))
		}
	}
}

// check: what the instrument believes delivered is kept, whole and right; copies are allowed only of the whole message,
// which whoever stores recognises by its content.
func (w *world) check(message string, copies int) {
	w.t.Helper()
	require.True(w.t, w.delivered)
	require.NotEmpty(w.t, w.kept)
	require.LessOrEqual(w.t, len(w.kept), copies)
	for _, k := range w.kept {
		require.Equal(w.t, message, k)
	}
	for _, p := range w.incomplete {
		require.True(w.t, strings.HasPrefix(message, p), "incomplete text %q", p)
	}
}

var twenty = "H|\\^&|||X^1\rP|1\rO|1|S1||^^^T\r" + func() string {
	var b strings.Builder
	for i := range 16 {
		fmt.Fprintf(&b, "R|%d|^^^T^%d^Ct|%d.5|Ct||N||F\r", i+1, i, 20+i)
	}
	return b.String()
}() + "L|1|N\r"

var sizes = map[string]SendOptions{"one record a frame": {OneRecord: true}, "240": {}, "one frame": {FrameText: 64000}}

// TestLostFrames is F2: each write of the instrument (ENQ, every frame, EOT) is lost in turn.
func TestLostFrames(t *testing.T) {
	t.Parallel()
	for name, o := range sizes {
		for n := 1; n <= 22; n++ {
			w := newWorld(t, o)
			w.toHost = func(i int, p []byte) []byte {
				if i == n {
					return nil
				}
				return p
			}
			took := w.deliver(twenty)
			w.check(twenty, 1)
			require.Less(t, took, 60*time.Second, "%s, write %d lost", name, n)
		}
	}
}

// TestLostAnswers is F3: each answer of the host is lost or damaged in turn.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, o := range sizes {
		for n := 1; n <= 21; n++ {
			for _, instead := range []string{"", "x", "\x86"} {
				w := newWorld(t, o)
				w.toDevice = func(i int, p []byte) []byte {
					if i == n {
						return []byte(instead)
					}
					return p
				}
				w.deliver(twenty)
				w.check(twenty, 2) // the closing answer was lost: the instrument sends the message again
			}
		}
	}
}

// TestFlippedBits is F1: every bit of a session is flipped in turn. Nothing wrong may be kept.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	for _, o := range []SendOptions{{OneRecord: true}, {FrameText: 100}} {
		for n := 1; n <= 8; n++ {
			for bit := 0; ; bit++ {
				w := newWorld(t, o)
				past := true // also where there are fewer writes
				w.toHost = func(i int, p []byte) []byte {
					if i == n && w.tries == 1 {
						if past = bit/8 >= len(p); !past {
							p[bit/8] ^= 1 << (bit % 8)
						}
					}
					return p
				}
				w.deliver(small)
				w.check(small, 1)
				if past {
					break
				}
			}
		}
	}
}

// TestNoise sends bytes through a line that flips bits at random. A sum of 8 bits misses some double errors, so what is
// kept must equal the message except for those, which are counted.
func TestNoise(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{1e-5, 1e-4, 1e-3} {
		wrong := 0
		for seed := range int64(60) {
			r := rand.New(rand.NewSource(seed))
			noise := func(_ int, p []byte) []byte {
				for i := range p {
					if r.Float64() < rate {
						p[i] ^= 1 << r.Intn(8)
					}
				}
				return p
			}
			w := newWorld(t, SendOptions{OneRecord: true})
			w.toHost, w.toDevice = noise, noise
			w.deliver(twenty)
			require.True(t, w.delivered)
			require.NotEmpty(t, w.kept)
			for _, k := range w.kept {
				if k != twenty {
					wrong++
				}
			}
		}
		require.LessOrEqual(t, wrong, 1, "rate %g", rate)
	}
}

// TestRepeatedAndMerged: frames sent twice, and two writes arriving in one chunk.
func TestRepeatedAndMerged(t *testing.T) {
	t.Parallel()
	for n := 2; n <= 21; n++ {
		w := newWorld(t, SendOptions{OneRecord: true})
		w.toHost = func(i int, p []byte) []byte {
			if i == n {
				return append(p, p...)
			}
			return p
		}
		w.deliver(twenty)
		w.check(twenty, 2)
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	for _, o := range []SendOptions{{OneRecord: true}, {}, {FrameText: 7}, {FrameText: 4}, {FrameText: 64000}} {
		for _, times := range []int{1, 5, 6, 20} {
			w := newWorld(t, o)
			w.refuse = times
			w.deliver(twenty)
			w.check(twenty, 1)
			require.Equal(t, 1+times/MaxTries, w.tries)
		}
	}
}

// TestContention: both ends ask at once; the instrument has priority, then the host's message goes out.
func TestContention(t *testing.T) {
	t.Parallel()
	w := newWorld(t, SendOptions{})
	answer := "H|\\^&\rL|1|F\r"
	ev, err := w.host.Send(w.now, []byte(answer))
	require.NoError(t, err)
	require.Equal(t, []byte{ENQ}, writes(ev))
	ev, err = w.instrument.Send(w.now, []byte(small))
	require.NoError(t, err)
	require.Equal(t, []byte{ENQ}, writes(ev))
	var got []string
	var hostSent bool
	var toHost, toDevice = []byte{ENQ}, []byte{ENQ}
	for range 200 {
		w.now = w.now.Add(250 * time.Millisecond)
		in, out := toHost, toDevice
		toHost, toDevice = nil, nil
		take := func(l *Line, ev []Event, wire *[]byte) {
			for _, e := range clone(ev) {
				switch e.Kind {
				case Write:
					*wire = append(*wire, e.Bytes...)
				case Message:
					got = append(got, string(e.Bytes))
					*wire = append(*wire, writes(l.Accept(w.now))...)
				case Sent:
					hostSent = hostSent || l == w.host
				}
			}
		}
		take(w.host, w.host.Feed(w.now, in), &toDevice)
		take(w.instrument, w.instrument.Feed(w.now, out), &toHost)
		take(w.host, w.host.Expire(w.now), &toDevice)
		take(w.instrument, w.instrument.Expire(w.now), &toHost)
	}
	require.Equal(t, []string{small, answer}, got)
	require.True(t, hostSent)
	require.Less(t, w.now.Sub(t0), 51*time.Second)
}

// TestSilentPeer is F5: no answer, endless NAK, and a host that gets no session after contention. No event without time.
func TestSilentPeer(t *testing.T) {
	t.Parallel()
	s := NewSender(SendOptions{})
	_, err := s.Send(t0, []byte(small))
	require.NoError(t, err)
	require.Empty(t, s.Expire(t0.Add(14*time.Second)))
	ev := s.Expire(t0.Add(15 * time.Second))
	require.Equal(t, []byte{EOT}, writes(ev))
	require.Equal(t, CodeNoAnswer, ev[1].Code)
	require.True(t, s.Deadline().IsZero())

	_, err = s.Send(t0, []byte(small))
	require.NoError(t, err)
	now := t0
	for range MaxTries - 1 {
		require.Empty(t, writes(s.Feed(now, []byte{NAK, NAK, NAK})), "NAK to ENQ: wait")
		require.Equal(t, now.Add(BusyTime), s.Deadline())
		now = s.Deadline()
		require.Equal(t, []byte{ENQ}, writes(s.Expire(now)))
	}
	require.Equal(t, CodeBusy, s.Feed(now, []byte{NAK})[1].Code)

	_, err = s.Send(t0, []byte(small))
	require.NoError(t, err)
	s.Feed(t0, []byte{ACK})
	for range MaxTries - 1 {
		require.Equal(t, byte(STX), writes(s.Feed(t0, []byte{NAK}))[0])
	}
	ev = s.Feed(t0, []byte{NAK})
	require.Equal(t, []byte{EOT}, writes(ev))
	require.Equal(t, CodeNAK, ev[1].Code)

	_, err = s.Send(t0, []byte(small))
	require.NoError(t, err)
	s.Feed(t0, []byte{ENQ})
	require.True(t, s.Busy())
	require.False(t, s.Active())
	require.Equal(t, t0.Add(YieldTime), s.Deadline())
	require.Equal(t, []byte{ENQ}, writes(s.Expire(t0.Add(YieldTime))))
}

// TestYieldedLineDoesNotSpin: a long session of the instrument outlasts the timer of the host's own message.
func TestYieldedLineDoesNotSpin(t *testing.T) {
	t.Parallel()
	l := NewLine(Options{}, SendOptions{})
	_, err := l.Send(t0, []byte(small))
	require.NoError(t, err)
	_, err = l.Send(t0, []byte(small))
	require.NoError(t, err, "queued")
	l.Feed(t0, []byte{ENQ}) // contention
	require.Equal(t, []byte{ACK}, writes(l.Feed(t0.Add(time.Second), []byte{ENQ})))
	now := t0.Add(25 * time.Second)
	l.Feed(now, Frame(1, []byte("H|\\^&\r"), ETX, true))
	require.True(t, l.Deadline().After(now), "%s", l.Deadline())
	ev := l.Feed(now, []byte{EOT})
	require.Equal(t, []byte{ENQ}, writes(ev), "the host asks for the line again")
	ev = l.Drop()
	require.Equal(t, Failed, ev[0].Kind)
	require.Equal(t, []byte{ENQ}, writes(l.Up(now)), "the queued message, when the line is back")
}

func TestSenderInterrupted(t *testing.T) {
	t.Parallel()
	s := NewSender(SendOptions{OneRecord: true})
	_, err := s.Send(t0, []byte("H|\rL|1\r"))
	require.NoError(t, err)
	s.Feed(t0, []byte{ACK})
	require.Equal(t, byte('2'), writes(s.Feed(t0, []byte{EOT}))[1], "the message that has begun is ended")
	require.Equal(t, []byte{EOT}, writes(s.Feed(t0, []byte{ACK})))
	ev, err := s.Send(t0.Add(time.Second), []byte(small))
	require.NoError(t, err)
	require.Empty(t, ev)
	require.Equal(t, []byte{ENQ}, writes(s.Expire(t0.Add(InterruptTime))))
}

func TestSenderRefuses(t *testing.T) {
	t.Parallel()
	s := NewSender(SendOptions{})
	_, err := s.Send(t0, nil)
	require.ErrorIs(t, err, ErrEmpty)
	_, err = s.Send(t0, []byte("H|\x03\r"))
	require.ErrorIs(t, err, ErrText)
	_, err = s.Send(t0, []byte(small))
	require.NoError(t, err)
	_, err = s.Send(t0, []byte(small))
	require.ErrorIs(t, err, ErrBusy)
	ev := s.Drop()
	require.Equal(t, CodeDropped, ev[0].Code)
	require.False(t, s.Busy())
}

func TestFrames(t *testing.T) {
	t.Parallel()
	// Checksums of a real device (Panther): "1H|\^&|||Panther|||||Host||P|1|" A6, "3L|1|N" 06.
	require.Equal(t, "\x021H|\\^&|||Panther|||||Host||P|1|\r\x03A6\r\n", string(Frame(1, []byte("H|\\^&|||Panther|||||Host||P|1|\r"), ETX, true)))
	require.Equal(t, "\x023L|1|N\r\x0306\r\n", string(Frame(3, []byte("L|1|N\r"), ETX, true)))
	f := Frames([]byte(strings.Repeat("x", 2500)), SendOptions{})
	require.Len(t, f, 11)
	require.Equal(t, byte('0'), f[7][1])
	require.Equal(t, byte(ETB), f[9][242])
	require.Equal(t, byte(ETX), f[10][102])
}

// TestLineDrops: a dead line in the middle of each write; nothing half is kept.
func TestLineDrops(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 20; n++ {
		w := newWorld(t, SendOptions{OneRecord: true})
		w.toHost = func(i int, p []byte) []byte {
			if w.tries == 1 && i >= n {
				if i == n {
					return p[:len(p)/2]
				}
				return nil
			}
			return p
		}
		w.deliver(twenty)
		w.check(twenty, 1)
	}
}
