package pooling

import (
	"math"
	"time"
)

// Clock is a laboratory's own times. Durations are what it measured, not what
// the kit insert promises.
type Clock struct {
	Limit   time.Duration // from the start of the clock to release
	Intake  time.Duration // accession and pooling
	Round   time.Duration // extraction, set-up, PCR, review
	Wait    time.Duration // for a full plate or a free cycler, per round
	Release time.Duration // signature and sending
}

// UsualClock is the six-hour clock with two-hour rounds.
var UsualClock = Clock{Limit: 6 * time.Hour, Intake: 30 * time.Minute, Round: 2 * time.Hour, Wait: 15 * time.Minute, Release: 15 * time.Minute}

// Rounds is how many rounds fit when some time was used before receipt: nothing
// on the clock from receipt, the transport on the clock from collection.
func (c Clock) Rounds(used time.Duration) int {
	return c.fit(c.Limit - used - c.Intake - c.Release)
}

// Left is how many rounds fit into the slack before release.
func (c Clock) Left(slack time.Duration) int { return c.fit(slack - c.Release) }

func (c Clock) fit(d time.Duration) int {
	if d <= 0 || c.Round+c.Wait <= 0 {
		return 0
	}
	return int(d / (c.Round + c.Wait))
}

// LargestOnTime is the largest Dorfman pool when only one round fits and at most
// a share late of persons may be late; at least 1, the single test.
func LargestOnTime(p, late float64, t Test) int {
	if p <= 0 || late >= t.Se {
		return maxSearch
	}
	x := (t.Se - late) / -t.delta()
	if x >= 1 {
		return 1
	}
	n := math.Log(x) / logNegative(p)
	return max(1, int(math.Min(n*(1+1e-12), maxSearch)))
}

// Prices are costs in units of one test, per event.
type Prices struct {
	Test, Late, Miss, FalseAlarm, Transfer float64
}

// PerPerson is the expected cost of a scheme per person of risk p on average.
func (x Prices) PerPerson(c Char, p float64, rounds int) float64 {
	return x.Test*c.PerPerson() + x.Late*c.Late(rounds) + x.Miss*p*(1-c.PSe) +
		x.FalseAlarm*(1-p)*(1-c.PSp) + x.Transfer*c.Aliquots/float64(c.Persons)
}

// Reserve is the number of wells of the next plate to keep for retests when each
// of so many pools of n reads positive with chance positive: mean and 1.64
// standard deviations of a sum in which every pool adds n wells.
func Reserve(pools, n int, positive float64) int {
	mu := float64(pools) * float64(n) * positive
	return int(math.Ceil(mu + 1.64*math.Sqrt(mu*float64(n))))
}

// ReserveExact is the least number of wells that is enough with chance level:
// the exact quantile of Σ size_i · Bernoulli(positive_i).
func ReserveExact(sizes []int, positive []float64, level float64) (int, error) {
	if len(sizes) != len(positive) {
		return 0, refuse(BadSize, "%d sizes, %d chances", len(sizes), len(positive))
	}
	if !(level > 0 && level < 1) {
		return 0, refuse(BadField, "level %v: expected between 0 and 1", level)
	}
	all := sum(sizes)
	if len(sizes) > 0 && (all < 0 || all*len(sizes) > 100_000_000) {
		return 0, refuse(TooLarge, "%d pools: expected sizes >= 1 and fewer wells at stake", len(sizes))
	}
	law, top := make([]float64, max(all, 0)+1), 0
	law[0] = 1
	for i, n := range sizes {
		if !(positive[i] >= 0 && positive[i] <= 1) {
			return 0, refuse(BadRisk, "pool %d: chance %v: expected 0..1", i+1, positive[i])
		}
		top += n
		for w := top; w >= 0; w-- {
			law[w] *= 1 - positive[i]
			if w >= n {
				law[w] += law[w-n] * positive[i]
			}
		}
	}
	below := 0.0
	for w, p := range law {
		if below += p; below >= level-1e-12 {
			return w, nil
		}
	}
	return max(all, 0), nil
}
