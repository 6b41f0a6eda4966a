package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"natlims/lims"
	"natlims/lims/store"
)

// Subject is a person or an object.
type Subject struct {
	Kind      string `json:"kind" enum:"person,product,packaging,environment,vehicle,surface"`
	Name      string `json:"name" maxLength:"200" doc:"Of a person, or what the object is"`
	DocType   string `json:"doc_type,omitempty" doc:"resident_id, passport, permit …"`
	DocNo     string `json:"doc_no,omitempty" maxLength:"40"`
	Sex       string `json:"sex,omitempty" enum:"m,f"`
	BirthDate string `json:"birth_date,omitempty" format:"date"`
	Phone     string `json:"phone,omitempty" maxLength:"40"`
	Address   string `json:"address,omitempty" maxLength:"400"`
}

// Order is what a department asks for.
type Order struct {
	ClientID string  `json:"client_id" maxLength:"64" doc:"Your own number. Registering it again with the same content is one order."`
	Subject  Subject `json:"subject"`
	Category string  `json:"category" enum:"close_contact,key_person,fever_clinic,cold_chain,screening,voluntary"`
	Assay    string  `json:"assay,omitempty" doc:"Default SARS-CoV-2"`
	Drill    bool    `json:"drill,omitempty" doc:"An exercise"`
}

// Registered is what became of one order.
type Registered struct {
	ClientID string    `json:"client_id"`
	OrderID  int64     `json:"order_id,omitempty"`
	Status   string    `json:"status" enum:"created,known,refused"`
	Code     string    `json:"code,omitempty" doc:"Why refused"`
	Args     lims.Args `json:"args,omitempty"`
}

type registerIn struct {
	Body struct {
		Department int64   `json:"department,omitempty" doc:"Only for tokens that do not belong to a department"`
		Orders     []Order `json:"orders" minItems:"1" maxItems:"10000"`
	}
}

type registerOut struct {
	Body struct {
		Created int          `json:"created"`
		Known   int          `json:"known"`
		Refused int          `json:"refused"`
		Orders  []Registered `json:"orders"`
	}
}

// Tube is a filled tube.
type Tube struct {
	Barcode     string    `json:"barcode" maxLength:"40"`
	Mode        string    `json:"mode" enum:"single,household,mixed5,mixed10,mixed20"`
	Specimen    string    `json:"specimen,omitempty" doc:"Default OP"`
	ClientIDs   []string  `json:"client_ids" minItems:"1" maxItems:"20" doc:"The orders in it, in the order of the swabs"`
	CollectedAt time.Time `json:"collected_at,omitempty" doc:"First swab; default closed_at"`
	ClosedAt    time.Time `json:"closed_at,omitempty" doc:"Default now"`
}

type collectIn struct {
	Body struct {
		Department int64  `json:"department,omitempty"`
		Tubes      []Tube `json:"tubes" minItems:"1" maxItems:"5000"`
	}
}

type dispatchIn struct {
	Body struct {
		Department int64     `json:"department,omitempty"`
		Code       string    `json:"code" maxLength:"40" doc:"Code on the box"`
		Lab        int64     `json:"lab"`
		Barcodes   []string  `json:"barcodes" minItems:"1" maxItems:"2000"`
		At         time.Time `json:"dispatched_at,omitempty"`
	}
}

type idOut struct {
	Body struct {
		ID int64 `json:"id"`
	}
}

func (s *server) intake(a huma.API) {
	huma.Register(a, op(http.MethodPost, "/orders", "register-orders", OrdersWrite, "Register orders in bulk; every good row is kept, every bad row is told"), s.register)
	huma.Register(a, op(http.MethodPost, "/tubes", "collect-tubes", SamplesWrite, "Take filled tubes down, all or none"), s.collect)
	huma.Register(a, op(http.MethodPost, "/boxes", "dispatch-box", SamplesWrite, "Send a box off with its manifest"), s.dispatchBox)
}

// department is the token's own, or the one named where the token belongs to none.
func department(ctx context.Context, named int64) int64 {
	if own := actor(ctx).Department; own != 0 && named == 0 {
		return own
	}
	return named
}

func (s *server) register(ctx context.Context, in *registerIn) (*registerOut, error) {
	orders := make([]store.NewOrder, len(in.Body.Orders))
	for i, o := range in.Body.Orders {
		orders[i] = store.NewOrder{ClientID: o.ClientID, Category: lims.Category(o.Category), Assay: o.Assay, Drill: o.Drill,
			Subject: lims.Subject{Kind: lims.SubjectKind(o.Subject.Kind), Name: o.Subject.Name, DocType: o.Subject.DocType, DocNo: o.Subject.DocNo,
				Sex: o.Subject.Sex, Phone: o.Subject.Phone, Address: o.Subject.Address}}
		if o.Subject.BirthDate != "" {
			if t, err := time.Parse(time.DateOnly, o.Subject.BirthDate); err == nil {
				orders[i].Subject.BirthDate = &t
			}
		}
	}
	rows, err := s.st.Register(ctx, actor(ctx), department(ctx, in.Body.Department), orders)
	if err != nil {
		return nil, s.problem(err)
	}
	out := &registerOut{}
	out.Body.Orders = make([]Registered, len(rows))
	for i, r := range rows {
		out.Body.Orders[i] = Registered(r)
		switch r.Status {
		case "created":
			out.Body.Created++
		case "known":
			out.Body.Known++
		default:
			out.Body.Refused++
		}
	}
	return out, nil
}

func (s *server) collect(ctx context.Context, in *collectIn) (*struct{}, error) {
	tubes := make([]store.Tube, len(in.Body.Tubes))
	for i, t := range in.Body.Tubes {
		tubes[i] = store.Tube{Barcode: t.Barcode, Mode: lims.Mode(t.Mode), Specimen: t.Specimen, Department: department(ctx, in.Body.Department),
			ClientIDs: t.ClientIDs, CollectedAt: t.CollectedAt, ClosedAt: t.ClosedAt}
	}
	return nil, s.problem(s.st.Collect(ctx, actor(ctx), tubes))
}

func (s *server) dispatchBox(ctx context.Context, in *dispatchIn) (*idOut, error) {
	id, err := s.st.Dispatch(ctx, actor(ctx), store.Box{Code: in.Body.Code, Department: department(ctx, in.Body.Department), Lab: in.Body.Lab,
		Barcodes: in.Body.Barcodes, At: in.Body.At})
	if err != nil {
		return nil, s.problem(err)
	}
	out := &idOut{}
	out.Body.ID = id
	return out, nil
}
