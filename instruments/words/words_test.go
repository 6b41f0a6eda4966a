package words

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var hole = regexp.MustCompile(`\{[a-z]+\}`)

// Both languages have the same keys and leave the same holes.
func TestBothLanguages(t *testing.T) {
	t.Parallel()
	zh, en := Texts("zh"), Texts("en")
	require.Greater(t, len(en), 50)
	for k, text := range en {
		require.NotEmpty(t, text, k)
		require.NotEmpty(t, zh[k], "no Chinese text: %s", k)
		a, b := hole.FindAllString(text, -1), hole.FindAllString(zh[k], -1)
		slices.Sort(a)
		slices.Sort(b)
		require.Equal(t, a, b, k)
	}
	for k := range zh {
		require.NotEmpty(t, en[k], "no English text: %s", k)
	}
}

// Every expectation that stands in the source has its texts, and every text of an expectation stands in the source.
func TestEveryExpectation(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`"([WM][0-9]+)"`)
	used := map[string]bool{}
	for _, folder := range []string{"..", "../unpack", "../sheet"} {
		files, err := filepath.Glob(folder + "/*.go")
		require.NoError(t, err)
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			for _, m := range code.FindAllSubmatch(b, -1) {
				used["want."+string(m[1])] = true
			}
		}
	}
	require.Greater(t, len(used), 100)
	for k := range used {
		require.True(t, Has(k), "no text: %s", k)
	}
	for k := range Texts("en") {
		require.True(t, !strings.HasPrefix(k, "want.") || used[k], "nobody expects %s", k)
	}
}

func TestSay(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a table with Well, Cq and Target", Say("en", "want.W102", map[string]any{"words": []string{"Well", "Cq", "Target"}}))
	require.Equal(t, "含有 Well、Cq 和 Target 列的表", Say("zh", "want.W102", map[string]any{"words": []string{"Well", "Cq", "Target"}}))
	require.Equal(t, "no.such.key", Say("en", "no.such.key", nil))
	require.Equal(t, "zh", Of("zh_CN.UTF-8"))
	require.Equal(t, "en", Of("C"))
}
