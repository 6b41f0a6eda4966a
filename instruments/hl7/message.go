package hl7

import (
	"errors"
	"fmt"
	"strings"

	"natlims/instruments/fields"
)

// MaxSegments is how many segments of a message are taken.
const MaxSegments = 200_000

// Delims are the delimiters that MSH-1 and MSH-2 name.
type Delims struct {
	Field, Component, Repeat, Escape, Sub byte
}

// Standard are the delimiters that HL7 recommends.
var Standard = Delims{'|', '^', '~', '\\', '&'}

// Errors of Parse.
var (
	ErrNoHeader = errors.New("hl7: no MSH segment")
	ErrTooMany  = fmt.Errorf("hl7: more than %d segments", MaxSegments)
)

// Parsed is a message cut into segments. The first segment is MSH.
type Parsed struct {
	D        Delims
	Segments []string
}

// Parse cuts a message into segments, which end with CR, LF or both. What stands before MSH is dropped.
func Parse(text string) (Parsed, error) {
	m := Parsed{D: Standard}
	at := header(text)
	if at < 0 {
		return m, ErrNoHeader
	}
	text = text[at:]
	m.D = delims(text)
	sep := byte(CR)
	if strings.IndexByte(text, CR) < 0 {
		sep = LF
	}
	n := strings.Count(text, string(rune(sep))) + 1
	if n > MaxSegments {
		return m, ErrTooMany
	}
	m.Segments = make([]string, 0, n)
	for text != "" {
		seg := text
		if i := strings.IndexByte(text, sep); i >= 0 {
			seg, text = text[:i], text[i+1:]
		} else {
			text = ""
		}
		if seg = bare(seg); seg == "" {
			continue
		}
		if strings.IndexByte(seg, LF) >= 0 { // both kinds of ends in one text
			for _, s := range strings.Split(seg, "\n") {
				if s = bare(s); s != "" && len(m.Segments) < MaxSegments {
					m.Segments = append(m.Segments, s)
				}
			}
			continue
		}
		m.Segments = append(m.Segments, seg)
	}
	return m, nil
}

// bare takes off what stands around a segment; blanks at its end belong to its last field.
func bare(seg string) string {
	return strings.TrimRight(strings.TrimLeft(seg, "\n\x00\x0b\x1c \t"), "\n\x00\x0b\x1c")
}

// header is where MSH begins: first in its line, with a delimiter behind it.
func header(text string) int {
	for at := 0; ; {
		i := strings.Index(text[at:], "MSH")
		if i < 0 {
			return -1
		}
		at += i
		if at+8 <= len(text) && !isWord(text[at+3]) && lineStart(text[:at]) {
			return at
		}
		at += 3
	}
}

// lineStart says that nothing but blanks stands between the end of s and the start of its line. A value that quotes MSH
// must not begin a message.
func lineStart(s string) bool {
	s = strings.TrimRight(s, " \t")
	return s == "" || s[len(s)-1] < ' ' || strings.HasSuffix(s, "\ufeff")
}

func isWord(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b < ' ' || b >= 0x7F
}

// delims reads MSH-1 and MSH-2; what is missing is standard.
func delims(msh string) Delims {
	d := Standard
	d.Field = msh[3]
	out := [...]*byte{&d.Component, &d.Repeat, &d.Escape, &d.Sub}
	for i := 0; i < len(out) && 4+i < len(msh); i++ {
		c := msh[4+i]
		if c == d.Field || isWord(c) || c == ' ' {
			break
		}
		*out[i] = c
	}
	return d
}

// Split cuts a text of several messages; each begins with MSH at the start of a line. What stands before the first is
// dropped; batch segments (FHS, BHS, BTS, FTS) stay with their neighbours and are skipped by readers.
func Split(text string) []string {
	var all []string
	at := header(text)
	for at >= 0 {
		rest := text[at+3:]
		n := header(rest)
		if n < 0 {
			return append(all, text[at:])
		}
		all = append(all, text[at:at+3+n])
		at += 3 + n
	}
	return all
}

// ID is the name of a segment.
func ID(seg string) string {
	if len(seg) < 3 {
		return seg
	}
	return seg[:3]
}

// At is field n of a segment as it stands, counted as the standard does (MSH-1 is the field separator).
func (d Delims) At(seg string, n int) string {
	if strings.HasPrefix(seg, "MSH") {
		if n == 1 {
			return string(d.Field)
		}
		n--
	}
	return fields.Nth(seg, d.Field, n+1)
}

// Part is component c of a field as it stands, counted from 1.
func (d Delims) Part(field string, c int) string { return fields.Nth(field, d.Component, c) }

// First is the first subcomponent of the first component of the first repeat, with its escapes resolved.
func (d Delims) First(field string) string {
	return d.Unescape(fields.Nth(fields.Nth(fields.Nth(field, d.Repeat, 1), d.Component, 1), d.Sub, 1))
}

// Join is the non-empty components of a field with "^" between them, escapes and subcomponents as they stand.
func (d Delims) Join(field string) string {
	sep := string(rune(d.Component))
	field = strings.Trim(field, sep)
	if d.Component == '^' && !strings.Contains(field, "^^") {
		return field
	}
	parts := strings.Split(field, sep)
	kept := parts[:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "^")
}

// Field is field n of the first segment of that name as it stands; "" if there is none.
func (m Parsed) Field(name string, n int) string {
	for _, s := range m.Segments {
		if strings.HasPrefix(s, name) {
			return m.D.At(s, n)
		}
	}
	return ""
}

// Text is component 1 of a field with its escapes resolved.
func (m Parsed) Text(name string, n int) string { return m.D.First(m.Field(name, n)) }

// Has says that the message holds a segment of that name.
func (m Parsed) Has(name string) bool {
	for _, s := range m.Segments {
		if strings.HasPrefix(s, name) {
			return true
		}
	}
	return false
}

// Type is the message code and the trigger event of MSH-9, as in "OUL", "R22".
func (m Parsed) Type() (code, trigger string) {
	f := m.Field("MSH", 9)
	return m.D.Part(f, 1), m.D.Part(f, 2)
}

// ControlID is MSH-10.
func (m Parsed) ControlID() string { return m.D.Unescape(m.Field("MSH", 10)) }
