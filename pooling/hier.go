package pooling

// Halving is the tree of n persons split in two, smaller half first, for the
// given number of stages; the last stage is individuals.
func Halving(n, stages int) ([][]int, error) {
	if n < 1 || n > maxPersons {
		return nil, refuse(BadSize, "halving of %d persons: expected 1..%d", n, maxPersons)
	}
	if stages < 2 || stages > maxStages {
		return nil, refuse(BadSize, "halving in %d stages: expected 2..%d", stages, maxStages)
	}
	out := [][]int{{n}}
	for range stages - 2 {
		var next []int
		for _, size := range out[len(out)-1] {
			if size > 1 {
				next = append(next, size/2, (size+1)/2)
			}
		}
		if len(next) == 0 {
			break
		}
		out = append(out, next)
	}
	return out, nil
}
