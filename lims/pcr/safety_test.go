package pcr_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"natlims/lims/pcr"
)

// texts are the values that cases of bad input are made of, good ones among them.
var texts = []string{"", " ", "-", "0", "0,00", "-1.00", "NaN", "Inf", "Undetermined", "NoCt", "No Ct", "N/A", "15", "34.99", "35", "36", "37",
	"37,99", "38", "39.99", "40", "40.00", "40.01", "43", "43.01", "45", "99", "101", ">35", ">40", ">45", "#######", "1,000E+03", "positive",
	"negative", "invalid", "detected", "not detected", "passed", "failed", "not assessed", "pos", "neg", "pass", "fail", "a word"}

func anyValue(t *rapid.T, name string) pcr.Value {
	text := rapid.SampledFrom(texts).Draw(t, name)
	v := pcr.ParseCq(text)
	v.Call = strings.TrimSpace(text)
	v.Curve = rapid.SampledFrom([]pcr.Shape{pcr.Sigmoid, pcr.Sigmoid, pcr.Unseen, pcr.Flat, pcr.Drift, pcr.Late, pcr.Noise}).Draw(t, "curve")
	return v
}

func anyContext(t *rapid.T) pcr.Context {
	return pcr.Context{
		Attempt:     rapid.IntRange(0, 3).Draw(t, "attempt"),
		PriorAction: rapid.SampledFrom([]string{"", "reextract", "retest_sample", "resample"}).Draw(t, "action"),
		PriorCall:   rapid.SampledFrom([]string{"", "pending", "positive", "negative"}).Draw(t, "call"),
		Instrument:  rapid.SampledFrom([]string{"", "CFX96", "ABI7500FastDx", "Unheard of"}).Draw(t, "instrument"),
	}
}

// safe is what holds for every call of every kit, checked or not.
func safe(k *pcr.Kit, c pcr.Call) string {
	for _, a := range k.Targets {
		s := c.Targets.Of(a.ID).State
		switch {
		case c.Call == pcr.Negative && a.Role == pcr.Virus && s != pcr.Neg:
			return "negative with " + a.ID + " " + s
		case c.Call == pcr.Negative && a.Needed() && s != pcr.Pos:
			return "negative without " + a.ID
		case c.Call == pcr.Invalid && a.Role == pcr.Virus && s == pcr.Pos:
			return "invalid with " + a.ID + " positive"
		}
	}
	return ""
}

func TestEveryCallIsSafe(t *testing.T) {
	t.Parallel()
	for _, k := range pcr.Kits() {
		rapid.Check(t, func(t *rapid.T) {
			readings := map[string]pcr.Value{}
			for _, a := range k.Targets {
				if rapid.IntRange(0, 9).Draw(t, "there") > 0 {
					readings[a.ID] = anyValue(t, a.ID)
				}
			}
			ctx := anyContext(t)
			c := k.Call(readings, ctx)
			if bad := safe(k, c); bad != "" {
				t.Fatalf("%s: %s", k.ID, bad)
			}
			if c.Call == "" || c.Why == "" || c.Kit != k.Key() || len(c.Targets) != len(k.Targets) {
				t.Fatalf("%s does not explain itself: %+v", k.ID, c)
			}
			if !reflect.DeepEqual(c, k.Call(readings, ctx)) {
				t.Fatalf("%s is not deterministic", k.ID)
			}
			for id, v := range readings { // what says nothing leaves its target not assessed
				if v.State != pcr.HasCq && v.State != pcr.NoCq && k.Signal == "ct" && c.Targets.Of(id).State != pcr.None {
					t.Fatalf("%s: %s %q is %s", k.ID, id, v.Text, c.Targets.Of(id).State)
				}
			}
		})
	}
}

// TestGrid walks the full grid of every shipped kit: each boundary value of each target with every other.
func TestGrid(t *testing.T) {
	t.Parallel()
	cts := []string{"", "-", "20", "31.5", "31.6", "34.99", "35", "36", "36.1", "37", "38", "38.01", "39.99", "40", "40.01", "43", "43.01", "44", "45"}
	few := []string{"", "-", "20", "35", "37", "38", "40", "43.01"}
	said := []string{"", "positive", "negative", "invalid", "detected", "not detected", "passed", "failed", "not assessed", "pass", "fail", "pos", "neg", "?"}
	n := 0
	for _, k := range pcr.Kits() {
		values := cts
		switch {
		case k.Signal == "call":
			values = said
		case len(k.Targets) > 3:
			values = few
		}
		size := 1
		for range k.Targets {
			size *= len(values)
		}
		readings := map[string]pcr.Value{}
		for _, ctx := range []pcr.Context{{}, {Attempt: 2}, {Attempt: 2, PriorAction: "reextract", Instrument: "CFX96"}} {
			for x := range size {
				for _, a := range k.Targets {
					v := pcr.ParseCq(values[x%len(values)])
					v.Call, v.Curve = values[x%len(values)], pcr.Sigmoid
					readings[a.ID] = v
					x /= len(values)
				}
				n++
				c := k.Call(readings, ctx)
				if bad := safe(k, c); bad != "" || strings.Contains(c.Why, "refused") {
					require.Fail(t, k.ID, "%s: %v: %s", bad, readings, c.Why)
				}
			}
		}
	}
	t.Logf("%d calls", n)
	require.Greater(t, n, 200_000)
}

