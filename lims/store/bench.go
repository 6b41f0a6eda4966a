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
	l, err := s.plan(ctx, format, n)
	if err != nil {
		return p, err
	}
	err = s.do(ctx, by, func(x *tx) error { return x.lay(l, &p) })
	return p, err
}

// laying is a plate that is being laid: what was asked for, and which controls stand for which kit.
type laying struct {
	NewPlate
	format   plate.Format
	controls []plate.Role // of the first kit, then of the second
	first    int          // number of controls of the first kit
	pools    map[string]int64
}

// plan counts the wells that kits and controls take.
func (s *Store) plan(ctx context.Context, f plate.Format, n NewPlate) (laying, error) {
	l := laying{NewPlate: n, format: f}
	keys, copies := []string{n.Kit}, 1
	if n.Second != nil {
		keys, copies = append(keys, n.Second.Kit), 2
	}
	kits, err := s.kits(ctx, keys)
	if err != nil {
		return l, err
	}
	for i, key := range keys {
		more := StandardControls
		if k := kits[key]; k != nil {
			more = ControlsOf(k, len(n.Codes))
		}
		l.controls = append(l.controls, more...)
		if i == 0 {
			l.first = len(l.controls)
		}
	}
	if most := (f.Size() - len(l.controls)) / copies; len(n.Codes) == 0 || len(n.Codes) > most {
		return l, lims.E(lims.Invalid, "plate.count", lims.Args{"max": most, "got": len(n.Codes)})
	}
	return l, nil
}

func (x *tx) lay(l laying, p *Plate) error {
	if err := x.layable(l); err != nil {
		return err
	}
	pools, singles, err := x.loadPools(l.NewPlate)
	if err != nil {
		return err
	}
	l.pools = pools
	tubes, err := x.waiting(singles)
	if err != nil {
		return err
	}
	numbers, err := x.ids("plates", 1)
	if err != nil {
		return err
	}
	number := numbers[0]
	if err := x.one(p, `INSERT INTO plates (id, code, lab_id, wells, kit_key, lot, made_by, created_at) OVERRIDING SYSTEM VALUE
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8) RETURNING `+plateFields,
		number, fmt.Sprintf("P-%06d", number), l.Lab, l.Wells, l.Kit, l.Lot, x.actor.ID, x.now); err != nil {
		return err
	}
	if l.Batch == "" {
		l.Batch = p.Code
	}
	arms, err := x.loadArms(singles, p, tubes)
	if err != nil {
		return err
	}
	if err := x.insertWells(p, l, tubes, arms); err != nil {
		return err
	}
	var load, all []int64
	for _, t := range tubes {
		all = append(all, t.ID)
		if t.State == lims.Received {
			load = append(load, t.ID)
		}
	}
	if err := x.doneSteps(all); err != nil {
		return err
	}
	if err := x.spend(l.NewPlate, p.ID, all); err != nil {
		return err
	}
	x.note("lay", "plate", p.ID, map[string]any{"samples": len(all), "kit": l.Kit})
	x.noteAll("load", "sample", all, map[string]any{"plate": p.Code})
	return x.move(lims.SampleMoves, "samples", "load", load, "")
}

// layable refuses kits and lots that must not be used, and extraction batches that have failed.
func (x *tx) layable(l laying) error {
	pairs := [][2]string{{l.Kit, l.Lot}}
	if l.Second != nil {
		if l.Second.Kit == l.Kit {
			return lims.E(lims.Invalid, "arm.same_kit", lims.Args{"kit": l.Kit})
		}
		pairs = append(pairs, [2]string{l.Second.Kit, l.Second.Lot})
	}
	for _, k := range pairs {
		if err := x.usable(k[0]); err != nil {
			return err
		}
		if err := x.freshLot(l.Lab, k[0], k[1]); err != nil {
			return err
		}
	}
	var failed bool
	err := x.one(&failed, `SELECT EXISTS (SELECT FROM failed_batches WHERE lab_id = $1 AND batch = $2)`, l.Lab, l.Batch)
	if err == nil && failed {
		err = lims.E(lims.Conflict, "batch.failed", lims.Args{"batch": l.Batch})
	}
	return err
}

