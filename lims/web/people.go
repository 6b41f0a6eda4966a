package web

import (
	"natlims/lims"
	"natlims/lims/store"
)

type peoplePage struct {
	Rows        []store.PersonRow
	More        string
	Roles       []string
	Labs        []store.Lab
	Departments []store.Department
}

const peopleRows = 200

var roleNames = []string{"technician", "checker", "releaser", "supervisor", "department", "admin", "machine"}

func (s *site) people(v *visit) error {
	rows, err := s.st.People(v.r.Context(), v.field("after"), peopleRows)
	if err != nil {
		return err
	}
	labs, departments, err := s.directory(v)
	if err != nil {
		return err
	}
	p := peoplePage{Rows: rows, Roles: roleNames, Labs: labs, Departments: departments}
	if len(rows) == peopleRows {
		p.More = rows[peopleRows-1].Login
	}
	return v.show("people", p)
}

func (s *site) addPerson(v *visit) error {
	n := store.NewActor{Login: v.field("login"), Name: v.field("name"), Password: v.Form.Get("password"), Lab: v.id("lab"),
		Department: v.id("department"), Lang: v.field("lang")}
	for _, r := range v.Form["role"] {
		n.Roles = append(n.Roles, lims.Role(r))
	}
	switch {
	case n.Login == "" || n.Name == "":
		return lims.E(lims.Invalid, "person.incomplete", nil)
	case len(n.Roles) == 0:
		return lims.E(lims.Invalid, "person.no_role", nil)
	case n.Department == 0 && (lims.Actor{Roles: n.Roles}).Has(lims.Desk):
		return lims.E(lims.Invalid, "department.needed", nil)
	}
	if _, err := s.st.AddActor(v.r.Context(), v.Actor, n); err != nil {
		return err
	}
	return v.done("/people", "person.added", lims.Args{"login": n.Login})
}

func (s *site) setActive(v *visit) error {
	active := v.field("active") == "1"
	if v.id("person") == v.Actor.ID && !active {
		return lims.E(lims.Invalid, "person.self", nil)
	}
	if err := s.st.SetActive(v.r.Context(), v.Actor, v.id("person"), active); err != nil {
		return err
	}
	if active {
		return v.done("/people", "person.enabled", nil)
	}
	return v.done("/people", "person.disabled", nil)
}

func (s *site) setPassword(v *visit) error {
	if err := s.st.SetPassword(v.r.Context(), v.Actor, v.id("person"), v.Form.Get("password")); err != nil {
		return err
	}
	return v.done("/people", "person.password", nil)
}
