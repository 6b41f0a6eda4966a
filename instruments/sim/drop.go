package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Drop writes the instrument's file into a folder as instruments do: under its final name, from its first byte on.
func (m Model) Drop(ctx context.Context, dir string, p Plate, o Options) (Report, error) {
	o = o.filled()
	messages, err := m.encoded(p, o)
	if err != nil {
		return Report{}, err
	}
	var r Report
	rng := rand.New(rand.NewPCG(o.Seed, 3))
	for i, msg := range messages {
		name := msg.Name
		if name == "" { // a model of a wire, for training with files
			name = fmt.Sprintf("%s-%d.%s", p.Layout.Code, i+1, m.Wire)
		}
		d := dropping{o: o, path: filepath.Join(dir, filepath.Base(name)), report: &r}
		if err := d.write(ctx, msg.Bytes); err != nil {
			return r, err
		}
		if o.Faults.Repeat > 0 && rng.Float64() < o.Faults.Repeat {
			r.Faults++
			r.Again++
			d.path = filepath.Join(dir, "Copy of "+filepath.Base(name))
			if err := os.WriteFile(d.path, msg.Bytes, 0o644); err != nil {
				return r, err
			}
		}
		r.Messages++
		r.Bytes += len(msg.Bytes)
	}
	return r, nil
}

type dropping struct {
	o      Options
	path   string
	report *Report
}

func (d dropping) write(ctx context.Context, b []byte) error {
	if n := d.o.Faults.Cut; n > 0 && n < len(b) { // the export broke off; the operator exports again
		d.report.Faults++
		d.report.Again++
		if err := os.WriteFile(d.path, b[:n], 0o644); err != nil {
			return err
		}
		if err := sleep(ctx, d.o.Rest); err != nil {
			return err
		}
	}
	f, err := os.Create(d.path)
	if err != nil {
		return err
	}
	defer f.Close()
	if d.o.Faults.Half {
		d.report.Faults++
		if _, err := f.Write(b[:len(b)/2]); err != nil {
			return err
		}
		if err := sleep(ctx, d.o.Rest); err != nil {
			return err
		}
		b = b[len(b)/2:]
	}
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Close()
}
