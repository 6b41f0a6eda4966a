package store

import (
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
)

// pairedWell is a call on one arm.
type pairedWell struct {
	lims.WellCall
	tube tube
	late bool // negative by its kit, not by the cut-offs of a tube of so many
}

// armsOn are the arms that a plate carries, by sample and kit.
func (x *tx) armsOn(plateID int64) (map[armAt]arm, error) {
	var rows []arm
	if err := x.all(&rows, `SELECT `+armFields+`WHERE a.plate_id = $1 AND a.state = 'loaded' ORDER BY a.sample_id, a.arm FOR UPDATE OF a`, plateID); err != nil {
		return nil, err
	}
	out := make(map[armAt]arm, len(rows))
	for _, r := range rows {
		out[armAt{r.Sample, r.Kit}] = r
	}
	return out, nil
}

// settleArms takes down what each arm says and, where all arms of a sample are in, what they say together.
func (x *tx) settleArms(run int64, p Plate, j Judged, wells []pairedWell) error {
	if len(wells) == 0 {
		return nil
	}
	n := len(wells)
	ids, rules := make([]int64, n), make([][]string, 5)
	for i := range rules {
		rules[i] = make([]string, n)
	}
	invalid := make([]bool, n)
	var alerts []alert
	for i, w := range wells {
		k := j.Case.Kits[w.Kit]
		o := lims.Decide(k, w.Call, 1)
		state := "read"
		if w.Invalid || o.Repeat {
			state = "owed"
		}
		ids[i], invalid[i] = w.tube.ID, w.Invalid
		word := lastWord(k, w.Call)
		if w.late {
			word, o.Alert = lims.Suspicious, "suspicious"
		}
		for c, v := range [5]string{w.Kit, state, w.Pos.String(), word, w.Call.Action} {
			rules[c][i] = v
		}
		if o.Alert != "" && !w.Invalid {
			alerts = append(alerts, alertFor(o.Alert, w.tube, w.Call.Call, p, run))
		}
	}
	if err := x.exec(`UPDATE sample_arms a SET state = t.state, run_id = $1, pos = t.pos, call = t.call, action = t.action, invalid = t.invalid
		FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[]) AS t (sample, kit, state, pos, call, action, invalid)
		WHERE a.sample_id = t.sample AND a.kit_key = t.kit`, run, pq.Array(ids), pq.Array(rules[0]), pq.Array(rules[1]), pq.Array(rules[2]),
		pq.Array(rules[3]), pq.Array(rules[4]), pq.Array(invalid)); err != nil {
		return err
	}
	if err := x.countArms(unique(ids)); err != nil {
		return err
	}
	if err := x.raise(alerts); err != nil {
		return err
	}
	if err := x.conclude(run, p, wells); err != nil {
		return err
	}
	return x.placeByArms(unique(ids))
}

func alertFor(kind string, t tube, call string, p Plate, run int64) alert {
	return alert{kind: kind, key: kind + ":" + t.Barcode + ":" + p.Code, lab: p.Lab, department: t.Department, sample: t.ID, plate: p.ID, run: run,
		args: lims.Args{"barcode": t.Barcode, "persons": t.Persons, "call": call, "plate": p.Code}}
}

// pair is a sample with the arms that it has.
type pair struct {
	tube  tube
	flags []lims.Flag
	arms  []arm
	home  int64
	since time.Time
	rules *int64 // the policy that the sample goes by, 0 the built-in table; nil: that of its day
	joint lims.Joint
}

