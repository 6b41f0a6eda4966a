package web

import (
	"net/http"
	"time"

	"natlims/lims"
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
