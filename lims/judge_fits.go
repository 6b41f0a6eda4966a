package lims

import (
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// fits are the plates and turns that explain the run better than the sealed layout does, best first; empty where the layout as
// sealed explains it best. Sample names speak first where the run carries codes, the pattern of controls otherwise. Three
// wells' worth of evidence is asked for before anything is said.
func (s *sheet) fits() []plate.Fit {
	if out := s.named(); len(out) > 0 {
		return out
	}
	seen := s.signs()
	if len(seen) == 0 {
		return nil
	}
	layout, others := s.inner(s.c.Layout), make(map[string]plate.Layout, len(s.c.Others))
	for code, l := range s.c.Others {
		others[code] = s.inner(l)
	}
	own := plate.Score(layout, seen, plate.AsSealed)
	margin := 3 / float64(len(layout.Wells)+1)
	return better(plate.Fits(layout, seen, others), own+margin)
}

// better are the first three fits above a score.
func better(all []plate.Fit, score float64) (out []plate.Fit) {
	for _, f := range all {
		if f.Score > score && len(out) < 3 {
			out = append(out, f)
		}
	}
	return out
}

// named compares the sample names of the run with the codes of the plates.
func (s *sheet) named() []plate.Fit {
	codes := map[plate.Pos]string{}
	for i := range s.c.Run.Readings {
		r := &s.c.Run.Readings[i]
		if p, err := plate.ParsePos(r.Well); err == nil && r.Sample != "" && !made(r.Sample) && pcr.RoleOf(r.Sample) == plate.Empty {
			codes[p] = r.Sample
		}
	}
	if len(codes) < 3 {
		return nil
	}
	own := plate.Named(s.c.Layout, codes, plate.AsSealed)
	return better(plate.FitsNamed(s.c.Layout, codes, s.c.Others), max(0.5, own+3/float64(len(codes)+1)))
}

// holds is the well at a position, -1 where nothing stands there.
func (s *sheet) holds(p plate.Pos) int {
	if !s.c.Layout.Format.Holds(p) {
		return -1
	}
	return s.at[s.c.Layout.Format.Index(p)]
}

// signs is what the run shows by position, read without the layout's roles.
func (s *sheet) signs() map[plate.Pos]plate.Sign {
	var k *pcr.Kit
	for i := range s.wells {
		if k = s.wells[i].kit; k != nil {
			break
		}
	}
	if k == nil {
		return nil
	}
	out := map[plate.Pos]plate.Sign{}
	for i := range s.c.Run.Readings {
		r := &s.c.Run.Readings[i]
		p, err := plate.ParsePos(r.Well)
		if err != nil || r.State != pcr.HasCq || r.Omit {
			continue
		}
		t := s.target(k, r)
		if i := s.holds(p); t < 0 && i >= 0 && s.wells[i].kit == k {
			t = s.meant(&s.wells[i], r)
		}
		switch {
		case t < 0:
		case k.Targets[t].Role == pcr.Virus:
			out[p] = plate.Reactive
		case out[p] == plate.Nothing:
			out[p] = plate.Quiet
		}
	}
	return out
}
