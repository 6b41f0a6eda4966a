package plate_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/lims/plate"
)

// cdc is a kit of three wells a sample, with the controls that its plates carry.
var (
	cdc         = plate.Lanes{"N1", "N2", "RP"}
	cdcControls = append(append([]plate.Role(nil), roles...), plate.NoTemplate, plate.Extraction)
)

func TestLanes(t *testing.T) {
	t.Parallel()
	require.Equal(t, 32, cdc.Places(plate.F96))
	require.Equal(t, 128, cdc.Places(plate.F384))
	require.Equal(t, 48, plate.Lanes{"", ""}.Places(plate.F96))
	require.Equal(t, 0, make(plate.Lanes, 13).Places(plate.F96), "wider than a row")
	w, err := cdc.Fill(plate.F96, 7, codes(30), []plate.Role{plate.NoTemplate, plate.Positive})
	require.NoError(t, err, "thirty samples, a blank and a positive")
	require.Len(t, w, 96)
	_, err = cdc.Fill(plate.F96, 7, codes(31), []plate.Role{plate.NoTemplate, plate.Positive})
	require.ErrorContains(t, err, "do not fit")
	_, err = cdc.Fill(plate.F96, 7, []string{"a", "a"}, nil)
	require.ErrorContains(t, err, "each code once")
	one, err := plate.Lanes{""}.Fill(plate.F96, 7, codes(90), roles)
	require.NoError(t, err)
	same, err := plate.Fill(plate.F96, 7, codes(90), roles)
	require.NoError(t, err)
	require.Equal(t, same, one, "one well a sample is the plate as ever")
}

// Each sample and each control stands in all its lanes, side by side, and a column holds one assay.
func TestLanesHoldTogether(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, number := anyFormat(t), rapid.IntRange(0, 1_000_000).Draw(t, "number")
		lanes := make(plate.Lanes, rapid.IntRange(2, 6).Draw(t, "lanes"))
		for i := range lanes {
			lanes[i] = fmt.Sprint("T", i)
		}
		n := rapid.IntRange(1, lanes.Places(f)-len(cdcControls)).Draw(t, "samples")
		wells, err := lanes.Fill(f, number, codes(n), cdcControls)
		if err != nil || len(wells) != (n+len(cdcControls))*len(lanes) {
			t.Fatal(err, len(wells))
		}
		at := map[plate.Pos]bool{}
		first := map[string]plate.Pos{}
		for _, w := range wells {
			if at[w.Pos] || !f.Holds(w.Pos) || w.Target != lanes[w.Pos.Col%len(lanes)] {
				t.Fatalf("%+v", w)
			}
			at[w.Pos] = true
			p, ok := first[w.Code]
			if !ok {
				first[w.Code], p = w.Pos, w.Pos
			}
			if w.Pos.Row != p.Row || w.Pos.Col/len(lanes) != p.Col/len(lanes) {
				t.Fatalf("%s stands at %s and %s", w.Code, p, w.Pos)
			}
		}
		if len(first) != n+len(cdcControls) {
			t.Fatalf("%d codes", len(first))
		}
	})
}

// lit is what a plate of lanes shows after a turn: samples their internal control, a few of them a virus; the instrument calls what it
// sees by the target that stands where it was seen.
func lit(l plate.Layout, t plate.Turn, every int) map[plate.Pos]plate.Sign {
	named := map[plate.Pos]bool{}
	for _, w := range l.Wells {
		named[w.Pos] = w.Internal
	}
	out := map[plate.Pos]plate.Sign{}
	for i, w := range l.Wells {
		p, ok := t.To(l.Format, w.Pos)
		positive := w.Role == plate.Positive || w.Role == plate.Weak || w.Role == plate.Sample && i%every == 0
		if !ok || !positive && (w.Role != plate.Sample || !w.Internal) {
			continue
		}
		out[p] = plate.Reactive
		if named[p] {
			out[p] = plate.Quiet
		}
	}
	return out
}

func TestLanesNameTheTurn(t *testing.T) {
	t.Parallel()
	for _, f := range []plate.Format{plate.F96, plate.F384} {
		for number := range 40 {
			for _, turn := range plate.Turns(f) {
				wells, err := cdc.Fill(f, number, codes(cdc.Places(f)*7/10), cdcControls)
				require.NoError(t, err)
				for i := range wells {
					wells[i].Internal = wells[i].Target == "RP"
				}
				l := plate.Layout{Code: fmt.Sprint(number), Format: f, Wells: wells}
				best := plate.Fits(l, lit(l, turn, 10), nil)[0]
				require.Equal(t, turn, best.Turn, "plate %d of %d wells", number, f.Size())
			}
		}
	}
}
