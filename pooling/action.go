package pooling

import (
	"math"
	"time"
)

// What to do with one pool that has been read. The rules:
//
//  1. Negative: release all members.
//  2. Invalid, not yet repeated: extract the pool again when that leaves as many
//     rounds as resolving it needs (one for retained tubes, none for a swab tube).
//  3. A tube of several swabs holds no single samples: recall its members on a
//     new clock and tell the sender now.
//  4. Retained single tubes: with two rounds left, at least eight members and
//     volume for two, split the pool once more; with one round left test
//     everybody singly; with none test singly all the same, late, and say so
//     now; another laboratory takes over if one can be in time.
//  5. No volume left: recall.
//
// A pool that is not negative never makes a person positive.

// Kind of a pool: mixed at collection, or aliquots mixed in the laboratory.
type Kind string

const (
	Swab  Kind = "swab"
	Media Kind = "media"
)

// Call of a pool.
type Call string

const (
	Negative     Call = "NEG"
	Positive     Call = "POS"
	SingleTarget Call = "SINGLE"
	Grey         Call = "GREY"
	Invalid      Call = "INVALID"
)

// Do is the next thing to do with a pool.
type Do string

const (
	Release   Do = "release"
	Reextract Do = "reextract"
	Recall    Do = "recall"
	SplitPool Do = "split"
	Singles   Do = "singles"
	Forward   Do = "forward"
)

// Read is a pool with its call.
type Read struct {
	Kind      Kind
	Call      Call
	Size      int
	Slack     time.Duration // deadline of its first member minus now
	Volume    int           // further tests that the retained tubes have volume for
	Repeated  bool          // was extracted again already
	Elsewhere bool          // another laboratory can still be in time
	Risk      float64       // of its members, for the best split; 0 = unknown
}

// Step is what to do. Late: the deadline cannot be kept. Tell: the sender hears
// of it now, not with the result.
type Step struct {
	Do    Do
	Parts []int // SplitPool: sizes
	Wells int   // on the next plate
	Late  bool
	Tell  bool
}

// Next decides.
func (c Clock) Next(r Read) (Step, error) {
	if r.Size < 1 || r.Kind != Swab && r.Kind != Media {
		return Step{}, refuse(BadField, "pool of %d, kind %q: expected at least 1, swab or media", r.Size, r.Kind)
	}
	left := c.Left(r.Slack)
	switch r.Call {
	case Negative:
		return Step{Do: Release}, nil
	case Invalid:
		need := 2
		if r.Kind == Swab {
			need = 1
		}
		if !r.Repeated && left >= need {
			return Step{Do: Reextract, Wells: 1}, nil
		}
	case Positive, SingleTarget, Grey:
	default:
		return Step{}, refuse(BadField, "call %q: expected NEG, POS, SINGLE, GREY or INVALID", r.Call)
	}
	switch {
	case r.Kind == Swab || r.Volume < 1:
		return Step{Do: Recall, Tell: true}, nil
	case left >= 2 && r.Size >= 8 && r.Volume >= 2:
		parts := Parts(r.Size, r.Risk)
		return Step{Do: SplitPool, Parts: parts, Wells: len(parts)}, nil
	case left >= 1:
		return Step{Do: Singles, Wells: r.Size}, nil
	case r.Elsewhere:
		return Step{Do: Forward, Tell: true}, nil
	}
	return Step{Do: Singles, Wells: r.Size, Late: true, Tell: true}, nil
}

// Parts is how to split a pool of n that is not negative before single tests:
// the best cut for the risk, or √n nearly equal parts when it is unknown.
func Parts(n int, risk float64) []int {
	if risk > 0 && n >= 2 && n <= 200 {
		if c, err := BestTree(risk, 3, Range{n, n}, Options{Tests: []Test{Perfect}}); err == nil && len(c.Stages) > 1 && len(c.Stages[1]) < n {
			return c.Stages[1]
		}
	}
	k := int(math.Round(math.Sqrt(float64(n))))
	parts := make([]int, k)
	for i := range parts {
		parts[i] = n / k
		if i < n%k {
			parts[i]++
		}
	}
	return parts
}
