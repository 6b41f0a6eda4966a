package flow

import (
	"context"
	"errors"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

// beside judges a message whose plates were all read before, beside the runs that count. It is false where one of them was not, or does not
// fit: then a person looks at the message.
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
