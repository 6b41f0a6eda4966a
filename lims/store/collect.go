package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// Tube is one sample as it was filled at the sampling point: 1..20 orders, in the order of the swabs. Either Orders or ClientIDs
// names them. A zero CollectedAt or ClosedAt means now.
type Tube struct {
	Barcode     string
	Mode        lims.Mode
	Specimen    string
	Department  int64
	Orders      []int64
	ClientIDs   []string
	CollectedAt time.Time // T0, the first swab
	ClosedAt    time.Time // T1
}

// MaxTubes is the largest number of tubes that one call takes down.
const MaxTubes = 5_000

// Collect takes filled tubes down, all or none. Refusals name every offending barcode or order.
func (s *Store) Collect(ctx context.Context, by lims.Actor, tubes []Tube) error {
	if len(tubes) == 0 || len(tubes) > MaxTubes {
		return lims.E(lims.Invalid, "tubes.count", lims.Args{"max": MaxTubes, "got": len(tubes)})
	}
	now := s.Now()
	seen := map[string]bool{}
	var twice []string
	for i := range tubes {
		t := &tubes[i]
		t.Barcode = strings.TrimSpace(t.Barcode)
		if err := forDepartment(by, t.Department); err != nil {
			return err
		}
		if err := t.check(now); err != nil {
			return err
		}
		if seen[t.Barcode] {
			twice = append(twice, t.Barcode)
		}
		seen[t.Barcode] = true
	}
	if twice != nil {
		return lims.E(lims.Invalid, "sample.twice", lims.Args{"barcodes": twice})
	}
	return s.do(ctx, by, func(x *tx) error { return x.collect(tubes) })
}

func (t *Tube) check(now time.Time) error {
	n := len(t.Orders) + len(t.ClientIDs)
	switch {
	case t.Barcode == "" || len(t.Barcode) > 40:
		return lims.E(lims.Invalid, "sample.barcode", lims.Args{"barcodes": []string{t.Barcode}})
	case t.Mode.Capacity() == 0:
		return lims.E(lims.Invalid, "sample.mode", lims.Args{"got": string(t.Mode)})
	case n == 0:
		return lims.E(lims.Invalid, "sample.empty", lims.Args{"barcodes": []string{t.Barcode}})
	case n > t.Mode.Capacity():
		return lims.E(lims.Invalid, "sample.full", lims.Args{"barcodes": []string{t.Barcode}, "capacity": t.Mode.Capacity(), "got": n})
	}
	if t.Specimen == "" {
		t.Specimen = "OP"
	}
	if t.ClosedAt.IsZero() {
		t.ClosedAt = now
	}
	if t.CollectedAt.IsZero() {
		t.CollectedAt = t.ClosedAt
	}
	if t.CollectedAt.After(t.ClosedAt) || t.ClosedAt.After(now.Add(2*time.Minute)) {
		return lims.E(lims.Invalid, "sample.times", lims.Args{"barcodes": []string{t.Barcode}})
	}
	return nil
}

// swab is one order in one tube.
type swab struct {
	tube, position int
	order          int64
}

type collectable struct {
	ID         int64         `db:"id"`
	ClientID   string        `db:"client_id"`
	Department int64         `db:"department_id"`
	Category   lims.Category `db:"category"`
	State      lims.State    `db:"state"`
	Free       bool          `db:"free"`
	Granted    bool          `db:"granted"` // a supervisor let it share a tube
	Alone      bool          `db:"alone"`   // was in a tube that was not negative
}

func (x *tx) collect(tubes []Tube) error {
	p, err := x.policy()
	if err != nil {
		return err
	}
	rows, err := x.lockOrders(tubes)
	if err != nil {
		return err
	}
	byID, byClient := map[int64]*collectable{}, map[clientRef]*collectable{}
	for i := range rows {
		byID[rows[i].ID] = &rows[i]
		byClient[clientRef{rows[i].Department, rows[i].ClientID}] = &rows[i]
	}
	var swabs []swab
	var unknown, taken, forbidden []string
	var granted []int64
	used := map[int64]bool{}
	priority := make([]int64, len(tubes))
	for i, t := range tubes {
		found := make([]*collectable, 0, 20)
		for _, id := range t.Orders {
			found = append(found, byID[id])
		}
		for _, c := range t.ClientIDs {
			found = append(found, byClient[clientRef{t.Department, c}])
		}
		for j, o := range found {
			switch {
			case o == nil || o.Department != t.Department:
				unknown = append(unknown, nameOf(t, j))
				continue
			case used[o.ID] || !o.Free:
				taken = append(taken, o.ClientID)
			case t.Mode != lims.Single && (o.Alone || !o.Granted && !p.Allows(o.Category, t.Mode)):
				forbidden = append(forbidden, o.ClientID)
			case o.Granted && !p.Allows(o.Category, t.Mode):
				granted = append(granted, o.ID)
			}
			used[o.ID] = true
			pr := int64(o.Category.Priority())
			if o.Alone { // a member of a tube that was not negative goes first (domain 5.5)
				pr = 1
			}
			if priority[i] == 0 || pr < priority[i] {
				priority[i] = pr
			}
			swabs = append(swabs, swab{i, j + 1, o.ID})
		}
	}
	switch {
	case unknown != nil:
		return lims.E(lims.NotFound, "order.unknown", lims.Args{"orders": unknown})
	case taken != nil:
		return lims.E(lims.Conflict, "order.collected", lims.Args{"orders": taken})
	case forbidden != nil:
		return lims.E(lims.Denied, "order.not_poolable", lims.Args{"orders": forbidden})
	}
	x.noteAll("override_policy", "order", granted, nil)
	return x.insertTubes(tubes, priority, swabs)
}

// clientRef is an order by its department's own number.
type clientRef struct {
	department int64
	client     string
}

