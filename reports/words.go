package reports

import (
	"fmt"
	"slices"
	"strconv"
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

var specimenWords = map[string]Text{
	"np_swab":       {"鼻咽拭子", "Nasopharyngeal swab"},
	"op_swab":       {"口咽拭子", "Oropharyngeal swab"},
	"np_op_swab":    {"鼻咽+口咽拭子", "Naso- and oropharyngeal swab"},
	"nasal_swab":    {"鼻拭子", "Nasal swab"},
	"saliva":        {"唾液", "Saliva"},
	"sputum":        {"痰液", "Sputum"},
	"balf":          {"肺泡灌洗液", "Bronchoalveolar lavage fluid"},
	"anal_swab":     {"肛拭子", "Anal swab"},
	"serum":         {"血清", "Serum"},
	"surface_swab":  {"物表拭子", "Surface swab"},
	"food_swab":     {"食品拭子", "Food swab"},
	"package_swab":  {"外包装拭子", "Packaging swab"},
	"environ_swab":  {"环境拭子", "Environmental swab"},
	"sewage":        {"污水", "Sewage"},
	"frozen_tissue": {"冷冻食品组织", "Frozen food tissue"},
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
	"id_card":  {"身份证", "ID card"},
	"passport": {"护照", "Passport"},
	"hk_macau": {"港澳通行证", "HK/Macao permit"},
	"taiwan":   {"台胞证", "Taiwan permit"},
	"other":    {"证件", "Document"},
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
