package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/pooling"
)

// PoolRules are what pools may be made under, from an instant on: dated data that authorities change.
type PoolRules struct {
	ID            int64          `db:"id"`
	Lab           int64          `db:"lab_id"` // 0: all laboratories
	ValidFrom     time.Time      `db:"valid_from"`
	Source        string         `db:"source"`
	Gate          float64        `db:"gate"`    // positivity above which no pools are made
	Largest       int            `db:"largest"` // tubes in a pool
	Never         pq.StringArray `db:"never"`   // categories that are tested singly
	TubeUL        int            `db:"tube_ul"` // in a full single tube, microlitres
	AliquotUL     int            `db:"aliquot_ul"`
	SingleUL      int            `db:"single_ul"`
	WindowDays    int            `db:"window_days"` // over which positivity rolls
	Least         int            `db:"least"`       // tests that a comparison of positivity needs
	SwabValidated bool           `db:"swab_validated"`
	RecallMinutes int            `db:"recall_minutes"` // from a recall to the new single tube: the clock of the second collection
}

// GatePercent is the gate in per cent.
func (r PoolRules) GatePercent() float64 { return 100 * r.Gate }

// Forbids says whether orders of a category are tested singly.
func (r PoolRules) Forbids(category string) bool { return slices.Contains(r.Never, category) }

const ruleFields = `id, coalesce(lab_id,0) AS lab_id, valid_from, source, gate, largest, never, tube_ul, aliquot_ul, single_ul, window_days, least, swab_validated, recall_minutes`

const rulesInForce = `SELECT ` + ruleFields + ` FROM pool_rules WHERE (lab_id = $1 OR lab_id IS NULL) AND valid_from <= $2
	ORDER BY lab_id IS NULL, valid_from DESC, id DESC LIMIT 1`

// PoolRules are the rules in force in a laboratory now.
func (s *Store) PoolRules(ctx context.Context, lab int64) (PoolRules, error) {
	return single[PoolRules](ctx, s, rulesInForce, lab, s.Now())
}

func (x *tx) poolRules(lab int64) (r PoolRules, err error) {
	err = x.one(&r, rulesInForce, lab, x.now)
	if missing(err) {
		err = lims.E(lims.Invalid, "policy.none", nil)
	}
	return r, err
}

