package reports

import "slices"

// The PDF forms: a page for one result, a table for several. They print what the rule of 2006 and the forms in use ask for; where the
// forms differ, the union. Colour never speaks alone: every call has its glyph and its words.

func init() {
	register(Format{Name: "pdf", Title: "PDF: a page for one result, a list for several", Type: "application/pdf", Ext: "pdf", Render: renderPDF})
	register(Format{Name: "pdf-pages", Title: "PDF: a page for each person", Type: "application/pdf", Ext: "pdf", Render: renderPages})
}

func renderPDF(r Report) ([]byte, error) {
	if len(r.Results) > 1 {
		return renderList(r)
	}
	return renderPages(r)
}

// renderPages draws one page (or more, where a result needs it) for each result.
func renderPages(r Report) ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	s, err := newSheet(r, false)
	if err != nil {
		return nil, err
	}
	for _, one := range r.Results {
		s.tight = len(one.Arms) > 1
		s.page()
		s.letterhead(one.Sample.Barcode)
		s.title(one.Item.or(standardItem), Text{"报告单", "report"})
		s.correction(one)
		s.conclusion(one)
		s.facts(s.say("受检信息", "Subject"), s.subjectFacts(one))
		s.facts(s.say("样本信息", "Sample"), s.sampleFacts(one))
		for i, arm := range one.Arms {
			s.arm(one, i, arm)
		}
		s.notes(one.Subject.Kind, one.Arms, one.notes(), one.Remark)
		s.signatures(signing{one.CheckedBy, one.ReleasedBy, r.local(one.ReviewedAt), one.Verify})
	}
	return s.finish()
}

// fact is one labelled value of a grid.
type fact struct{ label, value string }

const footRoom = 56.0 // kept free for the foot of a page

// room begins a new page where h points do not fit on this one any more.
func (s *sheet) room(h float64) bool {
	if s.y+h <= s.h-footRoom {
		return false
	}
	s.page()
	s.text(s.left, s.y+8, 8, soft, s.r.Lab.Name.In(s.r.Lang)+"   "+s.r.ID+"   "+s.say("(续)", "(continued)"))
	s.line(s.left, s.y+15, s.right, s.y+15, 0.6, hair)
	s.y += 28
	return true
}

// letterhead: the laboratory on the left, a barcode on the right.
func (s *sheet) letterhead(code string) {
	lab := s.r.Lab.Name
	first, second := lab.ZH, lab.EN
	if s.r.Lang == English || first == "" {
		first, second = lab.In(English), ""
	}
	const h = 24.0
	w := 0.0
	if code != "" {
		w = s.code128(s.right, s.y, 240, h, code)
		w = max(w, s.width(code, 8))
		s.textMid(s.right-w/2, s.y+h+10, 8, black, code)
	}
	s.text(s.left, s.y+15, s.fit(first, 15, s.right-s.left-w-24), black, first)
	s.text(s.left, s.y+29, s.fit(second, 8.5, s.right-s.left-w-24), soft, second)
	s.y += 44
	s.bar(s.left, s.y, s.right-s.left, 1.4, accent)
	s.y += 1.4
}

// title: what was tested, the number of the report, and "drill" where it is one.
func (s *sheet) title(item, form Text) {
	zh, en := item.In(Chinese)+form.ZH, item.In(English)+" "+form.EN
	main, under := zh, ""
	switch s.r.Lang {
	case English:
		main = en
	case Both:
		under = en
	}
	s.text(s.left, s.y+32, s.fit(main, 20, s.right-s.left-s.width(s.r.ID, 10)-24), black, main)
	s.textRight(s.right, s.y+22, 8, soft, s.say("报告编号", "Report no."))
	s.textRight(s.right, s.y+35, 10, black, s.r.ID)
	s.y += 44
	if under != "" {
		s.text(s.left, s.y+6, 9, soft, under)
		s.y += 12
	}
	if s.r.Drill {
		s.banner(bad, badBG, s.say("演练 · 本报告不是真实检测结果", "DRILL · not a real result"))
	}
	s.y += 4
}

// banner is one line that must not be overlooked.
func (s *sheet) banner(c, bg ink, t string) {
	lines := s.wrap(t, 9.5, s.right-s.left-24)
	h := float64(len(lines))*14 + 10
	s.bar(s.left, s.y, s.right-s.left, h, bg)
	s.bar(s.left, s.y, 3, h, c)
	s.block(s.left+14, s.y+15, s.right-s.left-24, 9.5, c, t)
	s.y += h + 6
}

// correction says that and why a report replaces another one, or that another one replaces it.
func (s *sheet) correction(one Result) {
	if one.ReplacedBy != "" {
		s.banner(bad, badBG, s.replacedText(one))
	}
	if one.Corrected() {
		s.banner(warn, warnBG, s.correctionText(one))
	}
}

func (s *sheet) replacedText(one Result) string {
	t := s.say("本报告已被更正,不再有效。更正报告", "No longer valid: replaced by the corrected report") + " " + one.ReplacedBy
	if at := s.r.local(one.ReplacedAt); at != "" {
		t += " · " + at
	}
	return t
}

func (s *sheet) correctionText(one Result) string {
	v := itoa(max(one.Version, 2))
	t := Text{"更正报告 第" + v + "版", "Corrected report, version " + v}
	if one.Replaces != "" {
		t.ZH += ",替代报告 " + one.Replaces
		t.EN += ", replaces " + one.Replaces
	}
	if old := one.ReplacesVersion; old > 0 {
		t.ZH += " 第" + itoa(old) + "版"
		t.EN += " version " + itoa(old)
	}
	if s.r.Lang == Both {
		t.EN = "· " + t.EN
	}
	if one.Reason == "" {
		return t.In(s.r.Lang)
	}
	return t.In(s.r.Lang) + " · " + s.say("更正原因", "Reason") + ": " + one.Reason
}

