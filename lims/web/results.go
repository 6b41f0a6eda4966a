package web

import (
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

type resultsPage struct {
	Departments []store.Department
	Department  int64
	Name        store.Name
	Code        string
	Done        bool
	Rows        []store.ResultRow
	More        int64
	Tally       store.Tally
	At          time.Time
}

const resultRows = 100

// results is what a department reads: its own orders only, with released results only.
func (s *site) results(v *visit) error {
	departments, err := s.choice(v)
	if err != nil {
		return err
	}
	p := resultsPage{Departments: departments, Department: v.department(), Code: v.field("code"), Done: v.field("done") != "", At: s.st.Now()}
	if p.Department == 0 {
		return v.show("results", p)
	}
	_, all, err := s.directory(v)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.ID == p.Department {
			p.Name = d.Name
		}
	}
	if p.Name == (store.Name{}) {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	ctx := v.r.Context()
	if p.Rows, err = s.st.Results(ctx, p.Department, store.ResultsQuery{Code: p.Code, Done: p.Done}, v.page(resultRows)); err != nil {
		return err
	}
	if len(p.Rows) == resultRows {
		p.More = p.Rows[resultRows-1].ID
	}
	if p.Tally, err = s.st.DepartmentTally(ctx, p.Department, s.today()); err != nil {
		return err
	}
	return v.show("results", p)
}

// today is the beginning of the laboratory's day.
func (s *site) today() time.Time {
	now := s.st.Now().In(s.zone)
	return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, s.zone)
}
