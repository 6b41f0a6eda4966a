package store

import (
	"github.com/lib/pq"

	"natlims/lims"
	"natlims/pooling"
)

// Two kits on a pool are two independent calls on it: the pool is negative where both say so, and whatever else one of them says sends
// its tubes to be tested singly (see readPool.hear). Both stand on one plate, each is validated for pools of that size, and a pool that
// was once tested with both is tested with both each time, its parts too. The tubes themselves have no arms while they are in a pool.

// loadedPool is a pool that goes on a plate.
type loadedPool struct {
	ID     int64  `db:"id"`
	Code   string `db:"code"`
	Kit    string `db:"kit_key"`
	Second string `db:"second_kit"`
	Size   int    `db:"size"`
}

// kitsOfPools refuses pools that the kits of a plate are not for, and keeps the second kit with those that it is for.
func (x *tx) kitsOfPools(n NewPlate, rows []loadedPool) error {
	second := ""
	if n.Second != nil {
		second = n.Second.Kit
	}
	wrong, alone := []string{}, []string{}
	more := map[string][]loadedPool{} // pools for which a kit comes on top of their own
	for _, r := range rows {
		top := second
		if r.Kit == second {
			top = n.Kit
		}
		switch {
		case r.Kit != n.Kit && r.Kit != second:
			wrong = append(wrong, r.Code)
		case r.Second != "" && r.Second != top:
			alone = append(alone, r.Code)
		case top != "":
			more[top] = append(more[top], r)
		}
	}
	switch {
	case len(wrong) > 0:
		return lims.E(lims.Conflict, "pool.kit", lims.Args{"kit": n.Kit, "pools": wrong})
	case len(alone) > 0:
		return lims.E(lims.Conflict, "pool.two_kits", lims.Args{"pools": alone})
	}
	for kit, pools := range more {
		most, err := x.validated(n.Lab, kit, pooling.Media)
		if err != nil {
			return err
		}
		var large []string
		var ids []int64
		for _, p := range pools {
			ids = append(ids, p.ID)
			if p.Size > most {
				large = append(large, p.Code)
			}
		}
		if large != nil {
			return lims.E(lims.Denied, "pool.unvalidated", lims.Args{"kit": kit, "max": most, "got": len(large), "barcodes": large})
		}
		if err := x.exec(`UPDATE pools SET second_kit = $2 WHERE id = ANY($1)`, pq.Array(ids), kit); err != nil {
			return err
		}
	}
	return nil
}

// inPools refuses to ask for a second kit on tubes whose pool has not spoken yet.
func (x *tx) inPools(samples []int64) error {
	var codes []string
	err := x.all(&codes, `SELECT s.barcode FROM samples s WHERE s.id = ANY($1) AND s.state = 'loaded' AND s.id IN (SELECT m.sample_id FROM pool_samples m
		JOIN pools p ON p.id = m.pool_id WHERE m.sample_id = ANY($1) AND p.state IN ('planned','received','loaded','read')) ORDER BY s.barcode`, pq.Array(samples))
	if err == nil && len(codes) > 0 {
		err = lims.E(lims.Conflict, "arm.in_pool", lims.Args{"barcodes": codes})
	}
	return err
}
