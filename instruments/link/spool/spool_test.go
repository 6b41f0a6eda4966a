package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/instruments/link"
)

const plenty = 1 << 30

func arrival(i int) link.Arrival {
	return link.Arrival{Wire: "astm", Source: "cycler", Peer: "10.0.0.5:4001", Complete: true, At: time.Date(2026, 11, 21, 8, 0, i%60, 0, time.UTC),
		Bytes: []byte(fmt.Sprintf("H|\\^&|||%d\rL|1\r\x00\xff", i))}
}

func open(t require.TestingT, dir string) *Spool {
	s, err := Open(dir, plenty)
	require.NoError(t, err)
	return s
}

// drain takes everything that waits.
func drain(t require.TestingT, s *Spool) (all []link.Arrival) {
	for {
		e, ok, err := s.Next()
		require.NoError(t, err)
		if !ok {
			return all
		}
		all = append(all, e.Arrival)
		require.NoError(t, s.Done(e.Seq))
	}
}

func TestKeepsOrderAcrossRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 10 {
		require.NoError(t, s.Put(arrival(i)))
	}
	<-s.Wake()
	for i := range 4 {
		e, ok, err := s.Next()
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, arrival(i), e.Arrival)
		require.NoError(t, s.Done(e.Seq))
	}
	require.Equal(t, 6, s.Stats().Waiting)
	require.Equal(t, arrival(4).At, s.Stats().Oldest)
	_, err := Open(dir, plenty)
	require.ErrorIs(t, err, ErrHeld)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Put(arrival(1)), ErrClosed)

	s = open(t, dir)
	require.NoError(t, s.Put(arrival(10)))
	all := drain(t, s)
	require.Len(t, all, 7)
	for i, a := range all {
		require.Equal(t, arrival(4+i), a)
	}
	require.Error(t, s.Done(99))
	require.NoError(t, s.Close())
	s = open(t, dir)
	require.Zero(t, s.Stats())
	require.NoError(t, s.Put(arrival(11)))
	require.Equal(t, []link.Arrival{arrival(11)}, drain(t, s))
	require.NoError(t, s.Close())
	names, err := s.segments()
	require.NoError(t, err)
	require.LessOrEqual(t, len(names), 1, "emptied segments are removed")
}

// Whatever a power cut leaves of the last record, the ones before are all there and the spool goes on.
func TestTornTailAtEveryByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	require.NoError(t, s.Put(arrival(0)))
	require.NoError(t, s.Put(arrival(1)))
	require.NoError(t, s.Close())
	whole, err := os.ReadFile(filepath.Join(dir, segment(1)))
	require.NoError(t, err)
	first, err := encode(arrival(0))
	require.NoError(t, err)
	for n := len(first); n < len(whole); n++ {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, segment(1)), whole[:n], 0o600))
		s := open(t, dir)
		require.NoError(t, s.Put(arrival(2)))
		require.Equal(t, []link.Arrival{arrival(0), arrival(2)}, drain(t, s), "cut at %d", n)
		require.NoError(t, s.Close())
		damaged, err := filepath.Glob(filepath.Join(dir, "damaged-*"))
		require.NoError(t, err)
		require.Empty(t, damaged)
	}
}

func TestDamageIsPutAsideNotDropped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 3 {
		require.NoError(t, s.Put(arrival(i)))
	}
	require.NoError(t, s.Close())
	path := filepath.Join(dir, segment(1))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[len(b)/2] ^= 1 // in the second record
	require.NoError(t, os.WriteFile(path, b, 0o600))
	s = open(t, dir)
	require.NoError(t, s.Put(arrival(9)))
	require.Equal(t, []link.Arrival{arrival(0), arrival(9)}, drain(t, s))
	require.NoError(t, s.Close())
	damaged, err := filepath.Glob(filepath.Join(dir, "damaged-*"))
	require.NoError(t, err)
	require.Len(t, damaged, 1)
	aside, err := os.ReadFile(damaged[0])
	require.NoError(t, err)
	require.Contains(t, string(aside), "|||2\r", "the third record is in it for people")
}

func TestLostCursorOnlyRepeats(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 3 {
		require.NoError(t, s.Put(arrival(i)))
	}
	e, _, err := s.Next()
	require.NoError(t, err)
	require.NoError(t, s.Done(e.Seq))
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cursor"), nil, 0o600)) // as a power cut leaves it
	s = open(t, dir)
	require.Len(t, drain(t, s), 3)
	require.NoError(t, s.Close())
}

