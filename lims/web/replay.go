package web

import (
	"strconv"

	"natlims/lims"
	"natlims/lims/store"
)

type replayPage struct {
	Message  store.MessageRow
	Replay   store.Replay
	Disputes []store.Dispute
}

// replayLook shows what reading a message again would change.
func (s *site) replayLook(v *visit) error {
	if s.replay == nil {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	ctx := v.r.Context()
	m, err := s.st.MessageByID(ctx, v.scope(), v.id("message"))
	if err != nil {
		return err
	}
	p := replayPage{Message: m}
	if p.Replay, err = s.replay(ctx, v.Actor, m.ID, false); err != nil {
		return err
	}
	if p.Disputes, err = s.st.Disputes(ctx, v.scope(), m.ID); err != nil {
		return err
	}
	return v.show("replay", p)
}

// replayApply writes a new version beside the old one, or has the message read again.
func (s *site) replayApply(v *visit) error {
	if s.replay == nil {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	m, err := s.st.MessageByID(v.r.Context(), v.scope(), v.id("message"))
	if err != nil {
		return err
	}
	r, err := s.replay(v.r.Context(), v.Actor, m.ID, true)
	if err != nil {
		return err
	}
	at := "/messages/" + strconv.FormatInt(m.ID, 10)
	switch r.Applied {
	case "version":
		return v.done(at+"/replay", "replay.version", lims.Args{"n": len(r.Calls)})
	case "again":
		return v.done(at, "message.retried", nil)
	}
	return v.done(at+"/replay", "replay.same", nil)
}

type disputesPage struct{ Disputes []store.Dispute }

// disputes lists what replays called otherwise.
func (s *site) disputes(v *visit) error {
	all, err := s.st.Disputes(v.r.Context(), v.labScope(), 0)
	if err != nil {
		return err
	}
	return v.show("disputes", disputesPage{all})
}

func (s *site) settleDispute(v *visit) error {
	if err := s.st.SettleDispute(v.r.Context(), v.Actor, v.id("dispute"), v.field("reason")); err != nil {
		return err
	}
	return v.done("/disputes", "dispute.settled", nil)
}
