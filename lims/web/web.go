// Package web is the pages for people: server-rendered, in Chinese and English, usable with a keyboard and a scanner and
// without JavaScript.
//
// It never decides anything: it reads lists, calls one store method a request and shows what came of it. Invariants: every
// route stands in one table with the roles that may use it; what belongs to somebody else answers like what does not exist;
// a refusal is shown in the reader's language with its stable code and every offending item; names and document numbers are
// masked unless a person asked for them with a reason (PIPL Art. 6 and 51); colour never speaks alone (WCAG 2.2, 1.4.1).
//
// Refused: a framework in the browser (the pages must work on whatever a laboratory has), inline scripts and styles (the
// content security policy forbids them), tokens against forged requests (the browser's Sec-Fetch-Site says it better).
package web

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"natlims/instruments/link"
	"natlims/lims"
	"natlims/lims/store"
	"natlims/reports/send"
)

//go:embed assets templates locale
var files embed.FS

// Options of New. The zero value is right behind plain HTTP in Shanghai.
type Options struct {
	Log    *slog.Logger
	Secure bool           // served over TLS: the session cookie says so
	Zone   *time.Location // in which times are shown; default Asia/Shanghai

	Outbound *send.Outbound       // by which destinations are checked and tried; nil reaches public addresses only
	Health   func() []link.Health // of the instrument lines of this process; nil: none

	// Replay reads a kept message again and, with apply, writes what changed; nil: no such page.
	Replay func(ctx context.Context, by lims.Actor, message int64, apply bool) (store.Replay, error)
	// Drop puts a file into a folder of an instrument, whole or not at all; nil: plate files are downloaded only.
	Drop func(dir, name string, b []byte) error
}

type site struct {
	replay func(context.Context, lims.Actor, int64, bool) (store.Replay, error)
	drop   func(dir, name string, b []byte) error

	st     *store.Store
	log    *slog.Logger
	secure bool
	zone   *time.Location
	pages  map[string]map[string]*template.Template // by language and page
	assets map[string]asset
	wall   wall
	who    directory
	out    *send.Outbound
	health func() []link.Health
}

// maxBody is the largest form: a pasted list of store.MaxRegister rows fits.
const maxBody = 4 << 20

// policy of the pages: nothing from elsewhere, no inline script or style, no framing.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// New gives the pages, to be mounted at "/".
func New(st *store.Store, o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Zone == nil {
		o.Zone = shanghai()
	}
	s := &site{st: st, log: o.Log, secure: o.Secure, zone: o.Zone, replay: o.Replay, drop: o.Drop}
	s.health = o.Health
	if s.out = o.Outbound; s.out == nil {
		s.out = &send.Outbound{}
	}
	s.pages = s.parse()
	s.assets = readAssets()
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.Handle(r.pattern, s.serve(r))
	}
	mux.HandleFunc("GET /assets/{file}", s.asset)
	mux.Handle("/", s.serve(route{pattern: "/", public: true, do: (*site).nowhere}))
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(s.serve(route{pattern: "/", public: true, do: (*site).forged}))
	return s.headers(guard.Handler(mux))
}

// shanghai is the zone of all Chinese laboratories; machines without a zone database get it as a fixed offset.
func shanghai() *time.Location {
	z, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return time.FixedZone("CST", 8*60*60)
	}
	return z
}

func (s *site) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store") // pages hold health data; assets say otherwise
		if s.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func (s *site) nowhere(*visit) error { return lims.E(lims.NotFound, "not_found", nil) }

func (s *site) forged(*visit) error { return lims.E(lims.Denied, "request.foreign", nil) }

// serve finds out who asks, refuses who may not, and shows what went wrong: on the page that was left, where the route
// names one, else on a page of its own.
func (s *site) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		if !rt.public && v.Actor.ID == 0 {
			v.toSignIn()
			return
		}
		err := v.formError
		if err == nil && len(rt.who) > 0 && !v.Actor.Has(rt.who...) {
			err, rt.back = lims.E(lims.Denied, "role.needed", lims.Args{"roles": rt.who}), nil
		}
		if err == nil {
			err = rt.do(s, v)
		}
		if err == nil {
			return
		}
		v.logged(rt, err)
		v.refused = s.notice(v.Lang, err)
		if rt.back != nil && rt.back(s, v) == nil {
			return
		}
		if err := v.show("refused", nil); err != nil {
			http.Error(w, "500", http.StatusInternalServerError)
		}
	}
}

// logged leaves a line for what is our fault; refusals are ordinary. Errors never hold names, numbers or tokens.
func (v *visit) logged(rt route, err error) {
	if lims.KindOf(err) == lims.Broken {
		v.site.log.Error("page broke", "route", rt.pattern, "actor", v.Actor.ID, "err", err)
	}
}

func (s *site) parse() map[string]map[string]*template.Template {
	names, err := fs.Glob(files, "templates/page/*.html")
	if err != nil || len(names) == 0 {
		panic("no templates")
	}
	all := map[string]map[string]*template.Template{}
	for lang := range languages {
		base := template.Must(template.New("").Funcs(s.words(lang)).ParseFS(files, "templates/*.html"))
		all[lang] = map[string]*template.Template{}
		for _, n := range names {
			t := template.Must(template.Must(base.Clone()).ParseFS(files, n))
			all[lang][pageName(n)] = t
		}
	}
	return all
}

func pageName(path string) string {
	var name string
	fmt.Sscanf(path, "templates/page/%s", &name) //nolint:errcheck // the glob made it so
	return name[:len(name)-len(".html")]
}

// wall keeps the board for a moment: many screens look at it at once.
type wall struct {
	sync.Mutex
	boards map[store.Scope]*board
}
