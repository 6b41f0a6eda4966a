package store

import (
	"encoding/json"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
)

// tube is a sample on a plate, with the orders in it that still want a result.
type tube struct {
	ID         int64         `db:"id"`
	Barcode    string        `db:"barcode"`
	State      lims.State    `db:"state"`
	Department int64         `db:"department_id"`
	Persons    int           `db:"persons"`
	Orders     pq.Int64Array `db:"orders"`
}

// tubes locks the samples of a plate in id order.
func (x *tx) tubes(plateID int64) (map[string]tube, error) {
	var rows []tube
	if err := x.all(&rows, `SELECT id, barcode, state, department_id, coalesce(declared, 1) AS persons
		FROM samples WHERE id IN (SELECT sample_id FROM wells WHERE plate_id = $1) ORDER BY id FOR UPDATE`, plateID); err != nil {
		return nil, err
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	var inside []struct {
		Sample int64 `db:"sample_id"`
		Order  int64 `db:"order_id"`
		Wants  bool  `db:"wants"`
	}
	if err := x.all(&inside, `SELECT c.sample_id, c.order_id, o.sample_id = c.sample_id AND o.state = 'open' AS wants
		FROM contents c JOIN orders o ON o.id = c.order_id WHERE c.sample_id = ANY($1) ORDER BY c.sample_id, c.order_id`, pq.Array(ids)); err != nil {
		return nil, err
	}
	orders, persons := map[int64]pq.Int64Array{}, map[int64]int{}
	for _, c := range inside {
		persons[c.Sample]++
		if c.Wants {
			orders[c.Sample] = append(orders[c.Sample], c.Order)
		}
	}
	out := make(map[string]tube, len(rows))
	for _, r := range rows {
		r.Orders, r.Persons = orders[r.ID], max(r.Persons, persons[r.ID])
		out[r.Barcode] = r
	}
	return out, nil
}

func (x *tx) insertCalls(run int64, wells []lims.WellCall, tubes map[string]tube) error {
	n := len(wells)
	text := make([][]string, 9)
	for i := range text {
		text[i] = make([]string, n)
	}
	rules, samples, invalid := make([]int64, n), make([]int64, n), make([]bool, n)
	for i, w := range wells {
		targets, err := json.Marshal(w.Call.Targets)
		if err != nil {
			return err
		}
		flags, err := json.Marshal(w.Flags)
		if err != nil || w.Flags == nil {
			flags = []byte("[]")
		}
		for k, v := range [9]string{w.Pos.String(), w.Kit, w.Code, w.Arm, w.Call.Call, w.Call.Action, w.Call.Why, string(targets), string(flags)} {
			text[k][i] = clean(v)
		}
		rules[i], samples[i], invalid[i] = int64(w.Call.Rule), tubes[w.Code].ID, w.Invalid
	}
	return x.exec(`INSERT INTO calls (run_id, role, pos, kit_key, code, arm, call, action, why, targets, flags, rule, sample_id, invalid)
		SELECT $1, 'sample', pos, kit, code, arm, call, action, why, targets::jsonb, flags::jsonb, rule, nullif(sample, 0), invalid
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
			$11::smallint[], $12::bigint[], $13::boolean[]) AS t (pos, kit, code, arm, call, action, why, targets, flags, rule, sample, invalid)`,
		run, pq.Array(text[0]), pq.Array(text[1]), pq.Array(text[2]), pq.Array(text[3]), pq.Array(text[4]), pq.Array(text[5]), pq.Array(text[6]),
		pq.Array(text[7]), pq.Array(text[8]), pq.Array(rules), pq.Array(samples), pq.Array(invalid))
}

// refuseRun is what happens when the controls of a plate fail: nothing of it is released, every tube goes back to the bench,
// and somebody is told at once.
func (x *tx) refuseRun(run int64, p Plate, v lims.Verdict) error {
	if err := x.raise([]alert{{kind: "control_failed", key: "control_failed:" + p.Code, lab: p.Lab, plate: p.ID, run: run,
		args: lims.Args{"plate": p.Code, "controls": failures(v)}}}); err != nil {
		return err
	}
	if err := x.unload(p.ID); err != nil {
		return err
	}
	x.note("void", "plate", p.ID, map[string]any{"reason": "control_failed"})
	return x.move(lims.PlateMoves, "plates", "void", []int64{p.ID}, `, closed_at = $4, reason = 'control_failed'`, x.now)
}

// failures are the controls that failed, for an alert.
func failures(v lims.Verdict) (failed []map[string]string) {
	for _, c := range v.Controls {
		if !c.OK {
			failed = append(failed, map[string]string{"well": c.Pos.String(), "role": string(c.Role), "why": c.Why})
		}
	}
	return failed
}

// said is the outcome for one tube, ready to be written.
type said struct {
	tube    tube
	call    pcr.Call
	outcome lims.Outcome
	pool    int64 // of the laboratory, that said it; 0 the tube's own test
}

// settleTubes turns calls into results, repeats and alerts.
func (x *tx) settleTubes(run int64, p Plate, j Judged, tubes map[string]tube) error {
	arms, err := x.armsOn(p.ID)
	if err != nil {
		return err
	}
	late, err := x.swabsLate(run, p, j, tubes)
	if err != nil {
		return err
	}
	var all []said
	var wells []lims.WellCall // of all
	var paired []pairedWell
	for _, w := range j.Verdict.Wells {
		t, ok := tubes[w.Code]
		if !ok {
			continue // a pool; its members are settled by the pool's own rules
		}
		if _, ok := arms[armAt{t.ID, w.Kit}]; ok {
			paired = append(paired, pairedWell{w, t, late[armAt{t.ID, w.Kit}]})
			continue
		}
		o := lims.Outcome{Repeat: true} // its extraction batch failed: test it again
		if !w.Invalid {
			o = lims.Decide(j.Case.Kits[w.Kit], w.Call, t.Persons)
		}
		if late[armAt{t.ID, w.Kit}] {
			o = lims.Outcome{Result: lims.PendingReview, Alert: "suspicious"}
		}
		if len(w.Flags) > 0 && o.Hold == "" && o.Result != "" {
			o.Hold = "flag." + w.Flags[0].Code
		}
		all, wells = append(all, said{tube: t, call: w.Call, outcome: o}), append(wells, w)
	}
	if err := x.readTubes(p, all); err != nil {
		return err
	}
	if err := x.reflex(run, p, j, all, wells); err != nil {
		return err
	}
	if err := x.announce(run, p.Lab, 0, signals(j, all, paired)); err != nil {
		return err
	}
	if err := x.insertResults(run, p.Lab, all); err != nil {
		return err
	}
	if err := x.settleArms(run, p, j, paired); err != nil {
		return err
	}
	if err := x.repeat(all); err != nil {
		return err
	}
	var alerts []alert
	for _, s := range all {
		if s.outcome.Alert != "" {
			alerts = append(alerts, alertFor(s.outcome.Alert, s.tube, s.call.Call, p, run))
		}
	}
	return x.raise(alerts)
}

// signals are the tubes of several persons in which a virus target came up: their departments hear of it now, even where the
// kit wants the tube again or a second kit has to speak first.
func signals(j Judged, all []said, paired []pairedWell) (out []heard) {
	for _, s := range all {
		if s.tube.Persons > 1 && s.outcome.Alert != "" {
			out = append(out, heard{s.tube, "not_negative"})
		}
	}
	for _, w := range paired {
		if w.tube.Persons > 1 && !w.Invalid && (w.late || lims.Decide(j.Case.Kits[w.Kit], w.Call, 1).Alert != "") {
			out = append(out, heard{w.tube, "not_negative"})
		}
	}
	return out
}

// insertResults writes one result for each open order in each tube. What a person must look at first begins as held.
func (x *tx) insertResults(run, lab int64, all []said) error {
	var orders, samples, departments []int64
	var calls, holds []string
	var clear []int64
	recalls := map[int64][]heard{}
	for _, s := range all {
		switch s.outcome.Result {
		case "":
			continue
		case lims.Negative:
			clear = append(clear, s.tube.ID)
		case lims.PendingReview:
			recalls[s.pool] = append(recalls[s.pool], heard{s.tube, s.why()})
		}
		for _, o := range s.tube.Orders {
			orders, samples, departments = append(orders, o), append(samples, s.tube.ID), append(departments, s.tube.Department)
			calls, holds = append(calls, s.outcome.Result), append(holds, s.outcome.Hold)
		}
	}
	if len(orders) == 0 {
		return nil
	}
	if err := x.overtake(orders, samples); err != nil {
		return err
	}
	var ids []int64
	if err := x.all(&ids, `INSERT INTO results (order_id, sample_id, department_id, call, state, reason, run_id, lab_id, version, called_at)
		SELECT o, s, d, c, CASE WHEN h = '' THEN 'called' ELSE 'held' END, h, nullif($6::bigint, 0), $7,
			(SELECT count(*) + 1 FROM results r WHERE r.order_id = o), $8
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]) AS t (o, s, d, c, h) RETURNING id`,
		pq.Array(orders), pq.Array(samples), pq.Array(departments), pq.Array(calls), pq.Array(holds), run, lab, x.now); err != nil {
		return err
	}
	x.noteAll("call", "result", ids, nil)
	for pool, tubes := range recalls {
		if err := x.announce(run, lab, pool, tubes); err != nil {
			return err
		}
	}
	if err := x.withdrawNotices(clear, "retested"); err != nil {
		return err
	}
	return x.exec(`UPDATE orders SET resulted_at = $2 WHERE id = ANY($1)`, pq.Array(orders), x.now)
}

// why is the reason of a recall.
func (s said) why() string {
	switch {
	case s.pool != 0:
		return "volume"
	case s.call.Call == lims.InvalidResult:
		return "invalid"
	}
	return "not_negative"
}

// readTubes moves the tubes of a plate on and keeps each one's attempt, so that the kit's next call knows of it.
func (x *tx) readTubes(p Plate, all []said) error {
	ids, calls, actions := make([]int64, len(all)), make([]string, len(all)), make([]string, len(all))
	for i, s := range all {
		ids[i], calls[i], actions[i] = s.tube.ID, s.call.Call, s.call.Action
	}
	x.noteAll("read", "sample", ids, map[string]any{"plate": p.Code})
	return x.move(lims.SampleMoves, "samples", "read", ids, `, attempts = attempts + 1, prior_call = ($4::text[])[array_position($1::bigint[], id)],
		prior_action = ($5::text[])[array_position($1::bigint[], id)]`, pq.Array(calls), pq.Array(actions))
}

// repeat sends the tubes that are tested again back to the bench.
func (x *tx) repeat(all []said) error {
	var again []int64
	for _, s := range all {
		if s.outcome.Repeat {
			again = append(again, s.tube.ID)
		}
	}
	if len(again) == 0 {
		return nil
	}
	x.noteAll("repeat", "sample", again, nil)
	return x.move(lims.SampleMoves, "samples", "repeat", again, "")
}
