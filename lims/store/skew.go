package store

import (
	"context"
	"time"
)

// Skew is how far an instrument's clock lies behind ours, by the times that it wrote into its last messages. Where a person exports
// files, or where a message waits on its way, the wait is part of it: a value below zero is a clock that runs ahead for certain.
type Skew struct {
	Median   time.Duration
	Messages int // that it was estimated from, at most SkewOver
}

// SkewOver is the number of messages that the estimate looks back on, SkewMost the skew that a person should know of.
const (
	SkewOver = 50
	SkewMost = 2 * time.Minute
)

// Wrong says whether the clock should be set.
func (k Skew) Wrong() bool { return k.Messages > 0 && k.Median.Abs() > SkewMost }

// Skews estimates the clocks of the instruments of a laboratory, by instrument.
func (s *Store) Skews(ctx context.Context, sc Scope) (map[int64]Skew, error) {
	rows, err := list[struct {
		ID     int64   `db:"id"`
		N      int     `db:"n"`
		Median float64 `db:"median"`
	}](ctx, s, `SELECT i.id, k.n, k.median FROM instruments i, LATERAL (
			SELECT count(*) AS n, percentile_cont(0.5) WITHIN GROUP (ORDER BY skew_s) AS median FROM (
				SELECT skew_s FROM messages WHERE instrument_id = i.id AND skew_s IS NOT NULL ORDER BY id DESC LIMIT $2) AS last) AS k
		WHERE ($1 = 0 OR i.lab_id = $1) AND k.n > 0`, sc.Lab, SkewOver)
	out := make(map[int64]Skew, len(rows))
	for _, r := range rows {
		out[r.ID] = Skew{Median: time.Duration(r.Median * float64(time.Second)).Round(time.Second), Messages: r.N}
	}
	return out, err
}
