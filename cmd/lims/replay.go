package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"natlims/lims"
	"natlims/lims/flow"
	"natlims/lims/store"
)

// replayCmd reads kept messages again after a driver was mended. Without --apply it only shows what would change.
type replayCmd struct {
	database
	From       int64  `help:"First message, by number."`
	To         int64  `help:"Last message, by number."`
	Since      string `placeholder:"TIME" help:"Messages kept at or after this time: 2026-03-02 or 2026-03-02T08:00:00+08:00."`
	Until      string `placeholder:"TIME" help:"Messages kept before this time."`
	Instrument string `placeholder:"CODE" help:"Messages of this instrument."`
	Driver     string `help:"Messages that this driver read or refused."`
	State      string `enum:",recorded,failed,parked" default:"" help:"Messages in this state: recorded, failed or parked."`
	All        bool   `help:"Name messages that stay the same as well."`
	JSON       bool   `help:"One JSON object a message."`
	Apply      bool   `help:"Write new versions beside the old ones and have failed and parked messages read again. Needs --by."`
	By         string `placeholder:"LOGIN" help:"The supervisor who answers for --apply."`
}

// Run replays the messages of the range, one by one. A message that cannot be replayed is named and does not stop the others.
func (c *replayCmd) Run(ctx context.Context) error {
	if c.Apply && c.By == "" {
		return errors.New("--apply needs --by LOGIN: a supervisor who answers for it")
	}
	log := logger(slog.LevelWarn)
	o, err := c.open(ctx, time.Now, log)
	if err != nil {
		return err
	}
	defer o.stop()
	return c.replay(ctx, o.Store, &flow.Line{Store: o.Store, Log: log}, os.Stdout)
}

const replayBatch = 200 // messages listed at once

func (c *replayCmd) replay(ctx context.Context, st *store.Store, line *flow.Line, out io.Writer) error {
	q, err := c.scope(ctx, st)
	if err != nil {
		return err
	}
	by := lims.Actor{Roles: []lims.Role{lims.Supervisor}} // looking only
	if c.By != "" {
		if by, err = st.ActorNamed(ctx, c.By); err != nil {
			return fmt.Errorf("--by %q: no such login", c.By)
		}
	}
	var sum tally
	for after := int64(0); ; {
		ids, err := st.ReplayIDs(ctx, q, after, replayBatch)
		if err != nil || len(ids) == 0 {
			return errors.Join(err, c.end(ctx, line, sum, out))
		}
		for _, id := range ids {
			r, err := line.Replay(ctx, by, id, c.Apply)
			if err != nil {
				sum.broken++
				fmt.Fprintf(out, "message %d: %v\n", id, err) //nolint:errcheck // standard output
				continue
			}
			sum.add(r)
			if err := c.print(out, r); err != nil {
				return err
			}
		}
		after = ids[len(ids)-1]
	}
}

// end reads what was given to the line again, and says the sum.
func (c *replayCmd) end(ctx context.Context, line *flow.Line, sum tally, out io.Writer) error {
	if sum.again > 0 {
		if err := line.Read(ctx); err != nil {
			return err
		}
	}
	if !c.JSON {
		fmt.Fprintf(out, "%d messages: %d the same, %d would say something else, %d unreadable, %d applied\n", //nolint:errcheck
			sum.all, sum.same, sum.all-sum.same-sum.unreadable, sum.unreadable, sum.applied)
	}
	if sum.broken > 0 {
		return fmt.Errorf("%d messages could not be replayed", sum.broken)
	}
	return nil
}

type tally struct{ all, same, unreadable, applied, again, broken int }

func (t *tally) add(r store.Replay) {
	t.all++
	switch {
	case r.Same():
		t.same++
	case r.Readings == 0:
		t.unreadable++
	}
	if r.Applied != "" {
		t.applied++
	}
	if r.Applied == "again" {
		t.again++
	}
}

func (c *replayCmd) scope(ctx context.Context, st *store.Store) (store.ReplayRange, error) {
	q := store.ReplayRange{From: c.From, To: c.To, Driver: c.Driver, State: lims.State(c.State)}
	var err error
	if q.Since, err = moment("--since", c.Since); err != nil {
		return q, err
	}
	if q.Until, err = moment("--until", c.Until); err != nil || c.Instrument == "" {
		return q, err
	}
	all, err := st.Instruments(ctx, 0)
	for _, i := range all {
		if i.Code == c.Instrument {
			q.Instrument = i.ID
		}
	}
	if err == nil && q.Instrument == 0 {
		err = fmt.Errorf("--instrument %q: no such instrument", c.Instrument)
	}
	return q, err
}

func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	if err != nil {
		return t, fmt.Errorf("%s %q: expected 2026-03-02 or 2026-03-02T08:00:00+08:00", flag, text)
	}
	return t, nil
}

func (c *replayCmd) print(out io.Writer, r store.Replay) error {
	if c.JSON {
		return json.NewEncoder(out).Encode(r)
	}
	if r.Same() && !c.All {
		return nil
	}
	line := fmt.Sprintf("message %d %s %s: %d readings, +%d -%d ~%d, %d calls", r.Message, r.State, r.Driver, r.Readings, r.Added, r.Removed, r.Changed, len(r.Calls))
	if r.Code != "" {
		line += " [" + r.Code + "]"
	}
	if r.Applied != "" {
		line += " applied: " + r.Applied
	}
	if _, err := fmt.Fprintln(out, line); err != nil {
		return err
	}
	for _, x := range r.Changes {
		fmt.Fprintf(out, "  %s %s %s: %q -> %q\n", x.Well, x.Sample, x.Target, x.Old, x.New) //nolint:errcheck
	}
	for _, x := range r.Calls {
		fmt.Fprintf(out, "  %s %s %s: called %s -> %s\n", x.Plate, x.Pos, x.Code, x.Old, x.New) //nolint:errcheck
	}
	return nil
}
