package store

import (
	"context"
	"strings"
	"time"

	"natlims/lims"
	"natlims/lims/pcr"
)

// IQCEvent is a broken rule: a warning, or out of control.
type IQCEvent struct {
	ID       int64      `db:"id"`
	Plate    string     `db:"plate"`
	Kit      string     `db:"kit_key"`
	Target   string     `db:"target"`
	Rule     string     `db:"rule"`
	Reject   bool       `db:"reject"`
	Z        *float64   `db:"z"`
	RaisedAt time.Time  `db:"raised_at"`
	ClosedBy string     `db:"closed_by"`
	ClosedAt *time.Time `db:"closed_at"`
	Cause    string     `db:"cause"`
	Action   string     `db:"action"`
}

const eventColumns = `e.id, p.code AS plate, e.kit_key, e.target, e.rule, e.reject, e.z, e.raised_at, coalesce(a.name,'') AS closed_by, e.closed_at, e.cause, e.action
	FROM iqc_events e JOIN plates p ON p.id = e.plate_id LEFT JOIN actors a ON a.id = e.closed_by `

// IQCEvents lists broken rules, newest first; with open only those that block a release.
func (s *Store) IQCEvents(ctx context.Context, sc Scope, open bool) ([]IQCEvent, error) {
	return list[IQCEvent](ctx, s, `SELECT `+eventColumns+`WHERE ($1 = 0 OR e.lab_id = $1) AND (NOT $2 OR e.reject AND e.closed_at IS NULL)
		ORDER BY e.id DESC LIMIT 300`, sc.Lab, open)
}

// PlateIQC lists the broken rules of a plate.
func (s *Store) PlateIQC(ctx context.Context, plate int64) ([]IQCEvent, error) {
	return list[IQCEvent](ctx, s, `SELECT `+eventColumns+`WHERE e.plate_id = $1 ORDER BY e.id LIMIT 200`, plate)
}

// CloseIQC closes a record: what the cause was and what was done. The point is left out of the statistics from then on.
func (s *Store) CloseIQC(ctx context.Context, by lims.Actor, id int64, cause, action string) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if cause, action = strings.TrimSpace(cause), strings.TrimSpace(action); cause == "" || action == "" {
		return lims.E(lims.Invalid, "iqc.cause", nil)
	}
	return s.do(ctx, by, func(x *tx) error {
		var e struct {
			Run    int64  `db:"run_id"`
			Kit    string `db:"kit_key"`
			Target string `db:"target"`
			Reject bool   `db:"reject"`
		}
		err := x.one(&e, `UPDATE iqc_events SET closed_by = $2, closed_at = $3, cause = $4, action = $5
			WHERE id = $1 AND closed_at IS NULL AND ($6 = 0 OR lab_id = $6) RETURNING run_id, kit_key, target, reject`, id, by.ID, x.now, cause, action, by.Lab)
		if missing(err) {
			return lims.E(lims.Conflict, "state.moved", lims.Args{"what": "iqc_events", "event": "close", "ids": []int64{id}})
		}
		if err != nil {
			return err
		}
		x.note("close", "iqc_event", id, map[string]any{"cause": cause, "action": action})
		if !e.Reject {
			return nil
		}
		return x.exec(`UPDATE iqc_points SET left_out = true WHERE run_id = $1 AND kit_key = $2 AND target = $3 AND level = 'weak'`, e.Run, e.Kit, e.Target)
	})
}

// IQCSeries names a Levey-Jennings chart.
type IQCSeries struct {
	series
	Lab   int64  `db:"lab_id"`
	Code  string `db:"code"`  // of the instrument
	Model string `db:"model"` // of the instrument
	N     int    `db:"n"`
}

// IQCSeriesOf lists the charts of a laboratory (0: of all): of the newest day first, and of a day those with the most points.
func (s *Store) IQCSeriesOf(ctx context.Context, lab int64) ([]IQCSeries, error) {
	return list[IQCSeries](ctx, s, `SELECT i.lab_id, i.kit_key, i.kit_lot, i.iqc_lot, coalesce(i.instrument_id,0) AS instrument, i.target,
			coalesce(m.code,'') AS code, coalesce(m.model,'') AS model, count(*) AS n
		FROM iqc_points i LEFT JOIN instruments m ON m.id = i.instrument_id WHERE i.level = 'weak' AND ($1 = 0 OR i.lab_id = $1)
		GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY max(i.at)::date DESC, n DESC, max(i.id) DESC LIMIT 60`, lab)
}

// IQCChart is a chart with what is drawn on it.
type IQCChart struct {
	IQCSeries
	Points []IQCPoint // oldest first
	Chart  pcr.Chart
	At     []int // by point of Chart: its index in Points
}

// IQCChart reads the newest points of a series and charts those that no record has left out.
func (s *Store) IQCChart(ctx context.Context, one IQCSeries) (c IQCChart, err error) {
	c.IQCSeries = one
	rows, err := list[pointRow](ctx, s, pointQuery+`$7) t ORDER BY id`, one.Lab, one.Kit, one.Target, one.Instrument, one.IQCLot, one.KitLot, chartPoints)
	if err != nil {
		return c, err
	}
	goal, err := single[struct{ Mean, SD float64 }](ctx, s, goalQuery, one.Lab, one.IQCLot, one.Kit, one.Target)
	if err != nil {
		return c, err
	}
	c.Points = bare(rows)
	pts, at := points(c.Points)
	c.At, c.Chart = at, pcr.Draw(pts, pcr.Goal{Mean: goal.Mean, SD: goal.SD})
	return c, nil
}
