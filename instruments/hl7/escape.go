package hl7

import (
	"strings"

	"natlims/instruments/fields"
)

// Unescape resolves the escapes of a text (HL7 2.5.1, 2.7): F field, S component, T subcomponent, R repeat, E escape,
// Xhh… bytes, .br a new line; H and N (highlighting) vanish. What is no escape stays as it stands.
func (d Delims) Unescape(s string) string {
	if strings.IndexByte(s, d.Escape) < 0 {
		return s
	}
	return fields.Unescape(s, d.Escape, d.sequence)
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
	if bytes, ok := strings.CutPrefix(s, "X"); ok {
		return fields.Hex(bytes)
	}
	return "", false
}
