package fields_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/instruments/fields"
)

func TestNth(t *testing.T) {
	t.Parallel()
	for n, want := range []string{"a", "a", "", "c", ""} { // 0 is the first too
		require.Equal(t, want, fields.Nth("a^^c", '^', n), n)
	}
	rapid.Check(t, func(t *rapid.T) {
		s, n := rapid.StringMatching(`[a^]{0,12}`).Draw(t, "s"), rapid.IntRange(1, 14).Draw(t, "n")
		want := ""
		if parts := strings.Split(s, "^"); n <= len(parts) {
			want = parts[n-1]
		}
		require.Equal(t, want, fields.Nth(s, '^', n))
	})
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	meaning := func(s string) (string, bool) {
		if rest, ok := strings.CutPrefix(s, "X"); ok {
			return fields.Hex(rest)
		}
		return "|", s == "F"
	}
	for s, want := range map[string]string{
		"": "", "plain": "plain", `a\F\b`: "a|b", `\F\`: "|", `\Q\`: `\Q\`, `\Q\F\`: `\Q|`, `\`: `\`, `\F`: `\F`, `\\`: `\\`,
		`\X41c3a9\`: "Aé", `\Xe9\`: "é", `\X\`: `\X\`, `\X4\`: `\X4\`,
	} {
		require.Equal(t, want, fields.Unescape(s, '\\', meaning), s)
	}
}
