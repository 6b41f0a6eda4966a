package web

import (
	"strconv"
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

type amendmentsPage struct {
	Rows []store.Amendment
	More int64
}

const amendmentRows = 100

func amendmentPath(id int64) string { return "/amendments/" + strconv.FormatInt(id, 10) }

// amendments lists the corrections of released results, those that go on first.
func (s *site) amendments(v *visit) error {
	rows, err := s.st.Amendments(v.r.Context(), v.labScope(), v.page(amendmentRows))
	if err != nil {
		return err
	}
	p := amendmentsPage{Rows: rows}
	if len(rows) == amendmentRows {
		p.More = rows[amendmentRows-1].ID
	}
	return v.show("amendments", p)
}

// openAmendment begins one for the results of a tube that the form names.
func (s *site) openAmendment(v *visit) error {
	n := store.NewAmendment{Results: numbers(v.field("results")), Code: v.field("code"), Reason: v.field("reason")}
	id, err := s.st.OpenAmendment(v.r.Context(), v.Actor, n)
	if err != nil {
		return err
	}
	return v.done(amendmentPath(id), "amend.opened", nil)
}

type amendmentPage struct {
	store.Amendment
	Calls []store.EvidenceRow // on which the corrected result may rest
	Other string              // barcode of the tube that was mistaken for this one
	Sheaf attention
	Kinds []string
	Docs  []string
	Audit []store.AuditRow
}

func (s *site) amendment(v *visit) (err error) {
	ctx, sc := v.r.Context(), v.labScope()
	p := amendmentPage{Other: v.field("tube"), Kinds: kinds, Docs: documents}
	if p.Amendment, err = s.st.AmendmentByID(ctx, sc, v.id("amendment")); err != nil {
		return err
	}
	if p.Wants() {
		if p.Calls, err = s.st.Evidence(ctx, sc, p.ID, p.Other); err != nil {
			return err
		}
	}
	p.Sheaf = attention{Sheaf: store.Sheaf{IDs: p.IDs, State: p.State, Call: p.Call}, Mine: p.CheckedID != 0 && p.CheckedID == v.Actor.ID}
	if p.Audit, err = s.st.AmendmentAudit(ctx, p.ID); err != nil {
		return err
	}
	return v.show("amendment", p)
}

func (s *site) retestAmended(v *visit) error {
	return s.amend(v, "amend.retest", s.st.RetestAmended(v.r.Context(), v.Actor, v.id("amendment")))
}

func (s *site) dropAmendment(v *visit) error {
	return s.amend(v, "amend.dropped", s.st.DropAmendment(v.r.Context(), v.Actor, v.id("amendment"), v.field("reason")))
}

// correct calls the corrected result: on the call of a run that was picked, or on a record.
func (s *site) correct(v *visit) error {
	c := store.Correction{Run: v.id("run"), Pos: v.field("pos"), Kit: v.field("kit"), Call: v.field("call"), Evidence: v.field("evidence")}
	if v.field("name") != "" {
		sub := lims.Subject{Kind: lims.SubjectKind(v.field("kind")), Name: v.field("name"), DocType: v.field("doc_type"), DocNo: v.field("doc_no"),
			Sex: v.field("sex"), Phone: v.field("phone")}
		if text := v.field("birth_date"); text != "" {
			at, err := time.Parse(time.DateOnly, text)
			if err != nil {
				return lims.E(lims.Invalid, "order.birth_date", nil)
			}
			sub.BirthDate = &at
		}
		c.Subject = &sub
	}
	return s.amend(v, "amend.called", s.st.Correct(v.r.Context(), v.Actor, v.id("amendment"), c))
}

func (s *site) amend(v *visit, done string, err error) error {
	if err != nil {
		return err
	}
	return v.done(amendmentPath(v.id("amendment")), done, nil)
}

// signAmended signs the corrected results of an amendment, all of them together.
func (s *site) signAmended(v *visit) error {
	a, err := s.st.AmendmentByID(v.r.Context(), v.labScope(), v.id("amendment"))
	if err != nil {
		return err
	}
	return s.sign(v, amendmentPath(a.ID), a.IDs)
}

// doubtful are the released results of a tube that may be corrected together: those that say the same.
type doubtful struct {
	Call string
	IDs  []int64
	One  []store.TubeResult // the same, one by one
}

// doubts deals the released results of a tube out by what they say; those that are being corrected are left out.
func doubts(all []store.TubeResult) []doubtful {
	var out []doubtful
	at := map[string]int{}
	for _, r := range all {
		if r.State != string(lims.Released) || r.Doubt != 0 || !lims.Closes(r.Call) {
			continue
		}
		i, ok := at[r.Call]
		if !ok {
			i = len(out)
			at[r.Call] = i
			out = append(out, doubtful{Call: r.Call})
		}
		out[i].IDs, out[i].One = append(out[i].IDs, r.ID), append(out[i].One, r)
	}
	return out
}
