package store

import (
	"context"
	"fmt"
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
	Lab   int64
	Wells int    // 96 or 384
	Kit   string // kit key
	Lot   string
	Codes []string
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

// StandardControls are the controls of every plate: the kit's negative and positive, and the third-party material that the
// handbook asks for, one weak positive and three negatives (domain 1.10).
var StandardControls = []plate.Role{plate.Negative, plate.Positive, plate.Weak, plate.Saline, plate.Saline, plate.Saline}

// Lay makes a plate: controls at positions that the plate's number decides, samples in the remaining wells in the order given.
// A sample that is unknown, elsewhere or already on a plate is named.
func (s *Store) Lay(ctx context.Context, by lims.Actor, n NewPlate) (p Plate, err error) {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return p, err
	}
	if err := inLab(by, n.Lab); err != nil {
		return p, err
	}
	format, ok := plate.FormatOf(n.Wells)
	if !ok {
		return p, lims.E(lims.Invalid, "plate.wells", lims.Args{"got": n.Wells})
	}
	if most := format.Size() - len(StandardControls); len(n.Codes) == 0 || len(n.Codes) > most {
		return p, lims.E(lims.Invalid, "plate.count", lims.Args{"max": most, "got": len(n.Codes)})
	}
	err = s.do(ctx, by, func(x *tx) error { return x.lay(n, format, &p) })
	return p, err
}

func (x *tx) lay(n NewPlate, format plate.Format, p *Plate) error {
	if err := x.usable(n.Kit); err != nil {
		return err
	}
	var rows []struct {
		ID      int64  `db:"id"`
		Barcode string `db:"barcode"`
	}
	if err := x.all(&rows, `SELECT id, barcode FROM samples WHERE barcode = ANY($1) AND lab_id = $2 AND state = 'received' ORDER BY id FOR UPDATE`,
		pq.Array(n.Codes), n.Lab); err != nil {
		return err
	}
	byCode := make(map[string]int64, len(rows))
	for _, r := range rows {
		byCode[r.Barcode] = r.ID
	}
	ids := make([]int64, 0, len(n.Codes))
	var wrong, twice []string
	used := map[string]bool{}
	for _, c := range n.Codes {
		switch id, ok := byCode[c]; {
		case !ok:
			wrong = append(wrong, c)
		case used[c]:
			twice = append(twice, c)
		default:
			used[c] = true
			ids = append(ids, id)
		}
	}
	if wrong != nil {
		return lims.E(lims.Conflict, "sample.not_waiting", lims.Args{"barcodes": wrong})
	}
	if twice != nil {
		return lims.E(lims.Invalid, "sample.twice", lims.Args{"barcodes": twice})
	}
	numbers, err := x.ids("plates", 1)
	if err != nil {
		return err
	}
	number := numbers[0]
	if err := x.one(p, `INSERT INTO plates (id, code, lab_id, wells, kit_key, lot, made_by, created_at) OVERRIDING SYSTEM VALUE
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8) RETURNING `+plateFields,
		number, fmt.Sprintf("P-%06d", number), n.Lab, n.Wells, n.Kit, n.Lot, x.actor.ID, x.now); err != nil {
		return err
	}
	wells, err := plate.Fill(format, int(number), n.Codes, StandardControls)
	if err != nil {
		return lims.Wrap(lims.Invalid, "plate.layout", err)
	}
	if err := x.insertWells(p, wells, byCode); err != nil {
		return err
	}
	x.note("lay", "plate", p.ID, map[string]any{"samples": len(ids), "kit": n.Kit})
	x.noteAll("load", "sample", ids, map[string]any{"plate": p.Code})
	return x.move(lims.SampleMoves, "samples", "load", ids, "")
}

// usable refuses kits that are not on record, or whose insert no supervisor has confirmed.
func (x *tx) usable(key string) error {
	var ok bool
	err := x.one(&ok, `SELECT status = 'verified' OR approved_at IS NOT NULL FROM kits WHERE key = $1`, key)
	switch {
	case missing(err):
		return lims.E(lims.NotFound, "kit.unknown", lims.Args{"kit": key})
	case err != nil:
		return err
	case !ok:
		return lims.E(lims.Denied, "kit.unverified", lims.Args{"kit": key})
	}
	return nil
}

func (x *tx) insertWells(p *Plate, wells []plate.Well, samples map[string]int64) error {
	n := len(wells)
	pos, roles, codes := make([]string, n), make([]string, n), make([]string, n)
	ids := make([]int64, n)
	for i, w := range wells {
		pos[i], roles[i], codes[i] = w.Pos.String(), string(w.Role), w.Code
		if w.Role == plate.Sample {
			ids[i] = samples[w.Code]
		}
	}
	return x.exec(`INSERT INTO wells (plate_id, kit_key, lot, batch, pos, role, code, sample_id)
		SELECT $1, $2, $3, $4, pos, role, code, nullif(sample, 0)
		FROM unnest($5::text[], $6::text[], $7::text[], $8::bigint[]) AS t (pos, role, code, sample)`,
		p.ID, p.Kit, p.Lot, p.Code, pq.Array(pos), pq.Array(roles), pq.Array(codes), pq.Array(ids))
}

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
func (x *tx) unload(plateID int64) error {
	var loaded, read []int64
	if err := x.all(&loaded, `SELECT id FROM samples WHERE state = 'loaded' AND id IN (SELECT sample_id FROM wells WHERE plate_id = $1) ORDER BY id FOR UPDATE`, plateID); err != nil {
		return err
	}
	if err := x.move(lims.SampleMoves, "samples", "unload", loaded, ""); err != nil {
		return err
	}
	if err := x.all(&read, `SELECT id FROM samples WHERE state = 'read' AND id IN (SELECT sample_id FROM wells WHERE plate_id = $1)
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
	x.noteAll("unload", "sample", append(loaded, read...), nil)
	x.noteAll("withdraw", "result", results, nil)
	return x.move(lims.SampleMoves, "samples", "repeat", read, "")
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
		Plate int64      `db:"id"`
		PCode string     `db:"pcode"`
		Wells int        `db:"wells"`
		Pos   string     `db:"pos"`
		Role  plate.Role `db:"role"`
		Code  string     `db:"code"`
		Kit   string     `db:"kit_key"`
		Arm   string     `db:"arm"`
		Batch string     `db:"batch"`
		Lot   string     `db:"lot"`
	}
	err := s.db.SelectContext(ctx, &rows, `SELECT p.id, p.code AS pcode, p.wells, w.pos, w.role, w.code, w.kit_key, w.arm, w.batch, w.lot
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
		l.Wells = append(l.Wells, plate.Well{Pos: pos, Role: r.Role, Code: r.Code, Kit: r.Kit, Arm: r.Arm, Batch: r.Batch, Lot: r.Lot})
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
