package web

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"natlims/lims/store"
)

// Size of the drawing of curves, in SVG units; the axes leave room for their figures.
const (
	curveLeft, curveRight, curveTop, curveBase = 30.0, 330.0, 30.0, 150.0
)

// curves are the amplification curves of one well, ready to be drawn.
type curves struct {
	Well  string
	First int
	Last  int
	Lines []line
}

type line struct {
	Name   string
	Points string // of an SVG polyline
	Ink    int    // 1..5, the colour
	Dash   bool   // lines are told apart by more than their colour
}

// drawCurves scales all targets of a well to one drawing; in the order of the targets; nil where
// there is no curve.
func drawCurves(well string, rows []store.CurveRow, order []string) *curves {
	slices.SortStableFunc(rows, func(a, b store.CurveRow) int { return slices.Index(order, a.Target) - slices.Index(order, b.Target) })
	low, high := math.Inf(1), math.Inf(-1)
	c := &curves{Well: well, First: math.MaxInt}
	for _, r := range rows {
		if len(r.Y) == 0 {
			continue
		}
		c.First = min(c.First, r.First)
		c.Last = max(c.Last, r.First+len(r.Y)-1)
		for _, y := range r.Y {
			low, high = math.Min(low, y), math.Max(high, y)
		}
	}
	if c.Last == 0 || c.Last <= c.First {
		return nil
	}
	if high-low < 1e-9 {
		high = low + 1
	}
	for i, r := range rows {
		var b strings.Builder
		for j, y := range r.Y {
			x := curveLeft + (curveRight-curveLeft)*float64(r.First+j-c.First)/float64(c.Last-c.First)
			fmt.Fprintf(&b, "%.1f,%.1f ", x, curveBase-(curveBase-curveTop)*(y-low)/(high-low))
		}
		name := r.Target
		if name == "" {
			name = r.Dye
		}
		c.Lines = append(c.Lines, line{Name: name, Points: strings.TrimSpace(b.String()), Ink: i%5 + 1, Dash: i%2 == 1})
	}
	return c
}
