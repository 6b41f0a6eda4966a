package demo

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is late only because the day was played too fast is said to be so.
func TestSummarySaysHowFast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s    Summary
		said bool
	}{{Summary{Late: 13, Speed: 3000}, true}, {Summary{Late: 13, Speed: 60}, false}, {Summary{Late: 13}, false}, {Summary{Speed: 3000}, false}} {
		var b strings.Builder
		require.NoError(t, c.s.Print(&b))
		require.Equal(t, c.said, strings.Contains(b.String(), "50 minutes of the day"), "%+v", c.s)
	}
}
