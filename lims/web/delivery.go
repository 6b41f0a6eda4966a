package web

import "natlims/lims/store"

type deliveryPage struct {
	Delivery store.DeliveryRow
	Rows     []store.DeliveredRow
	Inside   bool // for people of a laboratory: where each result came from
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
	return v.show("delivery", deliveryPage{d, rows, v.Actor.Department == 0})
}
