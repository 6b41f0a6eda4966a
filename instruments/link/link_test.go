package link

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"natlims/instruments/astm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tray is a Keep in memory that knows repeats, as the store does.
type tray struct {
	mu       sync.Mutex
	all      []Arrival
	seen     map[string]bool
	fail     []error // given out first, one at a time
	repeated int
}

func (k *tray) keep(_ context.Context, a Arrival) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.fail) > 0 {
		err := k.fail[0]
		k.fail = k.fail[1:]
		if err != nil {
			return err
		}
	}
	if k.seen == nil {
		k.seen = map[string]bool{}
	}
	if k.seen[string(a.Bytes)] {
		k.repeated++
		return ErrRepeated
	}
	k.seen[string(a.Bytes)] = true
	k.all = append(k.all, a)
	return nil
}

func (k *tray) arrivals() []Arrival {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Arrival(nil), k.all...)
}

func (k *tray) texts() (s []string) {
	for _, a := range k.arrivals() {
		s = append(s, string(a.Bytes))
	}
	return s
}

func lines(t *testing.T, o Options) *Lines {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	ls, err := Serve(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(ls.Close)
	return ls
}

// lone is one end without a wire, for conversations over a pipe.
func lone(l Line, o Options) *end {
	o.Now, o.Wall, o.Log = time.Now, time.Now, slog.New(slog.DiscardHandler)
	if l.ID == 0 {
		l.ID = 7
	}
	return &end{Line: l, o: &o, health: newHealth(l, o.Now), log: o.Log}
}

const message = "H|\\^&|||cycler\rP|1\rO|1|S-1||^^^N\rR|1|^^^N|24.5\rL|1|N\r"

// caller is an instrument at the other end of a wire.
type caller struct {
	t *testing.T
	w io.ReadWriter
}

func (c caller) say(s string) {
	c.t.Helper()
	_, err := io.WriteString(c.w, s)
	require.NoError(c.t, err)
}

func (c caller) hear(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(c.w, got)
	require.NoError(c.t, err)
	require.Equal(c.t, want, string(got))
}

// until reads up to and including the byte.
func (c caller) until(end byte) string {
	c.t.Helper()
	var all []byte
	b := make([]byte, 1)
	for len(all) == 0 || all[len(all)-1] != end {
		_, err := io.ReadFull(c.w, b)
		require.NoError(c.t, err)
		all = append(all, b[0])
	}
	return string(all)
}

// block reads one MLLP block.
func (c caller) block() string {
	c.t.Helper()
	b := c.until(0x1c)
	c.hear("\r")
	return b
}

// send sends a message as LIS01-A2 asks and expects every frame to be accepted.
func (c caller) send(text string) {
	c.t.Helper()
	c.say("\x05")
	c.hear("\x06")
	for _, f := range astm.Frames([]byte(text), astm.SendOptions{}) {
		c.say(string(f))
		c.hear("\x06")
	}
	c.say("\x04")
}

// piped runs f against a conversation over a pipe in a bubble of time.
func piped(t *testing.T, l Line, o Options, f func(c caller, e *end, hangUp func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		e := lone(l, o)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { defer close(over); _ = e.talk(ctx, ours, "pipe") }()
		hangUp := func() { theirs.Close(); <-over }
		defer func() { cancel(); hangUp() }()
		f(caller{t, theirs}, e, hangUp)
	})
}

func TestAcknowledgedOnlyAfterKeep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stored := make(chan error)
		keep := func(context.Context, Arrival) error { return <-stored }
		ours, theirs := net.Pipe()
		e := lone(Line{Protocol: ASTM}, Options{Keep: keep})
		go func() { _ = e.talk(t.Context(), ours, "pipe") }()
		c := caller{t, theirs}
		c.say("\x05")
		c.hear("\x06")
		c.say(string(astm.Frames([]byte(message), astm.SendOptions{})[0]))
		heard := make(chan byte, 1)
		go func() {
			b := make([]byte, 1)
			_, _ = io.ReadFull(theirs, b)
			heard <- b[0]
		}()
		time.Sleep(9 * time.Second) // the bubble's time
		synctest.Wait()
		require.Empty(t, heard, "acknowledged before it was stored")
		stored <- nil
		require.Equal(t, byte(astm.ACK), <-heard)
		theirs.Close()
		synctest.Wait()
	})
}

func TestKeepThatFailsOrHangsIsNAK(t *testing.T) {
	t.Parallel()
	calls := 0
	keep := func(ctx context.Context, a Arrival) error {
		switch calls++; calls {
		case 1:
			return errors.New("disk full")
		case 2:
			<-ctx.Done() // hangs: the instrument must hear NAK before its 15 s are over
			return ctx.Err()
		}
		return nil
	}
	piped(t, Line{Protocol: ASTM}, Options{Keep: keep}, func(c caller, e *end, _ func()) {
		c.say("\x05")
		c.hear("\x06")
		frame := string(astm.Frames([]byte(message), astm.SendOptions{})[0])
		began := time.Now()
		c.say(frame)
		c.hear("\x15")
		c.say(frame)
		c.hear("\x15")
		require.Equal(c.t, KeepTime, time.Since(began))
		c.say(frame)
		c.hear("\x06")
		h := e.health.snapshot()
		require.Equal(c.t, int64(2), h.Refused)
		require.Equal(c.t, int64(1), h.Messages)
	})
}

