package pooling

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
)

// fields is one JSON object, read strictly: every field is taken once by exact
// name, and done refuses what nobody took.
type fields struct {
	names []string
	raw   map[string]json.RawMessage
	where string // path of a nested object, with a dot
	taken map[string]bool
	err   error // the first refusal
}

func parse(line []byte) (*fields, error) {
	f := &fields{}
	if err := f.read(line); err != nil {
		return f, err
	}
	f.taken = map[string]bool{"id": true}
	return f, nil
}

func (f *fields) read(text []byte) error {
	f.raw, f.taken = map[string]json.RawMessage{}, map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return refuse(BadJSON, "expected one JSON object, got %s", quote(text))
	}
	repeated := ""
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return refuse(BadJSON, "not JSON at byte %d", dec.InputOffset())
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return refuse(BadJSON, "field %q: not JSON at byte %d", name, dec.InputOffset())
		}
		if _, twice := f.raw[name]; twice {
			repeated = name
		}
		f.raw[name] = raw
		f.names = append(f.names, name)
	}
	if _, err := dec.Token(); err != nil {
		return refuse(BadJSON, "the object does not end")
	}
	if _, err := dec.Token(); err != io.EOF {
		return refuse(BadJSON, "something follows the object at byte %d", dec.InputOffset())
	}
	if repeated != "" {
		return refuse(BadField, "field %q is given twice", f.where+repeated)
	}
	return nil
}

func quote(text []byte) string {
	text = bytes.TrimSpace(text)
	if len(text) > 40 {
		return fmt.Sprintf("%q…", text[:40])
	}
	return fmt.Sprintf("%q", text)
}

func (f *fields) id() []byte {
	if f == nil || f.raw["id"] == nil {
		return []byte("null")
	}
	var b bytes.Buffer
	if json.Compact(&b, f.raw["id"]) != nil {
		return []byte("null")
	}
	return b.Bytes()
}

func (f *fields) has(name string) bool { _, ok := f.raw[name]; return ok }

func (f *fields) fail(code, format string, args ...any) {
	if f.err == nil {
		f.err = refuse(code, format, args...)
	}
}

// take reads a field into to; false when it is absent or refused.
func (f *fields) take(name, want string, to any) bool {
	raw, ok := f.raw[name]
	if !ok {
		return false
	}
	f.taken[name] = true
	if bytes.Contains(raw, []byte("null")) || json.Unmarshal(raw, to) != nil {
		f.fail(BadField, "field %q: %s: expected %s", f.where+name, quote(raw), want)
		return false
	}
	return true
}

// need is take for a field that has to be there.
func (f *fields) need(name, want string, to any) {
	if !f.has(name) {
		f.fail(BadField, "field %q is missing: expected %s", f.where+name, want)
		return
	}
	f.take(name, want, to)
}

func (f *fields) text(name, missing string) string {
	f.take(name, "a text", &missing)
	return missing
}

func (f *fields) flag(name string) bool {
	v := false
	f.take(name, "true or false", &v)
	return v
}

func (f *fields) float(name string, missing float64) float64 {
	f.take(name, "a number", &missing)
	return missing
}

func (f *fields) int(name string, missing int) int {
	if v := 0.0; f.take(name, "a whole number", &v) {
		return f.whole(name, v)
	}
	return missing
}

// size is a number that has to be there and be at least 1.
func (f *fields) size(name string) int {
	v := 0.0
	f.need(name, "a whole number", &v)
	return f.whole(name, v)
}

func (f *fields) whole(name string, v float64) int {
	if v != math.Trunc(v) || math.Abs(v) > 1e9 {
		f.fail(BadField, "field %q: %v: expected a whole number", f.where+name, v)
		return 0
	}
	return int(v)
}

func (f *fields) ints(name string) []int {
	var v []float64
	f.need(name, "a list of whole numbers", &v)
	return f.wholes(name, v)
}

func (f *fields) lists(name string) [][]int {
	var v [][]float64
	f.need(name, "a list of lists of whole numbers", &v)
	out := make([][]int, len(v))
	for i := range v {
		out[i] = f.wholes(name, v[i])
	}
	return out
}

// members reads pools of persons, numbered from 1 there and from 0 here.
func (f *fields) members(name string) [][]int {
	pools := f.lists(name)
	for _, m := range pools {
		for i := range m {
			m[i]--
		}
	}
	return pools
}

func (f *fields) wholes(name string, v []float64) []int {
	out := make([]int, len(v))
	for i := range v {
		out[i] = f.whole(name, v[i])
	}
	return out
}

// kindOf is the first byte of a field: '[', '{', '"' or something of a number.
func (f *fields) kindOf(name string) byte {
	raw := bytes.TrimSpace(f.raw[name])
	if len(raw) == 0 {
		return 0
	}
	return raw[0]
}

// object opens a nested object.
func (f *fields) object(name string) *fields {
	in := &fields{where: f.where + name + "."}
	f.taken[name] = true
	if f.kindOf(name) != '{' {
		f.fail(BadField, "field %q: %s: expected an object", f.where+name, quote(f.raw[name]))
		in.raw, in.taken = map[string]json.RawMessage{}, map[string]bool{}
		return in
	}
	if err := in.read(f.raw[name]); err != nil && f.err == nil {
		f.err = err
	}
	return in
}

// objects opens a list of nested objects.
func (f *fields) objects(name string) []*fields {
	var raws []json.RawMessage
	f.need(name, "a list of objects", &raws)
	var out []*fields
	for i, raw := range raws {
		in := &fields{where: fmt.Sprintf("%s%s[%d].", f.where, name, i)}
		if err := in.read(raw); err != nil {
			f.fail(BadField, "field %q: %s: expected a list of objects", f.where+name, quote(raw))
		}
		out = append(out, in)
	}
	return out
}

// done is the first refusal, or the fields nobody took.
func (f *fields) done(inner ...*fields) error {
	for _, in := range append(inner, f) {
		if in.err != nil {
			return in.err
		}
	}
	for _, in := range append(inner, f) {
		var extra []string
		for _, name := range in.names {
			if !in.taken[name] {
				extra = append(extra, fmt.Sprintf("%q", in.where+name))
			}
		}
		if len(extra) > 0 {
			return refuse(BadField, "unknown field %s for this request", strings.Join(extra, ", "))
		}
	}
	return nil
}
