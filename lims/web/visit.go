package web

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"natlims/lims"
	"natlims/lims/store"
)

// visit is one request by one person.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	site *site

	Actor lims.Actor // ID 0: nobody is signed in
	Lang  string
	Form  url.Values

	formError error
	refused   *notice // what was refused, to be shown on the page
}

// frame is what every page gets; D is its own part.
type frame struct {
	Lang    string
	Page    string
	Path    string // with its query, for coming back
	Station string // the station that the navigation marks
	Actor   lims.Actor
	Place   store.Name // laboratory or department of the actor
	Nav     []station
	Form    url.Values
	Done    *notice
	Refused *notice
	Scan    []scanned
	Pulse   store.Pulse
	Alerts  int
	D       any
}

const sessionCookie, langCookie, doneCookie = "natlims", "lang", "done"

func (s *site) visit(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{w: w, r: r, site: s}
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			v.formError = lims.E(lims.Invalid, "request.large", lims.Args{"max": maxBody >> 20})
		} else {
			v.formError = lims.E(lims.Invalid, "request.unreadable", nil)
		}
	}
	v.Form = r.Form
	if c, err := r.Cookie(s.cookieName(sessionCookie)); err == nil {
		if a, err := s.st.ActorBySession(r.Context(), c.Value); err == nil {
			v.Actor = a
		}
	}
	v.Lang = language(r, v.Actor)
	return v
}

// language is the one that was switched to, else the actor's own, else what the browser prefers, else Chinese.
func language(r *http.Request, a lims.Actor) string {
	if c, err := r.Cookie(langCookie); err == nil && languages[c.Value] != nil {
		return c.Value
	}
	if languages[a.Lang] != nil {
		return a.Lang
	}
	if accept := r.Header.Get("Accept-Language"); strings.HasPrefix(accept, "en") {
		return "en"
	}
	return "zh"
}

func (v *visit) scope() store.Scope { return store.ScopeOf(v.Actor) }

// labScope narrows what an actor of the whole city looks at to the laboratory asked for.
func (v *visit) labScope() store.Scope {
	sc := v.scope()
	if sc.Lab == 0 && sc.Department == 0 {
		sc.Lab = v.id("lab")
	}
	return sc
}

// field is a trimmed form value.
func (v *visit) field(name string) string { return strings.TrimSpace(v.Form.Get(name)) }

// id is a number from the path or the form; 0 where it is none.
func (v *visit) id(name string) int64 {
	text := v.r.PathValue(name)
	if text == "" {
		text = v.field(name)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// page is the part of a list that was asked for.
func (v *visit) page(n int) store.Page { return store.Page{Before: v.id("before"), N: n} }

// peer is the address of the browser, without its port.
func (v *visit) peer() string {
	host, _, err := net.SplitHostPort(v.r.RemoteAddr)
	if err != nil {
		return v.r.RemoteAddr
	}
	return host
}

// show renders a page with its status: 200, or that of the refusal it shows.
func (v *visit) show(page string, d any) error {
	f := frame{Lang: v.Lang, Page: page, Path: v.r.URL.RequestURI(), Station: stationOf(v.r.URL.Path), Actor: v.Actor,
		Form: v.Form, Refused: v.refused, D: d}
	if v.r.Method != http.MethodGet {
		f.Path = "/"
	}
	if v.Actor.ID != 0 {
		v.site.furnish(v, &f)
	}
	v.takeDone(&f)
	var b bytes.Buffer
	if err := v.site.pages[v.Lang][page].ExecuteTemplate(&b, "frame", f); err != nil {
		v.site.log.Error("template broke", "page", page, "err", err)
		return lims.Wrap(lims.Broken, "page.broken", err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.Lang)
	if v.refused != nil {
		v.w.WriteHeader(v.refused.Status)
	}
	v.w.Write(b.Bytes()) //nolint:errcheck // the browser has gone
	return nil
}

// message is what is said after a thing was done, carried over the redirect in a cookie of its own.
type message struct {
	Code string    `json:"c,omitempty"`
	Args lims.Args `json:"a,omitempty"`
	Scan []scanned `json:"s,omitempty"`
}

const doneMost = 3000 // bytes; browsers keep cookies up to 4096

// done goes to another page and says there what was done.
func (v *visit) done(to, code string, args lims.Args) error {
	return v.leave(to, message{Code: code, Args: args})
}

func (v *visit) leave(to string, m message) error {
	b, err := json.Marshal(m)
	if err == nil && len(b) <= doneMost {
		v.cookie(doneCookie, base64.RawURLEncoding.EncodeToString(b), 60)
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

func (v *visit) takeDone(f *frame) {
	c, err := v.r.Cookie(v.site.cookieName(doneCookie))
	if err != nil {
		return
	}
	v.cookie(doneCookie, "", -1)
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	var m message
	if err != nil || json.Unmarshal(b, &m) != nil {
		return
	}
	f.Scan = m.Scan
	if m.Code != "" && v.refused == nil {
		f.Done = &notice{Text: say(v.Lang, "done."+m.Code, m.Args)}
	}
}

// cookieName has the prefix that ties a cookie to this host where TLS is on (RFC 6265bis, 4.1.3.2).
func (s *site) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (v *visit) cookie(name, value string, seconds int) {
	http.SetCookie(v.w, &http.Cookie{Name: v.site.cookieName(name), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: v.site.secure, SameSite: http.SameSiteLaxMode})
}

func (v *visit) toSignIn() {
	to := "/signin"
	if v.r.Method == http.MethodGet && v.r.URL.Path != "/" {
		to += "?next=" + url.QueryEscape(v.r.URL.RequestURI())
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
}

// local says whether a place to go back to lies on this site.
func local(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\\r\n")
}
