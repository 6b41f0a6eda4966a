package store

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/lib/pq"

	"natlims/lims"
)

type alert struct {
	kind, key                           string // the key says what it is about: raised once
	lab, department, sample, plate, run int64
	args                                lims.Args
}

// raise puts alerts on record. They do not wait for anybody's signature (R08).
func (x *tx) raise(alerts []alert) error {
	if len(alerts) == 0 {
		return nil
	}
	n := len(alerts)
	kinds, keys, args := make([]string, n), make([]string, n), make([]string, n)
	num := make([][]int64, 5)
	for i := range num {
		num[i] = make([]int64, n)
	}
	for i, a := range alerts {
		b, err := json.Marshal(a.args)
		if err != nil {
			return err
		}
		kinds[i], keys[i], args[i] = a.kind, a.key, string(b)
		num[0][i], num[1][i], num[2][i], num[3][i], num[4][i] = a.lab, a.department, a.sample, a.plate, a.run
	}
	var ids []int64
	if err := x.all(&ids, `INSERT INTO alerts (kind, key, args, lab_id, department_id, sample_id, plate_id, run_id, raised_at)
		SELECT k, y, a::jsonb, l, nullif(d,0), nullif(s,0), nullif(p,0), nullif(r,0), $9
		FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) AS t (k, y, a, l, d, s, p, r)
		ON CONFLICT (key) DO NOTHING RETURNING id`,
		pq.Array(kinds), pq.Array(keys), pq.Array(args), pq.Array(num[0]), pq.Array(num[1]), pq.Array(num[2]), pq.Array(num[3]), pq.Array(num[4]), x.now); err != nil {
		return err
	}
	x.noteAll("raise", "alert", ids, nil)
	return nil
}

// AcknowledgeAlert says that a person has seen it.
func (s *Store) AcknowledgeAlert(ctx context.Context, by lims.Actor, id int64) error {
	return s.alertMove(ctx, by, id, "acknowledge", `UPDATE alerts SET acknowledged_at = $2, acknowledged_by = $3
		WHERE id = $1 AND acknowledged_at IS NULL RETURNING lab_id`)
}

// ResolveAlert ends an alert with a reason. It is never deleted.
func (s *Store) ResolveAlert(ctx context.Context, by lims.Actor, id int64, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.alertMove(ctx, by, id, "resolve", `UPDATE alerts SET resolved_at = $2, resolved_by = $3, reason = $4,
			acknowledged_at = coalesce(acknowledged_at, $2), acknowledged_by = coalesce(acknowledged_by, $3)
		WHERE id = $1 AND resolved_at IS NULL RETURNING lab_id`, reason)
}

func (s *Store) alertMove(ctx context.Context, by lims.Actor, id int64, verb, query string, args ...any) error {
	if err := need(by, lims.Technician, lims.Checker, lims.Releaser, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		var lab int64
		err := x.one(&lab, query, append([]any{id, x.now, by.ID}, args...)...)
		if missing(err) {
			return lims.E(lims.Conflict, "state.moved", lims.Args{"what": "alerts", "event": verb, "ids": []int64{id}})
		}
		x.note(verb, "alert", id, nil)
		if err == nil {
			err = inLab(by, lab)
		}
		return err
	})
}
