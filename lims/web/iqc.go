package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

type iqcPage struct {
	Labs   []store.Lab
	Lab    int64
	Lots   []store.IQCLot
	Goals  []store.IQCGoal
	Kits   []store.KitRow
	Events []store.IQCEvent
	Open   int // that block a release
	Charts []leveyJennings
}

const chartsMost = 12 // on one page

func (s *site) iqc(v *visit) (err error) {
	ctx := v.r.Context()
	var p iqcPage
	if p.Lab, p.Labs, err = s.qualityLab(v); err != nil {
		return err
	}
	if p.Lots, err = s.st.IQCLots(ctx, p.Lab); err != nil {
		return err
	}
	if p.Goals, err = s.st.IQCGoals(ctx, p.Lab); err != nil {
		return err
	}
	if p.Kits, err = s.st.Kits(ctx); err != nil {
		return err
	}
	if p.Events, err = s.st.IQCEvents(ctx, store.Scope{Lab: p.Lab}, false); err != nil {
		return err
	}
	for _, e := range p.Events {
		if e.Reject && e.ClosedAt == nil {
			p.Open++
		}
	}
	series, err := s.st.IQCSeriesOf(ctx, p.Lab)
	if err != nil {
		return err
	}
	for _, one := range series[:min(len(series), chartsMost)] {
		c, err := s.st.IQCChart(ctx, one)
		if err != nil {
			return err
		}
		p.Charts = append(p.Charts, drawChart(c))
	}
	return v.show("iqc", p)
}

func (s *site) iqcLot(v *visit) error {
	lab, _, err := s.qualityLab(v)
	if err != nil {
		return err
	}
	expires, _ := time.Parse(time.DateOnly, v.field("expires")) // zero is refused by the store
	l := store.IQCLot{Lab: lab, Number: v.field("number"), Level: v.field("level"), Material: v.field("material"), Expires: expires}
	if _, err := s.st.AddIQCLot(v.r.Context(), v.Actor, l); err != nil {
		return err
	}
	return v.done("/iqc", "lot.added", lims.Args{"lot": l.Number})
}

func (s *site) iqcGoal(v *visit) error {
	mean, errM := strconv.ParseFloat(v.field("mean"), 64)
	sd, errS := strconv.ParseFloat(v.field("sd"), 64)
	if errM != nil || errS != nil {
		return lims.E(lims.Invalid, "iqc.goal", nil)
	}
	g := store.IQCGoal{Lot: v.id("iqc_lot"), Kit: v.field("kit"), Target: v.field("target"), Mean: mean, SD: sd}
	if err := s.st.SetIQCGoal(v.r.Context(), v.Actor, g); err != nil {
		return err
	}
	return v.done("/iqc", "iqc.goal", lims.Args{"target": g.Target})
}

func (s *site) iqcClose(v *visit) error {
	if err := s.st.CloseIQC(v.r.Context(), v.Actor, v.id("event"), v.field("cause"), v.field("action")); err != nil {
		return err
	}
	to := "/iqc"
	if p := v.field("plate"); p != "" {
		to = "/review/" + p
	}
	return v.done(to, "iqc.closed", nil)
}

// Size of a Levey-Jennings chart in SVG units. Three standard deviations lie a band each off the mean.
const (
	ljLeft, ljRight, ljMid, ljBand = 46.0, 630.0, 80.0, 20.0
)

// leveyJennings is a chart, ready to be drawn.
type leveyJennings struct {
	store.IQCSeries
	Goal   pcr.Goal
	Own    bool // the goal comes from the points themselves
	Bands  []band
	Path   string // through the points that count
	Marks  []mark
	Alarms int
	Label  string // what is drawn, in figures, for readers
}

type band struct {
	Y    float64
	Text string
	Mean bool
}

// mark is a point: its shape says what it is, not its colour alone.
type mark struct {
	X, Y  float64
	Shape string // dot, warn (diamond), reject (cross), lost (triangle at the foot), out (hollow: left out by a record)
	Title string
}

func drawChart(c store.IQCChart) leveyJennings {
	l := leveyJennings{IQCSeries: c.IQCSeries, Goal: c.Chart.Goal, Own: c.Chart.Own}
	for k := 3; k >= -3; k-- {
		text := "x̄"
		if k != 0 {
			text = fmt.Sprintf("%+ds", k)
		}
		if l.Goal.SD > 0 {
			text = strconv.FormatFloat(l.Goal.Mean+float64(k)*l.Goal.SD, 'f', 2, 64)
		}
		l.Bands = append(l.Bands, band{Y: ljMid - float64(k)*ljBand, Text: text, Mean: k == 0})
	}
	rules := map[int][]pcr.Alarm{}
	place := map[int]int{} // index of a point of the series -> index on the chart
	for i, at := range c.At {
		place[at] = i
	}
	for _, a := range c.Chart.Alarms {
		rules[c.At[a.At]] = append(rules[c.At[a.At]], a)
		l.Alarms++
	}
	var path strings.Builder
	pen := "M"
	for i, p := range c.Points {
		m := mark{X: across(i, len(c.Points)), Shape: "dot", Title: p.Plate + " " + p.Pos}
		k, counts := place[i]
		switch {
		case p.Cq == nil:
			m.Y, m.Shape = ljMid+3.6*ljBand, "lost"
		case l.Goal.SD > 0:
			m.Y = ljMid - ljBand*math.Max(-3.6, math.Min(3.6, (*p.Cq-l.Goal.Mean)/l.Goal.SD))
		default:
			m.Y = ljMid
		}
		if p.Cq != nil {
			m.Title += " Cq " + strconv.FormatFloat(*p.Cq, 'f', 2, 64)
		}
		for _, a := range rules[i] {
			m.Title += " " + a.Rule
			if a.Reject {
				m.Shape = "reject"
			} else if m.Shape == "dot" {
				m.Shape = "warn"
			}
		}
		if p.Cq == nil {
			m.Shape = "lost"
		}
		if !counts {
			m.Shape = "out"
		} else if p.Cq != nil && k >= 0 {
			fmt.Fprintf(&path, "%s%.1f %.1f", pen, m.X, m.Y)
			pen = "L"
		}
		l.Marks = append(l.Marks, m)
	}
	l.Path = path.String()
	l.Label = fmt.Sprintf("%s %s %s n=%d", c.Target, c.Code, c.IQCLot, len(c.Points))
	return l
}

// across is where the i-th of n points stands.
func across(i, n int) float64 {
	if n < 2 {
		return (ljLeft + ljRight) / 2
	}
	return ljLeft + 8 + (ljRight-ljLeft-16)*float64(i)/float64(n-1)
}
