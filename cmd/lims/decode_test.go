package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// write puts a file into the test's folder.
func write(t *testing.T, name, text string) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// decoded runs the command and gives its lines with the folder taken out.
func decoded(t *testing.T, c decodeCmd) (lines []string, refused int) {
	var out bytes.Buffer
	refused, err := c.decode(&out, io.Discard)
	require.NoError(t, err)
	text := out.String()
	for _, f := range c.Files {
		text = strings.ReplaceAll(text, f, filepath.Base(f))
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), refused
}

func TestDecodePrintsOneObjectAReading(t *testing.T) {
	t.Parallel()
	f := write(t, "cq.csv", ",Well,Fluor,Target,Content,Sample,Cq\n,A01,FAM,N<1>,Unkn,S1,28.00\n,A02,FAM,N<1>,NTC,S2,N/A\n,A03,FAM,N<1>,Unkn,S3,\n")
	lines, refused := decoded(t, decodeCmd{Files: []string{f}})
	require.Zero(t, refused)
	require.Equal(t, []string{
		`{"file":"cq.csv","driver":"cfx","instrument":"Bio-Rad CFX","plate":"","well":"A1","sample":"S1","target":"N<1>","dye":"FAM","cq":28.00,"state":"cq","call":"","task":"Unkn","status":"","value":"","unit":""}`,
		`{"file":"cq.csv","driver":"cfx","instrument":"Bio-Rad CFX","plate":"","well":"A2","sample":"S2","target":"N<1>","dye":"FAM","cq":null,"state":"none","call":"","task":"NTC","status":"","value":"","unit":""}`,
		`{"file":"cq.csv","driver":"cfx","instrument":"Bio-Rad CFX","plate":"","well":"A3","sample":"S3","target":"N<1>","dye":"FAM","cq":null,"state":"empty","call":"","task":"Unkn","status":"","value":"","unit":""}`,
	}, lines)
}

func TestDecodeRefusesAndGoesOn(t *testing.T) {
	t.Parallel()
	good := write(t, "good.csv", ",Well,Fluor,Target,Content,Sample,Cq\n,A01,FAM,N1,Unkn,S1,28.1\n")
	bad := write(t, "bad.csv", "* Block Type = 96well\n* Chemistry = TAQMAN\n* Experiment File Name = x\n* Instrument Type = sds7500\n* Experiment Run End Time = Not Started\n\n[Sample Setup]\nWell\tSample Name\nA1\tS1\n")
	lines, refused := decoded(t, decodeCmd{Files: []string{bad, filepath.Join(t.TempDir(), "missing.csv"), good}})
	require.Equal(t, 2, refused)
	require.Len(t, lines, 3)
	require.Contains(t, lines[0], `{"error":{"code":"run.not_started","message":"stepone-7500: `)
	require.Contains(t, lines[0], ` (W107)","file":"bad.csv","line":0}}`)
	require.Contains(t, lines[1], `{"error":{"code":"file.unreadable",`)
	require.Contains(t, lines[2], `"cq":28.1,`)
}

func TestDecodeByDriverName(t *testing.T) {
	t.Parallel()
	f := write(t, "x.csv", "Well,Cq\nA1,30.5\n")
	lines, refused := decoded(t, decodeCmd{Driver: "table", Files: []string{f}})
	require.Zero(t, refused)
	require.Contains(t, lines[0], `"well":"A1"`)
	lines, refused = decoded(t, decodeCmd{Driver: "no-such-driver", Files: []string{f}})
	require.Equal(t, 1, refused)
	require.Contains(t, lines[0], `"code":"format.unknown"`)
	require.Contains(t, lines[0], ` (W144)"`)
}

func TestDecodeInChinese(t *testing.T) {
	t.Parallel()
	f := write(t, "raw.csv", "Well,Fluor,Target,Content,Sample,End RFU\nA01,FAM,N1,Unkn,S1,28.1\n")
	lines, refused := decoded(t, decodeCmd{Lang: "zh", Driver: "table", Files: []string{f}})
	require.Equal(t, 1, refused)
	require.Contains(t, lines[0], `"message":"table: 文件中没有结果;应为含有 Well 和 Cq 列的表(W102)"`)
}

func TestDecodeSaysWhatItLeftOut(t *testing.T) {
	t.Parallel()
	f := write(t, "cut.csv", "Well,Sample,Cq\nA1,S1,30.512\nA2,S2,31.4")
	var out, notes bytes.Buffer
	refused, err := decodeCmd{Files: []string{f}}.decode(&out, &notes)
	require.NoError(t, err)
	require.Zero(t, refused)
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
	require.Equal(t, f+": line 3: row.cut: \"A2,S2,31.4\"\n", notes.String())
}
