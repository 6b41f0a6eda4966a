package web

import (
	"net/http"
	"sync"
	"time"

	"natlims/lims"
	"natlims/lims/store"
)

func (s *site) signInPage(v *visit) error {
	if v.Actor.ID != 0 && v.refused == nil {
		http.Redirect(v.w, v.r, "/", http.StatusSeeOther)
		return nil
	}
	return v.show("signin", nil)
}

func (s *site) signIn(v *visit) error {
	token, _, err := s.st.SignIn(v.r.Context(), v.field("login"), v.Form.Get("password"), v.peer())
	if err != nil {
		return err
	}
	v.cookie(sessionCookie, token, int((12 * time.Hour).Seconds()))
	to := v.field("next")
	if !local(to) {
		to = "/"
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

func (s *site) signOut(v *visit) error {
	if c, err := v.r.Cookie(s.cookieName(sessionCookie)); err == nil {
		if err := s.st.SignOut(v.r.Context(), c.Value); err != nil {
			return err
		}
	}
	v.cookie(sessionCookie, "", -1)
	v.cookie(tubeCookie, "", -1)
	http.Redirect(v.w, v.r, "/signin", http.StatusSeeOther)
	return nil
}

func (s *site) switchLang(v *visit) error {
	if languages[v.field("lang")] == nil {
		return lims.E(lims.Invalid, "request.unreadable", nil)
	}
	http.SetCookie(v.w, &http.Cookie{Name: langCookie, Value: v.field("lang"), Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
	to := v.field("next")
	if !local(to) {
		to = "/"
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// home leads everybody to the station where their day begins.
func (s *site) home(v *visit) error {
	to := "/board"
	switch {
	case v.Actor.Has(lims.Desk):
		to = "/results"
	case v.Actor.Has(lims.Checker, lims.Releaser):
		to = "/review"
	case v.Actor.Has(lims.Technician):
		to = "/receipt"
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

func (s *site) me(v *visit) error { return v.show("me", nil) }

func (s *site) ownPassword(v *visit) error {
	if v.Form.Get("password") != v.Form.Get("again") {
		return lims.E(lims.Invalid, "password.again", nil)
	}
	if _, _, err := s.st.SignIn(v.r.Context(), v.Actor.Login, v.Form.Get("old"), v.peer()); err != nil {
		return err
	}
	if err := s.st.SetPassword(v.r.Context(), v.Actor, v.Actor.ID, v.Form.Get("password")); err != nil {
		return err
	}
	return v.done("/signin", "password", nil)
}

// heardWithin is how long an instrument may be silent and still count as up: the longest PCR programme (118 min) with its set-up.
const heardWithin = 3 * time.Hour

// furnish fills the head of the page. What cannot be read is left out: the page itself matters more.
func (s *site) furnish(v *visit, f *frame) {
	ctx := v.r.Context()
	f.Nav = navigation(v.Actor, f.Station)
	f.Place = s.place(v)
	if v.Actor.Department != 0 {
		return
	}
	sc := v.scope()
	f.Pulse, _ = s.st.Pulse(ctx, sc, s.st.Now().Add(-heardWithin))
	f.Alerts, _ = s.st.OpenAlerts(ctx, sc)
}

// directory keeps the laboratories and departments for a minute: every page names one.
type directory struct {
	sync.Mutex
	until       time.Time
	labs        []store.Lab
	departments []store.Department
}

const directoryLife = time.Minute

func (s *site) directory(v *visit) ([]store.Lab, []store.Department, error) {
	d := &s.who
	d.Lock()
	defer d.Unlock()
	now := s.st.Now()
	if now.Before(d.until) {
		return d.labs, d.departments, nil
	}
	labs, err := s.st.Labs(v.r.Context())
	if err != nil {
		return nil, nil, err
	}
	departments, err := s.st.Departments(v.r.Context())
	if err != nil {
		return nil, nil, err
	}
	d.labs, d.departments, d.until = labs, departments, now.Add(directoryLife)
	return labs, departments, nil
}

func (s *site) place(v *visit) store.Name {
	labs, departments, err := s.directory(v)
	if err != nil {
		return store.Name{}
	}
	for _, d := range departments {
		if d.ID == v.Actor.Department {
			return d.Name
		}
	}
	for _, l := range labs {
		if l.ID == v.Actor.Lab && v.Actor.Department == 0 {
			return l.Name
		}
	}
	return store.Name{Zh: say("zh", "place.city", nil), En: say("en", "place.city", nil)}
}
