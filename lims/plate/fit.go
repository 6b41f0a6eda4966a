package plate

import "sort"

// Turn is a way in which a plate can be put wrongly into an instrument or a worklist.
type Turn string

// The turns that are scored.
const (
	AsSealed   Turn = ""
	Rotated    Turn = "rotated_180"
	SlipRight  Turn = "slip_right"   // everything one column to the right
	SlipLeft   Turn = "slip_left"    // everything one column to the left
	ShiftRight Turn = "shift_right"  // 384: interleaved quadrants exchanged, A1 -> A2
	ShiftDown  Turn = "shift_down"   // A1 -> B1
	ShiftBoth  Turn = "shift_across" // A1 -> B2
)

// Turns are the turns of a format, AsSealed first.
func Turns(f Format) []Turn {
	t := []Turn{AsSealed, Rotated, SlipRight, SlipLeft}
	if f.Rows == F384.Rows { // also where places are counted instead of wells
		t = append(t, ShiftRight, ShiftDown, ShiftBoth)
	}
	return t
}

// To is where the content of p is found after the turn; false where it fell off the plate.
func (t Turn) To(f Format, p Pos) (Pos, bool) {
	switch t {
	case Rotated:
		p = Pos{f.Rows - 1 - p.Row, f.Cols - 1 - p.Col}
	case SlipRight:
		p.Col++
	case SlipLeft:
		p.Col--
	case ShiftRight:
		p.Col ^= 1
	case ShiftDown:
		p.Row ^= 1
	case ShiftBoth:
		p.Row, p.Col = p.Row^1, p.Col^1
	}
	return p, f.Holds(p)
}

// Sign is what a run shows in a well.
type Sign uint8

// The signs.
const (
	Nothing  Sign = iota // no reading, or no signal of any kind
	Quiet                // the internal control only
	Reactive             // a virus target
)

// Fit is how well a run's pattern fits a plate.
type Fit struct {
	Plate string
	Turn  Turn
	Score float64 // 0 to 1: the share of tell-tale wells that show what they should
}

// Score compares what a run shows with a layout after a turn. Tell-tale wells are the controls, which weigh three
// times, and the empty wells, which must show no virus and no internal control. Sample wells must show something. Where a well
// measures one target, samples must show their internal controls, and the virus wells of controls tell as ever.
func Score(l Layout, seen map[Pos]Sign, t Turn) float64 {
	var hit, all float64
	filled := make(map[Pos]bool, len(l.Wells))
	for _, w := range l.Wells {
		filled[w.Pos] = true
		p, ok := t.To(l.Format, w.Pos)
		if !ok {
			continue // what fell off the plate can be neither for nor against
		}
		weight := w.weight()
		all += weight
		if w.fits(seen[p]) {
			hit += weight
		}
	}
	for i := 0; i < l.Format.Size(); i++ {
		p := l.Format.At(i)
		if filled[p] {
			continue
		}
		q, ok := t.To(l.Format, p)
		if !ok {
			continue
		}
		all++
		if seen[q] == Nothing {
			hit++
		}
	}
	if all == 0 {
		return 0
	}
	return hit / all
}

// weight is how much a well tells. Of a well with one target: whether a sample shows a virus there tells nothing, nor does the
// internal control of a control, which some kits put into theirs and others do not.
func (w Well) weight() float64 {
	switch {
	case w.Target != "" && w.Internal == w.Role.Control():
		return 0
	case w.Role.Control():
		return 3
	}
	return 1
}

func (w Well) fits(s Sign) bool {
	switch {
	case w.Target != "": // what came up has the name of the place where it was seen, not of what stands here
		return (s != Nothing) == (w.Internal || w.Role.reactive())
	case w.Role.reactive():
		return s == Reactive
	case w.Role.Control():
		return s != Reactive
	}
	return s != Nothing
}

// Named is the share of the named wells of a run whose name is the code that the layout, turned, has there.
func Named(l Layout, codes map[Pos]string, t Turn) float64 {
	hit := 0
	for _, w := range l.Wells {
		if p, ok := t.To(l.Format, w.Pos); ok && w.Code != "" && codes[p] == w.Code {
			hit++
		}
	}
	return float64(hit) / float64(max(1, len(codes)))
}

// Fits scores a run against its own layout and every other open plate in every turn, best first; ties keep the
// simpler explanation: own plate before others, as sealed before turned.
func Fits(own Layout, seen map[Pos]Sign, others map[string]Layout) []Fit {
	return rank(own, others, func(l Layout, t Turn) float64 { return Score(l, seen, t) })
}

// FitsNamed is Fits by sample names.
func FitsNamed(own Layout, codes map[Pos]string, others map[string]Layout) []Fit {
	return rank(own, others, func(l Layout, t Turn) float64 { return Named(l, codes, t) })
}

func rank(own Layout, others map[string]Layout, score func(Layout, Turn) float64) []Fit {
	var out []Fit
	add := func(l Layout) {
		for _, t := range Turns(l.Format) {
			out = append(out, Fit{l.Code, t, score(l, t)})
		}
	}
	add(own)
	codes := make([]string, 0, len(others))
	for code := range others {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	for _, code := range codes {
		if l := others[code]; l.Format == own.Format && l.Code != own.Code {
			add(l)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Score > out[j].Score })
	return out
}
