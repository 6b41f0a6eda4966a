package hl7

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Unescape resolves the escapes of a text (HL7 2.5.1, 2.7): F field, S component, T subcomponent, R repeat, E escape,
// Xhh… bytes, .br a new line; H and N (highlighting) vanish. What is no escape stays as it stands.
func (d Delims) Unescape(s string) string {
	i := strings.IndexByte(s, d.Escape)
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		s = s[i:]
		j := strings.IndexByte(s[1:], d.Escape)
		if j < 0 {
			break
		}
		if plain, ok := d.sequence(s[1 : 1+j]); ok {
			b.WriteString(plain)
			s = s[j+2:]
		} else {
			b.WriteByte(d.Escape)
			s = s[1:]
		}
		i = strings.IndexByte(s, d.Escape)
	}
	b.WriteString(s)
	return b.String()
}

func (d Delims) sequence(s string) (string, bool) {
	switch s {
	case "F":
		return string(rune(d.Field)), true
	case "S":
		return string(rune(d.Component)), true
	case "T":
		return string(rune(d.Sub)), true
	case "R":
		return string(rune(d.Repeat)), true
	case "E":
		return string(rune(d.Escape)), true
	case "H", "N":
		return "", true
	case ".br", ".sp":
		return "\n", true
	}
	if len(s) > 1 && s[0] == 'X' {
		p, err := hex.DecodeString(s[1:])
		if err != nil {
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
	return "", false
}
