package words

import (
	"regexp"
	"slices"
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

func TestSay(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a table with Well, Cq and Target", Say("en", "want.W102", map[string]any{"words": []string{"Well", "Cq", "Target"}}))
	require.Equal(t, "含有 Well、Cq 和 Target 列的表", Say("zh", "want.W102", map[string]any{"words": []string{"Well", "Cq", "Target"}}))
	require.Equal(t, "no.such.key", Say("en", "no.such.key", nil))
	require.Equal(t, "zh", Of("zh_CN.UTF-8"))
	require.Equal(t, "en", Of("C"))
}
