package pooling

import "math"

// cluster is a group whose common risk is drawn from Beta(a,b): mean p and
// correlation rho of any two members, a = p(1-rho)/rho, b = q(1-rho)/rho.
type cluster struct{ a, b float64 }

func newCluster(risk []float64, rho float64) (cluster, error) {
	if !(rho >= 0 && rho < 1) {
		return cluster{}, refuse(BadField, "rho %v: expected at least 0 and below 1", rho)
	}
	for _, p := range risk {
		if p != risk[0] {
			return cluster{}, refuse(BadRisk, "clustered positives: expected equal risks, got %v and %v", risk[0], p)
		}
	}
	p := risk[0]
	return cluster{p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho}, nil
}

// logZero is log P(n members all negative) = log B(a,b+n) - log B(a,b).
func (c cluster) logZero(n int) float64 {
	s := 0.0
	for i := range n {
		s += math.Log1p(-c.a / (c.a + c.b + float64(i)))
	}
	return s
}
