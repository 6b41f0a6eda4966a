package web

import (
	"mime"
	"time"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/reports"
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
	Formats     []reports.Format
}

func (p resultsPage) query(v *visit) store.ResultsQuery {
	return store.ResultsQuery{Department: p.Department, Lab: v.scope().Lab, Code: p.Code, Done: p.Done}
}

const resultRows = 100

// results is what a department reads: its own orders only, with released results only.
func (s *site) results(v *visit) error {
	departments, err := s.choice(v)
	if err != nil {
		return err
	}
	p := resultsPage{Departments: departments, Department: v.department(), Code: v.field("code"), Done: v.field("done") != "", At: s.st.Now(), Formats: reports.Formats()}
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
	if p.Rows, err = s.st.Results(ctx, p.query(v), v.page(resultRows)); err != nil {
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

// report gives released results of one department as a file: one result, or all that the list shows. It holds whole names,
// so it leaves an audit row.
func (s *site) report(v *visit) error {
	ctx, department := v.r.Context(), v.department()
	f, ok := reports.FormatNamed(v.field("format"))
	if !ok {
		return lims.E(lims.NotFound, "format.none", lims.Args{"format": v.field("format")})
	}
	ids, err := s.st.ReleasedIn(ctx, v.scope(), department, numbers(v.field("result")))
	if err != nil {
		return err
	}
	if v.field("result") == "" {
		q := store.ResultsQuery{Department: department, Lab: v.scope().Lab, Code: v.field("code"), Done: true}
		rows, err := s.st.Results(ctx, q, v.page(store.PageMost))
		if err != nil {
			return err
		}
		for _, r := range rows {
			ids = append(ids, r.Result)
		}
	}
	rep, err := s.st.ReportFor(ctx, v.Actor, department, ids, v.Lang)
	if err != nil {
		return err
	}
	b, err := f.Render(rep)
	if err != nil {
		return lims.Wrap(lims.Broken, "page.broken", err)
	}
	if err := s.st.Printed(ctx, v.Actor, department, f.Name, len(ids)); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", f.Type)
	v.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.FileName(rep)}))
	v.w.Write(b) //nolint:errcheck // the browser has gone
	return nil
}

// today is the beginning of the laboratory's day.
func (s *site) today() time.Time {
	now := s.st.Now().In(s.zone)
	return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, s.zone)
}
