package instruments_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/instruments/sheet/sheettest"
	"natlims/instruments/unpack"
)

// golden compares what the content says with the .want file beside the case, and the driver with the folder's name.
func golden(t *testing.T, file string, raw []byte) {
	t.Helper()
	d, err := instruments.Detect(&instruments.File{Raw: raw})
	require.NoError(t, err, file)
	require.Equal(t, filepath.Base(filepath.Dir(file)), d.Name, file)
	runs, err := instruments.Decode(&instruments.File{Raw: raw}, "")
	sound(t, file, runs)
	got := told(runs, err)
	if *update {
		require.NoError(t, os.WriteFile(file+".want", []byte(got), 0o600))
	}
	want, err := os.ReadFile(file + ".want")
	require.NoError(t, err)
	require.Equal(t, string(want), got, file)
}

func glob(t *testing.T, pattern string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files, pattern)
	all := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		all[f] = b
	}
	return all
}

// TestWorkbooks reads every .sheets case as the workbooks that instruments and people's programs make of it: they all say the same.
func TestWorkbooks(t *testing.T) {
	t.Parallel()
	for file, b := range glob(t, "testdata/*/*.sheets") {
		sheets := sheettest.Text(string(b))
		golden(t, file, sheettest.XLSX(sheettest.Style{}, sheets...))
		want := told(instruments.Decode(&instruments.File{Raw: sheettest.XLSX(sheettest.Style{}, sheets...)}, ""))
		require.Equal(t, want, told(instruments.Decode(&instruments.File{Raw: sheettest.ODS(sheets...)}, "")), file)
		require.Equal(t, want, told(instruments.Decode(&instruments.File{Raw: []byte(sheettest.FODS(sheets...))}, "")), file)
		for _, style := range []sheettest.Style{{Inline: true}, {Prefix: "x", Bare: true}, {AllText: true}} {
			raw := sheettest.XLSX(style, sheets...)
			require.Equal(t, want, told(instruments.Decode(&instruments.File{Raw: raw}, "")), file)
		}
		for _, v := range []sheettest.Version{sheettest.BIFF8, sheettest.BIFF5} {
			if v == sheettest.BIFF5 && bytes.ContainsRune(b, '™') {
				continue // no character of code page 936
			}
			_, err := instruments.Decode(&instruments.File{Raw: sheettest.XLS(v, sheets...)}, filepath.Base(filepath.Dir(file)))
			require.NoError(t, err, file)
		}
	}
}

// TestExperimentDocuments zips every .txtar case.
func TestExperimentDocuments(t *testing.T) {
	t.Parallel()
	for file, b := range glob(t, "testdata/*/*.txtar") {
		golden(t, file, sheettest.Zip(sheettest.Files(string(b))...))
	}
}

// TestRDMLInZip reads every RDML case from archives as programs write them: under other names, beside other entries.
func TestRDMLInZip(t *testing.T) {
	t.Parallel()
	for file, b := range glob(t, "testdata/rdml/*.xml") {
		want := told(instruments.Decode(&instruments.File{Raw: b}, ""))
		for _, entries := range [][]sheettest.Entry{
			{{Name: "rdml_data.xml", Body: string(b)}},
			{{Name: "Plate 7_melt.XML", Body: string(b)}},
			{{Name: "app_data.xml", Body: "<rocheLC96AppExtension/>"}, {Name: "calculated_data.xml", Body: "<x/>"}, {Name: "data.xml", Body: string(b)}, {Name: "note.txt", Body: "x"}},
		} {
			require.Equal(t, want, told(instruments.Decode(&instruments.File{Raw: sheettest.Zip(entries...)}, "")), file)
		}
	}
}

