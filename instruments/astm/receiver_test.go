package astm

import (
	"bytes"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

const small = "H|\\^&|||X^1\rP|1\rO|1|S1||^^^T\rR|1|^^^T^Ct|27.5|Ct\rC|1|I|ok|G\rL|1|N\r"

// session is a message in frames of one record each; tail changes what stands at the ends of a frame.
func session(message string, tail func(frame []byte) []byte) []byte {
	out := []byte{ENQ}
	for _, f := range Frames([]byte(message), SendOptions{OneRecord: true}) {
		if tail != nil {
			f = tail(f)
		}
		out = append(out, f...)
	}
	return append(out, EOT)
}

// story is what a receiver did, in order, as text: the bytes it wrote and its events.
func story(r *Receiver, chunks [][]byte, accept func() bool) string {
	var b strings.Builder
	now := t0
	tell := func(ev []Event) {
		for _, e := range ev {
			switch e.Kind {
			case Write:
				fmt.Fprintf(&b, "%s ", map[byte]string{ACK: "ACK", NAK: "NAK", EOT: "EOT"}[e.Bytes[0]])
			case Message, Incomplete:
				fmt.Fprintf(&b, "\n%s %s %q ", e.Kind, e.Code, e.Bytes)
			default:
				fmt.Fprintf(&b, "%s %s ", e.Kind, e.Code)
			}
		}
	}
	for _, c := range chunks {
		tell(r.Feed(now, c))
		for r.Waiting() {
			if accept == nil || accept() {
				tell(r.Accept(now))
			} else {
				tell(r.Refuse(now, "test"))
			}
		}
		now = now.Add(time.Millisecond)
	}
	for d := r.Deadline(); !d.IsZero(); d = r.Deadline() {
		tell(r.Expire(d))
	}
	return b.String()
}

func bytewise(p []byte) [][]byte {
	out := make([][]byte, len(p))
	for i := range p {
		out[i] = p[i : i+1]
	}
	return out
}

func chunked(p []byte, r *rand.Rand) [][]byte {
	var out [][]byte
	for len(p) > 0 {
		n := 1 + r.Intn(min(len(p), 40))
		out = append(out, p[:n])
		p = p[n:]
	}
	return out
}

// devices are streams that real devices send, each with the messages and answers it must give.
func devices() map[string][]byte {
	cut := func(n int) func([]byte) []byte { return func(f []byte) []byte { return f[:len(f)-n] } }
	crOnly := func(f []byte) []byte { return f[:len(f)-1] }
	lfOnly := func(f []byte) []byte { return append(bytes.Clone(f[:len(f)-2]), LF) }
	noSum := func(f []byte) []byte { return append(bytes.Clone(f[:len(f)-4]), CR, LF) }
	noSumLF := func(f []byte) []byte { return append(bytes.Clone(f[:len(f)-4]), LF) }
	from0 := func() []byte {
		out := []byte{ENQ}
		for i, f := range Frames([]byte(small), SendOptions{OneRecord: true}) {
			text := f[2 : len(f)-5]
			out = append(out, Frame(i, text, ETX, true)...)
		}
		return append(out, EOT)
	}
	join := func(s SendOptions) []byte {
		return append(append([]byte{ENQ}, bytes.Join(Frames([]byte(small), s), nil)...), EOT)
	}
	return map[string][]byte{
		"standard":            session(small, nil),
		"nothing after sum":   session(small, cut(2)),
		"CR after sum":        session(small, crOnly),
		"LF after sum":        session(small, lfOnly),
		"no checksum":         session(small, noSum),
		"no checksum, LF":     session(small, noSumLF),
		"no checksum, no end": session(small, cut(4)),
		"NUL between frames":  session(small, func(f []byte) []byte { return append([]byte{0, 0}, f...) }),
		"cut at 7 bytes":      join(SendOptions{FrameText: 7}),
		"one frame":           join(SendOptions{FrameText: 64000}),
		"numbers from 0":      from0(),
		"each frame twice":    session(small, func(f []byte) []byte { return append(bytes.Clone(f), f...) }),
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	for name, stream := range devices() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := story(NewReceiver(Options{}), [][]byte{stream}, nil)
			require.Equal(t, 1, strings.Count(want, fmt.Sprintf("message  %q", small)), want)
			require.NotContains(t, want, "incomplete")
			require.NotContains(t, want, "NAK")
			require.Equal(t, want, story(NewReceiver(Options{}), bytewise(stream), nil), "byte by byte")
			for seed := range int64(20) {
				got := story(NewReceiver(Options{}), chunked(stream, rand.New(rand.NewSource(seed))), nil)
				require.Equal(t, want, got, "seed %d", seed)
			}
		})
	}
}

// TestSplitEverywhere is F4: two segments, split at every point.
func TestSplitEverywhere(t *testing.T) {
	t.Parallel()
	stream := session(strings.Repeat(small, 6), nil)
	want := story(NewReceiver(Options{}), [][]byte{stream}, nil)
	for i := range stream {
		require.Equal(t, want, story(NewReceiver(Options{}), [][]byte{stream[:i], stream[i:]}, nil), "split at %d", i)
	}
}

