package unpack

import (
	"errors"
	"strconv"

	"natlims/instruments/words"
)

// The kinds of refusal; every error of this package wraps one of them.
var (
	ErrDamaged   = errors.New("damaged")
	ErrTooLarge  = errors.New("too large")
	ErrEncrypted = errors.New("encrypted")
	ErrEncoding  = errors.New("not text of a known encoding")
	ErrNotFound  = errors.New("no such entry") // of what may be missing; it is no Error
)

// Error says why content was refused: where, what stood there and what was expected.
type Error struct {
	Kind   error  // ErrDamaged, ErrTooLarge, ErrEncrypted or ErrEncoding
	Code   string // of what was expected, stable: W2.. of this package, W3.. of package sheet; its texts are in package words
	N      int    // the number in that text
	Part   string // the entry or the sheet; "" the file as a whole
	Line   int    // the row of the sheet counted from 1; 0 unknown
	Offset int    // the byte; 0 unknown
	Value  string // what stood there
	Err    error  // the cause, nil where there is none
}

// The codes of what this package expected. Their numbers are stable.
const (
	wantEnd         = "W201" // an archive to its end
	wantEntries     = "W202" // at most N entries
	wantTotal       = "W203" // entries that unpack to N bytes together
	wantOwnBytes    = "W204" // entries that do not share packed bytes
	wantZip64       = "W205" // the Zip64 end record where its locator says
	wantDirectory   = "W206" // a directory inside the archive
	wantEntry       = "W207" // a whole entry of the directory
	wantShortName   = "W208" // a name of at most N bytes
	wantInside      = "W209" // a name that does not leave the archive
	wantEntrySize   = "W210" // an entry that unpacks to at most N bytes
	wantRatio       = "W211" // an entry packed at most N to one
	wantPlace       = "W212" // an entry inside the archive
	wantOpen        = "W213" // an entry without a password
	wantLocal       = "W214" // the header of the entry at that byte
	wantWhole       = "W215" // N bytes of the entry
	wantSum         = "W216" // the sum that the directory states
	wantMethod      = "W217" // stored or deflated
	wantDeflate     = "W218" // deflated data
	wantNoMore      = "W219" // no more than the N bytes stated
	wantNoText      = "W220" // no text outside of the root element
	wantRootEnd     = "W221" // the end of the root element
	wantMark        = "W222" // the mark that ends a comment, an instruction or a CDATA section
	wantNoType      = "W223" // no document type
	wantTag         = "W224" // a whole tag
	wantOneRoot     = "W225" // one root element
	wantName        = "W226" // a name of 1 to N bytes
	wantDepth       = "W227" // at most N nested elements
	wantMatch       = "W228" // the end tag of the open element
	wantAttr        = "W229" // an attribute with its value in quotes
	wantEntity      = "W230" // an entity of XML
	wantXMLEncoding = "W231" // UTF-8 or a declared encoding
	wantDeclared    = "W232" // text in the encoding that was declared
)

// Error writes kind, place, value, expectation and cause.
func (e *Error) Error() string {
	s := e.Kind.Error()
	if e.Part != "" {
		s += " in " + strconv.Quote(e.Part)
	}
	if e.Line > 0 {
		s += " at row " + strconv.Itoa(e.Line)
	} else if e.Offset > 0 {
		s += " at byte " + strconv.Itoa(e.Offset)
	}
	if e.Value != "" {
		s += ": " + strconv.Quote(e.Value[:min(len(e.Value), 80)])
	}
	s += ": expected " + words.Say("en", "want."+e.Code, map[string]any{"n": e.N})
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// In adds to an Error the part and the row that its finder did not know.
func In(part string, line int, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	placed := *e
	if placed.Part == "" {
		placed.Part = part
	}
	if placed.Line == 0 {
		placed.Line = line
	}
	return &placed
}
