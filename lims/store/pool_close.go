package store

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/pooling"
)

// balancePools looks at the pools whose last tube has just been tested singly: does what was found explain the pool? What does
// not fit is kept for a supervisor; negatives that a positive pool contradicts are held.
func (x *tx) balancePools(samples []int64) error {
	var pools []struct {
		ID       int64        `db:"id"`
		Code     string       `db:"code"`
		Call     pooling.Call `db:"call"`
		Cq       *float64     `db:"cq"`
		Size     int          `db:"size"`
		Positive int          `db:"positive"` // tubes whose single test was not negative
		Singles  int          `db:"singles"`
	}
	if len(samples) == 0 {
		return nil
	}
	if err := x.all(&pools, `SELECT p.id, p.code, p.call, p.cq, count(*) AS size, count(c.call) AS singles, count(*) FILTER (WHERE c.call <> 'negative') AS positive
		FROM pools p JOIN pool_samples m ON m.pool_id = p.id JOIN samples s ON s.id = m.sample_id
			LEFT JOIN LATERAL (SELECT k.call FROM calls k WHERE k.sample_id = m.sample_id AND NOT k.invalid ORDER BY k.run_id DESC LIMIT 1) c ON true
		WHERE p.state = 'read' AND p.call <> 'NEG' AND p.id IN (SELECT pool_id FROM pool_samples WHERE sample_id = ANY($1))
		GROUP BY p.id HAVING bool_and(s.state NOT IN ('collected','received','loaded')) AND count(c.call) > 0 ORDER BY p.id`, pq.Array(samples)); err != nil {
		return err
	}
	for _, p := range pools {
		cqs, err := x.singleCqs(p.ID)
		if err != nil {
			return err
		}
		observed := 0.0
		if p.Cq != nil {
			observed = *p.Cq
		}
		kind, expected := lims.Balance(p.Call, p.Size, observed, cqs, p.Positive == 0)
		if expected > 0 {
			if err := x.exec(`UPDATE pools SET expected_cq = $2 WHERE id = $1`, p.ID, expected); err != nil {
				return err
			}
		}
		if kind == "" {
			continue
		}
		if err := x.disagree(p.ID, kind, observed, expected); err != nil {
			return err
		}
	}
	return x.contradict(samples)
}

// contradict looks at the negative pools of tubes that were tested singly for another reason (a second kit, symptoms): a single
// that is not negative is kept for a supervisor. The pool keeps its call; what it says of others and is not signed yet is held.
func (x *tx) contradict(samples []int64) error {
	var pools []struct {
		ID   int64    `db:"id"`
		Size int      `db:"size"`
		Cq   *float64 `db:"cq"`
	}
	if err := x.all(&pools, `SELECT p.id, (SELECT count(*) FROM pool_samples n WHERE n.pool_id = p.id) AS size, p.cq FROM pools p
		WHERE p.call = 'NEG' AND p.state IN ('read','closed') AND p.id IN (
			SELECT m.pool_id FROM pool_samples m CROSS JOIN LATERAL (SELECT k.call FROM calls k WHERE k.sample_id = m.sample_id AND NOT k.invalid ORDER BY k.run_id DESC LIMIT 1) c
			WHERE m.sample_id = ANY($1) AND c.call NOT IN ('negative','invalid')) ORDER BY p.id FOR UPDATE OF p`, pq.Array(samples)); err != nil {
		return err
	}
	for _, p := range pools {
		cqs, err := x.singleCqs(p.ID)
		if err != nil {
			return err
		}
		expected := 0.0
		if len(cqs) > 0 {
			expected = pooling.PoolCq(p.Size, cqs...)
		}
		if err := x.disagree(p.ID, "single_positive", 0, expected); err != nil {
			return err
		}
	}
	return nil
}

// singleCqs are the lowest virus Cq of the last valid single test of each tube of a pool that was not negative.
func (x *tx) singleCqs(pool int64) (cqs []float64, err error) {
	var calls []struct {
		Kit     string `db:"kit_key"`
		Body    string `db:"body"`
		Targets []byte `db:"targets"`
	}
	if err = x.all(&calls, `SELECT c.kit_key, k.body, c.targets FROM pool_samples m
			CROSS JOIN LATERAL (SELECT k.kit_key, k.targets, k.call FROM calls k WHERE k.sample_id = m.sample_id AND NOT k.invalid ORDER BY k.run_id DESC LIMIT 1) c
			JOIN kits k ON k.key = c.kit_key WHERE m.pool_id = $1 AND c.call <> 'negative'`, pool); err != nil {
		return nil, err
	}
	for _, c := range calls {
		k, err := pcr.Load([]byte(c.Body))
		if err != nil {
			return nil, err
		}
		var call pcr.Call
		if err := json.Unmarshal(c.Targets, &call.Targets); err != nil {
			return nil, err
		}
		if cq := lims.LowestCq(k, call); cq > 0 {
			cqs = append(cqs, cq)
		}
	}
	return cqs, nil
}

