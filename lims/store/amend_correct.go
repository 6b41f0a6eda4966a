package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/lims/pcr"
)

// Correction is what the corrected result rests on: another call of a run (Run, Pos, Kit), or Call on a record that Evidence names.
type Correction struct {
	Run      int64
	Pos, Kit string
	Call     string
	Evidence string
	Subject  *lims.Subject // identity only: who the result is of
}

// recorded is a call of a run that a correction may rest on.
type recorded struct {
	Sample   int64  `db:"sample_id"`
	Persons  int    `db:"persons"`
	Call     string `db:"call"`
	Action   string `db:"action"`
	Invalid  bool   `db:"invalid"`
	Accepted bool   `db:"accepted"`
	Mine     bool   `db:"mine"` // of a tube that holds the orders
}

// Correct calls the corrected result: from now on it waits for its two signatures. Nobody outside sees it before the second.
func (s *Store) Correct(ctx context.Context, by lims.Actor, id int64, c Correction) error {
	if err := need(by, lims.Supervisor); err != nil {
		return err
	}
	kits, err := s.kits(ctx, []string{c.Kit})
	if err != nil {
		return err
	}
	return s.do(ctx, by, func(x *tx) error {
		a, err := x.amending(id)
		if err != nil {
			return err
		}
		said, err := x.said(a, c, kits[c.Kit])
		if err != nil {
			return err
		}
		subject, err := x.renamed(a, c.Subject)
		if err != nil {
			return err
		}
		if subject == 0 && said.Call == a.Call && said.Sample == a.Sample && (c.Run == 0 || c.Run == a.Run) {
			return lims.E(lims.Invalid, "amend.nothing", nil)
		}
		return x.correct(a, c, said, subject)
	})
}

// said is the call that a correction comes to.
func (x *tx) said(a amending, c Correction, kit *pcr.Kit) (recorded, error) {
	if c.Run == 0 {
		switch {
		case without([]string{c.Call}, []string{lims.Negative, lims.Positive, lims.InvalidResult}) != nil:
			return recorded{}, lims.E(lims.Invalid, "amend.call", lims.Args{"got": c.Call})
		case strings.TrimSpace(c.Evidence) == "":
			return recorded{}, lims.E(lims.Invalid, "amend.evidence", nil)
		case c.Call == lims.Positive && a.Persons > 1: // of nobody in it
			return recorded{}, lims.E(lims.Denied, "amend.pooled", lims.Args{"n": a.Persons})
		}
		return recorded{Sample: a.Sample, Call: c.Call}, nil
	}
	var r recorded
	err := x.one(&r, `SELECT c.sample_id, c.call, c.action, c.invalid, r.accepted, s.id IN (SELECT sample_id FROM contents WHERE order_id = ANY($5)) AS mine,
			greatest(coalesce(s.declared, 1), (SELECT count(*) FROM contents n WHERE n.sample_id = s.id)) AS persons
		FROM calls c JOIN runs r ON r.id = c.run_id JOIN samples s ON s.id = c.sample_id
		WHERE c.run_id = $1 AND c.pos = $2 AND c.kit_key = $3 AND r.lab_id = $4`, c.Run, c.Pos, c.Kit, a.Lab, a.Orders)
	switch {
	case missing(err) || err == nil && kit == nil:
		return r, lims.E(lims.NotFound, "not_found", nil)
	case err != nil:
		return r, err
	case !r.Accepted || r.Invalid:
		return r, lims.E(lims.Denied, "amend.run_failed", nil)
	case !r.Mine && a.Code != "identity":
		return r, lims.E(lims.Denied, "amend.other_tube", nil)
	}
	o := lims.Decide(kit, pcr.Call{Call: r.Call, Action: r.Action}, r.Persons)
	if o.Repeat || o.Hold != "" || o.Result == "" {
		return r, lims.E(lims.Denied, "amend.undecided", lims.Args{"call": r.Call})
	}
	r.Call = o.Result
	return r, nil
}

// renamed puts the person or object on record that the result is really of; 0 where that is not in doubt.
func (x *tx) renamed(a amending, sub *lims.Subject) (id int64, err error) {
	if sub == nil {
		return 0, nil
	}
	if a.Code != "identity" || len(a.Orders) != 1 {
		return 0, lims.E(lims.Invalid, "amend.identity", nil)
	}
	o := normal(NewOrder{ClientID: "x", Category: lims.Voluntary, Subject: *sub})
	if err := refusal(o, x.now); err != nil {
		return 0, err
	}
	birth := ""
	if o.Subject.BirthDate != nil {
		birth = o.Subject.BirthDate.Format(time.DateOnly)
	}
	err = x.one(&id, `INSERT INTO subjects (kind, name, doc_type, doc_no, sex, phone, address, birth_date, created_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,nullif($8,'')::date,$9) RETURNING id`, string(o.Subject.Kind), o.Subject.Name, o.Subject.DocType, o.Subject.DocNo,
		o.Subject.Sex, o.Subject.Phone, o.Subject.Address, birth, x.now)
	return id, err
}

// correct writes one corrected result for each wrong one. A finding that is new is told at once, like every first one.
func (x *tx) correct(a amending, c Correction, said recorded, subject int64) error {
	basis := "record"
	if c.Run != 0 {
		basis = "run"
	}
	if err := x.exec(`UPDATE amendments SET basis = $2, run_id = nullif($3::bigint,0), pos = $4, kit_key = nullif($5,''), call = $6, evidence = $7,
			subject_id = nullif($8::bigint,0), called_by = $9, called_at = $10 WHERE id = $1`,
		a.ID, basis, c.Run, c.Pos, c.Kit, said.Call, strings.TrimSpace(c.Evidence), subject, x.actor.ID, x.now); err != nil {
		return err
	}
	var ids []int64
	if err := x.all(&ids, `INSERT INTO results (order_id, sample_id, department_id, lab_id, call, state, reason, run_id, version, called_at)
		SELECT m.order_id, $2, r.department_id, r.lab_id, $3, 'called', $4, nullif($5::bigint,0),
			(SELECT max(v.version) + 1 FROM results v WHERE v.order_id = m.order_id), $6
		FROM amended_results m JOIN results r ON r.id = m.result_id WHERE m.amendment_id = $1 RETURNING id`,
		a.ID, said.Sample, said.Call, a.Reason, c.Run, x.now); err != nil {
		return err
	}
	x.noteAll("call", "result", ids, map[string]any{"amendment": a.ID})
	x.note("correct", "amendment", a.ID, map[string]any{"basis": basis, "was": a.Call, "call": said.Call, "identity": subject != 0})
	if err := x.exec(`UPDATE amended_results m SET new_id = r.id FROM results r WHERE m.amendment_id = $1 AND r.order_id = m.order_id AND r.id = ANY($2)`,
		a.ID, pq.Array(ids)); err != nil {
		return err
	}
	if said.Call != lims.Positive || a.Call == lims.Positive {
		return nil
	}
	return x.raise([]alert{{kind: "preliminary_positive", key: "amendment:" + strconv.FormatInt(a.ID, 10), lab: a.Lab, department: a.Dep, sample: said.Sample,
		run: c.Run, args: lims.Args{"barcode": a.Barcode, "persons": len(a.Orders), "call": said.Call, "plate": a.Barcode}}})
}
