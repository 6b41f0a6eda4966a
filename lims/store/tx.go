package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"natlims/lims"
)

// tx is one thing being done: its transaction, its one instant, its actor and the audit rows it will leave.
type tx struct {
	*sqlx.Tx
	ctx   context.Context
	now   time.Time
	actor lims.Actor
	audit []auditRow
	days  *dayCounts
}

type auditRow struct {
	verb, entity string
	key, lab     int64
	changes      string
}

const retries = 5 // of a transaction that lost against another one

// do runs f in a transaction. Serialisation failures and deadlocks are retried here and nowhere else, so f must not
// have effects outside the transaction.
func (s *Store) do(ctx context.Context, actor lims.Actor, f func(*tx) error) error {
	for try := 1; ; try++ {
		err := s.once(ctx, actor, f)
		var p *pq.Error
		if try < retries && errors.As(err, &p) && lost(p) {
			continue
		}
		return mapped(ctx, err)
	}
}

func (s *Store) once(ctx context.Context, actor lims.Actor, f func(*tx) error) error {
	t, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() //nolint:errcheck // after Commit it does nothing
	x := &tx{Tx: t, ctx: ctx, now: s.Now(), actor: actor, days: &s.days}
	if err := f(x); err != nil {
		return err
	}
	if err := x.writeAudit(); err != nil {
		return err
	}
	return t.Commit()
}

// mapped turns what the driver says into our kinds. lib/pq reports an expired context as a cancelled statement.
func mapped(ctx context.Context, err error) error {
	var ours *lims.Error
	switch {
	case err == nil || errors.As(err, &ours):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	var p *pq.Error
	var n interface { // a net.Error
		error
		Timeout() bool
	}
	if errors.As(err, &n) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return lims.Wrap(lims.Busy, "database.busy", err) // the connection broke, or there is none: whether it was done is unknown
	}
	if errors.As(err, &p) {
		switch {
		case p.Code == "23503": // a number that stands for nothing
			return lims.Wrap(lims.NotFound, "not_found", err)
		case p.Code == "23505":
			return lims.Wrap(lims.Conflict, "taken", err)
		case p.Code == "23514" && p.Message == "pool_of_pools":
			return lims.Wrap(lims.Invalid, "pool.of_pools", err)
		case p.Code == "22P02" || p.Code == "22021" || p.Code == "22P05": // 22021: NUL, or no UTF-8
			return lims.Wrap(lims.Invalid, "input.malformed", err)
		case len(p.Code) == 5 && slices.Contains([]string{"08", "40", "53", "57"}, string(p.Code[:2])):
			return lims.Wrap(lims.Busy, "database.busy", err)
		}
	}
	return lims.Wrap(lims.Broken, "database.broken", err)
}

// note leaves an audit row. Changes holds changed fields only, never a name, document number or secret.
func (x *tx) note(verb, entity string, key int64, changes map[string]any) {
	x.noteAll(verb, entity, []int64{key}, changes)
}

func (x *tx) noteAll(verb, entity string, keys []int64, changes map[string]any) {
	b := []byte("{}")
	if len(changes) > 0 {
		b, _ = json.Marshal(changes) // maps of plain values
	}
	for _, k := range keys {
		x.audit = append(x.audit, auditRow{verb, entity, k, x.actor.Lab, string(b)})
	}
}

func (x *tx) writeAudit() error {
	if len(x.audit) == 0 {
		return nil
	}
	n := len(x.audit)
	verbs, entities, changes := make([]string, n), make([]string, n), make([]string, n)
	keys := make([]int64, n)
	for i, a := range x.audit {
		verbs[i], entities[i], changes[i], keys[i] = a.verb, a.entity, a.changes, a.key
	}
	return x.exec(`INSERT INTO audit (at, actor_id, lab_id, verb, entity, key, changes)
		SELECT $1, $2, nullif($3::bigint, 0), v, e, k, c::jsonb
		FROM unnest($4::text[], $5::text[], $6::bigint[], $7::text[]) AS t (v, e, k, c)`,
		x.now, x.actor.ID, x.actor.Lab, pq.Array(verbs), pq.Array(entities), pq.Array(keys), pq.Array(changes))
}

func (x *tx) exec(query string, args ...any) error {
	_, err := x.ExecContext(x.ctx, query, args...)
	return err
}

// count runs a statement and says how many rows it touched.
func (x *tx) count(query string, args ...any) (int, error) {
	r, err := x.ExecContext(x.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}

func (x *tx) one(into any, query string, args ...any) error {
	return x.GetContext(x.ctx, into, query, args...)
}

func (x *tx) all(into any, query string, args ...any) error {
	return x.SelectContext(x.ctx, into, query, args...)
}

// missing says whether a query found no row.
func missing(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// need refuses actors without one of the roles.
func need(a lims.Actor, roles ...lims.Role) error {
	if a.Has(roles...) {
		return nil
	}
	return lims.E(lims.Denied, "role.needed", lims.Args{"roles": roles})
}

// inLab refuses actors of another laboratory; people of the whole city have Lab 0.
func inLab(a lims.Actor, lab int64) error {
	if a.Lab == 0 || a.Lab == lab {
		return nil
	}
	return lims.E(lims.NotFound, "not_found", nil)
}

// lost says whether a transaction may simply be tried again: it lost a race, and will see the winner's row the next time.
func lost(p *pq.Error) bool {
	return p.Code == "40001" || p.Code == "40P01" || stale(p) || p.Constraint == "orders_department_id_client_id_key" ||
		p.Constraint == "samples_barcode_key" || p.Constraint == "shipments_code_key"
}
