package link_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/instruments/sim"
	"natlims/lims/plate"
)

// shelf is a Keep in memory with the store's manners: content that was kept before is a repeat.
type shelf struct {
	mu     sync.Mutex
	whole  map[string]int // complete messages, by content: how often kept
	broken int
	calls  int
	fail   int // every so many calls fail
}

func (s *shelf) keep(_ context.Context, a link.Arrival) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.fail > 0 && s.calls%s.fail != 0 {
		return errors.New("no database")
	}
	if !a.Complete {
		s.broken++
		return nil
	}
	if s.whole[string(a.Bytes)] > 0 {
		return link.ErrRepeated
	}
	s.whole[string(a.Bytes)]++
	return nil
}

func plateOf(n int) sim.Plate {
	l := plate.Layout{Code: "P0042", Format: plate.F96}
	for i := range n {
		l.Wells = append(l.Wells, plate.Well{Pos: plate.F96.At(i), Role: plate.Sample, Code: fmt.Sprintf("S-%04d", i)})
	}
	return sim.Plate{Layout: l, Targets: []sim.Target{{Name: "ORF1ab", Dye: "VIC"}, {Name: "N", Dye: "FAM"}, {Name: "IC", Dye: "CY5"}},
		Ended: time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC), Cycles: 5, Operator: "王芳",
		Truth: func(code, target string) (float64, bool) { return 24.5, code[len(code)-1]%2 == 0 }}
}

// requireExact: every message is there once, byte for byte, and nothing else is.
func requireExact(t *testing.T, s *shelf, want []sim.Message) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range want {
		require.Equal(t, 1, s.whole[string(m.Bytes)], "lost or doubled")
	}
	require.Len(t, s.whole, len(want), "kept what was never sent")
}

// The fault matrix of the wires: each protocol under each fault, and under all of them. Time is the bubble's, so the 15 and 30 s
// of the protocols take none. Noise is for ASTM only: MLLP has no checksum and runs over TCP, which does not change bytes. Even ASTM's sum
// of 8 bits misses one pair of flips in sixteen: at 1 flip in 1,000 bytes one large plate in five would be kept wrong, at 1 in 10,000
// one in five hundred.
func TestFaultMatrixOfWires(t *testing.T) {
	t.Parallel()
	faults := map[string]struct {
		sim.Faults
		fail  int
		shows func(sim.Report, *shelf) bool // that the fault happened
	}{
		"none":             {shows: func(r sim.Report, _ *shelf) bool { return r.Again == 0 && r.Faults == 0 }},
		"noise":            {Faults: sim.Faults{Noise: 5e-4}},
		"lost frames":      {Faults: sim.Faults{Lose: 0.04}},
		"repeated frames":  {Faults: sim.Faults{Repeat: 0.3}},
		"lost answers":     {Faults: sim.Faults{LoseAck: 0.04}},
		"cut":              {Faults: sim.Faults{Cut: 900}, shows: func(r sim.Report, _ *shelf) bool { return r.Again == 1 }},
		"server full":      {fail: 3, shows: func(_ sim.Report, s *shelf) bool { return s.calls > len(s.whole) }},
		"wrong encoding":   {Faults: sim.Faults{Encoding: "gb18030"}, shows: func(sim.Report, *shelf) bool { return true }},
		"everything wrong": {Faults: sim.Faults{Noise: 2e-4, Lose: 0.02, Repeat: 0.1, LoseAck: 0.02, Cut: 1500}, fail: 2},
	}
	for _, model := range []string{"m2000", "m2000-tubes", "genexpert", "hl7-oru", "hl7-oul"} {
		for name, f := range faults {
			m, err := sim.Find(model)
			require.NoError(t, err)
			if m.Wire == sim.HL7 && name == "noise" {
				continue
			}
			t.Run(model+"/"+name, func(t *testing.T) {
				t.Parallel()
				if m.Wire == sim.HL7 {
					f.Noise = 0
					f.Lose, f.Repeat, f.LoseAck = min(f.Lose*8, 0.5), min(f.Repeat*2, 0.5), min(f.LoseAck*8, 0.5) // few, large blocks
				}
				made := 0
				for seed := range uint64(8) {
					synctest.Test(t, func(t *testing.T) {
						s := &shelf{whole: map[string]int{}, fail: f.fail}
						r, want := overPipes(t, m, s, sim.Options{Now: time.Now, Faults: f.Faults, Seed: seed, Tries: 200})
						requireExact(t, s, want)
						require.Equal(t, len(want), r.Messages)
						require.True(t, f.shows == nil || f.shows(r, s), "%+v", r)
						made += r.Faults
					})
				}
				require.True(t, made > 0 || f.shows != nil, "the fault never happened")
			})
		}
	}
}

func overPipes(t *testing.T, m sim.Model, s *shelf, o sim.Options) (sim.Report, []sim.Message) {
	t.Helper()
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer all.Wait()
	defer cancel()
	open := func(context.Context) (io.ReadWriteCloser, error) {
		server, instrument := net.Pipe()
		all.Go(func() {
			l := link.Line{ID: 1, Name: m.Name, Protocol: string(m.Wire)}
			_, _ = link.Talk(ctx, l, link.Options{Keep: s.keep, Now: time.Now}, server)
		})
		return instrument, nil
	}
	p := plateOf(8)
	want, err := m.Messages(p)
	require.NoError(t, err)
	if o.Faults.Encoding != "" {
		for i := range want {
			want[i].Bytes = []byte(strings.ReplaceAll(string(want[i].Bytes), "王芳", "\xcd\xf5\xb7\xbc"))
		}
	}
	r, err := m.Send(ctx, open, p, o)
	require.NoError(t, err)
	return r, want
}

// The fault matrix of folders, with real files and the bubble's time.
func TestFaultMatrixOfFolders(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"quantstudio", "cfx"} {
		for name, tt := range map[string]struct {
			f    sim.Faults
			fail int
		}{
			"none":          {},
			"half written":  {f: sim.Faults{Half: true}},
			"dropped twice": {f: sim.Faults{Repeat: 0.999}},
			"server full":   {fail: 4},
			"truncated":     {f: sim.Faults{Cut: 400}}, // exported again before the second look
		} {
			t.Run(model+"/"+name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					s := &shelf{whole: map[string]int{}, fail: tt.fail}
					ls, err := link.Serve(t.Context(), link.Options{Keep: s.keep, Now: time.Now})
					require.NoError(t, err)
					defer ls.Close()
					require.NoError(t, ls.Set([]link.Line{{ID: 1, Name: "drop", Kind: link.Folder, Address: dir, Protocol: link.File}}))
					m, err := sim.Find(model)
					require.NoError(t, err)
					_, err = m.Drop(t.Context(), dir, plateOf(8), sim.Options{Faults: tt.f, Seed: 7})
					require.NoError(t, err)
					time.Sleep(time.Minute)
					synctest.Wait()
					want, err := m.Messages(plateOf(8))
					require.NoError(t, err)
					requireExact(t, s, want)
					left, err := os.ReadDir(dir)
					require.NoError(t, err)
					require.Len(t, left, 1, "only done is left")
				})
			})
		}
	}
}
