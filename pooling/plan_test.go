package pooling

import (
	"encoding/xml"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func golden(t *testing.T, name, got string) {
	file := "testdata/" + name
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	test := Test{.98, .999}
	for name, q := range map[string]Ask{
		"plan-rare":     {Risk: .001, Persons: 33_000, Wells: 9_000, Rounds: 2, Cap: 10, Test: test},
		"plan-array":    {Risk: .02, Persons: 33_000, Wells: 9_000, Rounds: 2, Cap: 10, Test: test},
		"plan-three":    {Risk: .01, Persons: 5_000, Rounds: 3, Cap: 20, Test: test},
		"plan-forward":  {Risk: .35, Persons: 33_000, Wells: 9_000, Rounds: 2, Cap: 10, Test: test},
		"plan-diluted":  {Risk: .004, Persons: 20_000, Wells: 8_000, Rounds: 2, Cap: 20, Test: test, Floor: .85, Cq: ReferenceCq(), Dilution: Dilution{C95: 37, Sigma: .6}},
		"plan-one-turn": {Risk: .0005, Persons: 2_000, Rounds: 1, Cap: 20, Test: Perfect, Late: .01},
	} {
		a, err := Recommend(q)
		require.NoError(t, err)
		for _, lang := range []string{"en", "zh"} {
			text, err := Explain(a, lang)
			require.NoError(t, err)
			require.NotContains(t, text, "%!")
			golden(t, name+"."+lang+".txt", text)
			svg, err := SVG(a.Options[0], lang)
			require.NoError(t, err)
			require.True(t, wellFormed(svg), "%s", svg)
		}
	}
	_, err := Explain(Advice{}, "fr")
	require.ErrorContains(t, err, `"fr"`)
}

// The drawing of single tests speaks of no pool; both papers have their colours.
func TestPictureOfSingleTests(t *testing.T) {
	t.Parallel()
	for lang, words := range map[string][2]string{"en": {"single tests", "pool"}, "zh": {"单采单检", "混检"}} {
		svg, err := SVG(Option{Scheme: "single", Char: Char{Rounds: 1}}, lang)
		require.NoError(t, err)
		require.Contains(t, string(svg), words[0])
		require.NotContains(t, string(svg), words[1])
		require.Contains(t, string(svg), "prefers-color-scheme:dark")
	}
}

func wellFormed(text []byte) bool {
	d := xml.NewDecoder(strings.NewReader(string(text)))
	for {
		if _, err := d.Token(); err != nil {
			return err == io.EOF
		}
	}
}

func TestLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	for key, en := range words["en"] {
		require.Equal(t, strings.Count(en, "%s"), strings.Count(words["zh"][key], "%s"), key)
		require.Equal(t, strings.Count(en, "%d"), strings.Count(words["zh"][key], "%d"), key)
		require.Equal(t, strings.Count(en, "|"), strings.Count(words["zh"][key], "|"), key)
	}
	require.Len(t, words["zh"], len(words["en"]))
}

// Two rounds: from this risk on the square array beats Dorfman under the cap.
func TestCrossOver(t *testing.T) {
	t.Parallel()
	for most, p := range map[int]float64{8: .0246, 10: .0141, 12: .0092, 16: .0049, 20: .0030, 32: .0011} {
		for _, c := range []struct {
			p    float64
			want string
		}{{p * .97, OptDorfman}, {p * 1.03, OptArray}} {
			a, err := Recommend(Ask{Risk: c.p, Cap: most, Rounds: 2, Test: Test{.98, .999}})
			require.NoError(t, err)
			best, ok := a.Best()
			require.True(t, ok)
			require.Equal(t, c.want, best.Scheme, "cap %d risk %v", most, c.p)
		}
	}
}

func TestLimitsAreKept(t *testing.T) {
	t.Parallel()
	test := Test{.98, .999}
	for _, q := range []Ask{
		{Risk: .01, Cap: 25, Rounds: 2, Test: test},
		{Risk: .01, Cap: 25, Rounds: 4, Test: test, Floor: .95},
		{Risk: .01, Cap: 25, Rounds: 3, Test: test, Persons: 1000, Wells: 160},
		{Risk: .0005, Cap: 50, Rounds: 1, Test: test, Late: .02},
		{Risk: .01, Cap: 25, Rounds: 2, Test: test, Cq: ReferenceCq(), Dilution: Dilution{C95: 37, Sigma: .6}, Floor: .85},
	} {
		a, err := Recommend(q)
		require.NoError(t, err)
		best, ok := a.Best()
		require.True(t, ok, "%+v", q)
		require.LessOrEqual(t, best.Largest(), q.Cap)
		require.GreaterOrEqual(t, best.PSe, q.Floor)
		require.True(t, best.Char.Rounds <= q.Rounds || best.Late <= q.Late)
		if q.Wells > 0 {
			require.LessOrEqual(t, best.Wells, q.Wells)
		}
		for _, o := range a.Options {
			if o.Refused == "" {
				require.GreaterOrEqual(t, o.Cost, best.Cost-1e-12)
			}
		}
	}
	// a miss that costs a lot makes single tests the cheapest
	a, err := Recommend(Ask{Risk: .01, Test: Test{.9, .999}, Prices: Prices{Test: 1, Miss: 1e5}})
	require.NoError(t, err)
	best, _ := a.Best()
	require.Equal(t, OptSingle, best.Scheme)
	// nothing fits: somebody else has to take the rest
	a, err = Recommend(Ask{Risk: .01, Persons: 1000, Wells: 10, Cap: 10, Test: test})
	require.NoError(t, err)
	_, ok := a.Best()
	require.False(t, ok)
	require.Greater(t, a.Forward, 900)
}

// A scheme that the persons do not fill is none: the wells of half an array are not half.
func TestRecommendFillsItsPools(t *testing.T) {
	t.Parallel()
	for persons := 1; persons <= 40; persons++ {
		a, err := Recommend(Ask{Risk: 0.001, Persons: persons, Rounds: 5, Cap: 20})
		require.NoError(t, err)
		for _, o := range a.Options {
			held := max(1, o.Rows*o.Cols)
			if o.Stages != nil {
				held = o.Stages[0][0]
			}
			require.LessOrEqual(t, held, persons, "%+v", o)
		}
	}
}
