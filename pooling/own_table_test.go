package pooling

import (
	"bufio"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testdata/table.tsv: a request, a field of its answer, the value and where the
// value comes from; none of them comes from this package.
func TestTable(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/table.tsv")
	require.NoError(t, err)
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	n := 0
	for in.Scan() {
		c := strings.Split(in.Text(), "\t")
		if c[0] == "id" {
			continue
		}
		n++
		t.Run(c[0], func(t *testing.T) {
			t.Parallel()
			require.Len(t, c, 6)
			var answer map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(Eval([]byte(c[1])), &answer))
			require.Nil(t, answer["error"], "%s", answer["error"])
			require.Equal(t, strconv.Quote(c[0]), string(answer["id"]))
			got := string(answer[c[2]])
			tol, err := strconv.ParseFloat(c[4], 64)
			require.NoError(t, err)
			want, err := strconv.ParseFloat(c[3], 64)
			if err != nil {
				require.Equal(t, c[3], got)
				return
			}
			have, err := strconv.ParseFloat(got, 64)
			require.NoError(t, err, got)
			require.InDelta(t, want, have, tol)
		})
	}
	require.NoError(t, in.Err())
	require.Greater(t, n, 150)
}
