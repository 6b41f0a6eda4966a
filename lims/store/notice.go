package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/reports"
)

// Notices tell a department at once, in the transaction that records a tube's call and before anybody has signed, that the
// members of the tube are under verification. The rules (domain 1.9, 5.5):
//
//  1. A tube of several persons that is not negative is recalled as soon as it was read, even where it is itself tested again; so
//     is a tube of one person whose pool was not negative and of which too little is left.
//  2. A notice is no result and holds none. Results go their own way, over two signatures.
//  3. A tube is recalled once. The recall ends when its results are signed or everybody's second tube was read, or is withdrawn:
//     the tube was tested again and is negative, or its test was annulled. A withdrawal is a notice of its own.
//  4. Who is recalled may be swabbed again at once. Whoever reads the second tube first does not wait for the signatures on the
//     first: what was said of it is withdrawn.

// heard is a tube that is recalled.
type heard struct {
	tube   tube
	reason string // code: not_negative, invalid, volume
}

// announce recalls tubes: one notice a tube, to every destination of its department.
func (x *tx) announce(run, lab, pool int64, tubes []heard) error {
	var samples, departments, told, orders []int64
	var reasons []string
	seen := map[int64]bool{} // a tube may stand in two wells
	for _, h := range tubes {
		if len(h.tube.Orders) == 0 || seen[h.tube.ID] { // without orders everybody in it has a result, or another tube
			continue
		}
		seen[h.tube.ID] = true
		samples, departments, reasons = append(samples, h.tube.ID), append(departments, h.tube.Department), append(reasons, h.reason)
		for _, o := range h.tube.Orders {
			told, orders = append(told, h.tube.ID), append(orders, o)
		}
	}
	if len(samples) == 0 {
		return nil
	}
	rules, err := x.poolRules(lab)
	if err != nil {
		return err
	}
	var ids []int64
	if err := x.all(&ids, `WITH made AS (
			INSERT INTO notices (kind, department_id, lab_id, sample_id, pool_id, run_id, reason, at, collect_by)
			SELECT 'recall', d, $3, s, nullif($4::bigint, 0), nullif($5::bigint, 0), r, $6, $7
			FROM unnest($1::bigint[], $2::bigint[], $8::text[]) AS t (s, d, r)
			ON CONFLICT (sample_id) WHERE kind = 'recall' AND ended_at IS NULL DO NOTHING RETURNING id, sample_id
		), members AS (
			INSERT INTO notice_orders (notice_id, order_id)
			SELECT m.id, t.o FROM made m JOIN unnest($9::bigint[], $10::bigint[]) AS t (s, o) ON t.s = m.sample_id
		)
		SELECT id FROM made ORDER BY id`, pq.Array(samples), pq.Array(departments), lab, pool, run, x.now,
		x.now.Add(time.Duration(rules.RecallMinutes)*time.Minute), pq.Array(reasons), pq.Array(told), pq.Array(orders)); err != nil {
		return err
	}
	x.noteAll("recall", "notice", ids, nil)
	return x.tell(ids)
}

// withdrawNotices ends the open recalls of tubes before they are signed, and tells whoever was told of them.
func (x *tx) withdrawNotices(samples []int64, reason string) error {
	if len(samples) == 0 {
		return nil
	}
	var ids []int64
	if err := x.all(&ids, `WITH over AS (
			UPDATE notices SET ended_at = $2, ended_by = 'withdrawn' WHERE sample_id = ANY($1) AND kind = 'recall' AND ended_at IS NULL RETURNING *
		), made AS (
			INSERT INTO notices (kind, withdraws, department_id, lab_id, sample_id, pool_id, run_id, reason, at)
			SELECT 'withdrawal', id, department_id, lab_id, sample_id, pool_id, run_id, $3, $2 FROM over ORDER BY id RETURNING id, withdraws
		), members AS (
			INSERT INTO notice_orders (notice_id, order_id) SELECT m.id, o.order_id FROM made m JOIN notice_orders o ON o.notice_id = m.withdraws
		)
		SELECT id FROM made ORDER BY id`, pq.Array(samples), x.now, reason); err != nil {
		return err
	}
	x.noteAll("withdraw", "notice", ids, map[string]any{"reason": reason})
	return x.tell(ids)
}

// annul withdraws the recalls that rest on results which are taken back.
func (x *tx) annul(results []int64) error {
	var samples []int64
	if err := x.all(&samples, `SELECT DISTINCT sample_id FROM results WHERE id = ANY($1) AND call = 'pending_review'`, pq.Array(results)); err != nil {
		return err
	}
	return x.withdrawNotices(samples, "annulled")
}

