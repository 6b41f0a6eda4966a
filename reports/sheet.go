package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/signintech/gopdf"
)

// ink is a colour of print; the same few as on the pages.
type ink [3]uint8

var (
	black  = ink{0x16, 0x20, 0x2a}
	soft   = ink{0x5b, 0x68, 0x73}
	hair   = ink{0xdf, 0xe3, 0xe6}
	ground = ink{0xf6, 0xf7, 0xf8}
	accent = ink{0x0b, 0x6b, 0x74}
	ok     = ink{0x1d, 0x7a, 0x46}
	okBG   = ink{0xe4, 0xf3, 0xea}
	bad    = ink{0xb3, 0x26, 0x1e}
	badBG  = ink{0xfb, 0xe4, 0xe2}
	warn   = ink{0x8a, 0x5a, 0x00}
	warnBG = ink{0xfd, 0xf1, 0xd7}
	odd    = ink{0x6a, 0x3f, 0xa0}
	oddBG  = ink{0xef, 0xe7, 0xfa}
	ghost  = ink{0xf0, 0xf2, 0xf3} // watermark of an export
	blush  = ink{0xfa, 0xe6, 0xe4} // watermark of a drill
)

// callInks are the colours of a call: of the words and of the ground behind them.
func callInks(call string) (ink, ink) {
	switch callGlyph(call) {
	case "−":
		return ok, okBG
	case "+":
		return bad, badBG
	case "!":
		return odd, oddBG
	}
	return warn, warnBG
}

// sheet is the pages of one report under the pen. Lengths are points from the upper left corner; the first error stays.
type sheet struct {
	pdf   gopdf.GoPdf
	font  *typeface
	r     Report
	w, h  float64 // of the page
	tight bool    // draw closer together
	left  float64 // margins
	right float64
	y     float64 // where the next block begins
	pages int
	size  float64
	err   error
}

const margin = 42.0

// newSheet begins a report on A4, upright or lying.
func newSheet(r Report, lying bool) (*sheet, error) {
	font, err := noto()
	if err != nil {
		return nil, err
	}
	page := gopdf.Rect{W: 595.28, H: 841.89}
	if lying {
		page.W, page.H = page.H, page.W
	}
	s := &sheet{font: font, r: r, w: page.W, h: page.H, left: margin, right: page.W - margin}
	s.pdf.Start(gopdf.Config{PageSize: page})
	s.pdf.SetInfo(gopdf.PdfInfo{Title: r.ID, Author: r.Lab.Name.In(r.Lang), Producer: "natlims", CreationDate: r.Issued.UTC()})
	s.keep(s.pdf.AddTTFFontFromFontContainer(family, &font.container))
	s.keep(s.pdf.SetFont(family, "", 10))
	return s, s.err
}

func (s *sheet) keep(err error) {
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("report %q: page %d: %w", s.r.ID, s.pages, err)
	}
}

// say is a label in the report's language.
func (s *sheet) say(zh, en string) string { return Text{zh, en}.In(s.r.Lang) }

// page begins a new one, with its watermarks underneath.
func (s *sheet) page() {
	s.pdf.AddPage()
	s.pages++
	s.y = margin
	if s.r.Exporter != "" {
		mark := s.font.printable(s.r.Exporter + " " + s.r.local(s.r.Issued))
		for y := 150.0; y < s.h; y += 190 {
			for x := 30.0; x < s.w; x += 230 {
				s.tilted(x, y, 13, ghost, mark)
			}
		}
	}
	if s.r.Drill {
		s.tilted(s.w/2-s.width("演练 DRILL", 84)/2*0.87, s.h/2+s.width("演练 DRILL", 84)/4, 84, blush, "演练 DRILL")
	}
}

func (s *sheet) tilted(x, y, size float64, c ink, t string) {
	s.pdf.Rotate(30, x, y)
	s.text(x, y, size, c, t)
	s.pdf.RotateReset()
}

// text writes one line; y is its baseline.
func (s *sheet) text(x, y, size float64, c ink, t string) {
	if t == "" {
		return
	}
	if size != s.size {
		s.keep(s.pdf.SetFontSize(size))
		s.size = size
	}
	s.pdf.SetTextColor(c[0], c[1], c[2])
	s.pdf.SetXY(x, y)
	s.keep(s.pdf.Text(s.font.printable(t)))
}

