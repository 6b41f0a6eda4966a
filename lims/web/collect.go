package web

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

// draft is a tube that is being filled at the sampling point. It is kept in a cookie of the browser that fills it, so that a reload or
// a power cut loses nobody; it becomes a fact when the tube is closed.
type draft struct {
	Barcode    string
	Mode       lims.Mode
	Specimen   string
	Department int64
	Orders     []int64
	Opened     time.Time // T0: the first swab, or the opening while there is none
}

const (
	tubeCookie = "tube"
	tubeLife   = 12 * 3600 // seconds
)

func (s *site) draft(v *visit) (d draft, ok bool) {
	c, err := v.r.Cookie(s.cookieName(tubeCookie))
	if err != nil {
		return d, false
	}
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(b, &d) != nil {
		return draft{}, false
	}
	if v.Actor.Department != 0 && v.Actor.Department != d.Department { // somebody else's, or forged
		return draft{}, false
	}
	return d, d.Barcode != "" && d.Mode.Capacity() > 0 && len(d.Orders) <= d.Mode.Capacity()
}

func (v *visit) keepDraft(d draft) {
	b, _ := json.Marshal(d) // plain values
	v.cookie(tubeCookie, base64.RawURLEncoding.EncodeToString(b), tubeLife)
}

type collectPage struct {
	Departments []store.Department
	Modes       []string
	Specimens   []string
	Draft       *draft
	Swabs       []store.OrderRow
	Free        []struct{} // the places that are left, to be drawn
	Loose       []store.LooseTube
}

func (s *site) collect(v *visit) error {
	departments, err := s.choice(v)
	if err != nil {
		return err
	}
	p := collectPage{Departments: departments, Modes: modes, Specimens: specimens}
	department := v.department()
	if d, ok := s.draft(v); ok {
		if p.Swabs, err = s.st.OrdersByID(v.r.Context(), v.scope(), d.Orders); err != nil {
			return err
		}
		p.Draft, department = &d, d.Department
		p.Free = make([]struct{}, d.Mode.Capacity()-len(d.Orders))
	}
	if department != 0 {
		if p.Loose, err = s.st.LooseTubes(v.r.Context(), department); err != nil {
			return err
		}
	}
	return v.show("collect", p)
}

func (s *site) openTube(v *visit) error {
	d := draft{Barcode: v.field("barcode"), Mode: lims.Mode(v.field("mode")), Specimen: v.field("specimen"),
		Department: v.department(), Opened: s.st.Now()}
	switch {
	case d.Barcode == "" || len(d.Barcode) > 40:
		return lims.E(lims.Invalid, "sample.barcode", lims.Args{"barcodes": []string{d.Barcode}})
	case d.Mode.Capacity() == 0:
		return lims.E(lims.Invalid, "sample.mode", lims.Args{"got": string(d.Mode)})
	case d.Department == 0:
		return lims.E(lims.Invalid, "department.needed", nil)
	}
	if old, ok := s.draft(v); ok {
		return lims.E(lims.Conflict, "tube.open", lims.Args{"barcodes": []string{old.Barcode}})
	}
	v.keepDraft(d)
	return v.leave("/collect", message{})
}

func (s *site) openDraft(v *visit) (draft, error) {
	d, ok := s.draft(v)
	if !ok {
		return d, lims.E(lims.Conflict, "tube.none", nil)
	}
	return d, nil
}

