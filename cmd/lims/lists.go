package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"natlims/instruments"
	"natlims/lims/pcr"
	"natlims/reports"
	"natlims/reports/send"
)

// The commands below print what is registered: what the program can read, judge by, write and send with.

type driversCmd struct {
	JSON bool `name:"json" help:"Print a JSON array."`
}

// Run lists the instrument drivers.
func (c driversCmd) Run() error { return printDrivers(os.Stdout, c.JSON) }

type driverLine struct {
	Name     string `json:"name"`
	Wire     string `json:"wire"`     // file, astm, hl7
	Verified bool   `json:"verified"` // false: known from documents only
	Setup    bool   `json:"setup"`    // writes plate files for the instrument
	Title    string `json:"title"`
}

func printDrivers(w io.Writer, asJSON bool) error {
	var lines []driverLine
	for _, d := range instruments.All() {
		lines = append(lines, driverLine{d.Name, string(d.Wire), d.Verified, d.Setup != nil, d.Title})
	}
	return printList(w, asJSON, lines, "NAME\tWIRE\tVERIFIED\tSETUP\tTITLE", func(l driverLine) []string {
		return []string{l.Name, l.Wire, yesNo(l.Verified), yesNo(l.Setup), l.Title}
	})
}

type kitsCmd struct {
	JSON bool `name:"json" help:"Print a JSON array."`
}

// Run lists the kits that come with the program.
func (c kitsCmd) Run() error { return printKits(os.Stdout, c.JSON) }

type kitLine struct {
	Kit     string            `json:"kit"`     // id@version
	Status  string            `json:"status"`  // verified, unverified
	Usable  bool              `json:"usable"`  // false: a supervisor must confirm the insert first
	Targets []string          `json:"targets"` // internal controls included
	Name    map[string]string `json:"name"`    // by language
}

func printKits(w io.Writer, asJSON bool) error {
	var lines []kitLine
	for _, k := range pcr.Kits() {
		l := kitLine{Kit: k.Key(), Status: string(k.Status), Usable: k.Usable(), Name: k.Name}
		for _, t := range k.Targets {
			l.Targets = append(l.Targets, t.ID)
		}
		lines = append(lines, l)
	}
	return printList(w, asJSON, lines, "KIT\tSTATUS\tUSABLE\tTARGETS\tNAME", func(l kitLine) []string {
		name := l.Name["zh"]
		if en := l.Name["en"]; en != name {
			name = strings.TrimSpace(name + "  " + en)
		}
		return []string{l.Kit, l.Status, yesNo(l.Usable), strings.Join(l.Targets, ","), name}
	})
}

type formatsCmd struct {
	JSON bool `name:"json" help:"Print a JSON array."`
}

// Run lists the report formats.
func (c formatsCmd) Run() error { return printFormats(os.Stdout, c.JSON) }

type formatLine struct {
	Name  string `json:"name"`
	Ext   string `json:"ext"`
	Type  string `json:"type"` // MIME type
	Title string `json:"title"`
}

func printFormats(w io.Writer, asJSON bool) error {
	var lines []formatLine
	for _, f := range reports.Formats() {
		lines = append(lines, formatLine{f.Name, f.Ext, f.Type, f.Title})
	}
	return printList(w, asJSON, lines, "NAME\tEXT\tTYPE\tTITLE", func(l formatLine) []string {
		return []string{l.Name, l.Ext, l.Type, l.Title}
	})
}

type channelsCmd struct {
	JSON bool `name:"json" help:"Print a JSON array."`
}

// Run lists the delivery channels.
func (c channelsCmd) Run() error { return printChannels(os.Stdout, c.JSON) }

type channelLine struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

func printChannels(w io.Writer, asJSON bool) error {
	var lines []channelLine
	for _, c := range send.Channels() {
		lines = append(lines, channelLine{c.Name, c.Title})
	}
	return printList(w, asJSON, lines, "NAME\tTITLE", func(l channelLine) []string { return []string{l.Name, l.Title} })
}

// printList prints lines as a JSON array or as a table. The last column holds the free text: Chinese is two columns wide on a
// terminal, which would push what stands behind it.
func printList[T any](w io.Writer, asJSON bool, lines []T, head string, cells func(T) []string) error {
	if asJSON {
		if lines == nil {
			lines = []T{}
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(lines)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, head)
	for _, l := range lines {
		fmt.Fprintln(table, strings.Join(cells(l), "\t"))
	}
	return table.Flush()
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}
