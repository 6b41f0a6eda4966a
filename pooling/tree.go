package pooling

import "math"

// Tree is a hierarchical scheme: pools that are split when they read positive.
//
// The one lemma (for a nested chain of pools A1 > A2 > … > Am with
// Qj = P(all of Aj negative), Q0 = 0, Qm+1 = 1):
//
//	P(all m read positive) = Σj (Qj+1 − Qj) · Π(i≤j) Se_i · Π(i>j) (1 − Sp_i)
//
// It is carried down the tree as two numbers (see chain). It needs only that
// "all of A negative" is nested, so it holds for clustered positives as well.
type Tree struct {
	// Stages are the sizes of the pools of each stage, in order of testing.
	// Individuals are implied as the last stage. A pool of one is final where
	// it stands; later stages may leave it out or repeat it as a 1.
	Stages [][]int
	// Tests is one accuracy for all stages, or one per stage and one for the
	// individuals.
	Tests []Test
	// Informative reads a first-stage pool of one with the accuracy of the
	// individual test, as two-stage informative testing does.
	Informative bool
	// Rho is the correlation of the persons of one first-stage pool (a family
	// in a tube): beta-binomial, equal risks only. 0 = independent.
	Rho float64
}

// node is one pool: persons lo..hi-1 at a stage; kids are nodes first..last-1.
type node struct {
	lo, hi, stage, parent, first, last int
}

func (n node) size() int { return n.hi - n.lo }
func (n node) kids() int { return n.last - n.first }

// Char works out the scheme for one risk per person, in the order of the pools.
// Var is NaN for clustered positives in more than two stages.
func (t Tree) Char(risk []float64) (Char, error) {
	nodes, err := t.grow()
	if err != nil {
		return Char{}, err
	}
	rounds := nodes[len(nodes)-1].stage + 1
	if err := t.check(risk, nodes, rounds); err != nil {
		return Char{}, err
	}
	logQ, err := t.logs(risk, nodes)
	if err != nil {
		return Char{}, err
	}
	w := walk{t: t, nodes: nodes, logQ: logQ, last: rounds - 1}
	c := w.down(risk, rounds)
	c.Var = math.NaN()
	if t.Rho == 0 || rounds <= 2 {
		c.Var = w.variance()
	}
	return c, nil
}

func (t Tree) check(risk []float64, nodes []node, rounds int) error {
	n := 0
	for _, v := range nodes {
		if v.parent < 0 {
			n = v.hi
		}
	}
	if len(risk) != n {
		return refuse(BadSize, "%d risks for %d persons", len(risk), n)
	}
	if len(t.Tests) != 1 && len(t.Tests) != rounds && len(t.Tests) != len(t.Stages)+1 {
		return refuse(BadAccuracy, "%d accuracies for %d stages: expected one, or one per stage", len(t.Tests), len(t.Stages)+1)
	}
	if err := checkTests(t.Tests...); err != nil {
		return err
	}
	return checkRisk(risk...)
}

// logs gives log P(all negative) of every node.
func (t Tree) logs(risk []float64, nodes []node) ([]float64, error) {
	out := make([]float64, len(nodes))
	if t.Rho != 0 {
		c, err := newCluster(risk, t.Rho)
		if err != nil {
			return nil, err
		}
		for i, v := range nodes {
			out[i] = c.logZero(v.size())
		}
		return out, nil
	}
	sum := make([]float64, len(risk)+1)
	for i, p := range risk {
		sum[i+1] = sum[i] + logNegative(p)
	}
	for i, v := range nodes {
		out[i] = sum[v.hi] - sum[v.lo]
		if v.size() == 1 { // a difference of long sums would cost digits
			out[i] = logNegative(risk[v.lo])
		}
	}
	return out, nil
}

// walk carries the lemma through one tree.
type walk struct {
	t     Tree
	nodes []node
	logQ  []float64
	last  int // stage of the individuals
}

func (w walk) test(v node) Test {
	switch {
	case len(w.t.Tests) == 1:
		return w.t.Tests[0]
	case w.t.Informative && v.size() == 1:
		return w.t.Tests[len(w.t.Tests)-1]
	}
	return w.t.Tests[v.stage]
}

// chain is the state of the lemma at a node: quiet = P(every test down to here
// reads positive and this pool is truly negative); se = Π Se down to here.
type chain struct{ quiet, se float64 }

// positive is P(every test down to here reads positive).
func (c chain) positive(logQ float64) float64 { return c.quiet - c.se*math.Expm1(logQ) }

// next goes from a pool with logQ to one of its parts with logQ part >= logQ.
func (c chain) next(t Test, logQ, part float64) chain {
	loud := -math.Exp(part) * math.Expm1(logQ-part) // P(pool positive, part negative)
	return chain{quiet: t.alarm() * (c.quiet + c.se*loud), se: c.se * t.Se}
}

func root(t Test, logQ float64) chain {
	return chain{quiet: t.alarm() * math.Exp(logQ), se: t.Se}
}

func (w walk) down(risk []float64, rounds int) Char {
	c := Char{Rounds: rounds, Beyond: make([]float64, rounds-1)}
	pse, alarm := make([]float64, len(risk)), make([]float64, len(risk))
	state := make([]chain, len(w.nodes))
	for i, v := range w.nodes {
		tested := 1.0
		if v.parent < 0 {
			state[i] = root(w.test(v), w.logQ[i])
		} else {
			up := state[v.parent]
			tested = up.positive(w.logQ[v.parent])
			state[i] = up.next(w.test(v), w.logQ[v.parent], w.logQ[i])
			c.Beyond[v.stage-1] += tested * float64(v.size()) / float64(len(risk))
		}
		c.Tests += tested
		c.Aliquots += tested * float64(v.size())
		if v.size() == 1 && v.kids() == 0 {
			pse[v.lo] = state[i].se
			alarm[v.lo] = state[i].quiet / math.Exp(w.logQ[i])
		}
	}
	c.measure(risk, pse, alarm)
	return c
}
