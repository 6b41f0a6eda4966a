package lims

import (
	"natlims/lims/pcr"
	"natlims/pooling"
)

// Pools made in the laboratory. The rules:
//
//  1. A pool is negative when its kit calls it negative and no virus target has any Cq at all, or none up to the cut-off of its
//     validation: a weak positive of one tube reads log2(n) cycles later in the pool, so what a kit lets pass in a single tube does
//     not pass here (domain 1.1, 1.9).
//  2. A negative pool clears all its tubes. Whatever else a pool is, it makes nobody positive: the tubes that it implicates are
//     tested singly, or, where too little is left of one, its person is swabbed again.
//  3. In an array a tube is cleared by its row or its column, unless that leaves a pool that is not negative without an
//     explanation: then everybody in it is tested singly (Kim et al. 2007).

// States of a pool.
const (
	Planned State = "planned"
	Dropped State = "dropped"
)

// PoolMoves is the way of a pool made in the laboratory.
var PoolMoves = Table[State, Event]{
	{Planned, "mix", Received},
	{Received, "load", Loaded},
	{Loaded, "read", Read},
	{Loaded, "unload", Received},
	{Read, "repeat", Received},
	{Read, "close", Closed},
	{Planned, "drop", Dropped},
	{Received, "drop", Dropped},
}

// Axis is which pools of a plan a tube is in: one pool, a row and a column, or a part of a pool that was not negative.
type Axis string

// The axes.
const (
	Whole  Axis = "pool"
	Row    Axis = "row"
	Column Axis = "column"
	Part   Axis = "part"
)

// PoolCall is what the kit's call on a well means where the well holds a pool. cut are the cut-offs of its size; nil: none.
func PoolCall(k *pcr.Kit, c pcr.Call, cut Cutoffs) pooling.Call {
	pos, grey, late := 0, 0, false
	for _, a := range k.Targets {
		t := c.Targets.Of(a.ID)
		if a.Role != pcr.Virus {
			continue
		}
		switch t.State {
		case pcr.Pos:
			pos++
		case pcr.Grey:
			grey++
		default:
			late = late || cut.late(a.ID, t)
		}
	}
	switch {
	case c.Call == Positive:
		return pooling.Positive
	case pos > 0:
		return pooling.SingleTarget
	case grey > 0 || late:
		return pooling.Grey
	case c.Call == Negative:
		return pooling.Negative
	}
	return pooling.Invalid
}

// LowestCq is the earliest Cq of a virus target, 0 where none came up.
func LowestCq(k *pcr.Kit, c pcr.Call) float64 {
	low := 0.0
	for _, a := range k.Targets {
		if t := c.Targets.Of(a.ID); a.Role == pcr.Virus && t.HasCq && (low == 0 || t.Cq < low) {
			low = t.Cq
		}
	}
	return low
}

// Fate is what the pools of a plan say of one tube so far.
type Fate string

// The fates.
const (
	Undecided  Fate = "" // a pool that matters has not been read
	Cleared    Fate = "cleared"
	Implicated Fate = "implicated"
)

// PoolState is a pool of a plan with its call; "" while it has not been read.
type PoolState struct {
	ID   int64
	Axis Axis
	Call pooling.Call
}

// TubeFate says what the pools that a tube has a share of mean for it; all is every pool of the plan. By is the pool that
// decided: one that cleared it, or the first that implicated it.
func TubeFate(own, all []PoolState) (f Fate, by int64) {
	var clears, accuses *PoolState
	for i := range own {
		switch p := &own[i]; {
		case p.Call == "":
			return Undecided, 0
		case p.Call == pooling.Negative && clears == nil:
			clears = p
		case p.Call != pooling.Negative && accuses == nil:
			accuses = p
		}
	}
	switch {
	case clears == nil && accuses == nil:
		return Undecided, 0
	case accuses == nil:
		return Cleared, clears.ID
	case clears == nil:
		return Implicated, accuses.ID
	}
	// Cleared by one axis, accused by the other: the accusation needs another explanation on the axis that clears.
	unread := false
	for _, p := range all {
		if p.Axis != clears.Axis || p.Call == pooling.Negative {
			continue
		}
		if p.Call != "" {
			return Cleared, clears.ID
		}
		unread = true
	}
	if unread {
		return Undecided, 0
	}
	return Implicated, accuses.ID
}

// PoolCqOff is how far the Cq of a pool may be from what the single retests of its tubes explain before somebody has to look
// for a swap or a contamination, in cycles.
const PoolCqOff = 3.0

// Balance compares a pool that was not negative with the single retests of all its tubes. cqs are the Cq of those that came
// up; negatives says that every tube was called negative. It gives the kind of discordance, "" where things fit together, and
// the Cq that the retests explain (0: none).
func Balance(call pooling.Call, n int, observed float64, cqs []float64, negatives bool) (kind string, expected float64) {
	if len(cqs) > 0 {
		expected = pooling.PoolCq(n, cqs...)
	}
	switch {
	case call == pooling.Invalid:
		return "", expected // it said nothing that could disagree
	case negatives:
		return "singles_negative", expected
	case observed > 0 && expected > 0 && (observed-expected > PoolCqOff || expected-observed > PoolCqOff):
		return "cq", expected
	}
	return "", expected
}

// PoolSizes cuts tubes into pools of at most n whose sizes differ by one at most.
func PoolSizes(tubes, n int) []int {
	if tubes < 1 || n < 1 {
		return nil
	}
	k := (tubes + n - 1) / n
	sizes := make([]int, k)
	for i := range sizes {
		sizes[i] = tubes / k
		if i < tubes%k {
			sizes[i]++
		}
	}
	return sizes
}
