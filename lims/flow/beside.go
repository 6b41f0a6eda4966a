package flow

import (
	"context"
	"errors"
	"slices"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// beside judges a message whose plates were all read before, beside the runs that count. It is false where one of them was not, or does not
// fit: then a person looks at the message. Wells may be left out once every tube on the plate has its result; before, the message may be
// the repeat that a tube waits for.
func (l *Line) beside(ctx context.Context, m store.Message, runs []pcr.Run) (judged []store.Judged, old map[int64]store.RecordedRun, ok bool, err error) {
	old = map[int64]store.RecordedRun{}
	for _, run := range split(runs) {
		p, err := l.plateOf(ctx, m, run)
		var e *lims.Error
		if !errors.As(err, &e) || e.Code != "plate.already_read" || p.State != lims.Read && p.State != lims.Accepted {
			return nil, nil, false, nil
		}
		was, err := l.Store.LastRun(ctx, p.ID)
		if errors.Is(err, lims.NotFound) {
			return nil, nil, false, nil
		} else if err != nil {
			return nil, nil, false, err
		}
		if was.Part, err = l.Store.Settled(ctx, p.ID); err != nil {
			return nil, nil, false, err
		}
		j, err := l.plateAgain(ctx, m, []pcr.Run{run}, was)
		if err != nil {
			return nil, nil, false, err
		}
		if len(j.Verdict.Differences) > 0 {
			return nil, nil, false, nil
		}
		j.Replays, old[was.ID] = was.ID, was
		judged = append(judged, j)
	}
	return judged, old, len(judged) > 0, nil
}

// narrow leaves of the layout what the run speaks of, where nothing but wells is missing. A tube with several wells is called from all of
// them: it is false where only some are there.
func narrow(c *lims.Case, v lims.Verdict) bool {
	missing := map[string]bool{}
	for _, d := range v.Differences {
		if d.Code != "well.missing" {
			return false
		}
		missing[d.Well] = true
	}
	out := map[string]bool{}
	var heard []plate.Well
	for _, w := range c.Layout.Wells {
		if missing[w.Pos.String()] {
			out[w.Code] = out[w.Code] || w.Role == plate.Sample
		} else {
			heard = append(heard, w)
		}
	}
	if len(missing) == 0 || len(heard) == 0 || slices.ContainsFunc(heard, func(w plate.Well) bool { return w.Role == plate.Sample && out[w.Code] }) {
		return false
	}
	c.Layout.Wells = heard
	return true
}
