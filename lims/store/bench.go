package store

import (
	"context"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/plate"
)

// WaitingSample is a received sample that wants a well, in plating order.
type WaitingSample struct {
	ID       int64      `db:"id"`
	Barcode  string     `db:"barcode"`
	Mode     lims.Mode  `db:"mode"`
	Persons  int        `db:"persons"`
	Priority int        `db:"priority"`
	DueAt    *time.Time `db:"due_at"`
	Attempts int        `db:"attempts"`
	Action   string     `db:"prior_action"`
}

// Waiting lists received samples by priority and deadline (R07), at most limit of them.
func (s *Store) Waiting(ctx context.Context, lab int64, limit int) (rows []WaitingSample, err error) {
	err = s.db.SelectContext(ctx, &rows, `SELECT id, barcode, mode, coalesce(declared, 1) AS persons, priority, due_at, attempts, prior_action
		FROM samples WHERE lab_id = $1 AND state = 'received' ORDER BY priority, due_at, id LIMIT $2`, lab, limit)
	return rows, mapped(ctx, err)
}

// NewPlate asks for a plate: the barcodes that go on it, in order, and the kit.
type NewPlate struct {
	Lab    int64
	Wells  int    // 96 or 384
	Kit    string // kit key
	Lot    string
	Codes  []string
	Batch  string     // extraction batch, where it is not the plate itself
	Second *SecondKit // every tube with another kit on the same plate as well
}

// Plate is a plate and where it stands.
type Plate struct {
	ID         int64      `db:"id"`
	Code       string     `db:"code"`
	Lab        int64      `db:"lab_id"`
	Wells      int        `db:"wells"`
	Kit        string     `db:"kit_key"`
	Lot        string     `db:"lot"`
	State      lims.State `db:"state"`
	Instrument *int64     `db:"instrument_id"`
	CreatedAt  time.Time  `db:"created_at"`
	SealedAt   *time.Time `db:"sealed_at"`
	StartedAt  *time.Time `db:"started_at"`
	ReadAt     *time.Time `db:"read_at"`
	ClosedAt   *time.Time `db:"closed_at"`
	Reason     string     `db:"reason"`
}

const plateFields = `id, code, lab_id, wells, kit_key, lot, state, instrument_id, created_at, sealed_at, started_at, read_at, closed_at, reason`

// Seal freezes the layout.
func (s *Store) Seal(ctx context.Context, by lims.Actor, id int64) error {
	return s.movePlate(ctx, by, id, "seal", `, sealed_at = $4`, nil)
}

// Unseal opens a sealed plate again, as long as it was not started.
func (s *Store) Unseal(ctx context.Context, by lims.Actor, id int64) error {
	return s.movePlate(ctx, by, id, "unseal", `, sealed_at = CASE WHEN $4::timestamptz IS NULL THEN sealed_at END`, nil)
}

// Start puts a sealed plate on an instrument of its laboratory.
func (s *Store) Start(ctx context.Context, by lims.Actor, id, instrument int64) error {
	return s.movePlate(ctx, by, id, "start", `, started_at = $4, instrument_id = $5`, func(x *tx, p Plate) ([]any, error) {
		var ok bool
		err := x.one(&ok, `SELECT EXISTS (SELECT FROM instruments WHERE id = $1 AND lab_id = $2 AND active)`, instrument, p.Lab)
		if err == nil && !ok {
			err = lims.E(lims.Invalid, "instrument.unknown", nil)
		}
		return []any{instrument}, err
	})
}

// VoidPlate gives a plate up, with a reason. Its samples want a well again; nothing of it can be released.
func (s *Store) VoidPlate(ctx context.Context, by lims.Actor, id int64, reason string) error {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.movePlate(ctx, by, id, "void", `, closed_at = $4, reason = $5`, func(x *tx, p Plate) ([]any, error) {
		return []any{reason}, x.unload(p.ID)
	})
}

