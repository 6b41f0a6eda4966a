package store

import (
	"context"
	"sync"
	"time"

	"natlims/pooling"
)

// Monitoring counts tubes by the day of their first call. A day that is over hardly changes, and a busy laboratory calls 22,000 results
// on it: its counts are kept in memory and counted again only where a result of one of its tubes was withdrawn, or called again.
// Both are few and found by an index of their own; see stampQuery.

// poolDay is one day of one laboratory: tubes of one person that were tested by themselves, or pools of one size.
type poolDay struct {
	Day      int    `db:"day"` // days since 1970-01-01 in the laboratory's zone
	Kind     string `db:"kind"`
	Size     int    `db:"size"`
	Tested   int    `db:"tested"`
	Positive int    `db:"positive"`
}

// telling is a result that says something of its tube.
const telling = `pool_id IS NULL AND state <> 'withdrawn' AND call NOT IN ('rejected','invalid')`

// tubesQuery counts the tubes whose first call was in a span, by what all their calls say. A tube that was called before has a
// version over 1; so has one that was called again later. Retests of pools are left out: their people were counted with the pool. The tubes of a
// day stand near one another: the bounds keep the history of samples unread.
const tubesQuery = `WITH d AS MATERIALIZED (SELECT sample_id, max(version) AS version, bool_or(call IN ('positive','presumptive_positive','pending_review')) AS positive
		FROM results WHERE lab_id = $1 AND called_at >= $3 AND called_at < $4 AND ` + telling + ` GROUP BY 1),
	later AS MATERIALIZED (SELECT DISTINCT sample_id FROM results WHERE lab_id = $1 AND version > 1 AND called_at >= $4 AND called_at < $5
		AND call IN ('positive','presumptive_positive','pending_review') AND ` + telling + `),
	before AS MATERIALIZED (SELECT DISTINCT d.sample_id FROM d JOIN results r ON r.sample_id = d.sample_id
		WHERE d.version > 1 AND r.lab_id = $1 AND r.called_at < $3 AND ` + telling + `),
	fresh AS MATERIALIZED (SELECT sample_id, positive FROM d WHERE sample_id NOT IN (SELECT sample_id FROM before))
	SELECT $2::int AS day, CASE WHEN size = 1 THEN 'single' ELSE 'swab' END AS kind, size, count(*) AS tested, count(*) FILTER (WHERE positive) AS positive
	FROM (SELECT coalesce(s.declared, 1) AS size, n.positive OR l.sample_id IS NOT NULL AS positive FROM fresh n
		JOIN samples s ON s.id = n.sample_id AND s.retest_of IS NULL AND s.id BETWEEN (SELECT min(sample_id) FROM fresh) AND (SELECT max(sample_id) FROM fresh)
		LEFT JOIN later l ON l.sample_id = n.sample_id) t GROUP BY 2, 3`

// mixedQuery counts the pools that were mixed in the laboratory.
const mixedQuery = `SELECT (p.called_at AT TIME ZONE z.zone)::date - '1970-01-01'::date AS day, 'media' AS kind, m.size, count(*) AS tested,
		count(*) FILTER (WHERE p.call <> 'NEG') AS positive
	FROM pools p JOIN labs z ON z.id = p.lab_id JOIN LATERAL (SELECT count(*) AS size FROM pool_samples WHERE pool_id = p.id) m ON true
	WHERE p.lab_id = $1 AND p.called_at >= $2 AND p.called_at < $3 AND p.call NOT IN ('','INVALID') AND p.axis IN ('pool','row') GROUP BY 1, 3`

