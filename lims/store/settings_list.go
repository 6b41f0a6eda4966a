package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// InstrumentByID reads one instrument.
func (s *Store) InstrumentByID(ctx context.Context, id int64) (Instrument, error) {
	return single[Instrument](ctx, s, `SELECT id, lab_id, code, model, serial, driver, line, protocol, address, settings, active, last_message_at
		FROM instruments WHERE id = $1`, id)
}

// DestinationRow is a destination as people see it: its secret is known by its mark only.
type DestinationRow struct {
	Destination
	Mark    string // of its secret; "" where there is none
	Queued  int    `db:"queued"`  // deliveries that wait or are on their way
	Refused int    `db:"refused"` // deliveries that the receiver will not take
}

const destinationColumns = `SELECT d.id, d.department_id, d.name, d.line, d.format, d.channel, d.address, d.secret, d.options, d.active, 0 AS queued, 0 AS refused
	FROM destinations d `

type destinationRow struct {
	DestinationRow
	JSON []byte `db:"options"`
}

func (r destinationRow) row() DestinationRow {
	d := r.DestinationRow
	json.Unmarshal(r.JSON, &d.Options) //nolint:errcheck // written by this package
	d.Mark, d.Secret = SecretMark(d.Secret), nil
	return d
}

// Destinations lists where results go, by department, without secrets.
func (s *Store) Destinations(ctx context.Context) ([]DestinationRow, error) {
	rows, err := list[destinationRow](ctx, s, destinationColumns+`ORDER BY d.department_id, d.id`)
	if err != nil {
		return nil, err
	}
	waiting, err := list[struct {
		ID      int64 `db:"destination_id"`
		Queued  int   `db:"queued"`
		Refused int   `db:"refused"`
	}](ctx, s, `SELECT destination_id, count(*) FILTER (WHERE state <> 'refused') AS queued, count(*) FILTER (WHERE state = 'refused') AS refused
		FROM deliveries WHERE state IN ('queued','sending','refused') GROUP BY destination_id`)
	if err != nil {
		return nil, err
	}
	out := make([]DestinationRow, len(rows))
	for i, r := range rows {
		out[i] = r.row()
		for _, w := range waiting {
			if w.ID == r.ID {
				out[i].Queued, out[i].Refused = w.Queued, w.Refused
			}
		}
	}
	return out, nil
}

// DestinationByID reads one destination without its secret.
func (s *Store) DestinationByID(ctx context.Context, id int64) (DestinationRow, error) {
	r, err := single[destinationRow](ctx, s, destinationColumns+`WHERE d.id = $1`, id)
	return r.row(), err
}

// DestinationSecret gives the secret of a destination to what sends to it. No page shows it.
func (s *Store) DestinationSecret(ctx context.Context, by lims.Actor, id int64) ([]byte, error) {
	if err := need(by, lims.Admin); err != nil {
		return nil, err
	}
	return single[[]byte](ctx, s, `SELECT secret FROM destinations WHERE id = $1`, id)
}

// PolicyVersion is one version of the rules.
type PolicyVersion struct {
	ID     int64
	Name   string
	Source string // the document it comes from
	From   time.Time
	Limits map[lims.Category]lims.Limit
	Modes  map[lims.Category][]lims.Mode
	Set    string     // name of who put it on record
	SetAt  *time.Time // nil: before the audit began
}

// Policies lists the versions of the rules, the latest first. The first that has begun is in force.
func (s *Store) Policies(ctx context.Context) ([]PolicyVersion, error) {
	rows, err := list[struct {
		ID     int64      `db:"id"`
		Name   string     `db:"name"`
		Source string     `db:"source"`
		From   time.Time  `db:"valid_from"`
		Rules  []byte     `db:"rules"`
		Set    string     `db:"set_by"`
		SetAt  *time.Time `db:"at"`
	}](ctx, s, `SELECT p.id, p.name, p.source, p.valid_from, p.rules, coalesce(a.name,'') AS set_by, u.at
		FROM policies p LEFT JOIN audit u ON u.entity = 'policy' AND u.key = p.id AND u.verb = 'add' LEFT JOIN actors a ON a.id = u.actor_id
		ORDER BY p.valid_from DESC, p.id DESC LIMIT 200`)
	if err != nil {
		return nil, err
	}
	out := make([]PolicyVersion, len(rows))
	for i, r := range rows {
		var rules policyRules
		if err := json.Unmarshal(r.Rules, &rules); err != nil {
			return nil, lims.Wrap(lims.Broken, "database.broken", err)
		}
		out[i] = PolicyVersion{ID: r.ID, Name: r.Name, Source: r.Source, From: r.From, Limits: rules.Limits, Modes: rules.Modes, Set: r.Set, SetAt: r.SetAt}
	}
	return out, nil
}

// TokenRow is an API token without the token.
type TokenRow struct {
	ID        int64          `db:"id"`
	Actor     int64          `db:"actor_id"`
	Login     string         `db:"login"`
	ActorName string         `db:"actor_name"`
	Active    bool           `db:"active"` // whether its actor is let in
	Name      string         `db:"name"`
	Scopes    pq.StringArray `db:"scopes"`
	CreatedAt time.Time      `db:"created_at"`
	ExpiresAt *time.Time     `db:"expires_at"`
	RevokedAt *time.Time     `db:"revoked_at"`
	UsedAt    *time.Time     `db:"last_used_at"` // to the minute; nil never
}

// Tokens lists API tokens, those that still work first.
func (s *Store) Tokens(ctx context.Context) ([]TokenRow, error) {
	return list[TokenRow](ctx, s, `SELECT k.id, k.actor_id, a.login, a.name AS actor_name, a.active, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at, k.last_used_at
		FROM tokens k JOIN actors a ON a.id = k.actor_id
		ORDER BY k.revoked_at IS NOT NULL, a.login, k.id DESC LIMIT 500`)
}

// settingEntities are what the pages of settings change.
var settingEntities = []string{"lab", "department", "instrument", "destination", "policy", "token", "kit", "lot", "rules"}

// TrailRow is one change of a setting.
type TrailRow struct {
	AuditRow
	What string `db:"what"` // the code or name of what was changed; "" where it has none
}

// SettingsTrail lists the latest changes of settings, newest first.
func (s *Store) SettingsTrail(ctx context.Context, n int) ([]TrailRow, error) {
	_, n = Page{N: n}.cut()
	return list[TrailRow](ctx, s, `WITH found AS MATERIALIZED (SELECT id, at, actor_id, verb, entity, key, changes FROM audit WHERE entity = ANY($1))
		SELECT f.id, f.at, coalesce(a.name,'') AS actor, f.verb, f.entity, f.key, f.changes,
			coalesce(l.code, d.code, i.code, n.name, p.name, t.name, k.key, o.number, '') AS what
		FROM found f LEFT JOIN actors a ON a.id = f.actor_id
			LEFT JOIN labs l ON f.entity = 'lab' AND l.id = f.key LEFT JOIN departments d ON f.entity = 'department' AND d.id = f.key
			LEFT JOIN instruments i ON f.entity = 'instrument' AND i.id = f.key LEFT JOIN destinations n ON f.entity = 'destination' AND n.id = f.key
			LEFT JOIN policies p ON f.entity = 'policy' AND p.id = f.key LEFT JOIN tokens t ON f.entity = 'token' AND t.id = f.key
			LEFT JOIN kits k ON f.entity = 'kit' AND k.id = f.key LEFT JOIN lots o ON f.entity = 'lot' AND o.id = f.key
		ORDER BY f.id DESC LIMIT $2`, pq.Array(settingEntities), n)
}