// AddPoolRules puts rules in force in a laboratory (0: in all).
func (s *Store) AddPoolRules(ctx context.Context, by lims.Actor, r PoolRules) error {
	if err := need(by, lims.Supervisor, lims.Admin); err != nil {
		return err
	}
	if by.Lab != 0 && r.Lab != by.Lab {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	r.Source = strings.TrimSpace(r.Source)
	if r.WindowDays == 0 {
		r.WindowDays = 7
	}
	if r.Least == 0 {
		r.Least = 100
	}
	switch {
	case r.Source == "":
		return lims.E(lims.Invalid, "reason.needed", nil)
	case !(r.Gate > 0 && r.Gate <= 0.25) || r.Largest < 2 || r.Largest > 50 || r.TubeUL < 1 || r.AliquotUL < 1 || r.SingleUL < 1 || r.WindowDays > 31 || r.Least < 1:
		return lims.E(lims.Invalid, "pool.rules", nil)
	}
	if r.RecallMinutes == 0 {
		r.RecallMinutes = 120
	}
	if r.RecallMinutes < 5 || r.RecallMinutes > 1440 {
		return lims.E(lims.Invalid, "pool.rules", nil)
	}
	if r.Never == nil {
		r.Never = pq.StringArray{}
	}
	if r.ValidFrom.IsZero() {
		r.ValidFrom = s.Now()
	}
	return s.do(ctx, by, func(x *tx) error {
		var id int64
		err := x.one(&id, `INSERT INTO pool_rules (lab_id, valid_from, source, gate, largest, never, tube_ul, aliquot_ul, single_ul, window_days, least,
				swab_validated, set_by, created_at, recall_minutes) VALUES (nullif($1::bigint,0),$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15) RETURNING id`,
			r.Lab, r.ValidFrom, r.Source, r.Gate, r.Largest, pq.Array([]string(r.Never)), r.TubeUL, r.AliquotUL, r.SingleUL, r.WindowDays, r.Least,
			r.SwabValidated, by.ID, x.now, r.RecallMinutes)
		x.note("add", "pool_rules", id, map[string]any{"gate": r.Gate, "largest": r.Largest, "source": r.Source})
		return err
	})
}

// Validation is a pool size that a laboratory has shown to work with a kit; it covers every smaller size (FDA 2020-07-28).
type Validation struct {
	ID       int64        `db:"id"`
	Lab      int64        `db:"lab_id"`
	Kit      string       `db:"kit_key"`
	Kind     pooling.Kind `db:"kind"`
	N        int          `db:"n"`
	Tested   int          `db:"tested"`   // positives, each in a pool with n-1 negatives
	Detected int          `db:"detected"` // of them
	Source   string       `db:"source"`
	Cutoffs  lims.Cutoffs `db:"-"` // of pools of this size, by target; nil: every Cq of a mixed pool counts
	SignedBy string       `db:"signed_by"`
	SignedAt time.Time    `db:"signed_at"`
	EndedAt  *time.Time   `db:"ended_at"`
	Reason   string       `db:"reason"` // why it ended

	Raw json.RawMessage `db:"cutoffs"`
}

// Least number of positives that a validation pools, and the share of them that it must find (FDA 2020-07-28).
const (
	leastPositives = 20
	leastShare     = 0.85
)

// ValidatePool puts a validated size on record, over a supervisor's signature.
func (s *Store) ValidatePool(ctx context.Context, by lims.Actor, v Validation) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if err := inLab(by, v.Lab); err != nil {
		return err
	}
	v.Source = strings.TrimSpace(v.Source)
	switch {
	case v.Kind != pooling.Swab && v.Kind != pooling.Media:
		return lims.E(lims.Invalid, "pool.kind", lims.Args{"got": string(v.Kind)})
	case v.N < 2 || v.N > 50:
		return lims.E(lims.Invalid, "pool.size", lims.Args{"got": v.N, "max": 50})
	case v.Source == "":
		return lims.E(lims.Invalid, "reason.needed", nil)
	case v.Tested < leastPositives || v.Detected < 0 || v.Detected > v.Tested || float64(v.Detected) < leastShare*float64(v.Tested):
		return lims.E(lims.Invalid, "pool.validation_poor", lims.Args{"tested": v.Tested, "detected": v.Detected, "least": leastPositives})
	}
	if len(v.Cutoffs) > 0 {
		kit, err := s.KitOf(ctx, v.Kit)
		if err != nil {
			return err
		}
		if kit == nil {
			return lims.E(lims.NotFound, "kit.unknown", lims.Args{"kit": v.Kit})
		}
		if err := v.Cutoffs.Check(kit, v.N); err != nil {
			return err
		}
	}
	return s.do(ctx, by, func(x *tx) error {
		if err := x.usable(v.Kit); err != nil {
			return err
		}
		if v.Cutoffs == nil {
			v.Cutoffs = lims.Cutoffs{}
		}
		raw, err := json.Marshal(v.Cutoffs)
		if err != nil {
			return err
		}
		var id int64
		err = x.one(&id, `INSERT INTO pool_validations (lab_id, kit_key, kind, n, tested, detected, source, signed_by, signed_at, cutoffs)
			VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) RETURNING id`, v.Lab, v.Kit, string(v.Kind), v.N, v.Tested, v.Detected, v.Source, by.ID, x.now, string(raw))
		x.note("validate", "pool_validation", id, map[string]any{"kit": v.Kit, "kind": v.Kind, "n": v.N, "tested": v.Tested, "detected": v.Detected, "cutoffs": v.Cutoffs})
		return err
	})
}

// EndValidation takes a size out of use, with a reason. Pools that were made stay what they are.
func (s *Store) EndValidation(ctx context.Context, by lims.Actor, id int64, reason string) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.do(ctx, by, func(x *tx) error {
		n, err := x.count(`UPDATE pool_validations SET ended_by = $2, ended_at = $3, reason = $4
			WHERE id = $1 AND ended_at IS NULL AND ($5 = 0 OR lab_id = $5)`, id, by.ID, x.now, reason, by.Lab)
		if err == nil && n == 0 {
			err = lims.E(lims.NotFound, "not_found", nil)
		}
		x.note("end", "pool_validation", id, map[string]any{"reason": reason})
		return err
	})
}

