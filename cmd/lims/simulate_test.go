package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/instruments/link"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

func simulate(t *testing.T, args ...string) simulateCmd {
	t.Helper()
	var c simulateCmd
	k, err := kong.New(&c, kong.Exit(func(int) { t.Fatal("kong left") }))
	require.NoError(t, err)
	_, err = k.Parse(args)
	require.NoError(t, err)
	return c
}

func TestSimulateAPlateOfOnesOwnIntoAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "plate.json")
	want := plate.Layout{Code: "P7", Format: plate.F96, Wells: []plate.Well{
		{Pos: plate.Pos{Row: 0, Col: 0}, Role: plate.Sample, Code: "S-1"}, {Pos: plate.Pos{Row: 7, Col: 11}, Role: plate.Negative, Code: "NC"}}}
	b, err := json.Marshal(want)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, b, 0o600))
	c := simulate(t, "cfx", "--to", "dir:"+dir, "--layout", file, "--positives", "1", "--targets", "N:FAM,IC:CY5")
	require.NoError(t, c.Run(t.Context()))
	b, err = os.ReadFile(filepath.Join(dir, "P7 -  Quantification Cq Results.csv"))
	require.NoError(t, err)
	f := &instruments.File{Raw: b}
	d, err := instruments.Detect(f)
	require.NoError(t, err)
	runs, err := d.Decode(f)
	require.NoError(t, err)
	state := map[string]pcr.State{}
	for _, g := range runs[0].Readings {
		state[g.Well+" "+g.Target] = g.State
	}
	require.Equal(t, map[string]pcr.State{"A1 N": pcr.HasCq, "A1 IC": pcr.HasCq, "H12 N": pcr.NoCq, "H12 IC": pcr.NoCq}, state)
}

// A plate of a singleplex kit: each well tells its own target.
func TestSimulateSingleplex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := simulate(t, "quantstudio", "--to", "dir:"+dir, "--wells", "each", "--samples", "30", "--targets", "N1:FAM,N2:FAM,RP:FAM")
	require.NoError(t, c.Run(t.Context()))
	b, err := os.ReadFile(filepath.Join(dir, "SIM0001_data.txt"))
	require.NoError(t, err)
	runs, err := instruments.Decode(&instruments.File{Raw: b}, "")
	require.NoError(t, err)
	require.Len(t, runs[0].Readings, 96)
	targets, wells := map[string]int{}, map[string]bool{}
	for _, r := range runs[0].Readings {
		targets[r.Target]++
		wells[r.Well] = true
		require.True(t, r.Target != "RP" || r.State == pcr.HasCq || r.Sample == "NC")
	}
	require.Equal(t, map[string]int{"N1": 32, "N2": 32, "RP": 32}, targets)
	require.Len(t, wells, 96)
}

func TestSimulateOverTCP(t *testing.T) {
	t.Parallel()
	kept := make(chan link.Arrival, 1)
	ls, err := link.Serve(t.Context(), link.Options{Now: time.Now, Keep: func(_ context.Context, a link.Arrival) error {
		kept <- a
		return nil
	}})
	require.NoError(t, err)
	t.Cleanup(ls.Close)
	require.NoError(t, ls.Set([]link.Line{{ID: 1, Name: "hall", Kind: link.Listen, Address: "127.0.0.1:0", Protocol: link.HL7}}))
	require.Eventually(t, func() bool { return ls.Health()[0].State == link.Up }, 10*time.Second, time.Millisecond)
	c := simulate(t, "hl7-oul", "--to", "tcp:"+ls.Health()[0].Address, "--samples", "376")
	require.NoError(t, c.Run(t.Context()))
	a := <-kept
	require.True(t, a.Complete)
	require.Contains(t, string(a.Bytes), "SIM0001-376")
}

func TestSimulateSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"expected one of cfx":    {"abacus", "--to", "dir:x"},
		"expected serial:PORT":   {"m2000", "--to", "pigeon:home"},
		"do not fit":             {"m2000", "--to", "dir:x", "--samples", "400"},
		"expected gb18030":       {"m2000", "--to", "dir:x", "--encoding", "morse"},
		"to dir:/nowhere/at/all": {"m2000", "--to", "dir:/nowhere/at/all"},
	} {
		require.ErrorContains(t, simulate(t, args...).Run(t.Context()), want)
	}
}
