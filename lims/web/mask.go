package web

import "strings"

// Surnames of two characters, so that 欧阳锋 becomes 欧阳* and not 欧**.
var doubleSurnames = []string{"欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "夏侯", "长孙", "宇文"}

// maskName keeps the surname (domain 3.3): 张三 -> 张*, 欧阳锋 -> 欧阳*. Of names in letters the first letter of each word stays.
func maskName(name string) string {
	name = strings.TrimSpace(name)
	runes := []rune(name)
	if len(runes) == 0 {
		return ""
	}
	if runes[0] < 0x2E80 {
		words := strings.Fields(name)
		for i, w := range words {
			words[i] = string([]rune(w)[:1]) + "*"
		}
		return strings.Join(words, " ")
	}
	keep := 1
	for _, d := range doubleSurnames {
		if strings.HasPrefix(name, d) && len(runes) > 2 {
			keep = 2
		}
	}
	if len(runes) <= keep {
		return string(runes) + "*"
	}
	return string(runes[:keep]) + strings.Repeat("*", len(runes)-keep)
}

// maskNumber keeps the first six and last four of an identity number (110105********002X), the first and last two of anything shorter.
func maskNumber(no string) string {
	runes := []rune(strings.TrimSpace(no))
	head, tail := 2, 2
	switch {
	case len(runes) == 0:
		return ""
	case len(runes) >= 15:
		head, tail = 6, 4
	case len(runes) < 6:
		head, tail = 1, 0
	}
	return string(runes[:head]) + strings.Repeat("*", len(runes)-head-tail) + string(runes[len(runes)-tail:])
}
