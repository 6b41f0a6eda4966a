package pooling

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
)

// The JSON contract of `lims pooling eval`: one request a line, one answer a
// line, the same id. A request names exactly one kind; se and sp default to 1,
// risk is a number for everybody or a list:
//
//	scheme      tree {stages, risk, se, sp, rho}: sizes per stage, individuals implied
//	            array {rows, cols, master, strict, risk, se, sp, rho}: risk also as rows of numbers
//	            partition {pools, risk, se, sp}: sizes in ascending order of risk
//	            halving {n, stages, risk, se, sp, rho}
//	            regular {r, s, e, n, risk, se, sp}   hypercube {l, d, e, risk, se, sp}
//	            design {pools, n, e, risk, se, sp}   two-disease {n, joint, se, sp}
//	optimise    tree {stages, min, max, risk, se, sp, objective, d1, d2}: number of stages
//	            array, array-master {min, max, oblong, persons, strict, …}: array takes master too
//	            partition {min, max, …}   regular {r, e, min, max, …}: pool size
//	            halving {stages, min, max, …}: persons   hypercube {d, e, min, max, …}: side
//	            best {persons, wells, rounds, max, pse, late, prices, cut, sigma, cq, …}
//	decode      {pools, positive, n, e, risk, se, sp}
//	prevalence  {pools: [{size, tested, positive}], estimator, interval, level, se, sp}
//	dilution    {n | factor, cut, cq, sigma, efficiency, target, max}: Cq above 0, at most 100
//
// se and sp are one number or one per stage, individuals last; for partition,
// regular, hypercube and design pool, individual; for an array row-and-column,
// individual, with the master pool first, or {row, col, individual, master}.
//
// Field names are compared exactly; an unknown, repeated, null or ill-typed
// field is refused. A refusal is {"id":…,"error":{"code":…,"message":…}} and has
// no other field. Persons, pools and members count from 1. A measure without a
// value is null. Numbers have as many digits as it takes to read them back
// exactly.
const maxLine = 16 << 20

var kinds = map[string]func(*fields) (any, error){
	"scheme":     evalScheme,
	"optimise":   evalOptimise,
	"decode":     evalDecode,
	"prevalence": evalPrevalence,
	"dilution":   evalDilution,
}

// Eval answers one request; the answer has no line end.
func Eval(line []byte) []byte {
	f, err := parse(line)
	if err != nil {
		return failed(f, err)
	}
	kind := ""
	for _, name := range f.names {
		if kinds[name] == nil {
			continue
		}
		if kind != "" {
			return failed(f, refuse(BadField, "both %q and %q: expected one kind of request", kind, name))
		}
		kind = name
	}
	if kind == "" {
		return failed(f, refuse(BadField, "expected one of scheme, optimise, decode, prevalence, dilution"))
	}
	answer, err := kinds[kind](f)
	if err != nil {
		return failed(f, err)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return failed(f, refuse(BadField, "answer: %v", err))
	}
	out := append([]byte(`{"id":`), f.id()...)
	if len(body) > 2 {
		out = append(out, ',')
	}
	return append(out, body[1:]...)
}

func failed(f *fields, err error) []byte {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: BadField, Text: err.Error()}
	}
	type failure struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // ">=" is to be read by people
	if enc.Encode(failure{e.Code, e.Text}) != nil {
		body.WriteString(`{"code":"bad_field","message":""}`)
	}
	out := append([]byte(`{"id":`), f.id()...)
	return append(append(append(out, `,"error":`...), bytes.TrimSpace(body.Bytes())...), '}')
}

// EvalStream answers line by line until r ends. Blank lines are passed over; a
// line over 16 MB is refused and skipped. It stops at the first error of r or w.
func EvalStream(r io.Reader, w io.Writer) error {
	in, out := bufio.NewReaderSize(r, 1<<16), bufio.NewWriterSize(w, 1<<16)
	if head, _ := in.Peek(len(bom)); string(head) == bom {
		in.Discard(len(bom))
	}
	for {
		line, long, err := readLine(in)
		if err != nil && err != io.EOF {
			return errors.Join(err, out.Flush())
		}
		switch {
		case long:
			out.Write(failed(nil, refuse(TooLarge, "line over %d bytes", maxLine)))
			out.WriteByte('\n')
		case len(bytes.TrimSpace(line)) > 0:
			out.Write(Eval(line))
			out.WriteByte('\n')
		}
		if err == io.EOF {
			return out.Flush()
		}
		if !anotherLine(in) { // a partner who keeps the pipe open waits for its answer
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// bom is the byte order mark that some editors put before a text.
const bom = "\ufeff"

// anotherLine says whether a whole line has come in already.
func anotherLine(in *bufio.Reader) bool {
	ahead, _ := in.Peek(in.Buffered())
	return bytes.IndexByte(ahead, '\n') >= 0
}

func readLine(in *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if !long && len(line)+len(part) > maxLine {
			line, long = nil, true
		}
		if !long {
			line = append(line, part...)
		}
		if err != bufio.ErrBufferFull {
			return line, long, err
		}
	}
}

// num is a number of an answer; NaN and infinities are null.
type num float64

func (n num) MarshalJSON() ([]byte, error) { return n.appendTo(nil), nil }

// appendTo writes the shortest text that reads back as the same number, with an
// exponent outside 1e-6..1e21.
func (n num) appendTo(b []byte) []byte {
	v := float64(n)
	a := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return append(b, "null"...)
	case a != 0 && (a < 1e-6 || a >= 1e21):
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// figures are written at once: an answer can hold a number for each of many persons.
type figures []num

func (l figures) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 20*len(l)+2), '[')
	for i, v := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.appendTo(b)
	}
	return append(b, ']'), nil
}

func nums(x []float64) figures {
	out := make(figures, len(x))
	for i, v := range x {
		out[i] = num(v)
	}
	return out
}

// from1 numbers from 1 and never gives null.
func from1(x []int) []int {
	out := make([]int, len(x))
	for i, v := range x {
		out[i] = v + 1
	}
	return out
}
