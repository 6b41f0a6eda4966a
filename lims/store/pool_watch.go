package store

import (
	"context"
	"time"

	"natlims/lims"
	"natlims/pooling"
)

func rolling(days []pooling.Day, today, window int) pooling.Rolling {
	r, err := pooling.Positivity(days, today, window, pooling.Perfect)
	if err != nil { // every pool was positive: the estimate has no upper end, and the rule says stop
		r.Pooled, r.Upper = 1, 1
	}
	return r
}

// positivity is the rolling positivity of a laboratory over the window of its rules.
func (x *tx) positivity(lab int64, rules PoolRules) (pooling.Rolling, error) {
	_, days, err := x.days.read(x.ctx, x.Tx, span{lab, x.now, rules.WindowDays})
	if err != nil {
		return pooling.Rolling{}, err
	}
	today, err := dayNumber(x.ctx, x.Tx, lab, x.now)
	return rolling(days, today, rules.WindowDays), err
}

func dayNumber(ctx context.Context, q interface {
	GetContext(ctx context.Context, into any, query string, args ...any) error
}, lab int64, now time.Time) (n int, err error) {
	err = q.GetContext(ctx, &n, `SELECT ($2::timestamptz AT TIME ZONE zone)::date - '1970-01-01'::date FROM labs WHERE id = $1`, lab, now)
	return n, err
}

// PoolWatch is what monitoring shows of a laboratory.
type PoolWatch struct {
	Rules   PoolRules
	Rolling pooling.Rolling
	Verdict pooling.Verdict
	Days    []WatchDay
	Switch  pooling.Switch
	// Persons and Reactions since the laboratory's midnight: what was received and what it took to test it.
	Persons, Reactions int
}

// WatchDay is one day, newest first: tested and positive by kind.
type WatchDay struct {
	Day                 time.Time
	Singles, SinglesPos int
	Swabs, SwabsPos     int
	Media, MediaPos     int
	PersonsInPools      int
	Rolling             pooling.Rolling
	Verdict             pooling.Verdict
}

// WatchPools is the monitoring of a laboratory over the window of its rules.
func (s *Store) WatchPools(ctx context.Context, lab int64) (w PoolWatch, err error) {
	if w.Rules, err = s.PoolRules(ctx, lab); err != nil {
		return w, err
	}
	now := s.Now()
	rows, days, err := s.days.read(ctx, s.db, span{lab, now, 2 * w.Rules.WindowDays})
	if err != nil {
		return w, mapped(ctx, err)
	}
	today, err := dayNumber(ctx, s.db, lab, now)
	if err != nil {
		return w, mapped(ctx, err)
	}
	w.Rolling = rolling(days, today, w.Rules.WindowDays)
	// positivity when this stretch of pooling began is what the rule compares with where nobody is tested singly
	began := rolling(days, today-w.Rules.WindowDays, w.Rules.WindowDays)
	w.Verdict = w.Rolling.Watch(began.Pooled, w.Rules.Least)
	for d := today; d > today-w.Rules.WindowDays; d-- {
		w.Days = append(w.Days, watchDay(rows, days, d, w.Rules))
	}
	if w.Switch, err = s.poolSwitch(ctx, lab); err != nil {
		return w, err
	}
	midnight := time.Time{}
	if err := s.db.GetContext(ctx, &midnight, `SELECT date_trunc('day', $2::timestamptz AT TIME ZONE zone) AT TIME ZONE zone FROM labs WHERE id = $1`, lab, now); err != nil {
		return w, mapped(ctx, err)
	}
	if err := s.db.GetContext(ctx, &w.Persons, `SELECT count(*) FROM orders WHERE received_at >= $2 AND lab_id = $1`, lab, midnight); err != nil {
		return w, mapped(ctx, err)
	}
	w.Reactions, err = s.Reactions(ctx, Scope{Lab: lab}, midnight)
	return w, err
}

