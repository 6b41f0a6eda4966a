package plate

import (
	"fmt"
	"sort"
	"strconv"
)

// Lanes are the wells that one sample takes, side by side in a row, by the target that each measures; "" measures all of the kit's.
// A plate of lanes is a plate of places, each as wide as its lanes: down a column the assay stays the same, so that an eight-channel
// pipette hands out one master mix down a column and eight samples across the lanes (the plate map of the CDC 2019-nCoV panel, turned
// so that 96 wells hold 32 places of three).
type Lanes []string

// grid is the plate counted in places. Columns that are left over stay empty.
func (l Lanes) grid(f Format) Format { return Format{f.Rows, f.Cols / max(1, len(l))} }

// Places is how many samples and controls fit; 0 where a sample takes more wells than a row has.
func (l Lanes) Places(f Format) int { return l.grid(f).Size() }

// Fill lays out codes and controls as Fill does, each in all its lanes. Controls of which there are several are told apart by a
// number, "NS-2": the wells of one control belong together. It is an error where they do not fit or a code stands twice.
func (l Lanes) Fill(f Format, number int, codes []string, want []Role) ([]Well, error) {
	if len(l) < 2 {
		return Fill(f, number, codes, want)
	}
	g := l.grid(f)
	if len(codes)+len(want) > g.Size() {
		return nil, fmt.Errorf("plate of %d wells, %d a sample: %d codes and %d controls do not fit", f.Size(), len(l), len(codes), len(want))
	}
	places, err := fill(g, spread(g, number, want), codes)
	if err != nil {
		return nil, err
	}
	several := map[Role]int{}
	for _, r := range want {
		several[r]++
	}
	nth := map[Role]int{}
	out := make([]Well, 0, len(places)*len(l))
	for _, w := range places {
		if nth[w.Role]++; w.Role.Control() && several[w.Role] > 1 {
			w.Code += "-" + strconv.Itoa(nth[w.Role])
		}
		first := w.Pos.Col * len(l)
		for i, target := range l {
			w.Pos.Col, w.Target = first+i, target
			out = append(out, w)
		}
	}
	sort.Slice(out, func(i, j int) bool { return f.Index(out[i].Pos) < f.Index(out[j].Pos) })
	return out, nil
}
