package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"natlims/lims"
	"natlims/lims/store"
)

// SuspicionVersion is one version of the limits of suspicion.
type SuspicionVersion struct {
	ID      int64          `json:"id"`
	Lab     int64          `json:"lab" doc:"0: every laboratory"`
	Version string         `json:"version"`
	From    string         `json:"from" doc:"Day from which runs are judged by it"`
	Reason  string         `json:"reason"`
	SetBy   string         `json:"set_by"`
	SetAt   time.Time      `json:"set_at"`
	EndedAt *time.Time     `json:"ended_at,omitempty"`
	Limits  lims.Suspicion `json:"limits"`
}

type suspicionOut struct {
	Body struct {
		Now      lims.Suspicion     `json:"now" doc:"By which a run would be judged now; version empty: the built-in ones"`
		Versions []SuspicionVersion `json:"versions" doc:"Newest first"`
	}
}

type suspicionIn struct {
	Body struct {
		Lab    int64              `json:"lab,omitempty" doc:"Only for tokens that do not belong to a laboratory; 0: every laboratory"`
		From   string             `json:"from" format:"date"`
		Reason string             `json:"reason" minLength:"1" maxLength:"200"`
		Limits map[string]float64 `json:"limits" doc:"By name; what is left out gets its built-in value"`
		Near   bool               `json:"no_touch,omitempty" doc:"Flag only the neighbours of a strong positive"`
	}
}

// limits are the limits of the flags: dated data that supervisors set.
func (s *server) limits(a huma.API) {
	huma.Register(a, op(http.MethodGet, "/suspicion", "read-suspicion", RulesWrite, "Limits of suspicion in force in a laboratory, and their versions"),
		func(ctx context.Context, in *struct {
			Lab int64 `query:"lab" doc:"Only for tokens that do not belong to a laboratory"`
		}) (*suspicionOut, error) {
			by := actor(ctx)
			if by.Department != 0 {
				return nil, s.problem(lims.E(lims.NotFound, "not_found", nil))
			}
			return s.suspicion(ctx, within(by, in.Lab))
		})
	huma.Register(a, op(http.MethodPost, "/suspicion", "set-suspicion", RulesWrite, "Set a version of the limits of suspicion; for supervisors"),
		func(ctx context.Context, in *suspicionIn) (*suspicionOut, error) {
			by := actor(ctx)
			n := store.NewRules{Lab: within(by, in.Body.Lab), Kind: store.SuspicionRules, Source: in.Body.Reason}
			var err error
			if n.From, err = time.Parse(time.DateOnly, in.Body.From); err != nil {
				return nil, s.problem(lims.E(lims.Invalid, "rules.from", lims.Args{"got": in.Body.From}))
			}
			limits := lims.Suspicion{NoTouch: in.Body.Near}
			for name, v := range in.Body.Limits {
				if !limits.Set(name, v) {
					return nil, s.problem(lims.E(lims.Invalid, "suspicion.unknown", lims.Args{"got": name}))
				}
			}
			n.Body = limits
			if _, err := s.st.SetRules(ctx, by, n); err != nil {
				return nil, s.problem(err)
			}
			return s.suspicion(ctx, n.Lab)
		})
}

// within is the laboratory that an actor asks about: their own, or for people of the whole city the one named.
func within(by lims.Actor, lab int64) int64 {
	if by.Lab != 0 {
		return by.Lab
	}
	return lab
}

func (s *server) suspicion(ctx context.Context, lab int64) (*suspicionOut, error) {
	out := &suspicionOut{}
	var err error
	if out.Body.Now, err = s.st.Suspicion(ctx, lab, s.st.Now()); err != nil {
		return nil, s.problem(err)
	}
	rows, err := s.st.RulesOf(ctx, lab, store.SuspicionRules)
	if err != nil {
		return nil, s.problem(err)
	}
	out.Body.Versions = []SuspicionVersion{}
	for _, r := range rows {
		v := SuspicionVersion{ID: r.ID, Lab: r.Lab, Version: r.Version, From: r.From.Format(time.DateOnly), Reason: r.Source, SetBy: r.SetBy, SetAt: r.SetAt, EndedAt: r.EndedAt}
		if err := json.Unmarshal(r.Body, &v.Limits); err != nil {
			return nil, s.problem(lims.Wrap(lims.Broken, "database.broken", err))
		}
		out.Body.Versions = append(out.Body.Versions, v)
	}
	return out, nil
}