func TestBrokenTransmissionIsKept(t *testing.T) {
	t.Parallel()
	frames := astm.Frames([]byte(message), astm.SendOptions{OneRecord: true})
	half := func(c caller) {
		c.say("\x05")
		c.hear("\x06")
		for _, f := range frames[:3] {
			c.say(string(f))
			c.hear("\x06")
		}
	}
	const want = "H|\\^&|||cycler\rP|1\rO|1|S-1||^^^N\r"
	t.Run("line lost", func(t *testing.T) {
		t.Parallel()
		k := &tray{fail: []error{errors.New("busy"), errors.New("busy")}} // nobody would send it again: tried until it is stored
		piped(t, Line{Protocol: ASTM}, Options{Keep: k.keep}, func(c caller, e *end, hangUp func()) {
			half(c)
			hangUp()
		})
		require.Equal(t, []string{want}, k.texts())
		require.False(t, k.all[0].Complete)
		require.Equal(t, astm.CodeDropped, k.all[0].Code)
	})
	t.Run("silence", func(t *testing.T) {
		t.Parallel()
		k := &tray{}
		piped(t, Line{Protocol: ASTM}, Options{Keep: k.keep}, func(c caller, e *end, _ func()) {
			half(c)
			time.Sleep(31 * time.Second)
			synctest.Wait()
			require.Equal(c.t, []string{want}, k.texts())
			c.send(message) // the line is still good
			require.Len(c.t, k.texts(), 2)
		})
	})
	t.Run("hl7", func(t *testing.T) {
		t.Parallel()
		k := &tray{}
		piped(t, Line{Protocol: HL7}, Options{Keep: k.keep}, func(c caller, e *end, hangUp func()) {
			c.say("\x0bMSH|^~\\&|A\rPID|")
			hangUp()
		})
		require.Equal(t, []string{"MSH|^~\\&|A\rPID|"}, k.texts())
		require.False(t, k.all[0].Complete)
	})
}

func TestIdleConnectionIsClosed(t *testing.T) {
	t.Parallel()
	piped(t, Line{Protocol: ASTM, Settings: Settings{Idle: Span(10 * time.Minute)}}, Options{Keep: (&tray{}).keep}, func(c caller, e *end, _ func()) {
		time.Sleep(9 * time.Minute)
		c.send(message)
		began := time.Now()
		_, err := io.ReadFull(c.w, make([]byte, 1))
		require.ErrorIs(c.t, err, io.EOF)
		require.Equal(c.t, 10*time.Minute, time.Since(began))
	})
}

const oru = "MSH|^~\\&|X||L||20260101||ORU^R01|%s|P|2.5.1\rOBX|1|NM|N||24.5\r"

func TestHL7Outcomes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"kept":     {nil, "AA"},
		"repeated": {ErrRepeated, "AA"},
		"down":     {errors.New("no database"), "AR"},
		"refused":  {ErrRefused, "AE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			piped(t, Line{Protocol: HL7}, Options{Keep: (&tray{fail: []error{tt.err}}).keep}, func(c caller, _ *end, _ func()) {
				c.say("\x0b" + oru + "\x1c\r")
				require.Contains(c.t, c.block(), "MSA|"+tt.want+"|%s")
			})
		})
	}
}

func TestTextThatIsNoHL7IsKept(t *testing.T) {
	t.Parallel()
	k := &tray{}
	piped(t, Line{Protocol: HL7}, Options{Keep: k.keep}, func(c caller, e *end, hangUp func()) {
		c.say("\x0bhello\x1c\r")
		hangUp()
		require.Equal(c.t, map[string]int64{"message.no_header": 1}, e.health.snapshot().Faults)
	})
	require.Equal(t, []string{"hello"}, k.texts())
}

func TestRawEndsWithAPause(t *testing.T) {
	t.Parallel()
	k := &tray{fail: []error{errors.New("busy")}}
	piped(t, Line{Protocol: Raw, Settings: Settings{Max: 20}}, Options{Keep: k.keep}, func(c caller, _ *end, _ func()) {
		c.say("S-1 ")
		time.Sleep(time.Second)
		c.say("24.5\n")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(c.t, []string{"S-1 24.5\n"}, k.texts())
		c.say(string(bytes.Repeat([]byte("x"), 21)))
		synctest.Wait()
		require.Len(c.t, k.arrivals(), 2)
		require.False(c.t, k.arrivals()[1].Complete)
	})
}