// TestSeveralMessages: one session, several messages, each handed over and acknowledged by itself; or all in one frame.
func TestSeveralMessages(t *testing.T) {
	t.Parallel()
	got := story(NewReceiver(Options{}), [][]byte{session(small+small, nil)}, nil)
	require.Equal(t, 2, strings.Count(got, fmt.Sprintf("message  %q", small)), got)
	one := append(append([]byte{ENQ}, Frame(1, []byte(small+small+"H|\\^&\r"), ETX, true)...), EOT)
	got = story(NewReceiver(Options{}), [][]byte{one}, nil)
	require.Contains(t, got, fmt.Sprintf("message  %q", small+small))
	require.Contains(t, got, "incomplete message.unended \"H|\\\\^&\\r\"")
}

func TestClosingAcknowledgementWaits(t *testing.T) {
	t.Parallel()
	f := Frames([]byte(small), SendOptions{OneRecord: true})
	r := NewReceiver(Options{})
	require.Equal(t, []byte{ACK}, writes(r.Feed(t0, []byte{ENQ})))
	for _, p := range f[:len(f)-1] {
		require.Equal(t, []byte{ACK}, writes(r.Feed(t0, p)))
	}
	ev := r.Feed(t0, f[len(f)-1])
	require.Len(t, ev, 1)
	require.Equal(t, Message, ev[0].Kind)
	require.Equal(t, small, string(ev[0].Bytes))
	require.True(t, r.Waiting())
	require.True(t, r.Deadline().IsZero(), "the caller's store has no timer here")
	require.Empty(t, r.Accept(t0)[1:])
	require.False(t, r.Waiting())
	require.Empty(t, r.Accept(t0), "accepted twice")

	// Refused: NAK; the instrument sends the closing frame again and the whole message comes again.
	require.Equal(t, []byte{ACK}, writes(r.Feed(t0, []byte{ENQ})))
	for _, p := range f {
		r.Feed(t0, p)
	}
	require.Equal(t, []byte{NAK}, writes(r.Refuse(t0, "disk full")))
	ev = r.Feed(t0, f[len(f)-1])
	require.Equal(t, Message, ev[0].Kind)
	require.Equal(t, small, string(ev[0].Bytes))
	require.Equal(t, []byte{ACK}, writes(r.Accept(t0)))

	// Its ACK was lost: the frame comes again, is acknowledged and dropped.
	ev = r.Feed(t0, f[len(f)-1])
	require.Equal(t, CodeRepeated, ev[0].Code)
	require.Equal(t, []byte{ACK}, writes(ev))
}

// TestSlowStore: the instrument loses patience while the message is being stored.
func TestSlowStore(t *testing.T) {
	t.Parallel()
	r := NewReceiver(Options{})
	r.Feed(t0, session(small, nil))
	require.True(t, r.Waiting())
	require.Empty(t, r.Feed(t0.Add(20*time.Second), []byte{ENQ}))
	ev := r.Accept(t0.Add(21 * time.Second))
	require.Equal(t, []byte{ACK, ACK}, writes(ev), "the message, then the new session")
	require.False(t, r.Idle())

	r = NewReceiver(Options{MaxFrame: 100})
	r.Feed(t0, session("H|\rL|1\r", nil))
	require.True(t, r.Waiting())
	require.Equal(t, CodeHeld, r.Feed(t0, make([]byte, 4000))[0].Code)
}

func TestEndings(t *testing.T) {
	t.Parallel()
	head := Frame(1, []byte("H|\\^&\rR|1\r"), ETX, true)
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"connection test":    {[]byte{ENQ, EOT}, "opened  ACK closed  "},
		"EOT without L":      {bytes.Join([][]byte{{ENQ}, head, {EOT}}, nil), "\nincomplete message.unended \"H|\\\\^&\\rR|1\\r\" closed  "},
		"silence":            {bytes.Join([][]byte{{ENQ}, head}, nil), "\nincomplete session.silence \"H|\\\\^&\\rR|1\\r\" closed session.silence "},
		"restart":            {bytes.Join([][]byte{{ENQ}, head, {ENQ}}, nil), "closed session.restarted opened  ACK closed session.silence "},
		"restart in a frame": {[]byte("\x05\x021H|\\^&\x05"), "opened  ACK closed session.restarted opened  ACK closed session.silence "},
		"first frame is 2":   {append([]byte{ENQ}, Frame(2, []byte("R|1\r"), ETX, true)...), "fault frame.gap NAK closed session.silence "},
		"gap":                {bytes.Join([][]byte{{ENQ}, head, Frame(3, []byte("L|1\r"), ETX, true)}, nil), "fault frame.gap NAK \nincomplete"},
		"letter as number":   {[]byte("\x05\x02X|1\r\x03A1\r\n"), "fault frame.number NAK"},
		"no session":         {head, ""},
		"EOT in neutral":     {[]byte{EOT, EOT, 0, EOT}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, story(NewReceiver(Options{}), [][]byte{c.in}, nil), c.want)
			require.Contains(t, story(NewReceiver(Options{}), bytewise(c.in), nil), c.want)
		})
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	r := NewReceiver(Options{})
	r.Feed(t0, append([]byte{ENQ}, Frame(1, []byte("H|\\^&\r"), ETX, true)...))
	ev := r.Drop()
	require.Equal(t, Incomplete, ev[0].Kind)
	require.Equal(t, CodeDropped, ev[0].Code)
	require.True(t, r.Idle())
	require.Empty(t, r.Drop())

	r.Feed(t0, session(small, nil))
	require.True(t, r.Waiting())
	require.Len(t, r.Drop(), 1, "the message is with the caller and was never acknowledged")
}

