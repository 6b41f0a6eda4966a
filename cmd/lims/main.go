// Command lims is natlims: the laboratory information system, its tools for instruments, kits and pools, and a demo of a whole day.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line. Each command lives in a file of its name.
type commands struct {
	Demo     demoCmd     `cmd:"" help:"Run a short real day of a laboratory on this machine, then serve its pages."`
	Serve    serveCmd    `cmd:"" help:"Serve pages and API, read instruments, deliver results."`
	Setup    setupCmd    `cmd:"" help:"Put laboratories, departments, instruments, kits and people on record from a file."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database to the newest version of the schema."`
	Decode   decodeCmd   `cmd:"" help:"Read instrument files and print one JSON object a reading."`
	Kit      kitCmd      `cmd:"" help:"Check, print and try kit files."`
	Pooling  poolingCmd  `cmd:"" help:"Plan and evaluate pooled testing."`
	Drivers  driversCmd  `cmd:"" help:"List the instrument drivers."`
	Kits     kitsCmd     `cmd:"" help:"List the kits that come with the program."`
	Formats  formatsCmd  `cmd:"" help:"List the report formats."`
	Channels channelsCmd `cmd:"" help:"List the delivery channels."`
	Simulate simulateCmd `cmd:"" help:"Play an instrument on a serial line, a socket or a folder."`
	Gate     gateCmd     `cmd:"" help:"Carry messages from the instruments of a bench PC to the server, and the answers to their questions back."`
	Replay   replayCmd   `cmd:"" help:"Read kept messages again and show what would change."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// exit is an error that asks for a certain exit code; its text has been printed already where it is empty.
type exit struct {
	code int
	text string
}

func (e exit) Error() string { return e.text }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed := kong.Parse(&commands{}, kong.Name("lims"), kong.UsageOnError(),
		kong.Description("Laboratory information system for mass nucleic acid testing."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	err := parsed.Run()
	var e exit
	switch {
	case err == nil:
		return
	case !errors.As(err, &e):
		e = exit{1, err.Error()}
	}
	if e.text != "" {
		fmt.Fprintln(os.Stderr, "lims:", e.text)
	}
	stop()
	os.Exit(e.code)
}
