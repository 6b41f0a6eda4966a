package store

import (
	"context"
	"slices"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
)

// Two kits on one sample (domain 5.4). Each arm has a state of its own: owed, loaded on a plate, read. The sample's state follows
// from its arms: loaded while one is on a plate, received while one is owed, read when all are in; only then is anything said
// of a person, by lims.Consensus and the policy that was valid when the tube was registered. An arm may be tested in another
// laboratory; the result belongs to the laboratory that received the tube.

// SecondKit is the other kit of a plate on which every tube stands twice.
type SecondKit struct{ Kit, Lot string }

// Pairing is the policy for two kits, with the kit of the reflex.
type Pairing struct {
	lims.Parallel
	Kit string `json:"kit,omitempty"` // kit key, where Reflex is on
}

// armAt names an arm by what stands in its well.
type armAt struct {
	sample int64
	kit    string
}

// arm is one arm of a sample.
type arm struct {
	Sample   int64  `db:"sample_id"`
	Barcode  string `db:"barcode"`
	Arm      string `db:"arm"`
	Kit      string `db:"kit_key"`
	Lab      int64  `db:"lab_id"`
	State    string `db:"state"`
	Call     string `db:"call"`
	Action   string `db:"action"`
	Invalid  bool   `db:"invalid"`
	Attempts int    `db:"attempts"`
}

const armFields = `a.sample_id, s.barcode, a.arm, a.kit_key, a.lab_id, a.state, a.call, a.action, a.invalid, a.attempts
	FROM sample_arms a JOIN samples s ON s.id = a.sample_id `

// OwedArm is a kit with which a tube has still to be tested.
type OwedArm struct {
	WaitingSample
	Kit string `db:"kit_key"`
	Arm string `db:"arm"`
	Why string `db:"why"` // asked, reflex, third_kit
}

// OwedArms lists what a laboratory owes of parallel tests, by kit and then in plating order.
func (s *Store) OwedArms(ctx context.Context, lab int64) ([]OwedArm, error) {
	return list[OwedArm](ctx, s, `SELECT s.id, s.barcode, s.mode, coalesce(s.declared,1) AS persons, s.priority, s.due_at, a.attempts,
			a.action AS prior_action, a.kit_key, a.arm, a.why
		FROM sample_arms a JOIN samples s ON s.id = a.sample_id
		WHERE a.lab_id = $1 AND a.state = 'owed' AND s.state IN ('received','loaded') ORDER BY a.kit_key, s.priority, s.due_at, s.id LIMIT 500`, lab)
}

// SampleArm is an arm as the page of its tube shows it.
type SampleArm struct {
	Arm   string `db:"arm"`
	Kit   string `db:"kit_key"`
	Lab   Name   `db:"lab"`
	State string `db:"state"`
	Plate string `db:"plate"`
	Pos   string `db:"pos"`
	Call  string `db:"call"`
	Why   string `db:"why"`
}

// SampleArms lists the arms of a tube; none where it is tested with one kit.
func (s *Store) SampleArms(ctx context.Context, barcode string) ([]SampleArm, error) {
	return list[SampleArm](ctx, s, `SELECT a.arm, a.kit_key, l.name_zh AS "lab.name_zh", l.name_en AS "lab.name_en", a.state, coalesce(p.code,'') AS plate,
			a.pos, a.call, a.why
		FROM sample_arms a JOIN samples m ON m.id = a.sample_id JOIN labs l ON l.id = a.lab_id LEFT JOIN plates p ON p.id = a.plate_id
		WHERE m.barcode = $1 ORDER BY a.arm`, barcode)
}

// Ask wants samples tested with two kits.
type Ask struct {
	Lab      int64 // that holds the samples
	Barcodes []string
	First    string // kit keys
	Second   string
	Other    int64 // laboratory of the second arm, 0: the same
}

// MaxAsk is the largest number of samples that one call asks a second kit for.
const MaxAsk = 500

// AskParallel wants samples tested with two kits. Samples that wait owe both arms; those that are on a plate or have been read
// with one of the kits owe the other, and what was called but not released of them is withdrawn: it is said by both together.
func (s *Store) AskParallel(ctx context.Context, by lims.Actor, a Ask) error {
	if err := need(by, lims.Technician, lims.Supervisor); err != nil {
		return err
	}
	if err := inLab(by, a.Lab); err != nil {
		return err
	}
	if a.First == a.Second {
		return lims.E(lims.Invalid, "arm.same_kit", lims.Args{"kit": a.First})
	}
	if n := len(a.Barcodes); n == 0 || n > MaxAsk {
		return lims.E(lims.Invalid, "tubes.count", lims.Args{"max": MaxAsk, "got": n})
	}
	if a.Other == 0 {
		a.Other = a.Lab
	}
	return s.do(ctx, by, func(x *tx) error { return x.ask(a) })
}