// conclusion is what the reader came for.
func (s *sheet) conclusion(one Result) {
	c, bg := callInks(one.Call)
	const h = 58.0
	s.bar(s.left, s.y, s.right-s.left, h, bg)
	s.bar(s.left, s.y, 3, h, c)
	s.disc(s.left+34, s.y+h/2, 14, c)
	s.textMid(s.left+34, s.y+h/2+6.5, 18, ink{255, 255, 255}, callGlyph(one.Call))
	s.text(s.left+62, s.y+19, 8, soft, s.say("检测结论", "Conclusion"))
	text := callWords[one.Call].In(s.r.Lang)
	mode := one.Sample.ModeText().In(s.r.Lang)
	s.text(s.left+62, s.y+43, s.fit(text, 20, s.right-s.left-100-s.width(mode, 11)), c, text)
	s.textRight(s.right-14, s.y+19, 8, soft, s.say("采样方式", "Collection"))
	s.textRight(s.right-14, s.y+41, 11, black, mode)
	s.y += h + s.snug(18)
}

func (s *sheet) disc(x, y, radius float64, c ink) {
	s.pdf.SetFillColor(c[0], c[1], c[2])
	s.pdf.Polygon(circle(x, y, radius, 48), "F")
}

// facts is a titled grid of three columns; long values take as many lines as they need.
func (s *sheet) facts(title string, all []fact) {
	s.heading(title)
	s.grid(all)
	s.y += s.snug(8)
}

func (s *sheet) heading(title string) {
	s.room(60)
	s.text(s.left, s.y+8, 9.5, accent, title)
	s.line(s.left, s.y+14, s.right, s.y+14, 0.6, hair)
	s.y += s.snug(24)
}

// snug takes a fifth off a height where two kits or a correction would push the signatures onto a page of their own.
func (s *sheet) snug(h float64) float64 {
	if s.tight {
		return h * 0.8
	}
	return h
}

// grid writes facts in rows of three. One that would take more than a few lines of its column gets the full width below.
func (s *sheet) grid(all []fact) {
	const columns, most = 3, 4
	w := (s.right - s.left) / columns
	var long []fact
	all = slices.DeleteFunc(slices.Clone(all), func(f fact) bool {
		if len(s.wrap(f.value, 10, w-12)) <= most {
			return false
		}
		long = append(long, f)
		return true
	})
	for row := range slices.Chunk(all, columns) {
		lines := 1
		for _, f := range row {
			lines = max(lines, len(s.wrap(f.value, 10, w-12)))
		}
		h := s.snug(15) + float64(lines)*15
		s.room(h)
		for i, f := range row {
			x := s.left + float64(i)*w
			s.text(x, s.y+6, 8, soft, f.label)
			s.block(x, s.y+s.snug(5)+15, w-12, 10, black, f.value)
		}
		s.y += h
	}
	for _, f := range long {
		s.room(30)
		s.text(s.left, s.y+6, 8, soft, f.label)
		s.y += 20
		s.paragraph(s.left, s.right-s.left, 10, black, f.value)
		s.y -= 5
	}
}

func (s *sheet) subjectFacts(one Result) []fact {
	sub := one.Subject
	unit := fact{s.say("送检单位", "Requested by"), s.r.Department.Name.In(s.r.Lang)}
	if sub.Kind != "person" && sub.Kind != "" {
		return filled(fact{s.say("名称", "Name"), sub.Name}, fact{s.say("类别", "Kind"), word(kindWords, sub.Kind).In(s.r.Lang)}, unit,
			fact{s.say("详情", "Detail"), sub.Detail}, fact{s.say("送检人", "Requester"), sub.Doctor})
	}
	doc := s.say("证件号", "Document no.")
	if sub.DocType != "" {
		doc = word(docWords, sub.DocType).In(s.r.Lang)
	}
	all := []fact{
		{s.say("姓名", "Name"), dash(sub.Name)},
		{s.say("性别", "Sex"), dash(word(sexWords, sub.Sex).In(s.r.Lang))},
		{s.say("年龄", "Age"), dash(one.age())},
		{doc, dash(sub.DocNo)},
	}
	return append(all, filled(fact{s.say("电话", "Phone"), sub.Phone}, unit, fact{s.say("病历号/住院号", "Patient no."), sub.PatientNo},
		fact{s.say("床号", "Bed"), sub.Bed}, fact{s.say("送检科室", "Ward"), sub.Ward}, fact{s.say("送检医师", "Doctor"), sub.Doctor},
		fact{s.say("备注", "Detail"), sub.Detail})...)
}

func (s *sheet) sampleFacts(one Result) []fact {
	all := []fact{
		{s.say("样本编号", "Sample no."), dash(one.Sample.Barcode)},
		{s.say("样本类型", "Specimen"), dash(specimen(one.Sample.Specimen).In(s.r.Lang))},
		{s.say("申请号", "Order"), dash(one.OrderID)},
		{s.say("采样时间", "Collected"), dash(s.r.local(one.Times.T0))},
		{s.say("收样时间", "Received"), dash(s.r.local(one.Times.T3))},
		{s.say("检测时间", "Tested"), dash(s.r.local(one.Times.T5))},
	}
	return append(all, filled(fact{s.say("原样本编号", "Original sample"), one.Sample.Original}, fact{s.say("样本体积", "Volume"), one.Sample.Volume})...)
}

// filled leaves out facts without a value.
func filled(all ...fact) []fact {
	var out []fact
	for _, f := range all {
		if f.value != "" {
			out = append(out, f)
		}
	}
	return out
}

func dash(v string) string {
	if v == "" {
		return "—"
	}
	return v
}