// overtake takes back what was said of recalled tubes and not signed, of orders whose second tube has been read meanwhile.
func (x *tx) overtake(orders, samples []int64) error {
	var stale []struct {
		ID     int64 `db:"id"`
		Sample int64 `db:"sample_id"`
	}
	if err := x.all(&stale, `SELECT r.id, r.sample_id FROM results r JOIN unnest($1::bigint[], $2::bigint[]) AS t (o, s) ON t.o = r.order_id
		WHERE r.state IN ('called','held','checked') AND r.call = 'pending_review' AND r.sample_id <> t.s ORDER BY r.id FOR UPDATE OF r`,
		pq.Array(orders), pq.Array(samples)); err != nil || len(stale) == 0 {
		return err
	}
	ids, old := make([]int64, len(stale)), make([]int64, len(stale))
	for i, r := range stale {
		ids[i], old[i] = r.ID, r.Sample
	}
	x.noteAll("withdraw", "result", ids, map[string]any{"reason": "recall.collected"})
	if err := x.move(lims.ResultMoves, "results", "withdraw", ids, `, ended_at = $4, reason = 'recall.collected'`, x.now); err != nil {
		return err
	}
	if err := x.exec(`UPDATE notices SET ended_at = $2, ended_by = 'collected' WHERE sample_id = ANY($1) AND kind = 'recall' AND ended_at IS NULL
		AND sample_id NOT IN (SELECT sample_id FROM orders WHERE sample_id = ANY($1) AND state = 'open')`, pq.Array(old), x.now); err != nil {
		return err
	}
	return x.closeSamples(old)
}

// tell puts notices into the outbox. Where a department has no destination, people of the laboratory are told to call it.
func (x *tx) tell(notices []int64) error {
	if len(notices) == 0 {
		return nil
	}
	if err := x.exec(`INSERT INTO deliveries (id, notice_id, destination_id, department_id, lab_id, results, queued_at, next_at)
		SELECT gen_random_uuid(), n.id, d.id, n.department_id, n.lab_id, (SELECT count(*) FROM notice_orders o WHERE o.notice_id = n.id), $2, $2
		FROM notices n JOIN destinations d ON d.department_id = n.department_id AND d.active WHERE n.id = ANY($1)`, pq.Array(notices), x.now); err != nil {
		return err
	}
	var silent []unheard
	if err := x.all(&silent, unheardColumns+`FROM notices n JOIN samples s ON s.id = n.sample_id
		WHERE n.id = ANY($1) AND n.department_id NOT IN (SELECT department_id FROM destinations WHERE active) ORDER BY n.id`, pq.Array(notices)); err != nil {
		return err
	}
	if err := x.raise(alertsOf(silent, "no_destination")); err != nil {
		return err
	}
	return x.exec(`SELECT pg_notify($1, '')`, NotifyDeliveries)
}

// unheard is a notice that has not reached its department.
type unheard struct {
	ID         int64  `db:"id"`
	Lab        int64  `db:"lab_id"`
	Department int64  `db:"department_id"`
	Sample     int64  `db:"sample_id"`
	Barcode    string `db:"barcode"`
	Kind       string `db:"kind"`
	Persons    int    `db:"persons"`
}

const unheardColumns = `SELECT DISTINCT n.id, n.lab_id, n.department_id, n.sample_id, s.barcode, n.kind, (SELECT count(*) FROM notice_orders o WHERE o.notice_id = n.id) AS persons `

// alertsOf are alerts that somebody has to call the department: "no_destination", "refused", "unheard" and "unheard_again".
func alertsOf(rows []unheard, why string) (out []alert) {
	for _, n := range rows {
		out = append(out, alert{kind: "delivery", key: fmt.Sprintf("notice:%d:%s", n.ID, why), lab: n.Lab, department: n.Department, sample: n.Sample,
			args: lims.Args{"case": n.Kind + "_" + why, "barcode": n.Barcode, "persons": n.Persons, "notice": n.ID}})
	}
	return out
}

// How long a department may leave a notice unconfirmed before the laboratory is alerted, and before it is alerted again (domain 5.6).
const (
	NoticeUnheard = 10 * time.Minute
	NoticeAgain   = 30 * time.Minute
)

// RemindNotices alerts the laboratories whose notices no destination of the department has confirmed in time.
func (s *Store) RemindNotices(ctx context.Context) error {
	return s.do(ctx, lims.Actor{}, func(x *tx) error {
		for _, step := range []struct {
			after time.Duration
			why   string
		}{{NoticeUnheard, "unheard"}, {NoticeAgain, "unheard_again"}} {
			var late []unheard
			if err := x.all(&late, unheardColumns+`FROM deliveries v JOIN notices n ON n.id = v.notice_id JOIN samples s ON s.id = n.sample_id
				WHERE v.notice_id IS NOT NULL AND v.state <> 'acknowledged' AND v.queued_at <= $1 AND v.queued_at > $1::timestamptz - interval '3 days'
					AND v.notice_id NOT IN (SELECT notice_id FROM deliveries WHERE notice_id IS NOT NULL AND state = 'acknowledged' AND queued_at > $1::timestamptz - interval '4 days')
					AND (n.ended_at IS NULL OR n.ended_by <> 'signed') AND NOT EXISTS (SELECT FROM alerts a WHERE a.key = 'notice:' || n.id || ':' || $2::text)
				ORDER BY n.id LIMIT 200`, x.now.Add(-step.after), step.why); err != nil {
				return err
			}
			if err := x.raise(alertsOf(late, step.why)); err != nil {
				return err
			}
		}
		return nil
	})
}

