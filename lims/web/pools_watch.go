package web

import (
	"strconv"
	"strings"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/pooling"
)

type watchPage struct {
	Labs        []store.Lab
	Lab         int64
	Watch       store.PoolWatch
	Validations []store.Validation
	Kits        []string
	Departments []store.Department
	Grants      []store.GrantRow
	Categories  []string
	Partners    []store.Partner
	Others      []store.Lab
}

// poolWatch shows what monitoring says of a laboratory's pools, and under which rules it makes them.
func (s *site) poolWatch(v *visit) (err error) {
	ctx := v.r.Context()
	p := watchPage{Categories: categories}
	if p.Lab, p.Labs, err = s.labOf(v); err != nil {
		return err
	}
	if p.Watch, err = s.st.WatchPools(ctx, p.Lab); err != nil {
		return err
	}
	if p.Validations, err = s.st.Validations(ctx, p.Lab); err != nil {
		return err
	}
	lots, err := s.st.LotsInUse(ctx, p.Lab)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, l := range lots {
		if !seen[l.Kit] {
			seen[l.Kit] = true
			p.Kits = append(p.Kits, l.Kit)
		}
	}
	if p.Departments, err = s.choice(v); err != nil {
		return err
	}
	if p.Partners, err = s.st.Partners(ctx, p.Lab); err != nil {
		return err
	}
	others, err := s.st.Labs(ctx)
	if err != nil {
		return err
	}
	for _, l := range others {
		if l.ID != p.Lab {
			p.Others = append(p.Others, l)
		}
	}
	if p.Grants, err = s.st.Grants(ctx); err != nil {
		return err
	}
	return v.show("poolwatch", p)
}

func (s *site) setPoolRules(v *visit) error {
	lab, _, err := s.labOf(v)
	if err != nil {
		return err
	}
	gate, err := strconv.ParseFloat(v.field("gate"), 64)
	if err != nil {
		return lims.E(lims.Invalid, "pool.rules", nil)
	}
	r := store.PoolRules{Lab: lab, Source: v.field("source"), Gate: gate / 100, Largest: int(v.id("largest")), Never: v.Form["never"],
		TubeUL: int(v.id("tube_ul")), AliquotUL: int(v.id("aliquot_ul")), SingleUL: int(v.id("single_ul")), WindowDays: int(v.id("window")),
		Least: int(v.id("least")), RecallMinutes: int(v.id("recall")), SwabValidated: v.field("swab") != ""}
	if err := s.st.AddPoolRules(v.r.Context(), v.Actor, r); err != nil {
		return err
	}
	return v.done("/pools/watch", "pool.rules", nil)
}

func (s *site) validatePool(v *visit) error {
	lab, _, err := s.labOf(v)
	if err != nil {
		return err
	}
	var cut lims.Cutoffs
	if text := v.field("cutoffs"); text != "" {
		kit, err := s.st.KitOf(v.r.Context(), v.field("kit"))
		if err != nil {
			return err
		}
		if kit == nil {
			return lims.E(lims.NotFound, "kit.unknown", lims.Args{"kit": v.field("kit")})
		}
		if cut, err = lims.ReadCutoffs(kit, int(v.id("n")), text); err != nil {
			return err
		}
	}
	err = s.st.ValidatePool(v.r.Context(), v.Actor, store.Validation{Cutoffs: cut, Lab: lab, Kit: v.field("kit"), Kind: pooling.Kind(v.field("kind")), N: int(v.id("n")),
		Tested: int(v.id("tested")), Detected: int(v.id("detected")), Source: v.field("source")})
	if err != nil {
		return err
	}
	return v.done("/pools/watch", "pool.validated", lims.Args{"n": int(v.id("n"))})
}

func (s *site) endValidation(v *visit) error {
	if err := s.st.EndValidation(v.r.Context(), v.Actor, v.id("id"), v.field("reason")); err != nil {
		return err
	}
	return v.done("/pools/watch", "pool.validation_ended", nil)
}

func (s *site) allowPooling(v *visit) error {
	clients := strings.Fields(v.Form.Get("orders"))
	if err := s.st.AllowPooling(v.r.Context(), v.Actor, v.id("department"), clients, v.field("reason")); err != nil {
		return err
	}
	return v.done("/pools/watch", "pool.allowed", lims.Args{"n": len(clients)})
}
