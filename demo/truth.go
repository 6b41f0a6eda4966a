package demo

import (
	"math"
	"strings"
	"time"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

var emptyRun = pcr.Run{}

// afterVoid is when that plate has long been filled.
const afterVoid = 3 * time.Hour

// value is what stands in a well for one target: the Cq, or that there was no amplification.
type value func(w plate.Well, target string) (cq float64, ok bool)

// truth is what the cycler of a plate will find. Whoever is positive has both targets below Cq 35; a tube of ten swabs in twice the
// medium comes up one cycle later than a single one (10 in 6 mL against 1 in 3 mL). One tube in six hundred, and one for certain, loses
// its internal control in the first extraction.
func (d *Day) truth(p store.Plate, k *pcr.Kit, attempt func(code string) int) value {
	internal := map[string]bool{}
	for _, t := range k.Targets {
		internal[t.ID] = t.Role == "internal"
	}
	return func(w plate.Well, target string) (float64, bool) {
		shift := 0.0
		if len(k.Targets) > 1 && target != k.Targets[0].ID {
			shift = shiftOf(1)
		}
		switch {
		case w.Role == plate.Positive && d.nth(p, failing):
			return 0, false
		case w.Role == plate.Positive:
			return round(27 + shift + chance(p.Code, w.Code, target)), true
		case w.Role == plate.Weak:
			return round(d.weak(p, target) + shift), true
		case w.Role == plate.Negative && d.nth(p, late) && target == k.Targets[0].ID:
			return 42.6, true
		case w.Role.Control():
			return round(28 + chance(p.Code, w.Pos.String())), internal[target] && w.Role == plate.Saline
		case w.Code == d.plan.pairTube() && p.Kit == d.city.Kits[1] && attempt(w.Code) == 1 && !internal[target]:
			return round(34 + shift), true // a trace that the other kit does not find, nor this one again
		case internal[target]:
			_, positive := d.cq(w.Code)
			lost := !positive && (w.Code == d.plan.dullTube() || d.later(w.Code) && chance(w.Code, "inhibited") < 1.0/600) && attempt(w.Code) == 1
			return round(24 + 4*chance(w.Code, "ic")), !lost
		}
		cq, positive := d.cq(w.Code)
		return round(cq + shift), positive
	}
}

// cq is the truth of a tube, the strongest of the orders in it, or of a pool.
func (d *Day) cq(barcode string) (float64, bool) {
	if strings.HasPrefix(barcode, poolMark) {
		return d.pooled(barcode)
	}
	best := math.Inf(1)
	for _, i := range d.contents(barcode) {
		if o := d.plan.orders[i]; o.positive {
			best = min(best, 19+15*chance(o.client, "load"))
		}
	}
	if len(d.contents(barcode)) > 1 {
		best++
	}
	return best, !math.IsInf(best, 1)
}

// contents are the orders in a tube, by their index in the plan. A tube of a second collection holds one order, found by its client id.
func (d *Day) contents(barcode string) []int {
	if t, ok := d.plan.byCode[barcode]; ok {
		return d.plan.tubes[t].orders
	}
	if i, ok := d.recalled(barcode); ok {
		return []int{i}
	}
	return nil
}

// later says that a tube was filled after the plate whose control was forgotten: bad luck does not come twice to one tube.
func (d *Day) later(barcode string) bool {
	t, ok := d.plan.byCode[barcode]
	return ok && d.plan.tubes[t].t0 > afterVoid
}

// shiftOf is how many cycles later the targets after the first come up.
func shiftOf(i int) float64 {
	if i == 0 {
		return 0
	}
	return -0.4
}

func round(cq float64) float64 { return math.Round(cq*100) / 100 }

// expected is the call that the department must have got for an order at the end.
func (o planned) expected() string {
	if o.positive {
		return lims.Positive
	}
	return lims.Negative
}
