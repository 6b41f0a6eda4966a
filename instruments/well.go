package instruments

import (
	"strconv"
	"strings"

	"natlims/lims/plate"
)

// WellName reads the position of a well as instruments write it ("A1", "A01", "a1", "<A1>", " A 1 ") and gives it as "A1".
func WellName(s string) (name string, ok bool) {
	s = trim(s)
	if len(s) >= 2 && len(s) <= 3 && s[0] >= 'A' && s[0] <= 'P' && s[1] > '0' && s[1] <= '9' {
		if len(s) == 2 || s[2] >= '0' && s[2] <= '9' && (s[1] == '1' || s[1] == '2' && s[2] <= '4') {
			return s, true // the common form costs nothing
		}
	}
	if len(s) > 8 || s == "" || s[0] >= '0' && s[0] <= '9' {
		return "", false
	}
	s = strings.Trim(s, "<>[]()'\" ")
	s = strings.ReplaceAll(s, " ", "")
	if len(s) == 4 && s[1] == '0' { // "A001"
		s = s[:1] + s[2:]
	}
	if len(s) < 2 || s[0]|0x20 < 'a' || s[0]|0x20 > 'p' {
		return "", false
	}
	p, err := plate.ParsePos(s)
	if err != nil {
		return "", false
	}
	return p.String(), true
}

// WellIndex gives the position of a row-major index counted from 1 ("25" on a plate of 384 is "B1"). It accepts "25.0".
func WellIndex(s string, f plate.Format) (name string, ok bool) {
	n, ok := index(s)
	if !ok || n < 1 || n > f.Size() {
		return "", false
	}
	return f.At(n - 1).String(), true
}

// index reads a whole number, which a workbook may show as "25.0".
func index(s string) (int, bool) {
	s = trim(s)
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	if len(s) <= 9 && digits(s) {
		n := 0
		for i := range len(s) {
			n = n*10 + int(s[i]-'0')
		}
		return n, true
	}
	if whole, part, ok := strings.Cut(s, "."); ok && strings.Trim(part, "0") == "" {
		s = whole
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}
