package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"natlims/instruments/link"
	"natlims/lims"
	"natlims/lims/store"
)

type queryIn struct {
	Body struct {
		All      bool     `json:"all,omitempty" doc:"Everything that waits for this instrument"`
		Samples  []string `json:"samples,omitempty" maxItems:"500" doc:"Barcodes as the instrument read them"`
		Patients []string `json:"patients,omitempty" maxItems:"500" doc:"The instrument's own words for the patients, by sample; they come back as they are"`
	}
}

type queryOut struct {
	Body struct {
		Orders []Wanted `json:"orders" doc:"None: nothing is wanted of these tubes"`
	}
}

// Wanted is one tube and the tests wanted of it.
type Wanted link.Order

// Answer finds the orders that an instrument asks for, on a line of this process or at a gate. No person is named: an instrument gets the
// barcode, and its own words for the patient back.
func Answer(st *store.Store) link.Answer {
	return func(ctx context.Context, q link.Query) ([]link.Order, error) {
		if q.Instrument == 0 { // no line names the sender; a person may have
			id, err := st.InstrumentOf(ctx, q.Source, q.Peer)
			if err != nil {
				return nil, err
			}
			q.Instrument = id
		}
		rows, err := st.OrdersFor(ctx, q.Instrument, store.Asked{All: q.All, Samples: q.Samples})
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
}

// queries answers what an instrument asks at a gate. It changes nothing.
func (s *server) queries(a huma.API) {
	o := op(http.MethodPost, "/queries", "ask-orders", MessagesWrite, "What is wanted of these tubes; the token says which instrument asks")
	o.BodyReadTimeout = 10 * time.Second
	answer := Answer(s.st)
	huma.Register(a, o, func(ctx context.Context, in *queryIn) (*queryOut, error) {
		by := actor(ctx)
		if by.Instrument == 0 {
			return nil, s.problem(lims.E(lims.Denied, "token.no_instrument", nil))
		}
		orders, err := answer(ctx, link.Query{Instrument: by.Instrument, All: in.Body.All, Samples: in.Body.Samples, Patients: in.Body.Patients})
		if err != nil {
			return nil, s.problem(err)
		}
		out := &queryOut{}
		out.Body.Orders = make([]Wanted, len(orders))
		for i, o := range orders {
			out.Body.Orders[i] = Wanted(o)
		}
		return out, nil
	})
}
