package pcr_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims/pcr"
)

// sound is a small kit that passes; the tests break it in one place each.
const sound = `schema: kit/v1
id: t
version: "1"
targets:
  - {id: O, role: virus, channel: FAM, loinc: {presence: 94559-2}}
  - {id: N, role: virus, channel: VIC}
  - {id: IC, role: internal, channel: CY5}
states:
  - {targets: [O, N], when: {ct_le: 38, curve: sigmoid}, state: pos}
  - {targets: [O, N], when: {ct_le: 38}, state: grey}
  - {targets: [O, N], when: {any: true}, state: neg}
  - {targets: [IC], when: {ct_le: 35}, state: pos}
  - {targets: [IC], when: {any: true}, state: neg}
calls:
  - {when: {count: {role: virus, is: [pos], min: 2}}, call: positive}
  - {when: {count: {role: virus, is: [pos, grey], min: 1}}, call: suspicious, action: resample}
  - {when: {all: [{count: {role: virus, is: [neg], min: 2}}, {target: IC, is: [pos]}]}, call: negative}
  - {when: {all: [{count: {role: virus, is: [neg], min: 2}}, {target: IC, is: [neg]}]}, call: invalid, action: resample}
  - {default: true, call: review}
controls:
  - {id: NC, scope: plate, expect: {O: none}, on_fail: invalidate_plate}
`

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	_, err := pcr.Load([]byte(sound))
	require.NoError(t, err)
	tests := []struct{ old, new, want string }{
		{"is: [neg], min: 2}}, {target: IC, is: [pos]}]}, call: negative", "is: [neg], min: 1}}, {target: IC, is: [pos]}]}, call: negative",
			"line 17: rule 3 says negative: O none, N neg, IC pos, attempt 1"},
		{"- {when: {count: {role: virus, is: [pos, grey], min: 1}}, call: suspicious, action: resample}\n  - {when: {all: [{count: {role: virus, is: [neg], min: 2}}",
			"- {when: {all: [{count: {role: virus, is: [neg, grey], min: 2}}", "line 16: rule 2 says negative: O grey, N neg, IC pos, attempt 1"},
		{"{target: IC, is: [pos]}]}, call: negative", "{attempt_lt: 9}]}, call: negative", "line 17: rule 3 says negative: O neg, N neg, IC neg, attempt 1"},
		{"call: suspicious, action: resample", "call: invalid, action: resample", "line 16: rule 2 says invalid: O neg, N pos, IC pos, attempt 1"},
		{"  - {default: true, call: review}\n", "", "line 18: no rule for O none, N neg, IC pos, attempt 1"},
		{"{default: true, call: review}", "{default: true, call: negative}", `line 19: the default says "negative": expected review`},
		{"  - {targets: [O, N], when: {any: true}, state: neg}\n", "", "line 10: target O: no Ct has no state"},
		{"{any: true}, state: neg}\n  - {targets: [IC]", "{ct_gt: 38}, state: neg}\n  - {targets: [IC]", "line 11: target O: no Ct has no state"},
		{"[O, N], when: {any: true}, state: neg", "[O, N], when: {any: true}, state: pos", "line 11: target O: no Ct is pos"},
		{"{ct_le: 38, curve: sigmoid}, state: pos}\n  - {targets: [O, N], when: {ct_le: 38}, state: grey", "{ct_gt: 30, curve: sigmoid}, state: pos",
			"line 9: target O: Ct 1 is neg but the later Ct 30.01 is pos"},
		{"94559-2", "94559-3", `line 5: target O: LOINC presence "94559-3"`},
		{"channel: VIC", "channel: FAM", "line 6: target N: channel FAM is that of O"},
		{"channel: VIC", "channel: VIC, wells: own", "line 6: target N: wells own: expected layout singleplex"},
		{"ct_le: 35", "ct_below: 35", `unknown predicate "ct_below"`},
		{"{target: IC, is: [neg]}", "{target: IC, are: [neg]}", `line 18: rule 4: unknown condition "are"`},
		{"is: [pos, grey]", "is: [pos, grew]", `line 16: rule 2: state "grew": no state rule gives it`},
		{"state: grey", "state: grew", `line 10: state "grew": expected pos, neg, grey, inv or none`},
		{"call: suspicious", "call: maybe", `line 16: rule 2: call "maybe"`},
		{"call: suspicious, action: resample", "call: pending", "line 16: rule 2: pending without an action"},
		{"- {targets: [IC], when: {any", "- {target: [IC], when: {any", `unknown field "target"`},
		{"scope: plate", "scope: table", `line 21: control NC: scope "table"`},
		{"expect: {O: none}", "expect: {X: none}", `target "X" is not in the kit`},
		{"on_fail: invalidate_plate", "on_fail: shrug", `on_fail "shrug"`},
		{"schema: kit/v1", "schema: kit/v2", `schema "kit/v2"`},
		{"id: t\n", "id: a b\n", `id "a b"`},
		{"role: internal", "role: spare", `line 7: target IC: role "spare"`},
		{"{id: IC,", "{id: N,", `line 7: target "N": expected an id that stands once`},
		{"targets: [O, N], when: {ct_le: 38}", "targets: [O, M], when: {ct_le: 38}", `line 10: target "M" is not in the kit`},
		{"ct_le: 35", "ct_le: many", `ct_le: "many": expected a number of cycles`},
		{"id: t\n", "id: t\ninstruments: [StepOne]\n", "instrument StepOne has no channel CY5"},
		{"ct_le: 35", "ct_le: 3_5", `line 12: ct_le: "3_5": expected a number of cycles`},
		{"when: {ct_le: 38}, state: grey", "state: grey", "line 10: state rule 2: no test: expected one such as"},
		{"expect: {O: none}", "expect: {O: }", "line 21: control NC target O: no test"},
		{"- {default: true, call: review}", "- {call: review}", "line 19: rule 5 is the last: expected {default: true, call: review} after it"},
		{"- {default: true, call: review}", "- {when: {any: true}, call: review}", "line 19: rule 5 is the last"},
		{"- {default: true, call: review}", "- {default: true, when: {attempt_lt: 2}, call: review}", "line 19: rule 5 has a condition and is the default"},
		{"when: {count: {role: virus, is: [pos], min: 2}}, call: positive", "call: positive", `line 15: rule 1: unknown condition "no condition"`},
		{"is: [pos], min: 2", "is: [pos], min: 1.9", "line 15: min 1.9: expected a whole number"},
		{"is: [pos], min: 2", "is: [pos], min: two", "line 15: str `two`: expected a whole number"},
		{"{count: {role: virus, is: [pos], min: 2}}", "[O, N]", "expected a condition such as"},
		{"id: t\n", "id: t\ncycles: 45.5\n", "line 3: cycles 45.5: expected a whole number"},
		{"role: internal,", "role: internal, required: maybe,", "line 7: str `maybe`: expected true or false"},
		{"ct_le: 35", "ct_le: 35, ct_le: 34", `line 12: key "ct_le" stands twice, first on line 12`},
		{"id: t\n", "id: t\nid: u\n", `line 3: key "id" stands twice, first on line 2`},
		{"is: [pos], min: 2", "is: [pos], minimum: 2", `line 15: rule 1: unknown condition "count minimum"`},
		{"is: [pos], min: 2", "is: [pos], min: 2, max: 1", `line 15: rule 1: unknown condition "count with min above max or below 0"`},
		{"role: virus, is: [pos], min: 2", "role: virus, min: 2", `line 15: rule 1: unknown condition "count without is"`},
		{"role: virus, is: [pos], min: 2", "role: viral, is: [pos], min: 2", `line 15: rule 1: unknown condition "count of role viral"`},
		{"{target: IC, is: [neg]}", "{target: IC}", `line 18: rule 4: unknown condition "target without is"`},
		{"{target: IC, is: [neg]}", "{is: [neg]}", `line 18: rule 4: unknown condition "is without target"`},
		{"{count: {role: virus, is: [pos], min: 2}}", "{all: []}", `line 15: rule 1: unknown condition "all of nothing"`},
		{"{target: IC, is: [neg]}", "{attempt_lt: 0}", "line 18: rule 4: attempt 0: the first attempt is 1"},
		{"ct_le: 35", "ct_le: 35, ct_gt: 36", "line 12: state rule 4: no value fulfils Ct ≤ 35 and Ct > 36"},
		{"expect: {O: none}", "expect: {O: {ct_lt: 20, ct_gt: 30}}", "line 21: control NC target O: no value fulfils"},
		{"curve: sigmoid", "curve: sigmoidal", `line 9: state rule 1: curve "sigmoidal": expected one of sigmoid`},
		{"id: t\n", "id: t\ncycles: 37\n", "line 10: state rule 1: Ct ≤ 38: the run has 37 cycles"},
		{"id: t\n", "id: t\ncut_off: 38\n", `line 3: unknown field "cut_off"`},
		{"role: internal,", "role: internal, requierd: false,", `line 7: unknown field "requierd"`},
		{"role: internal,", "role: internal, origin: outside,", `line 7: target IC: origin "outside"`},
		{"scope: plate", "scope: plate, minimum: 2", `line 21: unknown field "minimum"`},
		{"scope: plate", "scope: plate, per_plate_min: -1", "line 21: control NC: per_plate_min -1"},
		{"id: t\n", "id: t\nvalid_from: 2026-02-30\n", `date "2026-02-30": expected YYYY-MM-DD`},
		{"id: t\n", "id: t\nvalid_from: 2026-03-01\nvalid_to: 2026-02-01\n", "valid_to 2026-02-01 is before valid_from 2026-03-01"},
		{"id: t\n", "id: t\nlod: {value: -1}\n", "lod -1"},
		{"on_fail: invalidate_plate}\n", "on_fail: invalidate_plate}\n---\nid: u\n", "line 22: something follows the kit: expected one document"},
	}
	for _, tt := range tests {
		require.Contains(t, sound, tt.old, tt.want)
		_, err := pcr.Load([]byte(strings.Replace(sound, tt.old, tt.new, 1)))
		require.ErrorContains(t, err, tt.want, tt.new)
	}
	_, err = pcr.Load([]byte(sound + strings.Repeat("#", pcr.MaxKitBytes)))
	require.ErrorContains(t, err, "expected at most")
	_, err = pcr.Load(nil)
	require.Error(t, err)
}

