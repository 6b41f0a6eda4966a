package instruments

import (
	"fmt"

	"natlims/instruments/words"
)

// Error says why content could not be read: which driver, where, what stood there and what was expected.
type Error struct {
	Driver string
	Code   string // stable: see the Codes below
	Part   string // entry of an archive or sheet of a workbook; "" the content as a whole
	Line   int    // line, row or record counted from 1; 0 unknown
	Offset int64  // byte offset; -1 unknown
	Value  string // the offending value, cut to 80 characters
	Want   Want   // what was expected
	Err    error
}

// The codes of Error. They are part of the public contract of `lims decode`.
const (
	CodeUnknown    = "format.unknown"   // no driver knows the content
	CodeAmbiguous  = "format.ambiguous" // two drivers are equally sure
	CodeNoResults  = "results.none"     // the format is known, but the file holds no results
	CodeMelt       = "results.melt"     // the file holds melting and no amplification
	CodeNotRun     = "run.not_started"  // a plate set-up that was never run
	CodeDamaged    = "content.damaged"  // truncated, cut or contradicting itself
	CodeTooLarge   = "content.too_large"
	CodeIncomplete = "content.incomplete" // parts are missing, out of order or changed on the way
	CodeEncrypted  = "content.encrypted"
	CodeEncoding   = "content.encoding" // bytes that are not text of any known encoding
	CodeValue      = "value.unreadable" // a value that must be readable is not
	CodeMapping    = "mapping.wrong"    // the table description of a laboratory is wrong
)

// Args are the arguments of the code, to be kept with it; see Refused.
func (e *Error) Args() map[string]any {
	return map[string]any{"driver": e.Driver, "part": e.Part, "line": e.Line, "offset": e.Offset, "value": e.Value, "want": e.Want}
}

// Refused makes the Error of a code and its Args again, also where they were JSON meanwhile; false where the code is none of Error's.
func Refused(code string, args map[string]any) (*Error, bool) {
	if !words.Has("error." + code) {
		return nil, false
	}
	number := func(key string) int64 {
		switch n := args[key].(type) {
		case int:
			return int64(n)
		case int64:
			return n
		case float64:
			return int64(n)
		}
		return 0
	}
	text := func(v any) string { s, _ := v.(string); return s }
	e := &Error{Driver: text(args["driver"]), Code: code, Part: text(args["part"]), Line: int(number("line")), Offset: number("offset"), Value: text(args["value"])}
	switch w := args["want"].(type) {
	case Want:
		e.Want = w
	case string: // of a message that was read before expectations had codes
		if w != "" {
			e.Want = want(wantPlain, w)
		}
	case map[string]any:
		n, _ := w["n"].(float64)
		e.Want = Want{Code: text(w["code"]), N: int(n)}
		all, _ := w["words"].([]any)
		for _, one := range all {
			e.Want.Words = append(e.Want.Words, text(one))
		}
	}
	return e, true
}

// Text says in Chinese ("zh") or English what is wrong, where, what stood there and what was expected.
func (e *Error) Text(lang string) string {
	say := func(key string, args map[string]any) string { return words.Say(lang, key, args) }
	s := say("error."+e.Code, nil)
	if e.Part != "" {
		s += say("error.place.part", map[string]any{"part": e.Part})
	}
	if e.Line > 0 {
		s += say("error.place.line", map[string]any{"n": e.Line})
	} else if e.Offset > 0 {
		s += say("error.place.byte", map[string]any{"n": int(e.Offset)})
	}
	if e.Value != "" {
		s += say("error.place.value", map[string]any{"value": e.Value})
	}
	if e.Want.Code != "" {
		s += say("error.place.want", map[string]any{"want": e.Want.Text(lang), "code": e.Want.Code})
	}
	return s
}

// Error writes driver, place, value and expectation.
func (e *Error) Error() string {
	s := e.Code
	if e.Driver != "" {
		s = e.Driver + ": " + s
	}
	if e.Part != "" {
		s += fmt.Sprintf(" in %q", e.Part)
	}
	if e.Line > 0 {
		s += fmt.Sprintf(" at line %d", e.Line)
	} else if e.Offset > 0 {
		s += fmt.Sprintf(" at byte %d", e.Offset)
	}
	if e.Value != "" {
		s += fmt.Sprintf(": %q", e.Value)
	}
	if e.Want.Code != "" {
		s += ": expected " + e.Want.Text("en")
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
