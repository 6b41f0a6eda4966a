package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/pooling"
)

// Forwarding: where a laboratory has no round left for the retained tubes of a pool and another can still be in time, the tubes go
// there in a box and are received by scan like any other. The rules:
//
//  1. A supervisor says so, with a reason. The pool stays with the laboratory that read it; its tubes and what is said of them
//     belong to the one that tests them.
//  2. The clock of the people goes on: neither their receipt nor their deadline changes.
//  3. Both laboratories see the pool, the box and its tubes.

// Partner is a laboratory that takes tubes over, and how long it takes from the dispatch to the second signature.
type Partner struct {
	Lab     int64     `db:"partner_id"`
	Name    Name      `db:"lab"`
	Minutes int       `db:"minutes"`
	SetBy   string    `db:"set_by"`
	SetAt   time.Time `db:"set_at"`
}

// InTime is the last moment at which tubes that are due then can be sent there.
func (p Partner) InTime(due time.Time) time.Time {
	return due.Add(-time.Duration(p.Minutes) * time.Minute)
}

// Partners lists who takes tubes of a laboratory over, the quickest first.
func (s *Store) Partners(ctx context.Context, lab int64) ([]Partner, error) {
	return list[Partner](ctx, s, `SELECT p.partner_id, l.name_zh AS "lab.name_zh", l.name_en AS "lab.name_en", p.minutes, a.name AS set_by, p.set_at
		FROM pool_partners p JOIN labs l ON l.id = p.partner_id JOIN actors a ON a.id = p.set_by WHERE p.lab_id = $1 ORDER BY p.minutes, p.partner_id`, lab)
}

// SetPartner says how long another laboratory takes; 0 minutes: it takes nothing over any more.
func (s *Store) SetPartner(ctx context.Context, by lims.Actor, lab, partner int64, minutes int) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if err := inLab(by, lab); err != nil {
		return err
	}
	if minutes < 0 || minutes > 1440 || lab == partner || partner == 0 {
		return lims.E(lims.Invalid, "forward.partner", lims.Args{"max": 1440})
	}
	return s.do(ctx, by, func(x *tx) error {
		x.note("partner", "lab", lab, map[string]any{"partner": partner, "minutes": minutes})
		if minutes == 0 {
			return x.exec(`DELETE FROM pool_partners WHERE lab_id = $1 AND partner_id = $2`, lab, partner)
		}
		return x.exec(`INSERT INTO pool_partners (lab_id, partner_id, minutes, set_by, set_at) VALUES ($1,$2,$3,$4,$5)
			ON CONFLICT (lab_id, partner_id) DO UPDATE SET minutes = $3, set_by = $4, set_at = $5`, lab, partner, minutes, by.ID, x.now)
	})
}

// quickest is how long the quickest partner takes; 0: there is none.
func (x *tx) quickest(lab int64) (time.Duration, error) {
	var minutes int
	err := x.one(&minutes, `SELECT coalesce(min(minutes), 0) FROM pool_partners WHERE lab_id = $1`, lab)
	return time.Duration(minutes) * time.Minute, err
}

// proposeForward puts the retained tubes of pools that another laboratory should test on the worklist.
func (x *tx) proposeForward(run int64, p Plate, pools []*readPool) error {
	var ids []int64
	var alerts []alert
	for _, r := range pools {
		if r.step.Do == pooling.Forward {
			ids = append(ids, r.ID)
			alerts = append(alerts, alert{kind: "late", key: "pool:forward:" + r.Code, lab: p.Lab, plate: p.ID, run: run,
				args: lims.Args{"case": "forward", "barcode": r.Code, "persons": r.Size, "plate": p.Code}})
		}
	}
	if ids == nil {
		return nil
	}
	var samples []int64
	if err := x.all(&samples, `SELECT id FROM samples WHERE retest_of = ANY($1) AND state = 'received' ORDER BY id`, pq.Array(ids)); err != nil {
		return err
	}
	var steps []step
	for _, id := range samples {
		steps = append(steps, step{id, "forward", "pool"})
	}
	if err := x.addSteps(run, p, steps); err != nil {
		return err
	}
	return x.raise(alerts)
}

// NewForward sends the retained tubes of a pool to another laboratory.
type NewForward struct {
	Pool   string
	To     int64
	Reason string
}

