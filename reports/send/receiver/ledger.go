package receiver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Line is one result in the ledger, a JSON object a line. A delivery's lines stand together; Of is how many they are.
type Line struct {
	Delivery string    `json:"delivery"`
	Order    string    `json:"order"`    // the department's own id of the order
	OrderNo  int64     `json:"order_no"` // the laboratory's number
	Version  int       `json:"version"`
	Call     string    `json:"call"`
	Notice   string    `json:"notice,omitempty"` // no result: recall or withdrawal of the order
	Of       int       `json:"of"`
	At       time.Time `json:"at"` // when it was received
}

// ledger is an append-only file and the deliveries in it. A delivery is in it whole, on the disk, before keep returns.
// Writers that come while the disk is busy share its next flush.
type ledger struct {
	mu      sync.Mutex
	file    *os.File
	known   map[string]int64 // delivery -> end of its lines
	written int64            // bytes
	results int
	broken  error // a write that could not be undone: nothing more is taken

	flushing sync.Mutex // held by the one who flushes; taken before mu
	flushed  int64      // bytes known to be on the disk
}

func openLedger(path string) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l := &ledger{file: f, known: map[string]int64{}}
	if err := l.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// load reads whole deliveries and cuts the file after the last of them. Damage anywhere else is an error.
func (l *ledger) load() error {
	raw, err := io.ReadAll(l.file)
	if err != nil {
		return err
	}
	lines, torn, err := Parse(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", l.file.Name(), err)
	}
	for _, line := range lines {
		l.known[line.Delivery] = 0
	}
	l.results = len(lines)
	end := int64(len(raw) - torn)
	if err := l.file.Truncate(end); err != nil {
		return err
	}
	l.written, l.flushed = end, end
	_, err = l.file.Seek(end, io.SeekStart)
	return err
}

// Parse reads a ledger. Torn is the number of bytes at the end that a crash left of a delivery; they are no error.
func Parse(raw []byte) (lines []Line, torn int, err error) {
	whole, at := 0, 0 // how many lines belong to whole deliveries, and the byte after them
	open := 0         // lines of a delivery that are still to come
	for n, pos := 1, 0; pos < len(raw); n++ {
		size := bytes.IndexByte(raw[pos:], '\n')
		if size < 0 {
			break
		}
		var line Line
		if err := json.Unmarshal(raw[pos:pos+size], &line); err != nil || line.Of < 1 {
			return nil, 0, fmt.Errorf("ledger line %d: %.60q: expected a result", n, raw[pos:pos+size])
		}
		if open == 0 {
			open = line.Of
		} else if line.Delivery != lines[len(lines)-1].Delivery {
			return nil, 0, fmt.Errorf("ledger line %d: delivery %q inside delivery %q", n, line.Delivery, lines[len(lines)-1].Delivery)
		}
		lines = append(lines, line)
		pos += size + 1
		if open--; open == 0 {
			whole, at = len(lines), pos
		}
	}
	return lines[:whole], len(raw) - at, nil
}

// keep appends a delivery and waits until it is on the disk; true where it is known already and nothing was written.
func (l *ledger) keep(id string, lines []Line) (repeat bool, err error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, line := range lines {
		if err := enc.Encode(line); err != nil {
			return false, err
		}
	}
	end, repeat, err := l.append(id, b.Bytes(), len(lines))
	if err != nil {
		return false, err
	}
	return repeat, l.flush(end)
}

func (l *ledger) append(id string, raw []byte, results int) (end int64, repeat bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return 0, false, l.broken
	}
	if end, repeat = l.known[id]; repeat {
		return end, true, nil
	}
	if _, err := l.file.Write(raw); err != nil {
		l.broken = fmt.Errorf("delivery %s: %w", id, err)
		return 0, false, l.broken
	}
	l.written += int64(len(raw))
	l.known[id] = l.written
	l.results += results
	return l.written, false, nil
}

// flush returns when everything up to end is on the disk.
func (l *ledger) flush(end int64) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	if l.flushed >= end {
		return nil
	}
	l.mu.Lock()
	written, broken := l.written, l.broken
	l.mu.Unlock()
	if broken != nil {
		return broken
	}
	if err := l.file.Sync(); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.broken = err
		return err
	}
	l.flushed = written
	return nil
}

func (l *ledger) size() (deliveries, results int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known), l.results
}

func (l *ledger) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
