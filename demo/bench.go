package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/creack/pty"

	"natlims/instruments/sim"
	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
)

// models are what each kind of unit is: a plate analyser on a serial line, a cycler that speaks HL7 over TCP, one that exports files.
var models = map[string]string{"astm": "m2000", "hl7": "hl7-oul", "file": "quantstudio"}

// bench is the laboratories' simulated instruments, by the id of the unit.
type bench struct {
	day  *Day
	open map[int64]sim.Opener
	dirs map[int64]string
	ttys []*os.File
	held []net.Listener // ports that were found free, kept until all units have theirs
}

// openBench lays a line for every unit: a pseudo terminal, a port or a folder, and writes its address into the unit's row.
func (d *Day) openBench(ctx context.Context) error {
	b := &bench{day: d, open: map[int64]sim.Opener{}, dirs: map[int64]string{}}
	d.bench = b
	for _, u := range d.city.Units {
		address, settings, err := b.wire(u)
		if err == nil {
			err = d.Store.SetLine(ctx, d.city.Admin, u.ID, address, json.RawMessage(settings))
		}
		if err != nil {
			return errors.Join(fmt.Errorf("line of %s: %w", u.Code, err), b.letGo(), b.close())
		}
	}
	return b.letGo()
}

func (b *bench) letGo() error {
	var errs []error
	for _, l := range b.held {
		errs = append(errs, l.Close())
	}
	b.held = nil
	return errors.Join(errs...)
}

func (b *bench) wire(u unit) (address, settings string, err error) {
	switch u.Kind {
	case "astm":
		master, slave, err := pty.Open()
		if err != nil {
			return "", "", err
		}
		b.ttys = append(b.ttys, master, slave)
		b.open[u.ID] = cable(master)
		return slave.Name(), `{"baud":115200}`, nil
	case "hl7":
		l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
		if err != nil {
			return "", "", err
		}
		address, b.held = l.Addr().String(), append(b.held, l)
		b.open[u.ID] = func(ctx context.Context) (io.ReadWriteCloser, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}
		return address, `{}`, nil
	}
	dir := filepath.Join(b.day.Dir, "instruments", u.Code)
	b.dirs[u.ID] = dir
	return dir, `{"every":"25ms"}`, os.MkdirAll(dir, 0o755)
}

func (b *bench) close() error {
	var errs []error
	for _, f := range b.ttys {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

const sendMost = 2 * time.Minute // real time that a unit may take to be heard

// play has a unit say what is true of a plate.
func (b *bench) play(ctx context.Context, u unit, l plate.Layout, k *pcr.Kit, v value) error {
	m, err := sim.Find(models[u.Kind])
	if err != nil {
		return err
	}
	wells := make(map[string]plate.Well, len(l.Wells))
	for _, w := range l.Wells {
		wells[w.Code] = w
	}
	p := sim.Plate{Layout: l, Serial: u.Code, Ended: b.day.Clock.Now(), Cycles: k.Cycles, Seed: uint64(u.ID),
		Truth: func(code, target string) (float64, bool) { return v(wells[code], target) }}
	for _, t := range k.Targets {
		p.Targets = append(p.Targets, sim.Target{Name: t.ID, Dye: t.Channel})
	}
	o := sim.Options{Now: time.Now}
	if u.Kind == "file" {
		_, err = m.Drop(ctx, b.dirs[u.ID], p, o)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendMost)
	defer cancel()
	r, err := m.Send(ctx, b.open[u.ID], p, o)
	if err == nil && r.Refused > 0 {
		err = lims.E(lims.Broken, "message.refused", lims.Args{"unit": u.Code})
	}
	return err
}
