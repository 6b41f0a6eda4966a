// Package spool keeps arrivals on disk until they were handed on: what Put has accepted survives a power cut.
//
// It never looks into an arrival and never loses one that was accepted: an arrival leaves the disk only after Done. It may give an arrival
// out again after a crash; whoever takes it must know repeats, as the server does by content.
//
// A spool is a folder of segments, files that are only appended to:
//
//	0000000000000001.seg  named after the number of its first record; record = length, CRC-32C, payload
//	cursor                number of the last record that was handed on
//	lock                  held by the process that uses the spool
//	damaged-…             what could not be read of a segment, kept for people
//
// Put writes, syncs, and only then says yes. A record that a power cut left half written was never accepted and is cut off at the next
// Open; damage before the last record of the last segment is an accident of the disk and is put aside, not dropped.
package spool

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"time"

	"natlims/instruments/link"
)

// Limits.
const (
	MaxEntry   = 64<<20 + 1<<16 // bytes of a record: the largest file and what is said of it
	maxSegment = 16 << 20       // a segment that is larger takes no further record
	headSize   = 8
)

// Errors.
var (
	ErrFull   = errors.New("spool is full")
	ErrClosed = errors.New("spool is closed")
	ErrHeld   = errors.New("spool is used by another process")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Spool is one queue of arrivals.
type Spool struct {
	dir   string
	limit int64
	lock  *os.File
	wake  chan struct{}

	mu     sync.Mutex
	closed bool
	file   file // the segment that is appended to; nil: the next Put begins one
	name   string
	size   int64 // of file, up to the last whole record
	next   uint64
	done   uint64
	queue  []ref
	bytes  int64 // of the queue
	open   func(name string) (file, error)
}

// file is what the spool needs of a segment; tests put a disk behind it that fails.
type file interface {
	Write([]byte) (int, error)
	Truncate(int64) error
	Sync() error
	Close() error
}

// ref is where a waiting record lies.
type ref struct {
	seq  uint64
	name string
	off  int64
	n    int64
	at   time.Time
}

// Entry is a waiting arrival.
type Entry struct {
	Seq     uint64
	Arrival link.Arrival
}

// Stats is how full a spool is.
type Stats struct {
	Waiting int       `json:"waiting"`
	Bytes   int64     `json:"bytes"`
	Oldest  time.Time `json:"oldest"` // zero: nothing waits
}

// Open opens the spool in a folder and makes the folder where it is missing. limit is the most bytes that may wait.
func Open(dir string, limit int64) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := takeLock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	s := &Spool{dir: dir, limit: limit, lock: lock, wake: make(chan struct{}, 1), next: 1}
	s.open = func(name string) (file, error) {
		return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
	if err := s.recover(); err != nil {
		return nil, fmt.Errorf("spool %s: %w", dir, errors.Join(err, dropLock(lock)))
	}
	return s, nil
}

// Put stores an arrival for good. An error means that it is not stored: the instrument must not be told that it is.
func (s *Spool) Put(a link.Arrival) error {
	record, err := encode(a)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n := int64(len(record)); {
	case s.closed:
		return ErrClosed
	case n > MaxEntry:
		return fmt.Errorf("arrival of %d bytes: at most %d are taken: %w", len(a.Bytes), MaxEntry, link.ErrRefused)
	case s.bytes+n > s.limit:
		return fmt.Errorf("%w: %d bytes wait, the limit is %d", ErrFull, s.bytes, s.limit)
	}
	if err := s.append(record); err != nil {
		s.abandon()
		return fmt.Errorf("spool %s: %w", s.dir, err)
	}
	s.queue = append(s.queue, ref{s.next, s.name, s.size, int64(len(record)), a.At})
	s.size += int64(len(record))
	s.bytes += int64(len(record))
	s.next++
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

func (s *Spool) append(record []byte) error {
	if s.file != nil && s.size >= maxSegment {
		err := s.file.Close()
		s.file = nil
		if err != nil {
			return err
		}
	}
	if s.file == nil {
		name := segment(s.next)
		f, err := s.open(name)
		if err != nil {
			return err
		}
		s.file, s.name, s.size = f, name, 0
		if err := syncDir(s.dir); err != nil {
			return err
		}
	}
	if _, err := s.file.Write(record); err != nil {
		return err
	}
	return s.file.Sync()
}

// abandon leaves a segment whose disk failed: after a failed sync nobody knows what is on it. It is cut back to its last accepted
// record, and the next Put begins a new one. Where even that fails, the record may be found and handed on, which is only a repeat; its
// number is not given again.
func (s *Spool) abandon() {
	s.next++
	if s.file == nil {
		return
	}
	_ = s.file.Truncate(s.size) // the error that brought us here is the one to tell
	_ = s.file.Close()
	if s.size == 0 {
		_ = os.Remove(filepath.Join(s.dir, s.name))
	}
	s.file = nil
}

// Wake receives something after a Put.
func (s *Spool) Wake() <-chan struct{} { return s.wake }

// Next gives the oldest arrival that waits; false where none does. It stays until Done.
func (s *Spool) Next() (Entry, bool, error) {
	s.mu.Lock()
	if s.closed || len(s.queue) == 0 {
		s.mu.Unlock()
		return Entry{}, false, nil
	}
	r := s.queue[0]
	s.mu.Unlock()
	f, err := os.Open(filepath.Join(s.dir, r.name))
	if err != nil {
		return Entry{}, false, err
	}
	defer f.Close()
	b := make([]byte, r.n)
	if _, err := f.ReadAt(b, r.off); err != nil {
		return Entry{}, false, fmt.Errorf("%s at byte %d: %w", r.name, r.off, err)
	}
	a, _, err := decode(b)
	if err != nil {
		err = fmt.Errorf("%s at byte %d: %w", r.name, r.off, err)
		return Entry{}, false, errors.Join(err, s.putAside(r, b))
	}
	return Entry{r.seq, a}, true, nil
}

// putAside takes a record that rotted while it waited out of the queue, so that it does not hold up the others.
func (s *Spool) putAside(r ref, b []byte) error {
	if err := os.WriteFile(filepath.Join(s.dir, fmt.Sprintf("damaged-%s-%d", r.name, r.off)), b, 0o600); err != nil {
		return err
	}
	return s.Done(r.seq)
}

// Done says that the oldest arrival, which Next gave out, is safe elsewhere. Segments that hold nothing else are removed.
func (s *Spool) Done(seq uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if len(s.queue) == 0 || s.queue[0].seq != seq {
		return fmt.Errorf("record %d is not the oldest that waits", seq)
	}
	r := s.queue[0]
	s.queue = s.queue[1:]
	s.bytes -= r.n
	s.done = seq
	if err := s.saveCursor(); err != nil {
		return err
	}
	if (len(s.queue) == 0 || s.queue[0].name != r.name) && (s.file == nil || s.name != r.name) {
		return os.Remove(filepath.Join(s.dir, r.name))
	}
	return nil
}

// Stats says how full the spool is.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Waiting: len(s.queue), Bytes: s.bytes}
	if len(s.queue) > 0 {
		st.Oldest = s.queue[0].at
	}
	return st
}

// Close gives the spool back. What waits stays on disk.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	return errors.Join(err, dropLock(s.lock))
}

