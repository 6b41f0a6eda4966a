package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// Signing in is slowed down after this many wrong passwords for one login from one address.
const (
	wrongMost   = 10
	wrongWindow = 15 * time.Minute
	sessionLife = 12 * time.Hour // one shift and a hand-over
)

// NewActor is a person or machine to be added. An empty Password means that it cannot sign in.
type NewActor struct {
	Login, Name, Password string
	Lab, Department       int64
	Instrument            int64
	Roles                 []lims.Role
	Lang                  string
}

// AddActor adds a person or a machine.
func (s *Store) AddActor(ctx context.Context, by lims.Actor, n NewActor) (int64, error) {
	hash := ""
	if n.Password != "" {
		if err := checkPassword(n.Password); err != nil {
			return 0, err
		}
		hash = hashPassword(n.Password)
	}
	if n.Lang == "" {
		n.Lang = "zh"
	}
	roles := make([]string, len(n.Roles))
	for i, r := range n.Roles {
		roles[i] = string(r)
	}
	return s.insert(ctx, by, "actor", `INSERT INTO actors
		(created_at, login, name, password, lab_id, department_id, instrument_id, roles, lang)
		VALUES ($1, $2, $3, $4, nullif($5::bigint,0), nullif($6::bigint,0), nullif($7::bigint,0), $8, $9) RETURNING id`,
		strings.ToLower(strings.TrimSpace(n.Login)), n.Name, hash, n.Lab, n.Department, n.Instrument, pq.Array(roles), n.Lang)
}

// SetPassword changes a password: one's own, or anybody's as admin. All sessions of the actor end.
func (s *Store) SetPassword(ctx context.Context, by lims.Actor, id int64, password string) error {
	if by.ID != id {
		if err := need(by, lims.Admin); err != nil {
			return err
		}
	}
	if err := checkPassword(password); err != nil {
		return err
	}
	hash := hashPassword(password)
	return s.do(ctx, by, func(x *tx) error {
		n, err := x.count(`UPDATE actors SET password = $2 WHERE id = $1`, id, hash)
		if err == nil && n == 0 {
			return lims.E(lims.NotFound, "not_found", nil)
		}
		if err == nil {
			err = x.exec(`DELETE FROM sessions WHERE actor_id = $1`, id)
		}
		x.note("password", "actor", id, nil)
		return err
	})
}

// SetActive lets an actor in or keeps them out; keeping out ends their sessions and tokens at once.
func (s *Store) SetActive(ctx context.Context, by lims.Actor, id int64, active bool) error {
	if err := need(by, lims.Admin); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		n, err := x.count(`UPDATE actors SET active = $2 WHERE id = $1`, id, active)
		if err == nil && n == 0 {
			return lims.E(lims.NotFound, "not_found", nil)
		}
		if err == nil && !active {
			err = x.exec(`DELETE FROM sessions WHERE actor_id = $1`, id)
		}
		x.note("active", "actor", id, map[string]any{"active": active})
		return err
	})
}

type actorRow struct {
	ID         int64          `db:"id"`
	Login      string         `db:"login"`
	Name       string         `db:"name"`
	Password   string         `db:"password"`
	Lab        int64          `db:"lab"`
	Department int64          `db:"department"`
	Instrument int64          `db:"instrument"`
	Roles      pq.StringArray `db:"roles"`
	Scopes     pq.StringArray `db:"scopes"`
	Lang       string         `db:"lang"`
}

func (r actorRow) actor() lims.Actor {
	a := lims.Actor{ID: r.ID, Login: r.Login, Name: r.Name, Lab: r.Lab, Department: r.Department, Instrument: r.Instrument,
		Scopes: r.Scopes, Lang: r.Lang}
	for _, role := range r.Roles {
		a.Roles = append(a.Roles, lims.Role(role))
	}
	return a
}

const actorColumns = `a.id, a.login, a.name, a.password, coalesce(a.lab_id,0) AS lab, coalesce(a.department_id,0) AS department,
	coalesce(a.instrument_id,0) AS instrument, a.roles, a.lang`

// SignIn opens a session. Wrong login and wrong password are the same refusal after the same work.
func (s *Store) SignIn(ctx context.Context, login, password, peer string) (string, lims.Actor, error) {
	login = strings.ToLower(strings.TrimSpace(login))
	now := s.Now()
	var wrong int
	if err := s.db.GetContext(ctx, &wrong, `SELECT count(*) FROM attempts WHERE login = $1 AND peer = $2 AND NOT ok AND at > $3`,
		login, peer, now.Add(-wrongWindow)); err != nil {
		return "", lims.Actor{}, mapped(ctx, err)
	}
	if wrong >= wrongMost {
		return "", lims.Actor{}, lims.E(lims.Busy, "signin.slow", lims.Args{"minutes": int(wrongWindow.Minutes())})
	}
	var row actorRow
	err := s.db.GetContext(ctx, &row, `SELECT `+actorColumns+` FROM actors a WHERE a.login = $1 AND a.active`, login)
	if err != nil && !missing(err) {
		return "", lims.Actor{}, mapped(ctx, err)
	}
	ok := verifyPassword(row.Password, password) // also done where there is no such login
	token := newToken()
	err = s.do(ctx, lims.Actor{ID: row.ID}, func(x *tx) error {
		if err := x.exec(`INSERT INTO attempts (login, peer, at, ok) VALUES ($1,$2,$3,$4)`, login, peer, now, ok); err != nil || !ok {
			return err
		}
		x.note("signin", "actor", row.ID, nil)
		if err := x.exec(`DELETE FROM sessions WHERE expires_at <= $1`, now); err != nil {
			return err
		}
		return x.exec(`INSERT INTO sessions (hash, actor_id, created_at, expires_at) VALUES ($1,$2,$3,$4)`,
			tokenHash(token), row.ID, now, now.Add(sessionLife))
	})
	if err != nil {
		return "", lims.Actor{}, err
	}
	if !ok {
		return "", lims.Actor{}, lims.E(lims.Denied, "signin.wrong", nil)
	}
	return token, row.actor(), nil
}

