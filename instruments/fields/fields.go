// Package fields reads what records of ASTM and segments of HL7 write alike: parts between separators and escape sequences in them
// (LIS02-A2 5.4.6, HL7 2.5.1 2.7).
//
// It never does I/O and knows no letter of an escape: those differ, and stand in astm and hl7. Nothing is refused: what is no escape stays
// as it stands.
package fields

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Nth is part n of s between separators, counted from 1; "" where there are fewer.
func Nth(s string, sep byte, n int) string {
	for ; n > 1; n-- {
		i := strings.IndexByte(s, sep)
		if i < 0 {
			return ""
		}
		s = s[i+1:]
	}
	if i := strings.IndexByte(s, sep); i >= 0 {
		s = s[:i]
	}
	return s
}

// Unescape replaces every sequence between two escape characters by what it means. A sequence without a meaning stays, and its second
// escape character may begin the next one.
func Unescape(s string, escape byte, meaning func(sequence string) (string, bool)) string {
	i := strings.IndexByte(s, escape)
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		s = s[i:]
		j := strings.IndexByte(s[1:], escape)
		if j < 0 {
			break
		}
		if plain, ok := meaning(s[1 : 1+j]); ok {
			b.WriteString(plain)
			s = s[j+2:]
		} else {
			b.WriteByte(escape)
			s = s[1:]
		}
		i = strings.IndexByte(s, escape)
	}
	b.WriteString(s)
	return b.String()
}

// Hex reads the hexadecimal bytes of a message's code page: UTF-8 where they are, else Latin-1. It is false where there are none.
func Hex(s string) (string, bool) {
	p, err := hex.DecodeString(s)
	if err != nil || len(p) == 0 {
		return "", false
	}
	if utf8.Valid(p) {
		return string(p), true
	}
	runes := make([]rune, len(p))
	for i, c := range p {
		runes[i] = rune(c)
	}
	return string(runes), true
}
