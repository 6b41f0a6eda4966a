package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"gopkg.in/yaml.v3"

	"natlims/lims"
	"natlims/lims/setup"
)

type setupCmd struct {
	database
	File    string `arg:"" optional:"" type:"existingfile" help:"What the laboratory is, as YAML."`
	Example bool   `help:"Print a file to begin with."`
}

// Run brings what the file names on record. Running it again adds only what is new.
func (c *setupCmd) Run(ctx context.Context) error {
	if c.Example {
		_, err := fmt.Print(setup.Example)
		return err
	}
	if c.File == "" {
		return errors.New("expected a file; see lims setup --example")
	}
	raw, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	var in setup.Site
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&in); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	o, err := c.open(ctx, time.Now, logger(slog.LevelWarn))
	if err != nil {
		return err
	}
	defer o.stop()
	return setup.Apply(ctx, o.Store, lims.Actor{Login: "setup", Roles: []lims.Role{lims.Admin}}, in, os.Stdout)
}
