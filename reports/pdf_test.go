package reports

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

var (
	stream  = regexp.MustCompile(`(?s)<<([^<>]*(?:<<[^<>]*>>[^<>]*)*)>>\s*stream\n(.*?)\n?endstream`)
	bfRange = regexp.MustCompile(`<([0-9A-F]{4})><[0-9A-F]{4}><([0-9A-F]+)>`)
	placed  = regexp.MustCompile(`[0-9.]+ (-?[0-9.]+) TD`)
	shown   = regexp.MustCompile(`\[<([0-9A-F>\-<]*)>\] TJ`)
)

// unpacked are the streams of a PDF: its map of glyphs to characters and what is drawn on each page.
func unpacked(t *testing.T, pdf []byte) (glyphs map[string]string, pages []string) {
	t.Helper()
	glyphs = map[string]string{}
	for _, m := range stream.FindAllSubmatch(pdf, -1) {
		body := m[2]
		if bytes.Contains(m[1], []byte("FlateDecode")) {
			z, err := zlib.NewReader(bytes.NewReader(body))
			require.NoError(t, err)
			body, err = io.ReadAll(z)
			require.NoError(t, err)
		}
		for _, r := range bfRange.FindAllSubmatch(body, -1) {
			raw, err := hex.DecodeString(string(r[2]))
			require.NoError(t, err, "ToUnicode of glyph %s", r[1])
			units := make([]uint16, len(raw)/2)
			for i := range units {
				units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
			}
			glyphs[string(r[1])] = string(utf16.Decode(units))
		}
		if bytes.Contains(body, []byte(" TJ")) {
			pages = append(pages, string(body))
		}
	}
	require.NotEmpty(t, glyphs)
	return glyphs, pages
}

func pdfPages(t *testing.T, pdf []byte) []string { _, pages := unpacked(t, pdf); return pages }

