package pooling

import (
	"fmt"
	"strings"
)

// picture draws an option with characters: one first-stage pool and what becomes
// of it round by round, or one array.
func (s speech) picture(o Option) string {
	var b strings.Builder
	if o.Rows > 0 {
		shown := min(o.Cols, 24)
		for j := range min(o.Rows, 24) {
			fmt.Fprintf(&b, "%s→ %s %d\n", strings.Repeat("○ ", shown), s["row"], j+1)
		}
		fmt.Fprintf(&b, "%s%s 1–%d\n%s\n", strings.Repeat("↓ ", shown), s["col"], o.Cols, s["cross"])
		return b.String()
	}
	for round, pools := range o.drawn() {
		if round > 0 {
			fmt.Fprintf(&b, "   ↓ %s\n", s["positive"])
		}
		at := 0
		fmt.Fprintf(&b, "%d  ", round+1)
		for _, v := range pools {
			b.WriteString(strings.Repeat("  ", v.lo-at) + "(" + strings.Repeat("○ ", v.size()-1) + "○)")
			at = v.hi
		}
		b.WriteString("\n")
	}
	return b.String()
}

// drawn gives the pools of every round of a tree, individuals last.
func (o Option) drawn() [][]node {
	stages := o.Stages
	if len(stages) == 0 {
		stages = [][]int{{1}}
	}
	nodes, err := Tree{Stages: stages}.grow()
	if err != nil {
		return nil
	}
	rounds := make([][]node, nodes[len(nodes)-1].stage+1)
	for _, v := range nodes {
		rounds[v.stage] = append(rounds[v.stage], v)
	}
	return rounds
}

// Geometry of the SVG, in pixels.
const (
	cell   = 24
	gap    = 8
	margin = 24
)

// SVG draws an option as a page of its own: the pools of each round above the
// pools they are split into, or the array with its row and column pools.
func SVG(o Option, lang string) ([]byte, error) {
	s, err := speak(lang)
	if err != nil {
		return nil, err
	}
	d := &drawing{}
	title := s[o.Scheme] + ": " + s.design(o)
	d.text(margin, margin, title)
	if o.Rows > 0 {
		d.array(o, s)
	} else {
		d.tree(o, s)
	}
	w, h := d.w+margin, d.h+margin
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"`, w, h, w, h) +
		` font-family="sans-serif" font-size="13" role="img"><title>` + title + "</title>"
	return []byte(head + inks + `<rect width="100%" height="100%" class="paper"/>` + d.b.String() + "</svg>\n"), nil
}

// inks are the colours of the drawing on light and on dark paper, as the reader's program prefers.
const inks = `<style>.paper{fill:#fff}text{fill:#16202a}.dot{fill:#345}rect{stroke:#345}.paper{stroke:none}.col{fill:#fbeed0;stroke:#a63}` +
	`.r0{fill:#dceaf7}.r1{fill:#e7f3df}.r2{fill:#fbeed0}.r3{fill:#f7e0dc}.r4{fill:#ece1f4}` +
	`@media(prefers-color-scheme:dark){.paper{fill:#1c2024}text{fill:#e8ecef}.dot{fill:#cfe0f0}rect{stroke:#8fa6bb}.paper{stroke:none}.col{fill:#5a4513;stroke:#d99a72}` +
	`.r0{fill:#1d3a54}.r1{fill:#24422c}.r2{fill:#4a3a12}.r3{fill:#502a24}.r4{fill:#392a4d}}</style>`

const shades = 5 // of rounds: r0 to r4

type drawing struct {
	b    strings.Builder
	w, h int
}

func (d *drawing) grow(x, y int) { d.w, d.h = max(d.w, x), max(d.h, y) }

// box draws x, y, width, height.
func (d *drawing) box(at [4]int, class string) {
	fmt.Fprintf(&d.b, `<rect x="%d" y="%d" width="%d" height="%d" rx="7" %s/>`, at[0], at[1], at[2], at[3], class)
	d.grow(at[0]+at[2], at[1]+at[3])
}

func (d *drawing) dot(x, y int) {
	fmt.Fprintf(&d.b, `<circle cx="%d" cy="%d" r="5" class="dot"/>`, x, y)
}

func (d *drawing) text(x, y int, s string) {
	fmt.Fprintf(&d.b, `<text x="%d" y="%d">%s</text>`, x, y, s)
	d.grow(x+width(s)*7, y)
}

// tree keeps every person in one column, so that a pool stands above its parts.
func (d *drawing) tree(o Option, s speech) {
	left, y := margin+80, 2*margin
	rounds := o.drawn()
	for round, pools := range rounds {
		if round > 0 {
			d.text(left, y+cell/2+2, "↓ "+s["positive"])
			y += cell
		}
		d.text(margin, y+cell/2+5, s.say("round", round+1))
		for _, v := range pools {
			d.box([4]int{left + v.lo*cell + 1, y, v.size()*cell - 2, cell}, fmt.Sprintf(`class="r%d"`, round%shades))
			for i := v.lo; i < v.hi; i++ {
				d.dot(left+i*cell+cell/2, y+cell/2)
			}
		}
		y += cell + gap
	}
	if len(rounds) > 1 { // single tests have no pool to speak of
		d.text(left, y+gap, s["negative"])
	}
}

func (d *drawing) array(o Option, s speech) {
	left, top := margin+gap, 2*margin+gap
	for j := range o.Rows {
		y := top + j*(cell+gap)
		d.box([4]int{left - gap/2, y, o.Cols*cell + gap, cell}, `class="r0"`)
		d.text(left+o.Cols*cell+2*gap, y+cell/2+5, fmt.Sprintf("%s %d", s["row"], j+1))
	}
	bottom := top + o.Rows*(cell+gap)
	for k := range o.Cols {
		d.box([4]int{left + k*cell + 2, top - gap/2, cell - 4, bottom - top}, `class="col" fill-opacity="0.5"`)
		for j := range o.Rows {
			d.dot(left+k*cell+cell/2, top+j*(cell+gap)+cell/2)
		}
	}
	d.text(left, bottom+2*gap, fmt.Sprintf("%s 1–%d", s["col"], o.Cols))
	d.text(left, bottom+2*gap+cell, s["cross"])
}
