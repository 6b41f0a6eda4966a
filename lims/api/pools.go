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
	"natlims/pooling"
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
	CollectBy   *time.Time `json:"collect_by,omitempty" doc:"When the new tube has to be taken: the clock of the recall notice"`
	Confirmed   bool       `json:"confirmed" doc:"Somebody at the department has confirmed the recall notice"`
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
	huma.Register(a, op(http.MethodGet, "/pool-validations", "list-pool-validations", lims.RulesWrite, "Validated pool sizes of a laboratory with their cut-offs"), s.validations)
	huma.Register(a, op(http.MethodPost, "/pool-validations", "validate-pool", lims.RulesWrite, "Put a validated pool size on record, with its cut-offs; the token must belong to a supervisor"), s.validate)
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
			Call: r.Call, Signed: r.Signed, Since: r.Since.UTC(), DeadlineAt: r.DueAt, CollectBy: r.CollectBy, Confirmed: r.Heard, CollectMode: string(lims.Single)}
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

// PoolValidation is a pool size that a laboratory has shown to work with a kit; it covers every smaller size.
type PoolValidation struct {
	ID       int64              `json:"id,omitempty" readOnly:"true"`
	Lab      int64              `json:"lab,omitempty" doc:"Only for tokens that do not belong to a laboratory"`
	Kit      string             `json:"kit" doc:"Key of the kit"`
	Kind     string             `json:"kind" enum:"swab,media" doc:"swab: several swabs in one tube; media: aliquots mixed in the laboratory"`
	N        int                `json:"n" minimum:"2" maximum:"50"`
	Tested   int                `json:"tested" minimum:"20" doc:"Positives, each pooled with n-1 negatives"`
	Detected int                `json:"detected"`
	Source   string             `json:"source" maxLength:"200"`
	Cutoffs  map[string]float64 `json:"cutoffs,omitempty" doc:"Last cycle that counts for a pool, by virus target; at most log2(n) above the kit's own and never after its last cycle"`
	SignedBy string             `json:"signed_by,omitempty" readOnly:"true"`
	SignedAt *time.Time         `json:"signed_at,omitempty" readOnly:"true"`
	EndedAt  *time.Time         `json:"ended_at,omitempty" readOnly:"true"`
	Reason   string             `json:"reason,omitempty" readOnly:"true" doc:"Why it ended"`
}

type validationsOut struct {
	Body struct {
		Validations []PoolValidation `json:"validations"`
	}
}

func (s *server) validations(ctx context.Context, in *struct {
	Lab int64 `query:"lab" doc:"Only for tokens that do not belong to a laboratory; 0: all"`
}) (*validationsOut, error) {
	lab, err := ownLab(actor(ctx), in.Lab)
	if err != nil {
		return nil, s.problem(err)
	}
	rows, err := s.st.Validations(ctx, lab)
	if err != nil {
		return nil, s.problem(err)
	}
	out := &validationsOut{}
	out.Body.Validations = make([]PoolValidation, len(rows))
	for i, v := range rows {
		at := v.SignedAt.UTC()
		out.Body.Validations[i] = PoolValidation{ID: v.ID, Lab: v.Lab, Kit: v.Kit, Kind: string(v.Kind), N: v.N, Tested: v.Tested, Detected: v.Detected, Source: v.Source,
			Cutoffs: v.Cutoffs, SignedBy: v.SignedBy, SignedAt: &at, EndedAt: v.EndedAt, Reason: v.Reason}
	}
	return out, nil
}

func (s *server) validate(ctx context.Context, in *struct{ Body PoolValidation }) (*struct{}, error) {
	b := in.Body
	lab, err := ownLab(actor(ctx), b.Lab)
	if err != nil {
		return nil, s.problem(err)
	}
	return nil, s.problem(s.st.ValidatePool(ctx, actor(ctx), store.Validation{Lab: lab, Kit: b.Kit, Kind: pooling.Kind(b.Kind), N: b.N, Tested: b.Tested,
		Detected: b.Detected, Source: b.Source, Cutoffs: b.Cutoffs}))
}

// ownLab is the laboratory that an actor asks about: its own, or for people of the whole city the one that they name. Departments
// see no pools.
func ownLab(by lims.Actor, asked int64) (int64, error) {
	if by.Department != 0 || by.Lab != 0 && asked != 0 && asked != by.Lab {
		return 0, lims.E(lims.NotFound, "not_found", nil)
	}
	if by.Lab != 0 {
		return by.Lab, nil
	}
	return asked, nil
}
