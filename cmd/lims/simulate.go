package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"
	"time"

	"natlims/instruments/link"
	"natlims/instruments/sim"
	"natlims/lims/plate"
)

// simulateCmd plays an instrument. It prints one JSON object with what became of the plate.
type simulateCmd struct {
	Instrument string `arg:"" help:"m2000, m2000-tubes, genexpert (ASTM), hl7-oru, hl7-oul, quantstudio, cfx (files)."`
	To         string `required:"" placeholder:"WIRE" help:"serial:/dev/pts/3, tcp:HOST:PORT, listen:HOST:PORT (the server dials) or dir:FOLDER."`

	Layout    string   `type:"existingfile" placeholder:"FILE" help:"Plate as JSON: {\"Code\", \"Format\": {\"Rows\", \"Cols\"}, \"Wells\": [{\"Pos\", \"Role\", \"Code\"}]}. Without it a plate is made up."`
	Plate     string   `default:"SIM0001" help:"Barcode of the plate that is made up."`
	Samples   int      `default:"94" help:"Samples on it; a negative and a positive control are added."`
	Positives float64  `default:"0.02" help:"Share of positive samples."`
	Wells     string   `enum:"one,each" default:"one" help:"Wells of a sample: one for all targets, or one for each (singleplex kits)."`
	Targets   []string `default:"ORF1ab:VIC,N:FAM,IC:CY5" help:"Targets with their dyes; IC, SPC, RP and MS2 are in every tube."`
	Seed      uint64   `default:"1" help:"The same seed gives the same plate and the same faults."`

	Baud  int           `help:"Pace of the line; 0 is as fast as it goes."`
	Frame string        `default:"8N1" help:"Serial: data bits, parity, stop bits."`
	Rest  time.Duration `default:"1s" help:"Between two tries, and between the halves of a file."`

	Noise    float64 `help:"Fault: chance of each byte that one of its bits flips."`
	Lose     float64 `help:"Fault: chance of each frame that it is lost."`
	Repeat   float64 `help:"Fault: chance of each frame or file that it is sent twice."`
	LoseAck  float64 `help:"Fault: chance of each answer that it is lost."`
	Cut      int     `placeholder:"BYTES" help:"Fault: the wire is cut, or the file truncated, after so many bytes, once."`
	Half     bool    `help:"Fault: a file is written in two halves."`
	Encoding string  `placeholder:"NAME" help:"Fault: gb18030, utf-16, latin-1 or windows-1251 instead of what the protocol says."`
}

// maxLayout is the largest plate file in bytes.
const maxLayout = 1 << 20

func (c simulateCmd) Run(ctx context.Context) error {
	m, err := sim.Find(c.Instrument)
	if err != nil {
		return err
	}
	p, err := c.made()
	if err != nil {
		return err
	}
	o := sim.Options{Now: time.Now, Baud: c.Baud, Seed: c.Seed, Rest: c.Rest, Faults: sim.Faults{Noise: c.Noise, Lose: c.Lose,
		Repeat: c.Repeat, LoseAck: c.LoseAck, Cut: c.Cut, Half: c.Half, Encoding: c.Encoding}}
	var r sim.Report
	if dir, ok := strings.CutPrefix(c.To, "dir:"); ok {
		r, err = m.Drop(ctx, dir, p, o)
	} else {
		var open sim.Opener
		if open, err = sim.To(c.To, link.Settings{Baud: c.Baud, Frame: c.Frame}); err == nil {
			r, err = m.Send(ctx, open, p, o)
		}
	}
	if err != nil {
		return fmt.Errorf("%s to %s, %d messages acknowledged: %w", c.Instrument, c.To, r.Messages, err)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// made is the plate of the file, or one made up, with what is in its tubes.
func (c simulateCmd) made() (sim.Plate, error) {
	p := sim.Plate{Ended: time.Now(), Seed: c.Seed, Truth: c.truth}
	for _, t := range c.Targets {
		name, dye, _ := strings.Cut(t, ":")
		p.Targets = append(p.Targets, sim.Target{Name: name, Dye: dye})
	}
	if c.Layout != "" {
		return p, readLayout(c.Layout, &p.Layout)
	}
	codes := make([]string, c.Samples)
	for i := range codes {
		codes[i] = fmt.Sprintf("%s-%03d", c.Plate, i+1)
	}
	lanes := plate.Lanes{""}
	if c.Wells == "each" {
		lanes = lanes[:0]
		for _, t := range p.Targets {
			lanes = append(lanes, t.Name)
		}
	}
	format := plate.F96
	if c.Samples+2 > lanes.Places(format) {
		format = plate.F384
	}
	wells, err := lanes.Fill(format, int(c.Seed%1_000_000), codes, []plate.Role{plate.Negative, plate.Positive})
	p.Layout = plate.Layout{Code: c.Plate, Format: format, Wells: wells}
	return p, err
}

func readLayout(name string, l *plate.Layout) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	d := json.NewDecoder(io.LimitReader(f, maxLayout))
	d.DisallowUnknownFields()
	if err := d.Decode(l); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// truth draws what is in a tube from its code and the seed, so that every run of a plate finds the same.
func (c simulateCmd) truth(code, target string) (float64, bool) {
	draw := func(what string) float64 {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s %s", c.Seed, code, what) //nolint:errcheck // a hash does not fail
		x := h.Sum64()
		x ^= x >> 33 // FNV mixes its last bytes poorly
		x *= 0xff51afd7ed558ccd
		x ^= x >> 33
		return float64(x>>11) / (1 << 53)
	}
	switch {
	case code == plate.Negative.Name():
		return 0, false
	case code == plate.Positive.Name():
		return 25 + draw(target), true
	case sim.Target{Name: target}.Internal():
		return 24 + 5*draw(target), true
	case draw("positive") < c.Positives:
		return 18 + 16*draw("load") + draw(target), true
	}
	return 0, false
}
