package instruments_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"

	"natlims/instruments"
	"natlims/lims/pcr"
)

// utf16Of encodes a text with its byte order mark.
func utf16Of(text string, order binary.AppendByteOrder) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// TestDialects reads every file of testdata in other encodings and with other line ends: what it says must not change.
func TestDialects(t *testing.T) {
	t.Parallel()
	for _, file := range cases(t) {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		f := &instruments.File{Raw: raw}
		text, err := f.Text()
		require.NoError(t, err, file)
		want := told(instruments.Decode(f, ""))
		for name, other := range map[string][]byte{
			"utf-8, LF":     []byte("\ufeff" + strings.Join(text.Lines, "\n") + "\n"),
			"utf-8, CRLF":   []byte("\ufeff" + strings.Join(text.Lines, "\r\n") + "\r\n"),
			"utf-8, CR":     []byte("\ufeff" + strings.Join(text.Lines, "\r") + "\r"),
			"utf-16le, CR":  utf16Of(strings.Join(text.Lines, "\r")+"\r", binary.LittleEndian),
			"utf-16be, LF":  utf16Of(strings.Join(text.Lines, "\n")+"\n", binary.BigEndian),
			"utf-16le bare": utf16Of(strings.Join(text.Lines, "\r\n")+"\r\n", binary.LittleEndian)[2:],
		} {
			require.Equal(t, want, told(instruments.Decode(&instruments.File{Raw: other}, "")), "%s as %s", file, name)
		}
	}
}

// gb18030 encodes a text.
func gb18030(t *testing.T, text string) []byte {
	t.Helper()
	b, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(text))
	require.NoError(t, err)
	return b
}

func TestText(t *testing.T) {
	t.Parallel()
	gbk := string(gb18030(t, "反应孔,样本\nA1,张三"))
	cp1251, err := charmap.Windows1251.NewEncoder().String("Лунка;Проба\nA1;Иванов")
	require.NoError(t, err)
	latin, err := charmap.Windows1252.NewEncoder().String("Résultat;NON DÉTECTÉ")
	require.NoError(t, err)
	for _, c := range []struct {
		name, raw, encoding string
		lines               []string
		bad                 []int
	}{
		{"empty", "", instruments.UTF8, []string{}, nil},
		{"line ends", "a\nb\r\nc\rd\r\r\ne", instruments.UTF8, []string{"a", "b", "c", "d", "e"}, nil},
		{"blank lines", "a\n\n\nb\n", instruments.UTF8, []string{"a", "", "", "b"}, nil},
		{"mark", "\ufeffa", instruments.UTF8, []string{"a"}, nil},
		{"mark inside", "a\n\ufeff\nb", instruments.UTF8, []string{"a", "", "b"}, nil},
		{"gb18030", gbk, instruments.GB18030, []string{"反应孔,样本", "A1,张三"}, nil},
		{"windows-1251", cp1251, instruments.Windows1251, []string{"Лунка;Проба", "A1;Иванов"}, nil},
		{"latin-1", latin, instruments.Latin1, []string{"Résultat;NON DÉTECTÉ"}, nil},
		{"damaged utf-8", "样本,样本,样本\nA1\xff\nb", instruments.UTF8, []string{"样本,样本,样本", "A1\ufffd", "b"}, []int{2}},
		{"damaged gb18030", gbk + "\n\xff\xffx", instruments.GB18030, []string{"反应孔,样本", "A1,张三", "\ufffd\ufffdx"}, []int{3}},
		{"utf-16 with an odd byte", string(utf16Of("ab", binary.LittleEndian)) + "x", instruments.UTF16LE, []string{"ab\ufffd"}, []int{1}},
	} {
		got, err := (&instruments.File{Raw: []byte(c.raw)}).Text()
		require.NoError(t, err, c.name)
		require.Equal(t, c.encoding, got.Encoding, c.name)
		require.Equal(t, c.lines, got.Lines, c.name)
		require.Equal(t, c.bad, got.Bad, c.name)
	}
}

func TestTextRefuses(t *testing.T) {
	t.Parallel()
	_, err := (&instruments.File{Raw: []byte("MZ\x00\x03\x00\xff\x00\x01binary")}).Text()
	require.ErrorContains(t, err, instruments.CodeEncoding)
	_, err = (&instruments.File{Raw: bytes.Repeat([]byte("\n"), instruments.MaxLines+2)}).Text()
	require.ErrorContains(t, err, instruments.CodeTooLarge)
	_, err = (&instruments.File{Raw: make([]byte, instruments.MaxContent+1)}).Text()
	require.ErrorContains(t, err, instruments.CodeTooLarge)
	f := &instruments.File{Raw: []byte("Well,Cq\n" + strings.Repeat(strings.Repeat(",", instruments.MaxRow-1)+"\n", instruments.MaxCells/instruments.MaxRow+1))}
	_, err = instruments.Decode(f, "table")
	require.ErrorContains(t, err, instruments.CodeTooLarge)
	_, err = instruments.Decode(&instruments.File{Raw: []byte("Well,Cq\n" + strings.Repeat("A1,3\n", instruments.MaxRows))}, "")
	require.ErrorContains(t, err, instruments.CodeTooLarge)
}

