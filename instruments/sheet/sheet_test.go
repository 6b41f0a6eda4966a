package sheet_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"natlims/instruments/sheet"
	"natlims/instruments/sheet/sheettest"
	"natlims/instruments/unpack"
)

const results = `== Results
Block Type	96-Well Block

Well	Well Position	Sample Name	Target Name	CT	Omit
1	A1	中文样本	ORF1ab	23.456000000000003	FALSE
1.0	A1	<a & "b">	N	Undetermined	TRUE
2	A2		N	17.97
3	A3	2.34E-4	0.5	#N/A
== 原始数据
1	2	3
`

// dump writes the sheets as sheettest.Text reads them, with the line numbers shown.
func dump(t testing.TB, raw []byte) string {
	t.Helper()
	b, err := sheet.Open(raw)
	require.NoError(t, err)
	var out strings.Builder
	for _, s := range b.Sheets {
		rows, err := s.Rows()
		require.NoError(t, err)
		fmt.Fprintf(&out, "== %s\n", s.Name)
		line := 0
		for _, r := range rows {
			for line++; line < r.Line; line++ {
				out.WriteByte('\n')
			}
			out.WriteString(strings.Join(r.Cells, "\t") + "\n")
		}
	}
	return out.String()
}

func TestXLSXStyles(t *testing.T) {
	t.Parallel()
	for name, style := range map[string]sheettest.Style{
		"shared": {}, "inline": {Inline: true}, "prefix": {Prefix: "x"}, "text": {AllText: true}, "absolute": {Absolute: true},
		"bare": {Bare: true}, "all": {Inline: true, Prefix: "ns0", Bare: true, Absolute: true},
	} {
		require.Equal(t, results, dump(t, sheettest.XLSX(style, sheettest.Text(results)...)), name)
	}
}

func TestXLSVersions(t *testing.T) {
	t.Parallel()
	text := strings.Replace(results, "#N/A", "=formula 结果", 1)
	want := strings.NewReplacer("1.0\tA1", "1\tA1", "=formula", "formula", "2.34E-4", "0.000234").Replace(text)
	for _, v := range []sheettest.Version{sheettest.BIFF8, sheettest.BIFF5} {
		require.Equal(t, want, dump(t, sheettest.XLS(v, sheettest.Text(text)...)), v)
	}
	one := "== \nPosition\tTubeID\tCt\n1\tT00122\t23.45\n2\t=x\tFALSE\n"
	require.Equal(t, strings.Replace(one, "=x", "x", 1), dump(t, sheettest.XLS(sheettest.BIFF2, sheettest.Text(one)...)))
}

// Strings longer than a record go on behind a flag byte of their own; large streams leave the mini stream.
func TestXLSContinue(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("== long\n")
	for i := range 40 {
		fmt.Fprintf(&b, "%d\t%s%d\t%s\n", i, strings.Repeat("Latin ", 300), i, strings.Repeat("汉字", 900+i))
	}
	for _, v := range []sheettest.Version{sheettest.BIFF8, sheettest.BIFF5} {
		require.Equal(t, b.String(), dump(t, sheettest.XLS(v, sheettest.Text(b.String())...)), v)
	}
}

// Excel 3 and 4 wrote one sheet without a container; a double that is no number is shown as an error.
func TestXLSNaked(t *testing.T) {
	t.Parallel()
	for name, bof := range map[string]string{"3": "\x09\x02\x06\x00\x00\x00\x10\x00\x00\x00", "4": "\x09\x04\x06\x00\x00\x00\x10\x00\x00\x00"} {
		raw := bof + "\x04\x02\x0a\x00\x00\x00\x00\x00\x00\x00\x02\x00Ct" +
			"\x03\x02\x0e\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x37\x40" +
			"\x03\x02\x0e\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf8\x7f" +
			"\x05\x02\x08\x00\x03\x00\x00\x00\x00\x00\x2a\x01" + "\x0a\x00\x00\x00"
		require.Equal(t, "== \nCt\n23.5\n#NUM!\n#N/A\n", dump(t, []byte(raw)), name)
	}
}

