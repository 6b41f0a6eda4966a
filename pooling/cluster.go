package pooling

import "math"

// cluster is a group whose common risk is drawn from Beta(a,b): mean p and
// correlation rho of any two members, a = p(1-rho)/rho, b = q(1-rho)/rho.
type cluster struct {
	a, b float64
	zero []float64 // zero[n] = log P(n members all negative), as far as asked
}

func newCluster(risk []float64, rho float64) (*cluster, error) {
	if !(rho >= 0 && rho < 1) {
		return nil, refuse(BadField, "rho %v: expected at least 0 and below 1", rho)
	}
	for _, p := range risk {
		if p != risk[0] {
			return nil, refuse(BadRisk, "clustered positives: expected equal risks, got %v and %v", risk[0], p)
		}
	}
	p := risk[0]
	return &cluster{a: p * (1 - rho) / rho, b: (1 - p) * (1 - rho) / rho}, nil
}

// given is the cluster after one member is known positive or negative.
func (c *cluster) given(positive, negative float64) *cluster {
	return &cluster{a: c.a + positive, b: c.b + negative}
}

// logZero is log P(n members all negative) = log B(a,b+n) - log B(a,b).
func (c *cluster) logZero(n int) float64 {
	if c.zero == nil {
		c.zero = []float64{0}
	}
	for i := len(c.zero); i <= n; i++ {
		c.zero = append(c.zero, c.zero[i-1]+math.Log1p(-c.a/(c.a+c.b+float64(i-1))))
	}
	return c.zero[n]
}
