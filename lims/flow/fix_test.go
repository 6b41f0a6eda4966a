package flow_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments/sim"
	"natlims/lims"
	"natlims/lims/plate"
	"natlims/lims/store"
)

// A plate that was put in upside down is parked with what it fits, not voided; two supervisors turn it, and who was positive is.
func TestTurnedPlateTakesTwoPeople(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRoom(t)
	second := r.person("second", lims.Supervisor)
	var codes []string
	for i := range 90 {
		codes = append(codes, fmt.Sprintf("U-%02d", i))
	}
	r.tubes(codes...)
	inst := r.instrument(store.Instrument{Code: "QS-1", Model: "QuantStudio 5", Line: "push", Protocol: "file"}, store.Work{})
	layout := r.running(codes, inst)
	shown, at := layout, map[string]plate.Pos{}
	shown.Wells = append([]plate.Well(nil), layout.Wells...)
	for i := range shown.Wells {
		w := &shown.Wells[i]
		if w.Role.Control() {
			w.Code += "-" + w.Pos.String() // each name once
		}
		at[w.Code] = w.Pos
	}
	m, err := sim.Find("quantstudio")
	require.NoError(t, err)
	messages, err := m.Messages(sim.Plate{Layout: shown, Ended: r.now, Cycles: 45, Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}},
		Truth: func(code, target string) (float64, bool) {
			p, _ := plate.Rotated.To(plate.F96, at[code])
			w := layout.At(p) // what really stands there
			switch {
			case w.Role == plate.Positive || w.Role == plate.Weak:
				return 29.5, true
			case w.Role.Control():
				return 0, false
			}
			return 24.5, target == "IC" || w.Code == "U-07"
		}})
	require.NoError(t, err)
	k, err := r.st.KeepMessage(ctx, store.Arrival{Instrument: inst, Line: "push", Name: messages[0].Name, Bytes: messages[0].Bytes, Complete: true})
	require.NoError(t, err)
	row := r.settled(k.ID)
	require.Equal(t, "parked run.fits_other", row.State+" "+row.Code)
	require.Contains(t, string(row.Args), "rotated_180")
	require.Equal(t, "loaded", r.said("U-07"), "nothing is given up before somebody has looked")

	p, err := r.st.PlateByCode(ctx, layout.Code)
	require.NoError(t, err)
	id, err := r.st.ProposeFix(ctx, r.chief, store.Fix{Message: k.ID, Plate: p.ID, Turn: plate.Rotated, Reason: "notch at H12"})
	require.NoError(t, err)
	require.Equal(t, "parked", r.settled(k.ID).State)
	require.NoError(t, r.st.ConfirmFix(ctx, second, id))
	require.Equal(t, "recorded", r.settled(k.ID).State)
	require.Equal(t, "positive called", r.said("U-07"))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM results WHERE call = 'positive'`))
	require.Equal(t, 89, r.count(`SELECT count(*) FROM results WHERE call = 'negative'`))
}
