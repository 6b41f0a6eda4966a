package demo

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/pooling"
)

// The second laboratory pools what the cold chain sends: single tubes, few of them positive, in arrays where a whole
// block of them waits, else in pools of five. What a pool implicates is tested singly from the tube that was kept.
const (
	poolLab  = 1
	poolDept = 3
	poolSize = 5
	block    = 3 // least rows and columns of an array, as many as
	wide     = 10
	poolRisk = 0.01
)

var poolRules = store.PoolRules{Source: "demo: cold chain pools of five", Gate: 0.05, Largest: wide, Never: []string{"close_contact", "key_person", "fever_clinic"},
	TubeUL: 3000, AliquotUL: 200, SingleUL: 200, WindowDays: 7, Least: 100}

// foundPools allows pools in the second laboratory and signs the size that it has validated.
func (d *Day) foundPools(ctx context.Context, _ lims.Actor) error {
	lab := d.city.Labs[poolLab]
	if now, err := d.Store.PoolRules(ctx, lab); err != nil || now.Source == poolRules.Source {
		return err
	}
	v := store.Validation{Lab: lab, Kit: d.city.Kits[poolLab], Kind: pooling.Media, N: wide, Tested: 20, Detected: 20, Source: "demo: 20 positives, each with nine negatives"}
	if err := d.Store.ValidatePool(ctx, d.city.Supervisor[poolLab], v); err != nil {
		return err
	}
	r := poolRules
	r.Lab, r.ValidFrom = lab, d.start.Add(-24*time.Hour)
	return d.Store.AddPoolRules(ctx, d.city.Admin, r)
}

// pool plans pools of the tubes that have come, and mixes what is planned: the tubes of a pool stand in one rack, which is scanned at once.
func (d *Day) pool(ctx context.Context, _ time.Duration) error {
	lab := d.city.Labs[poolLab]
	if err := d.planPools(ctx, lab); err != nil {
		return err
	}
	open, err := d.Store.OpenPools(ctx, store.Scope{Lab: lab})
	if err != nil {
		return err
	}
	for _, p := range open {
		if p.State != string(lims.Planned) {
			continue
		}
		tubes, err := d.Store.PoolMembers(ctx, []int64{p.ID})
		if err != nil {
			return err
		}
		var scans []string
		for _, t := range tubes {
			if t.MixedAt == nil { // else before the day was killed
				scans = append(scans, t.Barcode)
			}
		}
		if _, err := d.Store.MixPool(ctx, d.city.Tech[poolLab], p.Code, scans); err != nil {
			return err
		}
	}
	return nil
}

func (d *Day) planPools(ctx context.Context, lab int64) error {
	rows, err := d.Store.Poolable(ctx, lab, store.MaxPoolTubes)
	if err != nil {
		return err
	}
	var codes []string
	for _, r := range rows {
		if t, ok := d.plan.byCode[r.Barcode]; ok && d.plan.tubes[t].dept == poolDept {
			codes = append(codes, r.Barcode)
		}
	}
	n := store.NewPools{Lab: lab, Kit: d.city.Kits[poolLab], Risk: poolRisk}
	for len(codes) >= block*block {
		side := min(wide, int(math.Sqrt(float64(len(codes)))))
		n.Scheme, n.N, n.Rows, n.Cols, n.Codes = pooling.OptArray, side, side, side, codes[:side*side]
		if _, err := d.Store.PlanPools(ctx, d.city.Tech[poolLab], n); err != nil {
			return fmt.Errorf("array of %s … %s: %w", n.Codes[0], n.Codes[len(n.Codes)-1], err)
		}
		codes = codes[side*side:]
	}
	if len(codes) < 2 {
		return nil // a tube that is left over is tested by itself
	}
	n.Scheme, n.N, n.Rows, n.Cols, n.Codes = pooling.OptDorfman, poolSize, 0, 0, codes
	_, err = d.Store.PlanPools(ctx, d.city.Tech[poolLab], n)
	return err
}

// mixed are the tubes in the pools of the day, by the pool's code: what was mixed does not change.
type mixed struct {
	mu    sync.Mutex
	tubes map[string][]string
}

const poolMark = "PL-" // begins the code of a pool

// remember reads what is in the pools of a plate, so that its cycler finds it.
func (d *Day) remember(ctx context.Context, lab int64, codes []string) error {
	for _, code := range codes {
		if !strings.HasPrefix(code, poolMark) {
			continue
		}
		p, err := d.Store.PoolByCode(ctx, store.Scope{Lab: lab}, code)
		if err != nil {
			return err
		}
		tubes, err := d.Store.PoolMembers(ctx, []int64{p.ID})
		if err != nil {
			return err
		}
		in := make([]string, len(tubes))
		for i, t := range tubes {
			in[i] = t.Barcode
		}
		d.mixed.mu.Lock()
		d.mixed.tubes[code] = in
		d.mixed.mu.Unlock()
	}
	return nil
}

// pooled is the truth of a pool: its strongest tube, later by a cycle each time that the share of a tube halves.
func (d *Day) pooled(code string) (float64, bool) {
	d.mixed.mu.Lock()
	tubes := d.mixed.tubes[code]
	d.mixed.mu.Unlock()
	best := math.Inf(1)
	for _, t := range tubes {
		if cq, ok := d.cq(t); ok {
			best = min(best, cq)
		}
	}
	return best + math.Log2(float64(max(len(tubes), 1))), !math.IsInf(best, 1)
}

// pools counts the pools of the day, the tubes in them and those that were tested singly afterwards.
func (d *Day) pools(ctx context.Context) (pools, tubes, singly int, err error) {
	sc := store.Scope{Lab: d.city.Labs[poolLab]}
	seen := map[string]bool{}
	for page := (store.Page{}); ; {
		batches, err := d.Store.PoolBatches(ctx, sc, page)
		if err != nil || len(batches) == 0 {
			return pools, len(seen), singly, err
		}
		for _, b := range batches {
			page.Before = b.ID
			rows, err := d.Store.BatchPools(ctx, b.ID)
			if err != nil {
				return 0, 0, 0, err
			}
			ids := make([]int64, len(rows))
			for i, r := range rows {
				ids[i] = r.ID
			}
			members, err := d.Store.PoolMembers(ctx, ids)
			if err != nil {
				return 0, 0, 0, err
			}
			for _, m := range members {
				if m.Retest && !seen[m.Barcode] {
					singly++
				}
				seen[m.Barcode] = true
			}
			pools += len(rows)
		}
	}
}
