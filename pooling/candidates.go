package pooling

// candidates lists every configuration within the cap that the persons fill, one by one.
func (q Ask) candidates() []Option {
	out := []Option{q.single()}
	for n := 2; n <= min(q.Cap, q.fill); n++ {
		out = append(out, q.option(OptDorfman, Option{Stages: [][]int{{n}}}))
		for stages := 3; stages <= 4; stages++ {
			if o, ok := q.cut(n, stages); ok {
				out = append(out, o)
			}
		}
		for s := 3; s <= 5; s++ {
			if h, err := Halving(n, s); err == nil && len(h) == s-1 && largest(h[s-2]) > 1 {
				out = append(out, q.option(OptHalving, Option{Stages: h}))
			}
		}
		out = append(out, q.arrays(n, n)...)
	}
	if q.Cap >= 12 {
		out = append(out, q.arrays(8, 12)...) // a plate's own rows and columns
	}
	return out
}

func (q Ask) single() Option {
	o := Option{Scheme: OptSingle, Char: Char{Rounds: 1, Tests: 1, Aliquots: 1}}
	o.Char.measure([]float64{q.Risk}, []float64{q.Test.Se}, []float64{q.Test.alarm()})
	return o
}

func (q Ask) option(scheme string, o Option) Option {
	o.Scheme = scheme
	o.Char, _ = Tree{Stages: o.Stages, Tests: []Test{q.Test}}.Char(Same(q.Risk, o.Stages[0][0]))
	return o
}

// cut is the cheapest tree of n in so many stages; false when it is no better
// than one with fewer.
func (q Ask) cut(n, stages int) (Option, bool) {
	if n < 1<<(stages-2) || q.Cap > widest[stages] {
		return Option{}, false
	}
	tests := make([]Test, stages)
	for i := range tests {
		tests[i] = q.Test
	}
	s := newSearch(Same(q.Risk, n), tests)
	cuts := make([][]int, stages-1)
	s.stages(0, n, &cuts)
	for _, c := range cuts {
		if largest(c) <= 1 {
			return Option{}, false
		}
	}
	return q.option(map[int]string{3: OptThree, 4: OptFour}[stages], Option{Stages: cuts}), true
}

func (q Ask) arrays(rows, cols int) []Option {
	if rows*cols > q.fill {
		return nil
	}
	a := Array{Rows: rows, Cols: cols, Row: q.Test, Col: q.Test, Each: q.Test, All: q.Test}
	out := []Option{{Scheme: OptArray, Rows: rows, Cols: cols, Char: a.equal(q.Risk)}}
	if rows*cols <= q.Cap {
		a.Master = true
		out = append(out, Option{Scheme: OptMaster, Rows: rows, Cols: cols, Char: a.equal(q.Risk)})
	}
	return out
}
