package reports

import (
	"fmt"
	"slices"
	"strings"
)

// renderList draws many results as one table, lying: a line a person, what they share once at the end.
func renderList(r Report) ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	s, err := newSheet(r, true)
	if err != nil {
		return nil, err
	}
	s.page()
	s.letterhead(r.ID)
	s.title(sharedItem(r.Results), Text{"结果一览表", "results"})
	s.tally()
	s.table()
	s.corrections()
	s.shared()
	s.listNotes()
	s.signatures(s.signers())
	return s.finish()
}

// tally counts the calls, the worrying ones first.
func (s *sheet) tally() {
	counts := map[string]int{}
	for _, one := range s.r.Results {
		counts[one.Call]++
	}
	codes := Calls()
	slices.SortFunc(codes, func(a, b string) int { return weight(b) - weight(a) })
	x := s.left
	s.text(x, s.y+12, 9, soft, s.say("送检单位", "Requested by"))
	x += s.width(s.say("送检单位", "Requested by"), 9) + 8
	unit := s.r.Department.Name.In(s.r.Lang)
	s.text(x, s.y+12, 10.5, black, unit)
	x = s.left
	s.y += 22
	n := itoa(len(s.r.Results))
	total := s.say("共 "+n+" 人份", n+" orders")
	s.text(x, s.y+12, 10.5, black, total)
	x += s.width(total, 10.5) + 16
	for _, code := range codes {
		if counts[code] == 0 {
			continue
		}
		c, bg := callInks(code)
		t := fmt.Sprintf("%s %s  %d", callGlyph(code), callWords[code].In(s.r.Lang), counts[code])
		w := s.width(t, 9.5) + 16
		if x+w > s.right {
			x, s.y = s.left, s.y+22
		}
		s.bar(x, s.y, w, 18, bg)
		s.text(x+8, s.y+12.5, 9.5, c, t)
		x += w + 8
	}
	s.y += 30
}

// weight orders calls by how much they matter.
func weight(call string) int {
	switch callGlyph(call) {
	case "+":
		return 3
	case "?":
		return 2
	case "!":
		return 1
	}
	return 0
}

// column is one of the table: its width as a share of the page and what stands in it.
type column struct {
	zh, en string
	share  float64
	value  func(*sheet, int, Result) string
}

var listColumns = []column{
	{"序号", "No.", 4, func(_ *sheet, i int, _ Result) string { return itoa(i + 1) }},
	{"姓名/名称", "Name", 10, func(_ *sheet, _ int, r Result) string { return r.Subject.Name }},
	{"性别", "Sex", 4, func(s *sheet, _ int, r Result) string { return word(sexWords, r.Subject.Sex).In(s.narrow()) }},
	{"年龄", "Age", 4, func(_ *sheet, _ int, r Result) string { return r.age() }},
	{"证件号", "Document", 14, func(_ *sheet, _ int, r Result) string { return r.Subject.DocNo }},
	{"样本编号", "Sample", 12, func(_ *sheet, _ int, r Result) string { return r.Sample.Barcode }},
	{"样本类型", "Specimen", 13, func(s *sheet, _ int, r Result) string { return specimen(r.Sample.Specimen).In(s.narrow()) }},
	{"采样方式", "Collection", 10, func(s *sheet, _ int, r Result) string { return r.Sample.ModeText().In(s.narrow()) }},
	{"采样时间", "Collected", 11, func(s *sheet, _ int, r Result) string { return short(s.r.local(r.Times.T0)) }},
	{"收样时间", "Received", 11, func(s *sheet, _ int, r Result) string { return short(s.r.local(r.Times.T3)) }},
	{"结论", "Conclusion", 17, nil},
}

// narrow is the language of what stands in columns: both at once make them too high. The conclusion is in both all the same.
func (s *sheet) narrow() string {
	if s.r.Lang == Both {
		return Chinese
	}
	return s.r.Lang
}

// short leaves the year out; the report's own date has it.
func short(local string) string {
	if len(local) < 5 {
		return local
	}
	return local[5:]
}

const listSize = 8.5

