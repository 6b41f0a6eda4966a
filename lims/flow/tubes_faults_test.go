package flow_test

import (
	"context"
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
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
)

// The fault matrix over the whole way: a simulated instrument, the wire, the database, the judgement. Under every fault each tube ends
// with one result, and it is the right one. The bubble's time makes the 15 and 30 s of the protocols cost nothing.
func TestFaultMatrixIntoResults(t *testing.T) {
	t.Parallel()
	faults := map[string]struct {
		sim.Faults
		fail int // of so many calls of the database all but one fail
	}{
		"none":             {},
		"noise":            {Faults: sim.Faults{Noise: 1e-3}},
		"lost frames":      {Faults: sim.Faults{Lose: 0.05}},
		"repeated frames":  {Faults: sim.Faults{Repeat: 0.3}},
		"lost answers":     {Faults: sim.Faults{LoseAck: 0.05}},
		"cut":              {Faults: sim.Faults{Cut: 900}},
		"database away":    {fail: 3},
		"everything wrong": {Faults: sim.Faults{Noise: 2e-4, Lose: 0.02, Repeat: 0.1, LoseAck: 0.02, Cut: 1500}, fail: 2},
	}
	for _, model := range []string{"m2000", "m2000-tubes", "genexpert", "hl7-oul", "hl7-oru"} {
		for name, f := range faults {
			m, err := sim.Find(model)
			require.NoError(t, err)
			if m.Wire == sim.HL7 { // MLLP has no checksum and runs over TCP, which does not change bytes; its blocks are few and large
				f.Noise, f.Lose, f.LoseAck = 0, min(f.Lose*6, 0.4), min(f.LoseAck*6, 0.4)
			}
			dsn := pgtest.New(t)
			t.Run(model+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { overTheWholeWay(t, newRoomAt(t, dsn), m, f.Faults, f.fail) })
			})
		}
	}
}

func overTheWholeWay(t *testing.T, r *room, m sim.Model, f sim.Faults, fail int) {
	ctx := context.Background()
	codes := make([]string, 8)
	for i := range codes {
		codes[i] = fmt.Sprintf("S-%04d", i)
	}
	positive := func(code string) bool { return strings.HasPrefix(code, "S-") && code[len(code)-1]%3 == 0 }
	r.tubes(codes...)
	p := sim.Plate{Assay: "NCOV", Ended: r.clock(), Cycles: 5, Operator: "王芳"}
	var id int64
	if m.Name == "genexpert" || m.Name == "hl7-oru" { // no plates
		id = r.xpert()
		p.Targets = []sim.Target{{Name: "SARS-CoV-2"}, {Name: "SPC"}}
		if m.Name == "hl7-oru" {
			body, err := os.ReadFile("testdata/cassette.yaml")
			require.NoError(t, err)
			require.NoError(t, r.st.SetWork(ctx, r.chief, id, store.Work{Mode: store.ModeTube, Kit: r.addKit(body)}))
			p.Targets = []sim.Target{{Name: "ORF1ab"}, {Name: "N"}, {Name: "IC"}}
		}
		p.Layout = plate.Layout{Code: "GX", Format: plate.F96}
		for i, c := range codes {
			p.Layout.Wells = append(p.Layout.Wells, plate.Well{Pos: plate.F96.At(i), Role: plate.Sample, Code: c})
		}
		p.Truth = func(code, target string) (float64, bool) {
			return 24.5, target == "SPC" || target == "IC" || positive(code)
		}
	} else {
		id = r.instrument(store.Instrument{Code: "A-1", Model: m.Name, Line: "push", Protocol: string(m.Wire)}, store.Work{})
		p.Layout = r.running(codes, id)
		p.Targets = []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}}
		p.Truth = truth(p.Layout, positive)
	}
	report := send(t, r, m, p, id, sim.Options{Now: time.Now, Faults: f, Seed: 7, Tries: 200}, fail)
	want, err := m.Messages(p)
	require.NoError(t, err)
	require.Equal(t, len(want), report.Messages)
	require.NoError(t, r.line.Read(ctx))
	require.Equal(t, len(want), r.count(`SELECT count(*) FROM messages WHERE complete AND state = 'recorded'`), "lost or doubled: %s", r.states())
	require.Equal(t, 0, r.count(`SELECT count(*) FROM messages WHERE complete AND state <> 'recorded'`), r.states())
	for _, c := range codes {
		word := "negative"
		if positive(c) {
			word = "positive"
		}
		got, _, _ := strings.Cut(r.said(c), " ") // equal values of a simulated plate may be held for a look
		require.Equal(t, word, got, c)
	}
	require.Equal(t, len(codes), r.count(`SELECT count(*) FROM results`), "one result each")
}

// send plays the instrument into the real store.
func send(t *testing.T, r *room, m sim.Model, p sim.Plate, id int64, o sim.Options, fail int) sim.Report {
	t.Helper()
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	defer all.Wait()
	defer cancel()
	keep := r.keep(fail)
	open := func(context.Context) (io.ReadWriteCloser, error) {
		server, instrument := net.Pipe()
		all.Go(func() {
			_, _ = link.Talk(ctx, link.Line{ID: id, Name: m.Name, Protocol: string(m.Wire)}, link.Options{Keep: keep, Now: time.Now, Wall: time.Now}, server)
		})
		return instrument, nil
	}
	report, err := m.Send(ctx, open, p, o)
	require.NoError(t, err)
	return report
}

