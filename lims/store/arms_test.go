package store_test

import (
	"strings"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

// arms are the states of a tube's arms, "A kit state" each.
func (l *lab) arms(code string) string {
	l.t.Helper()
	rows, err := l.st.SampleArms(l.ctx, code)
	require.NoError(l.t, err)
	var out []string
	for _, r := range rows {
		kit, _, _ := strings.Cut(r.Kit, "@")
		out = append(out, r.Arm+" "+kit+" "+r.State)
	}
	return strings.Join(out, ", ")
}

// Both kits on one plate: four corners of the table.
func TestTwoKitsOnOnePlate(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	codes := l.received(4, lims.Single)
	lay := store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: codes, Second: &store.SecondKit{Kit: l.kit, Lot: "LOT1"}}
	_, err := l.st.Lay(l.ctx, l.tech, lay)
	refused(t, err, lims.Invalid, "arm.same_kit")
	lay.Second = &store.SecondKit{Kit: other, Lot: "NONE"}
	_, err = l.st.Lay(l.ctx, l.tech, lay)
	refused(t, err, lims.Invalid, "lot.unknown")
	lay.Second.Lot = "LOT2"
	p := l.ran(lay)
	layout, err := l.st.Layout(l.ctx, p.ID)
	require.NoError(t, err)
	count := map[string]int{}
	for _, w := range layout.Wells {
		kit, _, _ := strings.Cut(w.Kit, "@")
		count[kit+" "+string(w.Role)+" "+w.Arm]++
	}
	require.Equal(t, map[string]int{"daan sample A": 4, "daan negative ": 1, "daan positive ": 1, "daan weak ": 1, "daan saline ": 3,
		"sansure sample B": 4, "sansure negative ": 1, "sansure positive ": 1, "sansure weak ": 1, "sansure saline ": 3}, count)
	hit := [2]float64{24.4, 23.8}
	v := l.show(p, clean(map[string][2]float64{codes[1]: hit, codes[2] + " " + other: {25.1, 24.6}, codes[3] + " " + l.kit: {26.3, 25.9}}))
	require.True(t, v.Accepted)
	require.Equal(t, "negative called; positive held flag.identical_cq; discordant held parallel.discordant; discordant held parallel.discordant",
		strings.ReplaceAll(l.results(codes...), "positive called", "positive held flag.identical_cq"))
	require.Equal(t, "A daan read, B sansure read", l.arms(codes[2]))
	require.Equal(t, 2, get[int](l, `SELECT count(*) FROM alerts WHERE kind = 'discordant'`))
	require.Equal(t, []string{"reextract", "resample", "retest_other_kit"}, all[string](l, `SELECT action FROM steps t JOIN samples s ON s.id = t.sample_id
		WHERE s.barcode = $1 AND why = 'parallel' ORDER BY action`, codes[2]))
	require.Equal(t, "1 daan@1 negative, sansure@1 positive", get[string](l, `SELECT c.version || ' ' || c.why FROM consensus c JOIN results r ON r.id = c.result_id JOIN samples s ON s.id = r.sample_id
		WHERE s.barcode = $1`, codes[2]))

	l.touch()
	ids := l.called(lims.Held, codes[2:]...)
	refused(t, l.st.Check(l.ctx, l.chief, ids), lims.Denied, "parallel.discordant")
	_, err = l.st.DB().ExecContext(l.ctx, `UPDATE results SET state = 'checked', checked_by = $2, checked_at = called_at WHERE id = ANY($1)`, pq.Array(ids), l.checker.ID)
	require.Error(t, err, "discordant is never signed")
	l.signed(codes[0])
	report, err := l.st.ReportFor(l.ctx, l.chief, l.dep, l.called(lims.Released, codes[0]), "zh")
	require.NoError(t, err)
	require.Len(t, report.Results[0].Arms, 2)
	require.Equal(t, "LOT1 LOT2", report.Results[0].Arms[0].Lot+" "+report.Results[0].Arms[1].Lot)
}