func nameOf(t Tube, j int) string {
	if j < len(t.Orders) {
		return t.Barcode
	}
	return t.ClientIDs[j-len(t.Orders)]
}

// recalled says that the tube which counts for an order is recalled: its person may be swabbed again before anybody has signed.
const recalled = `sample_id IN (SELECT n.sample_id FROM notices n JOIN notice_orders x ON x.notice_id = n.id
	WHERE x.order_id = orders.id AND n.kind = 'recall' AND n.ended_at IS NULL)`

// lockOrders takes the orders of all tubes in id order. Free are those that wait for a tube.
func (x *tx) lockOrders(tubes []Tube) (rows []collectable, err error) {
	var ids, departments []int64
	var clients []string
	for _, t := range tubes {
		ids = append(ids, t.Orders...)
		for _, c := range t.ClientIDs {
			clients, departments = append(clients, c), append(departments, t.Department)
		}
	}
	if err = x.all(&rows, `SELECT id, client_id, department_id, category, state, state = 'open' AND sample_id IS NULL AS free
		FROM orders WHERE id IN (
			SELECT unnest($1::bigint[])
			UNION SELECT o.id FROM orders o JOIN unnest($2::bigint[], $3::text[]) AS c (d, k) ON o.department_id = c.d AND o.client_id = c.k)
		ORDER BY id FOR UPDATE`, pq.Array(ids), pq.Array(departments), pq.Array(clients)); err != nil {
		return nil, err
	}
	shared := slices.ContainsFunc(tubes, func(t Tube) bool { return t.Mode != lims.Single })
	return rows, x.pasts(rows, shared)
}

// pasts says of orders that had a tube before, and of those that a supervisor let into a shared one, what of it counts. Most orders have
// no past, and are not asked about it.
func (x *tx) pasts(rows []collectable, shared bool) error {
	at := make(map[int64]*collectable, len(rows))
	var before, all, granted []int64
	for i := range rows {
		at[rows[i].ID], all = &rows[i], append(all, rows[i].ID)
		if !rows[i].Free {
			before = append(before, rows[i].ID)
		}
	}
	if shared {
		if err := x.all(&granted, `SELECT order_id FROM pool_grants WHERE order_id = ANY($1)`, pq.Array(all)); err != nil {
			return err
		}
	}
	for _, id := range granted {
		at[id].Granted = true
	}
	if len(before) == 0 {
		return nil
	}
	var past []struct {
		ID    int64 `db:"id"`
		Free  bool  `db:"free"`
		Alone bool  `db:"alone"`
	}
	if err := x.all(&past, `SELECT id, state = 'waiting' OR state = 'open' AND `+recalled+` AS free,
			state = 'waiting' AND id IN (SELECT order_id FROM results WHERE state = 'released' AND call = 'pending_review') OR state = 'open' AND `+recalled+` AS alone
		FROM orders WHERE id = ANY($1)`, pq.Array(before)); err != nil {
		return err
	}
	for _, p := range past {
		at[p.ID].Free, at[p.ID].Alone = p.Free, p.Alone
	}
	return nil
}

func (x *tx) insertTubes(tubes []Tube, priority []int64, swabs []swab) error {
	n := len(tubes)
	barcodes, modes, specimens := make([]string, n), make([]string, n), make([]string, n)
	departments, declared := make([]int64, n), make([]int64, n)
	t0, t1 := make([]time.Time, n), make([]time.Time, n)
	for i, t := range tubes {
		barcodes[i], modes[i], specimens[i], departments[i] = t.Barcode, string(t.Mode), t.Specimen, t.Department
		declared[i], t0[i], t1[i] = int64(len(t.Orders)+len(t.ClientIDs)), t.CollectedAt, t.ClosedAt
	}
	var there []string
	if err := x.all(&there, `SELECT barcode FROM samples WHERE barcode = ANY($1) ORDER BY barcode`, pq.Array(barcodes)); err != nil {
		return err
	}
	if there != nil {
		return lims.E(lims.Conflict, "sample.taken", lims.Args{"barcodes": there})
	}
	ids, err := x.ids("samples", n)
	if err != nil {
		return err
	}
	m := len(swabs)
	samples, positions, orders, first := make([]int64, m), make([]int64, m), make([]int64, m), make([]time.Time, m)
	for i, w := range swabs {
		samples[i], positions[i], orders[i], first[i] = ids[w.tube], int64(w.position), w.order, t0[w.tube]
	}
	if err := x.exec(`WITH tubes AS (
			INSERT INTO samples (id, barcode, mode, specimen, department_id, declared, priority, collected_at, closed_at, state, created_at)
			OVERRIDING SYSTEM VALUE
			SELECT *, 'collected', $10 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::smallint[], $7::smallint[],
				$8::timestamptz[], $9::timestamptz[])
		), swabs AS (
			INSERT INTO contents (sample_id, position, order_id) SELECT * FROM unnest($11::bigint[], $12::smallint[], $13::bigint[])
		)
		UPDATE orders o SET state = 'open', sample_id = c.sample, collected_at = coalesce(o.collected_at, c.t0)
		FROM unnest($11::bigint[], $13::bigint[], $14::timestamptz[]) AS c (sample, id, t0) WHERE o.id = c.id`,
		pq.Array(ids), pq.Array(barcodes), pq.Array(modes), pq.Array(specimens), pq.Array(departments), pq.Array(declared),
		pq.Array(priority), pq.Array(t0), pq.Array(t1), x.now,
		pq.Array(samples), pq.Array(positions), pq.Array(orders), pq.Array(first)); err != nil {
		return err
	}
	x.noteAll("collect", "sample", ids, nil)
	x.noteAll("collect", "order", orders, nil)
	return nil
}
