package web

import (
	"encoding/json"
	"slices"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

// What the page of a plate says beside its calls: what stands against a release, both arms of a pair, by which rules a program signed.

// armLine is one arm of a tube that was tested with two kits on the plate.
type armLine struct {
	Arm, Kit, Pos, Call string
	Cells               []string // the Cq of each target, named
}

// armLines are the arms of each tube with more than one kit on the plate, in the order of the arms.
func armLines(wells []store.WellRow, kit func(string) *pcr.Kit) map[int64][]armLine {
	out, seen := map[int64][]armLine{}, map[int64][]string{}
	for _, w := range wells {
		if w.Arm == "" || w.Sample == 0 || slices.Contains(seen[w.Sample], w.Kit) {
			continue // one kit may take several wells of a tube
		}
		seen[w.Sample] = append(seen[w.Sample], w.Kit)
		l := armLine{Arm: w.Arm, Kit: w.Kit, Pos: w.Pos, Call: w.Call}
		for _, t := range targets(kit(w.Kit), w.Targets) {
			l.Cells = append(l.Cells, t.Name+" "+cq(t.Target))
		}
		out[w.Sample] = append(out[w.Sample], l)
	}
	for id, all := range out {
		if len(all) < 2 {
			delete(out, id)
			continue
		}
		slices.SortFunc(all, func(a, b armLine) int { return int(a.Arm[0]) - int(b.Arm[0]) })
	}
	return out
}

// kitsOn are the kits of a plate, that of the plate first.
func kitsOn(first string, wells []store.WellRow) []string {
	all := []string{first}
	for _, w := range wells {
		if !slices.Contains(all, w.Kit) {
			all = append(all, w.Kit)
		}
	}
	return all
}

// autoSigned counts the tubes that a program signed first, by the version of its rules.
type autoSigned struct {
	Version, Name string
	Tubes         int
}

func autoSigns(sheaves []store.Sheaf) []autoSigned {
	var out []autoSigned
	for _, sh := range sheaves {
		if sh.Auto == "" {
			continue
		}
		i := slices.IndexFunc(out, func(a autoSigned) bool { return a.Version == sh.Auto && a.Name == sh.CheckedBy })
		if i < 0 {
			i, out = len(out), append(out, autoSigned{Version: sh.Auto, Name: sh.CheckedBy})
		}
		out[i].Tubes++
	}
	return out
}

// against fills in what stands against a release: flags that nobody has touched, quality control that is out.
func (p *reviewPage) against(s *site, v *visit, wells []store.WellRow, sheaves []store.Sheaf) (err error) {
	for _, e := range p.IQC {
		p.OutOfIQC = p.OutOfIQC || e.Reject && e.ClosedAt == nil
	}
	p.Blocked = p.OutOfIQC || p.Open > 0
	p.KitsOn = kitsOn(p.Plate.Kit, wells)
	p.Auto = autoSigns(sheaves)
	arms := armLines(wells, s.kit)
	for i := range p.One {
		p.One[i].Arms = arms[p.One[i].Sample]
	}
	if len(p.Runs) > 0 {
		p.Fix, err = s.st.FixOf(v.r.Context(), p.Runs[0].Message)
	}
	return err
}

// plateFlags are the flags of a plate as a whole that rules may be told to ignore.
var plateFlags = []string{"curve_unseen", "late_control", "positivity", "target_unknown", "control_missing", "batch_control_elsewhere", "waived", "fits_other"}

// inForce marks the version of each list that holds now: the laboratory's own before the city's, the latest day first.
func inForce(rows []rulesRow, today string) {
	best := -1
	for i, r := range rows {
		if r.EndedAt != nil || r.NamedID != 0 && r.AcceptedAt == nil || r.From.Format("2006-01-02") > today {
			continue
		}
		if best < 0 || rows[best].Lab == 0 && r.Lab != 0 {
			best = i
		}
	}
	if best >= 0 {
		rows[best].Current = true
	}
}

// controlsOf are the internal controls of kits, for the rules that ask for their Cq.
func controlsOf(kits []store.KitRow, kit func(string) *pcr.Kit) (names []string) {
	for _, k := range kits {
		body := kit(k.Key)
		if !k.Usable() || body == nil {
			continue
		}
		for _, t := range body.Targets {
			if t.Role == pcr.Internal && !slices.Contains(names, t.ID) {
				names = append(names, t.ID)
			}
		}
	}
	slices.Sort(names)
	return names
}

// ruleOf reads rules of automatic checks.
func ruleOf(raw json.RawMessage) (r lims.AutoRules, ok bool) {
	err := json.Unmarshal(raw, &r)
	return r, err == nil
}
