package flow_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/instruments/sim"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

// A cartridge is one arm of a tube that is tested with two kits; a tube that owes two others is not tested with a cartridge by mistake.
func TestCartridgeIsAnArm(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	r := newRoom(t)
	gx := r.xpert()
	r.tubes("X-1", "X-2")
	kits := []string{r.kit}
	for _, name := range []string{"daan", "cdc"} {
		body, err := pcr.KitFile(name)
		require.NoError(t, err)
		kits = append(kits, r.addKit(body))
	}
	_, err := r.st.AddLot(ctx, r.admin, r.lab, kits[1], "L1", r.now.AddDate(1, 0, 0))
	require.NoError(t, err)
	require.NoError(t, r.st.AskParallel(ctx, r.tech, store.Ask{Lab: r.lab, Barcodes: []string{"X-1"}, First: kits[0], Second: kits[1]}))
	require.NoError(t, r.st.AskParallel(ctx, r.tech, store.Ask{Lab: r.lab, Barcodes: []string{"X-2"}, First: kits[1], Second: kits[2]}))
	m := r.hear(gx, "", cartridge("X-1", "20260302083000", "NEGATIVE", "NEG", "PASS"))
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Equal(t, "received", r.said("X-1"), "the other kit is owed")
	m = r.hear(gx, "", cartridge("X-2", "20260302083100", "NEGATIVE", "NEG", "PASS"))
	require.Equal(t, "parked", m.State)
	require.Equal(t, "received", r.said("X-2"))
	inst := r.instrument(store.Instrument{Code: "QS-1", Model: "QuantStudio 5", Line: "push", Protocol: "file"}, store.Work{})
	l := r.runningOn(kits[1], []string{"X-1"}, inst)
	cycler, err := sim.Find("quantstudio")
	require.NoError(t, err)
	all, err := cycler.Messages(sim.Plate{Layout: l, Ended: r.now, Cycles: 45, Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}},
		Truth: truth(l, func(string) bool { return false })})
	require.NoError(t, err)
	m = r.hear(inst, "b.txt", string(all[0].Bytes))
	require.Equal(t, "recorded", m.State, "%s %s", m.Code, m.Args)
	require.Equal(t, "negative called", r.said("X-1"))
}
