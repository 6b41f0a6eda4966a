package web

import (
	"fmt"
	"math"
	"strconv"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

type agreementPage struct {
	Labs  []store.Lab
	Lab   int64
	Pairs []pairView
}

// pairView is two kits compared, with the picture of their Cq differences.
type pairView struct {
	store.KitPair
	Picture *blandAltman
}

func (s *site) agreement(v *visit) (err error) {
	var p agreementPage
	if p.Lab, p.Labs, err = s.qualityLab(v); err != nil {
		return err
	}
	pairs, err := s.st.Agreement(v.r.Context(), p.Lab)
	if err != nil {
		return err
	}
	for _, one := range pairs {
		p.Pairs = append(p.Pairs, pairView{one, drawBland(one.All.Cq)})
	}
	return v.show("agreement", p)
}

// proportion writes a share with its interval: "98.2% (93.6–99.5%), 109/111".
func proportion(sh pcr.Share) string {
	if sh.Of == 0 {
		return "—"
	}
	return fmt.Sprintf("%.1f%% (%.1f–%.1f%%), %d/%d", 100*sh.Value, 100*sh.Low, 100*sh.High, sh.Hits, sh.Of)
}

// kappa writes Cohen's kappa with its interval.
func kappa(a pcr.Agreement) string {
	if math.IsNaN(a.Kappa) {
		return "—"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", a.Kappa, a.KappaLow, a.KappaHigh)
}

// blandAltman is the difference of paired Cq values over their mean, ready to be drawn.
type blandAltman struct {
	Dots  [][2]float64
	Lines []band // mean and limits of agreement
	From  string // of the axis of means
	To    string
	Label string
}

const (
	baLeft, baRight, baTop, baBase = 46.0, 330.0, 12.0, 150.0
)

// drawBland gives nil where there are fewer than two pairs.
func drawBland(b pcr.Bland) *blandAltman {
	if b.N < 2 {
		return nil
	}
	left, right, low, high := math.Inf(1), math.Inf(-1), math.Min(b.Low, 0), math.Max(b.High, 0)
	for _, p := range b.Points {
		left, right = math.Min(left, p[0]), math.Max(right, p[0])
		low, high = math.Min(low, p[1]), math.Max(high, p[1])
	}
	if right-left < 1 {
		left, right = left-0.5, right+0.5
	}
	if high-low < 1 {
		low, high = low-0.5, high+0.5
	}
	y := func(d float64) float64 { return baBase - (baBase-baTop)*(d-low)/(high-low) }
	out := &blandAltman{From: strconv.FormatFloat(left, 'f', 1, 64), To: strconv.FormatFloat(right, 'f', 1, 64),
		Label: fmt.Sprintf("n=%d, %+.2f (%+.2f … %+.2f)", b.N, b.Mean, b.Low, b.High)}
	const most = 2000
	for _, p := range b.Points[max(0, len(b.Points)-most):] {
		out.Dots = append(out.Dots, [2]float64{baLeft + (baRight-baLeft)*(p[0]-left)/(right-left), y(p[1])})
	}
	for _, d := range []float64{b.High, b.Mean, b.Low} {
		out.Lines = append(out.Lines, band{Y: y(d), Text: fmt.Sprintf("%+.2f", d), Mean: d == b.Mean})
	}
	return out
}

type worklistPage struct {
	Groups []workGroup
	N      int
}

// workGroup is the tubes on which the same has to be done.
type workGroup struct {
	Action string
	Steps  []store.StepRow
}

func (s *site) worklist(v *visit) error {
	rows, err := s.st.Worklist(v.r.Context(), v.labScope())
	if err != nil {
		return err
	}
	return v.show("worklist", worklistPage{grouped(rows), len(rows)})
}

func grouped(rows []store.StepRow) (out []workGroup) {
	for _, r := range rows {
		if n := len(out); n == 0 || out[n-1].Action != r.Action {
			out = append(out, workGroup{Action: r.Action})
		}
		g := &out[len(out)-1]
		g.Steps = append(g.Steps, r)
	}
	return out
}

// askPair wants tubes tested with a second kit.
func (s *site) askPair(v *visit) error {
	lab, _, err := s.qualityLab(v)
	if err != nil {
		return err
	}
	a := store.Ask{Lab: lab, Barcodes: v.Form["tube"], First: v.field("first"), Second: v.field("second"), Other: v.id("other")}
	if one := v.r.PathValue("barcode"); one != "" {
		a.Barcodes = []string{one}
	}
	if err := s.st.AskParallel(v.r.Context(), v.Actor, a); err != nil {
		return err
	}
	return v.done("/tubes/"+v.r.PathValue("barcode"), "arm.asked", lims.Args{"kit": a.Second})
}
