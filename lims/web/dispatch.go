package web

import (
	"natlims/lims"
	"natlims/lims/store"
)

type deliveriesPage struct {
	State  string
	States []string
	Rows   []store.DeliveryRow
	More   int64
	Tally  store.DeliveryTally
}

const deliveryRows = 100

var deliveryStates = []string{"queued", "sending", "delivered", "acknowledged", "refused"}

func (s *site) deliveries(v *visit) error {
	p := deliveriesPage{State: v.field("state"), States: deliveryStates}
	if p.State != "" && tone(p.State) == "" && p.State != string(lims.Queued) {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	sc := v.labScope()
	var err error
	if p.Rows, err = s.st.Deliveries(v.r.Context(), sc, p.State, v.page(deliveryRows)); err != nil {
		return err
	}
	if len(p.Rows) == deliveryRows {
		p.More = p.Rows[deliveryRows-1].Seq
	}
	if p.Tally, err = s.st.DeliveryTally(v.r.Context(), sc); err != nil {
		return err
	}
	return v.show("deliveries", p)
}

func (s *site) requeue(v *visit) error {
	if err := s.st.Requeue(v.r.Context(), v.Actor, v.r.PathValue("delivery")); err != nil {
		return err
	}
	return v.done("/deliveries", "delivery.requeued", nil)
}

// acknowledgeDelivery is a department's own word that it has the results (T9), where its program does not say so itself.
func (s *site) acknowledgeDelivery(v *visit) error {
	if err := s.st.Acknowledge(v.r.Context(), v.Actor, v.r.PathValue("delivery")); err != nil {
		return err
	}
	return v.done("/deliveries", "delivery.acknowledged", nil)
}
