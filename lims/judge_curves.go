package lims

import (
	"math"
	"slices"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// rank says which of several curves of one well and target is read: the normalised one first.
var rank = map[pcr.CurveKind]int{pcr.Rn: 3, pcr.DeltaRn: 2, pcr.Raw: 1}

// curves reads the curves and gives every value the shape of its own.
func (s *sheet) curves() {
	if len(s.c.Run.Curves) == 0 {
		return
	}
	type place struct{ cell, target int }
	best := make(map[place]*pcr.Curve, len(s.c.Run.Curves))
	for i := range s.c.Run.Curves {
		c := &s.c.Run.Curves[i]
		p, err := plate.ParsePos(c.Well)
		if err != nil || !s.c.Layout.Format.Holds(p) {
			continue
		}
		n := s.at[s.c.Layout.Format.Index(p)]
		if n < 0 || s.wells[n].kit == nil {
			continue
		}
		t := s.meant(&s.wells[n], &pcr.Reading{Target: c.Target, Dye: c.Dye})
		if t < 0 {
			continue
		}
		at := place{n, t}
		if old := best[at]; old == nil || rank[c.Kind] > rank[old.Kind] {
			best[at] = c
		}
	}
	for at, c := range best {
		w := &s.wells[at.cell]
		if w.traces == nil {
			w.traces = make([]pcr.Trace, len(w.row))
		}
		w.traces[at.target] = c.Trace()
	}
	s.small()
	for i := range s.wells {
		for t, trace := range s.wells[i].traces {
			s.wells[i].row[t].Curve = trace.Shape
		}
	}
}

// lowRise is the share of the plate's usual rise below which a curve is not typical.
const lowRise = 0.05

// small flags curves whose rise is far below what the same target shows elsewhere on the plate.
func (s *sheet) small() {
	rises := map[*pcr.Kit][][]float64{}
	each := func(f func(k *pcr.Kit, t int, trace *pcr.Trace)) {
		for i := range s.wells {
			w := &s.wells[i]
			for t := range w.traces {
				if w.traces[t].Shape == pcr.Sigmoid {
					f(w.kit, t, &w.traces[t])
				}
			}
		}
	}
	each(func(k *pcr.Kit, t int, trace *pcr.Trace) {
		if rises[k] == nil {
			rises[k] = make([][]float64, len(k.Targets))
		}
		rises[k][t] = append(rises[k][t], trace.Rise)
	})
	for _, list := range rises {
		for _, r := range list {
			slices.Sort(r)
		}
	}
	each(func(k *pcr.Kit, t int, trace *pcr.Trace) {
		r := rises[k][t]
		if trace.Rise < lowRise*r[len(r)*4/5] {
			trace.Shape = pcr.Flagged
		}
	})
}

// disagree flags where the instrument and we read a curve differently: growth that the instrument does not call, a Cq on
// a curve that does not grow, and a Cq that lies off the offset between the instrument's method and ours.
func (s *sheet) disagree(v *Verdict, maxOff float64) {
	if len(s.c.Run.Curves) == 0 {
		return
	}
	off := s.offsets()
	for n := range v.Wells {
		w := &v.Wells[n]
		for _, p := range append([]plate.Pos{w.Pos}, w.Also...) {
			cell := &s.wells[s.at[s.c.Layout.Format.Index(p)]]
			for t, trace := range cell.traces {
				if cell.kit.Targets[t].Role != pcr.Virus {
					continue
				}
				usual := math.NaN()
				if m := off[cell.kit]; m != nil {
					usual = m[t]
				}
				if code := doubt(cell.row[t], trace, usual, maxOff); code != "" {
					args := Args{"target": cell.kit.Targets[t].ID, "instrument": cell.row[t].String(), "shape": string(trace.Shape)}
					if trace.Cq > 0 {
						args["cq"] = math.Round(trace.Cq*100) / 100
					}
					w.Flags = append(w.Flags, Flag{Code: code, Pos: p, Args: args})
				}
			}
		}
	}
}

// doubt compares one value with its curve; usual is the constant offset between the instrument's method and ours.
func doubt(v pcr.Value, trace pcr.Trace, usual, maxOff float64) string {
	switch {
	case trace.Shape == pcr.Unseen:
	case v.State == pcr.NoCq && trace.Shape == pcr.Sigmoid,
		v.State == pcr.HasCq && trace.Shape != pcr.Sigmoid && trace.Shape != pcr.Late:
		return "curve_disagrees"
	case v.State == pcr.HasCq && trace.Cq > 0 && math.Abs(v.Cq-trace.Cq-usual) > maxOff: // false where usual is not known
		return "cq_disagrees"
	}
	return ""
}

// offsets are the medians of instrument minus ours by kit and target; NaN where fewer than five wells show both. The second
// derivative peaks earlier or later than a threshold is crossed, always by about as much.
func (s *sheet) offsets() map[*pcr.Kit][]float64 {
	diff := map[*pcr.Kit][][]float64{}
	for i := range s.wells {
		w := &s.wells[i]
		for t, trace := range w.traces {
			if w.row[t].State != pcr.HasCq || trace.Shape != pcr.Sigmoid {
				continue
			}
			if diff[w.kit] == nil {
				diff[w.kit] = make([][]float64, len(w.kit.Targets))
			}
			diff[w.kit][t] = append(diff[w.kit][t], w.row[t].Cq-trace.Cq)
		}
	}
	out := map[*pcr.Kit][]float64{}
	for k, list := range diff {
		m := make([]float64, len(list))
		for t, d := range list {
			m[t] = math.NaN()
			if len(d) >= 5 {
				slices.Sort(d)
				m[t] = d[len(d)/2]
			}
		}
		out[k] = m
	}
	return out
}
