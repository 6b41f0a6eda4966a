package web

import (
	"slices"
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

type tokensPage struct {
	Tab         string
	Rows        []tokenLine
	Scopes      []string
	Lives       []int
	Machines    []store.PersonRow
	Labs        []store.Lab
	Departments []store.Department
	Instruments []store.Instrument
	Made        string // shown once
	MadeFor     string
}

type tokenLine struct {
	store.TokenRow
	State string // works, expired, revoked, barred
}

// tokenLives are the lives that are offered, in days; 0 is without end.
var tokenLives = []int{365, 90, 30, 1, 0}

func (s *site) tokens(v *visit) error { return s.tokensWith(v, "", "") }

func (s *site) tokensWith(v *visit, made, name string) error {
	ctx := v.r.Context()
	p := tokensPage{Tab: "tokens", Scopes: lims.Scopes, Lives: tokenLives, Made: made, MadeFor: name}
	rows, err := s.st.Tokens(ctx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		p.Rows = append(p.Rows, tokenLine{r, tokenState(r, s.st.Now())})
	}
	people, err := s.st.People(ctx, "", peopleRows)
	if err != nil {
		return err
	}
	for _, a := range people {
		if a.Active && slices.Contains(a.Roles, string(lims.Machine)) {
			p.Machines = append(p.Machines, a)
		}
	}
	if p.Labs, p.Departments, err = s.directory(v); err != nil {
		return err
	}
	if p.Instruments, err = s.st.Instruments(ctx, 0); err != nil {
		return err
	}
	return v.show("tokens", p)
}

func tokenState(r store.TokenRow, now time.Time) string {
	switch {
	case r.RevokedAt != nil:
		return "revoked"
	case r.ExpiresAt != nil && !r.ExpiresAt.After(now):
		return "expired"
	case !r.Active:
		return "barred"
	}
	return "works"
}

func working(rows []store.TokenRow, now time.Time) (n int) {
	for _, r := range rows {
		if tokenState(r, now) == "works" {
			n++
		}
	}
	return n
}

// makeToken makes a token for a program, which is put on record first where it is new, and shows the token once.
func (s *site) makeToken(v *visit) error {
	ctx := v.r.Context()
	name, life := v.field("name"), int(v.id("days"))
	scopes := v.Form["scope"]
	switch {
	case v.field("login") == "" || name == "":
		return lims.E(lims.Invalid, "setting.incomplete", lims.Args{"fields": []string{"login", "name"}})
	case !slices.Contains(tokenLives, life):
		return lims.E(lims.Invalid, "request.unreadable", nil)
	case len(scopes) == 0:
		return lims.E(lims.Invalid, "token.no_scope", nil)
	case slices.ContainsFunc(scopes, func(x string) bool { return !lims.KnownScope(x) }):
		return lims.E(lims.Invalid, "request.unreadable", nil)
	}
	id, err := s.program(v)
	if err != nil {
		return err
	}
	rows, err := s.st.Tokens(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rows, func(r store.TokenRow) bool { return r.Actor == id && r.Name == name && r.RevokedAt == nil }) {
		return lims.E(lims.Conflict, "token.twice", lims.Args{"name": name}) // a page that is sent twice makes one token
	}
	token, err := s.st.NewToken(ctx, v.Actor, id, store.TokenGrant{Name: name, Scopes: scopes, Life: time.Duration(life) * 24 * time.Hour})
	if err != nil {
		return err
	}
	return s.tokensWith(v, token, name)
}

// program is the program that the form names: one on record, or a new one. People sign in; they get no tokens.
func (s *site) program(v *visit) (int64, error) {
	a, err := s.st.ActorByLogin(v.r.Context(), v.field("login"))
	if err == nil {
		if !a.Has(lims.Machine) {
			return 0, lims.E(lims.Invalid, "token.person", lims.Args{"login": a.Login})
		}
		return a.ID, nil
	}
	if lims.KindOf(err) != lims.NotFound {
		return 0, err
	}
	return s.st.AddActor(v.r.Context(), v.Actor, store.NewActor{Login: v.field("login"), Name: v.field("login"), Lab: v.id("lab"), Department: v.id("department"),
		Instrument: v.id("instrument"), Roles: []lims.Role{lims.Machine}, Lang: "zh"})
}

func (s *site) revokeToken(v *visit) error {
	if err := s.st.RevokeToken(v.r.Context(), v.Actor, v.id("token")); err != nil {
		return err
	}
	return v.done("/settings/tokens", "token.revoked", nil)
}
