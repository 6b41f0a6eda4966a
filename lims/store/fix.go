package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Fix is what people say of a run that does not fit: to which plate it belongs, how the plate was turned, and which differences
// they accept. One supervisor proposes, another confirms; then it is judged as they said.
type Fix struct {
	ID          int64          `db:"id"`
	Message     int64          `db:"message_id"`
	Plate       int64          `db:"plate_id"`
	PlateCode   string         `db:"plate"`
	Turn        plate.Turn     `db:"turn"`
	Waived      pq.StringArray `db:"waived"` // codes of differences, as in lims.Difference
	Reason      string         `db:"reason"`
	ProposedID  int64          `db:"proposed_id"`
	ProposedBy  string         `db:"proposed_by"`
	ProposedAt  time.Time      `db:"proposed_at"`
	ConfirmedBy string         `db:"confirmed_by"`
	ConfirmedAt *time.Time     `db:"confirmed_at"`
	DeclinedBy  string         `db:"declined_by"`
	DeclinedAt  *time.Time     `db:"declined_at"`
}

// Open says whether the fix waits for its second person.
func (f Fix) Open() bool { return f.ID != 0 && f.ConfirmedAt == nil && f.DeclinedAt == nil }

const fixColumns = `f.id, f.message_id, f.plate_id, p.code AS plate, f.turn, f.waived, f.reason, f.proposed_by AS proposed_id, a.name AS proposed_by, f.proposed_at,
	coalesce(b.name,'') AS confirmed_by, f.confirmed_at, coalesce(c.name,'') AS declined_by, f.declined_at
	FROM fixes f JOIN plates p ON p.id = f.plate_id JOIN actors a ON a.id = f.proposed_by
	LEFT JOIN actors b ON b.id = f.confirmed_by LEFT JOIN actors c ON c.id = f.declined_by `

// Fixes lists what people said of a message, newest first.
func (s *Store) Fixes(ctx context.Context, message int64) ([]Fix, error) {
	return list[Fix](ctx, s, `SELECT `+fixColumns+`WHERE f.message_id = $1 ORDER BY f.id DESC LIMIT 50`, message)
}

// FixOf is the newest confirmed fix of a message; ID 0 where there is none.
func (s *Store) FixOf(ctx context.Context, message int64) (Fix, error) {
	fs, err := list[Fix](ctx, s, `SELECT `+fixColumns+`WHERE f.message_id = $1 AND f.confirmed_at IS NOT NULL ORDER BY f.id DESC LIMIT 1`, message)
	if err != nil || len(fs) == 0 {
		return Fix{}, err
	}
	return fs[0], nil
}

// Waivable are the differences that two people may accept. That a kit is unknown cannot be waived.
var Waivable = []string{"well.unknown", "well.missing", "well.twice", "sample.mismatch", "target.unknown", "target.missing"}

// ProposeFix is the first supervisor's word on a parked run.
func (s *Store) ProposeFix(ctx context.Context, by lims.Actor, f Fix) (id int64, err error) {
	if err := need(by, lims.Supervisor); err != nil {
		return 0, err
	}
	if f.Reason = strings.TrimSpace(f.Reason); f.Reason == "" {
		return 0, lims.E(lims.Invalid, "reason.needed", nil)
	}
	if bad := without(f.Waived, Waivable); bad != nil {
		return 0, lims.E(lims.Invalid, "fix.waived", lims.Args{"codes": bad})
	}
	if f.Waived == nil {
		f.Waived = pq.StringArray{}
	}
	err = s.do(ctx, by, func(x *tx) error {
		if err := x.fixable(f, by); err != nil {
			return err
		}
		err := x.one(&id, `INSERT INTO fixes (message_id, plate_id, turn, waived, reason, proposed_by, proposed_at)
			VALUES ($1,$2,$3,$4,$5,$6,$7) RETURNING id`, f.Message, f.Plate, string(f.Turn), f.Waived, f.Reason, by.ID, x.now)
		x.note("propose", "fix", id, map[string]any{"message": f.Message, "plate": f.Plate, "turn": f.Turn, "waived": f.Waived})
		return err
	})
	return id, err
}

