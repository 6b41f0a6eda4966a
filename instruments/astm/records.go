package astm

import (
	"math/bits"
	"strings"

	"natlims/instruments/fields"
)

// Delims are the delimiters that a header record names.
type Delims struct {
	Field, Repeat, Component, Escape byte
}

// Standard are the delimiters of nearly all instruments; GeneXpert has its own.
var (
	Standard  = Delims{'|', '\\', '^', '&'}
	GeneXpert = Delims{'|', '@', '^', '\\'}
)

// MaxFields is how many fields of a record are told apart; the last one holds what is left.
const MaxFields = 64

// Records walks over the records of a text without copying it. Records end with CR, LF or both; empty ones and
// leading blanks are skipped.
//
//	for r := NewRecords(text); r.Next(); {
//		switch r.Type() { case 'R': r.Text(4) … }
//	}
type Records struct {
	text   string
	pos    int // of the next record
	record string
	line   int
	odd    bool // a control character stands in record
	d      Delims
	n      int
	fields [MaxFields + 1]int // where field i+1 begins in record; fields[n] is behind the last
}

// NewRecords begins before the first record of text.
func NewRecords(text string) *Records { return &Records{text: text, d: Standard} }

// Next goes to the next record; false after the last.
func (r *Records) Next() bool {
	for r.pos < len(r.text) {
		for r.pos < len(r.text) && (r.text[r.pos] == ' ' || r.text[r.pos] == '\t' || r.text[r.pos] == 0) {
			r.pos++
		}
		rest := r.text[r.pos:]
		if len(rest) > 1 && rest[0] == 'H' {
			line := rest
			if i := strings.IndexAny(rest, "\r\n"); i > 0 {
				line = rest[:i]
			}
			if len(line) > 1 {
				r.d = delims(line)
			}
		}
		if r.split(rest); r.record != "" {
			r.line++
			return true
		}
	}
	return false
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// split takes the record at the start of s and notes where its fields begin, eight bytes at a time. Places instead of strings keep the
// garbage collector out of the loop.
func (r *Records) split(s string) {
	n, field, end := 1, r.d.Field, len(s)
	r.odd = false
	sep := uint64(field) * ones
	for i := 0; i < end; i += 8 {
		w := word(s, i)
		x := w ^ sep // a byte that is the separator is zero here
		// The high bit of each byte that is zero in x, or below a blank in w. A borrow may mark the byte behind one that is, so each is looked at.
		for marks := (x-ones)&^x&highs | (w-0x20*ones)&^w&highs; marks != 0; marks &= marks - 1 {
			at := i + bits.TrailingZeros64(marks)/8
			if at >= end {
				break
			}
			if c := s[at]; c == field && n < MaxFields {
				r.fields[n] = at + 1
				n++
			} else if c == CR || c == LF {
				end = at
			} else if c < ' ' && c != '\t' {
				r.odd = true
			}
		}
	}
	r.n, r.record = n, s[:end]
	r.fields[n] = end + 1
	r.pos += min(end+1, len(s))
}

// word is the eight bytes at i, with blanks behind the end.
func word(s string, i int) uint64 {
	if i+8 <= len(s) {
		s = s[i : i+8]
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	}
	w := uint64(' ') * ones
	for n := range len(s) - i {
		w = w&^(0xff<<(8*n)) | uint64(s[i+n])<<(8*n)
	}
	return w
}

// delims reads the delimiters of a header. A doubled one (seen in stored captures) counts once, and what is missing is
// standard.
func delims(header string) Delims {
	d := Standard
	if isWord(header[1]) || header[1] <= ' ' {
		return d
	}
	d.Field = header[1]
	set := header[2:]
	if i := strings.IndexByte(set, d.Field); i >= 0 {
		set = set[:i]
	}
	out := [3]*byte{&d.Repeat, &d.Component, &d.Escape}
	n := 0
	for i := 0; i < len(set) && n < len(out); i++ {
		if c := set[i]; !isWord(c) && c > ' ' && strings.IndexByte(set[:i], c) < 0 {
			*out[n] = c
			n++
		}
	}
	return d
}

// Type is the letter of the record: H P O R C Q M S L.
func (r *Records) Type() byte { return r.record[0] }

// Line is the number of the record in the text, counted from 1.
func (r *Records) Line() int { return r.line }

// Odd says that the record holds a control character other than a tab.
func (r *Records) Odd() bool { return r.odd }

// Len is how many fields the record has, at most MaxFields.
func (r *Records) Len() int { return r.n }

// Record is the whole record as it stands.
func (r *Records) Record() string { return r.record }

// Delims are the delimiters in force.
func (r *Records) Delims() Delims { return r.d }

// Raw is field n as it stands; the type letter is field 1. "" for fields that are not there.
func (r *Records) Raw(n int) string {
	if n < 1 || n > r.n {
		return ""
	}
	return r.record[r.fields[n-1] : r.fields[n]-1]
}

// Text is field n with its escapes resolved.
func (r *Records) Text(n int) string { return r.d.Unescape(r.Raw(n)) }

// Part is component c of field n with its escapes resolved, both counted from 1.
func (r *Records) Part(n, c int) string { return r.d.Unescape(fields.Nth(r.Raw(n), r.d.Component, c)) }

// Repeats are the repeats of field n as they stand; none if the field is empty.
func (r *Records) Repeats(n int) []string {
	if r.Raw(n) == "" {
		return nil
	}
	return strings.Split(r.Raw(n), string(r.d.Repeat))
}

// Join is the non-empty components of field n with "^" between them, their escapes resolved.
func (r *Records) Join(n int) string { return r.d.Join(r.Raw(n)) }

// Join is the non-empty components of a field with "^" between them, their escapes resolved.
func (d Delims) Join(field string) string {
	if strings.IndexByte(field, d.Component) < 0 {
		return d.Unescape(field)
	}
	s := strings.Trim(field, string(rune(d.Component)))
	if strings.IndexByte(s, d.Component) < 0 {
		return d.Unescape(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for len(s) > 0 {
		part := s
		if i := strings.IndexByte(s, d.Component); i >= 0 {
			part, s = s[:i], s[i+1:]
		} else {
			s = ""
		}
		if part == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('^')
		}
		b.WriteString(d.Unescape(part))
	}
	return b.String()
}
