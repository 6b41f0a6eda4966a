package pooling

import (
	"math/bits"
	"sort"
)

// Design says who is in which pool. Persons and pools are numbered from 0.
type Design struct {
	n     int
	pools [][]int
	in    [][]int // per person: pools
}

// Limits of a design.
const (
	maxDesignPersons = 100_000
	maxDesignPools   = 20_000
	maxDesignCells   = 5_000_000
	maxBelief        = 200_000 // memberships for posteriors
)

// NewDesign checks the pools of n persons; n = 0 means up to the highest member.
func NewDesign(n int, pools [][]int) (*Design, error) {
	if len(pools) == 0 {
		return nil, refuse(EmptyPool, "no pools")
	}
	if len(pools) > maxDesignPools || n > maxDesignPersons {
		return nil, refuse(TooLarge, "%d pools of %d persons: expected at most %d and %d", len(pools), n, maxDesignPools, maxDesignPersons)
	}
	named, cells := n, 0
	for t, members := range pools {
		if len(members) == 0 {
			return nil, refuse(EmptyPool, "pool %d has no members", t+1)
		}
		if cells += len(members); cells > maxDesignCells {
			return nil, refuse(TooLarge, "more than %d memberships", maxDesignCells)
		}
		for _, who := range members {
			if who < 0 || who >= maxDesignPersons || n > 0 && who >= n {
				return nil, refuse(UnknownName, "pool %d: member %d: expected 1..%d", t+1, who+1, orElse(n, maxDesignPersons))
			}
			named = max(named, who+1)
		}
	}
	d := &Design{n: named, pools: make([][]int, len(pools)), in: make([][]int, named)}
	for t, members := range pools {
		d.pools[t] = append([]int(nil), members...)
		sort.Ints(d.pools[t])
		for k, who := range d.pools[t] {
			if k > 0 && d.pools[t][k-1] == who {
				return nil, refuse(Duplicate, "pool %d: member %d is named twice", t+1, who+1)
			}
			d.in[who] = append(d.in[who], t)
		}
	}
	return d, nil
}

func orElse(n, other int) int {
	if n == 0 {
		return other
	}
	return n
}

// Geometry of a design.
type Geometry struct {
	Persons, Pools    int
	PerPerson, InPool [2]int // fewest, most
	Shared            int    // most pools that two persons have in common
	// Exact is the number of positives that COMP always decodes without errors:
	// floor((w-1)/λ) for weight w and overlap λ.
	Exact int
}

// Geometry measures the design; O(persons² · pools/64).
func (d *Design) Geometry() Geometry {
	g := Geometry{Persons: d.n, Pools: len(d.pools), PerPerson: [2]int{len(d.pools), 0}, InPool: [2]int{d.n, 0}}
	for _, p := range d.pools {
		g.InPool = widen(g.InPool, len(p))
	}
	sets := make([]set, d.n)
	for i, pools := range d.in {
		g.PerPerson = widen(g.PerPerson, len(pools))
		sets[i] = newSet(len(d.pools), pools)
		for _, other := range sets[:i] {
			g.Shared = max(g.Shared, sets[i].common(other))
		}
	}
	if g.Shared == 0 {
		g.Exact = d.n
	} else {
		g.Exact = max(0, (g.PerPerson[0]-1)/g.Shared)
	}
	return g
}

func widen(r [2]int, n int) [2]int { return [2]int{min(r[0], n), max(r[1], n)} }

// set is a bit set.
type set []uint64

func newSet(size int, members []int) set {
	s := make(set, (size+63)/64)
	for _, m := range members {
		s.add(m)
	}
	return s
}

func (s set) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s set) has(i int) bool { return s[i/64]>>(i%64)&1 == 1 }

func (s set) drop(i int) { s[i/64] &^= 1 << (i % 64) }

func (s set) common(o set) int {
	n := 0
	for i := range s {
		n += bits.OnesCount64(s[i] & o[i])
	}
	return n
}

func (s set) or(o set) {
	for i := range s {
		s[i] |= o[i]
	}
}