// fixable refuses messages that are not parked, plates of other formats or laboratories, and a second proposal beside an open one.
func (x *tx) fixable(f Fix, by lims.Actor) error {
	var m struct {
		Lab   int64      `db:"lab"`
		State lims.State `db:"state"`
	}
	err := x.one(&m, `SELECT coalesce(lab_id,0) AS lab, state FROM messages WHERE id = $1 FOR UPDATE`, f.Message)
	if missing(err) {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	if err != nil {
		return err
	}
	if m.State != lims.Parked {
		return lims.E(lims.Conflict, "state.moved", lims.Args{"what": "messages", "event": "propose", "ids": []int64{f.Message}})
	}
	var p Plate
	if err := x.one(&p, `SELECT `+plateFields+` FROM plates WHERE id = $1`, f.Plate); missing(err) {
		return lims.E(lims.NotFound, "plate.unknown", nil)
	} else if err != nil {
		return err
	}
	if err := inLab(by, p.Lab); err != nil {
		return err
	}
	if m.Lab != 0 && m.Lab != p.Lab {
		return lims.E(lims.Conflict, "plate.other_lab", lims.Args{"plate": p.Code})
	}
	format, _ := plate.FormatOf(p.Wells)
	known := false
	for _, t := range plate.Turns(format) {
		known = known || t == f.Turn
	}
	if !known {
		return lims.E(lims.Invalid, "fix.turn", lims.Args{"got": string(f.Turn)})
	}
	var open bool
	if err := x.one(&open, `SELECT EXISTS (SELECT FROM fixes WHERE message_id = $1 AND confirmed_at IS NULL AND declined_at IS NULL)`, f.Message); err != nil {
		return err
	}
	if open {
		return lims.E(lims.Conflict, "fix.open", nil)
	}
	return nil
}

// ConfirmFix is the second supervisor's word. The run is judged again, as the two said.
func (s *Store) ConfirmFix(ctx context.Context, by lims.Actor, id int64) error {
	return s.decideFix(ctx, by, id, "confirm", func(x *tx, f Fix) error {
		if f.ProposedID == by.ID {
			return lims.E(lims.Denied, "fix.same_person", nil)
		}
		if err := x.exec(`UPDATE fixes SET confirmed_by = $2, confirmed_at = $3 WHERE id = $1`, id, by.ID, x.now); err != nil {
			return err
		}
		n, err := x.count(`UPDATE messages SET plate_id = $2, lab_id = coalesce(lab_id, (SELECT lab_id FROM plates WHERE id = $2)), code = $3
			WHERE id = $1 AND state = 'parked'`, f.Message, f.Plate, codeBound)
		if err == nil && n == 0 {
			err = lims.E(lims.Conflict, "state.moved", lims.Args{"what": "messages", "event": "bind", "ids": []int64{f.Message}})
		}
		if err != nil {
			return err
		}
		return x.exec(`SELECT pg_notify($1, '')`, NotifyMessages)
	})
}

// DeclineFix ends a proposal, by whoever made it or another supervisor.
func (s *Store) DeclineFix(ctx context.Context, by lims.Actor, id int64) error {
	return s.decideFix(ctx, by, id, "decline", func(x *tx, f Fix) error {
		return x.exec(`UPDATE fixes SET declined_by = $2, declined_at = $3 WHERE id = $1`, id, by.ID, x.now)
	})
}

func (s *Store) decideFix(ctx context.Context, by lims.Actor, id int64, verb string, do func(*tx, Fix) error) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		var f struct {
			Fix
			Lab int64 `db:"lab_id"`
		}
		err := x.one(&f, `SELECT p.lab_id, `+fixColumns+`WHERE f.id = $1 FOR UPDATE OF f`, id)
		if missing(err) {
			return lims.E(lims.NotFound, "not_found", nil)
		}
		if err == nil {
			err = inLab(by, f.Lab)
		}
		if err != nil {
			return err
		}
		if !f.Open() {
			return lims.E(lims.Conflict, "state.moved", lims.Args{"what": "fixes", "event": verb, "ids": []int64{id}})
		}
		x.note(verb, "fix", id, map[string]any{"message": f.Message})
		return do(x, f.Fix)
	})
}

