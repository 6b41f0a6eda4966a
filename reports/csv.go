package reports

import (
	"bytes"
	"strconv"
	"strings"
)

func init() {
	register(Format{Name: "csv", Title: "CSV, UTF-8 with BOM, one row a person", Type: "text/csv; charset=utf-8", Ext: "csv", Render: renderCSV})
}

// csvColumns are the columns in order: the code that stands in the first row for machines.
var csvColumns = []string{"report_id", "order_id", "order_no", "version", "replaces", "call", "call_text", "name", "sex", "age",
	"doc_type", "doc_no", "phone", "barcode", "specimen", "mode", "pooled_n", "pool_of", "kits", "targets", "collected", "received",
	"released", "clock_a_minutes", "clock_b_minutes", "checked_by", "released_by", "lab", "department", "drill", "remark"}

// renderCSV writes RFC 4180 with a byte order mark (spreadsheets take the file for GBK without it) and CRLF.
// Times are in the report's zone; calls are codes with their text beside them.
func renderCSV(r Report) ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("\ufeff")
	writeRow(&b, csvColumns)
	for _, one := range r.Results {
		writeRow(&b, r.csvRow(one))
	}
	return b.Bytes(), nil
}

// writeRow is not encoding/csv's: that one drops or adds a carriage return inside a cell when its lines end in CRLF.
func writeRow(b *bytes.Buffer, row []string) {
	for i, cell := range row {
		if i > 0 {
			b.WriteByte(',')
		}
		cell = CSVCell(cell)
		if strings.ContainsAny(cell, ",;\t\r\n\" ") {
			cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		b.WriteString(cell)
	}
	b.WriteString("\r\n")
}

func (r Report) csvRow(one Result) []string {
	lang := r.Lang
	var kits, targets []string
	for _, arm := range one.Arms {
		kits = append(kits, strings.TrimSpace(arm.Kit.In(lang)+" "+arm.Lot))
		for _, t := range arm.Targets {
			s := t.Name + " " + stateWords[t.State].In(lang)
			if t.CqText != "" {
				s += " " + t.CqText
			}
			targets = append(targets, s)
		}
	}
	count := func(d *int) string {
		if d == nil {
			return ""
		}
		return strconv.Itoa(*d)
	}
	s := one.Subject
	return []string{r.ID, one.OrderID, strconv.FormatInt(one.OrderNo, 10), strconv.Itoa(max(one.Version, 1)), one.Replaces,
		one.Call, callWords[one.Call].In(lang), s.Name, s.Sex, one.age(), s.DocType, s.DocNo, s.Phone,
		one.Sample.Barcode, specimen(one.Sample.Specimen).In(lang), one.Sample.ModeText().In(lang),
		strconv.Itoa(max(one.Sample.PooledN, 1)), strconv.Itoa(max(one.Sample.PoolOf, 1)),
		strings.Join(kits, "; "), strings.Join(targets, "; "),
		r.local(one.Times.T0), r.local(one.Times.T3), r.local(one.ReviewedAt),
		count(minutes(one.Times.ClockA())), count(minutes(one.Times.ClockB())),
		one.CheckedBy, one.ReleasedBy, r.Lab.Name.In(lang), r.Department.Name.In(lang), strconv.FormatBool(r.Drill), one.Remark}
}

// CSVCell makes a cell harmless to spreadsheets: what they could read as a formula gets an apostrophe in front, and so does
// what begins with an apostrophe, so that taking one away always gives the text back.
func CSVCell(s string) string {
	head := strings.TrimLeft(s, " \u00a0\u3000\u200b\ufeff")
	if head == "" {
		return s
	}
	if strings.ContainsRune("=+-@\t\r\n＝＋－＠'", []rune(head)[0]) {
		return "'" + s
	}
	return s
}
