package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// tinyKit is what laboratories send: no version, anchors, names of states of its own kind.
const tinyKit = `schema: kit/v1
id: tiny-kit
signal: ct
targets:
- {id: N, role: virus}
- {id: IC, role: internal}
states:
- targets: &v [N]
  when: {ct_lt: 38, curve: sigmoid}
  state: pos
- targets: *v
  when: {ct_ge_or_none: 38}
  state: neg
- targets: *v
  when: {any: true}
  state: grey
- {targets: IC, when: {ct_le: 35}, state: pos}
- {targets: IC, when: {any: true}, state: neg}
calls:
- {when: {target: N, is: pos}, call: positive}
- {when: {all: [{target: N, is: [grey]}, {attempt_lt: 2}]}, call: pending, action: reextract}
- {when: {target: N, is: [grey], prior_action: reextract}, call: positive}
- {when: {all: [{target: N, is: [neg]}, {not: {target: IC, is: [neg]}}]}, call: negative}
- {default: true, call: review}
`

func TestKitCall(t *testing.T) {
	t.Parallel()
	kits := filepath.Dir(write(t, "tiny.yaml", tinyKit))
	cases := write(t, "cases.tsv", strings.ReplaceAll(`kit	readings (- = no Ct)	curves	context
tiny	N=37,9 IC=30	-	-
tiny-kit	N=38.00 IC=30	-	-
tiny.yaml	N=Undetermined IC=30	-	-
tiny	N=- IC=-	-	-
tiny	N=30 IC=30	N=none	-
tiny	N=30 IC=30	N=none	attempt=2 prior_action=reextract
tiny	N=0 IC=30	-	-
tiny	IC=30	-	-
tiny	N=- IC=30	-	attempt=soon
other	N=- IC=30	-	-
tiny	N=- IC=30	-	weather=fine
`, "\n", "\r\n"))
	var out strings.Builder
	c := kitCall{Kits: kits, Cases: cases}
	err := c.to(&out)
	require.ErrorContains(t, err, `attempt "soon"`)
	require.ErrorContains(t, err, `kit "other"`)
	require.Equal(t, strings.Join([]string{"positive\t-", "negative\t-", "negative\t-", "review\t-", "pending\treextract", "positive\t-",
		"review\t-", "review\t-", "error\t-", "error\t-", "negative\t-", ""}, "\n"), out.String())
}

// Kits come as YAML or as JSON, cases with their columns in any order.
func TestKitCallOfStrangers(t *testing.T) {
	t.Parallel()
	var tree map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(tinyKit), &tree))
	text, err := json.MarshalIndent(tree, "", "\t")
	require.NoError(t, err)
	var out strings.Builder
	c := kitCall{Kits: filepath.Dir(write(t, "mine.json", string(text))),
		Cases: write(t, "c.tsv", "\ufeffcontext\tkit\twho\treadings\nattempt=2\tmine\tA\tN=40.00 IC=30\n-\ttiny-kit.json\tB\tN=1_0 IC=30 E=20\n")}
	require.NoError(t, c.to(&out))
	require.Equal(t, "negative\t-\nreview\t-\n", out.String())
}

func TestKitCheck(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, (&kitCheck{File: "daan"}).to(&out))
	require.Contains(t, out.String(), "sound")

	// not is no promise: an internal control that is not assessed is not negative either
	out.Reset()
	require.Error(t, (&kitCheck{File: write(t, "k.yaml", tinyKit)}).to(&out))
	require.Contains(t, out.String(), "k.yaml:23: error: rule 4 says negative: N neg, IC none, attempt 1")
	require.Error(t, (&kitCheck{File: filepath.Join(t.TempDir(), "none.yaml")}).to(&out))
}

func TestKitPrint(t *testing.T) {
	t.Parallel()
	var zh, html strings.Builder
	require.NoError(t, (&kitPrint{File: "sansure", Lang: "zh", Format: "text"}).to(&zh))
	require.Contains(t, zh.String(), "圣湘")
	require.Contains(t, zh.String(), "批准人: ____")
	require.NoError(t, (&kitPrint{File: "sansure", Lang: "en", Format: "html"}).to(&html))
	require.True(t, strings.HasPrefix(html.String(), "<!doctype html>"))
	require.NotContains(t, html.String(), "<script")
}
