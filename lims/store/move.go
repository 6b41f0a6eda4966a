package store

import (
	"fmt"

	"github.com/lib/pq"

	"natlims/lims"
)

// move brings rows from any state that the table allows to the event's state, all of them or none. The extra SQL is further
// assignments, with arguments from $4 on. What has moved on meanwhile is named in a Conflict by id.
func (x *tx) move(t lims.Table[lims.State, lims.Event], table string, e lims.Event, ids []int64, extra string, args ...any) error {
	var done []int64
	query := fmt.Sprintf(`UPDATE %s SET state = $3%s WHERE id = ANY($1) AND state = ANY($2) RETURNING id`, table, extra)
	if err := x.all(&done, query, append([]any{pq.Array(ids), pq.Array(t.From(e)), string(t.To(e))}, args...)...); err != nil {
		return err
	}
	if len(done) == len(ids) {
		return nil
	}
	ok := make(map[int64]bool, len(done))
	for _, id := range done {
		ok[id] = true
	}
	var stuck []int64
	for _, id := range ids {
		if !ok[id] {
			stuck = append(stuck, id)
		}
	}
	if len(stuck) == 0 { // an id stood there twice
		return nil
	}
	return lims.E(lims.Conflict, "state.moved", lims.Args{"what": table, "event": string(e), "ids": stuck})
}
