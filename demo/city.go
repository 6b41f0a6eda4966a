package demo

import (
	"context"
	"encoding/json"
	"fmt"

	"natlims/lims"
	"natlims/lims/api"
	"natlims/lims/pcr"
	"natlims/lims/store"
)

// Password is that of every demo login.
const Password = "natlims-demo"

// unit is one cycler with its line.
type unit struct {
	ID   int64
	Lab  int
	Code string
	Kind string // astm: serial line · hl7: TCP · file: folder
}

// city is who takes part in the day, by the ids of the rows.
type city struct {
	Admin       lims.Actor
	Labs        []int64
	Kits        []string // by lab
	Lots        []string
	Departments []int64
	Sites       []lims.Actor // the sampling site of each department
	Tokens      []string     // of the departments' systems
	Tech        []lims.Actor // by lab
	Checker     []lims.Actor
	Releaser    []lims.Actor
	Supervisor  []lims.Actor
	Units       []unit
	Dest        []int64 // by department
	Checks      int64   // the department of the laboratories' own checks
}

var labs = []store.Lab{
	{Code: "L1", Name: store.Name{Zh: "市第一核酸检测实验室", En: "First City Laboratory"}, Capacity: 18_000, Open24h: true},
	{Code: "L2", Name: store.Name{Zh: "市疾控核酸检测实验室", En: "City CDC Laboratory"}, Capacity: 15_000, Open24h: true},
}

// policy of the demo: six hours from receipt for everybody, pooling at collection for screening only (domain 1.1, 1.6).
var policy = lims.Policy{
	Limits: map[lims.Category]lims.Limit{},
	Modes:  map[lims.Category][]lims.Mode{lims.Screening: {lims.Household, lims.Mixed5, lims.Mixed10, lims.Mixed20}},
}

func init() {
	for _, c := range []lims.Category{lims.CloseContact, lims.KeyPerson, lims.FeverClinic, lims.ColdChain, lims.Screening, lims.Voluntary} {
		policy.Limits[c] = lims.Limit{A: 12 * 60, B: 6 * 60}
	}
}

const markCity = "demo.city"

// found builds the city, or finds the one that an earlier life of this day has built. It is written down whole, last.
func (d *Day) found(ctx context.Context) error {
	b, err := d.Store.MarkOf(ctx, markCity)
	if err != nil {
		return err
	}
	if b != nil {
		return json.Unmarshal(b, &d.city)
	}
	boot := lims.Actor{Login: "setup", Roles: []lims.Role{lims.Admin}}
	for _, f := range []func(context.Context, lims.Actor) error{d.foundLabs, d.foundDepartments, d.foundPeople, d.foundKits, d.foundControls, d.foundPools, d.foundPair, d.foundUnits} {
		if err := f(ctx, boot); err != nil {
			return fmt.Errorf("demo city: %w", err)
		}
	}
	if b, err = json.Marshal(d.city); err != nil {
		return err
	}
	return d.Store.Mark(ctx, markCity, b)
}

func (d *Day) foundLabs(ctx context.Context, by lims.Actor) error {
	for _, l := range labs {
		id, err := d.addLab(ctx, by, l)
		if err != nil {
			return err
		}
		d.city.Labs = append(d.city.Labs, id)
	}
	_, err := d.Store.AddPolicy(ctx, by, "demo", "health order of 2021: six hours from receipt", d.start.AddDate(0, 0, -mornings-1), policy)
	return err
}

// foundKits puts one kit into each laboratory. Both are confirmed against an insert, as a supervisor must before first use.
func (d *Day) foundKits(ctx context.Context, by lims.Actor) error {
	for i, name := range []string{"daan", "sansure"} {
		body, err := pcr.KitFile(name)
		if err != nil {
			return err
		}
		k, err := pcr.Load(body)
		if err != nil {
			return err
		}
		if _, err := d.Store.AddKit(ctx, by, body); done(err) != nil {
			return err
		}
		if k.Status != pcr.Verified {
			if err := d.Store.ApproveKit(ctx, d.city.Supervisor[i], k.Key(), k.Digest); done(err) != nil {
				return err
			}
		}
		lot := fmt.Sprintf("2026%03d", 31+i)
		if _, err := d.Store.AddLot(ctx, by, d.city.Labs[i], k.Key(), lot, d.start.AddDate(1, 0, 0)); done(err) != nil {
			return err
		}
		d.city.Kits, d.city.Lots = append(d.city.Kits, k.Key()), append(d.city.Lots, lot)
	}
	return nil
}

