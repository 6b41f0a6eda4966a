package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// FlagRow is something suspicious on a plate, and who has looked at it.
type FlagRow struct {
	ID        int64           `db:"id"`
	Plate     string          `db:"plate"`
	Run       int64           `db:"run_id"`
	Pos       string          `db:"pos"` // "": the plate as a whole
	Barcode   string          `db:"barcode"`
	Pool      string          `db:"pool"` // code, where a pool stands in the well
	Code      string          `db:"code"`
	Args      json.RawMessage `db:"args"`
	RaisedAt  time.Time       `db:"raised_at"`
	TouchedBy string          `db:"touched_by"`
	TouchedAt *time.Time      `db:"touched_at"`
	Note      string          `db:"note"`
}

const flagColumns = `f.id, p.code AS plate, f.run_id, f.pos, coalesce(s.barcode,'') AS barcode, coalesce(q.code,'') AS pool, f.code, f.args, f.raised_at, coalesce(a.name,'') AS touched_by,
	f.touched_at, f.note FROM flags f JOIN plates p ON p.id = f.plate_id LEFT JOIN samples s ON s.id = f.sample_id
	LEFT JOIN pools q ON q.id = f.pool_id LEFT JOIN actors a ON a.id = f.touched_by `

// PlateFlags lists the flags of all runs of a plate, those of the plate as a whole first.
func (s *Store) PlateFlags(ctx context.Context, plate int64) ([]FlagRow, error) {
	return list[FlagRow](ctx, s, `SELECT `+flagColumns+`WHERE f.plate_id = $1 ORDER BY f.run_id DESC, f.pos <> '', f.id LIMIT 2000`, plate)
}

// UntouchedFlags lists what nobody has looked at in a laboratory, oldest first.
func (s *Store) UntouchedFlags(ctx context.Context, sc Scope) ([]FlagRow, error) {
	return list[FlagRow](ctx, s, `SELECT `+flagColumns+`WHERE f.touched_at IS NULL AND ($1 = 0 OR f.lab_id = $1) ORDER BY f.id LIMIT 2000`, sc.Lab)
}

// TouchFlags says that a reviewer has looked at flags, and what came of it.
func (s *Store) TouchFlags(ctx context.Context, by lims.Actor, ids []int64, note string) error {
	if err := need(by, lims.Checker, lims.Releaser, lims.Supervisor); err != nil {
		return err
	}
	if note = strings.TrimSpace(note); note == "" {
		return lims.E(lims.Invalid, "flag.note", nil)
	}
	if len(ids) == 0 || len(ids) > MaxSign {
		return lims.E(lims.Invalid, "results.count", lims.Args{"max": MaxSign, "got": len(ids)})
	}
	return s.do(ctx, by, func(x *tx) error {
		var done []int64
		if err := x.all(&done, `UPDATE flags SET touched_by = $2, touched_at = $3, note = $4
			WHERE id = ANY($1) AND touched_at IS NULL AND ($5 = 0 OR lab_id = $5) RETURNING id`, pq.Array(ids), by.ID, x.now, note, by.Lab); err != nil {
			return err
		}
		if len(done) == 0 {
			return lims.E(lims.Conflict, "state.moved", lims.Args{"what": "flags", "event": "touch", "ids": ids})
		}
		x.noteAll("touch", "flag", done, map[string]any{"note": note})
		return nil
	})
}

// raiseFlags writes down what is suspicious about a run.
func (x *tx) raiseFlags(run int64, p Plate, v lims.Verdict, tubes map[string]tube) error {
	var poss, codes, args []string
	var samples []int64
	add := func(f lims.Flag, pos string, sample int64) error {
		b, err := json.Marshal(f.Args)
		if err != nil {
			return fmt.Errorf("flag %s: %w", f.Code, err)
		}
		if f.Args == nil {
			b = []byte("{}")
		}
		poss, codes, args, samples = append(poss, pos), append(codes, f.Code), append(args, clean(string(b))), append(samples, sample)
		return nil
	}
	for _, f := range v.Flags {
		if err := add(f, plateWide(f), 0); err != nil {
			return err
		}
	}
	for _, w := range v.Wells {
		for _, f := range w.Flags {
			if err := add(f, w.Pos.String(), tubes[w.Code].ID); err != nil {
				return err
			}
		}
	}
	if len(codes) == 0 {
		return nil
	}
	return x.exec(`INSERT INTO flags (lab_id, plate_id, run_id, raised_at, pos, code, args, sample_id, pool_id)
		SELECT $1, $2, $3, $4, p, c, a::jsonb, nullif(s, 0), w.pool_id FROM unnest($5::text[], $6::text[], $7::text[], $8::bigint[]) WITH ORDINALITY AS t (p, c, a, s, n)
			LEFT JOIN (SELECT DISTINCT pos, pool_id FROM wells WHERE plate_id = $2 AND pool_id IS NOT NULL) w ON w.pos = t.p ORDER BY n`,
		p.Lab, p.ID, run, x.now, pq.Array(poss), pq.Array(codes), pq.Array(args), pq.Array(samples))
}

// plateWide is the place of a flag of the plate: a control's well where it speaks of one. The zero position is A1, which only
// these codes mean.
func plateWide(f lims.Flag) string {
	if f.Code == "late_control" || f.Code == "waived" && f.Pos.Row+f.Pos.Col > 0 {
		return f.Pos.String()
	}
	return ""
}

// gateOf are the runs behind results: their own and those of both arms.
const gateOf = `SELECT run_id FROM results WHERE id = ANY($1) AND run_id IS NOT NULL
	UNION SELECT run_id FROM result_arms WHERE result_id = ANY($1)`

// inControl refuses to release what rests on a plate that is out of control, or on which a flag was not touched.
func (x *tx) inControl(results []int64) error {
	var out []string
	if err := x.all(&out, `SELECT DISTINCT p.code || ' ' || e.target || ' ' || e.rule FROM iqc_events e JOIN plates p ON p.id = e.plate_id
		WHERE e.reject AND e.closed_at IS NULL AND e.run_id IN (`+gateOf+`) ORDER BY 1`, pq.Array(results)); err != nil {
		return err
	}
	if len(out) > 0 {
		return lims.E(lims.Denied, "iqc.out_of_control", lims.Args{"events": out})
	}
	var wells []string
	if err := x.all(&wells, `SELECT DISTINCT trim(p.code || ' ' || f.pos) FROM flags f JOIN plates p ON p.id = f.plate_id
		WHERE f.touched_at IS NULL AND f.run_id IN (`+gateOf+`) ORDER BY 1`, pq.Array(results)); err != nil {
		return err
	}
	if len(wells) > 0 {
		slices.Sort(wells)
		return lims.E(lims.Denied, "flags.untouched", lims.Args{"wells": wells})
	}
	return nil
}
