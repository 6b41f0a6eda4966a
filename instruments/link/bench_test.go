package link_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/instruments/sim"
)

// BenchmarkPlate carries plates of 94 samples x 3 targets over TCP, from the instrument's ENQ to the acknowledgement of what was kept.
// A real line of 9600 baud takes 30 s for one.
func BenchmarkPlate(b *testing.B) {
	for _, model := range []string{"m2000", "hl7-oul"} {
		b.Run(model, func(b *testing.B) {
			m, err := sim.Find(model)
			require.NoError(b, err)
			keep := func(context.Context, link.Arrival) error { return nil }
			ls, err := link.Serve(context.Background(), link.Options{Keep: keep, Now: time.Now})
			require.NoError(b, err)
			defer ls.Close()
			require.NoError(b, ls.Set([]link.Line{{ID: 1, Name: "hall", Kind: link.Listen, Address: "127.0.0.1:0", Protocol: string(m.Wire)}}))
			require.Eventually(b, func() bool { return ls.Health()[0].State == link.Up }, 10*time.Second, time.Millisecond)
			address := ls.Health()[0].Address
			open := func(context.Context) (io.ReadWriteCloser, error) { return net.Dial("tcp", address) }
			messages, err := m.Messages(plateOf(94))
			require.NoError(b, err)
			b.SetBytes(int64(len(messages[0].Bytes)))
			b.ReportAllocs()
			for b.Loop() {
				_, err := m.SendAll(context.Background(), open, messages, sim.Options{Now: time.Now})
				require.NoError(b, err)
			}
		})
	}
}
