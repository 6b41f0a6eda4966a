package pooling

import "fmt"

// accuracy reads "se" or "sp"; absent means 1, the perfect test.
func (f *fields) accuracy(name string) []float64 {
	if !f.has(name) {
		return []float64{1}
	}
	return f.vector(name)
}

// vector reads a number or a list of numbers.
func (f *fields) vector(name string) []float64 {
	if f.kindOf(name) == '[' {
		var v []float64
		f.need(name, "a number or a list of numbers", &v)
		if len(v) == 0 && f.err == nil {
			f.fail(BadField, "field %q is an empty list", f.where+name)
		}
		return v
	}
	v := 0.0
	f.need(name, "a number or a list of numbers", &v)
	return []float64{v}
}

// tests reads "se" and "sp", each a number or one per stage.
func (f *fields) tests() []Test {
	se, sp := f.accuracy("se"), f.accuracy("sp")
	n := max(len(se), len(sp))
	if len(se) > 1 && len(sp) > 1 && len(se) != len(sp) {
		f.fail(BadAccuracy, "%d se and %d sp: expected as many", len(se), len(sp))
		return nil
	}
	out := make([]Test, n)
	for i := range out {
		out[i] = Test{Se: at(se, i), Sp: at(sp, i)}
	}
	return out
}

// at is x[i], or x[0] for everybody when x has one entry.
func at(x []float64, i int) float64 {
	if i < len(x) {
		return x[i]
	}
	if len(x) == 1 {
		return x[0]
	}
	return 0
}

// poolTests reads the accuracy of a pool and of the individual test.
func (f *fields) poolTests() (pool, each Test) {
	t := f.tests()
	switch len(t) {
	case 1:
		return t[0], t[0]
	case 2:
		return t[0], t[1]
	}
	f.fail(BadAccuracy, "%d accuracies: expected one, or pool and individual", len(t))
	return Perfect, Perfect
}

// oneTest reads one accuracy.
func (f *fields) oneTest() Test {
	t := f.tests()
	if len(t) != 1 {
		f.fail(BadAccuracy, "%d accuracies: expected one number", len(t))
		return Perfect
	}
	return t[0]
}

// arrayTests reads "se" and "sp" of an array: a number; row-and-column,
// individual; master, row-and-column, individual; or an object by kind.
func (f *fields) arrayTests(a *Array) {
	for k, name := range []string{"se", "sp"} {
		v := f.arrayAccuracy(name, a.Master)
		for i, t := range []*Test{&a.Row, &a.Col, &a.Each, &a.All} {
			if k == 0 {
				t.Se = v[i]
			} else {
				t.Sp = v[i]
			}
		}
	}
}

// arrayAccuracy gives row, column, individual, master.
func (f *fields) arrayAccuracy(name string, master bool) [4]float64 {
	if f.kindOf(name) == '{' {
		in := f.object(name)
		var v [4]float64
		in.need("row", "a number", &v[0])
		in.need("col", "a number", &v[1])
		in.need("individual", "a number", &v[2])
		v[3] = 1
		if master {
			in.need("master", "a number", &v[3])
		} else {
			v[3] = in.float("master", 1)
			if !(v[3] >= 0 && v[3] <= 1) { // not used, but it is no accuracy
				in.fail(BadAccuracy, "field %q: %v: expected 0..1", in.where+"master", v[3])
			}
		}
		if err := in.done(); err != nil && f.err == nil {
			f.err = err
		}
		return v
	}
	v := f.accuracy(name)
	switch {
	case len(v) == 1:
		return [4]float64{v[0], v[0], v[0], v[0]}
	case len(v) == 2 && !master:
		return [4]float64{v[0], v[0], v[1], 1}
	case len(v) == 3 && master:
		return [4]float64{v[1], v[1], v[2], v[0]}
	}
	want := "row-and-column, individual"
	if master {
		want = "master, " + want
	}
	f.fail(BadAccuracy, "field %q: %s", f.where+name, fmt.Sprintf("%d numbers: expected one, or %s, or an object", len(v), want))
	return [4]float64{}
}

// risks reads "risk" for n persons; a number stands for everybody.
func (f *fields) risks(n int) []float64 {
	v := f.vector("risk")
	if f.kindOf("risk") != '[' && n > 0 && n <= maxPersons && len(v) == 1 {
		return Same(v[0], n)
	}
	return v
}

// grid reads the "risk" of an array: a number, rows of numbers, or one list row
// by row.
func (f *fields) grid(rows, cols int) []float64 {
	raw := f.raw["risk"]
	var matrix [][]float64
	if f.kindOf("risk") != '[' || !nested(raw) {
		if rows > maxSide || cols > maxSide {
			return f.vector("risk") // refused by the array
		}
		return f.risks(rows * cols)
	}
	f.need("risk", "a number or a matrix of numbers", &matrix)
	var out []float64
	for _, row := range matrix {
		if len(row) != cols {
			f.fail(BadSize, "a row of %d risks: expected %d", len(row), cols)
		}
		out = append(out, row...)
	}
	if len(matrix) != rows {
		f.fail(BadSize, "%d rows of risks: expected %d", len(matrix), rows)
	}
	return out
}

func nested(raw []byte) bool {
	n := 0
	for _, c := range raw {
		if c == '[' {
			if n++; n > 1 {
				return true
			}
		}
	}
	return false
}
