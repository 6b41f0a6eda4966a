package flow_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments"
	"natlims/instruments/sim"
	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// cdcRoom is a room with the kit of N1, N2 and RP in three wells, tubes, and a cycler.
func cdcRoom(t *testing.T, n int) (r *room, kit string, codes []string, inst int64) {
	t.Helper()
	r = newRoom(t)
	body, err := pcr.KitFile("cdc")
	require.NoError(t, err)
	kit = r.addKit(body)
	_, err = r.st.AddLot(context.Background(), r.admin, r.lab, kit, "L1", r.now.AddDate(1, 0, 0))
	require.NoError(t, err)
	for i := range n {
		codes = append(codes, fmt.Sprintf("C-%03d", i))
	}
	r.tubes(codes...)
	return r, kit, codes, r.instrument(store.Instrument{Code: "QS-1", Model: "ABI7500FastDx", Line: "push", Protocol: "file"}, store.Work{})
}

// export is what the cycler writes of a CDC plate; said are the targets found in tubes, "N1 N2 RP".
func (r *room) export(l plate.Layout, model string, said map[string]string) []byte {
	r.t.Helper()
	m, err := sim.Find(model)
	require.NoError(r.t, err)
	roles := map[string]plate.Role{}
	for _, w := range l.Wells {
		roles[w.Code] = w.Role
	}
	p := sim.Plate{Layout: l, Ended: r.now, Cycles: 45, Targets: []sim.Target{{Name: "N1", Dye: "FAM"}, {Name: "N2", Dye: "FAM"}, {Name: "RP", Dye: "FAM"}},
		Truth: func(code, target string) (float64, bool) {
			found, special := said[code]
			switch roles[code] {
			case plate.Positive, plate.Weak:
				found = "N1 N2 RP"
			case plate.Extraction:
				found = "RP"
			case plate.Sample:
				if !special {
					found = "RP"
				}
			}
			return 27.5, strings.Contains(found, target)
		}}
	all, err := m.Messages(p)
	require.NoError(r.t, err)
	return all[0].Bytes
}

// A plate of the CDC panel from the bench to release: one target a well, from the layout over the plate file and the run to the report.
func TestSingleplexPlate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, kit, codes, inst := cdcRoom(t, 25)
	lay := store.NewPlate{Lab: r.lab, Wells: 96, Kit: kit, Lot: "L1", Codes: codes}
	_, err := r.st.Lay(ctx, r.tech, lay)
	var refused *lims.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "plate.count", refused.Code)
	require.Equal(t, 24, refused.Args["max"], "96 wells are 32 places, 8 of them for controls")
	lay.Codes = codes[:24]
	p, err := r.st.Lay(ctx, r.tech, lay)
	require.NoError(t, err)
	require.NoError(t, r.st.Seal(ctx, r.tech, p.ID))
	require.NoError(t, r.st.Start(ctx, r.tech, p.ID, inst))
	l, err := r.st.Layout(ctx, p.ID)
	require.NoError(t, err)
	require.Len(t, l.Wells, 96)
	column := map[int]string{}
	for _, w := range l.Wells {
		if column[w.Pos.Col] == "" {
			column[w.Pos.Col] = w.Target
		}
		require.Equal(t, column[w.Pos.Col], w.Target, "a column holds one assay")
	}
	require.Equal(t, "N1 N2 RP", column[0]+" "+column[1]+" "+column[2])

	d, err := instruments.Find("quantstudio-da1")
	require.NoError(t, err)
	file, err := d.Setup(l)
	require.NoError(t, err)
	require.Equal(t, 32, strings.Count(string(file.Bytes), "\tN1\t"), "%s", file.Bytes)
	require.Equal(t, 32, strings.Count(string(file.Bytes), "\tRP\t"))
	asked, err := r.st.OrdersFor(ctx, inst, store.Asked{All: true})
	require.NoError(t, err)
	require.Len(t, asked, 24+8, "each tube and control once")

	m := r.hear(inst, p.Code+".txt", string(r.export(l, "quantstudio", map[string]string{codes[1]: "N1 N2 RP", codes[2]: "N1 N2", codes[3]: "N2 RP", codes[4]: ""})))
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Equal(t, "negative called", r.said(codes[0]))
	require.Contains(t, r.said(codes[1]), "positive")
	require.Contains(t, r.said(codes[2]), "positive", "valid without RP")
	require.Equal(t, "received", r.said(codes[3]), "one of two: tested again")
	require.Equal(t, "received", r.said(codes[4]), "nothing at all: extracted again")
	require.Equal(t, 22, r.count(`SELECT count(*) FROM results`))
	wells, err := r.st.PlateWells(ctx, p.ID, 1)
	require.NoError(t, err)
	calls := map[string]int{}
	for _, w := range wells {
		calls[w.Role+" "+w.Call]++
	}
	require.Equal(t, 3*20, calls["sample negative"], "every well of a sample shows its call: %v", calls)
	dark, err := r.st.Dark(ctx, store.DarkQuery{From: r.now.Add(-1), To: r.now.Add(1)})
	require.NoError(t, err)
	for _, row := range dark {
		require.NotEqual(t, store.FateUnclaimed, row.Fate, "%+v", row)
	}
	seen, err := r.st.TubeWells(ctx, int64(r.count(`SELECT id FROM samples WHERE barcode = $1`, codes[0])))
	require.NoError(t, err)
	require.Len(t, seen, 1)
	require.Len(t, strings.Fields(seen[0].Pos), 3)

	ids := []int64{int64(r.count(`SELECT r.id FROM results r JOIN samples s ON s.id = r.sample_id WHERE s.barcode = $1`, codes[0]))}
	checker, releaser := r.person("checker", lims.Checker), r.person("releaser", lims.Releaser)
	flags, err := r.st.PlateFlags(ctx, p.ID)
	require.NoError(t, err)
	var touch []int64
	for _, f := range flags {
		touch = append(touch, f.ID)
	}
	if len(touch) > 0 {
		require.NoError(t, r.st.TouchFlags(ctx, checker, touch, "looked at"))
	}
	require.NoError(t, r.st.Check(ctx, checker, ids))
	require.NoError(t, r.st.Release(ctx, releaser, ids))
	require.Equal(t, "negative released", r.said(codes[0]))

	// The second time one of two is inconclusive, and nothing again is invalid.
	p, err = r.st.Lay(ctx, r.tech, store.NewPlate{Lab: r.lab, Wells: 96, Kit: kit, Lot: "L1", Codes: []string{codes[3], codes[4]}})
	require.NoError(t, err)
	require.NoError(t, r.st.Seal(ctx, r.tech, p.ID))
	require.NoError(t, r.st.Start(ctx, r.tech, p.ID, inst))
	l, err = r.st.Layout(ctx, p.ID)
	require.NoError(t, err)
	m = r.hear(inst, p.Code+".csv", string(r.export(l, "hl7-oul", map[string]string{codes[3]: "N2 RP", codes[4]: ""})))
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Contains(t, r.said(codes[3]), "inconclusive")
	require.Contains(t, r.said(codes[4]), "invalid")
}

