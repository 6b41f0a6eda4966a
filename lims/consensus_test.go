package lims_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
)

func TestConsensusTable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b, result, hold string
		release, alert     bool
	}{
		{"negative", "negative", lims.Negative, "", true, false},
		{"negative", "positive", lims.Discordant, "parallel.discordant", false, true},
		{"positive", "negative", lims.Discordant, "parallel.discordant", false, true},
		{"positive", "positive", lims.Positive, "", true, true},
		{"positive", "suspicious", lims.PresumptivePositive, "parallel.presumptive", false, true},
		{"positive", "invalid", lims.PresumptivePositive, "parallel.presumptive", false, true},
		{"negative", "invalid", lims.InvalidResult, "parallel.one_kit", false, false},
		{"negative", "", lims.InvalidResult, "parallel.one_kit", false, false},
		{"negative", "inconclusive", lims.Suspicious, "parallel.suspicious", false, true},
		{"suspicious", "review", lims.Suspicious, "parallel.suspicious", false, true},
		{"invalid", "invalid", lims.InvalidResult, "", false, false},
		{"negative", "pending", "", "parallel.owed", false, false},
	}
	for _, tt := range tests {
		for range 2 {
			j := lims.Consensus(lims.DefaultParallel(), lims.Arm{Kit: "x@1", Call: tt.a}, lims.Arm{Kit: "y@1", Call: tt.b})
			require.Equal(t, tt.result, j.Result, "%s/%s", tt.a, tt.b)
			require.Equal(t, tt.hold, j.Hold, "%s/%s", tt.a, tt.b)
			require.Equal(t, tt.release, j.Release, "%s/%s", tt.a, tt.b)
			require.Equal(t, tt.alert, j.Alert, "%s/%s", tt.a, tt.b)
			tt.a, tt.b = tt.b, tt.a
		}
	}
}

// Whatever the policy says, negative needs negatives, positive needs two positives, and nothing discordant is released.
func TestConsensusIsSafeUnderAnyPolicy(t *testing.T) {
	t.Parallel()
	calls := []string{"", "negative", "positive", "presumptive_positive", "suspicious", "inconclusive", "invalid", "pending", "review"}
	sides := []lims.Side{lims.SideNegative, lims.SidePositive, lims.SideDoubt, lims.SideNothing}
	for _, result := range []string{lims.Negative, lims.Positive, lims.Suspicious, lims.Discordant} {
		p := lims.DefaultParallel()
		for _, x := range sides {
			for _, y := range sides {
				p.Table[x][y] = lims.Cell{Result: result}
			}
		}
		for flags := range 8 {
			p.Required, p.Reflex, p.TwoLabs = flags&1 > 0, flags&2 > 0, flags&4 > 0
			for _, a := range calls {
				for _, b := range calls {
					for bad := range 4 {
						x := lims.Arm{Kit: "x", Call: a, Lab: 1, Invalid: bad&1 > 0}
						y := lims.Arm{Kit: "y", Call: b, Lab: 2, Invalid: bad&2 > 0}
						j := lims.Consensus(p, x, y)
						if !j.Release {
							continue
						}
						switch j.Result {
						case lims.Negative:
							require.Equal(t, lims.SideNegative, x.Side())
							if !p.Reflex {
								require.Equal(t, lims.SideNegative, y.Side())
							}
						case lims.Positive:
							require.Equal(t, lims.SidePositive, x.Side())
							require.Equal(t, lims.SidePositive, y.Side())
						default:
							require.Fail(t, "released", "%+v", j)
						}
					}
				}
			}
		}
	}
}

func TestConsensusNeedsTwoKitsAndTwoLabs(t *testing.T) {
	t.Parallel()
	p := lims.DefaultParallel()
	same := lims.Consensus(p, lims.Arm{Kit: "x", Call: "negative"}, lims.Arm{Kit: "x", Call: "negative"})
	require.False(t, same.Release)
	p.TwoLabs = true
	one := lims.Consensus(p, lims.Arm{Kit: "x", Call: "negative", Lab: 1}, lims.Arm{Kit: "y", Call: "negative", Lab: 1})
	require.Equal(t, "parallel.same_lab", one.Hold)
	p = lims.DefaultParallel()
	p.Reflex = true
	require.True(t, lims.Consensus(p, lims.Arm{Kit: "x", Call: "negative"}, lims.Arm{}).Release)
	require.Equal(t, []string{"retest_other_kit"}, lims.Consensus(p, lims.Arm{Kit: "x", Call: "positive"}, lims.Arm{}).Next)
}

func TestParallelAt(t *testing.T) {
	t.Parallel()
	list := []lims.Parallel{{Version: "2", From: "2022-03-15"}, {Version: "1", From: "2020-01-01"}, {Version: "3", From: "2022-06-09"}}
	for day, want := range map[string]string{"2020-01-01": "1", "2022-03-14": "1", "2022-03-15": "2", "2026-01-01": "3"} {
		p, err := lims.ParallelAt(list, day)
		require.NoError(t, err)
		require.Equal(t, want, p.Version)
	}
	_, err := lims.ParallelAt(list, "2019-12-31")
	require.ErrorIs(t, err, lims.NotFound)
}