func (x *tx) ask(a Ask) error {
	for _, k := range []string{a.First, a.Second} {
		if err := x.usable(k); err != nil {
			return err
		}
	}
	var rows []waitingTube
	if err := x.all(&rows, `SELECT id, barcode, state FROM samples WHERE barcode = ANY($1) AND lab_id = $2 AND state IN ('received','loaded','read')
		AND id NOT IN (SELECT sample_id FROM sample_arms) AND id NOT IN (SELECT sample_id FROM results WHERE state = 'released' AND call IN ('negative','positive'))
		ORDER BY id FOR UPDATE`, pq.Array(a.Barcodes), a.Lab); err != nil {
		return err
	}
	found := map[string]bool{}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		found[r.Barcode], ids[i] = true, r.ID
	}
	if wrong := slices.DeleteFunc(slices.Clone(a.Barcodes), func(c string) bool { return found[c] }); len(wrong) > 0 {
		return lims.E(lims.Conflict, "arm.not_possible", lims.Args{"barcodes": wrong})
	}
	if err := x.inPools(ids); err != nil {
		return err
	}
	for i, k := range []string{a.First, a.Second} {
		lab := []int64{a.Lab, a.Other}[i]
		if err := x.exec(`INSERT INTO sample_arms (sample_id, arm, kit_key, lab_id, why, asked_by, asked_at)
			SELECT unnest($1::bigint[]), $2, $3, $4, 'asked', nullif($5::bigint,0), $6`, pq.Array(ids), []string{"A", "B"}[i], k, lab, x.actor.ID, x.now); err != nil {
			return err
		}
	}
	if err := x.adopt(ids); err != nil {
		return err
	}
	if err := x.foundArms(ids); err != nil {
		return err
	}
	x.noteAll("ask", "sample", ids, map[string]any{"kits": []string{a.First, a.Second}})
	return x.placeByArms(ids)
}

// adopt takes what stands in wells or was read already as the arm of that kit.
func (x *tx) adopt(ids []int64) error {
	if err := x.exec(`UPDATE sample_arms a SET state = 'loaded', plate_id = w.plate_id
		FROM wells w JOIN plates p ON p.id = w.plate_id JOIN samples s ON s.id = w.sample_id
		WHERE a.sample_id = ANY($1) AND w.sample_id = a.sample_id AND w.kit_key = a.kit_key AND s.state = 'loaded' AND p.state IN ('open','sealed','running')`,
		pq.Array(ids)); err != nil {
		return err
	}
	if err := x.exec(`UPDATE sample_arms a SET state = 'read', plate_id = c.plate_id, run_id = c.run_id, pos = c.pos, call = c.call, action = c.action
		FROM (SELECT DISTINCT ON (c.sample_id, c.kit_key) c.sample_id, c.kit_key, c.run_id, c.pos, c.call, c.action, u.plate_id
			FROM calls c JOIN runs u ON u.id = c.run_id WHERE c.sample_id = ANY($1) AND NOT c.invalid AND c.call <> 'pending' ORDER BY c.sample_id, c.kit_key, c.run_id DESC) c
		WHERE a.sample_id = c.sample_id AND a.kit_key = c.kit_key AND a.state = 'owed'
			AND a.sample_id IN (SELECT id FROM samples WHERE id = ANY($1) AND state = 'read')`, pq.Array(ids)); err != nil {
		return err
	}
	var open []int64
	if err := x.all(&open, `SELECT id FROM results WHERE sample_id = ANY($1) AND state IN ('called','held','checked') ORDER BY id FOR UPDATE`, pq.Array(ids)); err != nil {
		return err
	}
	x.noteAll("withdraw", "result", open, map[string]any{"reason": "parallel.asked"})
	return x.move(lims.ResultMoves, "results", "withdraw", open, `, ended_at = $4, reason = 'parallel.asked'`, x.now)
}