func segment(seq uint64) string { return fmt.Sprintf("%016x.seg", seq) }

// encode writes length and checksum of the payload, then the payload: length of what is said of the bytes, that as JSON, the bytes.
func encode(a link.Arrival) ([]byte, error) {
	bytes := a.Bytes
	a.Bytes = nil
	said, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	b := make([]byte, headSize+4, headSize+4+len(said)+len(bytes))
	binary.LittleEndian.PutUint32(b[headSize:], uint32(len(said)))
	b = append(append(b, said...), bytes...)
	binary.LittleEndian.PutUint32(b, uint32(len(b)-headSize))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[headSize:], castagnoli))
	return b, nil
}

// errTorn: the bytes end before the record does, or are not those that were written.
var errTorn = errors.New("record is torn")

// decode reads the first record of b and its length.
func decode(b []byte) (a link.Arrival, n int, err error) {
	if len(b) < headSize+4 {
		return a, 0, errTorn
	}
	size := int64(binary.LittleEndian.Uint32(b))
	if size < 4 || size > MaxEntry || int64(len(b)) < headSize+size {
		return a, 0, errTorn
	}
	payload := b[headSize : headSize+size]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return a, 0, errTorn
	}
	said := int64(binary.LittleEndian.Uint32(payload))
	if 4+said > size {
		return a, 0, errTorn
	}
	if err := json.Unmarshal(payload[4:4+said], &a); err != nil {
		return a, 0, fmt.Errorf("%w: %v", errTorn, err)
	}
	a.Bytes = payload[4+said:]
	return a, int(headSize + size), nil
}
