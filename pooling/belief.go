package pooling

import "math"

// maxOdds bounds the log odds of one message.
const maxOdds = 40

// belief is sum-product on the graph of persons and pools. Messages are log odds
// of "person positive"; down is what a pool says to a member.
func (d *Design) belief(r Reading) Posterior {
	down := make([][]float64, len(d.pools))
	for t, m := range d.pools {
		down[t] = make([]float64, len(m))
	}
	prior := make([]float64, d.n)
	for i := range prior {
		p := math.Min(math.Max(r.prior(i), 1e-12), 1-1e-12)
		prior[i] = math.Log(p) - math.Log1p(-p)
	}
	var sum []float64
	for range maxSweeps {
		var moved float64
		if sum, moved = d.sweep(r, prior, down); moved < 1e-6 {
			break
		}
	}
	out := Posterior{Method: Belief}
	for i := range d.n {
		if len(d.in[i]) > 0 {
			out.Persons = append(out.Persons, i)
			out.P = append(out.P, 1/(1+math.Exp(-sum[i])))
		}
	}
	return out
}

// sweep sends every message once, damped by half, and returns the log odds per
// person before it and the largest change.
func (d *Design) sweep(r Reading, prior []float64, down [][]float64) ([]float64, float64) {
	total := append([]float64(nil), prior...)
	for t, m := range d.pools {
		for k, who := range m {
			total[who] += down[t][k]
		}
	}
	moved := 0.0
	var free []float64 // P(member negative), as the other pools see it
	for t, m := range d.pools {
		free = free[:0]
		none := 1.0
		for k, who := range m {
			free = append(free, 1/(1+math.Exp(math.Min(total[who]-down[t][k], 500)))) // above 0
			none *= free[k]
		}
		logSome := d.logLike(r, t, 1)
		some, quiet := math.Exp(logSome), math.Exp(d.logLike(r, t, 0))
		for k := range m {
			others := none / free[k] // P(no other member positive)
			v := logSome - math.Log(quiet*others+some*(1-others)+1e-300)
			v = math.Min(math.Max(v, -maxOdds), maxOdds)
			moved = math.Max(moved, math.Abs(v-down[t][k]))
			down[t][k] = (v + down[t][k]) / 2
		}
	}
	return total, moved
}
