package store

import (
	"encoding/json"

	"github.com/lib/pq"

	"natlims/lims"
	"natlims/pooling"
)

// sizedCutoffs are the cut-offs of the validated sizes of a laboratory, for pools of one kind.
type sizedCutoffs []struct {
	Kit string          `db:"kit_key"`
	N   int             `db:"n"`
	Raw json.RawMessage `db:"cutoffs"`
}

func (x *tx) cutoffs(lab int64, kind pooling.Kind) (c sizedCutoffs, err error) {
	err = x.all(&c, `SELECT kit_key, n, cutoffs FROM pool_validations WHERE lab_id = $1 AND kind = $2 AND ended_at IS NULL ORDER BY kit_key, n, id DESC`,
		lab, string(kind))
	return c, err
}

// of are the cut-offs for a pool: those of the smallest validated size that covers it, the newest of them.
func (c sizedCutoffs) of(kit string, n int) lims.Cutoffs {
	for _, v := range c {
		if v.Kit == kit && v.N >= n {
			return readCutoffs(v.Raw)
		}
	}
	return nil
}

func readCutoffs(raw json.RawMessage) (c lims.Cutoffs) {
	if json.Unmarshal(raw, &c) != nil || len(c) == 0 { // written by ValidatePool
		return nil
	}
	return c
}

// cutWell is a well whose call went by cut-offs of a pool.
type cutWell struct {
	pos, kit string
	cut      lims.Cutoffs
}

// keepCutoffs writes beside the calls which cut-offs they went by: a validation may end, what was said stays explained.
func (x *tx) keepCutoffs(run int64, wells []cutWell) error {
	var pos, kits, cuts []string
	for _, w := range wells {
		if len(w.cut) == 0 {
			continue
		}
		b, err := json.Marshal(w.cut)
		if err != nil {
			return err
		}
		pos, kits, cuts = append(pos, w.pos), append(kits, w.kit), append(cuts, string(b))
	}
	if len(pos) == 0 {
		return nil
	}
	return x.exec(`UPDATE calls SET cutoffs = t.c::jsonb FROM unnest($2::text[], $3::text[], $4::text[]) AS t (p, k, c)
		WHERE run_id = $1 AND pos = t.p AND kit_key = t.k`, run, pq.Array(pos), pq.Array(kits), pq.Array(cuts))
}

// swabsLate finds the tubes of several swabs that their kit calls negative and the cut-offs of their size do not.
func (x *tx) swabsLate(run int64, p Plate, j Judged, tubes map[string]tube) (late map[armAt]bool, err error) {
	var cut sizedCutoffs
	var used []cutWell
	late = map[armAt]bool{}
	for _, w := range j.Verdict.Wells {
		t, ok := tubes[w.Code]
		if !ok || t.Persons < 2 || w.Invalid {
			continue
		}
		if cut == nil {
			if cut, err = x.cutoffs(p.Lab, pooling.Swab); err != nil || len(cut) == 0 {
				return late, err
			}
		}
		c := cut.of(w.Kit, t.Persons)
		used = append(used, cutWell{w.Pos.String(), w.Kit, c})
		if lims.SwabLate(j.Case.Kits[w.Kit], w.Call, c) {
			late[armAt{t.ID, w.Kit}] = true
		}
	}
	return late, x.keepCutoffs(run, used)
}
