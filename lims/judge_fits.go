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
	own := plate.Score(s.c.Layout, seen, plate.AsSealed)
	margin := 3 / float64(len(s.c.Layout.Wells)+1)
	return better(plate.Fits(s.c.Layout, seen, s.c.Others), own+margin)
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
