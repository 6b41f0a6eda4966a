package web

import (
	"maps"
	"net/url"
	"slices"
	"strconv"

	"natlims/lims"
	"natlims/lims/plate"
	"natlims/lims/store"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// picture is a plate as eyes and screen readers see it.
type picture struct {
	Code string
	Base string // path of the page that the wells link to
	Wide bool   // 384 wells
	Cols []pictureCol
	Rows []pictureRow
}

// pictureCol is a column; Target is what all its wells measure where they measure one target each.
type pictureCol struct {
	N      int
	Target string
}

type pictureRow struct {
	Name  string
	Wells []cell
}

// cell is one well: its colour is Tone, its sign is Glyph, its words are Label; never the colour alone.
type cell struct {
	Pos      string
	Tone     string // neg, pos, grey, inv, ctl, wait; "" empty
	Glyph    string
	Persons  int // shown from 2 on
	Label    string
	Code     string
	Held     bool
	Selected bool
	Flagged  bool
}

// marks are what is known beside the wells themselves.
type marks struct {
	base     string                      // path before the plate's code
	controls map[string]lims.ControlCall // by position
	held     map[string]bool             // by barcode
	selected string                      // position
	flags    map[string][]string         // by position: what is suspicious
	picked   string                      // code of the selected well; see join
}

// join spreads what is known of one well of a control over all its wells, and marks whose well was selected, where each target has a
// well of its own.
func (m *marks) join(wells []store.WellRow) {
	judged := map[string]lims.ControlCall{}
	for _, w := range wells {
		if k, ok := m.controls[w.Pos]; ok && w.Target != "" {
			judged[w.Code] = k
		}
		if w.Pos == m.selected {
			m.picked = w.Code
		}
	}
	all := maps.Clone(m.controls)
	for _, w := range wells {
		if k, ok := judged[w.Code]; ok && w.Target != "" {
			all[w.Pos] = k
		}
	}
	m.controls = all
}

// assays writes over each column which target it measures; nothing where its wells differ.
func assays(cols []pictureCol, wells []store.WellRow) {
	mixed := map[int]bool{}
	for _, w := range wells {
		p, err := plate.ParsePos(w.Pos)
		if err != nil || p.Col >= len(cols) {
			continue
		}
		c := &cols[p.Col]
		mixed[p.Col] = mixed[p.Col] || c.Target != "" && c.Target != w.Target
		c.Target = w.Target
	}
	for i := range cols {
		if mixed[i] {
			cols[i].Target = ""
		}
	}
}

// draw lays the wells on the plate. Where two kits share a well the finding that needs more attention is shown.
func draw(lang string, p store.PlateRow, wells []store.WellRow, m marks) picture {
	format, ok := plate.FormatOf(p.Wells)
	if !ok {
		format = plate.F96
	}
	cells := map[string]cell{}
	m.join(wells)
	for _, w := range wells {
		c := cellOf(lang, w, m.controls)
		c.Held, c.Selected = m.held[w.Code], w.Pos == m.selected
		if w.Target != "" {
			c.Label += " " + w.Target
			c.Selected = c.Selected || m.picked != "" && w.Code == m.picked
		}
		for _, f := range m.flags[w.Pos] {
			c.Flagged = true
			c.Label += " ▲ " + f
		}
		if old, ok := cells[w.Pos]; !ok || urgency[c.Tone] > urgency[old.Tone] {
			cells[w.Pos] = c
		}
	}
	pic := picture{Code: p.Code, Base: m.base + url.PathEscape(p.Code), Wide: p.Wells == 384}
	for c := range format.Cols {
		pic.Cols = append(pic.Cols, pictureCol{N: c + 1})
	}
	assays(pic.Cols, wells)
	for r := range format.Rows {
		row := pictureRow{Name: string(rune('A' + r))}
		for c := range format.Cols {
			pos := row.Name + strconv.Itoa(c+1)
			if w, ok := cells[pos]; ok {
				row.Wells = append(row.Wells, w)
			} else {
				row.Wells = append(row.Wells, cell{Pos: pos, Label: pos + " " + say(lang, "well.empty", nil)})
			}
		}
		pic.Rows = append(pic.Rows, row)
	}
	return pic
}

var urgency = map[string]int{"": 0, "wait": 1, "neg": 2, "ctl": 3, "inv": 4, "grey": 5, "pos": 6}

func cellOf(lang string, w store.WellRow, controls map[string]lims.ControlCall) cell {
	c := cell{Pos: w.Pos, Code: w.Code, Persons: w.Persons}
	role := plate.Role(w.Role)
	if role.Control() {
		c.Tone, c.Glyph = "ctl", role.Glyph()
		c.Label = w.Pos + " " + term(lang, "control", w.Role)
		if k, judged := controls[w.Pos]; judged {
			if k.OK {
				c.Label += " " + say(lang, "control.ok", nil)
			} else {
				c.Tone, c.Glyph = "inv", "!"
				c.Label += " " + say(lang, "control.bad", nil) + " " + k.Why
			}
		}
		return c
	}
	call := w.Call
	if w.Invalid {
		call = lims.InvalidResult
	}
	switch tone(call) {
	case "ok":
		c.Tone = "neg"
	case "bad":
		c.Tone = "pos"
	case "warn":
		c.Tone = "grey"
	case "odd":
		c.Tone = "inv"
	default:
		c.Tone = "wait"
	}
	c.Glyph = glyph(call)
	if c.Tone == "wait" {
		c.Glyph = "·"
	}
	c.Label = w.Pos + " " + w.Code
	if call != "" {
		c.Label += " " + term(lang, "call", call)
	}
	if w.Persons > 1 {
		c.Label += " " + say(lang, "persons.n", lims.Args{"n": w.Persons})
	}
	return c
}
