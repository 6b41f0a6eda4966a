package store

import (
	"context"
	"encoding/json"
	"sort"
	"strconv"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/reports"
)

type reportRow struct {
	Result     int64      `db:"id"`
	Order      int64      `db:"order_id"`
	ClientID   string     `db:"client_id"`
	Version    int        `db:"version"`
	Reason     string     `db:"reason"`
	Call       string     `db:"call"`
	Drill      bool       `db:"drill"`
	Run        *int64     `db:"run_id"`
	Sample     int64      `db:"sample_id"`
	Pool       int64      `db:"pool_id"` // in which it was tested; 0 alone
	PoolOf     int        `db:"pool_of"` // tubes in that pool
	Kind       string     `db:"kind"`
	Name       string     `db:"name"`
	Sex        string     `db:"sex"`
	Birth      *time.Time `db:"birth_date"`
	DocType    string     `db:"doc_type"`
	DocNo      string     `db:"doc_no"`
	Phone      string     `db:"phone"`
	Barcode    string     `db:"barcode"`
	Specimen   string     `db:"specimen"`
	Mode       string     `db:"mode"`
	Persons    int        `db:"persons"`
	T0         *time.Time `db:"collected_at"`
	T1         *time.Time `db:"closed_at"`
	T2         *time.Time `db:"dispatched_at"`
	T3         *time.Time `db:"received_at"`
	T5         *time.Time `db:"started_at"`
	T6         *time.Time `db:"called_at"`
	T7         *time.Time `db:"released_at"`
	CheckedBy  string     `db:"checked_by"`
	ReleasedBy string     `db:"released_by"`
	Model      string     `db:"model"`
	Lot        string     `db:"lot"`

	Corrects   int64      `db:"corrects"`    // the result that this one replaces; 0 none
	OldBarcode string     `db:"old_barcode"` // of that result
	OldVersion int        `db:"old_version"`
	OldReport  string     `db:"old_report"`  // in which the same destination received it; "" a printed one
	NewVersion int        `db:"new_version"` // of the result that replaced this one; 0 none
	NewAt      *time.Time `db:"new_at"`
}

// reportQuery follows a WITH r AS MATERIALIZED (…) that holds the results of the report: with so many joins the planner would
// otherwise take whole tables first. What is one row by its number is looked up by itself: each join more makes planning dearer.
const reportQuery = ` SELECT r.id, r.order_id, o.client_id, r.version, r.reason, r.call, o.drill, r.run_id, r.sample_id, coalesce(r.pool_id, 0) AS pool_id,
		(SELECT count(*) FROM pool_samples n WHERE n.pool_id = r.pool_id) AS pool_of, b.kind, b.name, b.sex, b.birth_date,
		b.doc_type, b.doc_no, b.phone, s.barcode, s.specimen, s.mode, coalesce(s.declared, 1) AS persons, s.collected_at, s.closed_at,
		(SELECT dispatched_at FROM shipments WHERE id = coalesce(s.first_shipment_id, s.shipment_id)) AS dispatched_at, s.received_at, p.started_at,
		r.called_at, r.released_at, coalesce((SELECT name FROM actors WHERE id = r.checked_by), '') AS checked_by,
		coalesce((SELECT name FROM actors WHERE id = r.released_by), '') AS released_by,
		coalesce(u.model,'') AS model, coalesce(p.lot,'') AS lot,
		coalesce(y.result_id, 0) AS corrects, coalesce((SELECT barcode FROM samples WHERE id = yr.sample_id), '') AS old_barcode, coalesce(yr.version, 0) AS old_version,
		coalesce((SELECT x.delivery_id::text FROM delivery_results x JOIN deliveries v ON v.id = x.delivery_id
			WHERE x.result_id = y.result_id AND v.destination_id = r.destination_id ORDER BY v.seq DESC LIMIT 1), '') AS old_report,
		coalesce(zr.version, 0) AS new_version, zr.released_at AS new_at
	FROM r JOIN orders o ON o.id = r.order_id JOIN samples s ON s.id = r.sample_id
		LEFT JOIN amended_results y ON y.new_id = r.id LEFT JOIN results yr ON yr.id = y.result_id
		LEFT JOIN (amended_results z JOIN results zr ON zr.id = z.new_id AND zr.released_at IS NOT NULL) ON z.result_id = r.id
		JOIN subjects b ON b.id = coalesce(z.subject_id, o.subject_id)
		LEFT JOIN runs u ON u.id = r.run_id LEFT JOIN plates p ON p.id = u.plate_id
	ORDER BY r.id`

