package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"natlims/lims"
	"natlims/lims/store"
)

type findPage struct {
	Code string
	Hits []store.Hit
}

// find takes any code that a scanner can read and goes where it leads.
func (s *site) find(v *visit) error {
	code := v.field("q")
	if code == "" || len(code) > 200 {
		return v.show("find", findPage{})
	}
	hits, err := s.st.Find(v.r.Context(), v.scope(), code)
	if up := strings.ToUpper(code); err == nil && len(hits) == 0 && up != code {
		hits, err = s.st.Find(v.r.Context(), v.scope(), up)
	}
	if err != nil {
		return err
	}
	if len(hits) == 1 {
		http.Redirect(v.w, v.r, place(hits[0], v.Actor), http.StatusSeeOther)
		return nil
	}
	return v.show("find", findPage{code, hits})
}

// place is where a found thing is shown to the actor.
func place(h store.Hit, a lims.Actor) string {
	switch h.Kind {
	case "box":
		if a.Has(bench...) {
			return "/receipt/" + url.PathEscape(h.Code)
		}
		return "/pack"
	case "plate":
		return "/plates/" + url.PathEscape(h.Code)
	case "instrument":
		return "/instruments"
	case "pool":
		return "/pools/" + url.PathEscape(h.Code)
	case "order":
		return fmt.Sprintf("/orders/%d", h.ID)
	}
	return "/tubes/" + url.PathEscape(h.Code)
}

// order goes to the tube that counts for an order, or shows the order while it has none.
func (s *site) order(v *visit) error {
	rows, err := s.st.OrdersByID(v.r.Context(), v.scope(), []int64{v.id("order")})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	if rows[0].Barcode != "" {
		http.Redirect(v.w, v.r, "/tubes/"+url.PathEscape(rows[0].Barcode)+fmt.Sprintf("#order-%d", rows[0].ID), http.StatusSeeOther)
		return nil
	}
	return v.show("order", rows[0])
}

// tubePage is the whole story of one tube. A department reads its own part: not what was called before it was released.
type tubePage struct {
	Tube       store.TubeRow
	Orders     []store.OrderRow
	Wells      []store.TubeWell
	Calls      []store.TubeCall
	Proof      []store.Proof // of a tube that was pooled in the laboratory
	Results    []store.TubeResult
	Deliveries []store.DeliveryRow
	Audit      []store.AuditRow
	Inside     bool // the reader belongs to a laboratory
	Bare       bool // names and numbers are shown in full
	Reasons    []string
	Arms       []store.SampleArm // where it is tested with two kits
	Lots       []store.LotRow    // kits that may be asked for
	Labs       []store.Lab       // in which the second may be tested
	Doubts     []doubtful        // what a supervisor may say is wrong
	AmendCodes []string
}

func (s *site) tube(v *visit) error { return s.tubeWith(v, false) }

func (s *site) tubeWith(v *visit, bare bool) error {
	ctx, sc := v.r.Context(), v.scope()
	row, err := s.st.TubeByCode(ctx, sc, v.r.PathValue("barcode"))
	if errors.Is(err, lims.NotFound) && sc.Department == 0 { // a well may hold a pool
		if pool, perr := s.st.PoolByCode(ctx, sc, v.r.PathValue("barcode")); perr == nil {
			http.Redirect(v.w, v.r, "/pools/"+url.PathEscape(pool.Code), http.StatusSeeOther)
			return nil
		}
	}
	if err != nil {
		return err
	}
	p := tubePage{Tube: row, Bare: bare, Inside: sc.Department == 0, Reasons: store.RejectReasons}
	if p.Orders, err = s.st.TubeOrders(ctx, row.ID); err != nil {
		return err
	}
	if p.Results, err = s.st.TubeResults(ctx, sc, row.ID); err != nil {
		return err
	}
	if p.Deliveries, err = s.st.TubeDeliveries(ctx, row.ID); err != nil {
		return err
	}
	if p.Inside {
		if p.Wells, err = s.st.TubeWells(ctx, row.ID); err != nil {
			return err
		}
		if p.Calls, err = s.st.TubeCalls(ctx, row.ID); err != nil {
			return err
		}
		if p.Audit, err = s.st.TubeAudit(ctx, row.ID); err != nil {
			return err
		}
		if p.Proof, err = s.pooled(ctx, row.ID); err != nil {
			return err
		}
		if err := p.pair(s, v); err != nil {
			return err
		}
		if v.Actor.Has(lims.Supervisor) {
			p.Doubts, p.AmendCodes = doubts(p.Results), store.AmendReasons
		}
	}
	return v.show("tube", p)
}

// reveal shows names and numbers in full, once, with a reason that is on record.
func (s *site) reveal(v *visit) error {
	if err := s.st.Reveal(v.r.Context(), v.Actor, v.r.PathValue("barcode"), v.field("reason")); err != nil {
		return err
	}
	return s.tubeWith(v, true)
}
