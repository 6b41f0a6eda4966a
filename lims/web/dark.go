package web

import (
	"time"

	"natlims/lims/store"
)

// darkPage says where every reading of a day ended.
type darkPage struct {
	Day, Before, After string // YYYY-MM-DD; After is empty on the last day
	Instrument         int64
	Instruments        []store.InstrumentRow
	Fates              []string
	Rows               []darkRow
	Sums               map[string]int
	Unread             []store.DarkMessage
	Unclaimed          []store.DarkReading
}

// darkRow is the readings of one instrument.
type darkRow struct {
	Instrument string
	All        int
	By         map[string]int
	Reasons    []store.DarkRow // of what was superseded or is unclaimed
}

func (s *site) dark(v *visit) error {
	ctx := v.r.Context()
	now := s.st.Now().In(s.zone)
	day, err := time.ParseInLocation(time.DateOnly, v.field("day"), s.zone)
	if err != nil {
		day = now
	}
	day = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, s.zone)
	q := store.DarkQuery{Scope: v.labScope(), From: day, To: day.AddDate(0, 0, 1), Instrument: v.id("instrument")}
	p := darkPage{Day: day.Format(time.DateOnly), Before: day.AddDate(0, 0, -1).Format(time.DateOnly), Instrument: q.Instrument, Fates: store.Fates, Sums: map[string]int{}}
	if next := day.AddDate(0, 0, 1); !next.After(now) {
		p.After = next.Format(time.DateOnly)
	}
	rows, err := s.st.Dark(ctx, q)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if n := len(p.Rows); n == 0 || p.Rows[n-1].Instrument != r.Instrument {
			p.Rows = append(p.Rows, darkRow{Instrument: r.Instrument, By: map[string]int{}})
		}
		one := &p.Rows[len(p.Rows)-1]
		one.By[r.Fate] += r.Readings
		one.All += r.Readings
		p.Sums[r.Fate] += r.Readings
		if r.Reason != "" {
			one.Reasons = append(one.Reasons, r)
		}
	}
	if p.Sums[store.FateUnclaimed] > 0 {
		if p.Unclaimed, err = s.st.Unclaimed(ctx, q); err != nil {
			return err
		}
	}
	if p.Unread, err = s.st.Unread(ctx, q); err != nil {
		return err
	}
	if p.Instruments, err = s.st.InstrumentRows(ctx, v.labScope()); err != nil {
		return err
	}
	return v.show("dark", p)
}
