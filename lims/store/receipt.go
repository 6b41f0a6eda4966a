package store

import (
	"context"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// Box is a shipment as the sender packed it.
type Box struct {
	Code       string
	Department int64
	Lab        int64
	Barcodes   []string
	At         time.Time // T2; zero means now
}

// MaxBox is the largest number of tubes in one box.
const MaxBox = 2_000

// Dispatch sends a box off with its manifest. Tubes that are unknown, of another department or already sent are named.
func (s *Store) Dispatch(ctx context.Context, by lims.Actor, b Box) (id int64, err error) {
	if err := forDepartment(by, b.Department); err != nil {
		return 0, err
	}
	b.Code = strings.TrimSpace(b.Code)
	if b.Code == "" || len(b.Barcodes) == 0 || len(b.Barcodes) > MaxBox {
		return 0, lims.E(lims.Invalid, "box.empty", lims.Args{"box": b.Code, "max": MaxBox})
	}
	err = s.do(ctx, by, func(x *tx) error {
		if b.At.IsZero() {
			b.At = x.now
		}
		var there bool
		if err := x.one(&there, `SELECT EXISTS (SELECT FROM shipments WHERE code = $1)`, b.Code); err != nil {
			return err
		}
		if there {
			return lims.E(lims.Conflict, "box.taken", lims.Args{"box": b.Code})
		}
		if err := x.one(&id, `INSERT INTO shipments (code, department_id, lab_id, sent_by, dispatched_at) VALUES ($1,$2,$3,$4,$5) RETURNING id`,
			b.Code, b.Department, b.Lab, by.ID, b.At); err != nil {
			return err
		}
		var packed []string
		if err := x.all(&packed, `UPDATE samples SET shipment_id = $1, lab_id = $2
			WHERE barcode = ANY($3) AND department_id = $4 AND state = 'collected' AND shipment_id IS NULL RETURNING barcode`,
			id, b.Lab, pq.Array(b.Barcodes), b.Department); err != nil {
			return err
		}
		if wrong := without(b.Barcodes, packed); wrong != nil {
			return lims.E(lims.Conflict, "box.wrong_tubes", lims.Args{"barcodes": wrong})
		}
		x.note("dispatch", "shipment", id, map[string]any{"tubes": len(packed)})
		return x.exec(`UPDATE orders SET lab_id = $2 WHERE sample_id IN (SELECT id FROM samples WHERE shipment_id = $1)`, id, b.Lab)
	})
	return id, err
}

// without lists what of all is not in some, in all's order.
func without(all, some []string) (rest []string) {
	in := make(map[string]bool, len(some))
	for _, v := range some {
		in[v] = true
	}
	for _, v := range all {
		if !in[v] {
			rest = append(rest, v)
		}
	}
	return rest
}

// Scanned is what a scan at receipt turned out to be.
type Scanned struct {
	Barcode string
	Outcome string // received, extra (received, but not on this box's list), twice, unknown, rejected, elsewhere, future
	Persons int
}

type scanRow struct {
	ID        int64      `db:"id"`
	Barcode   string     `db:"barcode"`
	State     lims.State `db:"state"`
	Declared  int        `db:"declared"`
	Collected time.Time  `db:"collected_at"`
	InBox     bool       `db:"in_box"`
	Twin      bool       `db:"received"`
}

// Scan receives tubes out of a box, starting their clock B. Each barcode has its own outcome; unknown and extra tubes become
// exceptions that a person must close. The same tube again is said to be so and changes nothing.
func (s *Store) Scan(ctx context.Context, by lims.Actor, box string, barcodes []string) (out []Scanned, err error) {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return nil, err
	}
	if len(barcodes) == 0 || len(barcodes) > MaxBox {
		return nil, lims.E(lims.Invalid, "scan.count", lims.Args{"max": MaxBox})
	}
	for i := range barcodes {
		barcodes[i] = strings.TrimSpace(barcodes[i])
	}
	err = s.do(ctx, by, func(x *tx) error {
		out = nil
		b, err := x.openBox(box)
		if err != nil {
			return err
		}
		var rows []scanRow
		if err := x.all(&rows, `SELECT id, barcode, state, coalesce(declared, 1) AS declared, coalesce(collected_at, $3::timestamptz) AS collected_at,
				shipment_id IS NOT DISTINCT FROM $2 AS in_box, received_at IS NOT NULL AND state <> 'collected' AS received
			FROM samples WHERE barcode = ANY($1) ORDER BY id FOR UPDATE`, pq.Array(barcodes), b.ID, x.now); err != nil {
			return err
		}
		byCode := make(map[string]*scanRow, len(rows))
		for i := range rows {
			byCode[rows[i].Barcode] = &rows[i]
		}
		var take []int64
		var odd, kinds []string
		for _, code := range barcodes {
			r := byCode[code]
			sc := Scanned{Barcode: code, Outcome: outcome(r, x.now)}
			if r != nil {
				sc.Persons = r.Declared
			}
			switch sc.Outcome {
			case "received", "extra":
				take = append(take, r.ID)
				r.Twin = true // a second scan in this call is "twice"
			}
			if sc.Outcome == "unknown" || sc.Outcome == "extra" {
				odd, kinds = append(odd, code), append(kinds, sc.Outcome)
			}
			out = append(out, sc)
		}
		if err := x.receive(b.Lab, take); err != nil {
			return err
		}
		return x.except(b.Lab, b.ID, odd, kinds)
	})
	return out, err
}

