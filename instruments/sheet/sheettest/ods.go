package sheettest

import (
	"fmt"
	"strings"
)

// ODS writes an OpenDocument spreadsheet: empty cells and rows as repeats, runs of blanks and line ends as elements.
func ODS(sheets ...Sheet) []byte {
	return Zip(Entry{"mimetype", "application/vnd.oasis.opendocument.spreadsheet"}, Entry{"content.xml", FODS(sheets...)})
}

// FODS is its document.
func FODS(sheets ...Sheet) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" ` +
		`xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" ` +
		`office:mimetype="application/vnd.oasis.opendocument.spreadsheet"><office:body><office:spreadsheet>`)
	for _, s := range sheets {
		fmt.Fprintf(&b, `<table:table table:name="%s"><table:shapes><table:table><table:table-row/></table:table></table:shapes><table:table-column table:number-columns-repeated="9"/>`, escape(s.Name))
		for i := 0; i < len(s.Rows); i++ {
			if s.Rows[i] != nil {
				odsRow(&b, s.Rows[i])
				continue
			}
			n := 1
			for ; i+1 < len(s.Rows) && s.Rows[i+1] == nil; i++ {
				n++
			}
			fmt.Fprintf(&b, `<table:table-row table:number-rows-repeated="%d"><table:table-cell table:number-columns-repeated="1024"/></table:table-row>`, n)
		}
		b.WriteString(`<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>`)
	}
	b.WriteString(`</office:spreadsheet></office:body></office:document-content>`)
	return b.String()
}

func odsRow(b *strings.Builder, row []string) {
	b.WriteString(`<table:table-row>`)
	for i := 0; i < len(row); i++ {
		n := 1
		for ; i+1 < len(row) && row[i+1] == row[i]; i++ {
			n++
		}
		repeat := ""
		if n > 1 {
			repeat = fmt.Sprintf(` table:number-columns-repeated="%d"`, n)
		}
		switch cell := row[i]; {
		case cell == "":
			fmt.Fprintf(b, `<table:table-cell%s/>`, repeat)
		case cell == "TRUE" || cell == "FALSE":
			fmt.Fprintf(b, `<table:table-cell%s office:value-type="boolean" office:boolean-value="%s"><text:p>%s</text:p></table:table-cell>`, repeat, strings.ToLower(cell), cell)
		case number.MatchString(cell):
			fmt.Fprintf(b, `<table:table-cell%s office:value-type="float" office:value="%s"><office:annotation><text:p>no</text:p></office:annotation><text:p>#.#</text:p></table:table-cell>`, repeat, cell)
		default:
			text := strings.ReplaceAll(strings.ReplaceAll(escape(cell), "  ", ` <text:s text:c="1"/>`), "\n", `<text:line-break/>`)
			fmt.Fprintf(b, `<table:table-cell%s office:value-type="string"><text:p><text:span>%s</text:span></text:p></table:table-cell>`, repeat, text)
		}
	}
	b.WriteString(`</table:table-row>`)
}
