package store

import (
	"context"
	"strings"

	"github.com/lib/pq"

	"natlims/lims"
)

// A released result that is wrong is never changed. Rules (ISO 15189 7.4.1.8, domain 1.12): a supervisor opens an amendment with a
// coded reason and words; the corrected result rests on another call of a run, or on a record that a person names; two people sign it
// like any other; with the second signature it supersedes the old one, which stays readable, and the department is told at once.

// AmendReasons are the codes of why a released result is wrong.
var AmendReasons = []string{"misread", "transcription", "identity", "contamination", "control", "kit", "retest", "other"}

// MaxReason is the longest reason and the longest evidence in characters.
const MaxReason = 500

// NewAmendment says which released results of one tube are wrong, and why.
type NewAmendment struct {
	Results []int64
	Code    string // of AmendReasons
	Reason  string // stands on the corrected report: no name, no document number
}

// OpenAmendment begins the correction of released results of one tube that say the same.
func (s *Store) OpenAmendment(ctx context.Context, by lims.Actor, n NewAmendment) (id int64, err error) {
	if err := need(by, lims.Supervisor); err != nil {
		return 0, err
	}
	if n.Reason, err = worded(n.Reason); err != nil {
		return 0, err
	}
	if without([]string{n.Code}, AmendReasons) != nil {
		return 0, lims.E(lims.Invalid, "amend.code", lims.Args{"got": n.Code, "expected": AmendReasons})
	}
	err = s.do(ctx, by, func(x *tx) error {
		rows, err := x.signables(n.Results)
		if err != nil {
			return err
		}
		if err := x.amendable(rows); err != nil {
			return err
		}
		ids := make([]int64, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		if err := x.one(&id, `INSERT INTO amendments (lab_id, sample_id, code, reason, opened_by, opened_at) VALUES ($1,$2,$3,$4,$5,$6) RETURNING id`,
			rows[0].Lab, rows[0].Sample, n.Code, n.Reason, by.ID, x.now); err != nil {
			return err
		}
		x.note("doubt", "amendment", id, map[string]any{"code": n.Code, "results": len(ids)})
		x.noteAll("doubt", "result", ids, map[string]any{"amendment": id, "code": n.Code})
		return x.exec(`INSERT INTO amended_results (amendment_id, result_id, order_id, subject_id)
			SELECT $1, r.id, o.id, o.subject_id FROM results r JOIN orders o ON o.id = r.order_id WHERE r.id = ANY($2)`, id, pq.Array(ids))
	})
	return id, err
}

// worded trims a reason and refuses an empty or endless one.
func worded(text string) (string, error) {
	text = strings.TrimSpace(text)
	switch n := len([]rune(text)); {
	case n == 0:
		return "", lims.E(lims.Invalid, "reason.needed", nil)
	case n > MaxReason || strings.ContainsRune(text, 0):
		return "", lims.E(lims.Invalid, "amend.too_long", lims.Args{"max": MaxReason})
	}
	return text, nil
}

// amendable refuses results that are not released and final, those of several tubes, and those that somebody else is amending.
func (x *tx) amendable(rows []signable) error {
	var orders []int64
	for _, r := range rows {
		switch {
		case r.State != lims.Released || r.OrderState != lims.Final:
			return lims.E(lims.Conflict, "amend.not_final", lims.Args{"result": r.ID, "state": string(r.State)})
		case r.Sample != rows[0].Sample || r.Call != rows[0].Call:
			return lims.E(lims.Invalid, "amend.one_tube", nil)
		}
		orders = append(orders, r.Order)
	}
	var open []int64
	if err := x.all(&open, `SELECT DISTINCT amendment_id FROM amended_results WHERE open AND order_id = ANY($1) ORDER BY 1`, pq.Array(orders)); err != nil {
		return err
	}
	if len(open) > 0 {
		return lims.E(lims.Conflict, "amend.open", lims.Args{"amendment": open[0]})
	}
	return nil
}

// amending is an open amendment, locked, with what its corrected result is made from.
type amending struct {
	ID      int64         `db:"id"`
	Lab     int64         `db:"lab_id"`
	Sample  int64         `db:"sample_id"`
	Barcode string        `db:"barcode"`
	State   lims.State    `db:"sample_state"`
	Code    string        `db:"code"`
	Reason  string        `db:"reason"`
	Outcome string        `db:"outcome"`
	Persons int           `db:"persons"`
	Dep     int64         `db:"department_id"`
	Call    string        `db:"old_call"`
	Run     int64         `db:"old_run"`
	Orders  pq.Int64Array `db:"orders"`
	Arms    bool          `db:"arms"`
}

// amending locks an open amendment of the supervisor's laboratory.
func (x *tx) amending(id int64) (a amending, err error) {
	err = x.one(&a, `SELECT a.id, a.lab_id, a.sample_id, s.barcode, s.state AS sample_state, a.code, a.reason, a.outcome, s.department_id,
			greatest(coalesce(s.declared, 1), (SELECT count(*) FROM contents c WHERE c.sample_id = s.id)) AS persons,
			(SELECT r.call FROM amended_results m JOIN results r ON r.id = m.result_id WHERE m.amendment_id = a.id LIMIT 1) AS old_call,
			(SELECT coalesce(r.run_id, 0) FROM amended_results m JOIN results r ON r.id = m.result_id WHERE m.amendment_id = a.id LIMIT 1) AS old_run,
			ARRAY(SELECT order_id FROM amended_results m WHERE m.amendment_id = a.id ORDER BY 1) AS orders,
			EXISTS (SELECT FROM sample_arms m WHERE m.sample_id = s.id) AS arms
		FROM amendments a JOIN samples s ON s.id = a.sample_id WHERE a.id = $1 FOR UPDATE OF a, s`, id)
	if missing(err) {
		return a, lims.E(lims.NotFound, "not_found", nil)
	}
	if err == nil {
		err = inLab(x.actor, a.Lab)
	}
	if err == nil && a.Outcome != "" {
		err = lims.E(lims.Conflict, "amend.ended", lims.Args{"outcome": a.Outcome})
	}
	if err != nil {
		return a, err
	}
	var waiting int
	err = x.one(&waiting, `SELECT count(*) FROM results WHERE order_id = ANY($1) AND state IN ('called','held','checked')`, a.Orders)
	if err == nil && waiting > 0 {
		err = lims.E(lims.Conflict, "amend.called", lims.Args{"n": waiting})
	}
	return a, err
}

// RetestAmended sends the tube of an amendment back to the bench; what its next run says may be the corrected result.
func (s *Store) RetestAmended(ctx context.Context, by lims.Actor, id int64) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		a, err := x.amending(id)
		if err != nil {
			return err
		}
		if a.Arms {
			return lims.E(lims.Conflict, "amend.pair", lims.Args{"barcode": a.Barcode})
		}
		x.note("reopen", "amendment", id, nil)
		x.note("reopen", "sample", a.Sample, map[string]any{"amendment": id})
		return x.move(lims.SampleMoves, "samples", "reopen", []int64{a.Sample}, "")
	})
}

