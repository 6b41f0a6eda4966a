package flow_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"natlims/instruments/sim"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

// From the message's first byte at the store to results on record, on a database that does not sync. The median is reported; a quiet
// machine is expected to stay far below 50 ms.
func BenchmarkMessageToResult(b *testing.B) {
	b.Run("cartridge", func(b *testing.B) {
		r := newRoom(b)
		gx := r.xpert()
		measure(b, r, gx, func(i int) []byte {
			code := fmt.Sprintf("X-%05d", i)
			r.tubes(code)
			return []byte(cartridge(code, "20260302083000", "NEGATIVE", "NEG", "PASS"))
		})
	})
	b.Run("plate", func(b *testing.B) {
		r := newRoom(b)
		inst := r.instrument(store.Instrument{Code: "QS-1", Model: "QuantStudio 5", Line: "push", Protocol: "file"}, store.Work{})
		m, err := sim.Find("quantstudio")
		if err != nil {
			b.Fatal(err)
		}
		body, err := pcr.KitFile("daan")
		if err != nil {
			b.Fatal(err)
		}
		kit := r.addKit(body)
		if _, err := r.st.AddLot(context.Background(), r.admin, r.lab, kit, "L1", r.now.AddDate(1, 0, 0)); err != nil {
			b.Fatal(err)
		}
		measure(b, r, inst, func(i int) []byte {
			codes := make([]string, 90)
			for k := range codes {
				codes[k] = fmt.Sprintf("P-%05d-%02d", i, k)
			}
			r.tubes(codes...)
			l := r.runningOn(kit, codes, inst)
			messages, err := m.Messages(sim.Plate{Layout: l, Ended: r.clock(), Cycles: 45, Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}},
				Truth: truth(l, func(code string) bool { return code[len(code)-1] == '7' })})
			if err != nil {
				b.Fatal(err)
			}
			return messages[0].Bytes
		})
	})
}

func measure(b *testing.B, r *room, inst int64, next func(int) []byte) {
	ctx := context.Background()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		raw := next(i)
		b.StartTimer()
		begun := time.Now()
		k, err := r.st.KeepMessage(ctx, store.Arrival{Instrument: inst, Line: "push", Bytes: raw, Complete: true})
		if err == nil {
			err = r.line.Read(ctx)
		}
		took = append(took, time.Since(begun))
		b.StopTimer()
		m, look := r.st.MessageByID(ctx, store.Scope{}, k.ID)
		if err != nil || look != nil || m.State != "recorded" {
			b.Fatal(err, look, m.State, m.Code, string(m.Args))
		}
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
}
