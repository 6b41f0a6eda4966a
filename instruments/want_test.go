package instruments

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments/words"
)

// TestEveryCodeHasTexts reads the source of the drivers: every expectation, every limit's unit and every code of Error has a text in both
// languages, and nothing is expected in words of a driver's own.
func TestEveryCodeHasTexts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	known := regexp.MustCompile(`^[WM][0-9]+$`)
	seen := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && known.MatchString(s) {
					seen[s] = true
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "atMost" {
					if unit, ok := n.Args[1].(*ast.BasicLit); ok {
						s, _ := strconv.Unquote(unit.Value)
						require.True(t, words.Has("unit."+s), "%s: a limit of %q, which has no text", name, s)
					}
				}
			}
			return true
		})
	}
	require.Greater(t, len(seen), 40)
	for code := range seen {
		require.True(t, words.Has("want."+code), "%s has no text", code)
	}
	for _, code := range []string{CodeUnknown, CodeAmbiguous, CodeNoResults, CodeNotRun, CodeDamaged, CodeIncomplete, CodeTooLarge, CodeEncrypted, CodeEncoding, CodeValue, CodeMapping} {
		require.True(t, words.Has("error."+code), code)
	}
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	e := &Error{Driver: "sds", Code: CodeNoResults, Line: 3, Offset: -1, Value: "Tm", Want: want(wantTable, "Well", "Ct")}
	require.Equal(t, `sds: results.none at line 3: "Tm": expected a table with Well and Ct`, e.Error())
	require.Equal(t, "The file holds no results, line 3: “Tm”; expected a table with Well and Ct (W102)", e.Text("en"))
	require.Equal(t, "文件中没有结果,第 3 行:“Tm”;应为含有 Well 和 Ct 列的表(W102)", e.Text("zh"))
	e = &Error{Code: CodeTooLarge, Offset: -1, Want: atMost(10, "cells")}
	require.Equal(t, "内容过大;应为至多 10 个单元格(W150)", e.Text("zh"))
	e, ok := Refused(CodeDamaged, map[string]any{"part": "a.xml", "offset": 7.0, "want": map[string]any{"code": "W230"}})
	require.True(t, ok)
	require.Equal(t, "Damaged or contradicting itself, in “a.xml”, byte 7; expected one of the five entities of XML or a character reference (W230)", e.Text("en"))
	var wrong *Error
	require.ErrorAs(t, Mapping{Name: "x", Decimal: "'"}.Check(), &wrong)
	require.Equal(t, "表格描述有误:“'”;应为小数点为“.”或“,”(M2)", wrong.Text("zh"))
	require.Equal(t, "M2", wrong.Want.Code)
}