// DropAmendment ends an amendment without a corrected result: the released one stands.
func (s *Store) DropAmendment(ctx context.Context, by lims.Actor, id int64, reason string) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	reason, err := worded(reason)
	if err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		a, err := x.amending(id)
		if err != nil {
			return err
		}
		if a.State == lims.Received || a.State == lims.Loaded {
			return lims.E(lims.Conflict, "amend.at_bench", lims.Args{"barcode": a.Barcode})
		}
		if err := x.exec(`UPDATE amendments SET outcome = 'dropped', ended_by = $2, ended_at = $3, end_reason = $4 WHERE id = $1`, id, by.ID, x.now, reason); err != nil {
			return err
		}
		x.note("drop", "amendment", id, map[string]any{"reason": reason})
		if err := x.exec(`UPDATE amended_results SET open = false WHERE amendment_id = $1`, id); err != nil {
			return err
		}
		return x.closeSamples([]int64{a.Sample})
	})
}

// amended ends the amendments whose corrected results are now released: all results of an amendment together, or none.
func (x *tx) amended(ids []int64) error {
	var done []int64
	if err := x.all(&done, `SELECT DISTINCT amendment_id FROM amended_results WHERE open AND new_id = ANY($1) ORDER BY 1`, pq.Array(ids)); err != nil || len(done) == 0 {
		return err
	}
	var left int
	if err := x.one(&left, `SELECT count(*) FROM amended_results WHERE amendment_id = ANY($1) AND (new_id IS NULL OR new_id <> ALL($2))`, pq.Array(done), pq.Array(ids)); err != nil {
		return err
	}
	if left > 0 {
		return lims.E(lims.Conflict, "amend.together", lims.Args{"n": left})
	}
	if err := x.exec(`UPDATE orders o SET subject_id = a.subject_id FROM amended_results m JOIN amendments a ON a.id = m.amendment_id
		WHERE a.id = ANY($1) AND a.subject_id IS NOT NULL AND o.id = m.order_id`, pq.Array(done)); err != nil {
		return err
	}
	if err := x.exec(`UPDATE amendments SET outcome = 'released', ended_by = $2, ended_at = $3 WHERE id = ANY($1)`, pq.Array(done), x.actor.ID, x.now); err != nil {
		return err
	}
	x.noteAll("release", "amendment", done, nil)
	return x.exec(`UPDATE amended_results SET open = false WHERE amendment_id = ANY($1)`, pq.Array(done))
}
