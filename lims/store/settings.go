package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"natlims/lims"
)

// What a laboratory changes is rows. Rules of this file: only an administrator changes them; a change leaves what was and what
// is in the audit, never a secret nor an address (a URL may hold a token); codes stay, because papers and labels carry them;
// nothing is deleted, it is taken out of use.

// NotifyLines wakes whoever keeps the lines of the instruments open.
const NotifyLines = "natlims_lines"

// DepartmentKinds are the kinds of requesting departments.
var DepartmentKinds = []string{"fever_clinic", "sentinel", "cdc", "cold_chain", "community", "hospital", "command"}

// LineKinds are the ways by which an instrument's bytes come in; LineProtocols what is spoken on them.
var (
	LineKinds     = []string{"serial", "tcp-listen", "tcp-dial", "folder", "push"}
	LineProtocols = []string{"astm", "hl7", "raw", "file"}
)

// DestinationLines say for whom a destination is.
var DestinationLines = []string{"department", "cdc", "command"}

// changes of a setting: by field what was and what is.
type changes map[string]any

func (c changes) put(field string, was, is any) {
	if was != is {
		c[field] = []any{was, is}
	}
}

// hide says that a field has changed and not how.
func (c changes) hide(field string, was, is string) {
	if was != is {
		c[field] = "changed"
	}
}

// alter does one thing to a row of settings; what it gives back is left in the audit, and nothing where nothing was changed.
func (s *Store) alter(ctx context.Context, by lims.Actor, entity string, id int64, do func(*tx) (changes, error)) error {
	if err := need(by, lims.Admin); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		c, err := do(x)
		if missing(err) {
			return lims.E(lims.NotFound, "not_found", nil)
		}
		if err == nil && len(c) > 0 {
			x.note("change", entity, id, c)
		}
		return err
	})
}

// unknownWord refuses a word that is not one of those known.
func unknownWord(field, got string, known []string) error {
	if slices.Contains(known, got) {
		return nil
	}
	return lims.E(lims.Invalid, "setting.word", lims.Args{"field": field, "got": got, "expected": known})
}

func (l Lab) check() error {
	if _, err := time.LoadLocation(l.Zone); err != nil || l.Zone == "Local" || l.Zone == "" {
		return lims.E(lims.Invalid, "lab.zone", lims.Args{"got": l.Zone})
	}
	if l.Capacity < 0 || l.Capacity > 10_000_000 {
		return lims.E(lims.Invalid, "lab.capacity", lims.Args{"got": l.Capacity})
	}
	return nil
}

