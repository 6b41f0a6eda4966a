package main

import (
	"context"

	"natlims/instruments/link"
	"natlims/lims/store"
)

// answer finds the orders that an instrument asks for. No person is named: an instrument gets the barcode, and its own words for the
// patient back.
func (s *server) answer(ctx context.Context, q link.Query) ([]link.Order, error) {
	rows, err := s.st.OrdersFor(ctx, q.Instrument, store.Asked{All: q.All, Samples: q.Samples})
	if err != nil {
		return nil, err
	}
	patients := make(map[string]string, len(q.Samples))
	for i, sample := range q.Samples {
		if i < len(q.Patients) {
			patients[sample] = q.Patients[i]
		}
	}
	out := make([]link.Order, len(rows))
	for i, r := range rows {
		out[i] = link.Order{ID: r.Order, Sample: r.Sample, Patient: patients[r.Sample], Tests: r.Tests, Priority: "R",
			Ordered: r.Ordered.Format("20060102150405"), Control: r.Control}
		if r.Urgent {
			out[i].Priority = "S"
		}
	}
	return out, nil
}
