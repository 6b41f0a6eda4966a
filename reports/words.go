package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// callWords are the words of the result codes, one code list for pages, files and machines.
var callWords = map[string]Text{
	"negative":             {"阴性(未检出)", "Not detected"},
	"positive":             {"阳性(检出)", "Detected"},
	"presumptive_positive": {"初筛阳性", "Presumptive positive"},
	"suspicious":           {"可疑", "Suspicious"},
	"inconclusive":         {"不确定", "Inconclusive"},
	"invalid":              {"无效,请重新采样", "Invalid, new sample needed"},
	"discordant":           {"两试剂结果不一致", "Discordant"},
	"pending_review":       {"待复核", "Under verification"},
	"rejected":             {"标本拒收,请重新采样", "Rejected, new sample needed"},
	"not_tested":           {"未检测,请重新采样", "Not tested, new sample needed"},
}

// Calls lists the result codes that a report can hold, in alphabetical order.
func Calls() []string {
	codes := make([]string, 0, len(callWords))
	for c := range callWords {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	return codes
}

// CallText is the text of a result code, false where there is no such code.
func CallText(code string) (Text, bool) { t, ok := callWords[code]; return t, ok }

// callGlyph stands beside the colour of a call: colour never speaks alone.
func callGlyph(code string) string {
	switch code {
	case "negative":
		return "−"
	case "positive", "presumptive_positive":
		return "+"
	case "invalid", "rejected", "not_tested":
		return "!"
	}
	return "?"
}

var stateWords = map[string]Text{
	"pos":  {"检出", "Detected"},
	"neg":  {"未检出", "Not detected"},
	"grey": {"灰区", "Grey zone"},
	"inv":  {"无效", "Invalid"},
	"none": {"未检测", "Not tested"},
}

// specimenWords are the words of the specimen codes, in capitals; case does not matter.
var specimenWords = map[string]Text{
	"OP":      {"口咽拭子", "Oropharyngeal swab"},
	"NP":      {"鼻咽拭子", "Nasopharyngeal swab"},
	"OPNP":    {"口咽+鼻咽拭子", "Oro- and nasopharyngeal swab"},
	"NS":      {"鼻拭子", "Nasal swab"},
	"SALIVA":  {"唾液", "Saliva"},
	"SPUTUM":  {"痰液", "Sputum"},
	"BALF":    {"肺泡灌洗液", "Bronchoalveolar lavage"},
	"ANAL":    {"肛拭子", "Anal swab"},
	"SERUM":   {"血清", "Serum"},
	"SWAB":    {"拭子", "Swab"},
	"SURFACE": {"物表拭子", "Surface swab"},
	"FOOD":    {"食品拭子", "Food swab"},
	"PACKAGE": {"外包装拭子", "Packaging swab"},
	"ENV":     {"环境拭子", "Environmental swab"},
	"SEWAGE":  {"污水", "Sewage"},
	"TISSUE":  {"冷冻食品组织", "Frozen food tissue"},
}

// specimen is the text of a specimen code, or what stands there where it is none.
func specimen(code string) Text {
	if t, ok := specimenWords[strings.ToUpper(code)]; ok {
		return t
	}
	return Text{ZH: code}
}

var kindWords = map[string]Text{
	"person":      {"人员", "Person"},
	"product":     {"产品", "Product"},
	"packaging":   {"外包装", "Packaging"},
	"environment": {"环境", "Environment"},
	"vehicle":     {"车辆", "Vehicle"},
	"surface":     {"物体表面", "Surface"},
}

var sexWords = map[string]Text{"M": {"男", "M"}, "F": {"女", "F"}}

var docWords = map[string]Text{
	"resident_id": {"身份证", "ID card"},
	"id_card":     {"身份证", "ID card"}, // the same under its other name
	"passport":    {"护照", "Passport"},
	"permit":      {"通行证", "Travel permit"},
	"other":       {"证件", "Document"},
}

// word is the text of a code, or the code itself where it has none.
func word(words map[string]Text, code string) Text {
	if t, ok := words[code]; ok {
		return t
	}
	return Text{ZH: code}
}

// ModeText says how the tube was filled: single, or n in one tube.
func (s Sample) ModeText() Text {
	if s.PooledN <= 1 {
		if s.PoolOf > 1 {
			return Text{"单采", "Single"}
		}
		return Text{"单采单检", "Single"}
	}
	n := strconv.Itoa(s.PooledN)
	return Text{"混采(" + n + "合1)", n + " in 1"}
}

// poolNotes are the sentences that a pooled test must carry (a report says that the sample was tested in a pool; loss of sensitivity).
func (s Sample) poolNotes() []Text {
	var notes []Text
	if s.PooledN > 1 {
		notes = append(notes, Text{
			fmt.Sprintf("本样本为混采样本(%d合1):%d 人份拭子采集于同一采样管后检测。", s.PooledN, s.PooledN),
			fmt.Sprintf("Pooled at collection: tested with the swabs of %d persons in one tube.", s.PooledN),
		})
	}
	if s.PoolOf > 1 {
		notes = append(notes, Text{
			fmt.Sprintf("本样本与其他 %d 管样本混合检测。", s.PoolOf-1),
			fmt.Sprintf("Tested in a laboratory pool of %d tubes.", s.PoolOf),
		})
	}
	if len(notes) > 0 {
		notes = append(notes, Text{
			"混合检测灵敏度可能降低,低病毒载量的个体样本可能漏检。",
			"Individual specimens with low viral loads may not be detected in a pool, due to decreased sensitivity.",
		})
	}
	return notes
}

// age is the age in whole years on the day of collection, "" where it cannot be told.
func (r Result) age() string {
	born, err := time.Parse("2006-01-02", r.Subject.BirthDate)
	at := r.Times.T0
	if r.Subject.Age != "" || err != nil || at.Before(born) {
		return r.Subject.Age
	}
	years := at.Year() - born.Year()
	if at.Month() < born.Month() || at.Month() == born.Month() && at.Day() < born.Day() {
		years--
	}
	return strconv.Itoa(years)
}

// standardItem and standardMethod are printed where a result names none.
var (
	standardItem   = Text{"新型冠状病毒核酸检测", "SARS-CoV-2 nucleic acid test"}
	standardMethod = Text{"荧光PCR法", "Real-time RT-PCR"}
)

func (t Text) or(other Text) Text {
	if t == (Text{}) {
		return other
	}
	return t
}