// pdfText is the text of a PDF as a reader's search would find it: the strings in the order of drawing, a line each, pages apart.
func pdfText(t *testing.T, pdf []byte) string {
	t.Helper()
	glyphs, pages := unpacked(t, pdf)
	var out strings.Builder
	for i, page := range pages {
		fmt.Fprintf(&out, "--- page %d\n", i+1)
		for _, m := range shown.FindAllStringSubmatch(page, -1) {
			for j := 0; j+4 <= len(m[1]); j += 4 {
				out.WriteString(glyphs[m[1][j:j+4]])
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// Rare names are drawn, searched and copied as they are; what the font lacks becomes 〓.
func TestRareCharacters(t *testing.T) {
	t.Parallel()
	r := person()
	r.Subject.Name = "䶮㛃𬭎\U0003ffff\u0000"
	b, err := renderPDF(report(r))
	require.NoError(t, err)
	require.Contains(t, pdfText(t, b), "䶮㛃𬭎〓〓\n")
}

// The cross references point at their objects, also after the mending of the character map.
func TestCrossReferences(t *testing.T) {
	t.Parallel()
	r := person()
	r.Subject.Name = "𬭎𬭎𫖯"
	pdf, err := renderPDF(report(r))
	require.NoError(t, err)
	tail := pdf[bytes.LastIndex(pdf, []byte("startxref\n"))+10:]
	start, err := strconv.Atoi(string(tail[:bytes.IndexByte(tail, '\n')]))
	require.NoError(t, err)
	lines := strings.Split(string(pdf[start:]), "\n")
	require.Equal(t, "xref", lines[0])
	n := 0
	for _, l := range lines[3:] {
		if !strings.HasSuffix(l, " n ") {
			break
		}
		n++
		offset, err := strconv.Atoi(l[:10])
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(pdf[offset:], []byte(fmt.Sprintf("%d 0 obj\n", n))), "object %d", n)
	}
	require.Greater(t, n, 5)
	for _, m := range regexp.MustCompile(`(?s)/Length (\d+)\n[^>]*>>\nstream\n`).FindAllSubmatchIndex(pdf, -1) {
		length, err := strconv.Atoi(string(pdf[m[2]:m[3]]))
		require.NoError(t, err)
		rest := pdf[m[1]+length:]
		require.True(t, bytes.HasPrefix(bytes.TrimLeft(rest, "\n"), []byte("endstream")), "length at byte %d", m[2])
	}
}

func TestWrapKeepsEverything(t *testing.T) {
	t.Parallel()
	s, err := newSheet(report(person()), false)
	require.NoError(t, err)
	for _, text := range []string{"", "短", strings.Repeat("长", 300), strings.Repeat("W", 300), "新型 coronavirus 核酸,检测。(结果)" + strings.Repeat(" word", 50)} {
		lines := s.wrap(text, 10, 80)
		require.Equal(t, strings.ReplaceAll(text, " ", ""), strings.ReplaceAll(strings.Join(lines, ""), " ", ""))
		for _, l := range lines {
			require.LessOrEqual(t, s.width(l, 10), 80.0)
		}
	}
}

func TestLongContentsTakeMorePages(t *testing.T) {
	t.Parallel()
	r := person()
	r.Remark = strings.Repeat("备注很长。", 800)
	r.Subject.Detail = strings.Repeat("详", 1300)
	for range 30 {
		r.Arms[0].Targets = append(r.Arms[0].Targets, Target{Name: "S", State: "inv"})
	}
	b, err := renderPDF(report(r))
	require.NoError(t, err)
	text := pdfText(t, b)
	require.Equal(t, 800, strings.Count(text, "很"))
	require.Equal(t, 1300, strings.Count(text, "详"))
	require.Contains(t, text[len(text)-60:], "共 5 页")
	for _, page := range pdfPages(t, b) {
		for _, m := range placed.FindAllStringSubmatch(page, -1) {
			y, err := strconv.ParseFloat(m[1], 64)
			require.NoError(t, err)
			require.Greater(t, y, 25.0, "text below the page")
		}
	}
}

func BenchmarkPerson(b *testing.B)   { bench(b, "pdf", report(person())) }
func BenchmarkList100(b *testing.B)  { bench(b, "pdf", report(crowd(100)...)) }
func BenchmarkPages100(b *testing.B) { bench(b, "pdf-pages", report(crowd(100)...)) }
func BenchmarkJSON100(b *testing.B)  { bench(b, "json", report(crowd(100)...)) }

func bench(b *testing.B, format string, r Report) {
	f, _ := FormatNamed(format)
	_, err := f.Render(r)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Render(r); err != nil {
			b.Fatal(err)
		}
	}
}

// One font serves all reports of the process, also at the same time.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	want, err := renderPDF(report(person()))
	require.NoError(t, err)
	got := make(chan []byte, 8)
	for i := range cap(got) {
		go func() {
			r := person()
			r.Subject.Name += string(rune('一' + i)) // fonts of different subsets
			_, _ = renderPDF(report(r))
			b, _ := renderPDF(report(person()))
			got <- b
		}()
	}
	for range cap(got) {
		require.True(t, bytes.Equal(want, <-got))
	}
}

// The signatures stand below what they sign: two kits, and their correction, take one page.
func TestTwoKitsTakeOnePage(t *testing.T) {
	t.Parallel()
	one := person()
	one.Arms = []Arm{{Kit: Text{ZH: "达安基因 新型冠状病毒2019-nCoV核酸检测试剂盒"}, Lot: "2026031", LoD: "500 copies/mL", Targets: []Target{{Name: "ORF1ab", State: "pos"}, {Name: "N", State: "pos"}, {Name: "IC", State: "pos", Internal: true}}}}
	one.Arms = append(one.Arms, one.Arms[0])
	one.Subject.PatientNo, one.Subject.Ward, one.Subject.Bed, one.Subject.Doctor, one.Sample.Volume = "", "", "", "", "" // a screening, not a stay in hospital
	for name, edit := range map[string]func(*Result){
		"first":     func(*Result) {},
		"corrected": func(r *Result) { r.Replaces, r.ReplacesVersion, r.Reason = "R-1", 1, "复测结果不同" },
		"replaced":  func(r *Result) { r.ReplacedBy = "R-1-V2" },
	} {
		two := one
		edit(&two)
		b, err := renderPDF(report(two))
		require.NoError(t, err)
		require.Equal(t, 1, len(pdfPages(t, b)), name)
		if name == "replaced" {
			require.Contains(t, pdfText(t, b), "不再有效")
		}
	}
}