// ForwardPool packs the retained tubes of a pool that wait for a single test into a box for another laboratory; it gives the
// code of the box.
func (s *Store) ForwardPool(ctx context.Context, by lims.Actor, f NewForward) (box string, err error) {
	if err := need(by, lims.Supervisor); err != nil {
		return "", err
	}
	if f.Reason = strings.TrimSpace(f.Reason); f.Reason == "" {
		return "", lims.E(lims.Invalid, "reason.needed", nil)
	}
	err = s.do(ctx, by, func(x *tx) error {
		p, err := x.lockPool(f.Pool)
		if err != nil {
			return err
		}
		if f.To == p.Lab || f.To == 0 {
			return lims.E(lims.Invalid, "forward.lab", nil)
		}
		var tubes []int64
		if err := x.all(&tubes, `SELECT id FROM samples WHERE retest_of = $1 AND state = 'received' AND lab_id = $2
			AND id NOT IN (SELECT sample_id FROM sample_arms WHERE sample_id IN (SELECT id FROM samples WHERE retest_of = $1)) ORDER BY id FOR UPDATE`, p.ID, p.Lab); err != nil {
			return err
		}
		if len(tubes) == 0 {
			return lims.E(lims.Conflict, "forward.nothing", lims.Args{"pool": p.Code})
		}
		box, err = x.forward(p, f, tubes)
		return err
	})
	return box, err
}

func (x *tx) forward(p poolRow, f NewForward, tubes []int64) (box string, err error) {
	numbers, err := x.ids("shipments", 1)
	if err != nil {
		return "", err
	}
	box = fmt.Sprintf("FW-%06d", numbers[0])
	if err := x.exec(`INSERT INTO shipments (id, code, from_lab_id, lab_id, sent_by, dispatched_at) OVERRIDING SYSTEM VALUE VALUES ($1,$2,$3,$4,$5,$6)`,
		numbers[0], box, p.Lab, f.To, x.actor.ID, x.now); err != nil {
		return "", err
	}
	x.note("dispatch", "shipment", numbers[0], map[string]any{"tubes": len(tubes), "pool": p.Code})
	x.note("forward", "pool", p.ID, map[string]any{"box": box, "lab": f.To, "reason": f.Reason})
	x.noteAll("forward", "sample", tubes, map[string]any{"box": box})
	if err := x.move(lims.SampleMoves, "samples", "forward", tubes, `, first_shipment_id = coalesce(first_shipment_id, shipment_id), shipment_id = $4, lab_id = $5`,
		numbers[0], f.To); err != nil {
		return "", err
	}
	if err := x.exec(`UPDATE orders SET lab_id = $2 WHERE sample_id = ANY($1)`, pq.Array(tubes), f.To); err != nil {
		return "", err
	}
	if err := x.doneSteps(tubes); err != nil {
		return "", err
	}
	return box, x.exec(`INSERT INTO pool_forwards (pool_id, shipment_id, from_lab, to_lab, samples, reason, by_id, at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
		p.ID, numbers[0], p.Lab, f.To, pq.Array(tubes), f.Reason, x.actor.ID, x.now)
}

// ForwardRow is a box of retained tubes between two laboratories, as both see it.
type ForwardRow struct {
	Pool     string     `db:"pool"`
	Box      string     `db:"box"`
	From     Name       `db:"from"`
	To       Name       `db:"to"`
	FromLab  int64      `db:"from_lab"`
	Tubes    int        `db:"tubes"`
	Received int        `db:"received"`
	Done     int        `db:"done"` // tubes whose result is signed
	Reason   string     `db:"reason"`
	By       string     `db:"by"`
	At       time.Time  `db:"at"`
	DueAt    *time.Time `db:"due_at"` // the earliest of those that are not done
}

const forwardColumns = `p.code AS pool, h.code AS box, f.from_lab, a.name_zh AS "from.name_zh", a.name_en AS "from.name_en", b.name_zh AS "to.name_zh", b.name_en AS "to.name_en",
	cardinality(f.samples) AS tubes, s.received, s.done, f.reason, u.name AS by, f.at, s.due_at
	FROM pool_forwards f JOIN pools p ON p.id = f.pool_id JOIN shipments h ON h.id = f.shipment_id JOIN labs a ON a.id = f.from_lab JOIN labs b ON b.id = f.to_lab
	JOIN actors u ON u.id = f.by_id CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE state <> 'collected') AS received,
		count(*) FILTER (WHERE state IN ('closed','rejected','discarded')) AS done, min(due_at) FILTER (WHERE state NOT IN ('closed','rejected','discarded')) AS due_at
		FROM samples WHERE id = ANY (f.samples)) s `

// OpenForwards lists the boxes that a laboratory sent on or was sent, and that are not done, the most urgent first.
func (s *Store) OpenForwards(ctx context.Context, sc Scope) ([]ForwardRow, error) {
	return list[ForwardRow](ctx, s, `SELECT `+forwardColumns+`WHERE ($1 = 0 OR f.from_lab = $1 OR f.to_lab = $1) AND s.done < cardinality(f.samples)
		AND f.at > $2::timestamptz - interval '14 days' ORDER BY s.due_at NULLS LAST, f.id LIMIT 100`, sc.Lab, s.Now())
}

// PoolForwards lists where tubes of a pool were sent.
func (s *Store) PoolForwards(ctx context.Context, pool int64) ([]ForwardRow, error) {
	return list[ForwardRow](ctx, s, `SELECT `+forwardColumns+`WHERE f.pool_id = $1 ORDER BY f.id`, pool)
}
