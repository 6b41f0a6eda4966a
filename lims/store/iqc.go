package store

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// Third-party quality control (domain 1.10): the weak positive of every plate is charted by kit, kit lot, control lot, instrument
// and target; what breaks a rejecting rule opens a record that blocks the release of its plate until a supervisor has closed it.

// IQCLot is a lot of third-party control material.
type IQCLot struct {
	ID       int64      `db:"id"`
	Lab      int64      `db:"lab_id"`
	Number   string     `db:"number"`
	Level    string     `db:"level"` // weak | saline
	Material string     `db:"material"`
	Expires  time.Time  `db:"expires_on"`
	EndedAt  *time.Time `db:"ended_at"`
}

// IQCGoal is what a lot should show with a kit, in cycles.
type IQCGoal struct {
	Lot    int64   `db:"iqc_lot_id"`
	Kit    string  `db:"kit_key"`
	Target string  `db:"target"`
	Mean   float64 `db:"mean"`
	SD     float64 `db:"sd"`
}

// IQCLots lists the control lots of a laboratory (0: of all), the newest first.
func (s *Store) IQCLots(ctx context.Context, lab int64) ([]IQCLot, error) {
	return list[IQCLot](ctx, s, `SELECT id, lab_id, number, level, material, expires_on, ended_at FROM iqc_lots
		WHERE ($1 = 0 OR lab_id = $1) ORDER BY id DESC LIMIT 200`, lab)
}

// IQCGoals lists the goals of the lots of a laboratory (0: of all).
func (s *Store) IQCGoals(ctx context.Context, lab int64) ([]IQCGoal, error) {
	return list[IQCGoal](ctx, s, `SELECT g.iqc_lot_id, g.kit_key, g.target, g.mean, g.sd FROM iqc_goals g JOIN iqc_lots l ON l.id = g.iqc_lot_id
		WHERE ($1 = 0 OR l.lab_id = $1) ORDER BY 1, 2, 3`, lab)
}

// AddIQCLot registers a lot of control material. The newest of its level that has not expired goes onto the plates from now on.
func (s *Store) AddIQCLot(ctx context.Context, by lims.Actor, l IQCLot) (id int64, err error) {
	if err := need(by, lims.Supervisor, lims.Technician); err != nil {
		return 0, err
	}
	if err := inLab(by, l.Lab); err != nil {
		return 0, err
	}
	l.Number, l.Material = strings.TrimSpace(l.Number), strings.TrimSpace(l.Material)
	if l.Number == "" || l.Material == "" || l.Expires.IsZero() || l.Level != string(plate.Weak) && l.Level != string(plate.Saline) {
		return 0, lims.E(lims.Invalid, "lot.incomplete", nil)
	}
	err = s.do(ctx, by, func(x *tx) error {
		err := x.one(&id, `INSERT INTO iqc_lots (lab_id, number, level, material, expires_on, added_by, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7) RETURNING id`,
			l.Lab, l.Number, l.Level, l.Material, l.Expires, by.ID, x.now)
		x.note("add", "iqc_lot", id, map[string]any{"number": l.Number})
		return err
	})
	return id, err
}

// SetIQCGoal says what a lot should show with a kit: from its certificate, or from the laboratory's own first points.
func (s *Store) SetIQCGoal(ctx context.Context, by lims.Actor, g IQCGoal) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if !(g.Mean > 0 && g.Mean < 100 && g.SD > 0 && g.SD < 20) {
		return lims.E(lims.Invalid, "iqc.goal", nil)
	}
	kits, err := s.kits(ctx, []string{g.Kit})
	if err != nil {
		return err
	}
	if k := kits[g.Kit]; k == nil || !hasTarget(k, g.Target) {
		return lims.E(lims.Invalid, "iqc.target", lims.Args{"kit": g.Kit, "target": g.Target})
	}
	return s.do(ctx, by, func(x *tx) error {
		n, err := x.count(`INSERT INTO iqc_goals (iqc_lot_id, kit_key, target, mean, sd)
			SELECT id, $2, $3, $4, $5 FROM iqc_lots WHERE id = $1 AND ($6 = 0 OR lab_id = $6)
			ON CONFLICT (iqc_lot_id, kit_key, target) DO UPDATE SET mean = excluded.mean, sd = excluded.sd`, g.Lot, g.Kit, g.Target, g.Mean, g.SD, by.Lab)
		if err == nil && n == 0 {
			err = lims.E(lims.NotFound, "not_found", nil)
		}
		x.note("set", "iqc_goal", g.Lot, map[string]any{"kit": g.Kit, "target": g.Target, "mean": g.Mean, "sd": g.SD})
		return err
	})
}

