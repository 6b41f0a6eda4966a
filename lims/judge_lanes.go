package lims

import (
	"slices"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Wells that measure one target. What a run says of another target there is no finding: where it says so with a Cq, or instead of the
// target that stands there, the instrument was set up for another plate.

// own is the one target that a well measures; -1 all of its kit's.
func (s *sheet) own(k *pcr.Kit, w *plate.Well) int {
	t := targetOf(k, w.Target)
	if t < 0 && w.Target != "" {
		s.differ("layout.well", w.Pos.String(), w.Target, "a target of "+w.Kit)
	}
	return t
}

func targetOf(k *pcr.Kit, id string) int {
	return slices.IndexFunc(k.Targets, func(a pcr.Assay) bool { return a.ID == id })
}

// meant is the target that a name means in a well, -1 none of its own.
func (s *sheet) meant(w *cell, r *pcr.Reading) int {
	t := s.target(w.kit, r)
	switch {
	case w.own < 0 || t == w.own:
		return t
	case t < 0 && w.kit.Meets(w.own, r.Target, r.Dye):
		return w.own
	}
	return -1
}

// lane is the target of a reading in a well that measures one, where t is what its name says; false where it is another's.
func (w *cell) lane(t int, r *pcr.Reading) (int, bool) {
	switch {
	case t == w.own, t < 0 && !w.kit.Meets(w.own, r.Target, r.Dye):
		return t, true
	case t < 0:
		return w.own, true
	}
	w.other, w.loud = w.kit.Targets[t].ID, w.loud || r.State == pcr.HasCq && !r.Omit
	return t, false
}

// laneOf is the well for a reading that names a sample and no well, where the sample's wells measure one target each; -1 where it
// cannot be told.
func (s *sheet) laneOf(at int, r *pcr.Reading) int {
	found := -1
	for i := at; i >= 0; i = s.wells[i].next {
		w := &s.wells[i]
		if w.kit == nil || w.own < 0 || s.target(w.kit, r) != w.own {
			continue
		}
		if found >= 0 {
			return -1 // replicates
		}
		found = i
	}
	return found
}

// lanes lists the wells in which another target was measured than the layout says.
func (s *sheet) lanes() {
	for p := range s.at {
		if s.at[p] < 0 {
			continue
		}
		w := &s.wells[s.at[p]]
		if w.other != "" && (w.loud || !w.omit && mute(w.row[w.own])) {
			s.differ("target.well", s.c.Layout.Format.At(p).String(), w.other, w.kit.Targets[w.own].ID)
		}
	}
}

func mute(v pcr.Value) bool { return v.State != pcr.HasCq && v.State != pcr.NoCq && v.Call == "" }

// complete takes a target back that not all of its wells speak of: a replicate that is missing leaves it not assessed.
func (s *sheet) complete(g *group) {
	first := &s.wells[g.cells[0]]
	if first.own < 0 || first.kit.Replicates < 2 {
		return
	}
	for t := range first.row {
		said := 0
		for _, i := range g.cells {
			if w := &s.wells[i]; w.own == t && !mute(w.row[t]) {
				said++
			}
		}
		for _, row := range g.rows {
			if said < first.kit.Replicates {
				row[t] = pcr.Value{}
			}
		}
	}
}

// inner marks the wells of a layout that measure an internal control, by the kits that are known.
func (s *sheet) inner(l plate.Layout) plate.Layout {
	wells := l.Wells
	for i := range wells {
		w := &wells[i]
		k := s.c.Kits[w.Kit]
		if w.Target == "" || k == nil {
			continue
		}
		if t := targetOf(k, w.Target); t >= 0 && k.Targets[t].Role == pcr.Internal {
			if &wells[0] == &l.Wells[0] { // the case is not ours to change
				wells = append([]plate.Well(nil), l.Wells...)
			}
			wells[i].Internal = true
		}
	}
	l.Wells = wells
	return l
}
