package reports

import (
	"math"
	"slices"
	"strconv"

	"github.com/signintech/gopdf"
)

func itoa(n int) string { return strconv.Itoa(n) }

// arm is the test with one kit: its reagents, then a line a target.
func (s *sheet) arm(one Result, i int, arm Arm) {
	title := s.say("检测结果", "Result by target")
	if len(one.Arms) > 1 {
		title += " " + string(rune('A'+i))
	}
	s.room(70 + float64(len(arm.Targets))*20)
	s.heading(title)
	s.targets(arm.Targets)
	how := join(" · ", arm.Method.or(standardMethod).In(s.r.Lang), arm.Kit.In(s.r.Lang), labelled(s.say("批号", "lot"), arm.Lot),
		labelled(s.say("检测限", "LoD"), arm.LoD), labelled(s.say("仪器", "instrument"), one.Instrument))
	s.room(26)
	s.y = s.block(s.left+8, s.y+4, s.right-s.left-16, 8.5, soft, how) + s.snug(9)
}

// labelled is the value with its label, "" without a value.
func labelled(label, value string) string {
	if value == "" {
		return ""
	}
	return label + " " + value
}

// targets is the table of one kit. The column of Cq values stands only where the policy prints them.
func (s *sheet) targets(all []Target) {
	withCq := slices.ContainsFunc(all, func(t Target) bool { return t.CqText != "" })
	w := s.right - s.left
	at := []float64{s.left + 8, s.left + w*0.36, s.left + w*0.60, s.left + w*0.76}
	head := []string{s.say("检测靶标", "Target"), s.say("结果", "Result"), s.say("Ct 值", "Cq"), s.say("参考值", "Reference")}
	if !withCq {
		head[2] = ""
	}
	s.bar(s.left, s.y-4, w, 18, ground)
	for i, t := range head {
		s.text(at[i], s.y+8, 8, soft, t)
	}
	s.y += 14
	for _, t := range all {
		h := s.snug(20)
		s.room(h)
		name, want := t.Name, stateWords["neg"].In(s.r.Lang)
		if t.Internal {
			name, want = name+" "+s.say("(内标)", "(internal control)"), stateWords["pos"].In(s.r.Lang)
		}
		s.text(at[0], s.y+h-6, 10, black, name)
		s.text(at[1], s.y+h-6, 10, targetInk(t), stateWords[t.State].In(s.r.Lang))
		if withCq {
			s.text(at[2], s.y+h-6, 10, black, dash(t.CqText))
		}
		s.text(at[3], s.y+h-6, 10, soft, want)
		s.line(s.left, s.y+h, s.right, s.y+h, 0.4, hair)
		s.y += h
	}
	s.y += s.snug(10)
}

// targetInk colours what is not as the reference says.
func targetInk(t Target) ink {
	switch {
	case t.State == "neg" && !t.Internal, t.State == "pos" && t.Internal:
		return black
	case t.State == "pos":
		return bad
	}
	return warn
}

// notes are the sentences that every report carries, then those of its pool and the remark.
func (s *sheet) notes(kind string, arms []Arm, more []Text, remark string) {
	lod := ""
	var seen []string
	for _, a := range arms {
		if a.LoD != "" && !slices.Contains(seen, a.LoD) {
			lod, seen = join(" / ", lod, a.LoD), append(seen, a.LoD)
		}
	}
	if lod != "" {
		lod = " (" + lod + ")"
	}
	use := Text{"本结果仅供临床参考,不能作为最终诊断依据。", "For clinical reference only; not a final diagnosis by itself."}
	if kind != "person" && kind != "" {
		use = Text{"本结果仅供参考,不能单独作为处置依据。", "For reference only; not a sole ground for measures."}
	}
	all := []Text{
		{"本检测采用荧光PCR法,样本中病毒核酸浓度低于检测限" + lod + "时不能保证检出。",
			"Real-time RT-PCR; nucleic acid below the limit of detection" + lod + " may not be detected."},
		use,
		{"本报告仅对本次送检样本负责。", "This report holds for the sample received only."},
	}
	all = append(all, more...)
	if remark != "" {
		all = append(all, Text{ZH: remark})
	}
	s.room(40)
	s.text(s.left, s.y+8, 8.5, soft, s.say("说明", "Notes"))
	s.y += 21
	for i, t := range all {
		s.room(13)
		s.text(s.left, s.y, 8.5, soft, itoa(i+1)+".")
		s.paragraph(s.left+14, s.right-s.left-14, 8.5, soft, t.In(s.r.Lang))
	}
}

// signing is the end of a report: two different people and when the second one signed.
type signing struct{ checked, released, at, verify string }

// signatures stand at the foot of the last page, with a place for the seal and the code by which the report is verified.
func (s *sheet) signatures(g signing) {
	const h = 84.0
	s.room(h)
	s.y = s.h - footRoom - h
	x := s.left
	if g.verify != "" {
		s.qr(x, s.y+4, 62, g.verify)
		s.textMid(x+31, s.y+77, 7, soft, s.say("扫码核验", "Verify"))
		x += 84
	}
	w := (s.right - 92 - x) / 3
	for i, f := range []fact{
		{s.say("检测者", "Tested by"), g.checked}, {s.say("审核者", "Reviewed by"), g.released}, {s.say("报告时间", "Reported"), g.at},
	} {
		left := x + float64(i)*w
		s.text(left, s.y+16, 8, soft, f.label)
		size := 12.0
		if i == 2 {
			size = 9.5
		}
		lines := s.wrap(dash(f.value), size, w-12)
		for len(lines) > 2 && size > 6 { // many signers of a long list
			size -= 0.5
			lines = s.wrap(dash(f.value), size, w-12)
		}
		for j, line := range lines {
			s.text(left, s.y+47-float64(len(lines)-1-j)*(size+1), size, black, line)
		}
		s.line(left, s.y+54, left+w-12, s.y+54, 0.6, hair)
	}
	s.pdf.SetLineType("dashed")
	s.pdf.SetLineWidth(0.6)
	s.pdf.SetStrokeColor(hair[0]-20, hair[1]-20, hair[2]-20)
	s.pdf.Polygon(circle(s.right-38, s.y+38, 36, 72), "D")
	s.pdf.SetLineType("solid")
	s.textMid(s.right-38, s.y+41, 8, ink{0xb4, 0xbc, 0xc2}, s.say("检验专用章", "Seal"))
	s.y += h
}

// circle is a polygon of n corners that looks round in print.
func circle(x, y, radius float64, n int) []gopdf.Point {
	points := make([]gopdf.Point, n)
	for i := range points {
		a := 2 * math.Pi * float64(i) / float64(n)
		points[i] = gopdf.Point{X: x + radius*math.Cos(a), Y: y + radius*math.Sin(a)}
	}
	return points
}
