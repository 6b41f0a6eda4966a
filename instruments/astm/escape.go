package astm

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Unescape resolves the escapes of a field (LIS02-A2 5.4.6): F field, S component, R repeat, E escape, T "&",
// Xhh… bytes, Zhhhh… UTF-16 units (GeneXpert); H and N (highlighting) vanish. What is no escape stays as it stands.
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
	if s == "" {
		return "", false
	}
	switch s[0] {
	case 'X':
		return hexBytes(s[1:])
	case 'Z':
		return hexUnits(s[1:])
	}
	if len(s) != 1 {
		return "", false
	}
	switch s[0] {
	case 'F':
		return string(d.Field), true
	case 'S':
		return string(d.Component), true
	case 'R':
		return string(d.Repeat), true
	case 'E':
		return string(d.Escape), true
	case 'T':
		return "&", true
	case 'H', 'N':
		return "", true
	}
	return "", false
}

// hexBytes reads bytes of a message's code page: UTF-8 where they are, else Latin-1.
func hexBytes(s string) (string, bool) {
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

func hexUnits(s string) (string, bool) {
	if len(s) == 0 || len(s)%4 != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(s)/4)
	for ; len(s) > 0; s = s[4:] {
		u, err := strconv.ParseUint(s[:4], 16, 16)
		if err != nil {
			return "", false
		}
		units = append(units, uint16(u))
	}
	return string(utf16.Decode(units)), true
}
