package lims

import (
	"slices"
	"sort"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// controls judges every control well.
func (s *sheet) controls(v *Verdict) {
	v.Accepted = true
	for _, g := range s.group {
		w := &s.c.Layout.Wells[g.cells[0]]
		if !w.Role.Control() {
			continue
		}
		k := s.wells[g.cells[0]].kit
		p := k.Prove(w.Role, g.rows, pcr.Context{Instrument: s.model}, s.c.Lots[w.Lot])
		v.Controls = append(v.Controls, ControlCall{Pos: w.Pos, Role: w.Role, Kit: w.Kit, Scope: p.Scope, Batch: w.Batch,
			OK: p.OK, Why: p.Why, OnFail: p.OnFail, Lot: w.Lot, Call: p.Call})
		switch {
		case p.OK:
		case p.Scope == pcr.ScopeBatch && p.OnFail != pcr.FailAll:
			v.Batches = append(v.Batches, w.Batch)
		default:
			v.Accepted = false
		}
	}
	s.absent(v)
	sort.Strings(v.Batches)
	v.Batches = slices.Compact(v.Batches)
}

// absent finds controls that a plate must carry and does not: for every kit at least one negative and one positive of some
// kind, what the kit asks for on each plate and for each so many samples, and what the laboratory's policy asks for. A
// control of batch scope may stand on another plate of its batch: that is a flag only.
func (s *sheet) absent(v *Verdict) {
	kits := map[string]map[plate.Role]int{}
	var order []string
	for _, g := range s.group { // the wells of one sample or control count once
		w := &s.c.Layout.Wells[g.cells[0]]
		if kits[w.Kit] == nil {
			kits[w.Kit] = map[plate.Role]int{}
			order = append(order, w.Kit)
		}
		kits[w.Kit][w.Role]++
	}
	sort.Strings(order)
	for _, key := range order {
		n := kits[key]
		if n[plate.Sample] == 0 {
			continue
		}
		for _, role := range s.short(s.c.Kits[key], n) {
			v.Accepted = false
			v.Flags = append(v.Flags, Flag{Code: "control_missing", Args: Args{"kit": key, "role": string(role)}})
		}
		for _, c := range s.c.Kits[key].Controls {
			if c.PerBatch > 0 && c.Scope == pcr.ScopeBatch && n[c.PlateRole()] == 0 {
				v.Flags = append(v.Flags, Flag{Code: "batch_control_elsewhere", Args: Args{"kit": key, "control": c.ID}})
			}
		}
	}
}

// short lists the roles of which a kit has too few wells on the plate.
func (s *sheet) short(k *pcr.Kit, n map[plate.Role]int) (out []plate.Role) {
	if n[plate.Negative]+n[plate.NoTemplate]+n[plate.Extraction]+n[plate.Saline] == 0 {
		out = append(out, plate.Negative)
	}
	if n[plate.Positive]+n[plate.Weak] == 0 {
		out = append(out, plate.Positive)
	}
	for _, c := range k.Controls {
		need := c.PerPlate
		if c.PerSamples > 0 {
			need = max(need, (n[plate.Sample]+c.PerSamples-1)/c.PerSamples)
		}
		if r := c.PlateRole(); r != plate.Empty && n[r] < need && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	for _, r := range []plate.Role{plate.Negative, plate.Positive, plate.Weak, plate.NoTemplate, plate.Extraction, plate.Saline} {
		if n[r] < s.c.Want[r] && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// cover marks the calls that a failed control covers.
func (s *sheet) cover(v *Verdict) {
	plates, batches := map[string]bool{}, map[[2]string]bool{}
	for _, c := range v.Controls {
		switch {
		case c.OK:
		case c.Scope == pcr.ScopeBatch && c.OnFail != pcr.FailAll:
			batches[[2]string{c.Kit, c.Batch}] = true
		default:
			plates[c.Kit] = true
		}
	}
	for _, f := range v.Flags {
		if f.Code == "control_missing" {
			plates[f.Args["kit"].(string)] = true
		}
	}
	for i := range v.Wells {
		w := &v.Wells[i]
		_, elsewhere := s.c.Failed[w.Batch]
		w.Invalid = plates[w.Kit] || batches[[2]string{w.Kit, w.Batch}] || (elsewhere && w.Batch != "")
	}
}
