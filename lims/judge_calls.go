package lims

import (
	"sort"

	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// call asks the kit about every sample.
func (s *sheet) call(v *Verdict) {
	v.Wells = make([]WellCall, 0, len(s.group))
	for _, g := range s.group {
		w := &s.c.Layout.Wells[g.cells[0]]
		if w.Role != plate.Sample {
			continue
		}
		ctx := s.c.History[Tested{w.Code, w.Kit}]
		ctx.Instrument = s.model
		k := s.wells[g.cells[0]].kit
		rows := g.rows
		for len(rows) < k.Replicates && k.Layout != "singleplex" {
			rows = append(rows[:len(rows):len(rows)], make([]pcr.Value, len(k.Targets))) // a replicate that was not plated says nothing
		}
		out := WellCall{Pos: w.Pos, Code: w.Code, Kit: w.Kit, Arm: w.Arm, Batch: w.Batch,
			Call: k.CallRows(rows, ctx)}
		for _, i := range g.cells[1:] {
			out.Also = append(out.Also, s.c.Layout.Wells[i].Pos)
		}
		if len(g.cells) > k.Wells() {
			out.Flags = append(out.Flags, Flag{Code: "code_twice", Pos: w.Pos, Args: Args{"wells": len(g.cells)}})
		}
		for _, i := range g.cells {
			if s.wells[i].omit {
				out.Flags = append(out.Flags, Flag{Code: "omitted", Pos: s.c.Layout.Wells[i].Pos})
			}
		}
		v.Wells = append(v.Wells, out)
	}
}

// steps lists the prescribed work: what failed controls ask for first, then what the calls ask for.
func steps(v *Verdict) []Step {
	by := map[[2]string][]string{}
	add := func(action, why, code string) {
		k := [2]string{action, why}
		by[k] = append(by[k], code)
	}
	fail := map[string]string{} // kit -> action
	for _, c := range v.Controls {
		if c.OK {
			continue
		}
		switch c.OnFail {
		case pcr.FailReextract, pcr.FailBatch, pcr.FailAll:
			fail[c.Kit] = "reextract"
		default:
			if fail[c.Kit] == "" {
				fail[c.Kit] = "retest_eluate"
			}
		}
	}
	for _, w := range v.Wells {
		switch {
		case w.Invalid && !v.Accepted:
			action := fail[w.Kit]
			if action == "" {
				action = "retest_eluate"
			}
			add(action, "plate_failed", w.Code)
		case w.Invalid:
			add("reextract", "batch_failed", w.Code)
		default:
			for _, a := range pcr.Parts(w.Call.Action) {
				add(a, "call", w.Code)
			}
		}
	}
	var out []Step
	for k, codes := range by {
		out = append(out, Step{Action: k[0], Why: k[1], Codes: codes})
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Why != out[j].Why {
			return out[i].Why > out[j].Why
		}
		return out[i].Action < out[j].Action
	})
	return out
}
