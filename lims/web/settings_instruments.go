package web

import (
	"bytes"
	"encoding/json"
	"slices"

	"natlims/instruments"
	"natlims/instruments/link"
	"natlims/lims"
	"natlims/lims/store"
)

type linesPage struct {
	Tab  string
	Rows []lineRow
}

// lineRow is an instrument with how its line is in this process.
type lineRow struct {
	store.Instrument
	LabName store.Name
	Health  *link.Health // nil: no line is kept open for it
}

func (s *site) lines(v *visit) error {
	labs, _, err := s.directory(v)
	if err != nil {
		return err
	}
	rows, err := s.st.Instruments(v.r.Context(), 0)
	if err != nil {
		return err
	}
	p := linesPage{Tab: "instruments"}
	health := s.lineHealth()
	for _, r := range rows {
		row := lineRow{Instrument: r}
		for _, l := range labs {
			if l.ID == r.Lab {
				row.LabName = l.Name
			}
		}
		if h, ok := health[r.ID]; ok {
			row.Health = &h
		}
		p.Rows = append(p.Rows, row)
	}
	return v.show("lines", p)
}

// lineHealth is how the lines are, by instrument.
func (s *site) lineHealth() map[int64]link.Health {
	all := map[int64]link.Health{}
	if s.health != nil {
		for _, h := range s.health() {
			all[h.ID] = h
		}
	}
	return all
}

type linePage struct {
	Tab       string
	Row       store.Instrument // ID 0: a new one
	Settings  string           // as people read JSON
	Health    *link.Health
	Labs      []store.Lab
	Drivers   []instruments.Driver
	Lines     []string
	Protocols []string
	Words     []string // that settings may hold
}

// workWords are the words of an instrument's settings that are not its line's; they say how it is used (store.Work).
var workWords = []string{"mode", "kit", "tests", "setup"}

func (s *site) line(v *visit) error {
	p := linePage{Tab: "instruments", Drivers: instruments.All(), Lines: store.LineKinds, Protocols: store.LineProtocols, Words: link.Words(),
		Row: store.Instrument{Line: "tcp-listen", Protocol: "astm", Active: true}}
	var err error
	if p.Labs, _, err = s.directory(v); err != nil {
		return err
	}
	if id := v.id("instrument"); id != 0 {
		if p.Row, err = s.st.InstrumentByID(v.r.Context(), id); err != nil {
			return err
		}
		if h, ok := s.lineHealth()[id]; ok {
			p.Health = &h
		}
	} else if at := v.r.PathValue("instrument"); at != "" && at != "new" {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	if v.refused != nil && v.field("model") != "" {
		typed := instrumentOf(v)
		if typed.ID != 0 {
			typed.Lab, typed.Code, typed.Active = p.Row.Lab, p.Row.Code, p.Row.Active
		}
		p.Row = typed
	}
	p.Settings = pretty(p.Row.Settings)
	return v.show("line", p)
}

// pretty writes settings on lines of their own; what is no JSON stands as it was typed.
func pretty(raw json.RawMessage) string {
	var b bytes.Buffer
	if string(raw) == "{}" || json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}

func instrumentOf(v *visit) store.Instrument {
	i := store.Instrument{ID: v.id("instrument"), Lab: v.id("lab"), Code: v.field("code"), Model: v.field("model"), Serial: v.field("serial"), Driver: v.field("driver"),
		Line: v.field("line"), Protocol: v.field("protocol"), Address: v.field("address"), Settings: json.RawMessage(v.field("settings"))}
	if len(i.Settings) == 0 {
		i.Settings = json.RawMessage("{}")
	}
	return i
}

func (s *site) saveLine(v *visit) error {
	i := instrumentOf(v)
	if err := complete(v, i.ID, "code", "model", "line", "protocol"); err != nil {
		return err
	}
	if i.ID == 0 && i.Lab == 0 {
		return lims.E(lims.Invalid, "setting.incomplete", lims.Args{"fields": []string{"lab"}})
	}
	if i.ID != 0 {
		was, err := s.st.InstrumentByID(v.r.Context(), i.ID)
		if err != nil {
			return err
		}
		i.Code = was.Code
	}
	if err := s.checkLine(v, i); err != nil {
		return err
	}
	var err error
	if i.ID != 0 {
		err = s.st.UpdateInstrument(v.r.Context(), v.Actor, i)
	} else {
		_, err = s.st.AddInstrument(v.r.Context(), v.Actor, i)
	}
	return s.saved(v, "instruments", i.Code, err)
}

// checkLine refuses what could never be opened, before it is on record.
func (s *site) checkLine(v *visit, i store.Instrument) error {
	if i.Driver != "" {
		if _, err := instruments.Find(i.Driver); err != nil {
			return lims.E(lims.Invalid, "driver.unknown", lims.Args{"driver": i.Driver})
		}
	}
	if words := link.Strangers(i.Settings, workWords); len(words) > 0 {
		return lims.E(lims.Invalid, "instrument.strangers", lims.Args{"words": words})
	}
	l, err := link.Line{ID: i.ID, Name: i.Code, Kind: link.Kind(i.Line), Address: i.Address, Protocol: i.Protocol}.With(i.Settings)
	if err == nil && i.Line != "push" {
		err = l.Check()
	}
	if err != nil {
		return lims.E(lims.Invalid, "instrument.settings", lims.Args{"why": err})
	}
	if i.Line == "push" || i.Line == "tcp-listen" { // several may listen at one address, told apart by the peer
		return nil
	}
	others, err := s.st.Instruments(v.r.Context(), 0)
	if err != nil {
		return err
	}
	if n := slices.IndexFunc(others, func(o store.Instrument) bool {
		return o.ID != i.ID && o.Active && o.Line == i.Line && o.Address == i.Address
	}); n >= 0 {
		return lims.E(lims.Conflict, "instrument.address", lims.Args{"address": i.Address, "instrument": others[n].Code})
	}
	return nil
}

func (s *site) activateLine(v *visit) error {
	i, err := s.st.InstrumentByID(v.r.Context(), v.id("instrument"))
	if err != nil {
		return err
	}
	return s.saved(v, "instruments", i.Code, s.st.ActivateInstrument(v.r.Context(), v.Actor, i.ID, v.field("active") == "1"))
}
