package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"natlims/lims"
)

// RuleKind says what dated rules of a laboratory are about.
type RuleKind string

// The kinds: two kits on one sample (lims.Parallel), calls that a program may check (lims.AutoRules), limits of the flags
// (lims.Suspicion).
const (
	ParallelRules  RuleKind = "parallel"
	AutoRules      RuleKind = "auto"
	SuspicionRules RuleKind = "suspicion"
)

// Rules are one version of dated rules. They are never changed: another version is another row.
type Rules struct {
	ID         int64           `db:"id"`
	Lab        int64           `db:"lab_id"` // 0: every laboratory
	Kind       RuleKind        `db:"kind"`
	Version    string          `db:"version"`
	From       time.Time       `db:"valid_from"` // a day
	Body       json.RawMessage `db:"body"`
	Source     string          `db:"source"` // the document it comes from
	SetBy      string          `db:"set_by"`
	SetAt      time.Time       `db:"set_at"`
	Named      string          `db:"named"` // in whose name a program may check
	NamedID    int64           `db:"named_id"`
	AcceptedAt *time.Time      `db:"accepted_at"`
	EndedAt    *time.Time      `db:"ended_at"`
}

const rulesColumns = `r.id, coalesce(r.lab_id,0) AS lab_id, r.kind, r.version, r.valid_from, r.body, r.source, a.name AS set_by, r.set_at,
	coalesce(n.name,'') AS named, coalesce(r.named,0) AS named_id, r.accepted_at, r.ended_at
	FROM rules r JOIN actors a ON a.id = r.set_by LEFT JOIN actors n ON n.id = r.named `

// RulesOf lists the versions of a laboratory's rules of one kind, newest first; those for every laboratory are among them.
func (s *Store) RulesOf(ctx context.Context, lab int64, kind RuleKind) ([]Rules, error) {
	return list[Rules](ctx, s, `SELECT `+rulesColumns+`WHERE r.kind = $2 AND (r.lab_id IS NULL OR $1 = 0 OR r.lab_id = $1)
		ORDER BY r.valid_from DESC, r.id DESC LIMIT 200`, lab, string(kind))
}

// NewRules are rules to be put in force from a day on.
type NewRules struct {
	Lab    int64 // 0: every laboratory
	Kind   RuleKind
	From   time.Time
	Source string
	Body   any   // lims.Parallel with Reflex kit (Pairing), lims.AutoRules or lims.Suspicion
	Named  int64 // auto only: the person in whose name the program checks; must accept before anything is checked
}

// SetRules puts a version of rules on record. The version is numbered by the store and written into the body's own version.
func (s *Store) SetRules(ctx context.Context, by lims.Actor, n NewRules) (id int64, err error) {
	if err := need(by, lims.Supervisor); err != nil {
		return 0, err
	}
	if err := inLab(by, n.Lab); err != nil {
		return 0, err
	}
	if n.Source = strings.TrimSpace(n.Source); n.Source == "" {
		return 0, lims.E(lims.Invalid, "reason.needed", nil)
	}
	if limits, ok := n.Body.(lims.Suspicion); ok {
		if err := limits.Check(); err != nil {
			return 0, err
		}
	}
	if n.Kind == AutoRules && (n.Lab == 0 || n.Named == 0 || n.Named == by.ID) {
		return 0, lims.E(lims.Invalid, "rules.two_people", nil)
	}
	err = s.do(ctx, by, func(x *tx) error {
		if n.Named != 0 {
			if err := x.mayCheck(n.Named, n.Lab); err != nil {
				return err
			}
		}
		var count int
		if err := x.one(&count, `SELECT count(*) FROM rules WHERE kind = $1 AND coalesce(lab_id,0) = $2`, string(n.Kind), n.Lab); err != nil {
			return err
		}
		version := fmt.Sprintf("%d", count+1)
		body, err := versioned(n.Body, version, n.From)
		if err != nil {
			return err
		}
		err = x.one(&id, `INSERT INTO rules (lab_id, kind, version, valid_from, body, source, set_by, set_at, named)
			VALUES (nullif($1::bigint,0), $2, $3, $4::date, $5, $6, $7, $8, nullif($9::bigint,0)) RETURNING id`,
			n.Lab, string(n.Kind), version, n.From, string(body), n.Source, by.ID, x.now, n.Named)
		x.note("set", "rules", id, map[string]any{"kind": n.Kind, "version": version, "from": n.From.Format(time.DateOnly)})
		return err
	})
	return id, err
}

