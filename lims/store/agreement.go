package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"natlims/lims"
	"natlims/lims/pcr"
)

// agreementDays is how far back two kits are compared.
const agreementDays = 90

// KitPair is two kits that were used on the same samples, and how they agree. First is compared with Second as its reference.
type KitPair struct {
	First, Second string // kit keys
	All           pcr.Agreement
	Lots          []LotAgreement // of the first kit, newest first
}

// LotAgreement is one lot against the reference, and how it differs from the lots before it.
type LotAgreement struct {
	Lot string
	pcr.Agreement
	Drift pcr.LotDrift
}

type pairedCall struct {
	Sample  int64           `db:"sample_id"`
	First   string          `db:"first_kit"`
	Second  string          `db:"second_kit"`
	Lot     string          `db:"lot"`
	CallA   string          `db:"call_a"`
	CallB   string          `db:"call_b"`
	TargetA json.RawMessage `db:"targets_a"`
	TargetB json.RawMessage `db:"targets_b"`
}

// pairedCalls are the pairs of a laboratory (0: of all) in the order of time; each pair is given once, the kit whose key sorts
// first standing first.
const pairedCalls = `SELECT DISTINCT ON (r.sample_id, x.kit_key, y.kit_key) r.sample_id, x.kit_key AS first_kit, y.kit_key AS second_kit, w.lot,
		a.call AS call_a, b.call AS call_b, a.targets AS targets_a, b.targets AS targets_b, r.id
	FROM results r JOIN result_arms x ON x.result_id = r.id JOIN result_arms y ON y.result_id = r.id AND y.kit_key > x.kit_key
		JOIN calls a ON a.run_id = x.run_id AND a.pos = x.pos AND a.kit_key = x.kit_key
		JOIN calls b ON b.run_id = y.run_id AND b.pos = y.pos AND b.kit_key = y.kit_key
		JOIN runs u ON u.id = x.run_id JOIN wells w ON w.plate_id = u.plate_id AND w.pos = x.pos AND w.kit_key = x.kit_key
	WHERE ($1 = 0 OR r.lab_id = $1) AND r.called_at > $2 AND NOT a.invalid AND NOT b.invalid
	ORDER BY r.sample_id, x.kit_key, y.kit_key, r.id DESC`

// newestPairs are the newest n pairs, oldest first.
func newestPairs(n int) string {
	return fmt.Sprintf(`SELECT * FROM (SELECT * FROM (%s) t ORDER BY id DESC LIMIT %d) u ORDER BY id`, pairedCalls, n)
}

// Agreement compares kits that were used on the same samples in a laboratory (0: in all), pair by pair and lot by lot.
func (s *Store) Agreement(ctx context.Context, lab int64) ([]KitPair, error) {
	rows, err := list[struct {
		pairedCall
		ID int64 `db:"id"`
	}](ctx, s, newestPairs(20_000), lab, s.Now().AddDate(0, 0, -agreementDays))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	keys := map[string]bool{}
	var names []string
	for _, r := range rows {
		for _, k := range []string{r.First, r.Second} {
			if !keys[k] {
				keys[k] = true
				names = append(names, k)
			}
		}
	}
	kits, err := s.kits(ctx, names)
	if err != nil {
		return nil, err
	}
	type pairKey [2]string
	by := map[pairKey][]pairedCall{}
	var order []pairKey
	for _, r := range rows {
		k := pairKey{r.First, r.Second}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], r.pairedCall)
	}
	var out []KitPair
	for _, k := range order {
		one, err := compare(kits[k[0]], kits[k[1]], by[k])
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// compare works a pair of kits out. rows stand in the order of time.
func compare(a, b *pcr.Kit, rows []pairedCall) (KitPair, error) {
	out := KitPair{First: a.Key(), Second: b.Key()}
	var all []pcr.Pair
	lots := map[string][]pcr.Pair{}
	var order []string
	for _, r := range rows {
		p, err := pairOf(a, b, r)
		if err != nil {
			return out, err
		}
		all = append(all, p)
		if lots[r.Lot] == nil {
			order = append(order, r.Lot)
		}
		lots[r.Lot] = append(lots[r.Lot], p)
	}
	out.All = pcr.Agree(all)
	var before []pcr.Pair
	for _, lot := range order {
		l := LotAgreement{Lot: lot, Agreement: pcr.Agree(lots[lot])}
		if before != nil {
			l.Drift = pcr.Shift(l.Agreement, pcr.Agree(before))
		}
		before = append(before, lots[lot]...)
		out.Lots = append([]LotAgreement{l}, out.Lots...)
	}
	return out, nil
}

// pairOf reads two calls on one sample; Cq values are those of the first gene that both kits have.
func pairOf(a, b *pcr.Kit, r pairedCall) (p pcr.Pair, err error) {
	var ta, tb map[string]pcr.Target
	if err = json.Unmarshal(r.TargetA, &ta); err == nil {
		err = json.Unmarshal(r.TargetB, &tb)
	}
	if err != nil {
		return p, lims.Wrap(lims.Broken, "database.broken", err)
	}
	p = pcr.Pair{A: r.CallA, B: r.CallB}
	for _, x := range a.Targets {
		for _, y := range b.Targets {
			if x.Role != pcr.Virus || y.Role != pcr.Virus || x.Gene == "" || x.Gene != y.Gene {
				continue
			}
			if fx, fy := ta[x.ID], tb[y.ID]; fx.HasCq && fy.HasCq {
				p.CqA, p.CqB = fx.Cq, fy.Cq
				return p, nil
			}
		}
	}
	return p, nil
}

// watchLots compares the newest lot of each pair of kits with the lots before it, and tells where it drifts. It is asked when
// pairs come in, once a lot.
func (x *tx) watchLots(p Plate, pairs []*pair) error {
	home := p.Lab
	if len(pairs) > 0 {
		home = pairs[0].home
	}
	var rows []struct {
		pairedCall
		ID int64 `db:"id"`
	}
	if err := x.all(&rows, newestPairs(3_000), home, x.now.Add(-agreementDays*24*time.Hour)); err != nil {
		return err
	}
	kits := map[string]*pcr.Kit{}
	by := map[[2]string][]pairedCall{}
	for _, r := range rows {
		by[[2]string{r.First, r.Second}] = append(by[[2]string{r.First, r.Second}], r.pairedCall)
		kits[r.First], kits[r.Second] = nil, nil
	}
	for key := range kits {
		var body string
		if err := x.one(&body, `SELECT body FROM kits WHERE key = $1`, key); err != nil {
			return err
		}
		k, err := pcr.Load([]byte(body))
		if err != nil {
			return lims.Wrap(lims.Broken, "kit.unreadable", err)
		}
		kits[key] = k
	}
	var alerts []alert
	for key, calls := range by {
		one, err := compare(kits[key[0]], kits[key[1]], calls)
		if err != nil {
			return err
		}
		if newest := one.Lots[0]; newest.Drift.Alert {
			alerts = append(alerts, alert{kind: "lot_drift", key: "lot_drift:" + one.First + ":" + one.Second + ":" + newest.Lot, lab: home, plate: p.ID,
				args: lims.Args{"kit": one.First, "against": one.Second, "lot": newest.Lot, "shift": newest.Drift.Shift, "why": newest.Drift.Reason}})
		}
	}
	return x.raise(alerts)
}
