//go:build unix

package link_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/instruments/sim"
)

// A whole plate over a serial port, with the faults of one, on real time: bits flip and frames are sent twice.
func TestPlateOverANoisySerialPort(t *testing.T) {
	t.Parallel()
	cable, err := sim.NewCable()
	require.NoError(t, err)
	s := &shelf{whole: map[string]int{}}
	ls, err := link.Serve(t.Context(), link.Options{Keep: s.keep, Now: time.Now})
	require.NoError(t, err)
	require.NoError(t, ls.Set([]link.Line{{ID: 1, Name: "cycler", Kind: link.Serial, Address: cable.Port, Protocol: link.ASTM,
		Settings: link.Settings{Baud: 115200, Frame: "8N1"}}}))
	require.Eventually(t, func() bool { return ls.Health()[0].State == link.Up }, 10*time.Second, time.Millisecond)
	m, err := sim.Find("m2000")
	require.NoError(t, err)
	p := plateOf(94)
	// One bit in 2,000 bytes flips: some 15 of the plate's 130 frames. ENQ and EOT that are hit would cost 15 s, so the seed spares them.
	r, err := m.Send(t.Context(), cable.Open, p, sim.Options{Now: time.Now, Seed: 1, Faults: sim.Faults{Noise: 5e-4, Repeat: 0.05}})
	require.NoError(t, err)
	want, err := m.Messages(p)
	require.NoError(t, err)
	requireExact(t, s, want)
	require.Greater(t, r.Faults, 5)
	ls.Close()
	require.NoError(t, cable.Close())
}
