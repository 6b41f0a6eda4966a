package store

import (
	"context"
	"strings"

	"github.com/lib/pq"

	"natlims/lims"
)

// MaxSign is the largest number of results that one signature covers.
const MaxSign = 10_000

type signable struct {
	ID         int64      `db:"id"`
	Order      int64      `db:"order_id"`
	Sample     int64      `db:"sample_id"`
	Department int64      `db:"department_id"`
	Lab        int64      `db:"lab_id"`
	Call       string     `db:"call"`
	State      lims.State `db:"state"`
	OrderState lims.State `db:"order_state"`
	Moved      bool       `db:"moved"` // the order has another tube already: it was recalled before this result was signed
	CheckedBy  *int64     `db:"checked_by"`
	Reason     string     `db:"reason"`
}

// signables locks results, and their orders and samples, in id order.
func (x *tx) signables(ids []int64) ([]signable, error) {
	if len(ids) == 0 || len(ids) > MaxSign {
		return nil, lims.E(lims.Invalid, "results.count", lims.Args{"max": MaxSign, "got": len(ids)})
	}
	var rows []signable
	if err := x.all(&rows, `SELECT r.id, r.order_id, r.sample_id, r.department_id, r.lab_id, r.call, r.state, o.state AS order_state, o.sample_id <> r.sample_id AS moved, r.checked_by, r.reason
		FROM results r JOIN orders o ON o.id = r.order_id WHERE r.id = ANY($1) ORDER BY r.id FOR UPDATE OF r, o`, pq.Array(ids)); err != nil {
		return nil, err
	}
	for _, r := range rows {
		if err := inLab(x.actor, r.Lab); err != nil {
			return nil, err
		}
	}
	if len(rows) == 0 {
		return nil, lims.E(lims.NotFound, "not_found", nil)
	}
	return rows, nil
}

// Check is the first signature 检测者. Results that a person must decide (held) are checked by a supervisor or checker who gives
// their reason by holding or by this signature.
func (s *Store) Check(ctx context.Context, by lims.Actor, ids []int64) error {
	if err := need(by, lims.Checker, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		rows, err := x.signables(ids)
		if err == nil {
			err = agreed(by, rows)
		}
		if err != nil {
			return err
		}
		x.noteAll("check", "result", ids, nil)
		return x.move(lims.ResultMoves, "results", "check", ids, `, checked_by = $4, checked_at = $5`, by.ID, x.now)
	})
}

// Release is the second signature 审核者, by another person than the first. It ends the order (or asks for a new collection where
// the result is not final) and puts the results into the outbox in the same transaction.
func (s *Store) Release(ctx context.Context, by lims.Actor, ids []int64) error {
	if err := need(by, lims.Releaser, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		rows, err := x.signables(ids)
		if err != nil {
			return err
		}
		var own []int64
		for _, r := range rows {
			if r.CheckedBy != nil && *r.CheckedBy == by.ID {
				own = append(own, r.ID)
			}
		}
		if own != nil {
			return lims.E(lims.Denied, "release.same_person", lims.Args{"results": len(own)})
		}
		if err := x.inControl(ids); err != nil {
			return err
		}
		return x.release(ids, rows)
	})
}

// releaseLock makes cursors become visible in their own order: releases commit one after the other.
const releaseLock = 0x6e61746c

