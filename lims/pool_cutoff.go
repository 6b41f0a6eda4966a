package lims

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"natlims/lims/pcr"
)

// Cutoffs are the last cycles that count for a pool, by virus target, as the validation of its size found them: what comes later
// in a pool is noise. A kit's own positives and grey wells always count; the cut-offs say how much later than they a pool may
// still speak (a sample reads log2(n) cycles later in a pool of n). Without one for a target every Cq of a mixed pool counts.
type Cutoffs map[string]float64

// late says whether a target that the kit lets pass counts all the same.
func (c Cutoffs) late(target string, t pcr.Target) bool {
	last, ok := c[target]
	return t.HasCq && (!ok || t.Cq <= last)
}

// SwabLate says whether a tube of several swabs that the kit calls negative is not negative by the cut-offs of its size.
func SwabLate(k *pcr.Kit, c pcr.Call, cut Cutoffs) bool {
	if c.Call != Negative {
		return false
	}
	for _, a := range k.Targets {
		if _, ok := cut[a.ID]; ok && a.Role == pcr.Virus && cut.late(a.ID, c.Targets.Of(a.ID)) {
			return true
		}
	}
	return false
}

// String writes cut-offs as people read them, "N 40, ORF1ab 41.5".
func (c Cutoffs) String() string {
	var parts []string
	for _, name := range sortedKeys(c) {
		parts = append(parts, name+" "+strconv.FormatFloat(c[name], 'f', -1, 64))
	}
	return strings.Join(parts, ", ")
}

// ReadCutoffs reads cut-offs as people write them, "ORF1ab 41.5, N 40", and holds them against the kit: a pool of n may speak at
// most log2(n) cycles later than a single tube, and never after the last cycle.
func ReadCutoffs(k *pcr.Kit, n int, text string) (Cutoffs, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n,;=:，；：", r) })
	out := Cutoffs{}
	if len(words)%2 != 0 || len(words) > 40 {
		return nil, E(Invalid, "pool.cutoff_text", Args{"got": text})
	}
	for i := 0; i < len(words); i += 2 {
		cq, err := strconv.ParseFloat(words[i+1], 64)
		if err != nil || math.IsNaN(cq) {
			return nil, E(Invalid, "pool.cutoff_text", Args{"got": text})
		}
		out[words[i]] = cq
	}
	return out, out.Check(k, n)
}

// Check holds cut-offs against the kit.
func (c Cutoffs) Check(k *pcr.Kit, n int) error {
	for _, name := range sortedKeys(c) {
		last, ok := lastCq(k, name)
		if !ok {
			return E(Invalid, "pool.cutoff_target", Args{"target": name, "kit": k.Key()})
		}
		most := min(last+math.Log2(float64(max(n, 1))), cycles(k))
		if cq := c[name]; !(cq >= last && cq <= most+0.05) {
			return E(Invalid, "pool.cutoff", Args{"target": name, "got": cq, "min": math.Round(10*last) / 10, "max": math.Round(10*most) / 10})
		}
	}
	return nil
}

func cycles(k *pcr.Kit) float64 {
	if k.Cycles == 0 {
		return 45
	}
	return float64(k.Cycles)
}

// lastCq is the last cycle at which the kit lets a virus target count in a single tube, to a tenth; false where it has no such target.
func lastCq(k *pcr.Kit, target string) (float64, bool) {
	for _, a := range k.Targets {
		if a.ID != target || a.Role != pcr.Virus {
			continue
		}
		for tenth := int(10 * cycles(k)); tenth > 0; tenth-- {
			cq := float64(tenth) / 10
			c := k.Call(map[string]pcr.Value{target: {State: pcr.HasCq, Cq: cq, Curve: pcr.Sigmoid}}, pcr.Context{})
			if s := c.Targets.Of(target).State; s == pcr.Pos || s == pcr.Grey {
				return cq, true
			}
		}
		return 0, true
	}
	return 0, false
}

func sortedKeys(c Cutoffs) []string {
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
