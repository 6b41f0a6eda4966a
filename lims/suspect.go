package lims

import (
	"math"
	"sort"
	"strings"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// suspect flags what looks wrong although every rule was kept. The flags, on wells:
//
//	near_strong      a weak finding beside a strong positive or a positive control, or in its row, column or batch
//	identical_cq     two samples with the same Cq on every target
//	s_dropout        S missing while other targets are clearly there
//	delta            an earlier result of the subject that this one contradicts
//	curve_disagrees  the instrument calls a curve and we do not, or the reverse
//	cq_disagrees     the instrument's Cq lies off ours
//	omitted          the instrument or its user left the well out
//	code_twice       the sample stands in more wells than its kit asks for
//
// and on the plate: late_control, positivity, curve_unseen, target_unknown, control_missing, batch_control_elsewhere, waived,
// fits_other.
func (s *sheet) suspect(v *Verdict) {
	limits := s.c.Rules.Filled()
	low := make([]float64, len(v.Wells)) // lowest Cq of a virus target that is not negative
	for i := range v.Wells {
		low[i] = s.lowest(&v.Wells[i])
	}
	s.disagree(v, limits.CqOff)
	s.near(v, low, limits)
	s.identical(v, low)
	s.dropout(v, limits)
	s.delta(v, low, limits)
	s.lateControls(v, limits)
	s.positivity(v, limits)
	s.unseen(v)
	odd := make([]string, 0, len(s.odd))
	for name := range s.odd {
		odd = append(odd, name)
	}
	sort.Strings(odd)
	for _, name := range odd {
		v.Flags = append(v.Flags, Flag{Code: "target_unknown", Args: Args{"target": name}})
	}
}

// lowest is the lowest Cq of a virus target that is pos or grey; 0 none.
func (s *sheet) lowest(w *WellCall) (low float64) {
	if w.Call.Call == pcr.Negative {
		return 0
	}
	for _, a := range s.c.Kits[w.Kit].Targets {
		f := w.Call.Targets.Of(a.ID)
		if a.Role == pcr.Virus && f.HasCq && (f.State == pcr.Pos || f.State == pcr.Grey) && (low == 0 || f.Cq < low) {
			low = f.Cq
		}
	}
	return low
}

// near flags weak findings that a strong one may have splashed into.
func (s *sheet) near(v *Verdict, low []float64, limits Suspicion) {
	type source struct {
		pos   plate.Pos
		also  []plate.Pos
		batch string
		cq    float64
	}
	var strong []source
	for i, w := range v.Wells {
		if low[i] > 0 && low[i] < limits.Strong {
			strong = append(strong, source{w.Pos, w.Also, w.Batch, low[i]})
		}
	}
	for _, c := range v.Controls {
		if c.Role == plate.Positive {
			strong = append(strong, source{pos: c.Pos})
		}
	}
	for i := range v.Wells {
		w := &v.Wells[i]
		if low[i] <= limits.Weak {
			continue
		}
		for _, x := range strong {
			how := ""
			switch {
			case beside(w.Pos, w.Also, x.pos, x.also):
				how = "beside"
			case limits.NoTouch || x.cq == 0:
			case w.Pos.Row == x.pos.Row:
				how = "row"
			case w.Pos.Col == x.pos.Col:
				how = "column"
			case w.Batch != "" && w.Batch == x.batch:
				how = "batch"
			}
			if how != "" {
				w.Flags = append(w.Flags, Flag{Code: "near_strong", Pos: w.Pos, Args: Args{"of": x.pos.String(), "cq": x.cq, "how": how}})
				break
			}
		}
	}
}

// beside says that a well of one sample touches a well of another.
func beside(a plate.Pos, more []plate.Pos, b plate.Pos, others []plate.Pos) bool {
	if plate.Near(a, b) {
		return true
	}
	for _, p := range others {
		if plate.Near(a, p) {
			return true
		}
	}
	return len(more) > 0 && beside(more[0], more[1:], b, others)
}

// identical flags samples that show the same Cq on every target that has one: copied rows, or one well read twice.
func (s *sheet) identical(v *Verdict, low []float64) {
	first := map[string]int{}
	for i := range v.Wells {
		w := &v.Wells[i]
		if low[i] == 0 {
			continue
		}
		var b strings.Builder
		n := 0
		for _, a := range s.c.Kits[w.Kit].Targets {
			if f := w.Call.Targets.Of(a.ID); f.HasCq {
				b.WriteString(f.CqText + "|")
				n++
			}
			b.WriteByte(';')
		}
		key := w.Kit + b.String()
		j, seen := first[key]
		switch {
		case n < 2:
		case !seen:
			first[key] = i
		default:
			w.Flags = append(w.Flags, Flag{Code: "identical_cq", Pos: w.Pos, Args: Args{"with": v.Wells[j].Pos.String()}})
			v.Wells[j].Flags = append(v.Wells[j].Flags, Flag{Code: "identical_cq", Pos: v.Wells[j].Pos, Args: Args{"with": w.Pos.String()}})
		}
	}
}

// dropout flags an S target that is missing from a clear positive: a variant, or a failing primer.
func (s *sheet) dropout(v *Verdict, limits Suspicion) {
	for i := range v.Wells {
		w := &v.Wells[i]
		there, gone := 0, ""
		if w.Call.Call == pcr.Negative {
			continue
		}
		for _, a := range s.c.Kits[w.Kit].Targets {
			f := w.Call.Targets.Of(a.ID)
			switch {
			case a.Role != pcr.Virus:
			case a.ID == "S" || a.Gene == "S":
				if f.State == pcr.Neg {
					gone = a.ID
				}
			case f.State == pcr.Pos && f.HasCq && f.Cq < limits.Dropouts:
				there++
			}
		}
		if gone != "" && there >= 2 {
			w.Flags = append(w.Flags, Flag{Code: "s_dropout", Pos: w.Pos, Args: Args{"target": gone}})
		}
	}
}

// delta compares with the subject's last earlier result.
func (s *sheet) delta(v *Verdict, low []float64, limits Suspicion) {
	for i := range v.Wells {
		w := &v.Wells[i]
		for _, p := range s.c.Earlier[w.Code] {
			gone := p.Call == Positive && w.Call.Call == pcr.Negative && p.Hours <= limits.Gone
			came := p.Call == Negative && low[i] > 0 && low[i] < limits.Strong && p.Hours <= limits.Came
			if gone || came {
				w.Flags = append(w.Flags, Flag{Code: "delta", Pos: w.Pos, Args: Args{"was": p.Call, "hours": p.Hours}})
				break
			}
		}
	}
}

// lateControls flags negative controls that passed and yet show a virus Cq.
func (s *sheet) lateControls(v *Verdict, limits Suspicion) {
	for _, c := range v.Controls {
		if !c.OK || c.Role == plate.Positive || c.Role == plate.Weak {
			continue
		}
		for _, a := range s.c.Kits[c.Kit].Targets {
			if f := c.Call.Targets.Of(a.ID); a.Role == pcr.Virus && f.HasCq && f.Cq <= limits.Late {
				v.Flags = append(v.Flags, Flag{Code: "late_control", Pos: c.Pos, Args: Args{"target": a.ID, "cq": f.Cq}})
			}
		}
	}
}

// positivity flags a plate that has far more findings than the laboratory usually sees.
func (s *sheet) positivity(v *Verdict, limits Suspicion) {
	n, hit := 0, 0
	for i := range v.Wells {
		n++
		if c := v.Wells[i].Call.Call; c != pcr.Negative && c != pcr.Invalid {
			hit++
		}
	}
	if p := s.c.Usual; p > 0 && p < 1 && float64(hit) >= limits.Few && tail(n, hit, p) < limits.Chance {
		v.Flags = append(v.Flags, Flag{Code: "positivity", Args: Args{"positive": hit, "of": n, "usual": p}})
	}
}

// tail is the probability of k or more hits in n binomial trials.
func tail(n, k int, p float64) float64 {
	sum := 0.0
	lg := func(x int) float64 { v, _ := math.Lgamma(float64(x) + 1); return v }
	for i := k; i <= n; i++ {
		sum += math.Exp(lg(n) - lg(i) - lg(n-i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(1, sum)
}

// unseen says, once a plate, that calls took the instrument's Cq for a curve because none came in.
func (s *sheet) unseen(v *Verdict) {
	n := 0
	for i := range v.Wells {
		if v.Wells[i].Call.Call == pcr.Negative {
			continue
		}
		for _, a := range s.c.Kits[v.Wells[i].Kit].Targets {
			if a.Role == pcr.Virus && v.Wells[i].Call.Targets.Of(a.ID).Taken {
				n++
				break
			}
		}
	}
	if n > 0 {
		v.Flags = append(v.Flags, Flag{Code: "curve_unseen", Args: Args{"wells": n}})
	}
}