// Two plates: nothing is said before both are read, whichever comes first, and an alert does not wait.
func TestTwoKitsOnTwoPlates(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	codes := l.received(3, lims.Single)
	ask := store.Ask{Lab: l.one, Barcodes: codes[:2], First: l.kit, Second: l.kit}
	refused(t, l.st.AskParallel(l.ctx, l.tech, ask), lims.Invalid, "arm.same_kit")
	ask.Second = "nothing@1"
	refused(t, l.st.AskParallel(l.ctx, l.tech, ask), lims.NotFound, "kit.unknown")
	ask.Second = other
	require.NoError(t, l.st.AskParallel(l.ctx, l.tech, ask))
	refused(t, l.st.AskParallel(l.ctx, l.tech, ask), lims.Conflict, "arm.not_possible")
	owed, err := l.st.OwedArms(l.ctx, l.one)
	require.NoError(t, err)
	require.Len(t, owed, 4)
	third := l.put("daan", func(s string) string { return strings.Replace(s, "id: daan", "id: third", 1) })
	_, err = l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: third, Lot: "LOT2", Codes: codes})
	args := refused(t, err, lims.Conflict, "arm.kit")
	require.Equal(t, codes[:2], args["barcodes"])

	a := l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: codes})
	require.Equal(t, "A daan loaded, B sansure owed", l.arms(codes[0]))
	b := l.ran(store.NewPlate{Lab: l.one, Kit: other, Lot: "LOT2", Codes: codes[:2]})
	l.show(b, clean(map[string][2]float64{codes[1]: {24.4, 23.8}}))
	require.Equal(t, "-; -; -", l.results(codes...), "one arm says nothing of a person")
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM alerts WHERE kind = 'preliminary_positive'`))
	require.Equal(t, "loaded", l.states(codes[0]))
	l.show(a, clean(map[string][2]float64{codes[1]: {25.4, 24.8}}))
	require.Equal(t, "negative called; positive called; negative called", l.results(codes...))
	require.Equal(t, "read", l.states(codes...))
	l.touch()
	l.signed(codes...)
	require.Equal(t, "final", l.orderStates(codes...))

	pairs, err := l.st.Agreement(l.ctx, l.one)
	require.NoError(t, err)
	require.Len(t, pairs, 1)
	require.Equal(t, [2]int{1, 1}, [2]int{pairs[0].All.Both, pairs[0].All.Neither})
	require.InDelta(t, 1, pairs[0].All.Cq.Mean, 1e-9)
}

// The other laboratory tests the second arm; the result belongs to the one that received the tube.
func TestTwoKitsInTwoLaboratories(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	codes := l.received(1, lims.Single)
	require.NoError(t, l.st.AskParallel(l.ctx, l.tech, store.Ask{Lab: l.one, Barcodes: codes, First: l.kit, Second: other, Other: l.two}))
	_, err := l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: other, Lot: "LOT2", Codes: codes})
	refused(t, err, lims.Conflict, "arm.kit")
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: codes}), clean(nil))
	require.Equal(t, "received", l.states(codes...), "an arm is owed")
	l.show(l.ran(store.NewPlate{Lab: l.two, Kit: other, Lot: "LOT2", Codes: codes}), clean(nil))
	require.Equal(t, "negative called", l.results(codes...))
	require.Equal(t, l.one, get[int64](l, `SELECT lab_id FROM results`))
}

func TestReflex(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	p := store.Pairing{Parallel: lims.DefaultParallel(), Kit: other}
	p.Reflex = true
	l.id(l.st.SetRules(l.ctx, l.chief, store.NewRules{Lab: l.one, Kind: store.ParallelRules, From: l.clock.now(), Source: "handbook", Body: p}))
	codes := l.received(4, lims.Single)
	l.show(l.running(codes), clean(map[string][2]float64{codes[1]: {24.4, 23.8}, codes[2]: {38.3, 0}}))
	require.Equal(t, "negative called; -; -; negative called", l.results(codes...))
	require.Equal(t, "A daan read, B sansure owed", l.arms(codes[1]))
	require.Equal(t, "A daan owed, B sansure owed", l.arms(codes[2]), "its kit wants it extracted again: both")
	require.Equal(t, "received", l.states(codes[1:3]...))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: other, Lot: "LOT2", Codes: codes[1:3]}), clean(map[string][2]float64{codes[1]: {25.1, 24.4}}))
	require.Equal(t, "positive called; -", l.results(codes[1:3]...))
	l.show(l.running(codes[2:3]), clean(nil))
	require.Equal(t, "negative called", l.results(codes[2]))
}

// What goes on after a discordant pair: both kits again, a third kit, or another tube.
func TestResolveDiscordant(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	third := l.put("daan", func(s string) string { return strings.Replace(s, "id: daan", "id: third", 1) })
	codes := l.received(3, lims.Single)
	pair := func(codes ...string) store.Plate {
		return l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: codes, Second: &store.SecondKit{Kit: other, Lot: "LOT2"}})
	}
	l.show(pair(codes...), clean(map[string][2]float64{codes[0] + " " + other: {25.1, 24.6}, codes[1] + " " + other: {26.1, 25.6}, codes[2] + " " + other: {27.1, 26.6}}))
	on := func(code string, o store.Onward) error {
		return l.st.Resolve(l.ctx, l.chief, l.called(lims.Held, code), o)
	}
	refused(t, on(codes[0], store.Onward{Way: "guess", Reason: "x"}), lims.Invalid, "parallel.way")
	refused(t, on(codes[0], store.Onward{Way: store.Resample}), lims.Invalid, "reason.needed")
	refused(t, on(codes[0], store.Onward{Way: store.ThirdKit, Kit: other, Reason: "x"}), lims.Conflict, "arm.third")
	refused(t, l.st.Resolve(l.ctx, l.checker, l.called(lims.Held, codes[0]), store.Onward{Way: store.Resample, Reason: "x"}), lims.Denied, "role.needed")

	require.NoError(t, on(codes[0], store.Onward{Way: store.Reextract, Reason: "little signal"}))
	require.Equal(t, "A daan owed, B sansure owed", l.arms(codes[0]))
	require.NoError(t, on(codes[1], store.Onward{Way: store.ThirdKit, Kit: third, Reason: "third kit"}))
	require.Equal(t, "A daan read, B sansure read, C third owed", l.arms(codes[1]))
	require.NoError(t, on(codes[2], store.Onward{Way: store.Resample, Reason: "another tube"}))
	require.Equal(t, "pending_review called", l.results(codes[2]))

	require.Equal(t, "received", l.states(codes[:2]...))
	l.show(pair(codes[0]), clean(nil))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: third, Lot: "LOT2", Codes: codes[1:2]}), clean(map[string][2]float64{codes[1]: {26.9, 26.2}}))
	require.Equal(t, "negative called; positive called", l.results(codes[:2]...))
	l.touch()
	l.signed(codes...)
	require.Equal(t, "final waiting", l.orderStates(codes...))
	require.Equal(t, "closed", l.states(codes...))
}

// A third kit that is negative does not make a positive go away.
func TestThirdKitNeverClearsAPositive(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	third := l.put("daan", func(s string) string { return strings.Replace(s, "id: daan", "id: third", 1) })
	codes := l.received(1, lims.Single)
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: codes, Second: &store.SecondKit{Kit: other, Lot: "LOT2"}}),
		clean(map[string][2]float64{codes[0] + " " + other: {25.1, 24.6}}))
	require.NoError(t, l.st.Resolve(l.ctx, l.chief, l.called(lims.Held, codes...), store.Onward{Way: store.ThirdKit, Kit: third, Reason: "x"}))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: third, Lot: "LOT2", Codes: codes}), clean(nil))
	require.Equal(t, "discordant held parallel.discordant", l.results(codes...))
}

// A plate of one arm that is given up, or whose controls fail, owes the arm again and leaves the other alone.
func TestArmPlateIsGivenUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	codes := l.received(2, lims.Single)
	require.NoError(t, l.st.AskParallel(l.ctx, l.tech, store.Ask{Lab: l.one, Barcodes: codes, First: l.kit, Second: other}))
	a := l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: codes})
	b := l.ran(store.NewPlate{Lab: l.one, Kit: other, Lot: "LOT2", Codes: codes})
	require.NoError(t, l.st.VoidPlate(l.ctx, l.tech, b.ID, "dropped"))
	require.Equal(t, "A daan loaded, B sansure owed", l.arms(codes[0]))
	require.Equal(t, "loaded", l.states(codes...))
	l.show(a, clean(nil))
	require.Equal(t, "received", l.states(codes...))
	c := l.ran(store.NewPlate{Lab: l.one, Kit: other, Lot: "LOT2", Codes: codes})
	l.show(c, clean(map[string][2]float64{"PC": {}}))
	require.Equal(t, "A daan read, B sansure owed", l.arms(codes[1]))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: other, Lot: "LOT2", Codes: codes}), clean(nil))
	require.Equal(t, "negative called; negative called", l.results(codes...))
}

// An extraction batch that fails later takes an arm back, whether the pair has spoken or not.
func TestFailedBatchOfAnArm(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other, extracted := l.second(), l.withNEC()
	codes := l.received(3, lims.Single)
	require.NoError(t, l.st.AskParallel(l.ctx, l.tech, store.Ask{Lab: l.one, Barcodes: codes[:2], First: l.kit, Second: other}))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: "LOT1", Codes: codes[:2], Batch: "E1"}), clean(nil))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: other, Lot: "LOT2", Codes: codes[:1], Batch: "E2"}), clean(nil))
	require.Equal(t, "negative called; -", l.results(codes[:2]...))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: extracted, Lot: "LOT2", Codes: codes[2:], Batch: "E1"}), dirty(nil))
	require.Equal(t, "negative withdrawn batch.failed; -; -", l.results(codes...))
	require.Equal(t, "A daan owed, B sansure owed", l.arms(codes[0]))
	require.Equal(t, "A daan owed, B sansure owed", l.arms(codes[1]))
	require.Equal(t, "received", l.states(codes...))
}

// A second kit asked for after the first was read: what was called is withdrawn and said by both.
func TestSecondKitAfterwards(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	codes := l.received(2, lims.Single)
	l.show(l.running(codes), clean(map[string][2]float64{codes[0]: {24.4, 23.9}}))
	require.NoError(t, l.st.AskParallel(l.ctx, l.tech, store.Ask{Lab: l.one, Barcodes: codes[:1], First: l.kit, Second: other}))
	require.Equal(t, "positive withdrawn parallel.asked", l.results(codes[0]))
	require.Equal(t, "A daan read, B sansure owed", l.arms(codes[0]))
	l.show(l.ran(store.NewPlate{Lab: l.one, Kit: other, Lot: "LOT2", Codes: codes[:1]}), clean(map[string][2]float64{codes[0]: {25.4, 24.9}}))
	require.Equal(t, "positive called; negative called", l.results(codes...))
	l.touch()
	l.signed(codes[1])
	refused(t, l.st.AskParallel(l.ctx, l.tech, store.Ask{Lab: l.one, Barcodes: codes[1:], First: l.kit, Second: other}), lims.Conflict, "arm.not_possible")
}

// A lot that reads later than the lots before it, against the same reference, is told of once.
func TestLotDrift(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	other := l.second()
	l.id(l.st.AddLot(l.ctx, l.tech, l.one, l.kit, "LATE", l.clock.now().AddDate(1, 0, 0)))
	for i, lot := range []string{"LOT1", "LATE"} {
		codes := l.received(8, lims.Single)
		found := map[string][2]float64{}
		for k, c := range codes {
			cq := 22 + float64(k)*0.7
			found[c+" "+other] = [2]float64{cq + 0.3, cq}
			found[c+" "+l.kit] = [2]float64{cq + 0.5 + 0.05*float64(k%3) + 2.2*float64(i), cq + 0.2 + 2.2*float64(i)}
		}
		l.show(l.ran(store.NewPlate{Lab: l.one, Kit: l.kit, Lot: lot, Codes: codes, Second: &store.SecondKit{Kit: other, Lot: "LOT2"}}), clean(found))
		require.Equal(t, i, get[int](l, `SELECT count(*) FROM alerts WHERE kind = 'lot_drift'`))
	}
	pairs, err := l.st.Agreement(l.ctx, l.one)
	require.NoError(t, err)
	require.Equal(t, pcr.LotDrift{Alert: true, Shift: pairs[0].Lots[0].Drift.Shift, Reason: "cq_shift"}, pairs[0].Lots[0].Drift)
	require.InDelta(t, 2.2, pairs[0].Lots[0].Drift.Shift, 0.1)
	require.Equal(t, "LATE", pairs[0].Lots[0].Lot)
}
