package pooling

// grow turns the stages into nodes, parents before parts, stage by stage.
func (t Tree) grow() ([]node, error) {
	if len(t.Stages) == 0 || len(t.Stages) > maxStages {
		return nil, refuse(BadSize, "%d stages: expected 1..%d before the individuals", len(t.Stages), maxStages)
	}
	nodes, n, err := roots(t.Stages[0])
	if err != nil {
		return nil, err
	}
	from := 0
	for s := 1; s <= len(t.Stages); s++ {
		to := len(nodes)
		if s == len(t.Stages) {
			nodes = singles(nodes, from, to)
		} else if nodes, err = (cutter{stage: s, from: from, persons: n}).split(nodes, t.Stages[s]); err != nil {
			return nil, err
		}
		from = to
		if from == len(nodes) {
			if s < len(t.Stages)-1 && sum(t.Stages[s+1]) != n {
				return nil, refuse(BadSize, "stage %d: nothing is left to split", s+2)
			}
			break
		}
	}
	return nodes, nil
}

func roots(sizes []int) ([]node, int, error) {
	var nodes []node
	at := 0
	for _, size := range sizes {
		if size < 1 {
			return nil, 0, refuse(BadSize, "stage 1: pool of %d: expected at least 1", size)
		}
		if size > maxPersons-at {
			return nil, 0, refuse(TooLarge, "stage 1: more than %d persons", maxPersons)
		}
		nodes = append(nodes, node{lo: at, hi: at + size, parent: -1})
		at += size
	}
	if at == 0 {
		return nil, 0, refuse(EmptyPool, "stage 1: no pool")
	}
	return nodes, at, nil
}

// cutter cuts the pools from index from on for a stage; persons are everybody.
type cutter struct{ stage, from, persons int }

// split reads the sizes of a stage into the pools of the stage before that have
// more than one member. A list that adds up to everybody repeats the pools of
// one that are already final; those entries are passed over.
func (c cutter) split(nodes []node, sizes []int) ([]node, error) {
	from, s := c.from, c.stage
	to, live := len(nodes), 0
	for _, v := range nodes[from:to] {
		if v.size() > 1 {
			live += v.size()
		}
	}
	total := sum(sizes)
	if total != live && total != c.persons {
		return nil, refuse(BadSize, "stage %d: pools of %d persons in all: expected %d, the members of the pools to split", s+1, total, live)
	}
	if total != live {
		var err error
		if sizes, err = withoutFinal(nodes[:to], from, s, sizes); err != nil {
			return nil, err
		}
	}
	for i := from; i < to; i++ {
		v := nodes[i]
		if v.size() == 1 {
			continue
		}
		nodes[i].first = len(nodes)
		for at := v.lo; at < v.hi; sizes = sizes[1:] {
			if len(sizes) == 0 || sizes[0] < 1 || at+sizes[0] > v.hi {
				return nil, refuse(BadSize, "stage %d: the parts of a pool of %d do not add up to it", s+1, v.size())
			}
			nodes = append(nodes, node{lo: at, hi: at + sizes[0], stage: s, parent: i})
			at += sizes[0]
		}
		nodes[i].last = len(nodes)
	}
	return nodes, nil
}

// withoutFinal drops the repeated pools of one: every final person takes one
// entry of size 1 at its place in the order of persons.
func withoutFinal(nodes []node, from, s int, sizes []int) ([]int, error) {
	live := map[int]int{} // first person -> size of a pool to split
	for _, v := range nodes[from:] {
		if v.size() > 1 {
			live[v.lo] = v.size()
		}
	}
	var out []int
	at := 0
	for len(sizes) > 0 {
		left, ok := live[at]
		if !ok {
			if sizes[0] != 1 {
				return nil, refuse(BadSize, "stage %d: pool of %d from person %d, who is already final", s+1, sizes[0], at+1)
			}
			left = 1
		}
		for end := at + left; at < end; sizes = sizes[1:] {
			if len(sizes) == 0 || sizes[0] < 1 || at+sizes[0] > end {
				return nil, refuse(BadSize, "stage %d: the parts of a pool of %d do not add up to it", s+1, left)
			}
			if ok {
				out = append(out, sizes[0])
			}
			at += sizes[0]
		}
	}
	return out, nil
}

// singles tests every member of the pools of the stage before one by one.
func singles(nodes []node, from, to int) []node {
	for i := from; i < to; i++ {
		v := nodes[i]
		if v.size() == 1 {
			continue
		}
		nodes[i].first = len(nodes)
		for at := v.lo; at < v.hi; at++ {
			nodes = append(nodes, node{lo: at, hi: at + 1, stage: v.stage + 1, parent: i})
		}
		nodes[i].last = len(nodes)
	}
	return nodes
}

// sum is the total of a list of sizes; any size out of range makes it -1.
func sum(sizes []int) int {
	t := 0
	for _, s := range sizes {
		if s < 1 || s > maxPersons {
			return -1
		}
		t += s
	}
	return t
}