// TestBrokenArchives: content that no program can open is refused with the reason, whichever driver would have read it.
func TestBrokenArchives(t *testing.T) {
	t.Parallel()
	for file, b := range glob(t, "testdata/archive/*.base64") {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(b)))
		require.NoError(t, err)
		golden(t, file, raw)
	}
	whole := sheettest.XLSX(sheettest.Style{}, sheettest.Sheet{Name: "Results", Rows: [][]string{{"Well", "Cq"}, {"A1", "20"}}})
	bomb := sheettest.Zip(sheettest.Entry{Name: "rdml_data.xml", Body: "<rdml>" + strings.Repeat(" ", 64<<20) + "</rdml>"})
	deep := sheettest.Zip(sheettest.Entry{Name: "rdml_data.xml", Body: "<rdml>" + strings.Repeat("<a>", unpack.MaxDepth+1)})
	entity := []byte(`<!DOCTYPE rdml [<!ENTITY x SYSTEM "file:///etc/passwd">]><rdml><sample id="a">&x;</sample></rdml>`)
	for name, c := range map[string]struct {
		raw  []byte
		code string
	}{
		"cut":       {whole[:len(whole)/2], instruments.CodeDamaged},
		"bomb":      {bomb, instruments.CodeTooLarge},
		"deep":      {deep, instruments.CodeTooLarge},
		"entity":    {entity, instruments.CodeDamaged},
		"cut rdml":  {[]byte(`<rdml><experiment id="e"><run id="r"><react id="1"><data><cq>20</cq></data>`), instruments.CodeDamaged},
		"traversal": {sheettest.Zip(sheettest.Entry{Name: "../../etc/cron.d/x", Body: "x"}), instruments.CodeDamaged},
		"password":  {sheettest.CFB(sheettest.Entry{Name: "EncryptedPackage", Body: strings.Repeat("x", 5000)}), instruments.CodeEncrypted},
		"other zip": {sheettest.Zip(sheettest.Entry{Name: "a.txt", Body: "x"}), instruments.CodeUnknown},
	} {
		_, err := instruments.Decode(&instruments.File{Raw: c.raw}, "")
		var e *instruments.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, c.code, e.Code, "%s: %v", name, err)
	}
}

// What is named ".xls" may be anything: the content decides, and all of these say the same.
func TestXLSInOtherClothes(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"", "Well", "Fluor", "Target", "Content", "Sample", "Cq"}, {"", "A01", "FAM", "N1", "Unkn-1", "S1", "21.5"}, {"", "H12", "FAM", "N1", "NTC-1", "W", "N/A"}}
	var text, html, xml strings.Builder
	for _, r := range rows {
		text.WriteString(strings.Join(r, "\t") + "\r\n")
		html.WriteString("<tr><td>" + strings.Join(r, "</td><td>") + "</td></tr>")
		xml.WriteString("<Row><Cell><Data>" + strings.Join(r, "</Data></Cell><Cell><Data>") + "</Data></Cell></Row>")
	}
	want := told(instruments.Decode(&instruments.File{Raw: []byte(text.String())}, ""))
	require.Contains(t, want, "2: A1 | S1 | N1 | FAM | 21.5")
	for _, raw := range [][]byte{
		[]byte("<html><body><table>" + html.String() + "</table></body></html>"),
		[]byte(`<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet Name="0"><Table>` + xml.String() + `</Table></Worksheet></Workbook>`),
		sheettest.XLSX(sheettest.Style{}, sheettest.Sheet{Name: "0", Rows: rows}),
		sheettest.XLS(sheettest.BIFF5, sheettest.Sheet{Name: "0", Rows: rows}),
		sheettest.XLS(sheettest.BIFF2, sheettest.Sheet{Rows: rows}),
	} {
		require.Equal(t, want, told(instruments.Decode(&instruments.File{Raw: raw}, "")), "%.20q", raw)
	}
}

// A rack scanner's Excel 2 stream is a table of tubes and no instrument result.
func TestRackScanIsNoResult(t *testing.T) {
	t.Parallel()
	raw := sheettest.XLS(sheettest.BIFF2, sheettest.Sheet{Rows: [][]string{{"Position", "TubeID", "ScanError"}, {"1", "T00000122", ""}}})
	f := &instruments.File{Raw: raw}
	rows, err := f.Table("").Rows()
	require.NoError(t, err)
	require.Equal(t, []string{"1", "T00000122"}, rows[1].Cells)
	_, err = instruments.Decode(f, "")
	require.ErrorContains(t, err, instruments.CodeUnknown)
}