func TestSplitRows(t *testing.T) {
	t.Parallel()
	lines := strings.Split("a,\"b,\"\"c\"\"\",d\n\n5\" tube,x\n\"two\nlines\",y\n\"never closed,z\n \"q\" ,\"\"\n\"a\"b,c", "\n")
	rows, err := instruments.SplitRows(lines, 10, ',')
	require.NoError(t, err)
	require.Equal(t, []instruments.Row{
		{Line: 10, Cells: []string{"a", `b,"c"`, "d"}},
		{Line: 12, Cells: []string{`5" tube`, "x"}},
		{Line: 13, Cells: []string{"two\nlines", "y"}},
		{Line: 15, Cells: []string{`"never closed`, "z"}},
		{Line: 16, Cells: []string{"q", ""}},
		{Line: 17, Cells: []string{`"a"b`, "c"}},
	}, rows)
	require.Equal(t, "", rows[0].At(-1))
	require.Equal(t, "", rows[0].At(99))
}

// Row by row a table holds what Rows holds, refuses what Rows refuses, and may be left in the middle.
func TestRowsOneByOne(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Well,Cq\nA1,\"2\n5\"\n\nA2,\"x\nA3,7\n", "[One]\nWell;Cq\nA1;3\n[Two]\nWell\tCq\nB1\t4,5\nB2\t4,6", "Well,Cq\nA1,27.102\nA2,27.1", "",
		"Well,Cq\n" + strings.Repeat("A1,3\n", instruments.MaxRows)} {
		tables, err := (&instruments.File{Raw: []byte(text)}).Tables()
		require.NoError(t, err)
		for _, table := range tables {
			var got []instruments.Row
			var refused error
			for r, err := range table.Each() {
				if refused = err; err == nil {
					got = append(got, instruments.Row{Line: r.Line, Cells: slices.Clone(r.Cells)})
				}
			}
			want, err := table.Rows()
			if err != nil {
				require.Equal(t, err, refused)
				continue
			}
			require.NoError(t, refused)
			require.Empty(t, cmpRows(want, got))
			for r := range table.Each() {
				require.Equal(t, want[0], r)
				break
			}
		}
	}
	for range (*instruments.Table)(nil).Each() {
		require.Fail(t, "a row of no table")
	}
}

// cmpRows is empty where both are the same.
func cmpRows(want, got []instruments.Row) string {
	if !slices.EqualFunc(want, got, func(a, b instruments.Row) bool { return a.Line == b.Line && slices.Equal(a.Cells, b.Cells) }) {
		return fmt.Sprint(want, got)
	}
	return ""
}

// The marks of the curves are those of their columns, which may prove them late.
func TestCurvesWithDecimalCommas(t *testing.T) {
	t.Parallel()
	text := "* Block Type = 96-Well Block\n* Experiment Name = x\n* Experiment Type = y\n* Instrument Type = QuantStudio 5\n\n[Results]\nWell\tWell Position\tSample Name\tTarget Name\tCT\n1\tA1\ts\tN\t25,5\n\n" +
		"[Amplification Data]\nWell\tWell Position\tCycle\tTarget Name\tRn\tDelta Rn\n1\tA1\t1\tN\t1,234\t\n1\tA1\t2\tN\t12\t-0,5\n1\tA1\t3\tN\t0,125\t2\n"
	runs, err := instruments.Decode(&instruments.File{Raw: []byte(text)}, "")
	require.NoError(t, err)
	require.Equal(t, []pcr.Curve{{Well: "A1", Target: "N", Kind: pcr.Rn, First: 1, Y: []float64{1.234, 12, 0.125}},
		{Well: "A1", Target: "N", Kind: pcr.DeltaRn, First: 2, Y: []float64{-0.5, 2}}}, runs[0].Curves)
}

func TestDelimiter(t *testing.T) {
	t.Parallel()
	for want, text := range map[byte]string{
		'\t': "a,b,c,d,e,f,g\nWell\tCt\nA1\t3",
		';':  "a,b,c,d,e,f\nWell;Ct\nA1;3,5",
		',':  "x;y;z;q;r\nWell,Sample,Ct\nA1,s,3",
	} {
		require.Equal(t, string(want), string(instruments.Delimiter(strings.Split(text, "\n"))))
	}
}

func TestFindHeader(t *testing.T) {
	t.Parallel()
	for _, head := range []string{"Well,CT", "Well,Ct", "Well Position,Cт", "Pos,Cp", "Position,CrossingPoint", "No.,Ct", "反应孔,Ct", "Well,Threshold Cycle ( C(t) )",
		"Well,Threshold Cycle (Ct)", "Well,C(t)", "Well / Set,C(t)", "Well /Set,C(t)", "Well,CRT", "Well,Ct (dRn)", "Well,EQ.Ct", "Well,C?"} {
		rows, err := instruments.SplitRows([]string{"Name,x", "Ct Mean,Well", head}, 1, ',')
		require.NoError(t, err)
		h, ok := instruments.FindHeader(rows)
		require.True(t, ok, head)
		require.Equal(t, 3, h.Line, head)
		require.Equal(t, 0, h.Well(), head)
		require.Equal(t, 1, h.Cq(), head)
	}
	rows, err := instruments.SplitRows([]string{"Well,Ct Mean,Ct SD,Ct Threshold,Cq Conf,Cq Mean"}, 1, ',')
	require.NoError(t, err)
	_, ok := instruments.FindHeader(rows)
	require.False(t, ok, "words are not matched by their beginnings")
}