// loadArms puts the arms of a new plate's tubes on it: those that are owed with its kit, and both where it carries two.
// A tube that owes other kits must not be tested with this one by mistake.
func (x *tx) loadArms(n NewPlate, p *Plate, tubes map[string]waitingTube) (map[armAt]string, error) {
	ids := make([]int64, 0, len(tubes))
	for _, t := range tubes {
		ids = append(ids, t.ID)
	}
	slices.Sort(ids)
	var rows []arm
	if err := x.all(&rows, `SELECT `+armFields+`WHERE a.sample_id = ANY($1) ORDER BY a.sample_id, a.arm FOR UPDATE OF a`, pq.Array(ids)); err != nil {
		return nil, err
	}
	kits := []string{n.Kit}
	if n.Second != nil {
		kits = append(kits, n.Second.Kit)
	}
	owed, paired := map[armAt]string{}, map[int64]bool{}
	for _, r := range rows {
		paired[r.Sample] = true
		if r.State == "owed" && r.Lab == n.Lab && slices.Contains(kits, r.Kit) {
			owed[armAt{r.Sample, r.Kit}] = r.Arm
		}
	}
	var wrong []string
	var fresh []int64
	for _, c := range n.Codes {
		t := tubes[c]
		for i, k := range kits {
			if paired[t.ID] && owed[armAt{t.ID, k}] == "" && !slices.Contains(wrong, c) {
				wrong = append(wrong, c)
			}
			if !paired[t.ID] && n.Second != nil {
				owed[armAt{t.ID, k}] = []string{"A", "B"}[i]
			}
		}
		if !paired[t.ID] && n.Second != nil {
			fresh = append(fresh, t.ID)
		}
	}
	if wrong != nil {
		return nil, lims.E(lims.Conflict, "arm.kit", lims.Args{"barcodes": wrong, "kit": n.Kit})
	}
	for i, k := range kits[:len(kits)*min(1, len(fresh))] {
		if err := x.exec(`INSERT INTO sample_arms (sample_id, arm, kit_key, lab_id, why, asked_by, asked_at)
			SELECT unnest($1::bigint[]), $2, $3, $4, 'asked', nullif($5::bigint,0), $6`, pq.Array(fresh), []string{"A", "B"}[i], k, n.Lab, x.actor.ID, x.now); err != nil {
			return nil, err
		}
	}
	if err := x.foundArms(fresh); err != nil || len(owed) == 0 {
		return owed, err
	}
	return owed, x.exec(`UPDATE sample_arms SET state = 'loaded', plate_id = $3 WHERE sample_id = ANY($1) AND kit_key = ANY($2) AND state = 'owed' AND lab_id = $4`,
		pq.Array(ids), pq.Array(kits), p.ID, n.Lab)
}

// unloadArms owes the arms of a plate again, unless their result is out.
func (x *tx) unloadArms(plateID int64) error {
	var ids []int64
	if err := x.all(&ids, `UPDATE sample_arms SET state = 'owed', plate_id = NULL WHERE plate_id = $1 AND state <> 'owed'
		AND sample_id NOT IN (SELECT sample_id FROM results WHERE state = 'released' AND sample_id IN (SELECT sample_id FROM sample_arms WHERE plate_id = $1))
		RETURNING sample_id`, plateID); err != nil || len(ids) == 0 {
		return err
	}
	return x.placeByArms(unique(ids))
}

// oweArms owes every arm of samples again: their results were withdrawn.
func (x *tx) oweArms(samples []int64) error {
	return x.exec(`UPDATE sample_arms SET state = 'owed', plate_id = NULL WHERE sample_id = ANY($1)`, pq.Array(samples))
}

// placeByArms brings samples to the state that follows from their arms, along the arrows of lims.SampleMoves.
func (x *tx) placeByArms(ids []int64) error {
	var rows []struct {
		ID     int64      `db:"id"`
		State  lims.State `db:"state"`
		Loaded bool       `db:"loaded"`
		Owed   bool       `db:"owed"`
		Read   bool       `db:"read"`
	}
	if err := x.all(&rows, `SELECT s.id, s.state, bool_or(a.state = 'loaded') AS loaded, bool_or(a.state = 'owed') AS owed, bool_or(a.state = 'read') AS read
		FROM samples s JOIN sample_arms a ON a.sample_id = s.id WHERE s.id = ANY($1) GROUP BY s.id ORDER BY s.id`, pq.Array(ids)); err != nil {
		return err
	}
	paths := map[[2]lims.State][]lims.Event{
		{lims.Received, lims.Loaded}: {"load"}, {lims.Received, lims.Read}: {"load", "read"},
		{lims.Loaded, lims.Received}: {"unload"}, {lims.Loaded, lims.Read}: {"read"},
		{lims.Read, lims.Received}: {"repeat"}, {lims.Read, lims.Loaded}: {"repeat", "load"},
	}
	by := map[[2]lims.State][]int64{}
	for _, r := range rows {
		to := lims.Read
		switch {
		case r.Loaded:
			to = lims.Loaded
		case r.Owed:
			to = lims.Received
		}
		if r.State != to {
			by[[2]lims.State{r.State, to}] = append(by[[2]lims.State{r.State, to}], r.ID)
		}
	}
	for way, ids := range by {
		for _, e := range paths[way] {
			x.noteAll(string(e), "sample", ids, nil)
			if err := x.move(lims.SampleMoves, "samples", e, ids, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// lastWord is what an arm's call counts as once nothing more follows on it.
func lastWord(k *pcr.Kit, c pcr.Call) string {
	if c.Call != pcr.Pending {
		return c.Call
	}
	return lims.Decide(k, c, 1).Result
}
