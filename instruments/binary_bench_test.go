package instruments_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"natlims/instruments"
	"natlims/instruments/sheet/sheettest"
)

// BenchmarkWorkbook reads an xlsx of 384 wells and three targets by content: 1,152 rows of 14 columns, without and with curves.
func BenchmarkWorkbook(b *testing.B) {
	results := sheettest.Sheet{Name: "Results", Rows: [][]string{{"Software Name and Version", "Design & Analysis Software v2.7.0"}, {"Exported On", "2026-01-01"}, {"Block Type", "384-Well Block"},
		{"Well", "Well Position", "Omit", "Sample", "Target", "Task", "Reporter", "Quencher", "Amp Status", "Amp Score", "Curve Quality", "Cq", "Cq Confidence", "Cq Mean"}}}
	curves := sheettest.Sheet{Name: "Amplification Data", Rows: [][]string{{"Well", "Well Position", "Cycle Number", "Target", "Rn", "dRn"}}}
	for i := range 1152 {
		well, at, target := strconv.Itoa(i/3+1), fmt.Sprintf("%c%d", 'A'+i/3/24, i/3%24+1), []string{"ORF1ab", "N", "IC"}[i%3]
		results.Rows = append(results.Rows, []string{well, at, "FALSE", fmt.Sprintf("S%05d", i/3), target, "UNKNOWN", "FAM", "NFQ-MGB", "AMP", num(i, 977), "", num(i, 53), num(i, 1013), num(i, 59)})
		for c := range 40 {
			curves.Rows = append(curves.Rows, []string{well, at, strconv.Itoa(c + 1), target, num(i*c, 991), num(i+c, 997)})
		}
	}
	for name, sheets := range map[string][]sheettest.Sheet{"results": {results}, "curves": {results, curves}} {
		raw := sheettest.XLSX(sheettest.Style{}, sheets...)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				runs, err := instruments.Decode(&instruments.File{Raw: raw}, "")
				if err != nil || len(runs[0].Readings) != 1152 {
					b.Fatal(err)
				}
			}
		})
	}
}

func num(i, by int) string {
	return strconv.FormatFloat(math.Mod(20+float64(i)*1.37/float64(by)*17, 40), 'f', -1, 64)
}

// BenchmarkRDML reads 96 wells x 3 targets x 45 cycles by content.
func BenchmarkRDML(b *testing.B) {
	var s strings.Builder
	s.WriteString(`<rdml version="1.2" xmlns="http://www.rdml.org"><experiment id="e"><run id="r"><pcrFormat><rows>8</rows><columns>12</columns><rowLabel>ABC</rowLabel></pcrFormat>`)
	for w := range 96 {
		fmt.Fprintf(&s, `<react id="%d"><sample id="S%d"/>`, w+1, w)
		for k := range 3 {
			fmt.Fprintf(&s, `<data><tar id="T%d"/><cq>%s</cq>`, k, num(w, 53))
			for c := range 45 {
				fmt.Fprintf(&s, `<adp><cyc>%d</cyc><tmp>64.9899978637695</tmp><fluor>%s</fluor></adp>`, c+1, num(w*c+k, 997))
			}
			s.WriteString(`</data>`)
		}
		s.WriteString(`</react>`)
	}
	s.WriteString(`</run></experiment></rdml>`)
	raw := sheettest.Zip(sheettest.Entry{Name: "rdml_data.xml", Body: s.String()})
	b.SetBytes(int64(s.Len()))
	b.ReportAllocs()
	for b.Loop() {
		runs, err := instruments.Decode(&instruments.File{Raw: raw}, "")
		if err != nil || len(runs[0].Readings) != 288 || len(runs[0].Curves) != 288 {
			b.Fatal(err)
		}
	}
}