// addSwab puts one order, or several scanned one below the other, into the open tube.
func (s *site) addSwab(v *visit) error {
	d, err := s.openDraft(v)
	if err != nil {
		return err
	}
	clients := strings.Fields(v.Form.Get("client"))
	if most := d.Mode.Capacity(); len(d.Orders)+len(clients) > most {
		return lims.E(lims.Invalid, "sample.full", lims.Args{"barcodes": []string{d.Barcode}, "capacity": most, "got": len(d.Orders) + len(clients)})
	}
	var unknown, taken []string
	for _, c := range clients {
		o, err := s.swab(v, d, c)
		switch {
		case err != nil:
			return err
		case o == nil:
			unknown = append(unknown, c)
		case slices.Contains(d.Orders, o.ID) || o.State != "waiting" && (o.State != "open" || o.Barcode != ""):
			taken = append(taken, c)
		default:
			d.Orders = append(d.Orders, o.ID)
		}
	}
	switch {
	case unknown != nil:
		return lims.E(lims.NotFound, "order.unknown", lims.Args{"orders": unknown})
	case taken != nil:
		return lims.E(lims.Conflict, "order.collected", lims.Args{"orders": taken})
	}
	if len(d.Orders) == len(clients) {
		d.Opened = s.st.Now() // the first swab goes in now
	}
	v.keepDraft(d)
	return v.leave("/collect", message{})
}

// swab finds the order of the tube's department by its number; nil where there is none.
func (s *site) swab(v *visit, d draft, client string) (*store.OrderRow, error) {
	rows, err := s.st.OrdersByClient(v.r.Context(), store.Scope{Department: d.Department}, client)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

func (s *site) removeSwab(v *visit) error {
	d, err := s.openDraft(v)
	if err != nil {
		return err
	}
	id := v.id("order")
	d.Orders = slices.DeleteFunc(d.Orders, func(o int64) bool { return o == id })
	v.keepDraft(d)
	return v.leave("/collect", message{})
}

// closeTube takes the tube down. The number of people is said once more by hand: it must agree.
func (s *site) closeTube(v *visit) error {
	d, err := s.openDraft(v)
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(v.field("count")); err != nil || n != len(d.Orders) {
		return lims.E(lims.Invalid, "tube.count", lims.Args{"said": v.field("count"), "got": len(d.Orders)})
	}
	err = s.st.Collect(v.r.Context(), v.Actor, []store.Tube{{Barcode: d.Barcode, Mode: d.Mode, Specimen: d.Specimen,
		Department: d.Department, Orders: d.Orders, CollectedAt: d.Opened}})
	if err != nil {
		return err
	}
	v.cookie(tubeCookie, "", -1)
	return v.done("/collect", "tube.closed", lims.Args{"barcode": d.Barcode, "n": len(d.Orders)})
}

func (s *site) dropTube(v *visit) error {
	v.cookie(tubeCookie, "", -1)
	return v.done("/collect", "tube.dropped", nil)
}

type packPage struct {
	Departments []store.Department
	Department  int64
	Labs        []store.Lab
	Loose       []store.LooseTube
	Boxes       []store.BoxRow
	Persons     int
}

func (s *site) pack(v *visit) error {
	departments, err := s.choice(v)
	if err != nil {
		return err
	}
	labs, _, err := s.directory(v)
	if err != nil {
		return err
	}
	p := packPage{Departments: departments, Department: v.department(), Labs: labs}
	if p.Department != 0 {
		if p.Loose, err = s.st.LooseTubes(v.r.Context(), p.Department); err != nil {
			return err
		}
	}
	for _, t := range p.Loose {
		p.Persons += t.Persons
	}
	if p.Boxes, err = s.st.OpenBoxes(v.r.Context(), v.scope()); err != nil {
		return err
	}
	return v.show("pack", p)
}

func (s *site) dispatch(v *visit) error {
	b := store.Box{Code: v.field("box"), Department: v.department(), Lab: v.id("lab"), Barcodes: v.Form["tube"]}
	b.Barcodes = append(b.Barcodes, strings.Fields(v.Form.Get("scan"))...)
	if b.Lab == 0 {
		return lims.E(lims.Invalid, "lab.needed", nil)
	}
	if _, err := s.st.Dispatch(v.r.Context(), v.Actor, b); err != nil {
		return err
	}
	return v.done("/pack", "box.sent", lims.Args{"box": b.Code, "n": len(b.Barcodes)})
}