func TestVersionOfAKitWithoutOne(t *testing.T) {
	t.Parallel()
	a, err := pcr.Load([]byte(strings.Replace(sound, "version: \"1\"\n", "", 1)))
	require.NoError(t, err)
	b, err := pcr.Load([]byte(strings.Replace(sound, "version: \"1\"\n", "", 1) + "# changed\n"))
	require.NoError(t, err)
	require.Len(t, a.Version, 12)
	require.NotEqual(t, a.Key(), b.Key(), "a changed file is another kit")
	require.False(t, a.Usable())
}

// Replicates that disagree are grey, whatever the state rules say.
func TestCheckKnowsReplicates(t *testing.T) {
	t.Parallel()
	const loose = "{all: [{not: {count: {role: virus, is: [pos], min: 1}}}, {target: IC, is: [pos]}]}, call: negative"
	text := strings.NewReplacer("  - {targets: [O, N], when: {ct_le: 38}, state: grey}\n", "",
		"{all: [{count: {role: virus, is: [neg], min: 2}}, {target: IC, is: [pos]}]}, call: negative", loose, "is: [pos, grey], min: 1", "is: [pos], min: 1").Replace(sound)
	_, err := pcr.Load([]byte(text))
	require.ErrorContains(t, err, "O none, N neg, IC pos")
	_, err = pcr.Load([]byte(strings.Replace(text, "id: t\n", "id: t\nreplicates: 2\n", 1)))
	require.ErrorContains(t, err, "O grey, N neg, IC pos")
}

