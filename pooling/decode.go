package pooling

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

// scomp is Sequential COMP (Aldridge, Baldassini, Johnson 2014).
func (d *Design) scomp(r Reading, c Decoded) (chosen []int, tied bool) {
	left := make(set, (len(d.pools)+63)/64)
	for t, positive := range r.Positive {
		if positive {
			left.add(t)
		}
	}
	for _, t := range c.Unexplained {
		left[t/64] &^= 1 << (t % 64)
	}
	take := func(who int) {
		chosen = append(chosen, who)
		for _, t := range d.in[who] {
			left[t/64] &^= 1 << (t % 64)
		}
	}
	for _, who := range c.Sure {
		take(who)
	}
	for {
		best, most, ties := -1, 0, 0
		for _, who := range c.Possible {
			n := 0
			for _, t := range d.in[who] {
				if left.has(t) {
					n++
				}
			}
			switch {
			case n > most:
				best, most, ties = who, n, 0
			case n == most && n > 0:
				ties++
			}
		}
		if best < 0 {
			return sorted(chosen), tied
		}
		tied = tied || ties > 0
		take(best)
	}
}
