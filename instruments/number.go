package instruments

import (
	"math"
	"strconv"
	"strings"

	"natlims/lims/pcr"
)

// Mark is the decimal mark of a column. It is decided by the whole column, never by one cell.
type Mark byte

// The decimal marks.
const (
	Point Mark = '.'
	Comma Mark = ','
)

// CqMark is the decimal mark of a column of cycles. No cycle reaches a thousand, so a comma with no point beside it is
// a decimal comma whatever follows it ("28,123").
func CqMark(cells func(yield func(string) bool)) Mark {
	points, commas, both := 0, 0, Mark(0)
	for c := range cells {
		p, k := strings.IndexByte(c, '.'), strings.IndexByte(c, ',')
		if p < 0 && k < 0 || !numeric(c) {
			continue
		}
		switch {
		case p >= 0 && k >= 0 && p > k:
			both = Point
		case p >= 0 && k >= 0:
			both = Comma
		case p >= 0:
			points++
		default:
			commas++
		}
	}
	if both != 0 {
		return both
	}
	if commas > 0 && points == 0 {
		return Comma
	}
	return Point
}

// NumberMark is the decimal mark of a column of any numbers, such as fluorescence. Commas that all stand before groups
// of three digits are thousands marks.
func NumberMark(cells func(yield func(string) bool)) Mark {
	for c := range cells {
		if m := markOf(c); m != 0 {
			return m
		}
	}
	return Point
}

// markOf is the decimal mark that one cell of a column of any numbers proves, 0 where it proves none.
func markOf(c string) Mark {
	if !numeric(c) {
		return 0
	}
	k := strings.IndexByte(c, ',')
	switch p := strings.IndexByte(c, '.'); {
	case p >= 0 && k <= p:
		return Point
	case p >= 0, k >= 0 && !thousands(c):
		return Comma
	}
	return 0
}

// thousands says whether the commas of c can be thousands marks: 1-3 digits, then groups of three, no leading zero.
func thousands(c string) bool {
	groups := strings.Split(strings.TrimLeft(c, "+-"), ",")
	if len(groups[0]) == 0 || len(groups[0]) > 3 || groups[0][0] == '0' {
		return false
	}
	for _, g := range groups[1:] {
		if len(g) != 3 {
			return false
		}
	}
	return true
}

// numeric says whether s has a digit and nothing but what numbers are written with.
func numeric(s string) bool {
	digits := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits = true
		case c == '.' || c == ',' || c == '+' || c == '-' || c == 'e' || c == 'E' || c == ' ':
		default:
			return false
		}
	}
	return digits
}

// maxDigits is the longest text that is taken for a number. No instrument writes more than 20 digits.
const maxDigits = 64

// NumberText is the number of s as a JSON number: decimal comma turned to a point, thousands marks taken off, leading
// zeros and a plus sign dropped, nothing rounded. ok is false where s is no number.
func NumberText(s string, mark Mark) (text string, ok bool) {
	s = trim(s)
	if len(s) > maxDigits {
		return "", false
	}
	if plain(s) {
		return s, true
	}
	if mark == Comma {
		if strings.Count(s, ",") > 1 {
			return "", false
		}
		s = strings.ReplaceAll(s, ".", "")
		s = strings.Replace(s, ",", ".", 1)
	} else if strings.IndexByte(s, ',') >= 0 {
		whole, _, _ := strings.Cut(s, ".")
		if !thousands(whole) {
			return "", false
		}
		s = strings.ReplaceAll(s, ",", "")
	}
	s = strings.TrimPrefix(s, "+")
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i:]
		if _, err := strconv.Atoi(exponent[1:]); err != nil {
			return "", false
		}
	}
	whole, part, point := strings.Cut(mantissa, ".")
	if whole+part == "" || !digits(whole) || !digits(part) {
		return "", false
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	text = sign + whole
	if point && part != "" {
		text += "." + part
	}
	return text + exponent, true
}

