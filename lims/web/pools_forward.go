package web

import (
	"net/url"
	"time"

	"natlims/lims/store"
)

// forwardPage asks before the tubes of a pool go to another laboratory: which tubes, to whom, and until when that is in time.
type forwardPage struct {
	Pool    store.PoolRow
	Tubes   []store.PoolMember
	DueAt   *time.Time // the earliest of them
	Choices []forwardChoice
}

type forwardChoice struct {
	Lab     int64
	Name    store.Name
	Minutes int        // 0: not known
	Until   *time.Time // the last moment that is in time
	Late    bool
}

// waitingSingly are the retained tubes of a pool that could be sent on.
func waitingSingly(members []store.PoolMember) (out []store.PoolMember) {
	for _, m := range members {
		if m.Retest && m.State == "received" {
			out = append(out, m)
		}
	}
	return out
}

func (s *site) forwardLook(v *visit) (err error) {
	ctx := v.r.Context()
	var p forwardPage
	if p.Pool, err = s.st.PoolByCode(ctx, v.scope(), v.r.PathValue("pool")); err != nil {
		return err
	}
	members, err := s.st.PoolMembers(ctx, []int64{p.Pool.ID})
	if err != nil {
		return err
	}
	p.Tubes = waitingSingly(members)
	for _, t := range p.Tubes {
		if t.DueAt != nil && (p.DueAt == nil || t.DueAt.Before(*p.DueAt)) {
			p.DueAt = t.DueAt
		}
	}
	partners, err := s.st.Partners(ctx, p.Pool.Lab)
	if err != nil {
		return err
	}
	known := map[int64]bool{p.Pool.Lab: true}
	for _, one := range partners {
		c := forwardChoice{Lab: one.Lab, Name: one.Name, Minutes: one.Minutes}
		if p.DueAt != nil {
			until := one.InTime(*p.DueAt)
			c.Until, c.Late = &until, until.Before(s.st.Now())
		}
		known[one.Lab] = true
		p.Choices = append(p.Choices, c)
	}
	labs, err := s.st.Labs(ctx)
	if err != nil {
		return err
	}
	for _, l := range labs {
		if !known[l.ID] {
			p.Choices = append(p.Choices, forwardChoice{Lab: l.ID, Name: l.Name})
		}
	}
	return v.show("poolforward", p)
}

func (s *site) forwardPool(v *visit) error {
	row, err := s.st.PoolByCode(v.r.Context(), v.scope(), v.r.PathValue("pool"))
	if err != nil {
		return err
	}
	box, err := s.st.ForwardPool(v.r.Context(), v.Actor, store.NewForward{Pool: row.Code, To: v.id("to"), Reason: v.field("reason")})
	if err != nil {
		return err
	}
	return v.done("/pools/"+url.PathEscape(row.Code), "pool.forwarded", map[string]any{"pool": row.Code, "box": box})
}

// setPartner says how long another laboratory takes with tubes that are sent on to it.
func (s *site) setPartner(v *visit) error {
	lab, _, err := s.labOf(v)
	if err != nil {
		return err
	}
	if err := s.st.SetPartner(v.r.Context(), v.Actor, lab, v.id("partner"), int(v.id("minutes"))); err != nil {
		return err
	}
	return v.done("/pools/watch", "pool.partner", nil)
}