// conclude says what the arms mean of those samples whose arms are all in.
func (x *tx) conclude(run int64, p Plate, wells []pairedWell) error {
	pairs := map[int64]*pair{}
	var order []int64
	for _, w := range wells {
		one, ok := pairs[w.tube.ID]
		if !ok {
			one = &pair{tube: w.tube}
			pairs[w.tube.ID] = one
			order = append(order, w.tube.ID)
		}
		one.flags = append(one.flags, w.Flags...)
	}
	var rows []struct {
		arm
		Home  int64     `db:"home"`
		Since time.Time `db:"created_at"`
		Rules *int64    `db:"rules"`
	}
	if err := x.all(&rows, `SELECT a.sample_id, a.arm, a.kit_key, a.lab_id, a.state, a.call, a.invalid, s.lab_id AS home, s.created_at,
			CASE WHEN a.ruled THEN coalesce(a.rules_id, 0) END AS rules
		FROM sample_arms a JOIN samples s ON s.id = a.sample_id WHERE a.sample_id = ANY($1) ORDER BY a.sample_id, a.arm`, pq.Array(order)); err != nil {
		return err
	}
	for _, r := range rows {
		one := pairs[r.Sample]
		one.arms, one.home, one.since = append(one.arms, r.arm), r.Home, r.Since
		if one.rules == nil {
			one.rules = r.Rules
		}
	}
	var done []*pair
	for _, id := range order {
		one := pairs[id]
		if !one.in() {
			continue
		}
		policy, err := x.pairingOf(one)
		if err != nil {
			return err
		}
		one.joint = one.say(policy.Parallel)
		done = append(done, one)
	}
	return x.sayTogether(run, p, done)
}

func (x *tx) pairingOf(p *pair) (policy Pairing, err error) {
	if p.rules != nil {
		return x.pairingKept(*p.rules)
	}
	policy, _, err = x.pairing(p.home, p.since)
	return policy, err
}

// in says whether every arm has been read.
func (p *pair) in() bool {
	for _, a := range p.arms {
		if a.State != "read" {
			return false
		}
	}
	return len(p.arms) > 1
}

// say asks the policy about the two arms. A third kit stands against that of the first two which is further from negative:
// a negative never comes out of a pair in which one was positive.
func (p *pair) say(policy lims.Parallel) lims.Joint {
	side := func(a arm) lims.Arm { return lims.Arm{Kit: a.Kit, Call: a.Call, Lab: a.Lab, Invalid: a.Invalid} }
	a, b := side(p.arms[0]), side(p.arms[1])
	if len(p.arms) > 2 {
		weight := map[lims.Side]int{lims.SidePositive: 3, lims.SideDoubt: 2, lims.SideNothing: 1}
		if weight[b.Side()] > weight[a.Side()] {
			a = b
		}
		b = side(p.arms[2])
	}
	policy.Reflex = false // both arms are in
	return lims.Consensus(policy, a, b)
}

// outcome is what the pair means for the orders in the tube. Of a person in a pool nothing is said but that it goes on.
func (p *pair) outcome() lims.Outcome {
	o := lims.Outcome{Result: p.joint.Result, Hold: p.joint.Hold}
	if p.tube.Persons > 1 && o.Result != lims.Negative {
		o.Result, o.Hold = lims.PendingReview, ""
	}
	if o.Hold == "" && len(p.flags) > 0 {
		o.Hold = "flag." + p.flags[0].Code
	}
	switch {
	case !p.joint.Alert:
	case p.joint.Result == lims.Discordant:
		o.Alert = "discordant"
	case p.joint.Result == lims.Positive || p.joint.Result == lims.PresumptivePositive:
		o.Alert = "preliminary_positive"
	default:
		o.Alert = "suspicious"
	}
	return o
}

// sayTogether writes the results of pairs with the arms and the policy behind them, proposed work and alerts.
func (x *tx) sayTogether(run int64, p Plate, pairs []*pair) error {
	if len(pairs) == 0 {
		return nil
	}
	homes := map[int64][]said{}
	var ids []int64
	var versions, whys, nexts []string
	var alerts []alert
	var steps []step
	for _, one := range pairs {
		o := one.outcome()
		homes[one.home] = append(homes[one.home], said{tube: one.tube, outcome: o})
		ids = append(ids, one.tube.ID)
		versions, whys, nexts = append(versions, one.joint.Policy), append(whys, one.joint.Why), append(nexts, strings.Join(one.joint.Next, ","))
		if o.Alert != "" {
			alerts = append(alerts, alertFor(o.Alert, one.tube, one.joint.Result, p, run))
		}
		for _, action := range one.joint.Next {
			steps = append(steps, step{one.tube.ID, action, "parallel"})
		}
	}
	for home, all := range homes {
		if err := x.insertResults(run, home, all); err != nil {
			return err
		}
	}
	if err := x.exec(`INSERT INTO result_arms (result_id, arm, kit_key, run_id, pos)
		SELECT r.id, a.arm, a.kit_key, a.run_id, a.pos FROM results r JOIN sample_arms a ON a.sample_id = r.sample_id
		WHERE r.run_id = $1 AND r.sample_id = ANY($2) AND r.state IN ('called','held')`, run, pq.Array(ids)); err != nil {
		return err
	}
	if err := x.exec(`INSERT INTO consensus (result_id, version, why, next)
		SELECT r.id, t.v, t.w, string_to_array(t.n, ',') FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) AS t (s, v, w, n)
		JOIN results r ON r.sample_id = t.s AND r.run_id = $1 AND r.state IN ('called','held')`,
		run, pq.Array(ids), pq.Array(versions), pq.Array(whys), pq.Array(nexts)); err != nil {
		return err
	}
	if err := x.addSteps(run, p, steps); err != nil {
		return err
	}
	if err := x.raise(alerts); err != nil {
		return err
	}
	return x.watchLots(p, pairs)
}

