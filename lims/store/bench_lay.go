package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

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
	lanes    plate.Lanes  // wells that each sample takes
	controls []plate.Role // of the first kit, then of the second
	first    int          // number of controls of the first kit
	pools    map[string]int64
}

// plan counts the wells that kits and controls take.
func (s *Store) plan(ctx context.Context, f plate.Format, n NewPlate) (laying, error) {
	l := laying{NewPlate: n, format: f}
	keys := []string{n.Kit}
	if n.Second != nil {
		keys = append(keys, n.Second.Kit)
	}
	found, err := s.kits(ctx, keys)
	if err != nil {
		return l, err
	}
	var kits []*pcr.Kit
	for i, key := range keys {
		k := found[key]
		if k == nil {
			return l, lims.E(lims.NotFound, "kit.unknown", lims.Args{"kit": key})
		}
		if n.Second != nil && k.Wells() > 1 {
			return l, lims.E(lims.Invalid, "plate.own_plate", lims.Args{"kit": key, "wells": k.Wells()})
		}
		kits = append(kits, k)
		l.controls = append(l.controls, ControlsOf(k, len(n.Codes))...)
		if i == 0 {
			l.first, l.lanes = len(l.controls), k.Lanes()
		}
	}
	if most := Room(f, kits...); len(n.Codes) == 0 || len(n.Codes) > most {
		return l, lims.E(lims.Invalid, "plate.count", lims.Args{"max": most, "got": len(n.Codes)})
	}
	return l, nil
}

// Room is how many samples fit on a plate beside the controls of its kits, of which only a single one may take several wells a sample.
func Room(f plate.Format, kits ...*pcr.Kit) int {
	places := f.Size()
	if len(kits) == 1 {
		places = kits[0].Lanes().Places(f)
	}
	for n := places / max(1, len(kits)); n > 0; n-- {
		taken := n * len(kits)
		for _, k := range kits {
			taken += len(ControlsOf(k, n))
		}
		if taken <= places {
			return n
		}
	}
	return 0
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
	wells, err := l.lanes.Fill(l.format, int(p.ID), codes, l.controls)
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
	text := make([][]string, 8)
	for i := range text {
		text[i] = make([]string, n)
	}
	ids, in := make([]int64, n), make([]int64, n)
	for i, w := range wells {
		code, second := strings.CutSuffix(w.Code, secondMark)
		if w.Role.Control() {
			left[w.Role]--
			second = l.Second != nil && left[w.Role] < 0
		}
		kit, lot := l.Kit, l.Lot
		if second {
			kit, lot = l.Second.Kit, l.Second.Lot
		}
		if w.Role == plate.Weak || w.Role == plate.Saline {
			lot = iqc[string(w.Role)]
		}
		ids[i], in[i] = tubes[code].ID, l.pools[code] // 0 for controls
		arm := arms[armAt{ids[i], kit}]
		if in[i] != 0 && l.Second != nil {
			arm = map[bool]string{false: "A", true: "B"}[second]
		}
		for k, v := range [8]string{w.Pos.String(), string(w.Role), code, kit, lot, arm, l.Batch, w.Target} {
			text[k][i] = v
		}
	}
	return x.exec(`INSERT INTO wells (plate_id, pos, role, code, kit_key, lot, arm, batch, target, sample_id, pool_id)
		SELECT $1, pos, role, code, kit, lot, arm, batch, target, nullif(sample, 0), nullif(pool, 0)
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[])
			AS t (pos, role, code, kit, lot, arm, batch, target, sample, pool)`,
		p.ID, pq.Array(text[0]), pq.Array(text[1]), pq.Array(text[2]), pq.Array(text[3]), pq.Array(text[4]), pq.Array(text[5]),
		pq.Array(text[6]), pq.Array(text[7]), pq.Array(ids), pq.Array(in))
}