func hasTarget(k *pcr.Kit, id string) bool {
	for _, a := range k.Targets {
		if a.ID == id && a.Role == pcr.Virus {
			return true
		}
	}
	return false
}

// iqcLotsInUse are the control lots that go onto plates now, by level.
func (x *tx) iqcLotsInUse(lab int64) (map[string]string, error) {
	var rows []struct {
		Level  string `db:"level"`
		Number string `db:"number"`
	}
	err := x.all(&rows, `SELECT DISTINCT ON (level) level, number FROM iqc_lots WHERE lab_id = $1 AND ended_at IS NULL AND expires_on >= $2::timestamptz::date
		ORDER BY level, id DESC`, lab, x.now)
	out := map[string]string{}
	for _, r := range rows {
		out[r.Level] = r.Number
	}
	return out, err
}

// series names a chart.
type series struct {
	Kit        string `db:"kit_key"`
	KitLot     string `db:"kit_lot"`
	IQCLot     string `db:"iqc_lot"`
	Instrument int64  `db:"instrument"`
	Target     string `db:"target"`
}

// chartPoints is the number of newest points that rules are asked about: enough for 10x and for the first twenty.
const chartPoints = 200

// recordIQC writes the points of a run's controls and asks the rules about the weak positives.
func (x *tx) recordIQC(run int64, p Plate, j Judged) error {
	instrument := int64(0)
	if p.Instrument != nil {
		instrument = *p.Instrument
	}
	kitLots, err := x.lotsOn(p.ID)
	if err != nil {
		return err
	}
	var text [6][]string
	var cqs []*float64
	var oks []bool
	seen := map[series]bool{}
	var order []series
	for _, c := range j.Verdict.Controls {
		if c.Role == plate.Positive {
			continue
		}
		level, lot := string(c.Role), c.Lot
		if c.Role != plate.Weak && c.Role != plate.Saline {
			level, lot = string(plate.Negative), ""
		}
		for _, a := range j.Case.Kits[c.Kit].Targets {
			if a.Role != pcr.Virus {
				continue
			}
			var cq *float64
			if f := c.Call.Targets.Of(a.ID); f.HasCq {
				cq = &f.Cq
			}
			one := series{c.Kit, kitLots[c.Kit], lot, instrument, a.ID}
			if c.Role == plate.Weak && !seen[one] {
				seen[one] = true
				order = append(order, one)
			}
			cqs, oks = append(cqs, cq), append(oks, c.OK)
			for i, v := range [6]string{c.Pos.String(), level, c.Kit, one.KitLot, lot, a.ID} {
				text[i] = append(text[i], v)
			}
		}
	}
	if len(cqs) == 0 {
		return nil
	}
	if err := x.exec(`INSERT INTO iqc_points (lab_id, run_id, plate_id, instrument_id, at, pos, level, kit_key, kit_lot, iqc_lot, target, cq, ok)
		SELECT $1, $2, $3, nullif($4::bigint,0), $5, * FROM unnest($6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::float8[], $13::boolean[])
		ON CONFLICT DO NOTHING`, p.Lab, run, p.ID, instrument, x.now, pq.Array(text[0]), pq.Array(text[1]), pq.Array(text[2]), pq.Array(text[3]),
		pq.Array(text[4]), pq.Array(text[5]), pq.Array(cqs), pq.Array(oks)); err != nil {
		return err
	}
	for _, one := range order {
		if err := x.askRules(run, p, one); err != nil {
			return err
		}
	}
	return nil
}

