package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/pooling"
)

// indented are the lines of a help text that stand as they are.
func indented(text string) (lines []string) {
	for _, l := range strings.Split(text, "\n") {
		if rest, ok := strings.CutPrefix(l, "    "); ok {
			lines = append(lines, rest)
		}
	}
	return lines
}

// What a help text shows has to work as it stands there.
func TestHelpOfPoolingRuns(t *testing.T) {
	t.Parallel()
	var in []string
	for _, l := range indented(poolingEvalCmd{}.Help()) {
		if strings.HasPrefix(l, "{\"id\"") {
			in = append(in, l)
		}
	}
	require.Len(t, in, 6)
	var out bytes.Buffer
	require.NoError(t, pooling.EvalStream(strings.NewReader(strings.Join(in, "\n")), &out))
	for i, l := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var a map[string]any
		require.NoError(t, json.Unmarshal([]byte(l), &a))
		require.Equal(t, float64(i+1), a["id"])
		require.NotContains(t, a, "error", "%s", l)
	}
}

func TestHelpOfKitsRuns(t *testing.T) {
	t.Parallel()
	var kit []string
	for _, l := range indented(kitCheck{}.Help()) {
		if strings.HasPrefix(l, "lims ") {
			break
		}
		kit = append(kit, l)
	}
	file := write(t, "my-kit.yaml", strings.Join(kit, "\n"))
	var out strings.Builder
	require.NoError(t, (&kitCheck{File: file}).to(&out), "%s", out.String())
	require.Contains(t, out.String(), ": sound\n")

	var rows []string
	for _, l := range indented(kitCall{}.Help()) {
		if f := strings.Fields(l); strings.HasPrefix(l, "kit ") || strings.HasPrefix(l, "my-kit") {
			cut := strings.SplitN(strings.ReplaceAll(l, "  ", "\t"), "\t", -1)
			require.NotEmpty(t, f)
			var cells []string
			for _, c := range cut {
				if c = strings.TrimSpace(c); c != "" {
					cells = append(cells, c)
				}
			}
			rows = append(rows, strings.Join(cells, "\t"))
		}
	}
	out.Reset()
	require.NoError(t, (&kitCall{Kits: filepath.Dir(file), Cases: write(t, "cases.tsv", strings.Join(rows, "\n"))}).to(&out))
	require.Equal(t, "review\t-\n", out.String())
}

// A file that cannot be read as a kit is named with its line as any other finding.
func TestKitCheckNamesTheLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		tinyKit + "id: again\n":   ":25: error: kit file: key \"id\" stands twice, first on line 2\n",
		"schema: kit/v1\nid: [\n": ":2: error: ",
		"schema: kit/v9\n":        ":1: error: kit file: schema \"kit/v9\": expected kit/v1\n",
		strings.Replace(tinyKit, "ct_lt: 38", "ct_lt: soon", 1): ":9: error: kit file: ct_lt: \"soon\"",
	} {
		var out strings.Builder
		require.Error(t, (&kitCheck{File: write(t, "k.yaml", text)}).to(&out))
		require.Contains(t, out.String(), "k.yaml"+want)
	}
}
