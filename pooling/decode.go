package pooling

import "container/heap"

// What the readings of a design say about each person. The rules:
//
//	candidate   at most Miss of the person's pools read negative (COMP)
//	sure        the only candidate of some positive pool (DD)
//	possible    a candidate who is not sure
//	cleared     tested and no candidate: the only persons who may be released
//	untested    in no pool
//
// Sure and possible persons are confirmed singly before anybody is reported
// positive. Nothing here breaks a tie without saying so.

// Reading is a decoding request.
type Reading struct {
	Positive []bool // per pool
	Miss     int    // false-negative pools tolerated per person, 0 or more
	// Prior asks for posteriors: one risk per person, or one for everybody.
	Prior []float64
	Test  Test
	// SeOf overrides Test.Se by number of positives k in a pool of n. nil = flat.
	SeOf func(k, n int) float64
}

// Decoded lists persons and pools in ascending order, numbered from 0.
type Decoded struct {
	Sure, Possible, Cleared, Untested []int
	Unexplained                       []int // positive pools without a candidate
	Contradicted                      []int // negative pools with a sure member
	// Scomp is a small set that explains every explained positive pool: sure
	// persons, then whoever explains most of what is left. Tied says that
	// somebody else would have done as well at some step.
	Scomp     []int
	Tied      bool
	Posterior Posterior
}

// Decode classifies everybody. O(persons · pools/64 + memberships).
func (d *Design) Decode(r Reading) (Decoded, error) {
	if err := d.checkReading(r); err != nil {
		return Decoded{}, err
	}
	candidate := d.candidates(r)
	var out Decoded
	sure := make([]bool, d.n)
	for t, members := range d.pools {
		if !r.Positive[t] {
			continue
		}
		n, last := 0, -1
		for _, who := range members {
			if candidate[who] {
				n, last = n+1, who
			}
		}
		switch n {
		case 0:
			out.Unexplained = append(out.Unexplained, t)
		case 1:
			sure[last] = true
		}
	}
	for who := range d.n {
		switch {
		case len(d.in[who]) == 0:
			out.Untested = append(out.Untested, who)
		case sure[who]:
			out.Sure = append(out.Sure, who)
		case candidate[who]:
			out.Possible = append(out.Possible, who)
		default:
			out.Cleared = append(out.Cleared, who)
		}
	}
	out.Contradicted = d.contradicted(r, sure)
	out.Scomp, out.Tied = d.scomp(r, out)
	if len(r.Prior) > 0 {
		out.Posterior = d.posterior(r, candidate)
	}
	return out, nil
}

func (d *Design) checkReading(r Reading) error {
	if len(r.Positive) != len(d.pools) {
		return refuse(BadSize, "%d readings for %d pools", len(r.Positive), len(d.pools))
	}
	if r.Miss < 0 || r.Miss > 10 {
		return refuse(BadField, "e %d: expected 0..10 tolerated false negatives", r.Miss)
	}
	if len(r.Prior) == 0 {
		return nil
	}
	cells := 0
	for _, m := range d.pools {
		cells += len(m)
	}
	if cells > maxBelief {
		return refuse(TooLarge, "%d memberships: posteriors are worked out for at most %d", cells, maxBelief)
	}
	if len(r.Prior) != 1 && len(r.Prior) != d.n {
		return refuse(BadSize, "%d risks for %d persons: expected one, or one per person", len(r.Prior), d.n)
	}
	if err := r.Test.Check(); err != nil {
		return err
	}
	return checkRisk(r.Prior...)
}

func (d *Design) candidates(r Reading) []bool {
	negative := make(set, (len(d.pools)+63)/64)
	for t, positive := range r.Positive {
		if !positive {
			negative.add(t)
		}
	}
	out := make([]bool, d.n)
	for who, pools := range d.in {
		bad := 0
		for _, t := range pools {
			if negative.has(t) {
				bad++
			}
		}
		out[who] = len(pools) > 0 && bad <= r.Miss
	}
	return out
}

func (d *Design) contradicted(r Reading, sure []bool) []int {
	var out []int
	for t, members := range d.pools {
		for _, who := range members {
			if !r.Positive[t] && sure[who] {
				out = append(out, t)
				break
			}
		}
	}
	return out
}

// scomp is Sequential COMP (Aldridge, Baldassini, Johnson 2014). What a person
// explains only shrinks, so the next best is found by refreshing the top of a
// heap.
func (d *Design) scomp(r Reading, c Decoded) (chosen []int, tied bool) {
	left := make(set, (len(d.pools)+63)/64)
	for t, positive := range r.Positive {
		if positive {
			left.add(t)
		}
	}
	take := func(who int) {
		chosen = append(chosen, who)
		for _, t := range d.in[who] {
			left.drop(t)
		}
	}
	for _, who := range c.Sure {
		take(who)
	}
	h := &gains{d: d, left: left}
	for _, who := range c.Possible {
		h.list = append(h.list, gain{who, h.explains(who)})
	}
	heap.Init(h)
	for h.fresh() {
		best := heap.Pop(h).(gain)
		tied = tied || h.fresh() && h.list[0].n == best.n
		take(best.who)
	}
	return sorted(chosen), tied
}

// gain is how many pools a person would still explain, when last looked at.
type gain struct{ who, n int }

// gains is a heap: most first, then the lowest number.
type gains struct {
	d    *Design
	left set
	list []gain
}

func (h *gains) Len() int { return len(h.list) }
func (h *gains) Less(i, j int) bool {
	if h.list[i].n != h.list[j].n {
		return h.list[i].n > h.list[j].n
	}
	return h.list[i].who < h.list[j].who
}
func (h *gains) Swap(i, j int) { h.list[i], h.list[j] = h.list[j], h.list[i] }
func (h *gains) Push(x any)    { h.list = append(h.list, x.(gain)) }
func (h *gains) Pop() any {
	last := h.list[len(h.list)-1]
	h.list = h.list[:len(h.list)-1]
	return last
}

func (h *gains) explains(who int) int {
	n := 0
	for _, t := range h.d.in[who] {
		if h.left.has(t) {
			n++
		}
	}
	return n
}

// fresh brings a person with a current count to the top; false when nobody
// explains anything more.
func (h *gains) fresh() bool {
	for len(h.list) > 0 {
		n := h.explains(h.list[0].who)
		if n == h.list[0].n {
			return n > 0
		}
		h.list[0].n = n
		heap.Fix(h, 0)
	}
	return false
}
