package store

import (
	"context"
	"strings"

	"github.com/lib/pq"

	"natlims/lims"
)

// agreed refuses to sign what two kits do not agree on: a discordant pair is never signed, and what is held because of two
// kits is for a supervisor.
func agreed(by lims.Actor, rows []signable) error {
	for _, r := range rows {
		switch {
		case r.Call == lims.Discordant:
			return lims.E(lims.Denied, "parallel.discordant", nil)
		case r.State == lims.Held && strings.HasPrefix(r.Reason, "parallel.") && !by.Has(lims.Supervisor):
			return lims.E(lims.Denied, "role.needed", lims.Args{"roles": []lims.Role{lims.Supervisor}})
		}
	}
	return nil
}

// Way is how a pair of kits that does not agree goes on.
type Way string

// The ways (domain 5.4).
const (
	Reextract Way = "reextract"        // both kits again, from the tube
	ThirdKit  Way = "retest_other_kit" // a third kit decides
	Resample  Way = "resample"         // the person is collected again; until then the result is "under verification"
)

// Onward says how a pair goes on.
type Onward struct {
	Way    Way
	Kit    string // of ThirdKit
	Reason string
}

// Resolve ends held results of two kits that do not agree. They are withdrawn and never released; what follows is one of the ways.
func (s *Store) Resolve(ctx context.Context, by lims.Actor, ids []int64, o Onward) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if o.Reason = strings.TrimSpace(o.Reason); o.Reason == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	if o.Way != Reextract && o.Way != ThirdKit && o.Way != Resample {
		return lims.E(lims.Invalid, "parallel.way", lims.Args{"got": string(o.Way)})
	}
	return s.do(ctx, by, func(x *tx) error {
		rows, err := x.signables(ids)
		if err != nil {
			return err
		}
		samples := make([]int64, len(rows))
		for i, r := range rows {
			samples[i] = r.Sample
		}
		samples = unique(samples)
		var paired int
		if err := x.one(&paired, `SELECT count(DISTINCT sample_id) FROM sample_arms WHERE sample_id = ANY($1)`, pq.Array(samples)); err != nil {
			return err
		}
		if paired != len(samples) {
			return lims.E(lims.Invalid, "parallel.none", nil)
		}
		if err := x.move(lims.ResultMoves, "results", "withdraw", ids, `, reason = $4, ended_at = $5`, o.Reason, x.now); err != nil {
			return err
		}
		x.noteAll("withdraw", "result", ids, map[string]any{"reason": o.Reason, "way": string(o.Way)})
		if err := x.doneSteps(samples); err != nil {
			return err
		}
		return x.onward(samples, rows, o)
	})
}

func (x *tx) onward(samples []int64, rows []signable, o Onward) error {
	switch o.Way {
	case ThirdKit:
		if err := x.usable(o.Kit); err != nil {
			return err
		}
		n, err := x.count(`INSERT INTO sample_arms (sample_id, arm, kit_key, lab_id, why, asked_by, asked_at)
			SELECT id, 'C', $2, lab_id, 'third_kit', $3, $4 FROM samples WHERE id = ANY($1)
				AND id NOT IN (SELECT sample_id FROM sample_arms WHERE sample_id = ANY($1) AND (kit_key = $2 OR arm = 'C'))`,
			pq.Array(samples), o.Kit, x.actor.ID, x.now)
		if err == nil && n != len(samples) {
			err = lims.E(lims.Conflict, "arm.third", lims.Args{"kit": o.Kit})
		}
		if err != nil {
			return err
		}
		if err := x.foundArms(samples); err != nil {
			return err
		}
		return x.placeByArms(samples)
	case Resample:
		return x.sayAgain(rows)
	}
	_, err := x.backToBench(samples)
	return err
}

// sayAgain says "under verification" of the orders of withdrawn results, which asks for a new collection once it is signed.
func (x *tx) sayAgain(rows []signable) error {
	by := map[int64]*said{}
	var order []int64
	for _, r := range rows {
		if by[r.Sample] == nil {
			by[r.Sample] = &said{tube: tube{ID: r.Sample, Department: r.Department}, outcome: lims.Outcome{Result: lims.PendingReview}}
			order = append(order, r.Sample)
		}
		by[r.Sample].tube.Orders = append(by[r.Sample].tube.Orders, r.Order)
	}
	all := make([]said, len(order))
	for i, id := range order {
		all[i] = *by[id]
	}
	return x.insertResults(0, rows[0].Lab, all)
}
