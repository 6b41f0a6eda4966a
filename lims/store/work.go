package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// PlatesIn lists the plates of a laboratory in the given states, oldest first.
func (s *Store) PlatesIn(ctx context.Context, lab int64, states ...lims.State) (rows []Plate, err error) {
	words := make([]string, len(states))
	for i, st := range states {
		words[i] = string(st)
	}
	err = s.db.SelectContext(ctx, &rows, `SELECT `+plateFields+` FROM plates WHERE lab_id = $1 AND state = ANY($2) ORDER BY id`, lab, pq.Array(words))
	return rows, mapped(ctx, err)
}

// ToSign lists the ids of results that wait in the given states for a signature, most urgent first.
func (s *Store) ToSign(ctx context.Context, lab int64, limit int, states ...lims.State) (ids []int64, err error) {
	words := make([]string, len(states))
	for i, st := range states {
		words[i] = string(st)
	}
	err = s.db.SelectContext(ctx, &ids, `SELECT r.id FROM results r JOIN orders o ON o.id = r.order_id
		WHERE r.lab_id = $1 AND r.state = ANY($2) AND r.state IN ('called','held','checked') ORDER BY o.due_at, r.id LIMIT $3`, lab, pq.Array(words), limit)
	return ids, mapped(ctx, err)
}

// Shipment is a box on its way or being unpacked.
type Shipment struct {
	ID           int64          `db:"id"`
	Code         string         `db:"code"`
	Department   int64          `db:"department_id"`
	Lab          int64          `db:"lab_id"`
	DispatchedAt time.Time      `db:"dispatched_at"`
	Barcodes     pq.StringArray `db:"barcodes"`
}

// OpenShipments lists the boxes of a laboratory whose receipt has not ended, with their manifests.
func (s *Store) OpenShipments(ctx context.Context, lab int64) (rows []Shipment, err error) {
	err = s.db.SelectContext(ctx, &rows, `SELECT h.id, h.code, coalesce(h.department_id, 0) AS department_id, h.lab_id, h.dispatched_at,
			ARRAY(SELECT barcode FROM samples WHERE shipment_id = h.id ORDER BY barcode) AS barcodes
		FROM shipments h WHERE h.lab_id = $1 AND h.closed_at IS NULL ORDER BY h.id LIMIT 500`, lab)
	return rows, mapped(ctx, err)
}

// Pending is what the program itself still has to do.
type Pending struct {
	Messages int `db:"messages"` // kept and not read
	Due      int `db:"due"`      // deliveries whose time has come, or that are being sent
	Unsent   int `db:"unsent"`   // deliveries not acknowledged

	Unconfirmed int `db:"unconfirmed"` // of these, delivered and waiting for the department's own confirmation

	Orders bool `db:"orders"` // some are without a final result
}

// Pending counts what the program itself still has to do.
func (s *Store) Pending(ctx context.Context) (p Pending, err error) {
	err = s.db.GetContext(ctx, &p, `SELECT (SELECT count(*) FROM messages WHERE state = 'kept') AS messages,
		(SELECT count(*) FROM deliveries WHERE state = 'queued' AND next_at <= $1) + (SELECT count(*) FROM deliveries WHERE state = 'sending') AS due,
		(SELECT count(*) FROM deliveries WHERE state IN ('queued','sending')) + (SELECT count(*) FROM deliveries WHERE state IN ('delivered','refused')) AS unsent,
		(SELECT count(*) FROM deliveries WHERE state = 'delivered') AS unconfirmed,
		EXISTS (SELECT FROM orders WHERE state IN ('open','waiting')) AS orders`, s.Now())
	return p, mapped(ctx, err)
}

// SetLine changes where the bytes of an instrument come from.
func (s *Store) SetLine(ctx context.Context, by lims.Actor, instrument int64, address string, line json.RawMessage) error {
	return s.change(ctx, by, "instrument", instrument, `UPDATE instruments SET address = $2, settings = $3 WHERE id = $1`, address, string(line))
}

// SetAddress changes where a department's results go.
func (s *Store) SetAddress(ctx context.Context, by lims.Actor, destination int64, address string) error {
	return s.change(ctx, by, "destination", destination, `UPDATE destinations SET address = $2 WHERE id = $1`, address)
}

func (s *Store) change(ctx context.Context, by lims.Actor, entity string, id int64, query string, args ...any) error {
	if err := need(by, lims.Admin); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		n, err := x.count(query, append([]any{id}, args...)...)
		if err == nil && n == 0 {
			err = lims.E(lims.NotFound, "not_found", nil)
		}
		x.note("change", entity, id, nil)
		return err
	})
}

// Seen lists what is on record already: client ids of orders, barcodes of samples, codes of boxes.
type Seen struct{ Orders, Samples, Boxes map[string]bool }

// SeenSince reads what was registered since an instant, for senders that resume.
func (s *Store) SeenSince(ctx context.Context, from time.Time) (Seen, error) {
	var out Seen
	for _, q := range []struct {
		into  *map[string]bool
		query string
	}{
		{&out.Orders, `SELECT client_id FROM orders WHERE registered_at >= $1`},
		{&out.Samples, `SELECT barcode FROM samples WHERE created_at >= $1`},
		{&out.Boxes, `SELECT code FROM shipments WHERE dispatched_at >= $1`},
	} {
		var codes []string
		if err := s.db.SelectContext(ctx, &codes, q.query, from); err != nil {
			return out, mapped(ctx, err)
		}
		*q.into = make(map[string]bool, len(codes))
		for _, c := range codes {
			(*q.into)[c] = true
		}
	}
	return out, nil
}