// A run whose cycler was set up with another map is parked: what it calls N1 was N2.
func TestSingleplexPlateOfAnotherMap(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, kit, codes, inst := cdcRoom(t, 20)
	l := r.runningOn(kit, codes, inst)
	swap := strings.NewReplacer("\tN1\t", "\tN2\t", "\tN2\t", "\tN1\t")
	m := r.hear(inst, "run.txt", swap.Replace(string(r.export(l, "quantstudio", nil))))
	require.Equal(t, "parked run.mismatch", m.State+" "+m.Code)
	require.Contains(t, string(m.Args), "target.well")
	p, err := r.st.PlateByCode(ctx, l.Code)
	require.NoError(t, err)
	_, err = r.st.ProposeFix(ctx, r.chief, store.Fix{Message: m.ID, Plate: p.ID, Waived: []string{"target.well"}, Reason: "it will be right"})
	require.Error(t, err, "nobody waives which target was measured")
	m = r.hear(inst, "again.txt", string(r.export(l, "quantstudio", nil)))
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Equal(t, 20, r.count(`SELECT count(*) FROM results WHERE call = 'negative'`))
}

// A kit of several wells has no plate with another kit: the second arm has its own.
func TestSingleplexStandsAlone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, kit, codes, inst := cdcRoom(t, 4)
	body, err := pcr.KitFile("daan")
	require.NoError(t, err)
	other := r.addKit(body)
	_, err = r.st.AddLot(ctx, r.admin, r.lab, other, "L1", r.now.AddDate(1, 0, 0))
	require.NoError(t, err)
	_, err = r.st.Lay(ctx, r.tech, store.NewPlate{Lab: r.lab, Wells: 96, Kit: other, Lot: "L1", Codes: codes, Second: &store.SecondKit{Kit: kit, Lot: "L1"}})
	var refused *lims.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "plate.own_plate", refused.Code)
	require.NoError(t, r.st.AskParallel(ctx, r.tech, store.Ask{Lab: r.lab, Barcodes: codes, First: kit, Second: other}))
	a := r.runningOn(kit, codes, inst)
	m := r.hear(inst, "a.txt", string(r.export(a, "quantstudio", nil)))
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Equal(t, "received", r.said(codes[0]), "the other kit is owed")
	b := r.runningOn(other, codes, inst)
	cycler, err := sim.Find("quantstudio")
	require.NoError(t, err)
	all, err := cycler.Messages(sim.Plate{Layout: b, Ended: r.now, Cycles: 45, Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}},
		Truth: truth(b, func(string) bool { return false })})
	require.NoError(t, err)
	m = r.hear(inst, "b.txt", string(all[0].Bytes))
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Equal(t, "negative called", r.said(codes[0]))
}