// Sheets that name the same part or place are read once or not at all: else a small file would be unpacked a hundred times.
func TestSheetsShareNothing(t *testing.T) {
	t.Parallel()
	raw := sheettest.XLSX(sheettest.Style{}, sheettest.Text("== a\nx\n== b\ny\n")...)
	a, err := unpack.Open(raw)
	require.NoError(t, err)
	var entries []sheettest.Entry
	for _, e := range a.Entries {
		b, err := a.Read(e)
		require.NoError(t, err)
		entries = append(entries, sheettest.Entry{Name: e.Name, Body: strings.ReplaceAll(string(b), "worksheets/sheet2.xml", "worksheets/sheet1.xml")})
	}
	require.Equal(t, "== a\nx\n", dump(t, sheettest.Zip(entries...)))

	xls := sheettest.XLS(sheettest.BIFF8, sheettest.Text("== a\nx\n== b\ny\n")...)
	first := bytes.Index(xls, []byte("\x85\x00"))
	second := first + 2 + bytes.Index(xls[first+2:], []byte("\x85\x00"))
	copy(xls[second+4:second+8], xls[first+4:first+8])
	require.ErrorIs(t, all(xls), unpack.ErrDamaged)
}

// What a writer that shares no code with us makes of the same rows.
func TestXLSXOfExcelize(t *testing.T) {
	t.Parallel()
	f := excelize.NewFile()
	require.NoError(t, f.SetSheetName("Sheet1", "Results"))
	require.NoError(t, f.SetSheetRow("Results", "A1", &[]any{"Well", "Cq", "Omit", nil, "样本"}))
	require.NoError(t, f.SetSheetRow("Results", "B3", &[]any{1, 23.456000000000003, true, "x_x000D_y"}))
	require.NoError(t, f.SetCellRichText("Results", "A4", []excelize.RichTextRun{{Text: "Cт "}, {Text: "mean", Font: &excelize.Font{Bold: true}}}))
	_, err := f.NewSheet("数据")
	require.NoError(t, err)
	require.NoError(t, f.SetCellValue("数据", "C2", "only"))
	b, err := f.WriteToBuffer()
	require.NoError(t, err)
	require.Equal(t, "== Results\nWell\tCq\tOmit\t\t样本\n\n\t1\t23.456000000000003\tTRUE\tx\ry\nCт mean\n== 数据\n\n\t\tonly\n", dump(t, b.Bytes()))
}

func TestXML2003(t *testing.T) {
	t.Parallel()
	raw := `<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
 <Worksheet ss:Name="Results"><Table><Column ss:Width="20"/>
  <Row><Cell><Data ss:Type="String">Well</Data></Cell><Cell ss:Index="3"><Data ss:Type="String">Ct &amp; Cq</Data><Comment><Data>no</Data></Comment></Cell></Row>
  <Row ss:Index="4"><Cell><Data ss:Type="String"><B>A</B>1</Data></Cell><Cell/><Cell><Data ss:Type="Number">21.5</Data></Cell></Row>
 </Table></Worksheet></Workbook>`
	require.Equal(t, "== Results\nWell\t\tCt & Cq\n\n\nA1\t\t21.5\n", dump(t, []byte(raw)))
}

