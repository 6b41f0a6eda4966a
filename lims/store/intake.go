package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lib/pq"

	"natlims/lims"
)

// MaxRegister is the largest number of orders that one call registers.
const MaxRegister = 10_000

// NewOrder is one subject and one assay that a department asks for. ClientID is the department's own number:
// registering it twice with the same content is one order.
type NewOrder struct {
	ClientID string
	Subject  lims.Subject
	Category lims.Category
	Assay    string
	Drill    bool
}

// Registered is what became of one NewOrder.
type Registered struct {
	ClientID string
	OrderID  int64
	Status   string // created, known, refused
	Code     string // why refused
	Args     lims.Args
}

// Register takes orders down. Every good row is kept; a bad row is refused with its own code and harms no other.
func (s *Store) Register(ctx context.Context, by lims.Actor, department int64, orders []NewOrder) ([]Registered, error) {
	if err := forDepartment(by, department); err != nil {
		return nil, err
	}
	if len(orders) == 0 || len(orders) > MaxRegister {
		return nil, lims.E(lims.Invalid, "orders.count", lims.Args{"max": MaxRegister, "got": len(orders)})
	}
	out := make([]Registered, len(orders))
	digests := make([][]byte, len(orders))
	good := make([]int, 0, len(orders))
	seen := make(map[string]bool, len(orders))
	for i := range orders {
		orders[i] = normal(orders[i])
		out[i] = Registered{ClientID: orders[i].ClientID}
		if e := refusal(orders[i], s.Now()); e != nil {
			out[i].Status, out[i].Code, out[i].Args = "refused", e.Code, e.Args
			continue
		}
		if seen[orders[i].ClientID] {
			out[i].Status, out[i].Code = "refused", "order.twice"
			continue
		}
		seen[orders[i].ClientID] = true
		digests[i] = digest(orders[i])
		good = append(good, i)
	}
	if len(good) == 0 {
		return out, nil
	}
	err := s.do(ctx, by, func(x *tx) error { return x.register(department, orders, digests, good, out) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// forDepartment lets people of laboratories act for any department, and a department's people and tokens for their own only.
func forDepartment(by lims.Actor, department int64) error {
	if by.Department != 0 && by.Department != department {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	return need(by, lims.Desk, lims.Technician, lims.Supervisor, lims.Machine)
}

func normal(o NewOrder) NewOrder {
	o.ClientID = strings.TrimSpace(o.ClientID)
	o.Subject.Name = strings.TrimSpace(o.Subject.Name)
	if o.Assay == "" {
		o.Assay = "SARS-CoV-2"
	}
	if o.Subject.DocType == "resident_id" {
		o.Subject.DocNo, _ = lims.ResidentID(o.Subject.DocNo)
	}
	return o
}

func refusal(o NewOrder, now time.Time) *lims.Error {
	sub := o.Subject
	switch {
	case o.ClientID == "" || len(o.ClientID) > 64:
		return lims.E(lims.Invalid, "order.client_id", nil)
	case strings.ContainsRune(o.ClientID+sub.Name+sub.DocType+sub.DocNo+sub.Phone+sub.Address+o.Assay, 0):
		return lims.E(lims.Invalid, "input.malformed", nil) // PostgreSQL keeps no NUL, and one row must not harm the others
	case sub.Name == "" || utf8.RuneCountInString(sub.Name) > 200:
		return lims.E(lims.Invalid, "order.name", nil)
	case !slices.Contains([]lims.SubjectKind{lims.Person, lims.Product, lims.Packaging, lims.Environment, lims.Vehicle, lims.Surface}, sub.Kind):
		return lims.E(lims.Invalid, "order.subject_kind", lims.Args{"got": string(sub.Kind)})
	case o.Category.Priority() == 0:
		return lims.E(lims.Invalid, "order.category", lims.Args{"got": string(o.Category)})
	case sub.Sex != "" && sub.Sex != "m" && sub.Sex != "f":
		return lims.E(lims.Invalid, "order.sex", nil)
	case sub.BirthDate != nil && sub.BirthDate.After(now):
		return lims.E(lims.Invalid, "order.birth_date", nil)
	case len(sub.DocNo) > 40 || len(sub.Phone) > 40 || utf8.RuneCountInString(sub.Address) > 400 || len(sub.DocType) > 40 || len(o.Assay) > 40:
		return lims.E(lims.Invalid, "order.too_long", nil)
	}
	if sub.DocType == "resident_id" {
		if _, ok := lims.ResidentID(sub.DocNo); !ok {
			return lims.E(lims.Invalid, "order.resident_id", nil)
		}
	}
	return nil
}

func digest(o NewOrder) []byte {
	b, _ := json.Marshal(o) // plain values
	h := sha256.Sum256(b)
	return h[:]
}

// register writes the good rows: known numbers are compared, new ones inserted.
func (x *tx) register(department int64, orders []NewOrder, digests [][]byte, good []int, out []Registered) error {
	p, err := x.policy()
	if err != nil {
		return err
	}
	ids := make([]string, len(good))
	for i, g := range good {
		ids[i] = orders[g].ClientID
	}
	var known []struct {
		ID       int64  `db:"id"`
		ClientID string `db:"client_id"`
		Digest   []byte `db:"digest"`
	}
	if err := x.all(&known, `SELECT id, client_id, digest FROM orders WHERE department_id = $1 AND client_id = ANY($2)`,
		department, pq.Array(ids)); err != nil {
		return err
	}
	at := make(map[string]int, len(known))
	for i, k := range known {
		at[k.ClientID] = i
	}
	fresh := good[:0:0]
	for _, g := range good {
		i, ok := at[orders[g].ClientID]
		switch {
		case !ok:
			fresh = append(fresh, g)
		case string(known[i].Digest) == string(digests[g]):
			out[g].OrderID, out[g].Status = known[i].ID, "known"
		default:
			out[g].OrderID, out[g].Status, out[g].Code = known[i].ID, "refused", "order.differs"
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return x.insertOrders(department, p, fresh, orders, digests, out)
}

func (x *tx) insertOrders(department int64, p lims.Policy, fresh []int, orders []NewOrder, digests [][]byte, out []Registered) error {
	n := len(fresh)
	var numbers []struct { // of both tables at once, so that their rows can be tied before they are written
		Subject int64 `db:"subject"`
		Order   int64 `db:"number"`
	}
	if err := x.all(&numbers, `SELECT nextval('subjects_id_seq') AS subject, nextval('orders_id_seq') AS number FROM generate_series(1, $1)`, n); err != nil {
		return err
	}
	subjects, ids := make([]int64, n), make([]int64, n)
	text := make([][]string, 10) // kind, name, doc_type, doc_no, sex, phone, address, client_id, assay, category
	for i := range text {
		text[i] = make([]string, n)
	}
	births, digs := make([]any, n), make([][]byte, n)
	drills := make([]bool, n)
	la, lb := make([]int64, n), make([]int64, n)
	for i, g := range fresh {
		o := orders[g]
		for j, v := range []string{string(o.Subject.Kind), o.Subject.Name, o.Subject.DocType, o.Subject.DocNo, o.Subject.Sex,
			o.Subject.Phone, o.Subject.Address, o.ClientID, o.Assay, string(o.Category)} {
			text[j][i] = v
		}
		if o.Subject.BirthDate != nil {
			births[i] = o.Subject.BirthDate.Format(time.DateOnly)
		}
		digs[i], drills[i] = digests[g], o.Drill
		limit, ok := p.Limits[o.Category]
		if !ok || limit.A <= 0 || limit.B <= 0 {
			return lims.E(lims.Invalid, "policy.no_limit", lims.Args{"category": string(o.Category)})
		}
		la[i], lb[i] = int64(limit.A), int64(limit.B)
		subjects[i], ids[i] = numbers[i].Subject, numbers[i].Order
		out[g].OrderID, out[g].Status = ids[i], "created"
	}
	if err := x.exec(`WITH people AS (
			INSERT INTO subjects (id, kind, name, doc_type, doc_no, sex, phone, address, birth_date, created_at)
			OVERRIDING SYSTEM VALUE
			SELECT *, $10 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::date[])
		)
		INSERT INTO orders (id, subject_id, client_id, assay, category, digest, drill, limit_a, limit_b,
			department_id, policy_id, registered_at, registered_by)
		OVERRIDING SYSTEM VALUE
		SELECT *, $19, $20, $10, $21 FROM unnest($11::bigint[], $1::bigint[], $12::text[], $13::text[], $14::text[], $15::bytea[],
			$16::boolean[], $17::integer[], $18::integer[])`,
		pq.Array(subjects), pq.Array(text[0]), pq.Array(text[1]), pq.Array(text[2]), pq.Array(text[3]), pq.Array(text[4]),
		pq.Array(text[5]), pq.Array(text[6]), pq.Array(births), x.now,
		pq.Array(ids), pq.Array(text[7]), pq.Array(text[8]), pq.Array(text[9]), pq.Array(digs),
		pq.Array(drills), pq.Array(la), pq.Array(lb), department, p.ID, x.actor.ID); err != nil {
		return err
	}
	x.noteAll("register", "order", ids, nil)
	return nil
}

// ids takes n numbers from a table's identity sequence, so that rows of two tables can be tied before they are written.
func (x *tx) ids(table string, n int) (ids []int64, err error) {
	// the name of the sequence is looked up once, not for every number
	err = x.all(&ids, `SELECT nextval(q.s) FROM (SELECT pg_get_serial_sequence($1, 'id')::regclass AS s OFFSET 0) q, generate_series(1, $2)`, table, n)
	return ids, err
}
