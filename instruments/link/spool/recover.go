package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

const cursorSize = 12 // number and checksum

// recover reads the segments and finds what waits. The segments that are there are not appended to any more.
func (s *Spool) recover() error {
	names, err := s.segments()
	if err != nil {
		return err
	}
	s.done = s.loadCursor()
	for i, name := range names {
		first, err := strconv.ParseUint(strings.TrimSuffix(name, ".seg"), 16, 64)
		if err != nil {
			return fmt.Errorf("%s: expected a segment's name", name)
		}
		if err := s.scan(name, first, i == len(names)-1); err != nil {
			return err
		}
	}
	s.next = max(s.next, s.done+1)
	return nil
}

func (s *Spool) segments() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".seg") && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names) // fixed width: the order of numbers
	return names, nil
}

// scan lists the records of a segment that wait, and removes a segment of which none does.
func (s *Spool) scan(name string, seq uint64, last bool) error {
	path := filepath.Join(s.dir, name)
	b, err := os.ReadFile(path) // a segment holds little more than maxSegment, or one record
	if err != nil {
		return err
	}
	waiting := 0
	off := 0
	for off < len(b) {
		a, n, err := decode(b[off:])
		if err != nil {
			if err := s.mend(path, b, off, last); err != nil {
				return err
			}
			break
		}
		if seq > s.done {
			s.queue = append(s.queue, ref{seq, name, int64(off), int64(n), a.At})
			s.bytes += int64(n)
			waiting++
		}
		off += n
		seq++
	}
	s.next = max(s.next, seq)
	if waiting == 0 {
		return os.Remove(path)
	}
	return nil
}

// mend cuts a segment at the first byte that cannot be read. What a power cut leaves is one unfinished record at the very end of the last
// segment, which nobody was told is stored; anything else is put aside first.
func (s *Spool) mend(path string, b []byte, off int, last bool) error {
	if !last || !unfinished(b[off:]) {
		aside := filepath.Join(s.dir, fmt.Sprintf("damaged-%s-%d", filepath.Base(path), off))
		if err := os.WriteFile(aside, b[off:], 0o600); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(int64(off))
	return errors.Join(err, f.Sync(), f.Close())
}

// unfinished says that a record began and its bytes are not all there, or are still zero.
func unfinished(b []byte) bool {
	if len(b) < headSize {
		return true
	}
	size := int64(binary.LittleEndian.Uint32(b))
	return int64(len(b)) < headSize+size || !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}

// saveCursor is not synced: after a power cut an older cursor, or none, only makes the server see repeats.
func (s *Spool) saveCursor() error {
	b := make([]byte, cursorSize)
	binary.LittleEndian.PutUint64(b, s.done)
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b[:8], castagnoli))
	path := filepath.Join(s.dir, "cursor")
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (s *Spool) loadCursor() uint64 {
	b, err := os.ReadFile(filepath.Join(s.dir, "cursor"))
	if err != nil || len(b) != cursorSize || binary.LittleEndian.Uint32(b[8:]) != crc32.Checksum(b[:8], castagnoli) {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// syncDir makes a new name survive a power cut. Windows has no such call: NTFS logs names by itself.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, fs.ErrInvalid) { // some network shares cannot
		err = nil
	}
	return errors.Join(err, d.Close())
}
