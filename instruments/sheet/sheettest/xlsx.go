package sheettest

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
)

// Style says how XLSX writes its cells; the zero value is what Excel writes.
type Style struct {
	Inline   bool   // inline strings instead of shared ones, as Java libraries write
	Prefix   string // namespace prefix of the sheets' elements, such as "x"
	Bare     bool   // no references on rows and cells: their order says where they stand
	AllText  bool   // numbers as texts
	Absolute bool   // absolute targets in the relations
}

var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// XLSX writes a workbook. Cells that look like numbers are written as numbers, "TRUE" and "FALSE" as truth values, "#N/A" as an error.
func XLSX(style Style, sheets ...Sheet) []byte {
	const main = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	const rel = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	root := ""
	if style.Absolute {
		root = "/xl/"
	}
	w := xlsxWriter{Style: style, index: map[string]int{}}
	var list, rels strings.Builder
	entries := []Entry{{"_rels/.rels", `<Relationships xmlns="x"><Relationship Id="r1" Type="` + rel + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`}}
	for i, s := range sheets {
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, escape(s.Name), i+1, i+1)
		fmt.Fprintf(&rels, `<Relationship Id="rId%d" Type="%s/worksheet" Target="%sworksheets/sheet%d.xml"/>`, i+1, rel, root, i+1)
		entries = append(entries, Entry{fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1), w.sheet(s, main)})
	}
	fmt.Fprintf(&rels, `<Relationship Id="rIdS" Type="%s/sharedStrings" Target="%ssharedStrings.xml"/>`, rel, root)
	var shared strings.Builder
	for _, t := range w.shared {
		shared.WriteString("<si><t xml:space=\"preserve\">" + escape(t) + "</t></si>")
	}
	return Zip(append(entries,
		Entry{"xl/workbook.xml", `<?xml version="1.0" encoding="UTF-8"?><workbook ` + main + ` xmlns:r="` + rel + `"><sheets>` + list.String() + `</sheets></workbook>`},
		Entry{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="x">` + rels.String() + `</Relationships>`},
		Entry{"xl/sharedStrings.xml", `<sst ` + main + `>` + shared.String() + `</sst>`})...)
}

type xlsxWriter struct {
	Style
	shared []string
	index  map[string]int
}

func (w *xlsxWriter) sheet(s Sheet, main string) string {
	p := ""
	if w.Prefix != "" {
		p = w.Prefix + ":"
		main = strings.Replace(main, "xmlns=", "xmlns:"+w.Prefix+"=", 1)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><%sworksheet %s><%ssheetData>`, p, main, p)
	for i, row := range s.Rows {
		at := ""
		if !w.Bare {
			if row == nil {
				continue
			}
			at = fmt.Sprintf(` r="%d"`, i+1)
		}
		fmt.Fprintf(&b, "<%srow%s>", p, at)
		for col, text := range row {
			w.cell(&b, p, i, col, text)
		}
		fmt.Fprintf(&b, "</%srow>", p)
	}
	fmt.Fprintf(&b, "</%ssheetData></%sworksheet>", p, p)
	return b.String()
}

func (w *xlsxWriter) cell(b *strings.Builder, p string, row, col int, text string) {
	at := ""
	if !w.Bare {
		if text == "" {
			return
		}
		at = fmt.Sprintf(` r="%s%d"`, Column(col), row+1)
	}
	kind, body := "", ""
	switch {
	case text == "":
	case number.MatchString(text) && !w.AllText:
		body = "<" + p + "v>" + text + "</" + p + "v>"
	case text == "TRUE" || text == "FALSE":
		kind, body = ` t="b"`, fmt.Sprintf("<%sv>%d</%sv>", p, strings.Count(text, "TRUE"), p)
	case strings.HasPrefix(text, "#N/A"):
		kind, body = ` t="e"`, "<"+p+"v>"+text+"</"+p+"v>"
	case w.Inline:
		kind, body = ` t="inlineStr"`, "<"+p+"is><"+p+"t>"+escape(text)+"</"+p+"t></"+p+"is>"
	default:
		n, ok := w.index[text]
		if !ok {
			n = len(w.shared)
			w.index[text] = n
			w.shared = append(w.shared, text)
		}
		kind, body = ` t="s"`, fmt.Sprintf("<%sv>%d</%sv>", p, n, p)
	}
	fmt.Fprintf(b, "<%sc%s%s>%s</%sc>", p, at, kind, body, p)
}

// Column is the letters of a column counted from 0.
func Column(col int) string {
	s := ""
	for col++; col > 0; col = (col - 1) / 26 {
		s = string(rune('A'+(col-1)%26)) + s
	}
	return s
}

func escape(s string) string {
	var b strings.Builder
	must(xml.EscapeText(&b, []byte(s)))
	return b.String()
}
