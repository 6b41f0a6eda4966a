package lims_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
)

// saw is a call with one virus target in the given state.
func saw(call, action, state string) pcr.Call {
	return pcr.Call{Call: call, Action: action, Targets: pcr.Findings{{ID: "N", Target: pcr.Target{State: state}}, {ID: "IC", Target: pcr.Target{State: "pos"}}}}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	k := &pcr.Kit{Targets: []pcr.Assay{{ID: "N", Role: pcr.Virus}, {ID: "IC", Role: pcr.Internal}}}
	const sus, pre = "suspicious", "preliminary_positive"
	tests := []struct {
		call, action, virus string
		single, pooled      lims.Outcome
	}{
		{"negative", "", "neg", lims.Outcome{Result: lims.Negative}, lims.Outcome{Result: lims.Negative}},
		{"positive", "", "pos", lims.Outcome{Result: lims.Positive, Alert: pre}, lims.Outcome{Result: lims.PendingReview, Alert: pre}},
		{"presumptive_positive", "", "pos", lims.Outcome{Result: lims.PresumptivePositive, Alert: pre}, lims.Outcome{Result: lims.PendingReview, Alert: pre}},
		{"suspicious", "", "grey", lims.Outcome{Result: lims.Suspicious, Alert: sus}, lims.Outcome{Result: lims.PendingReview, Alert: sus}},
		{"inconclusive", "", "pos", lims.Outcome{Result: lims.Inconclusive, Alert: sus}, lims.Outcome{Result: lims.PendingReview, Alert: sus}},
		{"discordant", "", "neg", lims.Outcome{Result: lims.Discordant}, lims.Outcome{Result: lims.PendingReview}},
		{"invalid", "", "neg", lims.Outcome{Result: lims.InvalidResult}, lims.Outcome{Result: lims.PendingReview}},
		{"pending", "reextract", "grey", lims.Outcome{Repeat: true, Alert: sus}, lims.Outcome{Repeat: true, Alert: sus}},
		{"pending", "retest_other_kit", "neg", lims.Outcome{Repeat: true}, lims.Outcome{Repeat: true}},
		{"pending", "resample", "grey", lims.Outcome{Result: lims.Suspicious, Alert: sus}, lims.Outcome{Result: lims.PendingReview, Alert: sus}},
		{"pending", "resample", "neg", lims.Outcome{Result: lims.InvalidResult}, lims.Outcome{Result: lims.PendingReview}},
		{"pending", "refer", "pos", lims.Outcome{Result: lims.Suspicious, Alert: sus}, lims.Outcome{Result: lims.PendingReview, Alert: sus}},
		{"pending", "report_unable", "neg", lims.Outcome{Result: lims.InvalidResult}, lims.Outcome{Result: lims.PendingReview}},
		{"pending", "", "neg", lims.Outcome{Result: lims.InvalidResult}, lims.Outcome{Result: lims.PendingReview}},
		{"review", "", "pos", lims.Outcome{Result: lims.Inconclusive, Hold: "rule.review", Alert: sus}, lims.Outcome{Result: lims.PendingReview, Hold: "rule.review", Alert: sus}},
		{"review", "", "neg", lims.Outcome{Result: lims.Inconclusive, Hold: "rule.review"}, lims.Outcome{Result: lims.PendingReview, Hold: "rule.review"}},
		{"", "", "neg", lims.Outcome{Result: lims.Inconclusive, Hold: "rule.review"}, lims.Outcome{Result: lims.PendingReview, Hold: "rule.review"}},
		{"NEGATIVE", "", "neg", lims.Outcome{Result: lims.Inconclusive, Hold: "rule.review"}, lims.Outcome{Result: lims.PendingReview, Hold: "rule.review"}},
	}
	for _, tt := range tests {
		c := saw(tt.call, tt.action, tt.virus)
		require.Equal(t, tt.single, lims.Decide(k, c, 1), "%+v", tt)
		for n := 2; n <= 20; n++ {
			require.Equal(t, tt.pooled, lims.Decide(k, c, n), "%+v in a tube of %d", tt, n)
		}
	}
}

// Whatever a kit says of a tube of several: nobody in it is called positive, and only a negative ends an order.
func TestDecideNeverNamesAPersonInAPool(t *testing.T) {
	t.Parallel()
	k := &pcr.Kit{Targets: []pcr.Assay{{ID: "N", Role: pcr.Virus}, {ID: "IC", Role: pcr.Internal}}}
	calls := []string{"", "negative", "positive", "presumptive_positive", "suspicious", "inconclusive", "invalid", "discordant", "pending", "review", "rejected", "x"}
	actions := []string{"", "reextract", "retest_eluate", "retest_sample", "retest_other_kit", "resample", "refer", "report_unable"}
	for _, call := range calls {
		for _, action := range actions {
			for _, virus := range []string{"pos", "grey", "neg", ""} {
				for _, n := range []int{1, 2, 5, 10, 20} {
					o := lims.Decide(k, saw(call, action, virus), n)
					require.Equal(t, call == "negative", o.Result == lims.Negative, "negative comes of nothing but negative: %s %s", call, action)
					require.NotEqual(t, o.Repeat, o.Result != "", "tested again, or a result: %s %s", call, action)
					if n > 1 {
						require.Contains(t, []string{"", lims.Negative, lims.PendingReview}, o.Result, "%s %s n=%d", call, action, n)
					}
					if call != "negative" && call != "invalid" && (virus == "pos" || virus == "grey") {
						require.NotEmpty(t, o.Alert, "%s: a virus target came up", call)
					}
				}
			}
		}
	}
}

func TestCloses(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]bool{lims.Negative: true, lims.Positive: true, lims.PresumptivePositive: false, lims.Suspicious: false, lims.Inconclusive: false,
		lims.InvalidResult: false, lims.Discordant: false, lims.PendingReview: false, lims.RejectedResult: false, "": false} {
		require.Equal(t, want, lims.Closes(call), call)
	}
}