// table is the list itself; its head stands on every page.
func (s *sheet) table() {
	sum := 0.0
	for _, c := range listColumns {
		sum += c.share
	}
	unit := (s.right - s.left) / sum
	s.tableHead(unit)
	cells := make([][]string, len(listColumns))
	for i, one := range s.r.Results {
		lines := 1
		for j, c := range listColumns {
			t := ""
			if c.value == nil {
				t = callGlyph(one.Call) + " " + callWords[one.Call].In(s.r.Lang)
				if one.Corrected() {
					t += " " + s.say("[更正]", "[corrected]")
				}
				if one.ReplacedBy != "" {
					t += " " + s.say("[已被更正,作废]", "[replaced, no longer valid]")
				}
			} else {
				t = c.value(s, i, one)
			}
			cells[j] = s.wrap(t, listSize, c.share*unit-6)
			lines = max(lines, len(cells[j]))
		}
		h := float64(lines)*12 + 5
		if s.room(h) {
			s.tableHead(unit)
		}
		s.row(one, cells, unit, h)
	}
	s.y += 14
}

func (s *sheet) row(one Result, cells [][]string, unit, h float64) {
	call, bg := callInks(one.Call)
	if one.Call != "negative" {
		s.bar(s.left, s.y, s.right-s.left, h, bg)
	}
	x := s.left + 4
	for j, lines := range cells {
		c := black
		if listColumns[j].value == nil {
			c = call
		}
		for k, line := range lines {
			s.text(x, s.y+12+float64(k)*12, listSize, c, line)
		}
		x += listColumns[j].share * unit
	}
	s.line(s.left, s.y+h, s.right, s.y+h, 0.3, hair)
	s.y += h
}

func (s *sheet) tableHead(unit float64) {
	s.bar(s.left, s.y, s.right-s.left, 18, ground)
	x := s.left + 4
	for _, c := range listColumns {
		s.text(x, s.y+12, 8, soft, Text{c.zh, c.en}.In(s.narrow()))
		x += c.share * unit
	}
	s.y += 18
}

// corrections lists what each corrected line replaces and why.
func (s *sheet) corrections() {
	for i, one := range s.r.Results {
		if one.Corrected() {
			s.room(30)
			s.banner(warn, warnBG, itoa(i+1)+". "+one.Sample.Barcode+" · "+s.correctionText(one))
		}
	}
}

// shared prints each kit, instrument and method once.
func (s *sheet) shared() {
	var kits, lods, methods, machines []string
	for _, one := range s.r.Results {
		machines = once(machines, one.Instrument)
		for _, arm := range one.Arms {
			kits = once(kits, join(" ", arm.Kit.In(s.r.Lang), arm.Lot))
			lods = once(lods, arm.LoD)
			methods = once(methods, arm.Method.or(standardMethod).In(s.r.Lang))
		}
	}
	s.grid(filled(
		fact{s.say("检测方法", "Method"), strings.Join(methods, "; ")},
		fact{s.say("试剂盒与批号", "Kits and lots"), strings.Join(kits, "; ")},
		fact{s.say("检测限", "Limit of detection"), strings.Join(lods, "; ")},
		fact{s.say("仪器", "Instruments"), strings.Join(machines, "; ")},
	))
	s.y += 4
}

func (s *sheet) listNotes() {
	var more []Text
	var remarks []string
	pooled := map[Text]bool{}
	for i, one := range s.r.Results {
		for _, n := range one.notes() {
			if !pooled[n] {
				pooled[n] = true
				more = append(more, n)
			}
		}
		if one.Remark != "" {
			remarks = append(remarks, fmt.Sprintf("%d: %s", i+1, one.Remark))
		}
	}
	s.notes(s.r.Results[0].Subject.Kind, nil, more, strings.Join(remarks, "; "))
}

// signers are all who signed; the time is that of the last second signature.
func (s *sheet) signers() signing {
	var checked, released []string
	last := s.r.Results[0].ReviewedAt
	for _, one := range s.r.Results {
		checked, released = once(checked, one.CheckedBy), once(released, one.ReleasedBy)
		if one.ReviewedAt.After(last) {
			last = one.ReviewedAt
		}
	}
	return signing{strings.Join(checked, "、"), strings.Join(released, "、"), s.r.local(last), s.r.Verify}
}

// sharedItem is the item of the first result; a list of several items says so in general words.
func sharedItem(all []Result) Text {
	item := all[0].Item.or(standardItem)
	for _, one := range all {
		if one.Item.or(standardItem) != item {
			return Text{"核酸检测", "Nucleic acid test"}
		}
	}
	return item
}

// once appends v unless it is empty or there already.
func once(all []string, v string) []string {
	if v == "" || slices.Contains(all, v) {
		return all
	}
	return append(all, v)
}