// SignOut ends a session.
func (s *Store) SignOut(ctx context.Context, token string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM sessions WHERE hash = $1`, tokenHash(token))
	return mapped(ctx, err)
}

// ActorBySession is the person behind a session cookie.
func (s *Store) ActorBySession(ctx context.Context, token string) (lims.Actor, error) {
	return s.actorBy(ctx, `SELECT `+actorColumns+`, '{}'::text[] AS scopes FROM sessions k JOIN actors a ON a.id = k.actor_id
		WHERE k.hash = $1 AND k.expires_at > $2 AND a.active`, token)
}

// ActorByToken is the machine or person behind an API token, with the token's scopes. When it was last used is kept to the minute:
// a request writes at most once a minute for each token, and one that cannot write goes on.
func (s *Store) ActorByToken(ctx context.Context, token string) (lims.Actor, error) {
	ctx, now := Often(ctx), s.Now() // once for every request
	var row struct {
		actorRow
		Stale bool `db:"stale"`
	}
	err := s.db.GetContext(ctx, &row, `SELECT `+actorColumns+`, k.scopes, k.last_used_at IS NULL OR k.last_used_at < $3 AS stale
		FROM tokens k JOIN actors a ON a.id = k.actor_id
		WHERE k.hash = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2) AND a.active`, tokenHash(token), now, now.Add(-time.Minute))
	if missing(err) {
		return lims.Actor{}, lims.E(lims.NotFound, "session.none", nil)
	}
	if err == nil && row.Stale {
		s.db.ExecContext(ctx, `UPDATE tokens SET last_used_at = $2 WHERE id = (SELECT id FROM tokens WHERE hash = $1
			AND (last_used_at IS NULL OR last_used_at < $3) FOR UPDATE SKIP LOCKED)`, tokenHash(token), now, now.Add(-time.Minute)) //nolint:errcheck // a figure for people
	}
	return row.actor(), mapped(ctx, err)
}

func (s *Store) actorBy(ctx context.Context, query, token string) (lims.Actor, error) {
	var row actorRow
	err := s.db.GetContext(Often(ctx), &row, query, tokenHash(token), s.Now())
	if missing(err) {
		return lims.Actor{}, lims.E(lims.NotFound, "session.none", nil)
	}
	return row.actor(), mapped(ctx, err)
}

// NewToken makes an API token for an actor; it is shown once and only its hash is kept. A ttl of 0 means no end.
func (s *Store) NewToken(ctx context.Context, by lims.Actor, actor int64, t TokenGrant) (string, error) {
	if err := need(by, lims.Admin); err != nil {
		return "", err
	}
	if len(t.Scopes) == 0 {
		return "", lims.E(lims.Invalid, "token.no_scope", nil)
	}
	for _, scope := range t.Scopes {
		if !lims.KnownScope(scope) {
			return "", lims.E(lims.Invalid, "setting.word", lims.Args{"field": "scope", "got": scope, "expected": lims.Scopes})
		}
	}
	token := newToken()
	var expires *time.Time
	if t.Life > 0 {
		e := s.Now().Add(t.Life)
		expires = &e
	}
	return token, s.do(ctx, by, func(x *tx) error {
		var id int64
		err := x.one(&id, `INSERT INTO tokens (hash, actor_id, name, scopes, created_at, expires_at) VALUES ($1,$2,$3,$4,$5,$6) RETURNING id`,
			tokenHash(token), actor, t.Name, pq.Array(t.Scopes), x.now, expires)
		x.note("add", "token", id, map[string]any{"actor": actor, "name": t.Name, "scopes": t.Scopes})
		return err
	})
}

// TokenGrant says what a token is for. Life 0 means that it does not end.
type TokenGrant struct {
	Name   string
	Scopes []string
	Life   time.Duration
}

func newToken() string {
	b := make([]byte, 32)
	rand.Read(b) //nolint:errcheck // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}

func tokenHash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// FirstAdmin makes the login "admin" where no administrator can sign in, and gives its password; "" where one can.
func (s *Store) FirstAdmin(ctx context.Context) (password string, err error) {
	var n int
	if err := s.db.GetContext(ctx, &n, `SELECT count(*) FROM actors WHERE 'admin' = ANY(roles) AND active AND password <> ''`); err != nil || n > 0 {
		return "", mapped(ctx, err)
	}
	password = newToken()[:16]
	_, err = s.AddActor(ctx, lims.Actor{Roles: []lims.Role{lims.Admin}}, NewActor{Login: "admin", Name: "admin", Password: password,
		Roles: []lims.Role{lims.Admin, lims.Supervisor}})
	return password, err
}

// ActorByLogin finds a person who is let in.
func (s *Store) ActorByLogin(ctx context.Context, login string) (lims.Actor, error) {
	var row actorRow
	err := s.db.GetContext(ctx, &row, `SELECT `+actorColumns+`, '{}'::text[] AS scopes FROM actors a WHERE a.login = $1 AND a.active`, strings.ToLower(login))
	if missing(err) {
		return lims.Actor{}, lims.E(lims.NotFound, "not_found", nil)
	}
	return row.actor(), mapped(ctx, err)
}
