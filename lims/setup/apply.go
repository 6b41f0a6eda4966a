package setup

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

// applying is one Apply at work: the ids behind the codes.
type applying struct {
	st          *store.Store
	by          lims.Actor
	out         io.Writer
	labs        map[string]int64
	departments map[string]int64
	instruments map[string]int64
	kits        map[string]string // kit id or file -> key
}

// Apply brings the site on record, in the order of what depends on what, and writes a line for every entry. It stops at the first
// entry that cannot be; what stands before it is on record.
func Apply(ctx context.Context, st *store.Store, by lims.Actor, in Site, out io.Writer) error {
	a := &applying{st: st, by: by, out: out, labs: map[string]int64{}, departments: map[string]int64{}, instruments: map[string]int64{}, kits: map[string]string{}}
	for _, step := range []func(context.Context, Site) error{a.known, a.addLabs, a.addDepartments, a.addPolicy, a.addInstruments, a.addPeople, a.addKits,
		a.addLots, a.addDestinations} {
		if err := step(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

// known reads the codes that are on record.
func (a *applying) known(ctx context.Context, _ Site) error {
	labs, err := a.st.Labs(ctx)
	if err != nil {
		return err
	}
	departments, err := a.st.Departments(ctx)
	if err != nil {
		return err
	}
	instruments, err := a.st.Instruments(ctx, 0)
	if err != nil {
		return err
	}
	for _, l := range labs {
		a.labs[l.Code] = l.ID
	}
	for _, d := range departments {
		a.departments[d.Code] = d.ID
	}
	for _, i := range instruments {
		a.instruments[i.Code] = i.ID
	}
	return nil
}

// tell writes what became of an entry: a code that is taken is known, anything else that goes wrong ends the work.
func (a *applying) tell(what, code string, err error) error {
	word := "added"
	switch {
	case errors.Is(err, lims.Conflict):
		word = "known"
	case err != nil:
		return fmt.Errorf("%s %q: %w", what, code, err)
	}
	_, err = fmt.Fprintf(a.out, "%-6s %-12s %s\n", word, what, code)
	return err
}

// find gives the id behind a code; the empty code is nothing.
func find(ids map[string]int64, what, code string) (int64, error) {
	id, ok := ids[code]
	if code != "" && !ok {
		return 0, fmt.Errorf("%s %q: not on record and not in the file", what, code)
	}
	return id, nil
}

func (a *applying) addLabs(ctx context.Context, in Site) error {
	for _, l := range in.Labs {
		var err error = lims.Conflict
		if a.labs[l.Code] == 0 {
			a.labs[l.Code], err = a.st.AddLab(ctx, a.by, store.Lab{Code: l.Code, Name: store.Name{Zh: l.Zh, En: l.En}, Zone: l.Zone, Capacity: l.Capacity, Open24h: true})
		}
		if err := a.tell("lab", l.Code, err); err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) addDepartments(ctx context.Context, in Site) error {
	for _, d := range in.Departments {
		var err error = lims.Conflict
		if a.departments[d.Code] == 0 {
			a.departments[d.Code], err = a.st.AddDepartment(ctx, a.by, store.Department{Code: d.Code, Name: store.Name{Zh: d.Zh, En: d.En}, Kind: d.Kind, AreaCode: d.Area})
		}
		if err := a.tell("department", d.Code, err); err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) addPolicy(ctx context.Context, in Site) error {
	p := in.Policy
	if p == nil {
		return nil
	}
	for c, limit := range p.Limits {
		if c.Priority() == 0 || limit.A <= 0 || limit.B <= 0 {
			return fmt.Errorf("policy: category %q: expected a known category with limits a and b in minutes", c)
		}
	}
	there, err := a.st.HasPolicy(ctx, p.Name, p.From)
	if err == nil && there {
		err = lims.Conflict
	}
	if err == nil {
		_, err = a.st.AddPolicy(ctx, a.by, p.Name, p.Source, p.From, lims.Policy{Limits: p.Limits, Modes: p.Pooling})
	}
	return a.tell("policy", p.Name, err)
}

func (a *applying) addInstruments(ctx context.Context, in Site) error {
	for _, i := range in.Instruments {
		lab, err := find(a.labs, "lab", i.Lab)
		if err != nil {
			return err
		}
		settings, err := json.Marshal(i.Settings)
		if err != nil {
			return err
		}
		if i.Settings == nil {
			settings = []byte("{}")
		}
		err = lims.Conflict
		if a.instruments[i.Code] == 0 {
			a.instruments[i.Code], err = a.st.AddInstrument(ctx, a.by, store.Instrument{Lab: lab, Code: i.Code, Model: i.Model, Serial: i.Serial, Driver: i.Driver,
				Line: i.Line, Protocol: i.Protocol, Address: i.Address, Settings: settings})
		}
		if err := a.tell("instrument", i.Code, err); err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) addPeople(ctx context.Context, in Site) error {
	for _, p := range in.People {
		n := store.NewActor{Login: p.Login, Name: p.Name, Roles: p.Roles, Lang: p.Lang}
		var err error
		if n.Lab, err = find(a.labs, "lab", p.Lab); err != nil {
			return err
		}
		if n.Department, err = find(a.departments, "department", p.Department); err != nil {
			return err
		}
		if n.Instrument, err = find(a.instruments, "instrument", p.Instrument); err != nil {
			return err
		}
		if len(p.Scopes) == 0 {
			n.Password = secret(12)
		}
		id, err := a.st.AddActor(ctx, a.by, n)
		if told := a.tell("person", p.Login, err); told != nil || err != nil {
			if told != nil {
				return told
			}
			continue
		}
		said := "password " + n.Password
		if len(p.Scopes) > 0 {
			token, err := a.st.NewToken(ctx, a.by, id, store.TokenGrant{Name: p.Login, Scopes: p.Scopes})
			if err != nil {
				return err
			}
			said = "token " + token
		}
		if _, err := fmt.Fprintf(a.out, "       %s: %s (told once)\n", p.Login, said); err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) addKits(ctx context.Context, in Site) error {
	for _, k := range in.Kits {
		body, err := pcr.KitFile(k.Kit)
		if err != nil {
			if body, err = os.ReadFile(k.Kit); err != nil {
				return fmt.Errorf("kit %q: neither a shipped kit nor a file: %w", k.Kit, err)
			}
		}
		kit, err := pcr.Load(body)
		if err != nil {
			return fmt.Errorf("kit %q: %w", k.Kit, err)
		}
		a.kits[k.Kit] = kit.Key()
		_, err = a.st.AddKit(ctx, a.by, body)
		if err := a.tell("kit", kit.Key(), err); err != nil {
			return err
		}
		if k.Approve == "" {
			continue
		}
		by, err := a.st.ActorByLogin(ctx, k.Approve)
		if err != nil {
			return fmt.Errorf("kit %q: approve %q: %w", k.Kit, k.Approve, err)
		}
		err = a.st.ApproveKit(ctx, by, kit.Key(), k.Insert)
		if errors.Is(err, lims.NotFound) { // approved already
			err = lims.Conflict
		}
		if err := a.tell("approval", kit.Key(), err); err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) addLots(ctx context.Context, in Site) error {
	for _, l := range in.Lots {
		lab, err := find(a.labs, "lab", l.Lab)
		if err != nil {
			return err
		}
		expires, err := time.Parse(time.DateOnly, l.Expires)
		if err != nil {
			return fmt.Errorf("lot %q: expires %q: expected 2027-03-31", l.Number, l.Expires)
		}
		key, ok := a.kits[l.Kit]
		if !ok {
			return fmt.Errorf("lot %q: kit %q: not among the kits of this file", l.Number, l.Kit)
		}
		_, err = a.st.AddLot(ctx, a.by, lab, key, l.Number, expires)
		if err := a.tell("lot", l.Number, err); err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) addDestinations(ctx context.Context, in Site) error {
	for _, d := range in.Destinations {
		id, err := find(a.departments, "department", d.Department)
		if err != nil {
			return err
		}
		shared, made := []byte(nil), false
		if d.SecretFile != "" {
			if shared, err = os.ReadFile(d.SecretFile); err != nil {
				return fmt.Errorf("destination %q: %w", d.Name, err)
			}
		} else if d.Channel == "webhook" {
			shared, made = []byte(secret(24)), true
		}
		_, err = a.st.AddDestination(ctx, a.by, store.Destination{Department: id, Name: d.Name, Line: d.Line, Format: d.Format, Channel: d.Channel,
			Address: d.Address, Secret: shared, Options: d.Options})
		if told := a.tell("destination", d.Department+" "+d.Name, err); told != nil {
			return told
		}
		if err == nil && made {
			if _, err := fmt.Fprintf(a.out, "       %s: secret %s (told once)\n", d.Name, shared); err != nil {
				return err
			}
		}
	}
	return nil
}

// secret makes n random bytes readable.
func secret(n int) string {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}
