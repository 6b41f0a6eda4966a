package plate_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/lims/plate"
)

var roles = []plate.Role{plate.Negative, plate.Positive, plate.Weak, plate.Saline, plate.Saline, plate.Saline}

func anyFormat(t *rapid.T) plate.Format {
	return rapid.SampledFrom([]plate.Format{plate.F96, plate.F384}).Draw(t, "format")
}

func TestPositionsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := anyFormat(t)
		i := rapid.IntRange(0, f.Size()-1).Draw(t, "index")
		p := f.At(i)
		back, err := plate.ParsePos(p.String())
		if err != nil || back != p || f.Index(p) != i || !f.Holds(p) {
			t.Fatalf("%v %v %v", p, back, err)
		}
		padded, err := plate.ParsePos(fmt.Sprintf("%c%02d", 'a'+p.Row, p.Col+1))
		if err != nil || padded != p {
			t.Fatalf("%v %v", padded, err)
		}
	})
	for _, s := range []string{"", "A", "A0", "Q1", "A25", "1A", "AA1", "A 1", "A1x"} {
		_, err := plate.ParsePos(s)
		require.Error(t, err, s)
	}
}

func TestControlsAreAFingerprint(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, number := anyFormat(t), rapid.IntRange(0, 1_000_000).Draw(t, "number")
		a, b := plate.Controls(f, number, roles), plate.Controls(f, number, roles)
		at := map[plate.Pos]bool{}
		for i, w := range a {
			if w != b[i] || !f.Holds(w.Pos) || at[w.Pos] || w.Code == "" {
				t.Fatalf("%+v", a)
			}
			at[w.Pos] = true
			for _, x := range a {
				if w.Role == plate.Positive && plate.Near(w.Pos, x.Pos) {
					t.Fatalf("a positive touches %s", x.Pos)
				}
			}
		}
		if len(a) != len(roles) {
			t.Fatalf("%d controls", len(a))
		}
	})
	seen := map[string]bool{}
	for n := range 2000 {
		key := fmt.Sprint(plate.Controls(plate.F96, n, roles))
		require.False(t, seen[key], "plate %d has another plate's pattern", n)
		seen[key] = true
	}
	require.Nil(t, plate.Controls(plate.F96, 1, make([]plate.Role, 30)))
}

func codes(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("S%04d", i)
	}
	return out
}

func TestFill(t *testing.T) {
	t.Parallel()
	w, err := plate.Fill(plate.F96, 7, codes(90), roles)
	require.NoError(t, err)
	require.Len(t, w, 96)
	for i := 1; i < len(w); i++ {
		require.Less(t, plate.F96.Index(w[i-1].Pos), plate.F96.Index(w[i].Pos), "row-major")
	}
	_, err = plate.Fill(plate.F96, 7, codes(91), roles)
	require.ErrorContains(t, err, "do not fit")
	_, err = plate.Fill(plate.F96, 7, []string{"a", "a"}, roles)
	require.ErrorContains(t, err, "each code once")
}

// seen is what a plate shows after a turn, with some samples positive.
func seen(l plate.Layout, t plate.Turn, every int) map[plate.Pos]plate.Sign {
	out := map[plate.Pos]plate.Sign{}
	for i, w := range l.Wells {
		p, ok := t.To(l.Format, w.Pos)
		if !ok {
			continue
		}
		switch {
		case w.Role == plate.Positive || w.Role == plate.Weak || (w.Role == plate.Sample && every > 0 && i%every == 0):
			out[p] = plate.Reactive
		case w.Role == plate.Sample:
			out[p] = plate.Quiet
		}
	}
	return out
}

func TestFitsNamesTheTurn(t *testing.T) {
	t.Parallel()
	for _, f := range []plate.Format{plate.F96, plate.F384} {
		for number := range 40 {
			for _, turn := range plate.Turns(f) {
				wells, err := plate.Fill(f, number, codes(f.Size()*8/10), roles)
				require.NoError(t, err)
				l := plate.Layout{Code: fmt.Sprint(number), Format: f, Wells: wells}
				best := plate.Fits(l, seen(l, turn, 30), nil)[0]
				require.Equal(t, turn, best.Turn, "plate %d of %d wells", number, f.Size())
			}
		}
	}
}

func TestFitsNamesTheOtherPlate(t *testing.T) {
	t.Parallel()
	open := map[string]plate.Layout{}
	for n := range 20 {
		wells, err := plate.Fill(plate.F96, n, codes(90), roles)
		require.NoError(t, err)
		open[fmt.Sprint(n)] = plate.Layout{Code: fmt.Sprint(n), Format: plate.F96, Wells: wells}
	}
	for n := range 20 {
		best := plate.Fits(open["0"], seen(open[fmt.Sprint(n)], plate.AsSealed, 25), open)[0]
		require.Equal(t, fmt.Sprint(n), best.Plate)
		require.Equal(t, plate.AsSealed, best.Turn)
	}
}

func TestTurnsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := anyFormat(t)
		p := f.At(rapid.IntRange(0, f.Size()-1).Draw(t, "index"))
		for _, turn := range plate.Turns(f) {
			if turn == plate.SlipLeft || turn == plate.SlipRight {
				continue
			}
			q, ok := turn.To(f, p)
			back, ok2 := turn.To(f, q)
			if !ok || !ok2 || back != p {
				t.Fatalf("%s: %s -> %s -> %s", turn, p, q, back)
			}
		}
	})
}
