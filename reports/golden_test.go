package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// golden are the reports that every format draws; testdata/FORMAT/NAME.want is what comes out, of PDF the text in the order of drawing.
func golden() map[string]Report {
	corrected := person()
	corrected.Call, corrected.Version, corrected.Replaces, corrected.Reason = "positive", 2, "R20201120-000391", "原始结果录入孔位错误"
	corrected.Arms[0].Targets = []Target{{Name: "ORF1ab", State: "pos", CqText: "22.41"}, {Name: "N", State: "grey", CqText: "39.80"}, {Name: "IC", State: "pos", Internal: true}}
	corrected.Arms = append(corrected.Arms, Arm{Kit: Text{"圣湘 S3102E", "Sansure"}, Lot: "2020077", LoD: "200 copies/mL", Targets: corrected.Arms[0].Targets})
	corrected.Subject.Name = "𬭎\U0003ffff小明"
	both := report(corrected)
	both.Lang, both.Drill, both.Exporter = Both, true, "王芳"

	object := Result{OrderID: "MKT-1", OrderNo: 9, Call: "pending_review", PoolNote: "混检池 K-12",
		Subject: Subject{Kind: "packaging", Name: "=HYPERLINK(\"http://x\")", Detail: "进口冷冻牛肉外包装, 批次 B-7"},
		Sample:  Sample{Barcode: "S1", Specimen: "package", Mode: "mixed5", PooledN: 5, PoolOf: 4}}
	english := report(object)
	english.Lang, english.Zone, english.Lab.Name = English, nil, Text{ZH: "市第一核酸检测实验室"}
	return map[string]Report{"person": report(person()).Masked(), "corrected": both, "object": english, "list": report(crowd(24)...).Masked()}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, f := range Formats() {
		require.DirExists(t, filepath.Join("testdata", f.Name), "every format has its folder")
		for name, r := range golden() {
			t.Run(f.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				got, err := f.Render(r)
				require.NoError(t, err)
				switch f.Ext {
				case "json":
					var b bytes.Buffer
					require.NoError(t, json.Indent(&b, got, "", " "))
					got = b.Bytes()
				case "pdf":
					got = []byte(pdfText(t, got))
				}
				path := filepath.Join("testdata", f.Name, name+".want")
				if *update {
					require.NoError(t, os.WriteFile(path, got, 0o644))
				}
				want, err := os.ReadFile(path)
				require.NoError(t, err)
				require.Equal(t, string(want), string(got))
			})
		}
	}
	folders, err := os.ReadDir("testdata")
	require.NoError(t, err)
	require.Len(t, folders, len(Formats())+1, "every folder has its format; one holds notices")
}

// A spreadsheet must find no formula, and a program must get the text back.
func TestCSVCell(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"=HYPERLINK(1)": "'=HYPERLINK(1)", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "=1": "'=1",
		"  =1": "'  =1", "\u3000=1": "'\u3000=1", "\ufeff=1": "'\ufeff=1", "'=1": "''=1", "張三": "張三", "": "", "R-1": "R-1", "1=2": "1=2",
	} {
		require.Equal(t, want, CSVCell(in), "%q", in)
	}
}

func TestHostileNamesSurviveCSV(t *testing.T) {
	t.Parallel()
	f, _ := FormatNamed("csv")
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[=+\-@\t\r ＝＋－＠'",;|%!]{0,3}[A-Za-z(){}'",;\n =张三0-9]{0,12}`).Draw(t, "name")
		if strings.Contains(name, "\r\n") { // the reader below joins these two, programs need not
			name = strings.ReplaceAll(name, "\n", "")
		}
		r := person()
		r.Subject.Name = name
		b, err := f.Render(report(r))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff")))).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[1]) != len(csvColumns) {
			t.Fatalf("%d rows: %v", len(rows), err)
		}
		cell := rows[1][7]
		if strings.ContainsAny(fmt.Sprintf("%.1s", strings.TrimLeft(cell, " ")), "=+-@\t\r＝＋－＠") {
			t.Fatalf("cell %q may be a formula", cell)
		}
		if back := strings.TrimPrefix(cell, "'"); back != name {
			t.Fatalf("%q came back as %q", name, back)
		}
	})
}

// The page for departments names every field and every call.
func TestWebhookPageIsComplete(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("send/WEBHOOK.md")
	require.NoError(t, err)
	for _, code := range Calls() {
		require.Contains(t, string(page), "`"+code+"`")
	}
	full := golden()["corrected"]
	full.Line, full.Results[0].Instrument, full.Results[0].Remark = "cdc", "SLAN-96P", "remark"
	full.Results[0].Sample.PooledN, full.Results[0].Sample.Original = 2, "S0"
	full.Results[0].Subject = Subject{"person", "n", "M", "1985-03-09", "35", "passport", "E1", "1", "2", "3", "4", "5", "6"}
	b, err := renderJSON(full)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(b, &fields))
	eachField(fields, func(name string) { require.Contains(t, string(page), "`"+name, name) })
}

func eachField(v any, see func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if name != "zh" && name != "en" {
				see(name)
			}
			eachField(inner, see)
		}
	case []any:
		for _, inner := range v {
			eachField(inner, see)
		}
	}
}
