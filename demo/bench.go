package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"natlims/lims/plate"
)

// bench is the laboratories' simulated instruments, by unit.
type bench struct {
	day *Day
	dir string
}

func (d *Day) openBench(ctx context.Context) error {
	d.bench = &bench{day: d, dir: filepath.Join(d.Dir, "instruments")}
	for _, u := range d.city.Units {
		dir := filepath.Join(d.bench.dir, u.Code)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := d.Store.SetLine(ctx, d.city.Admin, u.ID, dir, json.RawMessage(`{"every":"20ms"}`)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) play(ctx context.Context, u unit, l plate.Layout, v value) error {
	var w strings.Builder
	w.WriteString("* Block Type = 96well\n* Experiment Barcode = " + l.Code + "\n* Experiment Run End Time = 2020-05-23 05:14:33 AM PDT\n* Instrument Type = QuantStudio 5\n\n[Results]\nWell\tWell Position\tOmit\tSample Name\tTarget Name\tTask\tReporter\tQuencher\tCT\n")
	for _, x := range l.Wells {
		for _, t := range []string{"ORF1ab", "N", "IC"} {
			cq, ok := v(x, t)
			s := "Undetermined"
			if ok {
				s = fmt.Sprint(cq)
			}
			fmt.Fprintf(&w, "%d\t%s\tfalse\t%s\t%s\tUNKNOWN\tFAM\tNFQ\t%s\n", l.Format.Index(x.Pos)+1, x.Pos, x.Code, t, s)
		}
	}
	return os.WriteFile(filepath.Join(b.dir, u.Code, l.Code+".txt"), []byte(w.String()), 0o600)
}

func (b *bench) close() error { return nil }