func (x *tx) release(ids []int64, rows []signable) error {
	var orders, final, again, amended, samples []int64
	for _, r := range rows {
		orders, samples = append(orders, r.Order), append(samples, r.Sample)
		switch {
		case r.OrderState == lims.Final && lims.Closes(r.Call):
			amended = append(amended, r.Order)
		case lims.Closes(r.Call):
			final = append(final, r.Order)
		case r.Moved:
		default:
			again = append(again, r.Order)
		}
	}
	var old []int64
	if err := x.all(&old, `UPDATE results SET state = 'superseded', ended_at = $2 WHERE order_id = ANY($1) AND state = 'released' RETURNING id`,
		pq.Array(orders), x.now); err != nil {
		return err
	}
	x.noteAll("supersede", "result", old, nil)
	if err := x.exec(`SELECT pg_advisory_xact_lock($1)`, releaseLock); err != nil {
		return err
	}
	if err := x.move(lims.ResultMoves, "results", "release", ids, `, released_by = $4, released_at = $5, cursor = nextval('results_cursor')`,
		x.actor.ID, x.now); err != nil {
		return err
	}
	if err := x.move(lims.OrderMoves, "orders", "release", final, `, released_at = coalesce(released_at, $4)`, x.now); err != nil {
		return err
	}
	if err := x.move(lims.OrderMoves, "orders", "recollect", again, ``); err != nil {
		return err
	}
	if err := x.move(lims.OrderMoves, "orders", "amend", amended, ``); err != nil {
		return err
	}
	x.noteAll("release", "result", ids, nil)
	x.noteAll("release", "order", final, nil)
	x.noteAll("recollect", "order", again, nil)
	x.noteAll("amend", "order", amended, nil)
	if err := x.amended(ids); err != nil {
		return err
	}
	if err := x.closeSamples(samples); err != nil {
		return err
	}
	if err := x.exec(`UPDATE notices SET ended_at = $2, ended_by = 'signed' WHERE kind = 'recall' AND ended_at IS NULL AND sample_id IN (
			SELECT sample_id FROM results WHERE id = ANY($1) AND call = 'pending_review')`, pq.Array(ids), x.now); err != nil {
		return err
	}
	return x.enqueue(ids)
}

// unsigned finds the read tubes among $1 of which no result waits for a signature. NOT IN is looked up once for all tubes; an
// EXISTS for each tube was forty times slower while the planner had no statistics yet.
const unsigned = `SELECT id FROM samples WHERE id = ANY($1) AND state = 'read'
	AND id NOT IN (SELECT sample_id FROM results WHERE sample_id = ANY($1) AND state IN ('called','held','checked')) ORDER BY id FOR UPDATE`

// closeSamples ends tubes whose last open result has been released.
func (x *tx) closeSamples(ids []int64) error {
	var done []int64
	if err := x.all(&done, unsigned, pq.Array(unique(ids))); err != nil {
		return err
	}
	x.noteAll("close", "sample", done, nil)
	if err := x.doneSteps(done); err != nil {
		return err
	}
	if err := x.move(lims.SampleMoves, "samples", "close", done, ""); err != nil {
		return err
	}
	return x.closePools(ids)
}

// enqueue is the outbox: one delivery for each destination of each department, written in the transaction of the release. Results that
// replace others go by themselves, as corrections.
func (x *tx) enqueue(results []int64) error {
	var deliveries []string
	if err := x.all(&deliveries, `WITH part AS (
			SELECT gen_random_uuid() AS id, d.id AS destination_id, r.department_id, r.lab_id,
				bool_or(r.call <> 'negative') AS positive, m.new_id IS NOT NULL AS correction, count(*) AS n, array_agg(r.id ORDER BY r.id) AS ids
			FROM results r JOIN destinations d ON d.department_id = r.department_id AND d.active
			LEFT JOIN amended_results m ON m.new_id = r.id
			WHERE r.id = ANY($1) GROUP BY d.id, r.department_id, r.lab_id, m.new_id IS NOT NULL
		), sent AS (
			INSERT INTO deliveries (id, destination_id, department_id, lab_id, positive, correction, results, queued_at, next_at)
			SELECT id, destination_id, department_id, lab_id, positive, correction, n, $2, $2 FROM part
		), lines AS (
			INSERT INTO delivery_results (delivery_id, result_id) SELECT id, unnest(ids) FROM part
		)
		SELECT id FROM part`, pq.Array(results), x.now); err != nil {
		return err
	}
	if len(deliveries) == 0 {
		return nil
	}
	return x.exec(`SELECT pg_notify($1, '')`, NotifyDeliveries)
}

// Hold keeps results back, with a reason.
func (s *Store) Hold(ctx context.Context, by lims.Actor, ids []int64, reason string) error {
	return s.setAside(ctx, by, "hold", setAside{ids, reason, `, reason = $4`})
}

// Withdraw takes results back before release, with a reason; their tubes want another test.
func (s *Store) Withdraw(ctx context.Context, by lims.Actor, ids []int64, reason string) error {
	return s.setAside(ctx, by, "withdraw", setAside{ids, reason, `, reason = $4, ended_at = $5`})
}