// Validations lists the validated sizes of a laboratory, those in use first.
func (s *Store) Validations(ctx context.Context, lab int64) ([]Validation, error) {
	rows, err := list[Validation](ctx, s, `SELECT v.id, v.lab_id, v.kit_key, v.kind, v.n, v.tested, v.detected, v.source, a.name AS signed_by, v.signed_at,
			v.ended_at, v.reason, v.cutoffs FROM pool_validations v JOIN actors a ON a.id = v.signed_by
		WHERE ($1 = 0 OR v.lab_id = $1) ORDER BY v.ended_at IS NOT NULL, v.kit_key, v.kind, v.n DESC, v.id LIMIT 200`, lab)
	for i := range rows {
		rows[i].Cutoffs = readCutoffs(rows[i].Raw)
	}
	return rows, err
}

// validated is the largest size in use for a kit and kind, 0 none.
func (x *tx) validated(lab int64, kit string, kind pooling.Kind) (n int, err error) {
	err = x.one(&n, `SELECT coalesce(max(n), 0) FROM pool_validations WHERE lab_id = $1 AND kit_key = $2 AND kind = $3 AND ended_at IS NULL`,
		lab, kit, string(kind))
	return n, err
}

// swabSizes refuses tubes of more swabs than the kit is validated for, where the rules in force ask for it.
func (x *tx) swabSizes(n NewPlate, samples []int64) error {
	var wide []struct {
		Barcode string `db:"barcode"`
		Persons int    `db:"persons"`
	}
	if err := x.all(&wide, `SELECT barcode, coalesce(declared, 1) AS persons FROM samples WHERE id = ANY($1) AND declared > 1 ORDER BY barcode`,
		pq.Array(samples)); err != nil || len(wide) == 0 {
		return err
	}
	rules, err := x.poolRules(n.Lab)
	if err != nil || !rules.SwabValidated {
		return err
	}
	most, err := x.validated(n.Lab, n.Kit, pooling.Swab)
	if err != nil {
		return err
	}
	var over []string
	for _, w := range wide {
		if w.Persons > most {
			over = append(over, w.Barcode)
		}
	}
	if over != nil {
		return lims.E(lims.Denied, "pool.unvalidated", lims.Args{"kit": n.Kit, "max": most, "barcodes": over})
	}
	return nil
}

// AllowPooling lets orders share a tube in spite of their category: a supervisor's decision, with a reason.
func (s *Store) AllowPooling(ctx context.Context, by lims.Actor, department int64, clients []string, reason string) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	if len(clients) == 0 || len(clients) > 500 {
		return lims.E(lims.Invalid, "orders.count", lims.Args{"max": 500, "got": len(clients)})
	}
	return s.do(ctx, by, func(x *tx) error {
		var rows []struct {
			ID     int64  `db:"id"`
			Client string `db:"client_id"`
		}
		if err := x.all(&rows, `SELECT id, client_id FROM orders WHERE department_id = $1 AND client_id = ANY($2) AND state IN ('open','waiting') ORDER BY id`,
			department, pq.Array(clients)); err != nil {
			return err
		}
		found, ids := make([]string, len(rows)), make([]int64, len(rows))
		for i, r := range rows {
			found[i], ids[i] = r.Client, r.ID
		}
		if gone := without(clients, found); gone != nil {
			return lims.E(lims.NotFound, "order.unknown", lims.Args{"orders": gone})
		}
		x.noteAll("allow_pooling", "order", ids, map[string]any{"reason": reason})
		return x.exec(`INSERT INTO pool_grants (order_id, by_id, at, reason) SELECT unnest($1::bigint[]), $2, $3, $4
			ON CONFLICT (order_id) DO NOTHING`, pq.Array(ids), by.ID, x.now, reason)
	})
}

// GrantRow is an order that may share a tube in spite of its category.
type GrantRow struct {
	ClientID string    `db:"client_id"`
	Category string    `db:"category"`
	By       string    `db:"by"`
	At       time.Time `db:"at"`
	Reason   string    `db:"reason"`
}

// Grants lists the newest of them.
func (s *Store) Grants(ctx context.Context) ([]GrantRow, error) {
	return list[GrantRow](ctx, s, `SELECT o.client_id, o.category, a.name AS by, g.at, g.reason FROM pool_grants g JOIN orders o ON o.id = g.order_id
		JOIN actors a ON a.id = g.by_id ORDER BY g.at DESC, g.order_id LIMIT 50`)
}

// CollectionPolicy is which modes of collection each category may use now, beside single tubes.
func (s *Store) CollectionPolicy(ctx context.Context) (p lims.Policy, err error) {
	err = s.do(ctx, lims.Actor{}, func(x *tx) error {
		p, err = x.policy()
		return err
	})
	return p, err
}
