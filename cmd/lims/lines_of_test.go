package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinesOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words, code string
		want        bool
	}{
		{"all", "QS5-1", true}, {"none", "QS5-1", false}, {"", "QS5-1", false},
		{"QS5-1,GX-1", "GX-1", true}, {"QS5-1, GX-1", "GX-1", true}, {"QS5-1", "QS5-10", false},
	} {
		require.Equal(t, c.want, linesOf(c.words)(c.code), "%q %q", c.words, c.code)
	}
}