// ReportOf fills the report of a delivery: what the department reads. Names and numbers are given in full only where the
// destination's option "names" is "full"; Cq values only where "cq" is "print" (domain 1.12, 3.3).
func (s *Store) ReportOf(ctx context.Context, d Delivery) (reports.Report, error) {
	rows, err := s.reportRows(ctx, `WITH r AS MATERIALIZED (SELECT q.*, v.destination_id FROM delivery_results x JOIN results q ON q.id = x.result_id
		JOIN deliveries v ON v.id = x.delivery_id WHERE x.delivery_id = $1::uuid)`+reportQuery, d.ID)
	if err != nil {
		return reports.Report{}, err
	}
	rep := reports.Report{ID: d.ID, Version: 1, Line: d.Line, Issued: d.QueuedAt, Lang: d.Options()["lang"]}
	if rep.Lang == "" {
		rep.Lang = reports.Chinese
	}
	return s.fill(ctx, rep, d.Lab, d.Department, printing{full: d.Options()["names"] == "full", cq: d.Options()["cq"] == "print"}, rows)
}

// ReportFor fills a report of released results for one department, for a person to print. A result that was corrected since is printed
// as it was, and says so.
func (s *Store) ReportFor(ctx context.Context, by lims.Actor, department int64, results []int64, lang string) (reports.Report, error) {
	if by.Department != 0 && by.Department != department {
		return reports.Report{}, lims.E(lims.NotFound, "not_found", nil)
	}
	rows, err := s.reportRows(ctx, `WITH r AS MATERIALIZED (SELECT *, 0::bigint AS destination_id FROM results WHERE id = ANY($1) AND department_id = $2
		AND state IN ('released','superseded') AND ($3 = 0 OR lab_id = $3))`+reportQuery, pq.Array(results), department, by.Lab)
	if err != nil {
		return reports.Report{}, err
	}
	if len(rows) == 0 {
		return reports.Report{}, lims.E(lims.NotFound, "not_found", nil)
	}
	var lab int64
	if err := s.db.GetContext(ctx, &lab, `SELECT lab_id FROM results WHERE id = $1`, rows[0].Result); err != nil {
		return reports.Report{}, mapped(ctx, err)
	}
	rep := reports.Report{ID: numberOf(rows), Version: rows[0].Version, Line: "department", Issued: s.Now(), Lang: lang}
	return s.fill(ctx, rep, lab, department, printing{full: true}, rows)
}

// numberOf is the number of a report that a person prints: of one result its tube, order and version; of several the first and last tube.
func numberOf(rows []reportRow) string {
	if len(rows) == 1 {
		return rows[0].number(rows[0].Barcode, rows[0].Version)
	}
	return "R-" + rows[0].Barcode + "-" + rows[len(rows)-1].Barcode
}

func (r reportRow) number(barcode string, version int) string {
	n := "R-" + barcode + "-" + strconv.FormatInt(r.Order, 10)
	if version > 1 {
		n += "-V" + strconv.Itoa(version)
	}
	return n
}

type printing struct{ full, cq bool }

func (s *Store) reportRows(ctx context.Context, query string, args ...any) (rows []reportRow, err error) {
	err = s.db.SelectContext(ctx, &rows, query, args...)
	return rows, mapped(ctx, err)
}

func (s *Store) fill(ctx context.Context, rep reports.Report, lab, department int64, pr printing, rows []reportRow) (reports.Report, error) {
	var who struct {
		LabZh  string `db:"lab_zh"`
		LabEn  string `db:"lab_en"`
		Lab    string `db:"lab"`
		Zone   string `db:"zone"`
		DeptZh string `db:"dept_zh"`
		DeptEn string `db:"dept_en"`
		Dept   string `db:"dept"`
	}
	if err := s.db.GetContext(ctx, &who, `SELECT l.name_zh AS lab_zh, l.name_en AS lab_en, l.code AS lab, l.zone, d.name_zh AS dept_zh, d.name_en AS dept_en, d.code AS dept
		FROM labs l, departments d WHERE l.id = $1 AND d.id = $2`, lab, department); err != nil {
		return rep, mapped(ctx, err)
	}
	rep.Lab = reports.Lab{Name: reports.Text{ZH: who.LabZh, EN: who.LabEn}, Code: who.Lab}
	rep.Department = reports.Department{Name: reports.Text{ZH: who.DeptZh, EN: who.DeptEn}, Code: who.Dept}
	rep.Zone, _ = time.LoadLocation(who.Zone)
	arms, err := s.arms(ctx, rows, pr)
	if err != nil {
		return rep, err
	}
	both, err := s.bothArms(ctx, rows, pr)
	if err != nil {
		return rep, err
	}
	for _, r := range rows {
		one := r.result()
		if r.Run != nil {
			one.Arms = arms[r.tested()]
		}
		if a, ok := both[r.Result]; ok {
			one.Arms = a
		}
		rep.Drill = rep.Drill || r.Drill
		rep.Results = append(rep.Results, one)
	}
	if !pr.full {
		rep = rep.Masked()
	}
	return rep, nil
}

