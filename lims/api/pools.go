package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"natlims/lims"
	"natlims/lims/store"
)

// Recall is an order whose person has to be swabbed again, alone. It holds no names: the order is known by your own number.
type Recall struct {
	OrderID     int64      `json:"order_id"`
	ClientID    string     `json:"client_id"`
	Department  int64      `json:"department"`
	Barcode     string     `json:"barcode" doc:"The tube that asks for it"`
	Mode        string     `json:"mode"`
	Persons     int        `json:"persons" doc:"Orders in that tube"`
	Call        string     `json:"call" doc:"pending_review: a tube of several that was not negative; nobody in it is positive before a single test"`
	Signed      bool       `json:"signed" doc:"false: announced as soon as the tube was read; true: released, the order waits for a new tube"`
	Since       time.Time  `json:"since"`
	DeadlineAt  *time.Time `json:"deadline_at,omitempty" doc:"The person's own clock goes on over the new collection"`
	CollectMode string     `json:"collect_mode" enum:"single" doc:"How the new tube must be filled"`
}

type recallsIn struct {
	Department int64 `query:"department" doc:"Only for tokens that do not belong to a department; 0: all"`
	Limit      int   `query:"limit" minimum:"1" maximum:"5000" default:"1000"`
}

type recallsOut struct {
	Body struct {
		Recalls []Recall `json:"recalls"`
		More    bool     `json:"more" doc:"The list was cut at limit"`
	}
}

// CollectionMode is a way of filling a tube.
type CollectionMode struct {
	Mode     string `json:"mode" enum:"single,household,mixed5,mixed10,mixed20"`
	Capacity int    `json:"capacity" doc:"Most orders in one tube"`
}

// CategoryModes is which tubes may hold orders of a category.
type CategoryModes struct {
	Category string           `json:"category"`
	Modes    []CollectionMode `json:"modes"`
}

type policyOut struct {
	Body struct {
		PolicyID   int64           `json:"policy_id"`
		Categories []CategoryModes `json:"categories" doc:"A recalled order is collected singly whatever its category; a supervisor may let single orders share a tube"`
	}
}

// collectionModes in the order of their size.
var collectionModes = []lims.Mode{lims.Single, lims.Household, lims.Mixed5, lims.Mixed10, lims.Mixed20}

// pools tells the sampling app whom to call back, and who may share a tube.
func (s *server) pools(a huma.API) {
	huma.Register(a, op(http.MethodGet, "/recalls", "list-recalls", lims.ResultsRead, "Orders whose person has to be swabbed again, oldest first"), s.recalls)
	huma.Register(a, op(http.MethodGet, "/pool-policy", "pool-policy", lims.SamplesWrite, "Which tubes may hold orders of which category now"), s.poolPolicy)
}

func (s *server) recalls(ctx context.Context, in *recallsIn) (*recallsOut, error) {
	by := actor(ctx)
	sc := store.ScopeOf(by)
	if by.Department != 0 && in.Department != 0 && in.Department != by.Department {
		return nil, s.problem(lims.E(lims.NotFound, "not_found", nil))
	}
	if sc.Department == 0 {
		sc.Department = in.Department
	}
	rows, err := s.st.RecallList(ctx, sc, in.Limit+1)
	if err != nil {
		return nil, s.problem(err)
	}
	out := &recallsOut{}
	if out.Body.More = len(rows) > in.Limit; out.Body.More {
		rows = rows[:in.Limit]
	}
	out.Body.Recalls = make([]Recall, len(rows))
	for i, r := range rows {
		out.Body.Recalls[i] = Recall{OrderID: r.Order, ClientID: r.ClientID, Department: r.Department, Barcode: r.Barcode, Mode: r.Mode, Persons: r.Persons,
			Call: r.Call, Signed: r.Signed, Since: r.Since.UTC(), DeadlineAt: r.DueAt, CollectMode: string(lims.Single)}
	}
	return out, nil
}

func (s *server) poolPolicy(ctx context.Context, _ *struct{}) (*policyOut, error) {
	p, err := s.st.CollectionPolicy(ctx)
	if err != nil {
		return nil, s.problem(err)
	}
	out := &policyOut{}
	out.Body.PolicyID = p.ID
	categories := make([]lims.Category, 0, len(p.Limits))
	for c := range p.Limits {
		categories = append(categories, c)
	}
	slices.SortFunc(categories, func(a, b lims.Category) int {
		return cmp.Or(cmp.Compare(a.Priority(), b.Priority()), cmp.Compare(a, b))
	})
	for _, c := range categories {
		one := CategoryModes{Category: string(c)}
		for _, m := range collectionModes {
			if p.Allows(c, m) {
				one.Modes = append(one.Modes, CollectionMode{string(m), m.Capacity()})
			}
		}
		out.Body.Categories = append(out.Body.Categories, one)
	}
	return out, nil
}
