package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
)

// Name is a name in both languages.
type Name struct {
	Zh string `db:"name_zh" json:"zh"`
	En string `db:"name_en" json:"en"`
}

// In is the name in the given language.
func (n Name) In(lang string) string {
	if lang == "en" {
		return n.En
	}
	return n.Zh
}

// Lab is a testing laboratory 检测机构. Capacity is in person-tests a day.
type Lab struct {
	ID   int64  `db:"id"`
	Code string `db:"code"`
	Name
	Zone     string `db:"zone"`
	Capacity int    `db:"capacity"`
	Open24h  bool   `db:"open_24h"`
}

// Department is a requesting department 送检单位.
type Department struct {
	ID   int64  `db:"id"`
	Code string `db:"code"`
	Name
	Kind     string `db:"kind"`
	AreaCode string `db:"area_code"`
}

// Instrument is a cycler or analyser and the line by which its bytes arrive.
type Instrument struct {
	ID            int64           `db:"id"`
	Lab           int64           `db:"lab_id"`
	Code          string          `db:"code"`
	Model         string          `db:"model"`
	Serial        string          `db:"serial"`
	Driver        string          `db:"driver"`
	Line          string          `db:"line"` // serial, tcp-listen, tcp-dial, folder, push
	Protocol      string          `db:"protocol"`
	Address       string          `db:"address"`
	Settings      json.RawMessage `db:"settings"`
	Active        bool            `db:"active"`
	LastMessageAt *time.Time      `db:"last_message_at"`
}

// Destination is where a department's results go.
type Destination struct {
	ID         int64             `db:"id"`
	Department int64             `db:"department_id"`
	Name       string            `db:"name"`
	Line       string            `db:"line"` // department, cdc, command
	Format     string            `db:"format"`
	Channel    string            `db:"channel"`
	Address    string            `db:"address"`
	Secret     []byte            `db:"secret"`
	Options    map[string]string `db:"-"`
	Active     bool              `db:"active"`
}

// insert runs an INSERT … RETURNING id and leaves its audit row.
func (s *Store) insert(ctx context.Context, by lims.Actor, entity, query string, args ...any) (id int64, err error) {
	if err = need(by, lims.Admin); err != nil {
		return 0, err
	}
	err = s.do(ctx, by, func(x *tx) error {
		if err := x.one(&id, query, append([]any{x.now}, args...)...); err != nil {
			return err
		}
		x.note("add", entity, id, nil)
		return nil
	})
	return id, err
}

// AddLab registers a laboratory.
func (s *Store) AddLab(ctx context.Context, by lims.Actor, l Lab) (int64, error) {
	if l.Zone == "" {
		l.Zone = "Asia/Shanghai"
	}
	if err := l.check(); err != nil {
		return 0, err
	}
	return s.insert(ctx, by, "lab", `INSERT INTO labs (created_at, code, name_zh, name_en, zone, capacity, open_24h)
		VALUES ($1,$2,$3,$4,$5,$6,$7) RETURNING id`, l.Code, l.Zh, l.En, l.Zone, l.Capacity, l.Open24h)
}

// AddDepartment registers a requesting department.
func (s *Store) AddDepartment(ctx context.Context, by lims.Actor, d Department) (int64, error) {
	if err := unknownWord("kind", d.Kind, DepartmentKinds); err != nil {
		return 0, err
	}
	return s.insert(ctx, by, "department", `INSERT INTO departments (created_at, code, name_zh, name_en, kind, area_code)
		VALUES ($1,$2,$3,$4,$5,$6) RETURNING id`, d.Code, d.Zh, d.En, d.Kind, d.AreaCode)
}

// AddInstrument registers an instrument and its line. Whoever keeps the lines open is told.
func (s *Store) AddInstrument(ctx context.Context, by lims.Actor, i Instrument) (int64, error) {
	if i.Settings == nil {
		i.Settings = json.RawMessage("{}")
	}
	if err := i.check(); err != nil {
		return 0, err
	}
	id, err := s.insert(ctx, by, "instrument", `INSERT INTO instruments
		(created_at, lab_id, code, model, serial, driver, line, protocol, address, settings)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) RETURNING id`,
		i.Lab, i.Code, i.Model, i.Serial, i.Driver, i.Line, i.Protocol, i.Address, string(i.Settings))
	if err == nil {
		s.Wake(ctx, NotifyLines) //nolint:errcheck // the slow poll finds it
	}
	return id, err
}

// AddDestination registers where a department's results go.
func (s *Store) AddDestination(ctx context.Context, by lims.Actor, d Destination) (int64, error) {
	if err := unknownWord("line", d.Line, DestinationLines); err != nil {
		return 0, err
	}
	options, err := json.Marshal(d.Options)
	if err != nil || d.Options == nil {
		options = []byte("{}")
	}
	if d.Secret == nil { // a folder needs none
		d.Secret = []byte{}
	}
	return s.insert(ctx, by, "destination", `INSERT INTO destinations
		(created_at, department_id, name, line, format, channel, address, secret, options)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) RETURNING id`,
		d.Department, d.Name, d.Line, d.Format, d.Channel, d.Address, d.Secret, string(options))
}

// AddPolicy puts dated rules in force.
func (s *Store) AddPolicy(ctx context.Context, by lims.Actor, name, source string, from time.Time, p lims.Policy) (int64, error) {
	rules, err := json.Marshal(policyRules{p.Limits, p.Modes})
	if err != nil {
		return 0, err
	}
	return s.insert(ctx, by, "policy", `INSERT INTO policies (valid_from, name, source, rules)
		SELECT $5, $2, $3, $4::jsonb WHERE $1::timestamptz IS NOT NULL RETURNING id`, name, source, string(rules), from)
}

type policyRules struct {
	Limits map[lims.Category]lims.Limit  `json:"limits"`
	Modes  map[lims.Category][]lims.Mode `json:"modes"`
}

// policy is the policy in force at the instant of the transaction.
func (x *tx) policy() (p lims.Policy, err error) {
	var row struct {
		ID    int64  `db:"id"`
		Rules []byte `db:"rules"`
	}
	err = x.one(&row, `SELECT id, rules FROM policies WHERE valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)
		ORDER BY valid_from DESC, id DESC LIMIT 1`, x.now)
	if missing(err) {
		return p, lims.E(lims.Invalid, "policy.none", nil)
	}
	if err != nil {
		return p, err
	}
	var r policyRules
	if err := json.Unmarshal(row.Rules, &r); err != nil {
		return p, err
	}
	return lims.Policy{ID: row.ID, Limits: r.Limits, Modes: r.Modes}, nil
}

// kits loads kits by key, from the bodies on record: what is judged is the version that was sealed, not a newer file.
func (s *Store) kits(ctx context.Context, keys []string) (map[string]*pcr.Kit, error) {
	var bodies []string
	if err := s.db.SelectContext(ctx, &bodies, `SELECT body FROM kits WHERE key = ANY($1)`, pq.Array(keys)); err != nil {
		return nil, mapped(ctx, err)
	}
	out := make(map[string]*pcr.Kit, len(bodies))
	for _, b := range bodies {
		k, err := s.kit(b)
		if err != nil {
			return nil, lims.Wrap(lims.Broken, "kit.unreadable", err)
		}
		out[k.Key()] = k
	}
	return out, nil
}

// kit parses a body once: used versions are immutable.
func (s *Store) kit(body string) (*pcr.Kit, error) {
	if k, ok := s.parsed.Load(body); ok {
		return k.(*pcr.Kit), nil
	}
	k, err := pcr.Load([]byte(body))
	if err == nil {
		s.parsed.Store(body, k)
	}
	return k, err
}