// Apply puts what the two people said into a case: the run's wells are read where the content of the plate really was.
func (f Fix) Apply(c *lims.Case) {
	if f.ID == 0 {
		return
	}
	c.Bound = true
	if f.Turn != plate.AsSealed {
		c.Run = byPlace(Turned(byPlace(c.Run, c.Layout, false), c.Layout.Format, f.Turn), c.Layout, true)
	}
	c.Waived = map[string]bool{}
	for _, w := range f.Waived {
		c.Waived[w] = true
	}
}

// byPlace takes the names of targets out where they are those of the place, one target a well, or gives them back: like names of
// samples they belong to the positions of the worklist and not to what stood in them.
func byPlace(run pcr.Run, l plate.Layout, give bool) pcr.Run {
	const nobody = "\x00"
	at := map[string]string{}
	for _, w := range l.Wells {
		if w.Target != "" {
			at[w.Pos.String()] = w.Target
		}
	}
	if len(at) == 0 {
		return run
	}
	name := func(well, target string) string {
		p, err := plate.ParsePos(well)
		own := at[p.String()]
		switch {
		case err != nil:
		case give && target == nobody:
			return own
		case !give && own != "" && strings.EqualFold(target, own):
			return nobody
		}
		return target
	}
	run.Readings, run.Curves = slices.Clone(run.Readings), slices.Clone(run.Curves)
	for i := range run.Readings {
		run.Readings[i].Target = name(run.Readings[i].Well, run.Readings[i].Target)
	}
	for i := range run.Curves {
		run.Curves[i].Target = name(run.Curves[i].Well, run.Curves[i].Target)
	}
	return run
}

// Turned gives a run of a plate that stood wrongly in the instrument: what was read at a position belongs to the position whose
// content was there. Sample names are taken out, because they belong to the worklist's positions and not to what stood in them;
// readings of positions to which nothing was turned are left out, the raw message keeps them.
func Turned(run pcr.Run, f plate.Format, t plate.Turn) pcr.Run {
	if t == plate.AsSealed {
		return run
	}
	back := make(map[string]string, f.Size())
	for i := range f.Size() {
		p := f.At(i)
		if q, ok := t.To(f, p); ok {
			back[q.String()] = p.String()
		}
	}
	home := func(well string) (string, bool) {
		p, err := plate.ParsePos(well)
		if err != nil {
			return well, true // not a position: it says for itself where it belongs
		}
		to, ok := back[p.String()]
		return to, ok
	}
	out := run
	out.Readings, out.Curves = nil, nil
	for _, r := range run.Readings {
		if to, ok := home(r.Well); ok {
			if to != r.Well {
				r.Sample = ""
			}
			r.Well = to
			out.Readings = append(out.Readings, r)
		}
	}
	for _, c := range run.Curves {
		if to, ok := home(c.Well); ok {
			c.Well = to
			out.Curves = append(out.Curves, c)
		}
	}
	return out
}

// oneMayBind refuses to let one person bind a run that did not fit a plate.
func (x *tx) oneMayBind(message int64) error {
	var two bool
	err := x.one(&two, `SELECT code LIKE 'run.%' FROM messages WHERE id = $1`, message)
	if err == nil && two {
		err = lims.E(lims.Denied, "fix.two_people", nil)
	}
	if missing(err) {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	return err
}

// byFix ties a run to the fix by which it was judged.
func (x *tx) byFix(run, message int64) error {
	return x.exec(`UPDATE runs SET fix_id = (SELECT id FROM fixes WHERE message_id = $2 AND confirmed_at IS NOT NULL ORDER BY id DESC LIMIT 1)
		WHERE id = $1 AND EXISTS (SELECT FROM fixes WHERE message_id = $2 AND confirmed_at IS NOT NULL)`, run, message)
}