// reflex asks the second kit for samples whose first is not negative, where the policy that they go by says so. It gives the outcomes
// that stand instead: nothing is said before the second kit, and the tube goes back to the bench.
func (x *tx) reflex(run int64, p Plate, j Judged, all []said, wells []lims.WellCall) error {
	at := map[int64]int{}
	var doubtful []int64
	for i, s := range all {
		c := s.call
		if !wells[i].Invalid && c.Call != pcr.Negative && (!s.outcome.Repeat || strings.Contains(c.Action, "other_kit")) {
			at[s.tube.ID] = i
			doubtful = append(doubtful, s.tube.ID)
		}
	}
	if len(doubtful) == 0 {
		return nil
	}
	rulings, err := x.rulings(doubtful)
	if err != nil {
		return err
	}
	for _, r := range rulings {
		if !r.Reflex || r.Kit == "" || x.usable(r.Kit) != nil {
			continue
		}
		var first reflexes
		for _, id := range r.samples {
			i := at[id]
			s, w := &all[i], wells[i]
			if w.Kit == r.Kit {
				continue
			}
			first.add(s, w, lastWord(j.Case.Kits[w.Kit], s.call))
			s.outcome = lims.Outcome{Repeat: true, Alert: s.outcome.Alert}
		}
		if err := x.askReflex(run, p, r, first); err != nil {
			return err
		}
	}
	return nil
}

// reflexes are the first arms of samples whose policy asks for the second.
type reflexes struct {
	ids                                []int64
	kits, states, poss, calls, actions []string
}

func (f *reflexes) add(s *said, w lims.WellCall, call string) {
	state := "read"
	if s.outcome.Repeat { // the kit itself wants it again
		state = "owed"
	}
	f.ids, f.kits, f.states, f.poss = append(f.ids, s.tube.ID), append(f.kits, w.Kit), append(f.states, state), append(f.poss, w.Pos.String())
	f.calls, f.actions = append(f.calls, call), append(f.actions, s.call.Action)
}

func (x *tx) askReflex(run int64, p Plate, r *ruling, f reflexes) error {
	if len(f.ids) == 0 {
		return nil
	}
	if err := x.exec(`INSERT INTO sample_arms (sample_id, arm, kit_key, lab_id, state, plate_id, run_id, pos, call, action, rules_id, ruled, why, asked_at)
		SELECT s, 'A', k, $1, t, CASE WHEN t = 'read' THEN $2::bigint END, $3, p, c, a, nullif($4::bigint,0), true, 'reflex', $5
		FROM unnest($6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[]) AS r (s, k, t, p, c, a)`,
		p.Lab, p.ID, run, r.id, x.now, pq.Array(f.ids), pq.Array(f.kits), pq.Array(f.states), pq.Array(f.poss), pq.Array(f.calls), pq.Array(f.actions)); err != nil {
		return err
	}
	if err := x.exec(`INSERT INTO sample_arms (sample_id, arm, kit_key, lab_id, rules_id, ruled, why, asked_at)
		SELECT unnest($1::bigint[]), 'B', $2, $3, nullif($4::bigint,0), true, 'reflex', $5`, pq.Array(f.ids), r.Kit, p.Lab, r.id, x.now); err != nil {
		return err
	}
	x.noteAll("reflex", "sample", f.ids, map[string]any{"kit": r.Kit})
	return x.countArms(f.ids)
}
