package web

import (
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

// Choices of the forms, in the order in which they are shown.
var (
	categories = []string{"close_contact", "key_person", "fever_clinic", "cold_chain", "screening", "voluntary"}
	kinds      = []string{"person", "product", "packaging", "environment", "vehicle", "surface"}
	documents  = []string{"resident_id", "passport", "permit", "other"}
	modes      = []string{"single", "household", "mixed5", "mixed10", "mixed20"}
	specimens  = []string{"OP", "NP", "NS", "SALIVA", "SWAB"}
)

type intakePage struct {
	Departments []store.Department // to choose from; empty for a department's own people
	Categories  []string
	Kinds       []string
	Documents   []string
	Orders      []store.OrderRow
	More        int64 // key of the next page, 0 none
	List        *pasted
}

const intakeRows = 50

func (s *site) intake(v *visit) error { return s.intakeWith(v, nil) }

func (s *site) intakeWith(v *visit, list *pasted) error {
	departments, err := s.choice(v)
	if err != nil {
		return err
	}
	orders, err := s.st.Registrations(v.r.Context(), v.scope(), v.Actor.ID, v.page(intakeRows))
	if err != nil {
		return err
	}
	p := intakePage{Departments: departments, Categories: categories, Kinds: kinds, Documents: documents, Orders: orders, List: list}
	if len(orders) == intakeRows {
		p.More = orders[intakeRows-1].ID
	}
	return v.show("intake", p)
}

// choice is the departments that an actor may act for; a department's own people have none to choose.
func (s *site) choice(v *visit) ([]store.Department, error) {
	if v.Actor.Department != 0 {
		return nil, nil
	}
	_, departments, err := s.directory(v)
	return departments, err
}

// department is the one that a form speaks for.
func (v *visit) department() int64 {
	if v.Actor.Department != 0 {
		return v.Actor.Department
	}
	return v.id("department")
}

func (s *site) registerOne(v *visit) error {
	o := store.NewOrder{ClientID: v.field("client_id"), Category: lims.Category(v.field("category")), Drill: v.field("drill") != "",
		Subject: lims.Subject{Kind: lims.SubjectKind(v.field("kind")), Name: v.field("name"), DocType: v.field("doc_type"),
			DocNo: v.field("doc_no"), Sex: v.field("sex"), Phone: v.field("phone"), Address: v.field("address")}}
	if o.Subject.DocNo == "" {
		o.Subject.DocType = ""
	}
	if b := v.field("birth_date"); b != "" {
		day, err := time.Parse(time.DateOnly, b)
		if err != nil {
			return lims.E(lims.Invalid, "order.birth_date", nil)
		}
		o.Subject.BirthDate = &day
	}
	out, err := s.st.Register(v.r.Context(), v.Actor, v.department(), []store.NewOrder{o})
	if err != nil {
		return err
	}
	switch out[0].Status {
	case "refused":
		return lims.E(lims.Invalid, out[0].Code, out[0].Args)
	case "known":
		return v.done("/intake", "order.known", lims.Args{"client": o.ClientID})
	}
	return v.done("/intake", "order.created", lims.Args{"client": o.ClientID})
}

// registerList shows what was pasted with every row that is wrong, and registers the good rows once a person has seen that.
func (s *site) registerList(v *visit) error {
	list := readList(v.Form.Get("list"), listDefaults{Category: v.field("category"), Kind: v.field("kind")})
	list.Department = v.department()
	if len(list.Rows) == 0 {
		return lims.E(lims.Invalid, "orders.count", lims.Args{"max": store.MaxRegister, "got": 0})
	}
	if len(list.Rows) > store.MaxRegister {
		return lims.E(lims.Invalid, "orders.count", lims.Args{"max": store.MaxRegister, "got": len(list.Rows)})
	}
	if v.field("step") != "register" {
		return s.intakeWith(v, list)
	}
	good, at := list.good()
	if len(good) == 0 {
		return s.intakeWith(v, list)
	}
	out, err := s.st.Register(v.r.Context(), v.Actor, list.Department, good)
	if err != nil {
		return err
	}
	list.Registered = true
	for i, r := range out {
		row := &list.Rows[at[i]]
		row.Status, row.Code, row.Args = r.Status, r.Code, r.Args
	}
	if created, known, refused := list.count(); refused == 0 {
		return v.done("/intake", "list.registered", lims.Args{"created": created, "known": known})
	}
	return s.intakeWith(v, list)
}
