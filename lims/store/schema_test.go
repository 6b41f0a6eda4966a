package store_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
)

// The states that PostgreSQL allows are those of the Go tables.
func TestChecksAreTheTables(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, m := range machines {
		got := allowed(l, m.table, "state")
		want := m.moves.States()
		slices.Sort(want)
		require.Equal(t, want, got, m.table)
		first := get[string](l, `SELECT column_default FROM information_schema.columns WHERE table_name = $1 AND column_name = 'state'`, m.table)
		require.Equal(t, string(m.moves[0].From), literal.FindStringSubmatch(first)[1], "%s begin as", m.table)
	}
	calls := []string{lims.Negative, lims.Positive, lims.PresumptivePositive, lims.Suspicious, lims.Inconclusive, lims.InvalidResult, lims.Discordant,
		lims.PendingReview, lims.RejectedResult}
	slices.Sort(calls)
	require.Equal(t, calls, allowed(l, "results", "call"))
	modes := []string{string(lims.Single), string(lims.Household), string(lims.Mixed5), string(lims.Mixed10), string(lims.Mixed20)}
	slices.Sort(modes)
	require.Equal(t, modes, allowed(l, "samples", "mode"))
	categories := []string{string(lims.CloseContact), string(lims.KeyPerson), string(lims.FeverClinic), string(lims.ColdChain), string(lims.Screening), string(lims.Voluntary)}
	slices.Sort(categories)
	require.Equal(t, categories, allowed(l, "orders", "category"))
}

var literal = regexp.MustCompile(`'([a-z0-9_]+)'`)

// allowed are the values that the CHECK of a column lists, sorted.
func allowed(l *lab, table, column string) (values []string) {
	l.t.Helper()
	for _, def := range all[string](l, `SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c WHERE c.conrelid = $1::regclass AND c.contype = 'c'
		AND c.conkey = ARRAY[(SELECT attnum FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2)]`, table, column) {
		if !strings.Contains(def, "("+column+" = ANY (ARRAY[") {
			continue
		}
		for _, m := range literal.FindAllStringSubmatch(def, -1) {
			values = append(values, m[1])
		}
	}
	slices.Sort(values)
	return values
}

// The state columns are tied to their timestamps: a hand at the database cannot say half of a thing.
func TestStatesAreTiedToTheirTimes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(3, lims.Single)
	p := l.running(codes)
	l.read(p, nil)
	for _, q := range []string{
		`UPDATE samples SET received_at = NULL`,
		`UPDATE samples SET received_at = collected_at - interval '1 minute'`,
		`UPDATE samples SET state = 'rejected'`,
		`UPDATE plates SET read_at = NULL`,
		`UPDATE plates SET closed_at = NULL`,
		`UPDATE plates SET state = 'void'`,
		`UPDATE results SET state = 'released'`,
		`UPDATE results SET state = 'checked'`,
		`UPDATE results SET state = 'held'`,
		`UPDATE results SET state = 'withdrawn'`,
		`UPDATE orders SET state = 'final'`,
		`UPDATE messages SET state = 'kept'`,
		`UPDATE messages SET state = 'parked'`,
		`INSERT INTO results (order_id, sample_id, lab_id, department_id, version, call, called_at) SELECT order_id, sample_id, lab_id, department_id, 9, call, called_at FROM results LIMIT 1`,
	} {
		_, err := l.st.DB().ExecContext(l.ctx, q)
		require.ErrorContains(t, err, "constraint", q)
	}
}
