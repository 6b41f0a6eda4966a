package instruments

import (
	"strconv"

	"natlims/instruments/astm"
)

// The checksum of a frame has 8 bits and misses one pair of flipped bits in fourteen. What the records of a message say twice shows most
// of those that are left:
//
//   - the letters of the records, and that a result stands in an order (LIS02-A2 5);
//   - the numbers of P, O and R: they count on, or begin again with 1;
//   - times begin with digits;
//   - the records of a test have as many fields as the first of it, and the same unit;
//   - no operator and no instrument is named once only, between results that all name the other;
//   - no control characters.
//
// A message in which one of them is broken is not read at all: which of its values were hit cannot be known.
type astmCheck struct {
	order   bool // an order is open
	p, o, r count
	tests   []testShape // the first ones of the message
	who     [2]lone
}

// lone finds a value that stands once between others that are the same: nobody works for one result only.
type lone struct {
	old, now string
	olds, n  int
}

func (l *lone) odd(v string) bool {
	switch {
	case v == "": // GeneXpert names them in some results only
		return false
	case v == l.now:
		l.n++
		return false
	case l.n == 1 && l.olds > 2 && v == l.old:
		return true
	}
	l.old, l.olds, l.now, l.n = l.now, l.n, v, 1
	return false
}

// count follows the numbers of one type of record.
type count struct {
	last, total int // since it began again, and in the message
}

// next says whether n may follow: the next one, the next of the whole message after a new beginning, or 1: some analysers begin again for
// each test. The first may be any.
func (c *count) next(n int) bool {
	ok := n == c.last+1 || n == 1 || c.last == 0 && (c.total == 0 || n == c.total+1)
	c.last, c.total = n, c.total+1
	return ok
}

func (c *count) again() { c.last = 0 }

type testShape struct {
	name   string
	fields int
	unit   string
}

// maxTestShapes bounds what is remembered of one message: a plate has a few tests, and they are looked through for each result.
const maxTestShapes = 32

// broke is the refusal of a message.
func broke(r *astm.Records, value string, w Want) error {
	return &Error{Code: CodeIncomplete, Line: r.Line(), Offset: -1, Value: cut(value), Want: w}
}

// record looks at one record: an *Error of CodeIncomplete where it cannot follow what came before.
func (c *astmCheck) record(r *astm.Records) error {
	var n *count
	switch r.Type() {
	case 'H':
		*c = astmCheck{tests: c.tests[:0]}
		return nil
	case 'P':
		c.order = false
		c.o.again()
		c.r.again()
		n = &c.p
	case 'O':
		c.order = true
		c.r.again()
		n = &c.o
	case 'R':
		if !c.order {
			return broke(r, r.Record(), want(wantNext, "O"))
		}
		n = &c.r
	case 'C', 'M', 'S', 'Q', 'L':
		return nil
	default:
		return broke(r, r.Record(), want(wantNext, "P", "O", "R", "C", "L"))
	}
	expected := n.last + 1
	if seq := r.Raw(2); seq != "" {
		if i, err := strconv.Atoi(seq); err != nil || !n.next(i) {
			return broke(r, seq, Want{Code: wantNumber, N: expected})
		}
	}
	return c.shape(r)
}

func (c *astmCheck) shape(r *astm.Records) error {
	if r.Odd() {
		return broke(r, r.Record(), want(wantPrintable))
	}
	switch r.Type() {
	case 'O':
		return timely(r, 7)
	case 'R':
		if err := timely(r, 12); err != nil {
			return err
		}
		if err := timely(r, 13); err != nil {
			return err
		}
		for i, field := range []int{11, 14} {
			if who := c.who[i].now; c.who[i].odd(r.Raw(field)) {
				return broke(r, who, want(wantSame, r.Raw(field)))
			}
		}
		return c.sameTest(r)
	}
	return nil
}

// timely: a time has eight digits in front; what stands behind them is not looked at.
func timely(r *astm.Records, field int) error {
	s := r.Raw(field)
	for i := range min(len(s), 8) {
		if s[i] < '0' || s[i] > '9' {
			return broke(r, s, want(wantTime))
		}
	}
	return nil
}

// sameTest compares a result with the first one of its test.
func (c *astmCheck) sameTest(r *astm.Records) error {
	name, unit := r.Raw(3), r.Raw(5)
	for i := range c.tests {
		first := &c.tests[i]
		switch {
		case first.name != name:
			continue
		case first.fields != r.Len():
			return broke(r, r.Record(), Want{Code: wantFields, N: first.fields})
		case first.unit != unit && first.unit != "" && unit != "":
			return broke(r, unit, want(wantSame, first.unit))
		}
		return nil
	}
	if len(c.tests) < maxTestShapes {
		c.tests = append(c.tests, testShape{name, r.Len(), unit})
	}
	return nil
}