// waitingTube is a tube that may go on a plate.
type waitingTube struct {
	ID      int64      `db:"id"`
	Barcode string     `db:"barcode"`
	State   lims.State `db:"state"`
}

// waiting locks the tubes of a new plate. Those that wait for nothing here, and those named twice, are named.
func (x *tx) waiting(n NewPlate) (map[string]waitingTube, error) {
	var rows []waitingTube
	if err := x.all(&rows, `SELECT id, barcode, state FROM samples WHERE barcode = ANY($1) AND (lab_id = $2 AND state = 'received'
			OR state IN ('received','loaded') AND id IN (SELECT sample_id FROM sample_arms WHERE lab_id = $2 AND kit_key = $3 AND state = 'owed'))
		ORDER BY id FOR UPDATE`, pq.Array(n.Codes), n.Lab, n.Kit); err != nil {
		return nil, err
	}
	tubes := make(map[string]waitingTube, len(rows))
	for _, r := range rows {
		tubes[r.Barcode] = r
	}
	var wrong, twice []string
	used := map[string]bool{}
	for _, c := range n.Codes {
		switch _, ok := tubes[c]; {
		case !ok:
			wrong = append(wrong, c)
		case used[c]:
			twice = append(twice, c)
		}
		used[c] = true
	}
	if wrong != nil {
		return nil, lims.E(lims.Conflict, "sample.not_waiting", lims.Args{"barcodes": wrong})
	}
	if twice != nil {
		return nil, lims.E(lims.Invalid, "sample.twice", lims.Args{"barcodes": twice})
	}
	return tubes, nil
}

// secondMark tells the second well of a tube from its first while a plate with two kits is filled.
const secondMark = "\x00"

// insertWells fills the plate. The controls of a second kit follow those of the first, role by role.
func (x *tx) insertWells(p *Plate, l laying, tubes map[string]waitingTube, arms map[armAt]string) error {
	codes := l.Codes
	if l.Second != nil {
		for _, c := range l.Codes {
			codes = append(codes[:len(codes):len(codes)], c+secondMark)
		}
	}
	wells, err := plate.Fill(l.format, int(p.ID), codes, l.controls)
	if err != nil {
		return lims.Wrap(lims.Invalid, "plate.layout", err)
	}
	iqc, err := x.iqcLotsInUse(l.Lab)
	if err != nil {
		return err
	}
	left := map[plate.Role]int{} // controls of the first kit that are still to be placed
	for _, r := range l.controls[:l.first] {
		left[r]++
	}
	n := len(wells)
	text := make([][]string, 7)
	for i := range text {
		text[i] = make([]string, n)
	}
	ids, in := make([]int64, n), make([]int64, n)
	for i, w := range wells {
		code, second := strings.CutSuffix(w.Code, secondMark)
		if w.Role.Control() {
			left[w.Role]--
			second = left[w.Role] < 0
		}
		kit, lot := l.Kit, l.Lot
		if second {
			kit, lot = l.Second.Kit, l.Second.Lot
		}
		if w.Role == plate.Weak || w.Role == plate.Saline {
			lot = iqc[string(w.Role)]
		}
		ids[i], in[i] = tubes[code].ID, l.pools[code] // 0 for controls
		for k, v := range [7]string{w.Pos.String(), string(w.Role), code, kit, lot, arms[armAt{ids[i], kit}], l.Batch} {
			text[k][i] = v
		}
	}
	return x.exec(`INSERT INTO wells (plate_id, pos, role, code, kit_key, lot, arm, batch, sample_id, pool_id)
		SELECT $1, pos, role, code, kit, lot, arm, batch, nullif(sample, 0), nullif(pool, 0)
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[])
			AS t (pos, role, code, kit, lot, arm, batch, sample, pool)`,
		p.ID, pq.Array(text[0]), pq.Array(text[1]), pq.Array(text[2]), pq.Array(text[3]), pq.Array(text[4]), pq.Array(text[5]),
		pq.Array(text[6]), pq.Array(ids), pq.Array(in))
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
