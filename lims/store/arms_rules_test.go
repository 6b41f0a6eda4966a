package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// attempts are how often the tubes of a plate were tested before with its kits, plus one.
func (l *lab) attempt(p store.Plate, code, kit string) int {
	l.t.Helper()
	c, err := l.st.Case(l.ctx, l.judged(p, nil).Run, p, "")
	require.NoError(l.t, err)
	return c.History[lims.Tested{Code: code, Kit: kit}].Attempt
}

// Attempts are those of a tube with a kit: what one kit said is no attempt of the other, whether the two were asked for or not.
func TestAttemptsOfAnArm(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	codes := l.received(3, lims.Single)
	late := cqs{codes[0]: {38.4, 0}, codes[1]: {38.2, 0}, codes[2]: {38.3, 0}}
	l.read(l.running(codes), late) // tested again, all of them
	require.Equal(t, "received", l.states(codes...))

	p := l.ran(store.NewPlate{Lab: l.one, Kit: other, Lot: "LOT2", Codes: codes[:1]})
	require.Equal(t, 1, l.attempt(p, codes[0], other), "another kit, on a tube that owes none")
	require.NoError(t, l.st.VoidPlate(l.ctx, l.tech, p.ID, "dropped"))
	require.Equal(t, 2, l.attempt(l.running(codes[:1]), codes[0], l.kit))

	require.NoError(t, l.st.AskParallel(l.ctx, l.tech, store.Ask{Lab: l.one, Barcodes: codes[1:], First: l.kit, Second: other}))
	owed, err := l.st.OwedArms(l.ctx, l.one)
	require.NoError(t, err)
	tried := map[string]int{}
	for _, o := range owed {
		tried[o.Kit] += o.Attempts
	}
	require.Equal(t, map[string]int{l.kit: 2, other: 0}, tried, "what was read before it was asked for counts")
	p = l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: codes[1:], Second: &store.SecondKit{Kit: other, Lot: "LOT2"}})
	require.Equal(t, 2, l.attempt(p, codes[1], l.kit), "both on one plate")
	require.Equal(t, 1, l.attempt(p, codes[1], other))
	l.show(p, clean(map[string][2]float64{codes[1] + " " + other: {38.4, 0}}))
	require.Equal(t, "A daan read, B sansure owed", l.arms(codes[1]), "the second kit's first attempt is repeated, the first kit's second is not")
	require.Equal(t, 2, l.attempt(l.ran(store.NewPlate{Lab: l.one, Kit: other, Lot: "LOT2", Codes: codes[1:2]}), codes[1], other))
}

// A run whose extraction batch fails afterwards was no attempt.
func TestFailedBatchIsNoAttempt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	extracted := l.withNEC()
	codes := l.received(2, lims.Single)
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: codes[:1], Batch: "E1"}), clean(map[string][2]float64{codes[0]: {38.4, 0}}))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: extracted, Lot: "LOT2", Codes: codes[1:], Batch: "E1"}), dirty(nil))
	require.Equal(t, 1, l.attempt(l.running(codes[:1]), codes[0], l.kit))
}

func (l *lab) parallel(from time.Time, change func(*store.Pairing)) int64 {
	l.t.Helper()
	p := store.Pairing{Parallel: lims.DefaultParallel()}
	change(&p)
	return l.id(l.st.SetRules(l.ctx, l.chief, store.NewRules{Lab: l.one, Kind: store.ParallelRules, From: from, Source: "handbook", Body: p}))
}

// The reflex goes by the policy of the day on which the tube was registered, not by that of the day on which it is read.
func TestReflexOfTheDayOfRegistration(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	reflex := func(p *store.Pairing) { p.Reflex, p.Kit = true, other }
	early := l.received(1, lims.Single)
	l.clock.step(48 * time.Hour)
	rules := l.parallel(l.clock.now().Add(-24*time.Hour), reflex) // from yesterday on
	late := l.received(1, lims.Single)
	l.show(l.running(append(early, late...)), clean(map[string][2]float64{early[0]: {24.4, 23.8}, late[0]: {25.4, 24.9}}))
	require.Equal(t, "positive called; -", l.results(early[0], late[0]))
	require.Equal(t, "", l.arms(early[0]))
	require.Equal(t, "A daan read, B sansure owed", l.arms(late[0]))

	// What ends the policy afterwards changes nothing for the pair.
	require.NoError(t, l.st.EndRules(l.ctx, l.chief, rules))
	require.Equal(t, []int64{rules, rules}, all[int64](l, `SELECT rules_id FROM sample_arms ORDER BY arm`))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: other, Lot: "LOT2", Codes: late}), clean(map[string][2]float64{late[0]: {25.1, 24.4}}))
	require.Equal(t, "positive called", l.results(late[0]))
	require.Equal(t, get[string](l, `SELECT version FROM rules WHERE id = $1`, rules), get[string](l, `SELECT version FROM consensus`))
}

// Arms that people ask for keep the policy of the tube's day as well, and a third kit takes that of the first two.
func TestPairKeepsItsPolicy(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	lenient := l.parallel(l.clock.now().Add(-24*time.Hour), func(p *store.Pairing) { p.Required = false })
	codes := l.received(2, lims.Single)
	require.NoError(t, l.st.AskParallel(l.ctx, l.tech, store.Ask{Lab: l.one, Barcodes: codes[:1], First: l.kit, Second: other}))
	require.NoError(t, l.st.EndRules(l.ctx, l.chief, lenient))
	two := l.parallel(l.clock.now().Add(-24*time.Hour), func(p *store.Pairing) { p.TwoLabs = true })
	p := l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: codes, Second: &store.SecondKit{Kit: other, Lot: "LOT2"}})
	require.Equal(t, []int64{lenient, lenient, two, two}, all[int64](l, `SELECT rules_id FROM sample_arms a JOIN samples s ON s.id = a.sample_id ORDER BY s.barcode, arm`))
	l.show(p, clean(nil))
	require.Equal(t, "negative called; negative held parallel.same_lab", l.results(codes...))
}