func (x *tx) disagree(pool int64, kind string, observed, expected float64) error {
	var id int64
	err := x.one(&id, `INSERT INTO pool_discordances (pool_id, kind, observed, expected, at) VALUES ($1,$2,nullif($3::float8,0),nullif($4::float8,0),$5)
		ON CONFLICT (pool_id, kind) DO NOTHING RETURNING id`, pool, kind, observed, expected, x.now)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	x.note("disagree", "pool", pool, map[string]any{"kind": kind})
	if kind == "cq" {
		return nil
	}
	var held []int64 // what the singles said against the pool; or what the pool said of the others
	if err := x.all(&held, `SELECT r.id FROM results r JOIN pool_samples m ON m.sample_id = r.sample_id
		WHERE m.pool_id = $1 AND r.state = 'called' AND CASE WHEN $2 THEN r.pool_id = $1 AND r.call = 'negative' ELSE r.pool_id IS NULL END ORDER BY r.id FOR UPDATE OF r`,
		pool, kind == "single_positive"); err != nil {
		return err
	}
	x.noteAll("hold", "result", held, map[string]any{"reason": "pool.discordant"})
	return x.move(lims.ResultMoves, "results", "hold", held, `, reason = 'pool.discordant'`)
}

// CloseDiscordance ends what did not fit together about a pool, with a supervisor's reason. The pool keeps its call.
func (s *Store) CloseDiscordance(ctx context.Context, by lims.Actor, id int64, reason string) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return lims.E(lims.Invalid, "reason.needed", nil)
	}
	return s.do(ctx, by, func(x *tx) error {
		var row struct {
			Pool int64 `db:"pool_id"`
			Lab  int64 `db:"lab_id"`
		}
		err := x.one(&row, `UPDATE pool_discordances d SET closed_at = $2, closed_by = $3, reason = $4 FROM pools p
			WHERE d.id = $1 AND d.closed_at IS NULL AND p.id = d.pool_id RETURNING d.pool_id, p.lab_id`, id, x.now, by.ID, reason)
		if missing(err) {
			return lims.E(lims.NotFound, "not_found", nil)
		}
		if err == nil {
			err = inLab(by, row.Lab)
		}
		if err != nil {
			return err
		}
		x.note("close_discordance", "pool", row.Pool, map[string]any{"reason": reason})
		var samples []int64
		if err := x.all(&samples, `SELECT sample_id FROM pool_samples WHERE pool_id = $1`, row.Pool); err != nil {
			return err
		}
		return x.closePools(samples)
	})
}

// closePools ends the pools among whose tubes are these, once every tube has its own end and nothing is left that does not fit.
func (x *tx) closePools(samples []int64) error {
	var ids []int64
	if err := x.all(&ids, `SELECT p.id FROM pools p WHERE p.state = 'read' AND p.id IN (SELECT pool_id FROM pool_samples WHERE sample_id = ANY($1))
			AND p.id NOT IN (SELECT m.pool_id FROM pool_samples m JOIN samples s ON s.id = m.sample_id
				WHERE m.pool_id IN (SELECT pool_id FROM pool_samples WHERE sample_id = ANY($1)) AND s.state NOT IN ('closed','rejected','discarded'))
			AND p.id NOT IN (SELECT pool_id FROM pool_discordances WHERE closed_at IS NULL)
		ORDER BY p.id FOR UPDATE`, pq.Array(samples)); err != nil || len(ids) == 0 {
		return err
	}
	x.noteAll("close", "pool", ids, nil)
	return x.move(lims.PoolMoves, "pools", "close", ids, `, closed_at = $4`, x.now)
}

// SignPool signs the results that a negative pool gave its tubes, all of them or none: the first signature, or the second by
// another person.
func (s *Store) SignPool(ctx context.Context, by lims.Actor, code string, e lims.Event) (n int, err error) {
	from := map[lims.Event][]string{"check": {string(lims.Called), string(lims.Held)}, "release": {string(lims.Checked)}}[e]
	if from == nil {
		return 0, lims.E(lims.Invalid, "request.unreadable", nil)
	}
	var ids []int64
	if err := s.db.SelectContext(ctx, &ids, `SELECT r.id FROM results r JOIN pools p ON p.id = r.pool_id
		WHERE p.code = $1 AND p.call = 'NEG' AND r.state = ANY($2) ORDER BY r.id`, strings.ToUpper(strings.TrimSpace(code)), pq.Array(from)); err != nil {
		return 0, mapped(ctx, err)
	}
	if len(ids) == 0 {
		return 0, lims.E(lims.Conflict, "pool.nothing_to_sign", lims.Args{"pool": code})
	}
	if e == "check" {
		return len(ids), s.Check(ctx, by, ids)
	}
	return len(ids), s.Release(ctx, by, ids)
}