func FuzzEDS(f *testing.F) {
	f.Add([]byte("Well\tSample Name\tDetector\tTask\tCt\n0\tS\tN\tT\t4.0\nRn values\t1\t2\t3\t4\n"), []byte(`{"wellResults":[{"wellIndex":0,"reactionResults":[{"targetName":"N","amplificationResult":{"cq":NaN,"rn":[1]}}]}]}`))
	f.Fuzz(func(t *testing.T, text, json []byte) {
		for _, e := range []sheettest.Entry{{Name: "apldbio/sds/analysis_result.txt", Body: string(text)}, {Name: "primary/analysis_result.json", Body: string(json)}} {
			runs, _ := instruments.Decode(&instruments.File{Raw: sheettest.Zip(e)}, "eds")
			sound(t, "fuzz", runs)
		}
	})
}

func FuzzRDML(f *testing.F) {
	files, err := filepath.Glob("testdata/rdml/*.xml")
	require.NoError(f, err)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		runs, _ := instruments.Decode(&instruments.File{Raw: raw}, "rdml")
		sound(t, "fuzz", runs)
	})
}

// Files that would take far more memory than they have bytes are refused before they do.
func TestMemoryIsBounded(t *testing.T) { // not parallel: it measures what is allocated
	table := "Well\tSample Name\tDetector\tTask\tCt\n" + strings.Repeat("0\n", 1_000_000)
	for name, c := range map[string]struct {
		body string
		file string
	}{
		"eds rows":      {table, "apldbio/sds/analysis_result.txt"},
		"json objects":  {`{"wellResults":[` + strings.Repeat("{},", 1_000_000) + `{}]}`, "primary/analysis_result.json"},
		"json numbers":  {`{"wellResults":[` + strings.Repeat("0,", 2_000_000) + `0]}`, "primary/analysis_result.json"},
		"rdml data":     {`<rdml><experiment><run><react id="1">` + strings.Repeat("<data/>", 1_000_000), "rdml_data.xml"},
		"rdml runs":     {`<rdml><experiment>` + strings.Repeat("<run/>", 1_000_000), "rdml_data.xml"},
		"rdml samples":  {"<rdml>" + numbered(`<sample id="%d"/>`, 200_000), "rdml_data.xml"},
		"rdml targets":  {"<rdml>" + numbered(`<target id="%d"/>`, 200_000), "rdml_data.xml"},
		"xml workbook":  {xmlBook(), ""},
		"sheet columns": {"", ""},
		"ods repeats": {`<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"><table:table><table:table-row table:number-rows-repeated="1000000">` +
			`<table:table-cell table:number-columns-repeated="16000"><text:p>x</text:p></table:table-cell></table:table-row></table:table></office:document>`, "content.xml"},
	} {
		raw := []byte(c.body)
		switch {
		case c.file != "":
			raw = stored(t, c.file, c.body)
		case c.body == "":
			raw = wideBook()
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := instruments.Decode(&instruments.File{Raw: raw}, "")
		runtime.ReadMemStats(&after)
		var e *instruments.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, instruments.CodeTooLarge, e.Code, "%s: %v", name, err)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(512<<20), name)
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// xmlBook has few cells that stand far to the right, on many sheets.
func xmlBook() string {
	one := `<Worksheet><Table>` + strings.Repeat(`<Row><Cell Index="16384"><Data>1</Data></Cell></Row>`, 200) + `</Table></Worksheet>`
	return `<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">` + strings.Repeat(one, 50) + `</Workbook>`
}

// wideBook is the same as xls.
func wideBook() []byte {
	var sheets []sheettest.Sheet
	row := make([]string, 256)
	row[0], row[1], row[255] = "Well", "Cq", "1"
	for i := range 8 {
		s := sheettest.Sheet{Name: fmt.Sprint(i)}
		for range 2500 {
			s.Rows = append(s.Rows, row)
		}
		sheets = append(sheets, s)
	}
	return sheettest.XLS(sheettest.BIFF8, sheets...)
}

// stored is an archive of one entry that is not packed, so that no ratio gives it away.
func stored(t *testing.T, name, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	require.NoError(t, err)
	_, err = io.WriteString(f, body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}
