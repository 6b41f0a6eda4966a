package pcr

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Row is one case of a case file: what was read, and what is expected where the file says so.
//
//	kit<TAB>readings<TAB>curves<TAB>context<TAB>call<TAB>action
//	biogerm<TAB>ORF1ab=38 N=- IC=30<TAB>N=none<TAB>attempt=2 instrument=CFX96<TAB>suspicious<TAB>resample
//
// "-" is an empty field; among the readings it is "no Ct". Curves are sigmoid where the file does not say otherwise.
// A first line that names its columns may have them in another order, with further ones between; only kit and readings
// have to be there.
type Row struct {
	Line     int
	Kit      string // id or file name
	Readings map[string]Value
	Context  Context
	Call     string // expected, "" where the file does not say
	Action   string
	Odd      []string // columns, curves and context that are not known and were left out
	Err      error    // the row could not be read
}

// maxCaseLine and maxCases bound a case file.
const (
	maxCaseLine = 64 << 10
	maxCases    = 1_000_000
)

// Cases reads a case file. Lines that are blank, comments (#) or the header are left out. A row that cannot be read says so
// itself, so that the others are answered.
func Cases(r io.Reader) ([]Row, error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxCaseLine)
	var out []Row
	where := usualColumns
	begun := false
	for n := 1; in.Scan(); n++ {
		text := strings.TrimRight(in.Text(), "\r\n")
		if n == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		f := strings.Split(text, "\t")
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if named, ok := header(f); ok && !begun {
			where, begun = named, true
			continue
		}
		begun = true
		row, err := readCase(where, f)
		if err != nil {
			row.Err = fmt.Errorf("line %d: %w", n, err)
		}
		row.Line = n
		if out = append(out, row); len(out) > maxCases {
			return nil, fmt.Errorf("line %d: more than %d cases", n, maxCases)
		}
	}
	return out, in.Err()
}

// places are those of the fields of a case, by the first word of their names.
type places map[string]int

var usualColumns = places{"kit": 0, "readings": 1, "curves": 2, "context": 3, "call": 4, "action": 5}

// header reads a first line that names a kit and a readings column.
func header(f []string) (places, bool) {
	c := places{}
	for i, name := range f {
		w := strings.Fields(strings.ToLower(name))
		if len(w) == 0 {
			continue
		}
		if _, twice := c[w[0]]; usualColumns.has(w[0]) && !twice {
			c[w[0]] = i
		}
	}
	return c, c.has("kit") && c.has("readings")
}

func (c places) has(name string) bool { _, ok := c[name]; return ok }

func (c places) field(f []string, name string) string {
	i, ok := c[name]
	if !ok || i >= len(f) || strings.TrimSpace(f[i]) == "-" {
		return ""
	}
	return strings.TrimSpace(f[i])
}

// kitName drops the ending of a file name.
func kitName(s string) string {
	for _, end := range []string{".yaml", ".yml", ".json"} {
		s = strings.TrimSuffix(s, end)
	}
	return s
}

func readCase(where places, f []string) (Row, error) {
	row := Row{Kit: kitName(where.field(f, "kit")), Readings: map[string]Value{}, Call: where.field(f, "call"), Action: where.field(f, "action")}
	if row.Kit == "" || len(f) < 2 {
		return row, fmt.Errorf("%q: expected kit, readings, curves and context between tabs", strings.Join(f, "\t"))
	}
	curves := map[string]Shape{}
	for _, p := range pairs(where.field(f, "curves")) {
		curves[p[0]] = Shape(fold(p[1]))
		if !shapes.holds(fold(p[1])) {
			row.Odd = append(row.Odd, "curve "+p[1])
		}
	}
	for _, p := range pairs(where.field(f, "readings")) {
		v := ParseCq(p[1])
		v.Call = strings.TrimSpace(p[1])
		v.Curve = Sigmoid
		if c, ok := curves[p[0]]; ok {
			v.Curve = c
		}
		if _, twice := row.Readings[p[0]]; twice {
			return row, fmt.Errorf("reading %q: expected each target once", p[0])
		}
		row.Readings[p[0]] = v
	}
	for _, p := range pairs(where.field(f, "context")) {
		known, err := row.Context.set(p[0], p[1])
		if err != nil {
			return row, err
		}
		if !known {
			row.Odd = append(row.Odd, "context "+p[0])
		}
	}
	return row, nil
}

// pairs splits "N=30 RP=Not Assessed" at the words that hold "=": blanks inside a value stay.
func pairs(s string) [][2]string {
	var out [][2]string
	for _, w := range strings.Fields(s) {
		if k, v, ok := strings.Cut(w, "="); ok && k != "" {
			out = append(out, [2]string{k, v})
		} else if len(out) > 0 {
			out[len(out)-1][1] += " " + w
		}
	}
	return out
}

func (c *Context) set(key, value string) (known bool, err error) {
	switch key {
	case "attempt":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 99 {
			return true, fmt.Errorf("attempt %q: expected 1 to 99", value)
		}
		c.Attempt = n
	case "prior_action":
		c.PriorAction = value
	case "prior_call":
		c.PriorCall = value
	case "instrument":
		c.Instrument = value
	default:
		return false, nil
	}
	return true, nil
}
