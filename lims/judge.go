package lims

import (
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Judge says what a run means. The rules, in order:
//
//  1. The run is compared with the sealed layout. Any difference ends here: the run is parked and a person decides.
//     Where the pattern of controls fits the plate better turned, or fits another open plate, Fits says so.
//  2. Every control is judged by its kit, or by the general rule where the kit does not name it. A failed control of
//     plate scope invalidates the wells of its kit on the plate; one of batch scope its extraction batch, also on other plates.
//  3. Every sample is called by its kit. Calls of invalidated wells stand in the verdict, marked Invalid, and must not be used.
//  4. What looks suspicious is flagged; a flag changes no call.
//
// Judge is pure and deterministic. It costs about a microsecond a reading.
func Judge(c Case) Verdict {
	s := lay(&c)
	s.read()
	s.compare()
	v := Verdict{Differences: s.diffs}
	if len(v.Differences) > 0 {
		v.Fits = s.fits()
		return v
	}
	v.Flags = s.waived
	s.groups()
	s.controls(&v)
	s.call(&v)
	s.cover(&v)
	if !v.Accepted {
		if fits := s.fits(); len(fits) > 0 {
			v.Fits = fits
			v.Flags = append(v.Flags, Flag{Code: "fits_other", Args: Args{"plate": fits[0].Plate, "turn": string(fits[0].Turn)}})
		}
	}
	s.suspect(&v)
	v.Next = steps(&v)
	return v
}

// sheet is a case laid out by well.
type sheet struct {
	c      *Case
	model  string
	at     []int // by position: index of the well in Layout.Wells, -1 empty
	wells  []cell
	byTag  map[string]int // code -> its first well; further ones follow by cell.next
	names  []name         // sample names that did not say what the layout says
	diffs  []Difference
	waived []Flag
	known  []resolved // target names resolved before; a run has a handful
	group  []group
	stray  []stray
	odd    map[string]bool // unknown targets without a Cq
}

// cell is one well of the layout with what the run says of it.
type cell struct {
	kit    *pcr.Kit
	row    []pcr.Value // by target of the kit
	next   int         // the next well with the same code, -1 none
	own    int         // the one target that it measures, -1 all
	twin   bool
	heard  bool
	omit   bool
	other  string      // another target that the run names here, where own is one
	loud   bool        // and gives a Cq
	torn   uint        // set of targets that were said twice, differently: nothing more is believed
	traces []pcr.Trace // by target; nil where no curves came in
}

// resolved is a name that an instrument gives a target, for one kit.
type resolved struct {
	kit         *pcr.Kit
	target, dye string
	index       int // -1 unknown
}

type name struct{ well, got, want string }

// stray is a reading at a position where the layout has nothing.
type stray struct {
	pos plate.Pos
	r   *pcr.Reading
}

// group is the wells that are called together.
type group struct {
	cells []int
	rows  [][]pcr.Value
}

func lay(c *Case) *sheet {
	n := len(c.Layout.Wells)
	f := c.Layout.Format
	s := &sheet{c: c, model: c.Model, at: make([]int, f.Size()), wells: make([]cell, n),
		byTag: make(map[string]int, n), odd: map[string]bool{}}
	if s.model == "" {
		s.model = c.Run.Instrument
	}
	for i := range s.at {
		s.at[i] = -1
	}
	total := 0
	for i := range c.Layout.Wells {
		if k := c.Kits[c.Layout.Wells[i].Kit]; k != nil {
			total += len(k.Targets)
		}
	}
	values := make([]pcr.Value, total)
	for i := range c.Layout.Wells {
		w := &c.Layout.Wells[i]
		if w.Role == plate.Empty {
			continue
		}
		if !f.Holds(w.Pos) || s.at[f.Index(w.Pos)] >= 0 {
			s.differ("layout.well", w.Pos.String(), w.Code, "a position that stands once")
			continue
		}
		s.at[f.Index(w.Pos)] = i
		s.tag(w.Code, i)
		k := c.Kits[w.Kit]
		if k == nil {
			s.differ("kit.unknown", w.Pos.String(), w.Kit, "")
			continue
		}
		s.wells[i].kit, s.wells[i].own = k, s.own(k, w)
		s.wells[i].row, values = values[:len(k.Targets):len(k.Targets)], values[len(k.Targets):]
	}
	return s
}

// tag notes which wells carry a code.
func (s *sheet) tag(code string, i int) {
	s.wells[i].next = -1
	if code == "" {
		return
	}
	first, twin := s.byTag[code]
	if !twin {
		s.byTag[code] = i
		return
	}
	s.wells[i].twin, s.wells[first].twin = true, true
	s.wells[i].next, s.wells[first].next = s.wells[first].next, i
}

// maxDifferences bounds the list: after so many nobody reads on.
const maxDifferences = 400

// differ notes a difference, or the flag that two people made of it. A kit that is not there cannot be waived.
func (s *sheet) differ(code, well, got, want string) {
	if s.c.Waived[code] && code != "kit.unknown" && code != "layout.well" {
		p, _ := plate.ParsePos(well) // "" is the plate itself
		s.waived = append(s.waived, Flag{Code: "waived", Pos: p, Args: Args{"difference": code, "got": got, "want": want}})
		return
	}
	if len(s.diffs) < maxDifferences {
		s.diffs = append(s.diffs, Difference{Code: code, Well: well, Got: got, Want: want})
	}
}

// groups joins the wells that are called together: all wells of one code with one kit and arm.
func (s *sheet) groups() {
	type id struct {
		code, kit, arm, batch string
		role                  plate.Role
	}
	where := map[id]int{} // few codes stand twice
	s.group = make([]group, 0, len(s.wells))
	rows := make([][]pcr.Value, 0, len(s.wells))
	cells := make([]int, 0, len(s.wells))
	f := s.c.Layout.Format
	for p := 0; p < f.Size(); p++ {
		i := s.at[p]
		if i < 0 {
			continue
		}
		w := &s.c.Layout.Wells[i]
		k := s.wells[i].kit
		join := k.Layout == "singleplex" || w.Role == plate.Sample
		if join && s.wells[i].twin {
			g := id{w.Code, w.Kit, w.Arm, w.Batch, w.Role}
			if n, ok := where[g]; ok {
				s.group[n].cells = append(s.group[n].cells, i)
				s.group[n].rows = append(s.group[n].rows, s.wells[i].row)
				continue
			}
			where[g] = len(s.group)
		}
		rows, cells = append(rows, s.wells[i].row), append(cells, i)
		n := len(rows)
		s.group = append(s.group, group{cells: cells[n-1 : n : n], rows: rows[n-1 : n : n]})
	}
	for i := range s.group {
		s.complete(&s.group[i])
	}
}
