package store

import (
	"context"

	"github.com/lib/pq"

	"natlims/lims/pcr"
)

// Attempts are counted for a sample and a kit, in whichever version of its insert: the first run with a second kit is that kit's first
// attempt. What does not count is no attempt: runs whose controls failed, replays, and calls whose extraction batch failed here or,
// later, on another plate.

// attempt is what is known of a sample with a kit from earlier runs.
type attempt struct {
	Barcode string `db:"barcode"`
	Kit     string `db:"kit_key"`
	N       int    `db:"n"`
	Call    string `db:"call"`
	Action  string `db:"action"`
}

func (a attempt) context(model string) pcr.Context {
	return pcr.Context{Instrument: model, Attempt: a.N + 1, PriorCall: a.Call, PriorAction: a.Action}
}

// counted are the calls that count as attempts, c being the call and u its run; known says which failures f of batches are known.
func counted(known string) string {
	return `u.accepted AND u.replays IS NULL AND NOT c.invalid AND NOT EXISTS (SELECT FROM wells v JOIN failed_batches f
		ON f.lab_id = u.lab_id AND f.batch = v.batch AND f.plate_id <> u.plate_id AND ` + known + `
		WHERE v.plate_id = u.plate_id AND v.pos = c.pos AND v.kit_key = c.kit_key AND v.batch <> '')`
}

// past says what is looked at: pairs of sample_id and kit_key, which of their runs u, and which failures f of batches.
type past struct{ pairs, runs, known string }

// attempts counts the runs of samples with kits, one row for each pair.
func (s *Store) attempts(ctx context.Context, p past, args ...any) ([]attempt, error) {
	return list[attempt](ctx, s, `WITH t AS (`+p.pairs+`)
		SELECT s.barcode, t.kit_key, count(DISTINCT c.run_id) AS n, coalesce((array_agg(c.call ORDER BY c.run_id DESC))[1], '') AS call,
			coalesce((array_agg(c.action ORDER BY c.run_id DESC))[1], '') AS action
		FROM t JOIN samples s ON s.id = t.sample_id LEFT JOIN LATERAL (SELECT c.run_id, c.call, c.action FROM calls c JOIN runs u ON u.id = c.run_id
				WHERE c.sample_id = t.sample_id AND split_part(c.kit_key, '@', 1) = split_part(t.kit_key, '@', 1) AND `+p.runs+` AND `+counted(p.known)+`) c ON true
		GROUP BY s.barcode, t.kit_key`, args...)
}

// countArms brings the attempts of arms, which pages show, to what was counted.
func (x *tx) countArms(samples []int64) error {
	return x.exec(`UPDATE sample_arms a SET attempts = t.n FROM (SELECT a.sample_id, a.arm, count(c.run_id) AS n
			FROM sample_arms a LEFT JOIN (SELECT c.sample_id, c.kit_key, c.run_id FROM calls c JOIN runs u ON u.id = c.run_id
				WHERE c.sample_id = ANY($1) AND `+counted("true")+`) c ON c.sample_id = a.sample_id AND split_part(c.kit_key, '@', 1) = split_part(a.kit_key, '@', 1)
			WHERE a.sample_id = ANY($1) GROUP BY a.sample_id, a.arm) t
		WHERE a.sample_id = t.sample_id AND a.arm = t.arm AND a.attempts <> t.n`, pq.Array(samples))
}