// A record that rots while it waits must not hold up the others.
func TestRottenRecordIsPutAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	require.NoError(t, s.Put(arrival(0)))
	require.NoError(t, s.Put(arrival(1)))
	f, err := os.OpenFile(filepath.Join(dir, segment(1)), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("rot"), 40)
	require.NoError(t, errors.Join(err, f.Close()))
	_, ok, err := s.Next()
	require.ErrorContains(t, err, "torn")
	require.False(t, ok)
	require.Equal(t, []link.Arrival{arrival(1)}, drain(t, s))
	damaged, err := filepath.Glob(filepath.Join(dir, "damaged-*"))
	require.NoError(t, err)
	require.Len(t, damaged, 1)
}

func TestFull(t *testing.T) {
	t.Parallel()
	one, err := encode(arrival(0))
	require.NoError(t, err)
	s, err := Open(t.TempDir(), int64(2*len(one)))
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Put(arrival(0)))
	require.NoError(t, s.Put(arrival(1)))
	require.ErrorIs(t, s.Put(arrival(2)), ErrFull)
	drain(t, s)
	require.NoError(t, s.Put(arrival(2)), "room again")
}

// disk is a segment on a disk that fails when it is told to.
type disk struct {
	file
	fail *string
}

var errDisk = errors.New("no space left on device")

func (d disk) Write(b []byte) (int, error) {
	if *d.fail == "write" {
		n, _ := d.file.Write(b[:len(b)/2])
		return n, errDisk
	}
	return d.file.Write(b)
}

func (d disk) Sync() error {
	if *d.fail == "sync" {
		return errDisk
	}
	return nil // there is no power cut in a test, and syncing takes its time
}

func (d disk) Truncate(n int64) error {
	if *d.fail == "sync" { // this disk does nothing any more
		return errDisk
	}
	return d.file.Truncate(n)
}

// What was accepted is there after any failures of the disk and any restarts, in order and once; what was refused may be there (a repeat).
func TestAcceptedIsNeverLost(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		dir := filepath.Join(root, fmt.Sprint(runs))
		fail := ""
		reopen := func() *Spool {
			s := open(t, dir)
			real := s.open
			s.open = func(name string) (file, error) {
				if fail == "open" {
					return nil, errDisk
				}
				f, err := real(name)
				return disk{f, &fail}, err
			}
			return s
		}
		s := reopen()
		var accepted, got []string
		refused := map[string]bool{}
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				n++
				a := arrival(n)
				if s.Put(a) == nil {
					accepted = append(accepted, string(a.Bytes))
				} else {
					refused[string(a.Bytes)] = true
				}
			},
			"fail": func(t *rapid.T) { fail = rapid.SampledFrom([]string{"", "", "write", "sync", "open"}).Draw(t, "how") },
			"take": func(t *rapid.T) {
				e, ok, err := s.Next()
				require.NoError(t, err)
				if ok {
					require.NoError(t, s.Done(e.Seq))
					got = append(got, string(e.Arrival.Bytes))
				}
			},
			"restart": func(t *rapid.T) {
				require.NoError(t, s.Close())
				s = reopen()
			},
		})
		for _, a := range drain(t, s) {
			got = append(got, string(a.Bytes))
		}
		require.NoError(t, s.Close())
		var without []string
		for _, g := range got {
			if !refused[g] {
				without = append(without, g)
			}
		}
		require.Equal(t, accepted, without)
	})
}

func FuzzDecode(f *testing.F) {
	b, err := encode(arrival(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:9])
	f.Fuzz(func(t *testing.T, b []byte) {
		a, n, err := decode(b)
		if err != nil {
			return
		}
		if n > len(b) || len(a.Bytes) > n {
			t.Fatalf("%d bytes of %d", n, len(b))
		}
	})
}

func BenchmarkPut(b *testing.B) {
	s, err := Open(b.TempDir(), 1<<40)
	require.NoError(b, err)
	defer s.Close()
	a := arrival(1)
	a.Bytes = make([]byte, 28<<10)
	for b.Loop() {
		require.NoError(b, s.Put(a))
	}
}