type setAside struct {
	ids    []int64
	reason string
	set    string
}

func (s *Store) setAside(ctx context.Context, by lims.Actor, e lims.Event, o setAside) error {
	if err := need(by, lims.Checker, lims.Releaser, lims.Supervisor); err != nil {
		return err
	}
	if o.reason = strings.TrimSpace(o.reason); o.reason == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.do(ctx, by, func(x *tx) error {
		rows, err := x.signables(o.ids)
		if err != nil {
			return err
		}
		args := []any{o.reason}
		if e == "withdraw" {
			args = append(args, x.now)
			for _, r := range rows {
				if r.Call == lims.RejectedResult { // the tube is gone: only signing it brings a new one
					return lims.E(lims.Conflict, "withdraw.rejected", nil)
				}
			}
		}
		if err := x.move(lims.ResultMoves, "results", e, o.ids, o.set, args...); err != nil {
			return err
		}
		x.noteAll(string(e), "result", o.ids, map[string]any{"reason": o.reason})
		if e != "withdraw" {
			return nil
		}
		if err := x.annul(o.ids); err != nil {
			return err
		}
		return x.retest(rows)
	})
}

// retest sends the tubes of withdrawn results back to the bench once none of their results is open.
func (x *tx) retest(rows []signable) error {
	var samples []int64
	for _, r := range rows {
		samples = append(samples, r.Sample)
	}
	_, err := x.backToBench(samples)
	return err
}

// RejectReasons are the codes for refusing a tube at receipt (domain 1.4).
var RejectReasons = []string{"leaking", "label", "unregistered", "count_mismatch", "wrong_tube", "volume", "swabs", "time", "temperature",
	"packaging", "no_order", "not_observed"}

// RejectSample refuses a tube. It is never dropped silently: its orders get a result "rejected" that is signed and sent like any
// other and asks for a new collection.
func (s *Store) RejectSample(ctx context.Context, by lims.Actor, barcode, reason string) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	if without([]string{reason}, RejectReasons) != nil {
		return lims.E(lims.Invalid, "sample.reject_reason", lims.Args{"got": reason})
	}
	return s.do(ctx, by, func(x *tx) error {
		var row struct {
			ID       int64  `db:"id"`
			Lab      *int64 `db:"lab_id"`
			Shipment *int64 `db:"shipment_id"`
		}
		err := x.one(&row, `SELECT id, lab_id, shipment_id FROM samples WHERE barcode = $1 FOR UPDATE`, strings.TrimSpace(barcode))
		if missing(err) || err == nil && row.Lab == nil {
			return lims.E(lims.NotFound, "sample.unknown", lims.Args{"barcodes": []string{barcode}})
		}
		if err == nil {
			err = inLab(by, *row.Lab)
		}
		if err != nil {
			return err
		}
		if err := x.move(lims.SampleMoves, "samples", "reject", []int64{row.ID}, `, rejected_at = $4, reject_reason = $5`, x.now, reason); err != nil {
			return err
		}
		x.note("reject", "sample", row.ID, map[string]any{"reason": reason})
		if err := x.startClock(*row.Lab, []int64{row.ID}); err != nil { // refused at receipt is received: the people's clock begins
			return err
		}
		if err := x.exec(`INSERT INTO exceptions (lab_id, shipment_id, barcode, kind, note, at, actor_id) VALUES ($1,$2,$3,'rejected',$4,$5,$6)
			ON CONFLICT DO NOTHING`, *row.Lab, row.Shipment, barcode, reason, x.now, by.ID); err != nil {
			return err
		}
		var t tube
		if err := x.one(&t, `SELECT s.id, s.barcode, s.state, s.department_id, coalesce(s.declared, 1) AS persons,
				ARRAY(SELECT o.id FROM orders o WHERE o.sample_id = s.id AND o.state = 'open' ORDER BY o.id) AS orders
			FROM samples s WHERE s.id = $1`, row.ID); err != nil {
			return err
		}
		return x.insertResults(0, *row.Lab, []said{{tube: t, outcome: lims.Outcome{Result: lims.RejectedResult}}})
	})
}
