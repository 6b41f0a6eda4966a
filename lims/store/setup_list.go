package store

import (
	"context"

	"natlims/lims/pcr"
)

// Labs lists the laboratories, oldest first.
func (s *Store) Labs(ctx context.Context) ([]Lab, error) {
	return list[Lab](ctx, s, `SELECT id, code, name_zh, name_en, zone, capacity, open_24h FROM labs ORDER BY id`)
}

// Departments lists the requesting departments, oldest first.
func (s *Store) Departments(ctx context.Context) ([]Department, error) {
	return list[Department](ctx, s, `SELECT id, code, name_zh, name_en, kind, area_code FROM departments ORDER BY id`)
}

// Instruments lists the instruments of a laboratory, or (0) of all, by code.
func (s *Store) Instruments(ctx context.Context, lab int64) ([]Instrument, error) {
	return list[Instrument](ctx, s, `SELECT id, lab_id, code, model, serial, driver, line, protocol, address, settings, active, last_message_at
		FROM instruments WHERE ($1 = 0 OR lab_id = $1) ORDER BY code`, lab)
}

// KitsOnRecord gives every kit version on record by its key, for names and the order of targets. Kits do not change: each
// body is parsed once.
func (s *Store) KitsOnRecord(ctx context.Context) (map[string]*pcr.Kit, error) {
	keys, err := list[string](ctx, s, `SELECT key FROM kits`)
	if err != nil {
		return nil, err
	}
	return s.kits(ctx, keys)
}
