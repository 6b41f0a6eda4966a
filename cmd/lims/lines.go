package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"natlims/instruments/link"
	"natlims/lims/store"
)

const (
	linesPoll  = 30 * time.Second // how long a lost wake-up can delay the opening of a changed line
	linesPause = 2 * time.Second  // before listening again
)

// linesOf reads which instruments' lines a process opens: "all", "none" or their codes.
func linesOf(words string) func(code string) bool {
	codes := strings.FieldsFunc(words, func(r rune) bool { return r == ',' || r == ' ' })
	return func(code string) bool {
		return words == "all" || words != "none" && slices.Contains(codes, code)
	}
}

// openLines opens the lines of the instruments on record. Lines whose rows have not changed are not disturbed.
func (s *server) openLines(ctx context.Context) error {
	rows, err := s.st.Instruments(ctx, 0)
	if err != nil {
		return err
	}
	var lines []link.Line
	for _, r := range rows {
		if !r.Active || r.Line == "push" || r.Address == "" || !s.mine(r.Code) {
			continue
		}
		l, err := link.Line{ID: r.ID, Name: r.Code, Kind: link.Kind(r.Line), Address: r.Address, Protocol: r.Protocol}.With(r.Settings)
		if err != nil {
			s.log.Error("line settings", "instrument", r.Code, "err", err)
			continue
		}
		lines = append(lines, l)
	}
	return s.lines.Set(lines)
}

// keepLines opens and closes lines as the rows of the instruments change, until ctx ends.
func (s *server) keepLines(ctx context.Context) error {
	wake := make(chan struct{}, 1)
	go s.hearLines(ctx, wake)
	said := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-time.After(linesPoll):
		}
		text := ""
		if err := s.openLines(ctx); err != nil && ctx.Err() == nil {
			if text = err.Error(); text != said { // once, not every poll
				s.log.Error("instrument lines", "err", err)
			}
		}
		said = text
	}
}

// hearLines turns notifications into wake-ups; a broken listener is opened again.
func (s *server) hearLines(ctx context.Context, wake chan<- struct{}) {
	for ctx.Err() == nil {
		err := s.st.Listen(ctx, func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		}, store.NotifyLines)
		if ctx.Err() != nil {
			return
		}
		s.log.Warn("listening again", "channel", store.NotifyLines, "err", fmt.Sprint(err))
		select {
		case <-ctx.Done():
		case <-time.After(linesPause):
		}
	}
}