func TestHTML(t *testing.T) {
	t.Parallel()
	raw := "<html><head><meta charset=gb2312><style>td{a:b}</style></head><body><TABLE border=1><TR><TH>Well<TH colspan=2>\xd1\xf9\xb1\xbe&nbsp;\n<tr><td>A1</td><!-- <td>no --><td>a<br>b &lt;c&gt;</td><td>21,5</td></tr></table>" +
		"<table><tr></tr><tr><td>x</table>"
	require.Equal(t, "== \nWell\t样本\nA1\ta\nb <c>\t21,5\n\nx\n", dump(t, []byte(raw)))
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	part := func(name, body string) []byte {
		good := sheettest.Text("== a\nx\n")
		entries := map[string]string{}
		for _, e := range []string{"_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"} {
			a, err := unpack.Open(sheettest.XLSX(sheettest.Style{}, good...))
			require.NoError(t, err)
			at, _ := a.Find(e)
			b, err := a.Read(at)
			require.NoError(t, err)
			entries[e] = string(b)
		}
		entries[name] = body
		var all []sheettest.Entry
		for n, b := range entries {
			all = append(all, sheettest.Entry{Name: n, Body: b})
		}
		return sheettest.Zip(all...)
	}
	rows := func(body string) []byte {
		return part("xl/worksheets/sheet1.xml", "<worksheet><sheetData>"+body+"</sheetData></worksheet>")
	}
	xls := sheettest.XLS(sheettest.BIFF8, sheettest.Text(results)...)
	for name, c := range map[string]struct {
		raw  []byte
		want error
		code string
	}{
		"no workbook":      {sheettest.Zip(sheettest.Entry{Name: "a", Body: "b"}), unpack.ErrNotFound, ""},
		"binary workbook":  {sheettest.Zip(sheettest.Entry{Name: "xl/workbook.bin", Body: "b"}), sheet.ErrBinary, ""},
		"text":             {[]byte("Well\tCt\n"), unpack.ErrNotFound, ""},
		"html, no table":   {[]byte("<html><title>x</title></html>"), unpack.ErrNotFound, ""},
		"doctype":          {part("xl/workbook.xml", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><workbook>&x;</workbook>`), unpack.ErrDamaged, "W223"},
		"billion rows":     {rows(`<row r="1000000000"><c><v>1</v></c></row>`), unpack.ErrTooLarge, "W303"},
		"row beyond int":   {rows(`<row r="99999999999999999999"><c><v>1</v></c></row>`), unpack.ErrTooLarge, "W303"},
		"wide row":         {rows(`<row r="1"><c r="ZZZZ1"><v>1</v></c></row>`), unpack.ErrTooLarge, "W304"},
		"giant cell":       {rows(`<row r="1"><c t="str"><v>` + strings.Repeat("x", sheet.MaxCell+1) + `</v></c></row>`), unpack.ErrTooLarge, "W305"},
		"many cells":       {rows(strings.Repeat(`<row><c r="XFD1"><v>1</v></c></row>`, sheet.MaxCells/sheet.MaxCol+1)), unpack.ErrTooLarge, "W302"},
		"shared string":    {rows(`<row r="1"><c t="s"><v>7</v></c></row>`), unpack.ErrDamaged, "W312"},
		"reference":        {rows(`<row r="1"><c r="17"><v>7</v></c></row>`), unpack.ErrDamaged, "W311"},
		"deep":             {rows(strings.Repeat("<row>", 100) + strings.Repeat("</row>", 100)), unpack.ErrTooLarge, "W227"},
		"cut sheet":        {part("xl/worksheets/sheet1.xml", `<worksheet><sheetData><row r="1"><c><v>1</v></c></row>`), unpack.ErrDamaged, "W221"},
		"cut behind rows":  {part("xl/worksheets/sheet1.xml", `<worksheet><sheetData></sheetData>`), unpack.ErrDamaged, "W221"},
		"not utf-8":        {part("xl/worksheets/sheet1.xml", "<worksheet>\xff\xfe\xfd</worksheet>"), unpack.ErrEncoding, "W231"},
		"xls cut":          {xls[:len(xls)/2], unpack.ErrDamaged, "W323"},
		"xls header":       {xls[:600], unpack.ErrDamaged, "W323"},
		"xlsx in OLE2":     {sheettest.CFB(sheettest.Entry{Name: "EncryptedPackage", Body: strings.Repeat("x", 5000)}), unpack.ErrEncrypted, "W313"},
		"OLE2 of a text":   {sheettest.CFB(sheettest.Entry{Name: "WordDocument", Body: "x"}), unpack.ErrNotFound, ""},
		"xls password":     {sheettest.CFB(sheettest.Entry{Name: "Workbook", Body: "\x09\x08\x10\x00\x00\x06\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x2f\x00\x00\x00"}), unpack.ErrEncrypted, "W313"},
		"xls without list": {sheettest.CFB(sheettest.Entry{Name: "Workbook", Body: "\x09\x08\x10\x00\x00\x06\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x00"}), unpack.ErrDamaged, "W309"},
	} {
		require.ErrorIs(t, all(c.raw), c.want, name)
		require.Equal(t, c.code, code(all(c.raw)), name)
	}
}

// all opens a workbook and reads every sheet, its head first.
func all(raw []byte) error {
	b, err := sheet.Open(raw)
	if err != nil {
		return err
	}
	for _, s := range b.Sheets {
		if _, err := s.Head(10); err != nil {
			return err
		}
		if _, err := s.Rows(); err != nil {
			return err
		}
	}
	return nil
}

func TestHeadOfLargeSheet(t *testing.T) {
	t.Parallel()
	s := sheettest.Sheet{Name: "a"}
	for i := range 20000 {
		s.Rows = append(s.Rows, []string{strconv.Itoa(i), "样本", "23.4"})
	}
	for _, raw := range [][]byte{sheettest.XLSX(sheettest.Style{Inline: true}, s), sheettest.XLS(sheettest.BIFF8, s)} {
		b, err := sheet.Open(raw)
		require.NoError(t, err)
		head, err := b.Sheets[0].Head(50)
		require.NoError(t, err)
		rows, err := b.Sheet("A").Rows()
		require.NoError(t, err)
		require.Len(t, rows, 20000)
		require.GreaterOrEqual(t, len(head), 50)
		require.Less(t, len(head), 100)
		require.Equal(t, rows[:len(head)], head)
	}
}

// Any rows come back from every format as they were written.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	cell := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[A-Za-z<>&"' ]{0,6}[A-Za-z样本孔é]`), rapid.Just("23.456000000000003"), rapid.Just("TRUE"))
	rapid.Check(t, func(t *rapid.T) {
		s := sheettest.Sheet{Name: rapid.StringMatching(`[A-Za-z样&]{1,8}`).Draw(t, "name"), Rows: rapid.SliceOfN(rapid.SliceOfN(cell, 0, 5), 1, 8).Draw(t, "rows")}
		style := sheettest.Style{Inline: rapid.Bool().Draw(t, "inline"), Bare: rapid.Bool().Draw(t, "bare"), Prefix: rapid.SampledFrom([]string{"", "x"}).Draw(t, "prefix")}
		for _, raw := range [][]byte{sheettest.XLSX(style, s), sheettest.XLS(sheettest.BIFF8, s)} {
			b, err := sheet.Open(raw)
			require.NoError(t, err)
			rows, err := b.Sheet(s.Name).Rows()
			require.NoError(t, err)
			got := make([][]string, len(s.Rows))
			for _, r := range rows {
				got[r.Line-1] = r.Cells
			}
			for i, row := range s.Rows {
				want := append([]string(nil), row...)
				for len(want) > 0 && want[len(want)-1] == "" {
					want = want[:len(want)-1]
				}
				require.Equal(t, strings.Join(want, "|"), strings.Join(got[i], "|"))
			}
		}
	})
}

func FuzzXLSX(f *testing.F) {
	f.Add([]byte(`<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c t="inlineStr"><is><t>x</t></is></c></row></sheetData></worksheet>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := unpack.Open(sheettest.XLSX(sheettest.Style{}, sheettest.Text("== a\nx\n")...))
		require.NoError(t, err)
		var entries []sheettest.Entry
		for _, e := range a.Entries {
			b, err := a.Read(e)
			require.NoError(t, err)
			if e.Name == "xl/worksheets/sheet1.xml" {
				b = body
			}
			entries = append(entries, sheettest.Entry{Name: e.Name, Body: string(b)})
		}
		_ = all(sheettest.Zip(entries...))
	})
}

func FuzzXLS(f *testing.F) {
	for _, v := range []sheettest.Version{sheettest.BIFF2, sheettest.BIFF5, sheettest.BIFF8} {
		f.Add(sheettest.XLS(v, sheettest.Text(strings.Replace(results, "#N/A", "=f", 1))...))
	}
	f.Fuzz(func(_ *testing.T, raw []byte) { _ = all(raw) })
}

func FuzzOther(f *testing.F) {
	f.Add([]byte("<table><tr><td colspan=3>a<td>b</table>"))
	f.Add([]byte(sheettest.FODS(sheettest.Text(results)...)))
	f.Add([]byte(`<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet><Table><Row><Cell><Data>1</Data></Cell></Row></Table></Worksheet></Workbook>`))
	f.Fuzz(func(_ *testing.T, raw []byte) { _ = all(raw) })
}

// A plate of 384 wells with three targets and 14 columns, the size of the largest export.
func BenchmarkXLSX(b *testing.B) {
	s := sheettest.Sheet{Name: "Results"}
	for i := range 1152 {
		row := []string{strconv.Itoa(i/3 + 1), fmt.Sprintf("%c%d", 'A'+i/3/24, i/3%24+1), "false", fmt.Sprintf("Sample %d", i/3)}
		for k := range 10 {
			row = append(row, strconv.FormatFloat(20+float64(i*(k+1))/977, 'f', -1, 64))
		}
		s.Rows = append(s.Rows, row)
	}
	raw := sheettest.XLSX(sheettest.Style{}, s)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		book, err := sheet.Open(bytes.Clone(raw))
		if err != nil {
			b.Fatal(err)
		}
		rows, err := book.Sheets[0].Rows()
		if err != nil || len(rows) != 1152 {
			b.Fatal(len(rows), err)
		}
	}
}

func BenchmarkXLS(b *testing.B) {
	s := sheettest.Sheet{Name: "Results"}
	for i := range 1152 {
		row := []string{strconv.Itoa(i), "A1", "false", fmt.Sprintf("Sample %d", i/3)}
		for k := range 10 {
			row = append(row, strconv.FormatFloat(20+float64(i*(k+1))/977, 'f', -1, 64))
		}
		s.Rows = append(s.Rows, row)
	}
	raw := sheettest.XLS(sheettest.BIFF8, s)
	b.ReportAllocs()
	for b.Loop() {
		if err := all(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// Few bytes may repeat rows and cells without end: the limit on cells holds before memory is spent.
func TestODSLimits(t *testing.T) {
	t.Parallel()
	fods := func(body string) []byte {
		return []byte(`<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" office:mimetype="application/vnd.oasis.opendocument.spreadsheet"><table:table table:name="a">` +
			body + `</table:table></office:document>`)
	}
	cell := `<table:table-cell table:number-columns-repeated="16000"><text:p>x</text:p></table:table-cell>`
	for name, body := range map[string]string{
		"rows repeated":       `<table:table-row table:number-rows-repeated="1000000">` + cell + `</table:table-row>`,
		"too many rows":       `<table:table-row table:number-rows-repeated="1048577"/>`,
		"too many columns":    `<table:table-row><table:table-cell table:number-columns-repeated="99999"/></table:table-row>`,
		"behind the last":     `<table:table-row>` + cell + cell + `</table:table-row>`,
		"a giant cell":        `<table:table-row><table:table-cell><text:p><text:s text:c="131073"/></text:p></table:table-cell></table:table-row>`,
		"a giant row of them": `<table:table-row table:number-rows-repeated="1048576"><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>` + `<table:table-row><table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>`,
	} {
		require.ErrorIs(t, all(fods(body)), unpack.ErrTooLarge, name)
	}
	require.ErrorIs(t, all(fods(`<table:table-row>`)), unpack.ErrDamaged)
	require.ErrorIs(t, all(sheettest.Zip(sheettest.Entry{Name: "mimetype", Body: "application/vnd.oasis.opendocument.spreadsheet"},
		sheettest.Entry{Name: "META-INF/manifest.xml", Body: "<manifest:encryption-data/>"}, sheettest.Entry{Name: "content.xml", Body: "x"})), unpack.ErrEncrypted)
}

// code is the code of an Error, "" of another.
func code(err error) string {
	var e *unpack.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
