package pcr

import "time"

// shapes are the words that a rule may use for a curve.
var shapes = words{string(Sigmoid), string(Flat), string(Flagged), string(Drift), string(Late), string(Noise)}

// figures checks dates and numbers of the head.
func (c *check) figures() {
	k := c.k
	var days [2]time.Time
	for i, d := range []string{k.ValidFrom, k.ValidTo} {
		if d == "" {
			continue
		}
		var err error
		if days[i], err = time.Parse(time.DateOnly, d); err != nil {
			c.fault(1, "date %q: expected YYYY-MM-DD", d)
		}
	}
	if !days[0].IsZero() && !days[1].IsZero() && days[1].Before(days[0]) {
		c.fault(1, "valid_to %s is before valid_from %s", k.ValidTo, k.ValidFrom)
	}
	if k.Minutes < 0 || k.Minutes > 1440 || k.MaxSamples < 0 || k.MaxSamples > 384 {
		c.fault(1, "pcr_minutes %d, max_samples_per_plate %d: expected at most 1440 and 384", k.Minutes, k.MaxSamples)
	}
	if !(k.LoD.Value >= 0 && k.LoD.Value < 1e12 && k.Volume >= 0 && k.Volume <= 1000) {
		c.fault(1, "lod %v, volume_ul %v: expected figures of at least 0", k.LoD.Value, k.Volume)
	}
}

// possible says whether some value fulfils the test: Cq values on both sides of every limit with every curve and every
// word of the instrument, and no Cq. The range of a control lot is not known here and hinders nothing.
func (t Test) possible() bool {
	cuts, said := []float64{1, maxCycles - 1}, []string{""}
	for _, x := range t.Clauses {
		switch {
		case x.Op == "lot_range" && x.Range == nil:
			return true
		case x.Num > 0:
			cuts = append(cuts, x.Num-0.001, x.Num, x.Num+0.001)
		case x.Range != nil:
			cuts = append(cuts, x.Range.Low, x.Range.High)
		}
		if x.Op == "call_in" {
			said = append(said, x.Words...)
		}
	}
	for _, word := range said {
		for _, shape := range append([]string{""}, shapes...) {
			v := Value{State: NoCq, Call: word, Curve: Shape(shape)}
			if t.hold(&v, false, nil) == yes {
				return true
			}
			v.State = HasCq
			for _, v.Cq = range cuts {
				if v.Cq > 0 && t.hold(&v, false, nil) == yes {
					return true
				}
			}
		}
	}
	return false
}
