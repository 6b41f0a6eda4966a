package lims

import (
	"strconv"
	"strings"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// read puts every reading into its well and target.
func (s *sheet) read() {
	one := s.severalPlates()
	for i := range s.c.Run.Readings {
		r := &s.c.Run.Readings[i]
		if one && !same(r.Plate, s.c.Layout.Code) {
			continue // another plate of the same message
		}
		s.put(r)
	}
	s.curves()
}

// severalPlates says whether the message names several plates, this one among them.
func (s *sheet) severalPlates() bool {
	mine, other := false, ""
	for i := range s.c.Run.Readings {
		p := s.c.Run.Readings[i].Plate
		switch {
		case p == "":
		case same(p, s.c.Layout.Code):
			mine = true
		default:
			other = p
		}
	}
	if other != "" && !mine && !s.c.Bound && s.c.Run.Plate == "" {
		s.differ("plate.code", "", other, s.c.Layout.Code)
	}
	return mine && other != ""
}

func (s *sheet) put(r *pcr.Reading) {
	i, p, ok := s.find(r)
	if !ok {
		return
	}
	if i < 0 {
		s.stray = append(s.stray, stray{p, r})
		return
	}
	w := &s.wells[i]
	w.heard = true
	if r.Sample != "" {
		s.name(i, r.Sample)
	}
	if r.Omit {
		w.omit = true
	}
	if w.kit == nil || pcr.Beside(r.Target) {
		return
	}
	t, ok := s.target(w.kit, r), true
	if w.own >= 0 {
		t, ok = w.lane(t, r)
	}
	switch {
	case !ok:
		return
	case t < 0:
		s.unknown(p, r)
		return
	}
	v, at := pcr.ValueOf(r), &w.row[t]
	if w.torn&(1<<t) != 0 || !at.Join(&v) {
		s.differ("well.twice", p.String(), w.kit.Targets[t].ID+" "+v.String(), at.String())
		w.torn |= 1 << t
		*at = pcr.Value{}
	}
}

// unknown keeps a reading of a target that the kit does not know: with a Cq it is a difference, silence is a flag.
func (s *sheet) unknown(p plate.Pos, r *pcr.Reading) {
	what := r.Target
	if what == "" {
		what = r.Dye
	}
	switch {
	case r.State == pcr.HasCq && !r.Omit:
		s.differ("target.unknown", p.String(), what, "")
	case r.Call == "" && r.Value == "":
		s.odd[what] = true
	}
}

func (s *sheet) target(k *pcr.Kit, r *pcr.Reading) int {
	for i := range s.known {
		if x := &s.known[i]; x.kit == k && x.target == r.Target && x.dye == r.Dye {
			return x.index
		}
	}
	t, ok := k.Index(r.Target, r.Dye)
	if !ok {
		t = -1
	}
	if len(s.known) < maxNames {
		s.known = append(s.known, resolved{k, r.Target, r.Dye, t})
	}
	return t
}

// maxNames bounds the names that are remembered.
const maxNames = 64

// find is the well of a reading; -1 where the layout has nothing there, false where the reading names no place.
func (s *sheet) find(r *pcr.Reading) (int, plate.Pos, bool) {
	f := s.c.Layout.Format
	if r.Well == "" {
		at, ok := s.byTag[r.Sample]
		if !ok {
			if r.State != pcr.Blank || r.Call != "" {
				s.differ("well.unknown", "", r.Sample, "")
			}
			return 0, plate.Pos{}, false
		}
		if i := s.laneOf(at, r); i >= 0 {
			return i, s.c.Layout.Wells[i].Pos, true
		}
		if s.wells[at].twin && !s.oneWellEach(at) {
			s.differ("well.unknown", "", r.Sample, "a well: the code stands in several")
			return 0, plate.Pos{}, false
		}
		return at, s.c.Layout.Wells[at].Pos, true
	}
	p, err := plate.ParsePos(r.Well)
	if err != nil {
		n, bad := strconv.Atoi(r.Well) // the tube number of a rotor
		if bad != nil || n < 1 || n > f.Size() {
			s.differ("well.unknown", r.Well, r.Sample, "")
			return 0, plate.Pos{}, false
		}
		p = f.At(n - 1)
	}
	if !f.Holds(p) {
		s.differ("well.unknown", p.String(), r.Sample, "")
		return 0, plate.Pos{}, false
	}
	return s.at[f.Index(p)], p, true
}

// oneWellEach says whether all wells of a code are the target wells of one singleplex kit.
func (s *sheet) oneWellEach(at int) bool {
	for i := at; i >= 0; i = s.wells[i].next {
		if s.wells[i].kit == nil || s.wells[i].kit.Layout != "singleplex" || s.wells[i].own >= 0 {
			return false
		}
	}
	return true
}

// name compares a sample name with the layout. Names that an instrument makes up prove nothing.
func (s *sheet) name(i int, got string) {
	w := &s.c.Layout.Wells[i]
	if same(got, w.Code) {
		return
	}
	role := pcr.RoleOf(got)
	other, known := s.byTag[got]
	switch {
	case known && s.c.Layout.Wells[other].Role == plate.Sample: // another well's code
	case role != plate.Empty && w.Role.Control() && (role == plate.Positive || role == plate.Weak) == (w.Role == plate.Positive || w.Role == plate.Weak):
		return
	case role != plate.Empty && role.Control(): // a control where none stands, or one of the other kind
	case w.Role.Control(), made(got):
		return
	}
	n := name{w.Pos.String(), got, w.Code}
	if len(s.names) == 0 || s.names[len(s.names)-1] != n {
		s.names = append(s.names, n)
	}
}

// made says whether a sample name is one that instruments give by themselves: "Sample 12", "S1", "UNKN-03", "A1", "7".
func made(s string) bool {
	if _, err := plate.ParsePos(s); err == nil {
		return true
	}
	head := strings.TrimRight(s, "0123456789")
	if len(s)-len(head) > 3 {
		return false
	}
	switch strings.ToLower(strings.Trim(head, " -_#.")) {
	case "", "s", "sample", "unkn", "unknown", "unk", "u", "样本", "样品", "std":
		return true
	}
	return false
}

// same compares codes as scanners and instruments write them.
func same(a, b string) bool {
	return a == b || strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// compare lists how the run differs from the layout.
func (s *sheet) compare() {
	c := s.c
	if p := c.Run.Plate; p != "" && c.Layout.Code != "" && !same(p, c.Layout.Code) && !c.Bound {
		s.differ("plate.code", "", p, c.Layout.Code)
	}
	for _, x := range s.stray {
		if x.r.Omit {
			continue
		}
		if _, known := s.byTag[x.r.Sample]; known || x.r.State == pcr.HasCq {
			s.once("well.unknown", x.pos.String(), x.r.Sample, "nothing")
		}
	}
	for _, n := range s.names {
		s.once("sample.mismatch", n.well, n.got, n.want)
	}
	heard := false
	for p := range s.at {
		i := s.at[p]
		if i < 0 {
			continue
		}
		if s.wells[i].heard {
			heard = true
			continue
		}
		s.differ("well.missing", c.Layout.Wells[i].Pos.String(), "", c.Layout.Wells[i].Code)
	}
	s.lanes()
	if heard {
		s.channels()
	}
}

func (s *sheet) once(code, well, got, want string) {
	d := Difference{code, well, got, want}
	for i := len(s.diffs) - 1; i >= 0 && i > len(s.diffs)-8; i-- {
		if s.diffs[i] == d {
			return
		}
	}
	s.differ(code, well, got, want)
}

// channels finds targets of a kit that no well of the run reports: a channel that the instrument lacks or did not export.
func (s *sheet) channels() {
	seen := map[*pcr.Kit][]bool{}
	var order []*pcr.Kit
	for i := range s.wells {
		w := &s.wells[i]
		if w.kit == nil {
			continue
		}
		have := seen[w.kit]
		if have == nil {
			have = make([]bool, len(w.kit.Targets))
			seen[w.kit] = have
			order = append(order, w.kit)
		}
		for t, v := range w.row {
			if v.State == pcr.HasCq || v.State == pcr.NoCq || v.Call != "" || w.omit {
				have[t] = true
			}
		}
	}
	for _, k := range order {
		for t, ok := range seen[k] {
			if !ok {
				s.differ("target.missing", "", "", k.Targets[t].ID)
			}
		}
	}
}
