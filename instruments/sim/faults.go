package sim

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"natlims/instruments/astm"
)

// Faults are what goes wrong on the way. Chances are between 0 and 1.
type Faults struct {
	Noise   float64 // of each byte to the server: one bit flips. MLLP and files have no checksum and would pass it on.
	Lose    float64 // of each frame or block: it never arrives
	Repeat  float64 // of each frame or block: the instrument sends it twice. A file is dropped again under another name.
	LoseAck float64 // of each answer of the server: it never arrives
	Cut     int     // the wire is cut after so many bytes, once; a file is written up to there, and later whole
	Half    bool    // a file is written in two halves
	// Encoding writes text in another encoding than the protocol says: gb18030, utf-16, latin-1, windows-1251.
	Encoding string
}

var encodings = map[string]encoding.Encoding{
	"gb18030": simplifiedchinese.GB18030, "utf-16": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"latin-1": charmap.ISO8859_1, "windows-1251": charmap.Windows1251,
}

func (f Faults) check() error {
	for name, p := range map[string]float64{"noise": f.Noise, "lose": f.Lose, "repeat": f.Repeat, "lose ack": f.LoseAck} {
		if p < 0 || p >= 1 {
			return fmt.Errorf("fault %s %v: expected a chance from 0 to below 1", name, p)
		}
	}
	if _, ok := encodings[f.Encoding]; !ok && f.Encoding != "" {
		return fmt.Errorf("fault encoding %q: expected gb18030, utf-16, latin-1 or windows-1251", f.Encoding)
	}
	return nil
}

// encode writes a text in the wrong encoding; what it cannot hold becomes "?".
func (f Faults) encode(b []byte) ([]byte, error) {
	e := encodings[f.Encoding]
	if e == nil {
		return b, nil
	}
	return encoding.ReplaceUnsupported(e.NewEncoder()).Bytes(b)
}

var errCut = errors.New("the wire was cut")

// wire is a wire with faults and a pace. One Write is one frame or block.
type wire struct {
	io.ReadWriteCloser
	f     Faults
	baud  int
	sleep func(time.Duration)

	mu      sync.Mutex // Read and Write share the dice
	rng     *rand.Rand
	written int
	cut     *bool // shared by all wires of one sending: a wire is cut once
	count   *int  // faults made
	astm    bool
	swallow int // answers to frames that were sent twice: the instrument took the first one for lost
}

func (w *wire) chance(p float64) bool {
	if p <= 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	hit := w.rng.Float64() < p
	if hit {
		*w.count++
	}
	return hit
}

func (w *wire) Write(b []byte) (int, error) {
	if w.chance(w.f.Lose) {
		return len(b), nil
	}
	out := w.noisy(b)
	if (!w.astm || b[0] == astm.STX) && w.chance(w.f.Repeat) {
		out = append(append([]byte(nil), out...), out...)
		if w.astm {
			w.mu.Lock()
			w.swallow++
			w.mu.Unlock()
		}
	}
	if w.f.Cut > 0 && !*w.cut && w.written+len(out) > w.f.Cut {
		*w.cut = true
		*w.count++
		if err := w.pace(out[:w.f.Cut-w.written]); err != nil {
			return 0, err
		}
		w.Close()
		return 0, errCut
	}
	w.written += len(out)
	return len(b), w.pace(out)
}

func (w *wire) noisy(b []byte) []byte {
	if w.f.Noise <= 0 {
		return b
	}
	out := append([]byte(nil), b...)
	for i := range out {
		if w.chance(w.f.Noise) {
			w.mu.Lock()
			out[i] ^= 1 << w.rng.IntN(8)
			w.mu.Unlock()
		}
	}
	return out
}

// pace writes as a line of so many baud would: a pseudo-terminal and a socket have no speed of their own. Ten bits carry a byte.
func (w *wire) pace(b []byte) error {
	step := len(b)
	if w.baud > 0 {
		step = max(1, w.baud/10/20) // twenty pieces a second
	}
	for len(b) > 0 {
		n := min(step, len(b))
		if _, err := w.ReadWriteCloser.Write(b[:n]); err != nil {
			return err
		}
		if w.baud > 0 {
			w.sleep(time.Duration(n) * 10 * time.Second / time.Duration(w.baud))
		}
		b = b[n:]
	}
	return nil
}

// Read loses answers. What is lost was one answer: the server writes each at once.
func (w *wire) Read(b []byte) (int, error) {
	for {
		n, err := w.ReadWriteCloser.Read(b)
		if n > 0 && w.chance(w.f.LoseAck) {
			if err != nil {
				return 0, err
			}
			continue
		}
		if n = w.swallowed(b[:n]); n > 0 || err != nil {
			return n, err
		}
	}
}

// swallowed takes the answers away that belong to repeats: an ASTM answer is one byte and does not say what it answers.
func (w *wire) swallowed(b []byte) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := min(w.swallow, len(b))
	w.swallow -= k
	return copy(b, b[k:])
}
