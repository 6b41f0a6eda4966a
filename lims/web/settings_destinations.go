package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"natlims/lims"
	"natlims/lims/store"
	"natlims/reports"
	"natlims/reports/send"
)

type destinationsPage struct {
	Tab  string
	Rows []destinationLine
}

type destinationLine struct {
	store.DestinationRow
	For store.Name
}

func (s *site) destinations(v *visit) error {
	_, departments, err := s.directory(v)
	if err != nil {
		return err
	}
	rows, err := s.st.Destinations(v.r.Context())
	if err != nil {
		return err
	}
	p := destinationsPage{Tab: "destinations"}
	for _, r := range rows {
		p.Rows = append(p.Rows, destinationLine{r, departmentName(departments, r.Department)})
	}
	return v.show("destinations", p)
}

func departmentName(all []store.Department, id int64) store.Name {
	for _, d := range all {
		if d.ID == id {
			return d.Name
		}
	}
	return store.Name{}
}

type destinationPage struct {
	Tab         string
	Row         store.DestinationRow // ID 0: a new one
	For         store.Name
	More        string // options without a field of their own, a line each
	Departments []store.Department
	Lines       []string
	Formats     []reports.Format
	Channels    []send.Channel
	Secret      string // shown once
}

// fieldOptions are the options with fields of their own in the form.
var fieldOptions = map[string]bool{"names": true, "cq": true, "lang": true}

func (s *site) destination(v *visit) error { return s.destinationWith(v, v.id("destination"), "") }

func (s *site) destinationWith(v *visit, id int64, secret string) error {
	p := destinationPage{Tab: "destinations", Secret: secret, Lines: store.DestinationLines, Formats: reports.Formats(), Channels: send.Channels(),
		Row: store.DestinationRow{Destination: store.Destination{Line: "department", Format: "json", Channel: "webhook", Active: true}}}
	var err error
	if _, p.Departments, err = s.directory(v); err != nil {
		return err
	}
	if id != 0 {
		if p.Row, err = s.st.DestinationByID(v.r.Context(), id); err != nil {
			return err
		}
	} else if at := v.r.PathValue("destination"); at != "" && at != "new" {
		return lims.E(lims.NotFound, "not_found", nil)
	}
	p.More = optionsText(p.Row.Options)
	if v.refused != nil && v.field("channel") != "" {
		typed, _ := destinationOf(v) // what cannot be read stands in the text as it was typed
		if p.More = v.Form.Get("options"); id != 0 {
			typed.ID, typed.Department, typed.Active = p.Row.ID, p.Row.Department, p.Row.Active
		}
		p.Row.Destination = typed
	}
	p.For = departmentName(p.Departments, p.Row.Department)
	return v.show("destination", p)
}

func destinationOf(v *visit) (store.Destination, error) {
	options, err := readOptions(v.Form.Get("options"))
	if err != nil {
		options = map[string]string{}
	}
	for k := range fieldOptions {
		if delete(options, k); v.field(k) != "" {
			options[k] = v.field(k)
		}
	}
	return store.Destination{ID: v.id("destination"), Department: v.id("department"), Name: v.field("name"), Line: v.field("line"), Format: v.field("format"),
		Channel: v.field("channel"), Address: v.field("address"), Options: options}, err
}

func (s *site) saveDestination(v *visit) error {
	ctx := v.r.Context()
	d, err := destinationOf(v)
	if err != nil {
		return err
	}
	if err := complete(v, d.ID, "name", "line", "format", "channel", "address"); err != nil {
		return err
	}
	if d.ID == 0 && d.Department == 0 {
		return lims.E(lims.Invalid, "setting.incomplete", lims.Args{"fields": []string{"department"}})
	}
	if _, ok := reports.FormatNamed(d.Format); !ok {
		return lims.E(lims.Invalid, "format.none", lims.Args{"format": d.Format})
	}
	secret := ""
	if d.ID == 0 {
		secret = random(24)
		d.Secret = []byte(secret)
	} else if d.Secret, err = s.st.DestinationSecret(ctx, v.Actor, d.ID); err != nil {
		return err
	}
	if err := s.out.Check(outward(d)); err != nil {
		return lims.E(lims.Invalid, "destination.refused", lims.Args{"why": err.Error()})
	}
	if d.ID != 0 {
		return s.saved(v, "destinations", d.Name, s.st.UpdateDestination(ctx, v.Actor, d))
	}
	id, err := s.st.AddDestination(ctx, v.Actor, d)
	if err != nil {
		return err
	}
	return s.destinationWith(v, id, secret)
}

// outward is a destination as the channels know it: the options that say how a report is filled are not theirs.
func outward(d store.Destination) send.Destination {
	options := map[string]string{}
	for k, v := range d.Options {
		if !fieldOptions[k] {
			options[k] = v
		}
	}
	name := d.Name
	if d.ID != 0 {
		name = fmt.Sprint(d.ID)
	}
	return send.Destination{ID: name, Channel: d.Channel, Address: d.Address, Secret: d.Secret, Options: options}
}

func (s *site) activateDestination(v *visit) error {
	d, err := s.st.DestinationByID(v.r.Context(), v.id("destination"))
	if err != nil {
		return err
	}
	return s.saved(v, "destinations", d.Name, s.st.ActivateDestination(v.r.Context(), v.Actor, d.ID, v.field("active") == "1"))
}

// newSecret makes a new secret and shows it, once.
func (s *site) newSecret(v *visit) error {
	secret, err := s.st.NewSecret(v.r.Context(), v.Actor, v.id("destination"), v.field("mark"))
	if err != nil {
		return err
	}
	return s.destinationWith(v, v.id("destination"), secret)
}

const pingTime = 20 * time.Second

// ping sends a test that holds no result, and says what the receiver answered.
func (s *site) ping(v *visit) error {
	ctx, cancel := context.WithTimeout(v.r.Context(), pingTime)
	defer cancel()
	d, err := s.st.DestinationByID(ctx, v.id("destination"))
	if err != nil {
		return err
	}
	if d.Secret, err = s.st.DestinationSecret(ctx, v.Actor, d.ID); err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"schema": send.PingSchema, "destination": d.Name, "at": s.st.Now()})
	if err != nil {
		return err
	}
	now := s.st.Now()
	got, sent := s.out.Send(ctx, outward(d.Destination), send.Parcel{ID: "ping-" + hex.EncodeToString(randomBytes(8)), Attempt: 1, Type: "application/json",
		Name: "ping.json", Bytes: body, Created: now, At: now})
	if err := s.st.NotePing(v.r.Context(), v.Actor, d.ID, sent == nil); err != nil {
		return err
	}
	if sent != nil {
		return lims.E(lims.Invalid, "destination.ping", lims.Args{"why": sent.Error()})
	}
	return v.done(fmt.Sprintf("/settings/destinations/%d", d.ID), "destination.ping", lims.Args{"status": fmt.Sprint(got.Status), "answer": got.Text})
}

func random(n int) string { return hex.EncodeToString(randomBytes(n)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // never fails since Go 1.24
	return b
}
