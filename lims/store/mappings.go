package store

import (
	"context"
	"time"

	"natlims/lims"
)

// MappingVersion is a table that a laboratory described for an instrument, as JSON of instruments.Mapping.
type MappingVersion struct {
	Version int       `db:"version"` // from 1; 0: there is none
	Body    string    `db:"body"`    // "": taken back
	SavedBy string    `db:"saved_by"`
	SavedAt time.Time `db:"saved_at"`
}

// MaxMapping is the largest body of a mapping in bytes.
const MaxMapping = 64 << 10

// Mappings lists the versions of an instrument's mapping, newest first; the first counts.
func (s *Store) Mappings(ctx context.Context, instrument int64) ([]MappingVersion, error) {
	return list[MappingVersion](ctx, s, `SELECT m.version, m.body, a.name AS saved_by, m.saved_at FROM mappings m JOIN actors a ON a.id = m.saved_by
		WHERE m.instrument_id = $1 ORDER BY m.version DESC LIMIT 50`, instrument)
}

// SaveMapping puts a new version of an instrument's mapping in force; an empty body takes the mapping back. Whoever saw another
// version than the newest is refused. What the body says is checked by who wrote it.
func (s *Store) SaveMapping(ctx context.Context, by lims.Actor, instrument int64, seen int, body string) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if len(body) > MaxMapping {
		return lims.E(lims.Invalid, "mapping.size", lims.Args{"max": MaxMapping, "got": len(body)})
	}
	return s.do(ctx, by, func(x *tx) error {
		var lab int64
		if err := x.one(&lab, `SELECT lab_id FROM instruments WHERE id = $1 FOR UPDATE`, instrument); missing(err) {
			return lims.E(lims.NotFound, "instrument.unknown", nil)
		} else if err != nil {
			return err
		}
		if err := inLab(by, lab); err != nil {
			return err
		}
		n, err := x.count(`INSERT INTO mappings (instrument_id, version, body, saved_by, saved_at)
			SELECT $1, $2 + 1, $3, $4, $5 WHERE $2 = (SELECT coalesce(max(version), 0) FROM mappings WHERE instrument_id = $1)`,
			instrument, seen, body, by.ID, x.now)
		if err == nil && n == 0 {
			err = lims.E(lims.Conflict, "mapping.moved", nil)
		}
		x.note("map", "instrument", instrument, map[string]any{"version": seen + 1})
		return err
	})
}