func outcome(r *scanRow, now time.Time) string {
	switch {
	case r == nil:
		return "unknown"
	case r.Twin:
		return "twice"
	case r.State == lims.Rejected || r.State == lims.Discarded:
		return "rejected"
	case r.State != lims.Collected:
		return "elsewhere"
	case r.Collected.After(now):
		return "future"
	case !r.InBox:
		return "extra"
	}
	return "received"
}

type openedBox struct {
	ID     int64      `db:"id"`
	Lab    int64      `db:"lab_id"`
	Opened *time.Time `db:"opened_at"`
	Closed *time.Time `db:"closed_at"`
}

func (x *tx) openBox(code string) (b openedBox, err error) {
	err = x.one(&b, `SELECT id, lab_id, opened_at, closed_at FROM shipments WHERE code = $1 FOR UPDATE`, strings.TrimSpace(code))
	switch {
	case missing(err):
		return b, lims.E(lims.NotFound, "box.unknown", lims.Args{"box": code})
	case err != nil:
		return b, err
	case b.Closed != nil:
		return b, lims.E(lims.Conflict, "box.closed", lims.Args{"box": code})
	}
	if err := inLab(x.actor, b.Lab); err != nil {
		return b, err
	}
	if b.Opened == nil {
		x.note("open", "shipment", b.ID, nil)
		err = x.exec(`UPDATE shipments SET opened_at = $2, received_by = $3 WHERE id = $1`, b.ID, x.now, x.actor.ID)
	}
	return b, err
}

// startClock starts clock B of the orders in tubes. The clock of a person whose first tube was rejected or unclear goes on from the
// first receipt.
func (x *tx) startClock(lab int64, samples []int64) error {
	return x.exec(`UPDATE orders SET lab_id = $2, received_at = coalesce(received_at, $3),
			due_at = coalesce(due_at, $3 + make_interval(mins => limit_b))
		WHERE sample_id = ANY($1)`, pq.Array(samples), lab, x.now)
}

func (x *tx) receive(lab int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if err := x.startClock(lab, ids); err != nil {
		return err
	}
	if err := x.move(lims.SampleMoves, "samples", "receive", ids, `, received_at = coalesce(received_at, $4), lab_id = $5,
		due_at = (SELECT min(o.due_at) FROM orders o WHERE o.sample_id = samples.id)`, x.now, lab); err != nil {
		return err
	}
	x.noteAll("receive", "sample", ids, nil)
	return nil
}

// except puts exceptions on record, each once for a box.
func (x *tx) except(lab, shipment int64, barcodes, kinds []string) error {
	if len(barcodes) == 0 {
		return nil
	}
	return x.exec(`INSERT INTO exceptions (lab_id, shipment_id, barcode, kind, at, actor_id)
		SELECT $1, $2, b, k, $5, $6 FROM unnest($3::text[], $4::text[]) AS t (b, k) ON CONFLICT DO NOTHING`,
		lab, shipment, pq.Array(barcodes), pq.Array(kinds), x.now, x.actor.ID)
}

// CloseBox ends the receipt of a box and says which tubes of its manifest did not come.
func (s *Store) CloseBox(ctx context.Context, by lims.Actor, box string) (gone []string, err error) {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return nil, err
	}
	err = s.do(ctx, by, func(x *tx) error {
		gone = nil
		b, err := x.openBox(box)
		if err != nil {
			return err
		}
		if err := x.all(&gone, `SELECT barcode FROM samples WHERE shipment_id = $1 AND state = 'collected' ORDER BY barcode`, b.ID); err != nil {
			return err
		}
		kinds := make([]string, len(gone))
		for i := range kinds {
			kinds[i] = "missing"
		}
		if err := x.except(b.Lab, b.ID, gone, kinds); err != nil {
			return err
		}
		x.note("close", "shipment", b.ID, map[string]any{"missing": len(gone)})
		return x.exec(`UPDATE shipments SET closed_at = $2 WHERE id = $1`, b.ID, x.now)
	})
	return gone, err
}

// CloseException ends an exception with a note of what was done.
func (s *Store) CloseException(ctx context.Context, by lims.Actor, id int64, note string) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	if strings.TrimSpace(note) == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.do(ctx, by, func(x *tx) error {
		var lab int64
		err := x.one(&lab, `UPDATE exceptions SET closed_at = $2, closed_by = $3, note = $4 WHERE id = $1 AND closed_at IS NULL RETURNING lab_id`,
			id, x.now, by.ID, note)
		if missing(err) {
			return lims.E(lims.Conflict, "exception.closed", nil)
		}
		if err != nil {
			return err
		}
		x.note("close", "exception", id, nil)
		return inLab(by, lab)
	})
}