// Reactions counts the wells that were sealed since an instant, controls included: what the work cost in reagents, beside the
// persons that it was done for. Departments have none.
func (s *Store) Reactions(ctx context.Context, sc Scope, since time.Time) (n int, err error) {
	err = s.db.GetContext(ctx, &n, `SELECT count(*) FROM plates p JOIN wells w ON w.plate_id = p.id
		WHERE p.sealed_at >= $3 AND ($1 = 0 OR p.lab_id = $1) AND $2 = 0`, sc.Lab, sc.Department, since)
	return n, mapped(ctx, err)
}

func watchDay(rows []poolDay, days []pooling.Day, day int, rules PoolRules) WatchDay {
	d := WatchDay{Day: time.Unix(int64(day)*86400, 0).UTC(), Rolling: rolling(days, day, rules.WindowDays)}
	d.Verdict = d.Rolling.Watch(d.Rolling.Pooled, rules.Least)
	for _, r := range rows {
		if r.Day != day {
			continue
		}
		switch r.Kind {
		case "single":
			d.Singles, d.SinglesPos = d.Singles+r.Tested, d.SinglesPos+r.Positive
		case "swab":
			d.Swabs, d.SwabsPos = d.Swabs+r.Tested, d.SwabsPos+r.Positive
			d.PersonsInPools += r.Size * r.Tested
		default:
			d.Media, d.MediaPos = d.Media+r.Tested, d.MediaPos+r.Positive
			d.PersonsInPools += r.Size * r.Tested
		}
	}
	return d
}

func (s *Store) poolSwitch(ctx context.Context, lab int64) (sw pooling.Switch, err error) {
	err = s.db.GetContext(ctx, &sw, `SELECT current, rival, runs FROM pool_switches WHERE lab_id = $1`, lab)
	if missing(err) {
		return sw, nil
	}
	return sw, mapped(ctx, err)
}

// steer keeps which scheme the laboratory uses: a better one replaces it only after three plans in a row (pooling.Switch).
func (x *tx) steer(lab int64, a pooling.Advice) error {
	best, ok := a.Best()
	if !ok {
		return nil
	}
	var sw pooling.Switch
	err := x.one(&sw, `SELECT current, rival, runs FROM pool_switches WHERE lab_id = $1 FOR UPDATE`, lab)
	if err != nil && !missing(err) {
		return err
	}
	now := best.Cost
	for _, o := range a.Options {
		if o.Scheme == sw.Current {
			now = o.Cost
		}
	}
	next := sw.Next(best.Scheme, now, best.Cost)
	if next == sw {
		return nil
	}
	if next.Current != sw.Current {
		x.note("switch_scheme", "lab", lab, map[string]any{"from": sw.Current, "to": next.Current})
	}
	return x.exec(`INSERT INTO pool_switches (lab_id, current, rival, runs, at) VALUES ($1,$2,$3,$4,$5)
		ON CONFLICT (lab_id) DO UPDATE SET current = $2, rival = $3, runs = $4, at = $5`, lab, next.Current, next.Rival, next.Runs, x.now)
}

// AdvisePools is what the engine recommends to a laboratory within its rules, its validated sizes and the rounds that are left.
func (s *Store) AdvisePools(ctx context.Context, lab int64, kit string, q pooling.Ask) (pooling.Advice, error) {
	var none pooling.Advice
	rules, err := s.PoolRules(ctx, lab)
	if err != nil {
		return none, err
	}
	most := 0
	if err := s.db.GetContext(ctx, &most, `SELECT coalesce(max(n), 0) FROM pool_validations WHERE lab_id = $1 AND ($2 = '' OR kit_key = $2)
		AND kind = 'media' AND ended_at IS NULL`, lab, kit); err != nil {
		return none, mapped(ctx, err)
	}
	if q.Cap == 0 || q.Cap > rules.Largest {
		q.Cap = rules.Largest
	}
	if most > 0 {
		q.Cap = min(q.Cap, most)
	}
	a, err := pooling.Recommend(q)
	if err != nil {
		return none, lims.Wrap(lims.Invalid, "pool.plan", err)
	}
	return a, nil
}
