package web

import (
	"net/url"
	"strings"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

type benchPage struct {
	Labs    []store.Lab // to choose from, for people of the whole city
	Lab     int64
	Wells   int
	Lot     string // of the plate that is being laid, "kit|number", and of its second kit
	Second  string
	Room    int // samples that fit beside the controls
	Each    int // wells that each of them takes
	Waiting []store.WaitingSample
	More    bool // more wait than are listed
	Persons int
	Plates  []store.PlateRow
	Lots    []store.LotRow
	Owed    []store.OwedArm // second kits that are still to be done
}

func (s *site) bench(v *visit) error {
	sc := v.labScope()
	p := benchPage{Lab: sc.Lab, Wells: 96}
	if v.id("wells") == 384 {
		p.Wells = 384
	}
	var err error
	if v.Actor.Lab == 0 {
		if p.Labs, _, err = s.directory(v); err != nil {
			return err
		}
		if p.Lab == 0 && len(p.Labs) > 0 {
			p.Lab = p.Labs[0].ID
			sc.Lab = p.Lab
		}
	}
	if p.Lots, err = s.st.LotsInUse(v.r.Context(), p.Lab); err != nil {
		return err
	}
	p.choose(s, v.field("lot"), v.field("second"))
	limit := 2*max(p.Room, 45) + 1
	if p.Waiting, err = s.st.Waiting(v.r.Context(), p.Lab, limit); err != nil {
		return err
	}
	if len(p.Waiting) == limit {
		p.Waiting, p.More = p.Waiting[:limit-1], true
	}
	for _, w := range p.Waiting {
		p.Persons += w.Persons
	}
	if p.Plates, err = s.st.ActivePlates(v.r.Context(), sc); err != nil {
		return err
	}
	if p.Owed, err = s.st.OwedArms(v.r.Context(), p.Lab); err != nil {
		return err
	}
	return v.show("bench", p)
}

// choose takes the lots that were picked, where they may be used, and counts what fits.
func (p *benchPage) choose(s *site, lot, second string) {
	for i, l := range p.Lots {
		name := l.Kit + "|" + l.Number
		if i == 0 || name == lot {
			p.Lot = name
		}
		if name == second {
			p.Second = name
		}
	}
	var kits []*pcr.Kit
	for _, name := range []string{p.Lot, p.Second} {
		key, _, _ := strings.Cut(name, "|")
		if k := s.kit(key); k != nil {
			kits = append(kits, k)
			p.Each += k.Wells()
		}
	}
	format, _ := plate.FormatOf(p.Wells)
	switch {
	case len(kits) == 0:
		p.Room = format.Size() - len(store.StandardControls)
	case len(kits) == 1 || p.Each == len(kits): // else they do not stand on one plate
		p.Room = store.Room(format, kits...)
	}
}

// lay makes a plate of the ticked tubes, and of those scanned by hand, in that order.
func (s *site) lay(v *visit) error {
	kit, lot, _ := strings.Cut(v.field("lot"), "|")
	if kit == "" {
		return lims.E(lims.Invalid, "kit.needed", nil)
	}
	n := store.NewPlate{Lab: v.id("lab"), Wells: int(v.id("wells")), Kit: kit, Lot: lot, Codes: v.Form["tube"], Batch: v.field("batch")}
	if second, lot, ok := strings.Cut(v.field("second"), "|"); ok {
		n.Second = &store.SecondKit{Kit: second, Lot: lot}
	}
	if v.Actor.Lab != 0 {
		n.Lab = v.Actor.Lab
	}
	n.Codes = append(n.Codes, strings.Fields(v.Form.Get("scan"))...)
	p, err := s.st.Lay(v.r.Context(), v.Actor, n)
	if err != nil {
		return err
	}
	return v.done("/plates/"+url.PathEscape(p.Code), "plate.laid", lims.Args{"plate": p.Code, "n": len(n.Codes)})
}

type platesPage struct {
	Plates []store.PlateRow
	More   int64
}

const platesRows = 100

func (s *site) plates(v *visit) error {
	rows, err := s.st.Plates(v.r.Context(), v.labScope(), v.page(platesRows))
	if err != nil {
		return err
	}
	p := platesPage{Plates: rows}
	if len(rows) == platesRows {
		p.More = rows[platesRows-1].ID
	}
	return v.show("plates", p)
}