// stampQuery says of each day of a laboratory's zone when it begins and ends, and how much that could change its counts has happened
// to its tubes: results that were withdrawn, and results after the first.
const stampQuery = `WITH z AS (SELECT zone, ($2::timestamptz AT TIME ZONE zone)::date AS today FROM labs WHERE id = $1),
	days AS (SELECT d::date AS day, d::timestamp AT TIME ZONE z.zone AS begins, (d::timestamp + interval '1 day') AT TIME ZONE z.zone AS ends
		FROM z, generate_series(z.today - $3::int, z.today, interval '1 day') d),
	odd AS MATERIALIZED (SELECT sample_id, count(*) AS n, count(*) FILTER (WHERE state = 'withdrawn') AS w FROM results
		WHERE lab_id = $1 AND called_at >= (SELECT min(begins) FROM days) AND called_at < $4 AND pool_id IS NULL AND (version > 1 OR state = 'withdrawn') GROUP BY 1),
	first AS (SELECT r.sample_id, min(r.called_at) AS at, min(o.n) AS n, min(o.w) AS w FROM odd o JOIN results r ON r.sample_id = o.sample_id GROUP BY 1)
	SELECT d.day - '1970-01-01'::date AS day, d.begins, d.ends, coalesce(sum(f.n), 0) AS again, coalesce(sum(f.w), 0) AS withdrawn
	FROM days d LEFT JOIN first f ON f.at >= d.begins AND f.at < d.ends GROUP BY 1, 2, 3 ORDER BY 1`

// dayStamp is one row of stampQuery.
type dayStamp struct {
	Day       int       `db:"day"`
	Begins    time.Time `db:"begins"`
	Ends      time.Time `db:"ends"`
	Again     int       `db:"again"`
	Withdrawn int       `db:"withdrawn"`
}

// span is the days of a laboratory that end with an instant.
type span struct {
	lab  int64
	now  time.Time
	days int
}

type selects interface {
	SelectContext(ctx context.Context, into any, query string, args ...any) error
}

const (
	keptDays  = 1000             // of all laboratories
	dayLinger = 10 * time.Minute // after midnight: a transaction that began before it may still be under way
)

type keptDay struct {
	stamp dayStamp
	rows  []poolDay
}

// dayCounts keeps the counts of the days that are over.
type dayCounts struct {
	mu   sync.Mutex
	kept map[[2]int64]keptDay // by laboratory and day
}

// read gives the counts of the days of a span, oldest first, in rows and as the estimate wants them.
func (c *dayCounts) read(ctx context.Context, q selects, at span) (rows []poolDay, out []pooling.Day, err error) {
	var stamps []dayStamp
	until := at.now.Add(time.Second)
	if err := q.SelectContext(ctx, &stamps, stampQuery, at.lab, at.now, at.days+1, until); err != nil {
		return nil, nil, err
	}
	if len(stamps) == 0 {
		return nil, nil, nil
	}
	for _, s := range stamps {
		day, err := c.day(ctx, q, at.lab, s, until)
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, day...)
	}
	var mixed []poolDay
	if err := q.SelectContext(ctx, &mixed, mixedQuery, at.lab, stamps[0].Begins, until); err != nil {
		return nil, nil, err
	}
	rows = append(rows, mixed...)
	return rows, daysOf(rows), nil
}

// day counts one day, or finds it where nothing can have changed.
func (c *dayCounts) day(ctx context.Context, q selects, lab int64, s dayStamp, until time.Time) (rows []poolDay, err error) {
	key := [2]int64{lab, int64(s.Day)}
	over := !until.Before(s.Ends.Add(dayLinger))
	c.mu.Lock()
	k, ok := c.kept[key]
	c.mu.Unlock()
	if ok && over && k.stamp.Again == s.Again && k.stamp.Withdrawn == s.Withdrawn {
		return k.rows, nil
	}
	if err := q.SelectContext(ctx, &rows, tubesQuery, lab, s.Day, s.Begins, s.Ends, until); err != nil || !over {
		return rows, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= keptDays {
		c.kept = map[[2]int64]keptDay{}
	}
	c.kept[key] = keptDay{s, rows}
	return rows, nil
}

func daysOf(rows []poolDay) (out []pooling.Day) {
	at := map[int]int{}
	for _, r := range rows {
		i, ok := at[r.Day]
		if !ok {
			i = len(out)
			at[r.Day] = i
			out = append(out, pooling.Day{Day: r.Day})
		}
		if r.Kind == "single" {
			out[i].Single, out[i].Positive = out[i].Single+r.Tested, out[i].Positive+r.Positive
			continue
		}
		out[i].Pools = append(out[i].Pools, pooling.Tested{Size: r.Size, Tested: r.Tested, Positive: r.Positive})
	}
	return out
}
