package pooling

import "math"

// Var(T) of an array. With r rows and c columns that read positive the retests are
//
//	N = r·c + Cols·r·[c=0] + Rows·c·[r=0]        (strict: r·c)
//
// and no two terms are above zero at once, so E(N²) is the sum of the squares'
// expectations. Columns share nobody: once some rows are known to be negative
// the columns read independently of each other, and with d = Se+Sp-1, Q the
// chance that a row is all negative and H a function of the columns' readings
//
//	E[R_j H]     = alarm E[H] + d (E[H] - Q_j E[H | j])
//	E[R_j R_i H] = alarm² E[H] + alarm d (…) + d² (E[H] - Q_j E[H|j] - Q_i E[H|i] + Q_j Q_i E[H|j,i])
//
// which is O(Rows²·Cols + Rows·Cols²) for any risks, O(Rows + Cols) for equal ones.

// side is an array seen from its rows; turned around it is seen from its columns.
type side struct {
	own, other Test
	less       [][]float64 // 1/P(negative), rows of columns: takes a person out of a product
	line       []float64   // P(all negative) by row
	cross      []float64   // P(all negative) by column
	equal      bool
}

func (a Array) sides(risk []float64) (rows, cols side) {
	rows = side{own: a.Row, other: a.Col, line: ones(a.Rows), cross: ones(a.Cols), equal: true}
	cols = side{own: a.Col, other: a.Row}
	for range a.Cols {
		cols.less = append(cols.less, make([]float64, a.Rows))
	}
	for j := range a.Rows {
		rows.less = append(rows.less, make([]float64, a.Cols))
		for k, p := range risk[j*a.Cols : (j+1)*a.Cols] {
			rows.less[j][k] = 1 / (1 - p)
			cols.less[k][j] = rows.less[j][k]
			rows.line[j] *= 1 - p
			rows.cross[k] *= 1 - p
			rows.equal = rows.equal && p == risk[0]
		}
	}
	cols.line, cols.cross, cols.equal = rows.cross, rows.line, rows.equal
	return rows, cols
}

// seen are expectations over the readings of the other lines: their number that
// reads positive, its square, and P(none does).
type seen [3]float64

const (
	number = iota
	square
	none
)

func (s seen) plus(k float64, t seen) seen {
	for i := range s {
		s[i] += k * t[i]
	}
	return s
}

// given are the expectations when these own lines are all negative.
func (s side) given(negative ...int) seen {
	mean, spread, quiet := 0.0, 0.0, 1.0
	for k, zero := range s.cross {
		for _, j := range negative {
			zero *= s.less[j][k]
		}
		loud := 1 - min(zero, 1) // P(somebody is positive)
		p := s.other.Se*loud + s.other.alarm()*(1-loud)
		mean += p
		spread += p * (1 - p)
		quiet *= (1-s.other.Se)*loud + s.other.Sp*(1-loud)
	}
	return seen{mean, mean*mean + spread, quiet}
}

// moments are E[n·H] and E[n²·H], n the number of own lines that read positive.
func (s side) moments() (first, second seen) {
	lines := len(s.line)
	alarm, d := s.own.alarm(), -s.own.delta()
	free := s.given()
	calm := make([]seen, lines) // Q_j E[H | j]
	for j := range calm {
		if s.equal && j > 0 {
			calm[j] = calm[0]
			continue
		}
		calm[j] = seen{}.plus(s.line[j], s.given(j))
	}
	for _, c := range calm {
		first = first.plus(alarm, free).plus(d, free.plus(-1, c))
	}
	second = first
	pair := func(j, i int, times float64) {
		loud := free.plus(-1, calm[j]).plus(1, free).plus(-1, calm[i])
		both := free.plus(-1, calm[j]).plus(-1, calm[i]).plus(s.line[j]*s.line[i], s.given(j, i))
		second = second.plus(times*alarm*alarm, free).plus(times*alarm*d, loud).plus(times*d*d, both)
	}
	if s.equal && lines > 1 {
		pair(0, 1, float64(lines*(lines-1)))
		return first, second
	}
	for j := range lines {
		for i := range j {
			pair(j, i, 2)
		}
	}
	return first, second
}

// variance is Var(T) for independent persons.
func (a Array) variance(risk []float64) float64 {
	rows, cols := a.sides(risk)
	r1, r2 := rows.moments()
	c1, c2 := cols.moments()
	mean, sq := r1[number], r2[square]
	if !a.Strict {
		k, j := float64(a.Cols), float64(a.Rows)
		mean += k*r1[none] + j*c1[none]
		sq += k*k*r2[none] + j*j*c2[none]
	}
	if !a.Master {
		return math.Max(0, sq-mean*mean)
	}
	quietMean, quietSq := a.quiet()
	l := float64(a.Rows + a.Cols)
	all := a.All.delta() * math.Exp(a.logAll(risk))
	first := a.All.Se*(l+mean) + all*(l+quietMean)
	second := a.All.Se*(l*l+2*l*mean+sq) + all*(l*l+2*l*quietMean+quietSq)
	return math.Max(0, second-first*first)
}

// quiet is E[N] and E[N²] when everybody is negative.
func (a Array) quiet() (mean, square float64) {
	j, k, x, y := float64(a.Rows), float64(a.Cols), a.Row.alarm(), a.Col.alarm()
	r2, c2 := j*x*(1-x)+j*j*x*x, k*y*(1-y)+k*k*y*y
	mean, square = j*x*k*y, r2*c2
	if !a.Strict {
		noRow, noCol := math.Pow(1-x, j), math.Pow(1-y, k)
		mean += k*j*x*noCol + j*k*y*noRow
		square += k*k*r2*noCol + j*j*c2*noRow
	}
	return mean, square
}
