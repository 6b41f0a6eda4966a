package reports

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMasks(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"张三": "张*", "欧阳小明": "欧阳**", "欧阳": "欧*", "李": "*", "": "", " 王芳 ": "王*", "阿卜杜拉·买买提": "阿*******",
		"John Smith": "J*** S****", "Al": "A*", "X": "*", "Jean-Luc": "J***-L**", "𠮷田太郎": "𠮷***",
	} {
		require.Equal(t, want, MaskName(in), in)
	}
	for _, c := range [][3]string{
		{"resident_id", "11010519850309002X", "110105********002X"}, {"resident_id", "110105850309002", "110105*****9002"[:6] + "*****" + "9002"},
		{"resident_id", "12345", "*****"}, {"passport", "E12345678", "E1*****78"}, {"passport", "E1234", "*****"}, {"", "", ""}, {"other", "AB", "**"},
	} {
		require.Equal(t, c[2], MaskDoc(c[0], c[1]), c[1])
	}
	for in, want := range map[string]string{"13812341234": "138****1234", "+8613812341234": "+86*******1234", "88001234": "******34", "110": "***", "": ""} {
		require.Equal(t, want, MaskPhone(in), in)
	}
}

// No mask is shorter than what it masks, and none that has something to hide leaves it as it was.
func TestMasksHideSomething(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := strings.TrimSpace(rapid.StringMatching(`[A-Z0-9张欧阳小明]{0,24}`).Draw(t, "text"))
		kind := rapid.SampledFrom([]string{"resident_id", "passport", ""}).Draw(t, "kind")
		for _, masked := range []string{MaskName(s), MaskDoc(kind, s), MaskPhone(s)} {
			if utf8.RuneCountInString(masked) != utf8.RuneCountInString(s) {
				t.Fatalf("%q became %q", s, masked)
			}
			if s != "" && !strings.Contains(masked, "*") {
				t.Fatalf("%q was left as it is", s)
			}
		}
	})
}

func TestMaskedReport(t *testing.T) {
	t.Parallel()
	plain := report(person(), Result{Call: "negative", Subject: Subject{Kind: "product", Name: "冷冻牛肉", DocNo: "BATCH-123456"}})
	masked := plain.Masked()
	require.Equal(t, Subject{Kind: "person", Name: "欧阳**", Sex: "M", BirthDate: "1985-**-**", Age: "35", DocType: "resident_id",
		DocNo: "110105********002X", Phone: "138****1234", Ward: "发热门诊", Doctor: "周敏"}, masked.Results[0].Subject)
	require.Equal(t, plain.Results[1].Subject, masked.Results[1].Subject)
	require.Equal(t, "欧阳小明", plain.Results[0].Subject.Name, "the given report stays")

	for _, f := range Formats() {
		b, err := f.Render(masked)
		require.NoError(t, err)
		for _, secret := range []string{"欧阳小明", "11010519850309002X", "1985-03-09", "13812341234"} {
			require.NotContains(t, string(b), secret, f.Name)
		}
	}
}
