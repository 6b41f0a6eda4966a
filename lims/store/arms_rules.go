package store

import (
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
)

// The policy of two kits is dated, and a sample goes by one: that of the laboratory which received it, on the day on which it was
// registered. It is found when the first arm is asked for, whoever asks, and kept with the arms; rules that are set or ended later
// change nothing for it.

// pairing is the policy of two kits in a laboratory for what was registered on a day; the built-in table where there is none.
func (x *tx) pairing(lab int64, day any) (Pairing, int64, error) {
	return x.pairingWhere(`kind = 'parallel' AND (lab_id IS NULL OR lab_id = $1) AND valid_from <= $2::timestamptz::date
		AND ended_at IS NULL ORDER BY lab_id NULLS LAST, valid_from DESC, id DESC LIMIT 1`, lab, day)
}

// pairingKept is the policy that a sample was given; 0 is the built-in table.
func (x *tx) pairingKept(id int64) (Pairing, error) {
	p, _, err := x.pairingWhere(`id = $1`, id)
	return p, err
}

func (x *tx) pairingWhere(which string, args ...any) (Pairing, int64, error) {
	var row struct {
		ID   int64  `db:"id"`
		Body []byte `db:"body"`
	}
	err := x.one(&row, `SELECT id, body FROM rules WHERE `+which, args...)
	if missing(err) {
		return Pairing{Parallel: lims.DefaultParallel()}, 0, nil
	}
	if err != nil {
		return Pairing{}, 0, err
	}
	var p Pairing
	if err := json.Unmarshal(row.Body, &p); err != nil {
		return p, 0, err
	}
	if p.Table == nil {
		p.Table = lims.DefaultParallel().Table
	}
	return p, row.ID, nil
}

// ruling is a policy and the samples that go by it.
type ruling struct {
	Pairing
	id      int64
	home    int64
	samples []int64
}

// rulings find the policy of each sample, in the order of the samples.
func (x *tx) rulings(samples []int64) ([]*ruling, error) {
	var rows []struct {
		ID    int64     `db:"id"`
		Lab   int64     `db:"lab_id"`
		Since time.Time `db:"created_at"`
	}
	if err := x.all(&rows, `SELECT id, coalesce(lab_id, 0) AS lab_id, created_at FROM samples WHERE id = ANY($1) ORDER BY id`, pq.Array(samples)); err != nil {
		return nil, err
	}
	type day struct {
		lab int64
		at  string
	}
	found := map[day]*ruling{}
	var out []*ruling
	for _, r := range rows {
		d := day{r.Lab, r.Since.UTC().Format(time.DateOnly)}
		one := found[d]
		if one == nil {
			p, id, err := x.pairing(r.Lab, r.Since)
			if err != nil {
				return nil, err
			}
			one = &ruling{Pairing: p, id: id, home: r.Lab}
			found[d] = one
			out = append(out, one)
		}
		one.samples = append(one.samples, r.ID)
	}
	return out, nil
}

// foundArms gives the arms of samples their policy, the one that the sample has or else that of its day, and counts what was tested
// with their kits before.
func (x *tx) foundArms(samples []int64) error {
	if len(samples) == 0 {
		return nil
	}
	if err := x.exec(`UPDATE sample_arms a SET rules_id = b.rules_id, ruled = true FROM sample_arms b
		WHERE a.sample_id = ANY($1) AND NOT a.ruled AND b.sample_id = a.sample_id AND b.ruled`, pq.Array(samples)); err != nil {
		return err
	}
	var open []int64
	if err := x.all(&open, `SELECT DISTINCT sample_id FROM sample_arms WHERE sample_id = ANY($1) AND NOT ruled ORDER BY sample_id`, pq.Array(samples)); err != nil {
		return err
	}
	all, err := x.rulings(open)
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := x.exec(`UPDATE sample_arms SET rules_id = nullif($2::bigint, 0), ruled = true WHERE sample_id = ANY($1)`, pq.Array(r.samples), r.id); err != nil {
			return err
		}
	}
	return x.countArms(samples)
}