// versioned writes version and day into the body, so that whoever keeps the body keeps them with it.
func versioned(body any, version string, from time.Time) ([]byte, error) {
	switch b := body.(type) {
	case Pairing:
		b.Version, b.From = version, from.Format(time.DateOnly)
		return json.Marshal(b)
	case lims.AutoRules:
		b.Version = version
		return json.Marshal(b)
	case lims.Suspicion:
		b = b.Filled() // what is not said today is not left to a later program
		b.Version = version
		return json.Marshal(b)
	}
	return nil, lims.E(lims.Invalid, "rules.body", nil)
}

// mayCheck refuses to name somebody who could not give the first signature.
func (x *tx) mayCheck(actor, lab int64) error {
	var ok bool
	err := x.one(&ok, `SELECT EXISTS (SELECT FROM actors WHERE id = $1 AND active AND (lab_id IS NULL OR lab_id = $2)
		AND roles && ARRAY['checker','supervisor'])`, actor, lab)
	if err == nil && !ok {
		err = lims.E(lims.Invalid, "rules.named", nil)
	}
	return err
}

// Checker is somebody who may give the first signature in a laboratory.
type Checker struct {
	ID   int64  `db:"id"`
	Name string `db:"name"`
}

// Checkers lists who may give the first signature in a laboratory.
func (s *Store) Checkers(ctx context.Context, lab int64) ([]Checker, error) {
	return list[Checker](ctx, s, `SELECT id, name FROM actors WHERE active AND (lab_id IS NULL OR lab_id = $1) AND roles && ARRAY['checker','supervisor']
		ORDER BY name, id LIMIT 500`, lab)
}

// AcceptRules is the named person's word that a program may check in his or her name by these rules.
func (s *Store) AcceptRules(ctx context.Context, by lims.Actor, id int64) error {
	return s.do(ctx, by, func(x *tx) error {
		n, err := x.count(`UPDATE rules SET accepted_at = $2 WHERE id = $1 AND named = $3 AND accepted_at IS NULL AND ended_at IS NULL`, id, x.now, by.ID)
		if err == nil && n == 0 {
			err = lims.E(lims.Denied, "rules.not_named", nil)
		}
		x.note("accept", "rules", id, nil)
		return err
	})
}

// EndRules takes a version out of force at once.
func (s *Store) EndRules(ctx context.Context, by lims.Actor, id int64) error {
	if err := need(by, lims.Supervisor, lims.Checker); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		n, err := x.count(`UPDATE rules SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL AND ($4 = 0 OR lab_id = $4)`,
			id, x.now, by.ID, by.Lab)
		if err == nil && n == 0 {
			err = lims.E(lims.NotFound, "not_found", nil)
		}
		x.note("end", "rules", id, nil)
		return err
	})
}

// Suspicion is the limits by which a laboratory's runs are judged on a day; the built-in ones where none were set.
func (s *Store) Suspicion(ctx context.Context, lab int64, day time.Time) (limits lims.Suspicion, err error) {
	one := func(into any, q string, a ...any) error { return s.db.GetContext(ctx, into, q, a...) }
	r, ok, err := inForce(one, SuspicionRules, lab, day)
	if err == nil && ok {
		err = json.Unmarshal(r.Body, &limits)
	}
	return limits.Filled(), mapped(ctx, err)
}

// inForce reads the version of a kind that holds in a laboratory on a day: its own before one for every laboratory, the latest
// that begins on the day or before. ok is false where there is none.
func (x *tx) inForce(kind RuleKind, lab int64, day time.Time) (r Rules, ok bool, err error) {
	return inForce(func(into any, q string, a ...any) error { return x.one(into, q, a...) }, kind, lab, day)
}

func inForce(one func(any, string, ...any) error, kind RuleKind, lab int64, day time.Time) (r Rules, ok bool, err error) {
	err = one(&r, `SELECT `+rulesColumns+`WHERE r.kind = $1 AND (r.lab_id IS NULL OR r.lab_id = $2) AND r.valid_from <= $3::date
		AND r.ended_at IS NULL AND (r.kind <> 'auto' OR r.accepted_at IS NOT NULL)
		ORDER BY r.lab_id NULLS LAST, r.valid_from DESC, r.id DESC LIMIT 1`, string(kind), lab, day)
	if missing(err) {
		return r, false, nil
	}
	return r, err == nil, err
}