// keep is the store's Keep; of so many calls all but one fail.
func (r *room) keep(fail int) link.Keep {
	var mu sync.Mutex
	calls := 0
	return func(ctx context.Context, a link.Arrival) error {
		mu.Lock()
		calls++
		away := fail > 0 && calls%fail != 0
		mu.Unlock()
		if away {
			return context.DeadlineExceeded
		}
		k, err := r.st.KeepMessage(ctx, store.Arrival{Instrument: a.Instrument, Line: string(a.Kind), Peer: a.Peer, Name: a.Name, Bytes: a.Bytes, Complete: a.Complete})
		if err == nil && k.Repeat {
			return link.ErrRepeated
		}
		return err
	}
}

// running is the layout of a plate of the tubes that runs on an instrument.
func (r *room) running(codes []string, instrument int64) plate.Layout {
	r.t.Helper()
	ctx := context.Background()
	body, err := pcr.KitFile("daan")
	require.NoError(r.t, err)
	kit := r.addKit(body)
	_, err = r.st.AddLot(ctx, r.admin, r.lab, kit, "L1", r.now.AddDate(1, 0, 0))
	require.NoError(r.t, err)
	return r.runningOn(kit, codes, instrument)
}

func (r *room) runningOn(kit string, codes []string, instrument int64) plate.Layout {
	r.t.Helper()
	ctx := context.Background()
	p, err := r.st.Lay(ctx, r.tech, store.NewPlate{Lab: r.lab, Wells: 96, Kit: kit, Lot: "L1", Codes: codes})
	require.NoError(r.t, err)
	require.NoError(r.t, r.st.Seal(ctx, r.tech, p.ID))
	require.NoError(r.t, r.st.Start(ctx, r.tech, p.ID, instrument))
	layout, err := r.st.Layout(ctx, p.ID)
	require.NoError(r.t, err)
	return layout
}

// truth is what is true of the wells of a plate: controls as they should be, tubes as positive says.
func truth(l plate.Layout, positive func(code string) bool) func(code, target string) (float64, bool) {
	wells := map[string]plate.Well{}
	for _, w := range l.Wells {
		wells[w.Code] = w
	}
	return func(code, target string) (float64, bool) {
		switch w := wells[code]; {
		case w.Role == plate.Positive || w.Role == plate.Weak:
			return 29.5, true
		case w.Role.Control():
			return 0, false
		}
		return 24.5, target == "IC" || positive(code)
	}
}

// states is what became of every message, for a failed test.
func (r *room) states() (s string) {
	_ = r.st.DB().Get(&s, `SELECT string_agg(concat_ws(' ', id, state, complete, code, args::text), '; ' ORDER BY id) FROM messages`)
	return s
}

// The same for files that a cycler drops into a folder.
func TestFaultMatrixOfFilesIntoResults(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]struct {
		sim.Faults
		fail int
	}{
		"none":          {},
		"half written":  {Faults: sim.Faults{Half: true}},
		"dropped twice": {Faults: sim.Faults{Repeat: 0.999}},
		"truncated":     {Faults: sim.Faults{Cut: 400}},
		"database away": {fail: 4},
	} {
		dsn, dir := pgtest.New(t), t.TempDir()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRoomAt(t, dsn)
				codes := []string{"S-0000", "S-0001", "S-0002", "S-0003"}
				r.tubes(codes...)
				id := r.instrument(store.Instrument{Code: "A-1", Model: "QuantStudio 5", Line: "folder", Protocol: "file", Address: dir}, store.Work{})
				positive := func(code string) bool { return code == "S-0002" }
				l := r.running(codes, id)
				ls, err := link.Serve(t.Context(), link.Options{Keep: r.keep(f.fail), Now: time.Now})
				require.NoError(t, err)
				defer ls.Close()
				require.NoError(t, ls.Set([]link.Line{{ID: id, Name: "A-1", Kind: link.Folder, Address: dir, Protocol: link.File}}))
				m, err := sim.Find("quantstudio")
				require.NoError(t, err)
				_, err = m.Drop(t.Context(), dir, sim.Plate{Layout: l, Ended: r.clock(), Cycles: 45, Truth: truth(l, positive),
					Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}}}, sim.Options{Faults: f.Faults, Seed: 7})
				require.NoError(t, err)
				time.Sleep(5 * time.Minute) // of the bubble
				require.NoError(t, r.line.Read(context.Background()))
				require.Equal(t, 1, r.count(`SELECT count(*) FROM messages WHERE state = 'recorded'`), r.states())
				require.Equal(t, 1, r.count(`SELECT count(*) FROM messages`), r.states())
				for _, c := range codes {
					got, _, _ := strings.Cut(r.said(c), " ")
					require.Equal(t, map[bool]string{true: "positive", false: "negative"}[positive(c)], got, c)
				}
				require.Equal(t, len(codes), r.count(`SELECT count(*) FROM results`))
			})
		})
	}
}