func (d *Day) foundDepartments(ctx context.Context, by lims.Actor) error {
	for _, dep := range departments {
		id, err := d.addDepartment(ctx, by, store.Department{Code: dep.code, Name: store.Name{Zh: dep.zh, En: dep.en}, Kind: dep.kind, AreaCode: "510900"})
		if err != nil {
			return err
		}
		dest, err := d.addDestination(ctx, by, store.Destination{Department: id, Name: "webhook", Line: "department", Format: "json", Channel: "webhook",
			Address: "http://127.0.0.1:9/", Secret: secretOf(dep.code)})
		if err != nil {
			return err
		}
		d.city.Departments, d.city.Dest = append(d.city.Departments, id), append(d.city.Dest, dest)
	}
	return nil
}

func secretOf(code string) []byte { return []byte("demo secret of " + code) }

func (d *Day) foundPeople(ctx context.Context, by lims.Actor) error {
	add := func(n store.NewActor) (lims.Actor, error) {
		n.Password = Password
		id, err := d.addActor(ctx, by, n)
		return lims.Actor{ID: id, Login: n.Login, Name: n.Name, Lab: n.Lab, Department: n.Department, Roles: n.Roles, Lang: "zh"}, err
	}
	var err error
	if d.city.Admin, err = add(store.NewActor{Login: "admin", Name: "系统管理员", Roles: []lims.Role{lims.Admin, lims.Supervisor}}); err != nil {
		return err
	}
	for i, lab := range d.city.Labs {
		for _, p := range []struct {
			login, name string
			role        lims.Role
			into        *[]lims.Actor
		}{
			{"tech", []string{"李强", "陈静"}[i], lims.Technician, &d.city.Tech},
			{"check", []string{"王芳", "刘洋"}[i], lims.Checker, &d.city.Checker},
			{"release", []string{"赵敏", "周磊"}[i], lims.Releaser, &d.city.Releaser},
			{"super", []string{"孙丽", "吴勇"}[i], lims.Supervisor, &d.city.Supervisor},
		} {
			a, err := add(store.NewActor{Login: fmt.Sprintf("%s%d", p.login, i+1), Name: p.name, Lab: lab, Roles: []lims.Role{p.role}})
			if err != nil {
				return err
			}
			*p.into = append(*p.into, a)
		}
	}
	for i, dep := range departments {
		a, err := add(store.NewActor{Login: lower(dep.code), Name: dep.zh, Department: d.city.Departments[i], Roles: []lims.Role{lims.Desk}})
		if err != nil {
			return err
		}
		d.city.Sites = append(d.city.Sites, a)
		if err := d.foundSystem(ctx, by, i); err != nil {
			return err
		}
	}
	return nil
}

// foundSystem gives a department's own system a token: it registers orders and confirms deliveries.
func (d *Day) foundSystem(ctx context.Context, by lims.Actor, dept int) error {
	dep := departments[dept]
	id, err := d.addActor(ctx, by, store.NewActor{Login: "his-" + lower(dep.code), Name: dep.zh + " HIS", Department: d.city.Departments[dept],
		Roles: []lims.Role{lims.Machine}})
	if err != nil {
		return err
	}
	token, err := d.Store.NewToken(ctx, by, id, store.TokenGrant{Name: "demo", Scopes: []string{api.OrdersWrite, api.DeliveriesWrite, api.ResultsRead}})
	d.city.Tokens = append(d.city.Tokens, token)
	return err
}

// foundUnits gives each laboratory as many cyclers as its plates of a peak hour need, and two to spare.
func (d *Day) foundUnits(ctx context.Context, by lims.Actor) error {
	kinds := []struct{ kind, line, protocol, model, driver string }{
		{"astm", "serial", "astm", "m2000rt", ""},
		{"hl7", "tcp-listen", "hl7", "SLAN-96P", ""},
		{"file", "folder", "file", "QuantStudio 5", ""},
	}
	perHour := float64(len(d.plan.tubes)) / float64(len(labs)) / 90 / day.Hours()
	n := max(6, int(perHour*2.8)+4)
	for lab, id := range d.city.Labs {
		for i := range n {
			k := kinds[i%len(kinds)]
			u := unit{Lab: lab, Code: fmt.Sprintf("%s-C%02d", labs[lab].Code, i+1), Kind: k.kind}
			iid, err := d.addInstrument(ctx, by, store.Instrument{Lab: id, Code: u.Code, Model: k.model, Serial: fmt.Sprintf("S%d%04d", lab+1, i+1),
				Driver: k.driver, Line: k.line, Protocol: k.protocol, Settings: json.RawMessage("{}")})
			if err != nil {
				return err
			}
			u.ID = iid
			d.city.Units = append(d.city.Units, u)
		}
	}
	return nil
}
