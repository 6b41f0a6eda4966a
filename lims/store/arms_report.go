package store

import (
	"context"
	"encoding/json"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/reports"
)

// bothArms are the tests behind results that two kits gave together, by result.
func (s *Store) bothArms(ctx context.Context, rows []reportRow, pr printing) (map[int64][]reports.Arm, error) {
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.Result
	}
	calls, err := list[struct {
		Result  int64           `db:"result_id"`
		Kit     string          `db:"kit_key"`
		Lot     string          `db:"lot"`
		Targets json.RawMessage `db:"targets"`
	}](ctx, s, `SELECT a.result_id, a.kit_key, w.lot, c.targets FROM result_arms a JOIN calls c ON c.run_id = a.run_id AND c.pos = a.pos AND c.kit_key = a.kit_key
		JOIN runs u ON u.id = a.run_id JOIN wells w ON w.plate_id = u.plate_id AND w.pos = a.pos AND w.kit_key = a.kit_key
		WHERE a.result_id = ANY($1) ORDER BY a.result_id, a.arm`, pq.Array(ids))
	if err != nil || len(calls) == 0 {
		return nil, err
	}
	var keys []string
	for _, c := range calls {
		keys = append(keys, c.Kit)
	}
	kits, err := s.kits(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := map[int64][]reports.Arm{}
	for _, c := range calls {
		var found map[string]pcr.Target
		if err := json.Unmarshal(c.Targets, &found); err != nil {
			return nil, lims.Wrap(lims.Broken, "database.broken", err)
		}
		out[c.Result] = append(out[c.Result], armOf(kits[c.Kit], c.Lot, found, pr))
	}
	return out, nil
}
