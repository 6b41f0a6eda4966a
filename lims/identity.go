package lims

import (
	"strings"
	"unicode"
)

// ResidentID normalises and checks a resident identity number of 18 characters (GB 11643-1999, check character by
// ISO 7064 MOD 11-2). Full-width digits, blanks and a small x are accepted; ok is false where the check character is wrong.
func ResidentID(s string) (normal string, ok bool) {
	normal = strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case r == 'x' || r == 'Ｘ' || r == 'ｘ':
			return 'X'
		case unicode.IsSpace(r) || r == '-':
			return -1
		}
		return r
	}, s)
	if len(normal) != 18 {
		return normal, false
	}
	sum := 0
	for i, w := range [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		c := normal[i]
		if c < '0' || c > '9' {
			return normal, false
		}
		sum += int(c-'0') * w
	}
	return normal, normal[17] == "10X98765432"[sum%11]
}
