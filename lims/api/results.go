package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"natlims/lims"
)

// Result is a released result.
type Result struct {
	Cursor      int64      `json:"cursor" doc:"Give the last one as after to go on"`
	OrderID     int64      `json:"order_id"`
	ClientID    string     `json:"client_id"`
	Barcode     string     `json:"barcode"`
	Mode        string     `json:"mode"`
	Persons     int        `json:"persons" doc:"Orders in the tube; more than 1: pooled at collection"`
	PoolOf      int        `json:"pool_of" doc:"Tubes in the laboratory pool that decided; 0: the tube was tested alone"`
	Version     int        `json:"version"`
	Call        string     `json:"call" enum:"negative,positive,presumptive_positive,suspicious,inconclusive,invalid,discordant,pending_review,rejected"`
	State       string     `json:"state" enum:"released,superseded"`
	CollectedAt *time.Time `json:"collected_at,omitempty"`
	ReceivedAt  *time.Time `json:"received_at,omitempty"`
	ReleasedAt  time.Time  `json:"released_at"`
	Replaces    int        `json:"replaces_version,omitempty" doc:"A correction: the version that was released and wrong; the highest version of an order counts"`
	Reason      string     `json:"reason,omitempty" doc:"Of a correction"`
}

type resultsIn struct {
	Department int64 `query:"department" doc:"Only for tokens that do not belong to a department"`
	After      int64 `query:"after" doc:"Cursor of the last result you have; 0 from the beginning"`
	Limit      int   `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type resultsOut struct {
	Body struct {
		Results []Result `json:"results"`
		Next    int64    `json:"next" doc:"Cursor for the next call"`
		More    bool     `json:"more"`
	}
}

func (s *server) results(a huma.API) {
	huma.Register(a, op(http.MethodGet, "/results", "list-results", ResultsRead, "Released results of a department since a cursor, in the order of release"),
		func(ctx context.Context, in *resultsIn) (*resultsOut, error) {
			by := actor(ctx)
			d := department(ctx, in.Department)
			if by.Department != 0 && d != by.Department || d == 0 {
				return nil, s.problem(lims.E(lims.NotFound, "not_found", nil))
			}
			rows, err := s.st.ResultsSince(ctx, d, in.After, in.Limit)
			if err != nil {
				return nil, s.problem(err)
			}
			out := &resultsOut{}
			out.Body.Results, out.Body.Next, out.Body.More = []Result{}, in.After, len(rows) == in.Limit
			for _, r := range rows {
				out.Body.Results = append(out.Body.Results, Result(r))
				out.Body.Next = r.Cursor
			}
			return out, nil
		})
}

// dispatch takes the departments' confirmations.
func (s *server) dispatch(a huma.API) {
	huma.Register(a, op(http.MethodPost, "/deliveries/{id}/acknowledge", "acknowledge-delivery", DeliveriesWrite, "Confirm that a delivery has been read; twice is once"),
		func(ctx context.Context, in *struct {
			ID string `path:"id" format:"uuid"`
		}) (*struct{}, error) {
			return nil, s.problem(s.st.Acknowledge(ctx, actor(ctx), in.ID))
		})
}
