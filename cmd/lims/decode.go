package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"natlims/instruments"
	"natlims/instruments/words"
	"natlims/lims/pcr"
)

// decodeCmd reads instrument files and prints what they say. Its output is a public contract: one JSON object a reading,
// or one JSON object with an error for each file that is refused; then the exit code is 3, and the other files are read
// all the same. What was left out of a file and why goes to the standard error, a line each.
type decodeCmd struct {
	Driver string   `help:"Name of the driver (see lims drivers); empty: recognised by content." placeholder:"NAME"`
	Lang   string   `help:"Language of the messages, en or zh." enum:",en,zh" default:"" env:"LIMS_LANG" placeholder:"LANG"`
	Files  []string `arg:"" help:"Files to read; - is the standard input."`
}

// refusedCode is the exit code where at least one file was refused.
const refusedCode = 3

func (c decodeCmd) Run() error {
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	refused, err := c.decode(out, os.Stderr)
	if err = errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	if refused > 0 {
		return exit{code: refusedCode}
	}
	return nil
}

// decodedReading is a reading as it is printed; fields and their order are part of the contract.
type decodedReading struct {
	File       string       `json:"file"`
	Driver     string       `json:"driver"`
	Instrument string       `json:"instrument"`
	Plate      string       `json:"plate"`
	Well       string       `json:"well"`
	Sample     string       `json:"sample"`
	Target     string       `json:"target"`
	Dye        string       `json:"dye"`
	Cq         *json.Number `json:"cq"` // as written, null where State is not "cq"
	State      pcr.State    `json:"state"`
	Call       string       `json:"call"`
	Task       string       `json:"task"`
	Status     string       `json:"status"`
	Value      string       `json:"value"`
	Unit       string       `json:"unit"`
}

// refusal is the error of a refused file.
type refusal struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		File    string `json:"file"`
		Line    int    `json:"line"` // 0 unknown
	} `json:"error"`
}

// decode prints the readings of all files to w and the notes on them to notes, and counts the files that were refused. The
// error is that of w.
func (c decodeCmd) decode(w, notes io.Writer) (refused int, err error) {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, name := range c.Files {
		runs, why := decodeFile(name, c.Driver)
		if why != nil {
			refused++
			if err := out.Encode(c.refuse(name, why)); err != nil {
				return refused, err
			}
			continue
		}
		for _, run := range runs {
			for _, n := range run.Notes {
				fmt.Fprintf(notes, "%s: line %d: %s: %q\n", name, n.Line, n.Code, n.Text)
			}
			for _, r := range run.Readings {
				if err := out.Encode(printed(name, run, r)); err != nil {
					return refused, err
				}
			}
		}
	}
	return refused, nil
}

// decodeFile reads at most instruments.MaxContent bytes of a file.
func decodeFile(name, driver string) ([]pcr.Run, error) {
	in := os.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, instruments.MaxContent+1))
	if err != nil {
		return nil, err
	}
	return instruments.Decode(&instruments.File{Name: name, Raw: raw}, driver)
}

func printed(file string, run pcr.Run, r pcr.Reading) decodedReading {
	d := decodedReading{File: file, Driver: run.Driver, Instrument: run.Instrument, Plate: run.Plate, Well: r.Well, Sample: r.Sample, Target: r.Target, Dye: r.Dye,
		State: r.State, Call: r.Call, Task: r.Task, Status: r.Status, Value: r.Value, Unit: r.Unit}
	if r.Plate != "" {
		d.Plate = r.Plate
	}
	if r.State == pcr.HasCq {
		n := json.Number(r.CqText)
		d.Cq = &n
	}
	if r.Omit {
		d.Status = strings.TrimSpace(d.Status + " omitted")
	}
	return d
}

func (c decodeCmd) refuse(file string, why error) refusal {
	var r refusal
	r.Error.Code, r.Error.Message, r.Error.File = "file.unreadable", why.Error(), file
	var e *instruments.Error
	if errors.As(why, &e) {
		r.Error.Code, r.Error.Line, r.Error.Message = e.Code, e.Line, e.Text(c.lang())
		if e.Driver != "" && e.Driver != e.Value {
			r.Error.Message = e.Driver + ": " + r.Error.Message
		}
	}
	return r
}

// lang is the language asked for, or that of the environment.
func (c decodeCmd) lang() string {
	if c.Lang != "" {
		return c.Lang
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} { // in the order of POSIX
		if v := os.Getenv(name); v != "" {
			return words.Of(v)
		}
	}
	return "en"
}
