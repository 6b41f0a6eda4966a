package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// background fills in what a verdict needs beside the run and the layout: extraction batches that failed on other plates, the
// ranges of control lots, earlier results of the same people, the laboratory's own positivity and the limits of its flags.
func (s *Store) background(ctx context.Context, p Plate, c *lims.Case) error {
	for _, f := range []func(context.Context, Plate, *lims.Case) error{s.failedElsewhere, s.lotRanges, s.earlier, s.suspicion, s.usual} {
		if err := f(ctx, p, c); err != nil {
			return mapped(ctx, err)
		}
	}
	c.Want = map[plate.Role]int{}
	for _, r := range StandardControls {
		if r == plate.Weak || r == plate.Saline { // the handbook's; the kit asks for its own
			c.Want[r]++
		}
	}
	return nil
}

func (s *Store) failedElsewhere(ctx context.Context, p Plate, c *lims.Case) error {
	var rows []struct {
		Batch string `db:"batch"`
		Why   string `db:"why"`
	}
	err := s.db.SelectContext(ctx, &rows, `SELECT DISTINCT ON (batch) batch, why FROM failed_batches WHERE lab_id = $1 AND plate_id <> $2
		AND batch IN (SELECT batch FROM wells WHERE plate_id = $2 AND role = 'sample') ORDER BY batch, at`, p.Lab, p.ID)
	for _, r := range rows {
		if c.Failed == nil {
			c.Failed = map[string]string{}
		}
		c.Failed[r.Batch] = r.Why
	}
	return err
}

func (s *Store) lotRanges(ctx context.Context, p Plate, c *lims.Case) error {
	var rows []struct {
		Number string          `db:"number"`
		Ranges json.RawMessage `db:"ranges"`
	}
	err := s.db.SelectContext(ctx, &rows, `SELECT number, ranges FROM lots WHERE lab_id = $1 AND ranges <> '{}'
		AND (kit_key, number) IN (SELECT kit_key, lot FROM wells WHERE plate_id = $2)`, p.Lab, p.ID)
	for _, r := range rows {
		var m map[string]pcr.Range
		if err := json.Unmarshal(r.Ranges, &m); err != nil {
			return err
		}
		if c.Lots == nil {
			c.Lots = map[string]map[string]pcr.Range{}
		}
		c.Lots[r.Number] = m
	}
	return err
}

// earlier finds released results of the people whose single tubes stand on the plate, by document number, newest first. It asks twice,
// who stands here and what is known of them: to plan one join of nine tables takes longer than to carry out both.
func (s *Store) earlier(ctx context.Context, p Plate, c *lims.Case) error {
	var here []struct {
		Sample  int64  `db:"id"`
		Barcode string `db:"barcode"`
		Type    string `db:"doc_type"`
		No      string `db:"doc_no"`
	}
	err := s.db.SelectContext(ctx, &here, `SELECT s.id, s.barcode, b.doc_type, b.doc_no
		FROM (SELECT DISTINCT sample_id FROM wells WHERE plate_id = $1) w JOIN samples s ON s.id = w.sample_id AND s.mode = 'single'
			JOIN contents c ON c.sample_id = s.id JOIN orders o ON o.id = c.order_id JOIN subjects b ON b.id = o.subject_id AND b.doc_no <> ''`, p.ID)
	if err != nil || len(here) == 0 {
		return err
	}
	samples, barcodes, types, numbers := make([]int64, len(here)), make([]string, len(here)), make([]string, len(here)), make([]string, len(here))
	for i, h := range here {
		samples[i], barcodes[i], types[i], numbers[i] = h.Sample, h.Barcode, h.Type, h.No
	}
	var rows []struct {
		Barcode string    `db:"barcode"`
		Call    string    `db:"call"`
		At      time.Time `db:"released_at"`
	}
	now := s.Now() // OFFSET 0: person by person, by index; a plan made before there are statistics may join all orders with all people
	err = s.db.SelectContext(ctx, &rows, `SELECT h.barcode, r.call, r.released_at
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS h (sample, barcode, type, no)
			CROSS JOIN LATERAL (SELECT id FROM subjects WHERE doc_no = h.no AND doc_no <> '' AND doc_type = h.type OFFSET 0) e
			CROSS JOIN LATERAL (SELECT id FROM orders WHERE subject_id = e.id OFFSET 0) q
			JOIN results r ON r.order_id = q.id AND r.state = 'released' AND r.sample_id <> h.sample AND r.released_at > $5
		ORDER BY h.barcode, r.released_at DESC LIMIT 5000`,
		pq.Array(samples), pq.Array(barcodes), pq.Array(types), pq.Array(numbers), now.AddDate(0, 0, -lims.DeltaDays))
	for _, r := range rows {
		if c.Earlier == nil {
			c.Earlier = map[string][]lims.Past{}
		}
		if len(c.Earlier[r.Barcode]) == 0 { // the last one counts
			c.Earlier[r.Barcode] = []lims.Past{{Call: r.Call, Hours: now.Sub(r.At).Hours()}}
		}
	}
	return err
}

// usual is the laboratory's own positivity, once it has seen enough wells; the limits of suspicion are known by then.
func (s *Store) usual(ctx context.Context, p Plate, c *lims.Case) error {
	var sum struct {
		Wells    int `db:"wells"`
		Findings int `db:"findings"`
	}
	now, limits := s.Now(), c.Rules.Filled()
	err := s.db.GetContext(ctx, &sum, `SELECT coalesce(sum(wells),0) AS wells, coalesce(sum(findings),0) AS findings FROM positivity
		WHERE lab_id = $1 AND day > $2::date AND day <= $3::date`, p.Lab, now.AddDate(0, 0, -int(limits.Days)), now)
	if float64(sum.Wells) >= limits.Wells {
		c.Usual = float64(max(1, sum.Findings)) / float64(sum.Wells)
	}
	return err
}

// countPositivity adds a run to the laboratory's baseline.
func (x *tx) countPositivity(p Plate, v lims.Verdict) error {
	wells, findings := 0, 0
	for i := range v.Wells {
		if w := &v.Wells[i]; !w.Invalid {
			wells++
			if w.Call.Call != pcr.Negative && w.Call.Call != pcr.Invalid {
				findings++
			}
		}
	}
	return x.exec(`INSERT INTO positivity (lab_id, day, wells, findings) VALUES ($1, $2::timestamptz::date, $3, $4)
		ON CONFLICT (lab_id, day) DO UPDATE SET wells = positivity.wells + excluded.wells, findings = positivity.findings + excluded.findings`,
		p.Lab, x.now, wells, findings)
}

func (s *Store) suspicion(ctx context.Context, p Plate, c *lims.Case) (err error) {
	c.Rules, err = s.Suspicion(ctx, p.Lab, s.Now())
	return err
}

// aftermath is what follows from a verdict beside results: flags, prescribed work, failed batches, control charts, the baseline.
func (x *tx) aftermath(run int64, m Message, p Plate, j Judged, tubes map[string]tube) error {
	if err := x.byFix(run, m.ID); err != nil {
		return err
	}
	if err := x.raiseFlags(run, p, j.Verdict, tubes); err != nil {
		return err
	}
	if err := x.nextSteps(run, p, j.Verdict, tubes); err != nil {
		return err
	}
	if err := x.failBatches(run, p, j.Verdict); err != nil {
		return err
	}
	if err := x.recordIQC(run, p, j); err != nil {
		return err
	}
	if !j.Verdict.Accepted {
		return nil
	}
	return x.countPositivity(p, j.Verdict)
}
