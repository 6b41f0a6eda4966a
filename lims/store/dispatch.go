package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// Delivery is one set of released results on its way to one destination.
type Delivery struct {
	ID         string    `db:"id"` // uuid, the idempotency key that the receiver sees
	Seq        int64     `db:"seq"`
	Department int64     `db:"department_id"`
	Lab        int64     `db:"lab_id"`
	Positive   bool      `db:"positive"`   // holds something else than negatives
	Results    int       `db:"results"`    // of a notice: the persons it speaks of
	Notice     int64     `db:"notice_id"`  // 0: results
	Correction bool      `db:"correction"` // its results replace others that were delivered
	Tries      int       `db:"tries"`      // counting the one that now begins
	QueuedAt   time.Time `db:"queued_at"`

	Destination int64  `db:"destination_id"`
	Name        string `db:"name"`
	Line        string `db:"line"`
	Format      string `db:"format"`
	Channel     string `db:"channel"`
	Address     string `db:"address"`
	Secret      []byte `db:"secret"`
	OptionsJSON []byte `db:"options"`
}

// Options of the delivery's destination.
func (d Delivery) Options() map[string]string {
	m := map[string]string{}
	json.Unmarshal(d.OptionsJSON, &m) //nolint:errcheck // written by AddDestination
	return m
}

// Claim says how many deliveries a sender takes at once.
type Claim struct {
	Most  int           // in all
	Each  int           // for one destination, so that a slow one cannot hold up the others
	Busy  []int64       // destinations that still work on an earlier claim
	Lease time.Duration // after which somebody else may take them
}

// ClaimDeliveries takes due deliveries for the length of the lease; several programs may claim at once. Deliveries
// whose lease has run out (their sender died) are queued again first.
func (s *Store) ClaimDeliveries(ctx context.Context, c Claim) (out []Delivery, err error) {
	if c.Busy == nil { // "<> ALL(NULL)" is true of nothing
		c.Busy = []int64{}
	}
	err = s.do(ctx, lims.Actor{}, func(x *tx) error {
		if err := x.exec(`UPDATE deliveries SET state = 'queued', lease_until = NULL WHERE id IN (
			SELECT id FROM deliveries WHERE state = 'sending' AND lease_until < $1 FOR UPDATE SKIP LOCKED)`, x.now); err != nil {
			return err
		}
		out = nil
		return x.all(&out, `WITH due AS (
				SELECT id FROM deliveries WHERE state = 'queued' AND id IN (
					SELECT id FROM (SELECT id, notice_id, next_at, seq, row_number() OVER (PARTITION BY destination_id ORDER BY notice_id IS NULL, next_at, seq) AS n
						FROM deliveries WHERE state = 'queued' AND next_at <= $1 AND destination_id <> ALL(coalesce($4::bigint[], '{}'))) AS q
					WHERE n <= $5 ORDER BY notice_id IS NULL, next_at, seq LIMIT $2)
				FOR UPDATE SKIP LOCKED
			), taken AS (
				UPDATE deliveries SET state = 'sending', tries = tries + 1, lease_until = $3 WHERE id IN (SELECT id FROM due)
				RETURNING id, seq, department_id, lab_id, positive, correction, results, coalesce(notice_id, 0) AS notice_id, tries, queued_at, destination_id
			)
			SELECT t.*, d.name, d.line, d.format, d.channel, d.address, d.secret, d.options
			FROM taken t JOIN destinations d ON d.id = t.destination_id ORDER BY t.notice_id = 0, t.positive DESC, t.seq`,
			x.now, c.Most, x.now.Add(c.Lease), pq.Array(c.Busy), c.Each)
	})
	return out, err
}

// Reclaim queues again at once what an earlier life of the program was sending when it died, and says how many. It is only for who knows
// that no other program works on the database; everybody else waits for the lease.
func (s *Store) Reclaim(ctx context.Context) (n int, err error) {
	err = s.do(ctx, lims.Actor{}, func(x *tx) error {
		n, err = x.count(`UPDATE deliveries SET state = 'queued', lease_until = NULL WHERE state = 'sending'`)
		return err
	})
	return n, err
}

// NextDelivery is when the next queued delivery is due, false where none is queued or on its way.
func (s *Store) NextDelivery(ctx context.Context) (time.Time, bool, error) {
	var at *time.Time
	err := s.db.GetContext(ctx, &at, `SELECT least((SELECT min(next_at) FROM deliveries WHERE state = 'queued'),
		(SELECT min(lease_until) FROM deliveries WHERE state = 'sending'))`)
	if err != nil || at == nil {
		return time.Time{}, false, mapped(ctx, err)
	}
	return *at, true, nil
}