// NoticeOf fills the notice of a delivery: what the department reads. Its scope and what is masked are those of results.
func (s *Store) NoticeOf(ctx context.Context, d Delivery) (n reports.Notice, err error) {
	var head struct {
		Kind      string     `db:"kind"`
		Withdraws int64      `db:"withdraws"`
		Reason    string     `db:"reason"`
		At        time.Time  `db:"at"`
		CollectBy *time.Time `db:"collect_by"`
		Lab       string     `db:"lab"`
		LabName   Name       `db:"labname"`
		Zone      string     `db:"zone"`
		Dep       string     `db:"department"`
		DepName   Name       `db:"depname"`
		Barcode   string     `db:"barcode"`
		Mode      string     `db:"mode"`
		Specimen  string     `db:"specimen"`
		Collected *time.Time `db:"collected_at"`
		PoolOf    int        `db:"pool_of"`
	}
	if err := s.db.GetContext(ctx, &head, `SELECT n.kind, coalesce(n.withdraws, 0) AS withdraws, n.reason, n.at, n.collect_by, l.code AS lab, l.zone,
			l.name_zh AS "labname.name_zh", l.name_en AS "labname.name_en", d.code AS department, d.name_zh AS "depname.name_zh", d.name_en AS "depname.name_en",
			s.barcode, s.mode, s.specimen, s.collected_at, (SELECT count(*) FROM pool_samples m WHERE m.pool_id = n.pool_id) AS pool_of
		FROM notices n JOIN labs l ON l.id = n.lab_id JOIN departments d ON d.id = n.department_id JOIN samples s ON s.id = n.sample_id
		WHERE n.id = $1`, d.Notice); err != nil {
		return n, mapped(ctx, err)
	}
	n = reports.Notice{ID: d.ID, No: d.Notice, Withdraws: head.Withdraws, Kind: head.Kind, Reason: head.Reason, Line: d.Line, Issued: head.At,
		Lang: d.Options()["lang"], Lab: reports.Lab{Name: reports.Text{ZH: head.LabName.Zh, EN: head.LabName.En}, Code: head.Lab},
		Department: reports.Department{Name: reports.Text{ZH: head.DepName.Zh, EN: head.DepName.En}, Code: head.Dep}, Barcode: head.Barcode, Mode: head.Mode,
		Specimen: head.Specimen, PoolOf: head.PoolOf, Collected: or(head.Collected), CollectBy: or(head.CollectBy)}
	if n.Reason == "" { // recalled before notices were kept with a reason
		n.Reason = "not_negative"
	}
	n.Zone, _ = time.LoadLocation(head.Zone)
	people, err := s.noticePeople(ctx, Scope{}, d.Notice)
	for _, p := range people {
		subject := reports.Subject{Kind: p.Kind, Name: p.Name, Sex: map[string]string{"m": "M", "f": "F"}[p.Sex], DocType: p.DocType, DocNo: p.DocNo, Phone: p.Phone}
		if d.Options()["names"] != "full" {
			subject = subject.Masked()
		}
		n.Drill = n.Drill || p.Drill
		n.Persons = append(n.Persons, reports.NoticePerson{OrderID: p.ClientID, OrderNo: p.Order, Subject: subject, Due: or(p.DueAt)})
	}
	return n, err
}

// NoticePerson is one order that a notice speaks of.
type NoticePerson struct {
	Order    int64      `db:"id"`
	ClientID string     `db:"client_id"`
	State    string     `db:"state"`
	DueAt    *time.Time `db:"due_at"`
	Drill    bool       `db:"drill"`
	Kind     string     `db:"kind"`
	Name     string     `db:"name"`
	Sex      string     `db:"sex"`
	DocType  string     `db:"doc_type"`
	DocNo    string     `db:"doc_no"`
	Phone    string     `db:"phone"`
	Barcode  string     `db:"barcode"` // of the tube that counts now
}

func (s *Store) noticePeople(ctx context.Context, sc Scope, notice int64) ([]NoticePerson, error) {
	return list[NoticePerson](ctx, s, `SELECT o.id, o.client_id, o.state, o.due_at, o.drill, u.kind, u.name, u.sex, u.doc_type, u.doc_no, u.phone, coalesce(m.barcode,'') AS barcode
		FROM notice_orders x JOIN orders o ON o.id = x.order_id JOIN subjects u ON u.id = o.subject_id LEFT JOIN samples m ON m.id = o.sample_id
		WHERE x.notice_id = $1 AND ($2 = 0 OR o.department_id = $2) ORDER BY o.id LIMIT 1000`, notice, sc.Department)
}

// DeliveryNotice lists the orders that a delivered notice speaks of; none where the delivery holds results.
func (s *Store) DeliveryNotice(ctx context.Context, sc Scope, d DeliveryRow) ([]NoticePerson, error) {
	if d.Notice == 0 {
		return nil, nil
	}
	return s.noticePeople(ctx, sc, d.Notice)
}