// unload gives the samples of a plate back to the bench, whichever way they have come on it, and withdraws what was called.
// A sample that is tested with two kits goes where its arms say.
func (x *tx) unload(plateID int64) error {
	var loaded, read []int64
	if err := x.all(&loaded, `SELECT id FROM samples WHERE state = 'loaded' AND id IN (SELECT sample_id FROM wells WHERE plate_id = $1)
		AND id NOT IN (SELECT sample_id FROM sample_arms WHERE plate_id = $1) ORDER BY id FOR UPDATE`, plateID); err != nil {
		return err
	}
	if err := x.move(lims.SampleMoves, "samples", "unload", loaded, ""); err != nil {
		return err
	}
	if err := x.unloadPools(plateID); err != nil {
		return err
	}
	if err := x.all(&read, `SELECT id FROM samples WHERE state = 'read' AND id IN (SELECT sample_id FROM wells WHERE plate_id = $1)
		AND id NOT IN (SELECT sample_id FROM sample_arms WHERE plate_id = $1)
		AND id NOT IN (SELECT r.sample_id FROM results r JOIN runs u ON u.id = r.run_id WHERE u.plate_id = $1 AND r.state IN ('released','superseded'))
		ORDER BY id FOR UPDATE`, plateID); err != nil {
		return err
	}
	var results []int64
	if err := x.all(&results, `SELECT r.id FROM results r JOIN runs u ON u.id = r.run_id
		WHERE u.plate_id = $1 AND r.state IN ('called','held','checked') ORDER BY r.id FOR UPDATE OF r`, plateID); err != nil {
		return err
	}
	if err := x.move(lims.ResultMoves, "results", "withdraw", results, `, ended_at = $4, reason = 'plate.void'`, x.now); err != nil {
		return err
	}
	if err := x.annul(results); err != nil {
		return err
	}
	x.noteAll("unload", "sample", append(loaded, read...), nil)
	x.noteAll("withdraw", "result", results, nil)
	if err := x.move(lims.SampleMoves, "samples", "repeat", read, ""); err != nil {
		return err
	}
	return x.unloadArms(plateID)
}

func (s *Store) movePlate(ctx context.Context, by lims.Actor, id int64, e lims.Event, set string, more func(*tx, Plate) ([]any, error)) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		var p Plate
		err := x.one(&p, `SELECT `+plateFields+` FROM plates WHERE id = $1 FOR UPDATE`, id)
		if missing(err) {
			return lims.E(lims.NotFound, "plate.unknown", nil)
		}
		if err == nil {
			err = inLab(by, p.Lab)
		}
		if err != nil {
			return err
		}
		args := []any{x.now}
		if more != nil {
			extra, err := more(x, p)
			if err != nil {
				return err
			}
			args = append(args, extra...)
		}
		x.note(string(e), "plate", id, nil)
		return x.move(lims.PlateMoves, "plates", e, []int64{id}, set, args...)
	})
}

// PlateByCode finds a plate by what is printed on it.
func (s *Store) PlateByCode(ctx context.Context, code string) (p Plate, err error) {
	err = s.db.GetContext(ctx, &p, `SELECT `+plateFields+` FROM plates WHERE code = $1`, strings.ToUpper(strings.TrimSpace(code)))
	if missing(err) {
		return p, lims.E(lims.NotFound, "plate.unknown", lims.Args{"plate": code})
	}
	return p, mapped(ctx, err)
}

// Layout is a plate's content, in row-major order.
func (s *Store) Layout(ctx context.Context, id int64) (plate.Layout, error) {
	all, err := s.layouts(ctx, []int64{id})
	if err != nil {
		return plate.Layout{}, err
	}
	l, ok := all[id]
	if !ok {
		return plate.Layout{}, lims.E(lims.NotFound, "plate.unknown", nil)
	}
	return l, nil
}

func (s *Store) layouts(ctx context.Context, ids []int64) (map[int64]plate.Layout, error) {
	var rows []struct {
		Plate  int64      `db:"id"`
		PCode  string     `db:"pcode"`
		Wells  int        `db:"wells"`
		Pos    string     `db:"pos"`
		Role   plate.Role `db:"role"`
		Code   string     `db:"code"`
		Kit    string     `db:"kit_key"`
		Arm    string     `db:"arm"`
		Batch  string     `db:"batch"`
		Lot    string     `db:"lot"`
		Target string     `db:"target"`
	}
	err := s.db.SelectContext(ctx, &rows, `SELECT p.id, p.code AS pcode, p.wells, w.pos, w.role, w.code, w.kit_key, w.arm, w.batch, w.lot, w.target
		FROM plates p JOIN wells w ON w.plate_id = p.id WHERE p.id = ANY($1)
		ORDER BY p.id, left(w.pos, 1), substr(w.pos, 2)::int`, pq.Array(ids))
	if err != nil {
		return nil, mapped(ctx, err)
	}
	out := map[int64]plate.Layout{}
	for _, r := range rows {
		l, ok := out[r.Plate]
		if !ok {
			l.Code = r.PCode
			l.Format, _ = plate.FormatOf(r.Wells)
		}
		pos, err := plate.ParsePos(r.Pos)
		if err != nil {
			return nil, lims.Wrap(lims.Broken, "database.broken", err)
		}
		l.Wells = append(l.Wells, plate.Well{Pos: pos, Role: r.Role, Code: r.Code, Kit: r.Kit, Arm: r.Arm, Batch: r.Batch, Lot: r.Lot, Target: r.Target})
		out[r.Plate] = l
	}
	return out, nil
}

// PlateByID finds a plate.
func (s *Store) PlateByID(ctx context.Context, id int64) (p Plate, err error) {
	err = s.db.GetContext(ctx, &p, `SELECT `+plateFields+` FROM plates WHERE id = $1`, id)
	if missing(err) {
		return p, lims.E(lims.NotFound, "plate.unknown", nil)
	}
	return p, mapped(ctx, err)
}