// What is not understood never holds: a rule read in half must not speak.
func TestHalfRulesStaySilent(t *testing.T) {
	t.Parallel()
	for _, half := range []string{"{all: []}", "{is: [pos]}", "{target: O}", "{count: {role: virus, is: [neg], minimum: 9}}", "{count: {role: virus, max: 2}}", ""} {
		text := strings.Replace(sound, "{count: {role: virus, is: [pos], min: 2}}", half, 1)
		k, err := pcr.Read([]byte(strings.Replace(text, "{when: , ", "{", 1)))
		require.NoError(t, err)
		no := pcr.Value{State: pcr.NoCq}
		got := k.Call(map[string]pcr.Value{"O": no, "N": no, "IC": {State: pcr.HasCq, Cq: 30}}, pcr.Context{})
		require.Equal(t, pcr.Negative, got.Call, "%s: %s", half, got.Why)
	}
}

// A state rule without a test does not make a target negative that was not read.
func TestStateWithoutATest(t *testing.T) {
	t.Parallel()
	k, err := pcr.Read([]byte(strings.Replace(sound, "[O, N], when: {any: true}, state: neg", "[O, N], state: neg", 1)))
	require.NoError(t, err)
	got := k.Call(map[string]pcr.Value{"IC": {State: pcr.HasCq, Cq: 30}}, pcr.Context{})
	require.Equal(t, pcr.Review, got.Call, got.Why)
}

// The range of a control lot is in cycles and may have parts.
func TestRangeOfALot(t *testing.T) {
	t.Parallel()
	_, err := pcr.Load([]byte(strings.Replace(sound, "expect: {O: none}", "expect: {O: {lot_range: {min: 20.5, max: 26.5}}, N: {lot_range: true}}", 1)))
	require.NoError(t, err)
}

func TestDiff(t *testing.T) {
	t.Parallel()
	a, err := pcr.Load([]byte(sound))
	require.NoError(t, err)
	require.Empty(t, pcr.Diff(a, a, "en"))
	b, err := pcr.Load([]byte(strings.ReplaceAll(sound, "ct_le: 38", "ct_le: 40")))
	require.NoError(t, err)
	var got []string
	for _, l := range pcr.Diff(a, b, "en") {
		got = append(got, l.Sign+l.Text)
	}
	require.Contains(t, got, "-1 | O, N |  | Ct ≤ 38 and typical S curve | +")
	require.Contains(t, got, "+1 | O, N |  | Ct ≤ 40 and typical S curve | +")
	require.Contains(t, got, " State of a target")
}

