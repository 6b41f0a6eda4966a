package astm

import (
	"strconv"
	"strings"
	"unicode/utf16"

	"natlims/instruments/fields"
)

// Unescape resolves the escapes of a field (LIS02-A2 5.4.6): F field, S component, R repeat, E escape, T "&",
// Xhh… bytes, Zhhhh… UTF-16 units (GeneXpert); H and N (highlighting) vanish. What is no escape stays as it stands.
func (d Delims) Unescape(s string) string {
	if strings.IndexByte(s, d.Escape) < 0 {
		return s
	}
	return fields.Unescape(s, d.Escape, d.sequence)
}

func (d Delims) sequence(s string) (string, bool) {
	if s == "" {
		return "", false
	}
	switch s[0] {
	case 'X':
		return fields.Hex(s[1:])
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