// plain says whether s is already a JSON number of the most common form: digits, perhaps a point and digits.
func plain(s string) bool {
	point := -1
	for i := 0; i < len(s); i++ {
		if s[i] == '.' && point < 0 {
			point = i
		} else if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	switch point {
	case -1:
		return s != "" && (s[0] != '0' || len(s) == 1)
	case 0:
		return false
	}
	return point < len(s)-1 && (s[0] != '0' || point == 1)
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Number reads a number of a column with the given decimal mark; NaN where s is none.
func Number(s string, mark Mark) float64 {
	if mark != Comma {
		if v, ok := decimal(s); ok {
			return v
		}
	}
	text, ok := NumberText(s, mark)
	if !ok {
		return math.NaN()
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// powers are those of ten that a float64 holds exactly.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// decimal reads the most common form, such as "-0.123": up to 15 digits, for which a float64 holds both the digits and the power
// of ten, so that their quotient is the nearest one, as strconv gives it.
func decimal(s string) (v float64, ok bool) {
	minus := s != "" && s[0] == '-'
	if minus {
		s = s[1:]
	}
	whole, n, places := int64(0), 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			whole = whole*10 + int64(c-'0')
			n++
		case c == '.' && places == 0 && i < len(s)-1:
			places = len(s) - 1 - i
		default:
			return 0, false
		}
		if n >= len(powers) {
			return 0, false
		}
	}
	if v = float64(whole) / powers[places]; minus {
		v = -v
	}
	return v, n > 0
}

// MaxCq is the largest number that is taken for a quantification cycle. No cycler runs so many cycles.
const MaxCq = 100

// CqRule says what the cells of a format's Cq column mean.
type CqRule struct {
	Mark  Mark
	Empty pcr.State       // what an empty cell says: NoCq where the format has no word for it, else Blank
	Zero  bool            // a number <= 0 says "no Cq" (GeneXpert, FluoroCycler, SLAN, m2000); elsewhere it is unreadable
	Words map[string]bool // further words for "no Cq" as key writes them
	Only  bool            // no words but Words
}

// noCqWords are the words that instruments write where there was no amplification, as key writes them.
var noCqWords = set("undetermined", "undet.", "undet", "n/a", "na", "nan", "noct", "nocq", "noc", "nocp", "nocrt", "n.def.", "n.def", "-", "--", "–", "—",
	"unbestimmt", "nichtbestimmt", "indéterminé", "indetermine", "indeterminado", "nondeterminato", "indeterminato", "none", "nd", "n.d.", "notdetected", "noamplification", "noamp", "nosignal", "negative", "neg", "nichtdetektiert", "nondétecté", "nodetectado", "nonrilevato",
	"无ct", "无cq", "未检出", "未检测到", "阴性", "未确定", "无法确定", "未测定", "未检出ct", "неопределено")

// Read gives what a cell of the Cq column says. known is false where the cell is neither a number nor a known word:
// then the state is Blank and the caller adds a Note.
func (c CqRule) Read(cell string) (state pcr.State, cq float64, text string, known bool) {
	cell = trim(cell)
	if cell == "" {
		if c.Empty == "" {
			return pcr.Blank, 0, "", true
		}
		return c.Empty, 0, "", true
	}
	if b := cell[0]; b >= '0' && b <= '9' || b == '.' || b == ',' || b == '-' || b == '+' {
		if text, ok := NumberText(cell, c.Mark); ok {
			v, err := strconv.ParseFloat(text, 64)
			switch {
			case err == nil && v > 0 && v <= MaxCq:
				return pcr.HasCq, v, text, true
			case err == nil && v <= 0 && c.Zero:
				return pcr.NoCq, 0, "", true
			}
			if c.Words[key(cell)] {
				return pcr.NoCq, 0, "", true
			}
			return pcr.Blank, 0, "", false
		}
	}
	k := key(cell)
	if c.Words[k] || !c.Only && noCqWords[k] {
		return pcr.NoCq, 0, "", true
	}
	return pcr.Blank, 0, "", false
}
