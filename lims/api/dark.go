package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"natlims/lims"
	"natlims/lims/store"
)

type darkIn struct {
	Day        string `query:"day" format:"date" doc:"Day of recording in Shanghai; default today" example:"2026-03-02"`
	Instrument int64  `query:"instrument" minimum:"0" doc:"Instrument, by id; default all"`
}

type darkOut struct {
	Body struct {
		Day       string              `json:"day"`
		Readings  []store.DarkRow     `json:"readings" doc:"Readings by instrument, fate and reason. Fates: reported, waiting, superseded, control, empty, unclaimed"`
		Unclaimed []store.DarkReading `json:"unclaimed" doc:"Readings that nobody claims, at most 500"`
		Unread    []store.DarkMessage `json:"unread" doc:"Messages that gave no readings yet"`
	}
}

// dark says where every reading of a day ended.
func (s *server) dark(a huma.API) {
	huma.Register(a, op(http.MethodGet, "/dark", "list-dark", InstrumentsRead, "Where the readings of a day ended, and which nobody claims"),
		func(ctx context.Context, in *darkIn) (*darkOut, error) {
			zone := time.FixedZone("CST", 8*60*60)
			day := s.st.Now().In(zone)
			if in.Day != "" {
				var err error
				if day, err = time.ParseInLocation(time.DateOnly, in.Day, zone); err != nil {
					return nil, s.problem(lims.E(lims.Invalid, "request.unreadable", lims.Args{"day": in.Day}))
				}
			}
			day = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone)
			q := store.DarkQuery{Scope: store.ScopeOf(actor(ctx)), From: day, To: day.AddDate(0, 0, 1), Instrument: in.Instrument}
			if q.Department != 0 { // results are asked for, not readings
				return nil, s.problem(lims.E(lims.NotFound, "not_found", nil))
			}
			out := &darkOut{}
			out.Body.Day = day.Format(time.DateOnly)
			var err error
			if out.Body.Readings, err = s.st.Dark(ctx, q); err == nil {
				out.Body.Unclaimed, err = s.st.Unclaimed(ctx, q)
			}
			if err == nil {
				out.Body.Unread, err = s.st.Unread(ctx, q)
			}
			return out, s.problem(err)
		})
}