func (s *sheet) textRight(x, y, size float64, c ink, t string) {
	s.text(x-s.width(t, size), y, size, c, t)
}

func (s *sheet) textMid(x, y, size float64, c ink, t string) {
	s.text(x-s.width(t, size)/2, y, size, c, t)
}

// block writes t in lines not wider than w and gives the baseline after the last.
func (s *sheet) block(x, y, w, size float64, c ink, t string) float64 {
	for _, line := range s.wrap(t, size, w) {
		s.text(x, y, size, c, line)
		y += math.Round(size * 1.5)
	}
	return y
}

// paragraph writes t over as many pages as it needs, beginning at the line s.y.
func (s *sheet) paragraph(x, w, size float64, c ink, t string) {
	step := math.Round(size * 1.5)
	for _, line := range s.wrap(t, size, w) {
		s.room(step)
		s.text(x, s.y, size, c, line)
		s.y += step
	}
}

// fit is the size at which t is not wider than w: size where it fits, at least 6 points.
func (s *sheet) fit(t string, size, w float64) float64 {
	if wide := s.width(t, size); wide > w {
		size = max(math.Floor(size*w/wide*2)/2, 6)
	}
	return size
}

func (s *sheet) width(t string, size float64) float64 {
	sum := 0.0
	for _, r := range s.font.printable(t) {
		sum += s.font.width(r)
	}
	return sum * size
}

// wrap breaks t into lines not wider than w: between Chinese characters and at spaces, inside a word only where it is wider than a line.
// It drops nothing but the space at a break.
func (s *sheet) wrap(t string, size, w float64) []string {
	runes := []rune(s.font.printable(t))
	var lines []string
	start, brk, sum := 0, -1, 0.0
	for i := 0; i < len(runes); i++ {
		sum += s.font.width(runes[i]) * size
		if sum > w && i > start {
			end := i
			if brk > start {
				end = brk
			}
			lines = append(lines, strings.TrimRight(string(runes[start:end]), " "))
			for end < len(runes) && runes[end] == ' ' {
				end++
			}
			start, brk, sum = end, -1, 0
			i = end - 1
			continue
		}
		if breakable(runes, i+1) {
			brk = i + 1
		}
	}
	if start < len(runes) || len(lines) == 0 {
		lines = append(lines, string(runes[start:]))
	}
	return lines
}

// breakable says whether a line may end before runes[i]: after a space and beside a Chinese character, but not before closing marks.
func breakable(runes []rune, i int) bool {
	if i >= len(runes) || strings.ContainsRune("。,、;:!?)】》,.;:!?)", runes[i]) {
		return false
	}
	return runes[i-1] == ' ' || runes[i-1] >= 0x2e80 || runes[i] >= 0x2e80
}

func (s *sheet) line(x1, y1, x2, y2, width float64, c ink) {
	s.pdf.SetLineWidth(width)
	s.pdf.SetStrokeColor(c[0], c[1], c[2])
	s.pdf.Line(x1, y1, x2, y2)
}

// bar is a filled rectangle; y is its upper edge.
func (s *sheet) bar(x, y, w, h float64, c ink) {
	s.pdf.SetFillColor(c[0], c[1], c[2])
	s.pdf.RectFromUpperLeftWithStyle(x, y, w, h, "F")
}

// finish writes the foot of every page, now that their number is known, and gives the file.
func (s *sheet) finish() ([]byte, error) {
	for n := 1; n <= s.pages; n++ {
		s.keep(s.pdf.SetPage(n))
		y := s.h - 30
		s.line(s.left, y-12, s.right, y-12, 0.4, hair)
		s.text(s.left, y, 7.5, soft, join(" · ", s.r.Lab.Form, s.r.Lab.Address, s.r.Lab.Phone))
		of := fmt.Sprintf("第 %d 页 / 共 %d 页", n, s.pages)
		if s.r.Lang == English {
			of = fmt.Sprintf("page %d / %d", n, s.pages)
		}
		s.textRight(s.right, y, 7.5, soft, s.r.ID+"   "+of)
	}
	if s.err != nil {
		return nil, s.err
	}
	pdf, err := s.pdf.GetBytesPdfReturnErr()
	if err != nil {
		return nil, err
	}
	return mendToUnicode(pdf)
}

// join joins what is not empty.
func join(sep string, parts ...string) string {
	var full []string
	for _, p := range parts {
		if p != "" {
			full = append(full, p)
		}
	}
	return strings.Join(full, sep)
}
