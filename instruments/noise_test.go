package instruments_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/instruments/astm"
)

// noisy sends frames over a line that flips one bit in so many bytes, until the receiver takes each, and gives the message that is kept.
func noisy(rng *rand.Rand, frames [][]byte, flips float64) []byte {
	r := astm.NewReceiver(astm.Options{Checksum: astm.Required})
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	r.Feed(now, []byte{astm.ENQ})
	for _, f := range frames {
		for tries := 0; ; tries++ {
			sent := bytes.Clone(f)
			for i := range sent {
				if rng.Float64() < flips {
					sent[i] ^= 1 << rng.IntN(8)
				}
			}
			taken := false
			for _, ev := range r.Feed(now, sent) {
				switch {
				case ev.Kind == astm.Message:
					return ev.Bytes
				case ev.Kind == astm.Write && ev.Bytes[0] == astm.ACK:
					taken = true
				}
			}
			if taken {
				break
			}
			if tries == 50 {
				return nil // the receiver waits for something else: the instrument gives up
			}
			r.Feed(now, []byte("\r\n"))
		}
	}
	return nil
}

// TestNoiseThatTheChecksumMisses sends plates over a line on which one byte in a thousand is hit. The checksum lets some pairs of flips
// through; what the records say twice must show most of them.
func TestNoiseThatTheChecksumMisses(t *testing.T) {
	t.Parallel()
	const plates = 3000
	text := astm.Unframe(plateMessage()).Text
	truth := plainly(text)
	for _, o := range []astm.SendOptions{{}, {OneRecord: true}} {
		frames := astm.Frames(text, o)
		var changed, refused, would, wrong, left int
		for seed := range uint64(plates) {
			kept := noisy(rand.New(rand.NewPCG(seed, 7)), frames, 1e-3)
			if kept == nil || bytes.Equal(kept, text) {
				continue
			}
			changed++
			hit, strange := 0, 0
			for place, value := range plainly(kept) {
				if was, known := truth[place]; known && was != value { // a place or a sample that is not on the plate shows itself
					hit++
				} else if !known {
					strange++
				}
			}
			would += hit
			var e *instruments.Error
			if _, err := instruments.Decode(&instruments.File{Raw: kept}, "astm"); errors.As(err, &e) {
				require.Contains(t, []string{instruments.CodeIncomplete, instruments.CodeUnknown}, e.Code)
				refused++
				continue
			}
			wrong += hit
			if strange == 0 {
				left += hit
			}
		}
		t.Logf("one record a frame %v: of %d plates %d were kept changed and %d of these refused; wrong values: %d without the check, %d with it, %d where every tube and test is one of the plate's",
			o.OneRecord, plates, changed, refused, would, wrong, left)
		require.Positive(t, would, "nothing was tested")
		require.Less(t, 2*wrong, would)
	}
}

// plainly reads the values of a message by well, sample and test, with no check at all.
func plainly(text []byte) map[string]string {
	out := map[string]string{}
	place := ""
	for r := astm.NewRecords(string(text)); r.Next(); {
		switch r.Type() {
		case 'O':
			place = r.Raw(3) + " " + r.Raw(4)
		case 'R':
			out[place+" "+r.Raw(3)] = r.Raw(4)
		}
	}
	return out
}
