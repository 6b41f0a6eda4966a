package store

import (
	"encoding/json"

	"github.com/lib/pq"

	"natlims/lims"
)

// autoCheck gives the first signature to clean negatives of an accepted run in the name of the person whom the laboratory's
// rules name and who has agreed to them. Which rules those were stands with each result. The second signature is always a
// person's: two people answer for the plate.
func (x *tx) autoCheck(run int64, p Plate, j Judged, tubes map[string]tube) error {
	row, ok, err := x.inForce(AutoRules, p.Lab, x.now)
	if err != nil || !ok {
		return err
	}
	var rules lims.AutoRules
	if err := json.Unmarshal(row.Body, &rules); err != nil {
		return err
	}
	rules.Version = row.Version
	if err := x.mayCheck(row.NamedID, p.Lab); err != nil {
		return nil //nolint:nilerr // the named person has left: nothing is checked in that name
	}
	var pass []int64
	for _, w := range j.Verdict.Wells {
		if t, known := tubes[w.Code]; known && rules.Auto(j.Verdict, w, j.Case.Kits[w.Kit]).Pass {
			pass = append(pass, t.ID)
		}
	}
	var ids []int64
	if err := x.all(&ids, `SELECT id FROM results WHERE run_id = $1 AND sample_id = ANY($2) AND state = 'called' AND call = 'negative'
		AND sample_id NOT IN (SELECT sample_id FROM sample_arms WHERE sample_id = ANY($2)) ORDER BY id FOR UPDATE`, run, pq.Array(pass)); err != nil {
		return err
	}
	if len(ids) == 0 {
		return nil
	}
	x.noteAll("auto_check", "result", ids, map[string]any{"rules": row.ID, "version": row.Version, "for": row.NamedID})
	return x.move(lims.ResultMoves, "results", "check", ids, `, checked_by = $4, checked_at = $5, auto_version = $6`, row.NamedID, x.now, row.Version)
}
