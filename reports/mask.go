package reports

import (
	"slices"
	"strings"
	"unicode"
)

// compound are the surnames of two characters in use; their holders keep both (欧阳**).
var compound = []string{"欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "司空", "夏侯",
	"长孙", "宇文", "轩辕", "端木", "百里", "东郭", "南宫", "呼延", "独孤", "公羊", "澹台", "赫连", "拓跋", "第五", "钟离", "申屠",
	"太史", "闻人", "濮阳", "淳于", "单于", "仲孙", "西门", "万俟", "鲜于", "闾丘", "亓官", "司寇", "公冶", "宗政", "梁丘", "左丘",
	"东门", "段干", "公西", "完颜", "纳兰", "耶律"}

// MaskName keeps the surname: 张三 becomes 张*, 欧阳小明 becomes 欧阳**, "John Smith" becomes "J*** S****".
// A name of one character is masked whole.
func MaskName(name string) string {
	runes := []rune(strings.TrimSpace(name))
	if len(runes) == 0 {
		return ""
	}
	if !slices.ContainsFunc(runes, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return maskWords(runes)
	}
	keep := 1
	if len(runes) > 2 && slices.Contains(compound, string(runes[:2])) {
		keep = 2
	}
	if len(runes) == 1 {
		keep = 0
	}
	return string(runes[:keep]) + stars(len(runes)-keep)
}

// maskWords keeps the first letter of each word; a single letter is masked.
func maskWords(runes []rune) string {
	if len(runes) == 1 {
		return "*"
	}
	first := true
	for i, r := range runes {
		switch {
		case unicode.IsSpace(r) || r == '-' || r == '·':
			first = true
		case first:
			first = false
		default:
			runes[i] = '*'
		}
	}
	return string(runes)
}

// MaskDoc masks a document number by its type: of an identity card of 18 or 15 characters the first 6 and the last 4 stay,
// of a passport and everything else the first 2 and the last 2. What is too short to hide anything is masked whole.
func MaskDoc(docType, no string) string {
	resident := docType == "resident_id" || docType == "id_card"
	if n := len([]rune(no)); resident && (n == 18 || n == 15) {
		return keepEnds(no, 6, 4)
	}
	return keepEnds(no, 2, 2)
}

// MaskPhone keeps the first 3 and the last 4 digits: 138****1234. Shorter numbers keep their last 2.
func MaskPhone(phone string) string {
	if len([]rune(phone)) >= 11 {
		return keepEnds(phone, 3, 4)
	}
	return keepEnds(phone, 0, 2)
}

// keepEnds leaves head and tail characters and masks the rest. Where fewer than two would be masked, all are.
func keepEnds(s string, head, tail int) string {
	runes := []rune(s)
	if len(runes) < head+tail+2 {
		return stars(len(runes))
	}
	return string(runes[:head]) + stars(len(runes)-head-tail) + string(runes[len(runes)-tail:])
}

func stars(n int) string { return strings.Repeat("*", n) }

// Masked is the subject with name, document, phone and patient number masked; of the birth date the year stays.
// Objects are no persons: theirs stays as it is.
func (s Subject) Masked() Subject {
	if s.Kind != "person" && s.Kind != "" {
		return s
	}
	s.Name = MaskName(s.Name)
	s.DocNo = MaskDoc(s.DocType, s.DocNo)
	s.Phone = MaskPhone(s.Phone)
	s.PatientNo = keepEnds(s.PatientNo, 0, 2)
	if s.BirthDate != "" {
		s.BirthDate = s.BirthDate[:min(4, len(s.BirthDate))] + "-**-**"
	}
	return s
}

// Masked is the report with every subject masked; ages stay. The given report stays as it is.
func (r Report) Masked() Report {
	r.Results = slices.Clone(r.Results)
	for i, one := range r.Results {
		age := one.age()
		r.Results[i].Subject = one.Subject.Masked()
		r.Results[i].Subject.Age = age
	}
	return r
}