// The same plate upside down: the instrument calls what it sees by the place where it sees it, and two people turn it back.
func TestSingleplexPlateUpsideDown(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, kit, codes, inst := cdcRoom(t, 24)
	second := r.person("second", lims.Supervisor)
	l := r.runningOn(kit, codes, inst)
	m, err := sim.Find("quantstudio")
	require.NoError(t, err)
	shown := l
	shown.Wells = nil
	for i, w := range l.Wells {
		w.Code = fmt.Sprintf("%s#%d", w.Code, i) // each well a name of its own, so that the truth is that of the well
		shown.Wells = append(shown.Wells, w)
	}
	at := map[string]plate.Pos{}
	for _, w := range shown.Wells {
		at[w.Code] = w.Pos
	}
	all, err := m.Messages(sim.Plate{Layout: shown, Ended: r.now, Cycles: 45, Targets: []sim.Target{{Name: "N1", Dye: "FAM"}, {Name: "N2", Dye: "FAM"}, {Name: "RP", Dye: "FAM"}},
		Truth: func(code, _ string) (float64, bool) {
			p, _ := plate.Rotated.To(plate.F96, at[code])
			w := l.At(p) // what really stands there
			lit := w.Role == plate.Positive || w.Role == plate.Weak || w.Target == "RP" && (w.Role == plate.Sample || w.Role == plate.Extraction)
			return 27.5, lit || w.Code == codes[7]
		}})
	require.NoError(t, err)
	text := string(all[0].Bytes)
	for i := range l.Wells {
		text = strings.ReplaceAll(text, fmt.Sprintf("#%d\t", i), "\t")
	}
	row := r.hear(inst, "run.txt", text)
	require.Equal(t, "parked run.fits_other", row.State+" "+row.Code, "%s", row.Args)
	require.Contains(t, string(row.Args), "rotated_180")
	p, err := r.st.PlateByCode(ctx, l.Code)
	require.NoError(t, err)
	id, err := r.st.ProposeFix(ctx, r.chief, store.Fix{Message: row.ID, Plate: p.ID, Turn: plate.Rotated, Reason: "notch at H12"})
	require.NoError(t, err)
	require.Equal(t, "parked", r.settled(row.ID).State)
	require.NoError(t, r.st.ConfirmFix(ctx, second, id))
	row = r.settled(row.ID)
	require.Equal(t, "recorded", row.State, "%s %s", row.Code, row.Args)
	require.Contains(t, r.said(codes[7]), "positive")
	require.Equal(t, 23, r.count(`SELECT count(*) FROM results WHERE call = 'negative'`))
}

// A kit in duplicate: every sample and control stands twice, side by side, and both must say so.
func TestReplicatesOnAPlate(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r, _, codes, inst := cdcRoom(t, 43)
	body, err := pcr.KitFile("taqpath-replicate")
	require.NoError(t, err)
	kit := r.addKit(body)
	_, err = r.st.AddLot(ctx, r.admin, r.lab, kit, "L1", r.now.AddDate(1, 0, 0))
	require.NoError(t, err)
	_, err = r.st.Lay(ctx, r.tech, store.NewPlate{Lab: r.lab, Wells: 96, Kit: kit, Lot: "L1", Codes: codes})
	var refused *lims.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 42, refused.Args["max"])
	l := r.runningOn(kit, codes[:42], inst)
	require.Len(t, l.Wells, 96)
	p := sim.Plate{Layout: l, Ended: r.now, Cycles: 40, Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "S", Dye: "ABY"}, {Name: "MS2", Dye: "JUN"}}}
	roles := map[string]plate.Role{}
	for _, w := range l.Wells {
		roles[w.Code] = w.Role
	}
	asked := 0
	p.Truth = func(code, target string) (float64, bool) {
		positive := roles[code] == plate.Positive || roles[code] == plate.Weak
		if code == codes[2] && target == "N" {
			asked++ // curves are asked for first, one well after the other, then results
			return 31, asked%2 == 1
		}
		return 27.5, target == "MS2" || positive || code == codes[1]
	}
	m, err := sim.Find("quantstudio")
	require.NoError(t, err)
	all, err := m.Messages(p)
	require.NoError(t, err)
	row := r.hear(inst, "run.txt", string(all[0].Bytes))
	require.Equal(t, "recorded", row.State, "%s %s", row.Code, row.Args)
	require.Equal(t, "negative called", r.said(codes[0]))
	require.Contains(t, r.said(codes[1]), "positive")
	require.Equal(t, "received", r.said(codes[2]), "one well says N, the other does not: tested again")
	require.Equal(t, 40, r.count(`SELECT count(*) FROM results WHERE call = 'negative'`))
}
