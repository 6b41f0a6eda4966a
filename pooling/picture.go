package pooling

import (
	"fmt"
	"strings"
)

// Picture draws an option with characters, for a terminal: one first-stage pool
// and what becomes of it, or one array.
func Picture(o Option, pool string) string {
	var b strings.Builder
	switch {
	case o.Rows > 0:
		shown := min(o.Cols, 24)
		for range min(o.Rows, 24) {
			fmt.Fprintf(&b, "%s →\n", strings.Repeat("○ ", shown))
		}
		b.WriteString(strings.Repeat("↓ ", shown) + "\n")
	case len(o.Stages) == 0:
		b.WriteString("(○) (○) (○)\n")
	default:
		for _, sizes := range o.Stages {
			for _, n := range sizes {
				b.WriteString("(" + strings.TrimSpace(strings.Repeat("○ ", n)) + ") ")
			}
			b.WriteString("\n  ↓ + \n")
		}
		b.WriteString(strings.Repeat("(○) ", o.Stages[0][0]) + "\n")
	}
	return b.String()
}

// Geometry of the SVG, in pixels.
const (
	cell   = 18
	gap    = 8
	margin = 24
)

// SVG draws an option as a page of its own: pools per stage with arrows, or the
// array with its row and column pools.
func SVG(o Option, lang string) ([]byte, error) {
	s, err := speak(lang)
	if err != nil {
		return nil, err
	}
	d := &drawing{}
	if o.Rows > 0 {
		d.array(o, s)
	} else {
		d.tree(o, s)
	}
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img"><title>%s: %s</title>`,
		d.w+margin, d.h+margin, d.w+margin, d.h+margin, s[o.Scheme], s.design(o))
	return []byte(head + `<rect width="100%" height="100%" fill="#fff"/>` + d.b.String() + "</svg>\n"), nil
}

type drawing struct {
	b    strings.Builder
	w, h int
}

func (d *drawing) grow(x, y int) { d.w, d.h = max(d.w, x), max(d.h, y) }

func (d *drawing) box(x, y, w int, fill string) {
	fmt.Fprintf(&d.b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="#345"/>`, x, y, w, cell+4, fill)
	d.grow(x+w, y+cell+4)
}

func (d *drawing) dot(x, y int) {
	fmt.Fprintf(&d.b, `<circle cx="%d" cy="%d" r="5" fill="#345"/>`, x, y)
	d.grow(x+5, y+5)
}

func (d *drawing) text(x, y int, s string) {
	fmt.Fprintf(&d.b, `<text x="%d" y="%d">%s</text>`, x, y, s)
	d.grow(x+width(s)*8, y)
}

func (d *drawing) tree(o Option, s speech) {
	n, stages := 1, o.Stages
	if len(stages) > 0 {
		n = stages[0][0]
	}
	y := margin
	for k := 0; k <= len(stages); k++ {
		sizes := span1(n)
		if k < len(stages) {
			sizes = stages[k]
		}
		fill := []string{"#dceaf7", "#e7f3df", "#fbeed0", "#f7e0dc", "#ece1f4"}[k%5]
		at := margin
		for _, size := range sizes {
			d.box(at, y, size*cell+gap/2, fill)
			for i := range size {
				d.dot(at+cell/2+2+i*cell, y+cell/2+2)
			}
			at += size*cell + gap
		}
		if k < len(stages) {
			d.text(margin, y+2*cell+gap, s["positive"]+" ↓    "+s["negative"])
		}
		y += 3*cell + 2*gap
	}
}

func (d *drawing) array(o Option, s speech) {
	left, top := margin+gap, margin+cell
	for j := range o.Rows {
		y := top + j*(cell+gap)
		d.box(left-4, y, o.Cols*cell+gap, "#dceaf7")
		d.text(left+o.Cols*cell+2*gap, y+cell, fmt.Sprintf("%s %d", s["row"], j+1))
		for k := range o.Cols {
			d.dot(left+cell/2+k*cell, y+cell/2+2)
		}
	}
	bottom := top + o.Rows*(cell+gap)
	for k := range o.Cols {
		x := left + k*cell
		fmt.Fprintf(&d.b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="none" stroke="#a63"/>`, x+1, top-6, cell-2, bottom-top+8)
	}
	d.text(left, bottom+cell+gap, fmt.Sprintf("%s 1–%d", s["col"], o.Cols))
	d.text(left, bottom+2*cell+gap, s["row"]+" + "+s["col"]+" "+s["positive"]+" → "+s["retest"])
}

// span1 is n pools of one.
func span1(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 1
	}
	return out
}