// TestLoadLetsNothingUnsafeThrough shuffles, drops and bends the rules of a kit. What Load accepts never meets the guards of
// Call: the check sees by itself what they would have to stop.
func TestLoadLetsNothingUnsafeThrough(t *testing.T) {
	t.Parallel()
	head, rest, _ := strings.Cut(sound, "calls:\n")
	rules, tail, _ := strings.Cut(rest, "  - {default")
	lines := strings.Split(strings.TrimSpace(rules), "\n")
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		mine := rapid.Permutation(lines).Draw(t, "order")[:rapid.IntRange(1, len(lines)).Draw(t, "keep")]
		var b strings.Builder
		for _, l := range mine {
			switch rapid.IntRange(0, 8).Draw(t, "bend") {
			case 0:
				l = strings.Replace(l, "is: [neg]", "is: [neg, grey]", 1)
			case 1:
				l = strings.Replace(l, "min: 2", "min: 1", 1)
			case 2:
				l = strings.Replace(l, "{target: IC, is: [pos]}", "{attempt_lt: 2}", 1)
			case 3:
				l = strings.Replace(l, "all:", "any_of:", 1)
			case 4:
				l = strings.Replace(l, "call: suspicious", "call: invalid", 1)
			}
			b.WriteString("  " + strings.TrimSpace(l) + "\n")
		}
		k, err := pcr.Load([]byte(head + "calls:\n" + b.String() + "  - {default" + tail))
		if err != nil {
			return
		}
		accepted++
		for x := range 5 * 5 * 5 {
			readings := map[string]pcr.Value{}
			for _, id := range []string{"O", "N", "IC"} {
				readings[id] = []pcr.Value{{}, pcr.ParseCq("-"), pcr.ParseCq("20"), pcr.ParseCq("36"), {State: pcr.HasCq, Cq: 30, Curve: pcr.Drift}}[x%5]
				x /= 5
			}
			for attempt := range 3 {
				if c := k.Call(readings, pcr.Context{Attempt: attempt}); strings.Contains(c.Why, "refused") {
					t.Fatalf("accepted, then %s", c.Why)
				}
			}
		}
	})
	require.Positive(t, accepted)
}

func TestReplicates(t *testing.T) {
	t.Parallel()
	k, err := pcr.Find("taqpath-replicate")
	require.NoError(t, err)
	row := func(s ...string) map[string]pcr.Value {
		m := map[string]pcr.Value{}
		for i, id := range []string{"ORF1ab", "N", "S", "MS2"} {
			m[id] = pcr.ParseCq(s[i])
		}
		return m
	}
	tests := []struct {
		a, b map[string]pcr.Value
		want string
	}{
		{row("30", "30", "-", "25"), row("31", "30", "-", "25"), pcr.Positive},
		{row("30", "30", "-", "25"), row("-", "-", "-", "25"), pcr.Positive}, // disparate in two targets
		{row("30", "-", "-", "25"), row("-", "-", "-", "25"), pcr.Pending},
		{row("-", "-", "-", "25"), row("-", "-", "-", "25"), pcr.Negative},
		{row("-", "-", "-", "25"), row("-", "-", "-", "-"), pcr.Review},
		{row("-", "-", "-", "25"), row("", "-", "-", "25"), pcr.Review},
	}
	for i, tt := range tests {
		got := k.CallWells([]map[string]pcr.Value{tt.a, tt.b}, pcr.Context{})
		require.Equal(t, tt.want, got.Call, "%d: %s", i, got.Why)
		require.Empty(t, safe(k, got))
	}
}

func FuzzParseCq(f *testing.F) {
	for _, s := range texts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := pcr.ParseCq(s)
		if v.State == pcr.HasCq && !(v.Cq > 0 && v.Cq <= 100) {
			t.Fatalf("%q is Cq %f", s, v.Cq)
		}
	})
}

// FuzzRead holds the guards of Call against kits that nobody checked.
func FuzzRead(f *testing.F) {
	for _, k := range pcr.Kits() {
		b, err := pcr.KitFile(k.ID)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := pcr.Read(b)
		if err != nil {
			return
		}
		k.Check()
		for _, text := range []string{"-", "20", "", "negative"} {
			readings := map[string]pcr.Value{}
			for _, a := range k.Targets {
				v := pcr.ParseCq(text)
				v.Call = text
				readings[a.ID] = v
			}
			c := k.Call(readings, pcr.Context{})
			for _, a := range k.Targets {
				if c.Call == pcr.Negative && a.Role == pcr.Virus && c.Targets.Of(a.ID).State != pcr.Neg {
					t.Fatalf("negative with %s %s", a.ID, c.Targets.Of(a.ID).State)
				}
			}
		}
	})
}
