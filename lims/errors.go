package lims

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Kind sorts errors by what a caller can do about them.
type Kind string

// The kinds. errors.Is(err, lims.Conflict) works through wrapping.
const (
	Invalid  Kind = "invalid"   // the input is wrong: mend it
	NotFound Kind = "not_found" // no such thing, or not for you
	Conflict Kind = "conflict"  // the thing has moved on: look again
	Denied   Kind = "denied"    // you may not
	Busy     Kind = "busy"      // try again later
	Broken   Kind = "broken"    // our fault
)

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return string(k) }

// Args are the values of an error's text, named as in the locale files: barcodes, limits, states.
type Args map[string]any

// Error is every refusal of the domain. Code is stable and becomes text at the edge (zh/en);
// nobody outside sees Error().
type Error struct {
	Kind Kind
	Code string
	Args Args
	Err  error
}

// E makes an Error.
func E(kind Kind, code string, args Args) *Error { return &Error{Kind: kind, Code: code, Args: args} }

// Wrap makes an Error with a cause.
func Wrap(kind Kind, code string, err error) *Error { return &Error{Kind: kind, Code: code, Err: err} }

// Error is for logs: the code and its arguments in a fixed order.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Code)
	keys := make([]string, 0, len(e.Args))
	for k := range e.Args {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		fmt.Fprintf(&b, " %s=%v", k, e.Args[k])
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches a Kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// KindOf is the kind of an error; Broken where it is none of ours.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Broken
}

// KindText is the kind and code of an error, for places that must not show more of it.
func KindText(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return string(e.Kind) + " " + e.Code
	}
	return string(Broken)
}
