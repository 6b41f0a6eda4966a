package plate

import (
	"fmt"
	"sort"
)

// Controls places the wanted controls for the plate with this number. The positions are a function of the number, so
// that a run carries the plate's fingerprint: they lie among the samples (handbook), no two of them in one place, a
// positive touches no other control, and the pattern differs from itself turned by 180 degrees, slipped by one column
// or shifted by a quadrant. The wells come in row-major order; Code is the control's short name.
func Controls(f Format, number int, want []Role) []Well {
	if len(want) == 0 || len(want) > f.Size()/4 {
		return nil
	}
	return spread(f, number, want)
}

// spread is Controls without its bound.
func spread(f Format, number int, want []Role) []Well {
	r := rng(uint64(number)<<16 | uint64(f.Size()))
	r = rng(r.next()) // neighbouring numbers must not share a stream
	best := draw(f, &r, want)
	for try := 0; try < 64 && !(apart(best) && distinct(f, best)); try++ {
		best = draw(f, &r, want)
	}
	sort.Slice(best, func(i, j int) bool { return f.Index(best[i].Pos) < f.Index(best[j].Pos) })
	return best
}

// draw places the controls anywhere.
func draw(f Format, r *rng, want []Role) []Well {
	used := make(map[Pos]bool, len(want))
	out := make([]Well, 0, len(want))
	for _, role := range want {
		p := f.At(int(r.next() % uint64(f.Size())))
		for used[p] {
			p = f.At((f.Index(p) + 1) % f.Size())
		}
		used[p] = true
		out = append(out, Well{Pos: p, Role: role, Code: role.Name()})
	}
	return out
}

// apart says that no positive control touches another control.
func apart(wells []Well) bool {
	for i, a := range wells {
		for j, b := range wells {
			if i != j && a.Role == Positive && Near(a.Pos, b.Pos) {
				return false
			}
		}
	}
	return true
}

// distinct says that no turn of the plate brings a control onto a control that expects the same.
func distinct(f Format, wells []Well) bool {
	at := make(map[Pos]bool, len(wells))
	for _, w := range wells {
		at[w.Pos] = w.Role.reactive()
	}
	for _, t := range Turns(f)[1:] {
		for _, w := range wells {
			p, ok := t.To(f, w.Pos)
			if !ok {
				continue
			}
			if lit, here := at[p]; here && lit == w.Role.reactive() {
				return false
			}
		}
	}
	return true
}

// Near says that two wells touch, also by a corner.
func Near(a, b Pos) bool {
	dr, dc := a.Row-b.Row, a.Col-b.Col
	return dr >= -1 && dr <= 1 && dc >= -1 && dc <= 1 && a != b
}

// Fill lays out codes and controls: controls where the plate's number puts them (see Controls), codes down the columns
// from A1 on as an eight-channel pipette goes. It is an error where they do not fit or a code stands twice.
func Fill(f Format, number int, codes []string, want []Role) ([]Well, error) {
	controls := Controls(f, number, want)
	if len(controls) != len(want) || len(codes)+len(want) > f.Size() {
		return nil, fmt.Errorf("plate of %d wells: %d codes and %d controls do not fit", f.Size(), len(codes), len(want))
	}
	return fill(f, controls, codes)
}

// fill puts codes between controls that stand already.
func fill(f Format, controls []Well, codes []string) ([]Well, error) {
	taken := make(map[Pos]bool, len(controls))
	for _, c := range controls {
		taken[c.Pos] = true
	}
	out := append(make([]Well, 0, len(codes)+len(controls)), controls...)
	seen := make(map[string]bool, len(codes))
	n := 0
	for _, code := range codes {
		if code == "" || seen[code] {
			return nil, fmt.Errorf("plate: code %q: expected each code once", code)
		}
		seen[code] = true
		p := f.down(n)
		for taken[p] {
			n++
			p = f.down(n)
		}
		n++
		out = append(out, Well{Pos: p, Role: Sample, Code: code})
	}
	sort.Slice(out, func(i, j int) bool { return f.Index(out[i].Pos) < f.Index(out[j].Pos) })
	return out, nil
}

// down is the n-th position counted down the columns.
func (f Format) down(n int) Pos { return Pos{n % f.Rows, n / f.Rows} }

// Name is the short name of a control as printed on worklists.
func (r Role) Name() string {
	switch r {
	case Negative:
		return "NC"
	case Positive:
		return "PC"
	case Weak:
		return "WP"
	case NoTemplate:
		return "NTC"
	case Extraction:
		return "NEC"
	case Saline:
		return "NS"
	}
	return ""
}

// reactive says that the virus targets of this control must show.
func (r Role) reactive() bool { return r == Positive || r == Weak }

// rng is splitmix64: small, and the same on every machine for ever.
type rng uint64

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
