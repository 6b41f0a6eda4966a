package sim

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"natlims/instruments"
	"natlims/instruments/link"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "rewrite the goldens")

// truth: codes that end in an odd digit are positive, all have an internal control.
func truth(code, target string) (float64, bool) {
	last := code[len(code)-1]
	switch {
	case code == "NC":
		return 0, false
	case code == "PC":
		return 25.5, true
	case target == "IC":
		return 28.25, true
	case last >= '0' && last <= '9' && (last-'0')%2 == 1:
		return 20.5 + float64(last-'0'), true
	}
	return 0, false
}

func small() Plate {
	l := plate.Layout{Code: "P0001", Format: plate.F96}
	for i, code := range []string{"S-1001", "S-1002", "S-1003", "S|^&~\\4"} {
		l.Wells = append(l.Wells, plate.Well{Pos: plate.Pos{Row: 0, Col: i}, Role: plate.Sample, Code: code})
	}
	l.Wells = append(l.Wells, plate.Well{Pos: plate.Pos{Row: 7, Col: 10}, Role: plate.Negative, Code: "NC"},
		plate.Well{Pos: plate.Pos{Row: 7, Col: 11}, Role: plate.Positive, Code: "PC"})
	return Plate{Layout: l, Truth: truth, Targets: []Target{{"ORF1ab", "VIC"}, {"N", "FAM"}, {"IC", "CY5"}},
		Ended: time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC), Cycles: 40, Seed: 1, Operator: "王芳"}
}

// A well that measures one target tells that one.
func TestOneTargetAWell(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"quantstudio", "cfx", "m2000", "hl7-oul"} {
		p := small()
		for i := range p.Layout.Wells {
			p.Layout.Wells[i].Target = p.Targets[i%3].Name
		}
		m, err := Find(model)
		require.NoError(t, err)
		all, err := m.Messages(p)
		require.NoError(t, err)
		runs, err := instruments.Decode(&instruments.File{Raw: all[0].Bytes}, "")
		require.NoError(t, err)
		got := map[string]string{}
		for _, r := range runs[0].Readings {
			got[r.Well] += r.Target
		}
		require.Equal(t, map[string]string{"A1": "ORF1ab", "A2": "N", "A3": "IC", "A4": "ORF1ab", "H11": "N", "H12": "IC"}, got, model)
	}
}

// What a model writes is what a reviewer can compare with a real capture.
func TestGoldens(t *testing.T) {
	t.Parallel()
	for _, m := range Models() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			p := small()
			p.Cycles = 3
			all, err := m.Messages(p)
			require.NoError(t, err)
			var b strings.Builder
			for _, msg := range all {
				fmt.Fprintf(&b, "== %s\n%s\n", msg.Name, strings.ReplaceAll(strings.ReplaceAll(string(msg.Bytes), "\r\n", "\n"), "\r", "\n"))
			}
			file := filepath.Join("testdata", m.Name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), b.String())
		})
	}
}

// Every model is read back by the driver that its content names, with the truth in it.
func TestDriversReadWhatModelsWrite(t *testing.T) {
	t.Parallel()
	for model, driver := range map[string]string{"m2000": "m2000-astm", "m2000-tubes": "m2000-astm", "genexpert": "genexpert-astm",
		"hl7-oru": "hl7", "hl7-oul": "ihe-law", "quantstudio": "quantstudio-da1", "cfx": "cfx"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			m, err := Find(model)
			require.NoError(t, err)
			p := small()
			all, err := m.Messages(p)
			require.NoError(t, err)
			got := map[string]pcr.Reading{}
			curves := 0
			for _, msg := range all {
				f := &instruments.File{Raw: msg.Bytes}
				d, err := instruments.Detect(f)
				require.NoError(t, err)
				require.Equal(t, driver, d.Name)
				runs, err := d.Decode(f)
				require.NoError(t, err)
				for _, r := range runs {
					require.Empty(t, r.Notes)
					curves += len(r.Curves)
					for _, g := range r.Readings {
						got[g.Sample+" "+g.Target] = g
					}
				}
			}
			for _, w := range p.Layout.Wells {
				for _, target := range p.Targets {
					key := w.Code + " " + target.Name
					g, found := got[key]
					if model == "genexpert" {
						g, found = got[w.Code+" NCOV^NCOV^"+target.Name+"^Ct"]
					}
					require.True(t, found, "%s in %v", key, got)
					cq, ok := truth(w.Code, target.Name)
					want := pcr.NoCq
					if ok {
						want = pcr.HasCq
						require.InDelta(t, cq, g.Cq, 0.06, key)
					}
					require.Equal(t, want, g.State, key)
					if g.Well != "" {
						require.Equal(t, w.Pos.String(), g.Well)
					}
				}
			}
			if model == "quantstudio" {
				require.Equal(t, 2*len(p.Layout.Wells)*len(p.Targets), curves, "Rn and Delta Rn")
			}
		})
	}
}

func TestPaceIsThatOfTheLine(t *testing.T) {
	t.Parallel()
	var slept time.Duration
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	w := &wire{ReadWriteCloser: ours, baud: 9600, sleep: func(d time.Duration) { slept += d }}
	_, err := w.Write(make([]byte, 9600))
	require.NoError(t, err)
	require.InDelta(t, 10*time.Second, slept, float64(100*time.Millisecond), "ten bits a byte")
	ours.Close()
	theirs.Close()
}

func TestFaultsAreChecked(t *testing.T) {
	t.Parallel()
	m, err := Find("m2000")
	require.NoError(t, err)
	for want, f := range map[string]Faults{"noise": {Noise: 1}, "lose": {Lose: -1}, "klingon": {Encoding: "klingon"}} {
		_, err := m.Send(t.Context(), nil, small(), Options{Now: time.Now, Faults: f})
		require.ErrorContains(t, err, want)
	}
	_, err = Find("abacus")
	require.ErrorContains(t, err, "genexpert, hl7-oru")
	_, err = m.Messages(Plate{})
	require.ErrorContains(t, err, "expected wells")
	files, err := Find("cfx")
	require.NoError(t, err)
	_, err = files.Send(t.Context(), nil, small(), Options{Now: time.Now})
	require.ErrorContains(t, err, "folder")
}

func TestWrongEncodingIsWhatWasAsked(t *testing.T) {
	t.Parallel()
	m, err := Find("cfx")
	require.NoError(t, err)
	p := small()
	p.Targets[0].Name = "内标"
	dir := t.TempDir()
	_, err = m.Drop(t.Context(), dir, p, Options{Faults: Faults{Encoding: "gb18030"}})
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "P0001 -  Quantification Cq Results.csv"))
	require.NoError(t, err)
	require.Contains(t, string(b), "\xc4\xda\xb1\xea")
}

func TestTo(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "serial", "serial:", "ftp:x", "tcp:"} {
		_, err := To(bad, link.Settings{})
		require.ErrorContains(t, err, "expected serial:PORT", bad)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	l.Close()
	open, err := To("listen:"+address, link.Settings{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = open(ctx)
	require.Error(t, err, "ends with its context")
	open, err = To("tcp:"+address, link.Settings{})
	require.NoError(t, err)
	_, err = open(t.Context())
	require.ErrorContains(t, err, "refused")
}