func (r reportRow) result() reports.Result {
	sub := reports.Subject{Kind: r.Kind, Name: r.Name, Sex: map[string]string{"m": "M", "f": "F"}[r.Sex], DocType: r.DocType, DocNo: r.DocNo, Phone: r.Phone}
	if r.Birth != nil {
		sub.BirthDate = r.Birth.Format(time.DateOnly)
	}
	out := reports.Result{OrderID: r.ClientID, OrderNo: r.Order, Version: r.Version, Subject: sub, Call: r.Call,
		Sample:     reports.Sample{Barcode: r.Barcode, Specimen: r.Specimen, Mode: r.Mode, PooledN: r.Persons, PoolOf: r.PoolOf},
		Times:      reports.Times{T0: or(r.T0), T1: or(r.T1), T2: or(r.T2), T3: or(r.T3), T5: or(r.T5), T6: or(r.T6), T7: or(r.T7)},
		Instrument: r.Model, CheckedBy: r.CheckedBy, ReleasedBy: r.ReleasedBy, ReviewedAt: or(r.T7)}
	if r.Corrects != 0 {
		out.Reason, out.ReplacesVersion, out.Replaces = r.Reason, r.OldVersion, r.OldReport
		if out.Replaces == "" {
			out.Replaces = r.number(r.OldBarcode, r.OldVersion)
		}
		if r.OldBarcode != r.Barcode {
			out.Sample.Original = r.OldBarcode
		}
	}
	if r.NewVersion != 0 {
		out.ReplacedBy, out.ReplacedAt = r.number(r.Barcode, r.NewVersion), or(r.NewAt)
	}
	return out
}

// tested is the run and what was tested in it: the tube, or (negative) the pool that it had a share of.
func (r reportRow) tested() [2]int64 {
	if r.Pool != 0 {
		return [2]int64{*r.Run, -r.Pool}
	}
	return [2]int64{*r.Run, r.Sample}
}

func or(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// arms are the tests behind the results, by run and sample.
func (s *Store) arms(ctx context.Context, rows []reportRow, pr printing) (map[[2]int64][]reports.Arm, error) {
	var runs, samples, pools []int64
	for _, r := range rows {
		if r.Run != nil {
			runs, samples = append(runs, *r.Run), append(samples, r.Sample)
			if r.Pool != 0 {
				pools = append(pools, r.Pool)
			}
		}
	}
	var calls []struct {
		Run     int64  `db:"run_id"`
		Sample  int64  `db:"sample_id"`
		Kit     string `db:"kit_key"`
		Lot     string `db:"lot"`
		Targets []byte `db:"targets"`
	}
	if err := s.db.SelectContext(ctx, &calls, `SELECT c.run_id, c.sample_id, c.kit_key, c.targets, coalesce(w.lot, '') AS lot FROM (
			SELECT run_id, sample_id, pos, arm, kit_key, targets FROM calls WHERE run_id = ANY($1) AND sample_id = ANY($2)
			UNION ALL SELECT run_id, -pool_id, pos, arm, kit_key, targets FROM calls WHERE run_id = ANY($1) AND pool_id = ANY($3)) c
			JOIN runs u ON u.id = c.run_id LEFT JOIN wells w ON w.plate_id = u.plate_id AND w.pos = c.pos AND w.kit_key = c.kit_key
		ORDER BY c.run_id, c.sample_id, c.arm, c.kit_key`, pq.Array(unique(runs)), pq.Array(unique(samples)), pq.Array(unique(pools))); err != nil {
		return nil, mapped(ctx, err)
	}
	keys := map[string]bool{}
	var list []string
	for _, c := range calls {
		if !keys[c.Kit] {
			keys[c.Kit] = true
			list = append(list, c.Kit)
		}
	}
	kits, err := s.kits(ctx, list)
	if err != nil {
		return nil, err
	}
	out := map[[2]int64][]reports.Arm{}
	for _, c := range calls {
		var found map[string]pcr.Target
		if err := json.Unmarshal(c.Targets, &found); err != nil {
			return nil, lims.Wrap(lims.Broken, "database.broken", err)
		}
		at := [2]int64{c.Run, c.Sample}
		out[at] = append(out[at], armOf(kits[c.Kit], c.Lot, found, pr))
	}
	return out, nil
}

func armOf(k *pcr.Kit, lot string, found map[string]pcr.Target, pr printing) reports.Arm {
	arm := reports.Arm{Kit: reports.Text{ZH: k.Title("zh"), EN: k.Title("en")}, Lot: lot, LoD: lod(k)}
	for _, a := range k.Targets {
		t := reports.Target{Name: a.ID, State: found[a.ID].State, Internal: a.Role == "internal"}
		if pr.cq {
			t.CqText = found[a.ID].CqText
		}
		arm.Targets = append(arm.Targets, t)
	}
	return arm
}

// lod prints a limit of detection with its unit, "" where the kit states none.
func lod(k *pcr.Kit) string {
	if k.LoD.Value == 0 {
		return ""
	}
	return strconv.FormatFloat(k.LoD.Value, 'f', -1, 64) + " " + k.LoD.Unit
}

func unique(ids []int64) []int64 {
	seen := make(map[int64]bool, len(ids))
	out := make([]int64, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}