// Delivered says that the receiver has it (T8); acknowledged, that it has also confirmed it (T9).
func (s *Store) Delivered(ctx context.Context, id, receipt string, acknowledged bool) error {
	return s.ended(ctx, id, `UPDATE deliveries SET state = CASE WHEN $3 THEN 'acknowledged' ELSE 'delivered' END, lease_until = NULL, error = '',
		receipt = $4, delivered_at = $2::timestamptz, acknowledged_at = CASE WHEN $3 THEN $2::timestamptz END WHERE id = $1 AND state = 'sending'`, acknowledged, cut(receipt))
}

// Postpone gives a delivery back to the queue, due again at next.
func (s *Store) Postpone(ctx context.Context, id string, next time.Time, reason string) error {
	return s.ended(ctx, id, `UPDATE deliveries SET state = 'queued', lease_until = NULL, next_at = $3, error = $4
		WHERE id = $1 AND state = 'sending' AND $2::timestamptz IS NOT NULL`, next, cut(reason))
}

// RefuseDelivery says that the receiver will never take it: shown to a person, who mends the destination and requeues. Where it is a
// notice, the laboratory is alerted: somebody has to call.
func (s *Store) RefuseDelivery(ctx context.Context, id, reason string) error {
	return s.ended(ctx, id, `UPDATE deliveries SET state = 'refused', lease_until = NULL, error = $3
		WHERE id = $1 AND state = 'sending' AND $2::timestamptz IS NOT NULL`, cut(reason))
}

// cut keeps texts of other programs short.
func cut(s string) string {
	const most = 500
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return clean(s)
}

func (s *Store) ended(ctx context.Context, id, query string, args ...any) error {
	return s.do(ctx, lims.Actor{}, func(x *tx) error {
		n, err := x.count(query, append([]any{id, x.now}, args...)...)
		if err == nil && n == 0 {
			err = lims.E(lims.Conflict, "state.moved", lims.Args{"what": "deliveries", "ids": []string{id}})
		}
		if err != nil {
			return err
		}
		var refused []unheard
		if err := x.all(&refused, unheardColumns+`FROM deliveries v JOIN notices n ON n.id = v.notice_id JOIN samples s ON s.id = n.sample_id
			WHERE v.id = $1::uuid AND v.state = 'refused'`, id); err != nil {
			return err
		}
		return x.raise(alertsOf(refused, "refused"))
	})
}

// Acknowledge takes the department's own confirmation (T9). Saying it twice is saying it once.
func (s *Store) Acknowledge(ctx context.Context, by lims.Actor, id string) error {
	return s.do(ctx, by, func(x *tx) error {
		var row struct {
			Seq        int64      `db:"seq"`
			Department int64      `db:"department_id"`
			State      lims.State `db:"state"`
		}
		err := x.one(&row, `SELECT seq, department_id, state FROM deliveries WHERE id = $1::uuid FOR UPDATE`, id)
		if missing(err) || err == nil && by.Department != 0 && by.Department != row.Department {
			return lims.E(lims.NotFound, "delivery.unknown", nil)
		}
		if err != nil || row.State == lims.Acknowledged {
			return err
		}
		// Who confirms has it: a confirmation that overtakes our own note of the delivery, or comes after an answer that was lost, counts as both.
		n, err := x.count(`UPDATE deliveries SET state = 'acknowledged', lease_until = NULL, error = '', delivered_at = coalesce(delivered_at, $2), acknowledged_at = $2
			WHERE id = $1::uuid AND (state = 'delivered' OR state IN ('sending','queued') AND tries > 0)`, id, x.now)
		if err == nil && n == 0 {
			err = lims.E(lims.Conflict, "state.moved", lims.Args{"what": "deliveries", "event": "acknowledge", "ids": []string{id}})
		}
		x.note("acknowledge", "delivery", row.Seq, nil)
		return err
	})
}

// Requeue sends a refused delivery again.
func (s *Store) Requeue(ctx context.Context, by lims.Actor, id string) error {
	if err := need(by, lims.Supervisor, lims.Admin); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		var seq int64
		err := x.one(&seq, `UPDATE deliveries SET state = 'queued', next_at = $2, error = '' WHERE id = $1::uuid AND state = 'refused' RETURNING seq`, id, x.now)
		if missing(err) {
			return lims.E(lims.Conflict, "state.moved", lims.Args{"what": "deliveries", "event": "requeue", "ids": []string{id}})
		}
		if err != nil {
			return err
		}
		x.note("requeue", "delivery", seq, nil)
		return x.exec(`SELECT pg_notify($1, '')`, NotifyDeliveries)
	})
}
