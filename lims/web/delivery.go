package web

import "natlims/lims/store"

type deliveryPage struct {
	Delivery store.DeliveryRow
	Rows     []store.DeliveredRow
	People   []noticed // of a notice
	Inside   bool      // for people of a laboratory: where each result came from
}

// delivery is one delivery with what is in it: the way back from a department's question to tube, plate and message.
func (s *site) delivery(v *visit) error {
	ctx, sc, id := v.r.Context(), v.scope(), v.r.PathValue("delivery")
	d, err := s.st.DeliveryByID(ctx, sc, id)
	if err != nil {
		return err
	}
	rows, err := s.st.DeliveryContents(ctx, sc, id)
	if err != nil {
		return err
	}
	p := deliveryPage{Delivery: d, Rows: rows, Inside: v.Actor.Department == 0}
	people, err := s.st.DeliveryNotice(ctx, sc, d)
	if err != nil {
		return err
	}
	for _, one := range people {
		p.People = append(p.People, noticed{one, subject(store.OrderRow{SubjectKind: one.Kind, SubjectName: one.Name})})
	}
	return v.show("delivery", p)
}

// noticed is a person that a notice speaks of, masked.
type noticed struct {
	store.NoticePerson
	Who string
}
