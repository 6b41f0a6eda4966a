package instruments_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/instruments/sheet"
	"natlims/instruments/sheet/sheettest"
)

// What an archive or a workbook is refused for is said with its place and in both languages, also after it was kept as JSON.
func TestRefusedArchives(t *testing.T) {
	t.Parallel()
	book := sheettest.XLSX(sheettest.Style{}, sheettest.Text("== Results\nWell\tCt\nA1\t30.5\n")...)
	for _, c := range []struct {
		raw      []byte
		code, zh string
	}{
		{book[:len(book)-40], instruments.CodeDamaged, "内容损坏或自相矛盾;应为完整的压缩包;文件被截断或仍在写入(W201)"},
		{sheettest.Zip(sheettest.Entry{Name: "../a.xml", Body: "<a/>"}), instruments.CodeDamaged, "“../a.xml”;应为不越出压缩包的名称:相对路径且不含“..”(W209)"},
		{sheettest.Zip(sheettest.Entry{Name: "content.xml", Body: strings.Repeat(" ", 8<<20)}), instruments.CodeTooLarge, ",位于“content.xml”"},
		{sheettest.XLSX(sheettest.Style{}, sheettest.Sheet{Name: "Results", Rows: [][]string{{"Well", "Ct"}, {"A1", strings.Repeat("x", sheet.MaxCell+1)}}}), instruments.CodeTooLarge,
			"内容过大,位于“xl/sharedStrings.xml”;应为至多 131072 字节的单元格(W305)"},
		{[]byte(sheettest.FODS(sheettest.Sheet{Name: "Results", Rows: [][]string{{"Well", "Ct"}, {"A1", strings.Repeat("x", sheet.MaxCell+1)}}})), instruments.CodeTooLarge,
			"内容过大,位于“Results”,第 2 行;应为至多 131072 字节的单元格(W305)"},
		{[]byte(strings.ReplaceAll(sheettest.FODS(sheettest.Sheet{Name: "Results", Rows: [][]string{{"Well", "bomb"}}}), "bomb", "&bomb;")), instruments.CodeDamaged, "W230"},
	} {
		_, err := instruments.Decode(&instruments.File{Raw: c.raw}, "")
		var e *instruments.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.code, e.Code, "%v", err)
		require.Contains(t, e.Text("zh"), c.zh)
	}
}