func TestChecksumOption(t *testing.T) {
	t.Parallel()
	noSum := func(f []byte) []byte { return append(bytes.Clone(f[:len(f)-4]), CR, LF) }
	wrong := func(f []byte) []byte { return append(bytes.Clone(f[:len(f)-4]), '0', '0', CR, LF) }
	require.Contains(t, story(NewReceiver(Options{Checksum: Required}), [][]byte{session(small, noSum)}, nil), "frame.checksum NAK")
	require.Contains(t, story(NewReceiver(Options{}), [][]byte{session(small, wrong)}, nil), "frame.checksum NAK")
	require.Contains(t, story(NewReceiver(Options{Checksum: Off}), [][]byte{session(small, wrong)}, nil), "message")
	// A line that sends checksums cannot lose one: a damaged letter C would otherwise end its frame.
	r := NewReceiver(Options{})
	story(r, [][]byte{session(small, nil)}, nil)
	require.Contains(t, story(r, [][]byte{session(small, noSum)}, nil), "frame.checksum NAK")
}

func TestReceiverLimits(t *testing.T) {
	t.Parallel()
	r := NewReceiver(Options{MaxFrame: 100, MaxMessage: 150})
	r.Feed(t0, []byte{ENQ})
	ev := r.Feed(t0, Frame(1, bytes.Repeat([]byte{'x'}, 101), ETX, true))
	require.Equal(t, CodeFrameSize, ev[0].Code)
	require.Equal(t, []byte{NAK}, writes(ev))
	require.Equal(t, []byte{ACK}, writes(r.Feed(t0, Frame(1, bytes.Repeat([]byte{'x'}, 90), ETB, true))))
	ev = r.Feed(t0, Frame(2, bytes.Repeat([]byte{'x'}, 90), ETX, true))
	require.Equal(t, CodeSize, ev[0].Code)
	require.Equal(t, []byte{NAK}, writes(ev))
	r = NewReceiver(Options{MaxFrame: 100})
	r.Feed(t0, []byte{ENQ, STX, '1'})
	for range 1000 {
		r.Feed(t0, bytes.Repeat([]byte{'x'}, 64))
	}
	require.Less(t, cap(r.frame), 1000)
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	r := NewReceiver(Options{})
	r.Feed(t0, []byte{ENQ})
	r.Interrupt()
	require.Equal(t, []byte{EOT}, writes(r.Feed(t0, Frame(1, []byte("H|\r"), ETX, true))))
	require.Equal(t, []byte{ACK}, writes(r.Feed(t0, Frame(2, []byte("P|\r"), ETX, true))))
}

// TestHL7InFrames: GeneXpert sends queued HL7 results in ASTM frames after a change of its settings.
func TestHL7InFrames(t *testing.T) {
	t.Parallel()
	hl7 := "MSH|^~\\&|X^GeneXpert^6.5||LIS||20260917||ORU^R32^ORU_R30|G3|P|2.5\r" + strings.Repeat("OBX|1|ST|A&B|C&Ct|^27.3||\r", 20)
	stream := append(append([]byte{ENQ}, bytes.Join(Frames([]byte(hl7), SendOptions{}), nil)...), EOT)
	require.Contains(t, story(NewReceiver(Options{}), bytewise(stream), nil), fmt.Sprintf("message  %q", hl7))
}

// TestChunksNeverMatter: any bytes, cut anyhow, give the same story.
func TestChunksNeverMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([][]byte{{ENQ}, {EOT}, {STX}, {ETX}, {ETB}, {CR}, {LF}, {0}, {NAK}, []byte("A"), []byte("1H|\\^&"),
			Frame(1, []byte("H|\\^&\r"), ETX, true), Frame(2, []byte("L|1\r"), ETX, true), Frame(2, []byte("R|"), ETB, true),
			Frame(1, []byte("H|\r"), ETX, false), Frame(3, []byte("L|1\r"), ETX, false)}), 1, 12).Draw(t, "parts")
		stream := bytes.Join(parts, nil)
		want := story(NewReceiver(Options{}), [][]byte{stream}, nil)
		if got := story(NewReceiver(Options{}), bytewise(stream), nil); got != want {
			t.Fatalf("whole:\n%s\nbyte by byte:\n%s", want, got)
		}
	})
}

func writes(ev []Event) (b []byte) {
	for _, e := range ev {
		if e.Kind == Write {
			b = append(b, e.Bytes...)
		}
	}
	return b
}