// lotsOn are the kit lots of a plate, by kit.
func (x *tx) lotsOn(plateID int64) (map[string]string, error) {
	var rows []struct {
		Kit string `db:"kit_key"`
		Lot string `db:"lot"`
	}
	err := x.all(&rows, `SELECT DISTINCT ON (kit_key) kit_key, lot FROM wells WHERE plate_id = $1 AND role IN ('sample','negative','positive') ORDER BY kit_key, role`, plateID)
	out := map[string]string{}
	for _, r := range rows {
		out[r.Kit] = r.Lot
	}
	return out, err
}

// IQCPoint is one point of a chart.
type IQCPoint struct {
	Run     int64     `db:"run_id"`
	Plate   string    `db:"plate"`
	Pos     string    `db:"pos"`
	Cq      *float64  `db:"cq"`
	LeftOut bool      `db:"left_out"`
	At      time.Time `db:"at"`
}

const pointQuery = `SELECT * FROM (SELECT i.id, i.run_id, p.code AS plate, i.pos, i.cq, i.left_out, i.at FROM iqc_points i JOIN plates p ON p.id = i.plate_id
	WHERE i.lab_id = $1 AND i.level = 'weak' AND i.kit_key = $2 AND i.target = $3 AND i.instrument_id IS NOT DISTINCT FROM nullif($4::bigint,0)
		AND i.iqc_lot = $5 AND i.kit_lot = $6 ORDER BY i.id DESC LIMIT `

// points are what the rules are asked about: those that no record has left out.
func points(rows []IQCPoint) (pts []pcr.Point, at []int) {
	for i, r := range rows {
		if r.LeftOut {
			continue
		}
		p := pcr.Point{Lost: r.Cq == nil}
		if r.Cq != nil {
			p.Cq = *r.Cq
		}
		pts, at = append(pts, p), append(at, i)
	}
	return pts, at
}

// pointRow is IQCPoint with its key.
type pointRow struct {
	ID int64 `db:"id"`
	IQCPoint
}

func bare(rows []pointRow) []IQCPoint {
	out := make([]IQCPoint, len(rows))
	for i, r := range rows {
		out[i] = r.IQCPoint
	}
	return out
}

const goalQuery = `SELECT coalesce(max(g.mean),0) AS mean, coalesce(max(g.sd),0) AS sd FROM iqc_goals g JOIN iqc_lots l ON l.id = g.iqc_lot_id
	WHERE l.lab_id = $1 AND l.number = $2 AND l.level = 'weak' AND g.kit_key = $3 AND g.target = $4`

// askRules charts a series and opens a record for each rule that the points of this run have broken.
func (x *tx) askRules(run int64, p Plate, one series) error {
	var rows []pointRow
	if err := x.all(&rows, pointQuery+`$7) t ORDER BY id`, p.Lab, one.Kit, one.Target, one.Instrument, one.IQCLot, one.KitLot, chartPoints); err != nil {
		return err
	}
	var goal struct{ Mean, SD float64 }
	if err := x.one(&goal, goalQuery, p.Lab, one.IQCLot, one.Kit, one.Target); err != nil {
		return err
	}
	all := bare(rows)
	pts, at := points(all)
	chart := pcr.Draw(pts, pcr.Goal{Mean: goal.Mean, SD: goal.SD})
	for _, a := range chart.Alarms {
		if all[at[a.At]].Run != run {
			continue
		}
		var z *float64
		if v := chart.Z[a.At]; !math.IsNaN(v) {
			z = &v
		}
		if err := x.openIQC(run, p, one, a, z); err != nil {
			return err
		}
	}
	return nil
}

func (x *tx) openIQC(run int64, p Plate, one series, a pcr.Alarm, z *float64) error {
	n, err := x.count(`INSERT INTO iqc_events (lab_id, run_id, plate_id, kit_key, target, rule, reject, z, raised_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT DO NOTHING`, p.Lab, run, p.ID, one.Kit, one.Target, a.Rule, a.Reject, z, x.now)
	if err != nil || n == 0 || !a.Reject {
		return err
	}
	return x.raise([]alert{{kind: "iqc", key: "iqc:" + p.Code + ":" + one.Kit + ":" + one.Target + ":" + a.Rule, lab: p.Lab, plate: p.ID, run: run,
		args: lims.Args{"plate": p.Code, "target": one.Target, "rule": a.Rule}}})
}