func TestTargetNames(t *testing.T) {
	t.Parallel()
	tests := []struct{ kit, name, dye, want string }{
		{"daan", "ORF1ab", "", "ORF1ab"},
		{"daan", "ORF1ab^Ct", "", "ORF1ab"},
		{"daan", "orf1ab gene", "", "ORF1ab"},
		{"daan", "N基因", "", "N"},
		{"daan", "SARS-CoV-2 N", "", "N"},
		{"daan", "RNase P", "", "IC"},
		{"daan", "内标", "", "IC"},
		{"daan", "FAM", "", "N"},
		{"daan", "VIC", "", "ORF1ab"},
		{"daan", "HEX", "", "ORF1ab"},
		{"daan", "", "Cy5", "IC"},
		{"daan", "Target 1", "FAM", "N"},
		{"daan", "CY5-Quasar 670", "", "IC"},
		{"sansure", "FAM", "", "ORF1ab"},
		{"sansure", "Texas Red", "", "N"},
		{"cdc", "2019-nCoV_N1", "FAM", "N1"},
		{"cdc", "RP", "", "RP"},
		{"daan", "E", "", ""},
		{"daan", "Zika", "FAM", ""}, // a foreign name is not overruled by its colour
		{"daan", "ROX", "", ""},
		{"daan", "", "", ""},
		{"daan", "ORF1ab N", "", ""}, // two targets in one name
		{"cdc", "", "FAM", ""},       // three targets in one channel
	}
	for _, tt := range tests {
		k, err := pcr.Find(tt.kit)
		require.NoError(t, err)
		got, ok := k.Target(tt.name, tt.dye)
		require.Equal(t, tt.want, got, "%s %q %q", tt.kit, tt.name, tt.dye)
		require.Equal(t, tt.want != "", ok)
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	for _, k := range pcr.Kits() {
		for _, lang := range []string{"zh", "en"} {
			var text, html strings.Builder
			require.NoError(t, k.WriteText(&text, lang))
			require.NoError(t, k.WriteHTML(&html, lang))
			require.Contains(t, text.String(), k.Digest)
			require.Contains(t, html.String(), k.Key())
			require.NotContains(t, text.String(), "%!")
		}
	}
}

func TestAnchorsAndMerges(t *testing.T) {
	t.Parallel()
	merged := strings.Replace(sound, "when: {ct_le: 38}, state: grey", "when: &w {ct_le: 38}, state: grey", 1)
	merged = strings.Replace(merged, "when: {any: true}, state: neg}\n  - {targets: [IC], when: {ct_le: 35}", "when: {any: true}, state: neg}\n  - {targets: [IC], when: {<<: *w, ct_lt: 35.01}", 1)
	k, err := pcr.Load([]byte(merged))
	require.NoError(t, err)
	require.Equal(t, pcr.Negative, k.Call(map[string]pcr.Value{"O": pcr.ParseCq("-"), "N": pcr.ParseCq("-"), "IC": pcr.ParseCq("35")}, pcr.Context{}).Call)
	for _, self := range []string{"when: &w {<<: *w}, state: grey", "when: &w {any: *w}, state: grey", "when: &w {curve: [*w]}, state: grey"} {
		_, err = pcr.Load([]byte(strings.Replace(sound, "when: {ct_le: 38}, state: grey", self, 1)))
		require.Error(t, err)
	}
	_, err = pcr.Load([]byte(strings.Replace(sound, "when: {count: {role: virus, is: [pos], min: 2}}", "when: &c {all: [*c]}", 1)))
	require.Error(t, err)
}

func TestKitThatWasNotReadCallsReview(t *testing.T) {
	t.Parallel()
	k, err := pcr.Find("daan")
	require.NoError(t, err)
	own := &pcr.Kit{ID: "daan", Version: "1", Targets: k.Targets, States: k.States, Calls: k.Calls}
	require.Equal(t, pcr.Review, own.Call(map[string]pcr.Value{"N": pcr.ParseCq("20"), "ORF1ab": pcr.ParseCq("20")}, pcr.Context{}).Call)
	require.NotEmpty(t, own.Check())
	approved := *k
	approved.ApprovedBy, approved.InsertHash = "somebody", k.Digest
	require.True(t, approved.Usable())
	require.Equal(t, pcr.Positive, approved.Call(map[string]pcr.Value{"N": pcr.ParseCq("20"), "ORF1ab": pcr.ParseCq("20")}, pcr.Context{}).Call)
}