func (i Instrument) check() error {
	if err := unknownWord("line", i.Line, LineKinds); err != nil {
		return err
	}
	if err := unknownWord("protocol", i.Protocol, LineProtocols); err != nil {
		return err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(i.Settings, &object); err != nil || object == nil {
		return lims.E(lims.Invalid, "instrument.settings", lims.Args{"why": "expected a JSON object"})
	}
	return nil
}

// UpdateLab changes what is said of a laboratory; its code stays.
func (s *Store) UpdateLab(ctx context.Context, by lims.Actor, l Lab) error {
	if err := l.check(); err != nil {
		return err
	}
	return s.alter(ctx, by, "lab", l.ID, func(x *tx) (changes, error) {
		var was Lab
		if err := x.one(&was, `SELECT id, code, name_zh, name_en, zone, capacity, open_24h FROM labs WHERE id = $1 FOR UPDATE`, l.ID); err != nil {
			return nil, err
		}
		c := changes{}
		c.put("name_zh", was.Zh, l.Zh)
		c.put("name_en", was.En, l.En)
		c.put("zone", was.Zone, l.Zone)
		c.put("capacity", was.Capacity, l.Capacity)
		c.put("open_24h", was.Open24h, l.Open24h)
		return c, x.exec(`UPDATE labs SET name_zh = $2, name_en = $3, zone = $4, capacity = $5, open_24h = $6 WHERE id = $1`,
			l.ID, l.Zh, l.En, l.Zone, l.Capacity, l.Open24h)
	})
}

// UpdateDepartment changes what is said of a department; its code stays.
func (s *Store) UpdateDepartment(ctx context.Context, by lims.Actor, d Department) error {
	if err := unknownWord("kind", d.Kind, DepartmentKinds); err != nil {
		return err
	}
	return s.alter(ctx, by, "department", d.ID, func(x *tx) (changes, error) {
		var was Department
		if err := x.one(&was, `SELECT id, code, name_zh, name_en, kind, area_code FROM departments WHERE id = $1 FOR UPDATE`, d.ID); err != nil {
			return nil, err
		}
		c := changes{}
		c.put("name_zh", was.Zh, d.Zh)
		c.put("name_en", was.En, d.En)
		c.put("kind", was.Kind, d.Kind)
		c.put("area_code", was.AreaCode, d.AreaCode)
		return c, x.exec(`UPDATE departments SET name_zh = $2, name_en = $3, kind = $4, area_code = $5 WHERE id = $1`, d.ID, d.Zh, d.En, d.Kind, d.AreaCode)
	})
}

// UpdateInstrument changes an instrument and its line; laboratory and code stay. Whoever keeps the lines open is told.
func (s *Store) UpdateInstrument(ctx context.Context, by lims.Actor, i Instrument) error {
	if len(i.Settings) == 0 {
		i.Settings = json.RawMessage("{}")
	}
	if err := i.check(); err != nil {
		return err
	}
	return s.alter(ctx, by, "instrument", i.ID, func(x *tx) (changes, error) {
		var was Instrument
		if err := x.one(&was, `SELECT id, model, serial, driver, line, protocol, address, settings FROM instruments WHERE id = $1 FOR UPDATE`, i.ID); err != nil {
			return nil, err
		}
		var same bool
		if err := x.one(&same, `SELECT $1::jsonb = $2::jsonb`, string(was.Settings), string(i.Settings)); err != nil {
			return nil, err
		}
		c := changes{}
		c.put("model", was.Model, i.Model)
		c.put("serial", was.Serial, i.Serial)
		c.put("driver", was.Driver, i.Driver)
		c.put("line", was.Line, i.Line)
		c.put("protocol", was.Protocol, i.Protocol)
		c.put("address", was.Address, i.Address)
		if !same {
			c["settings"] = []any{was.Settings, i.Settings}
		}
		if len(c) == 0 {
			return nil, nil
		}
		if err := x.exec(`UPDATE instruments SET model = $2, serial = $3, driver = $4, line = $5, protocol = $6, address = $7, settings = $8::jsonb WHERE id = $1`,
			i.ID, i.Model, i.Serial, i.Driver, i.Line, i.Protocol, i.Address, string(i.Settings)); err != nil {
			return nil, err
		}
		return c, x.exec(`SELECT pg_notify($1, '')`, NotifyLines)
	})
}

// ActivateInstrument puts an instrument into use or takes it out; its line is opened or closed.
func (s *Store) ActivateInstrument(ctx context.Context, by lims.Actor, id int64, active bool) error {
	return s.alter(ctx, by, "instrument", id, func(x *tx) (changes, error) {
		if err := x.exec(`SELECT pg_notify($1, '')`, NotifyLines); err != nil {
			return nil, err
		}
		return x.activate("instruments", id, active)
	})
}

// ActivateDestination puts a destination into use or takes it out. What is queued for it already is still sent.
func (s *Store) ActivateDestination(ctx context.Context, by lims.Actor, id int64, active bool) error {
	return s.alter(ctx, by, "destination", id, func(x *tx) (changes, error) { return x.activate("destinations", id, active) })
}

func (x *tx) activate(table string, id int64, active bool) (changes, error) {
	var was bool
	if err := x.one(&was, `SELECT active FROM `+table+` WHERE id = $1 FOR UPDATE`, id); err != nil {
		return nil, err
	}
	c := changes{}
	c.put("active", was, active)
	return c, x.exec(`UPDATE `+table+` SET active = $2 WHERE id = $1`, id, active)
}

// UpdateDestination changes where and how results go; department and secret stay. What is queued goes the new way.
func (s *Store) UpdateDestination(ctx context.Context, by lims.Actor, d Destination) error {
	if err := unknownWord("line", d.Line, DestinationLines); err != nil {
		return err
	}
	if d.Options == nil {
		d.Options = map[string]string{}
	}
	options, err := json.Marshal(d.Options)
	if err != nil {
		return err
	}
	return s.alter(ctx, by, "destination", d.ID, func(x *tx) (changes, error) {
		var was struct {
			Destination
			JSON []byte `db:"options"`
		}
		if err := x.one(&was, `SELECT id, name, line, format, channel, address, options FROM destinations WHERE id = $1 FOR UPDATE`, d.ID); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(was.JSON, &was.Destination.Options); err != nil {
			return nil, lims.Wrap(lims.Broken, "database.broken", err)
		}
		c := changes{}
		c.put("name", was.Name, d.Name)
		c.put("line", was.Line, d.Line)
		c.put("format", was.Format, d.Format)
		c.put("channel", was.Channel, d.Channel)
		c.hide("address", was.Address, d.Address)
		if !maps.Equal(was.Destination.Options, d.Options) {
			c["options"] = "changed"
		}
		return c, x.exec(`UPDATE destinations SET name = $2, line = $3, format = $4, channel = $5, address = $6, options = $7::jsonb WHERE id = $1`,
			d.ID, d.Name, d.Line, d.Format, d.Channel, d.Address, string(options))
	})
}

// SecretMark tells one secret from another without telling either. The mark of no secret is "".
func SecretMark(secret []byte) string {
	if len(secret) == 0 {
		return ""
	}
	h := sha256.Sum256(append([]byte("natlims destination "), secret...))
	return hex.EncodeToString(h[:4])
}

// NewSecret makes a destination a new secret, which is told once. was is the mark of the secret that it takes the place of: a page
// that is sent twice does not make a third.
func (s *Store) NewSecret(ctx context.Context, by lims.Actor, destination int64, was string) (string, error) {
	secret := newToken()
	return secret, s.alter(ctx, by, "destination", destination, func(x *tx) (changes, error) {
		var old []byte
		if err := x.one(&old, `SELECT secret FROM destinations WHERE id = $1 FOR UPDATE`, destination); err != nil {
			return nil, err
		}
		if SecretMark(old) != was {
			return nil, lims.E(lims.Conflict, "secret.moved", nil)
		}
		return changes{"secret": "changed"}, x.exec(`UPDATE destinations SET secret = $2 WHERE id = $1`, destination, []byte(secret))
	})
}

// RevokeToken ends a token at once. Ending it twice is ending it once.
func (s *Store) RevokeToken(ctx context.Context, by lims.Actor, id int64) error {
	return s.alter(ctx, by, "token", id, func(x *tx) (changes, error) {
		var was *time.Time
		err := x.one(&was, `SELECT revoked_at FROM tokens WHERE id = $1 FOR UPDATE`, id)
		if err != nil || was != nil {
			return nil, err
		}
		return changes{"revoked": true}, x.exec(`UPDATE tokens SET revoked_at = $2 WHERE id = $1`, id, x.now)
	})
}

// Policies: the limits are minutes, at most these.
const limitMost = 14 * 24 * 60

// IssuePolicy puts a new version of the rules in force from an instant on, which must not have passed; the zero instant is now.
// Orders keep the version under which they were registered. A mistake is corrected by another version, of the same instant if need be.
func (s *Store) IssuePolicy(ctx context.Context, by lims.Actor, n PolicyVersion) (int64, error) {
	n.Name, n.Source = strings.TrimSpace(n.Name), strings.TrimSpace(n.Source)
	if n.Name == "" || n.Source == "" {
		return 0, lims.E(lims.Invalid, "setting.incomplete", lims.Args{"fields": []string{"name", "source"}})
	}
	now := s.Now()
	if n.From.IsZero() {
		n.From = now
	}
	if n.From.Before(now.Truncate(time.Minute)) {
		return 0, lims.E(lims.Invalid, "policy.past", nil)
	}
	var wrong []string
	for _, c := range Categories {
		l := n.Limits[c]
		if l.A <= 0 || l.B <= 0 || l.A < l.B || l.A > limitMost {
			wrong = append(wrong, string(c))
		}
	}
	if len(wrong) > 0 {
		return 0, lims.E(lims.Invalid, "policy.limits", lims.Args{"category": wrong})
	}
	for _, modes := range n.Modes {
		for _, m := range modes {
			if m.Capacity() == 0 {
				return 0, lims.E(lims.Invalid, "setting.word", lims.Args{"field": "mode", "got": string(m), "expected": []string{"household", "mixed5", "mixed10", "mixed20"}})
			}
		}
	}
	return s.AddPolicy(ctx, by, n.Name, n.Source, n.From, lims.Policy{Limits: n.Limits, Modes: n.Modes})
}

// Categories are the categories of orders, the most urgent first.
var Categories = []lims.Category{lims.CloseContact, lims.KeyPerson, lims.FeverClinic, lims.ColdChain, lims.Screening, lims.Voluntary}

// NotePing leaves on record that somebody tried a destination, and whether it answered.
func (s *Store) NotePing(ctx context.Context, by lims.Actor, destination int64, ok bool) error {
	if err := need(by, lims.Admin); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		x.note("ping", "destination", destination, map[string]any{"ok": ok})
		return nil
	})
}
