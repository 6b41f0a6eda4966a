// Package api is natlims for machines: JSON under /api/v1, described by OpenAPI 3.1 at /api/v1/openapi.json and for people at /api/.
//
// It never decides anything: it checks a token and its scope, calls one store method a request and answers. Invariants: a
// department's token sees that department only; a refusal has a stable code and names every offending item; every write can
// be repeated, so that "no answer" may simply be tried again.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"natlims/instruments/link"
	"natlims/lims"
	"natlims/lims/store"
)

// Options of New.
type Options struct {
	Log    *slog.Logger
	Health func() []link.Health // of the instrument lines of this process; nil: none
}

type server struct {
	st     *store.Store
	log    *slog.Logger
	health func() []link.Health
}

// The scopes of a token, as package lims has them.
const (
	OrdersWrite     = lims.OrdersWrite
	SamplesWrite    = lims.SamplesWrite
	ReceiptWrite    = lims.ReceiptWrite
	MessagesWrite   = lims.MessagesWrite
	ResultsRead     = lims.ResultsRead
	DeliveriesWrite = lims.DeliveriesWrite
	InstrumentsRead = lims.InstrumentsRead
	RulesWrite      = lims.RulesWrite
)

// New gives the handler of /api/v1/.
func New(st *store.Store, o Options) http.Handler {
	s := &server{st: st, log: o.Log, health: o.Health}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	c := huma.DefaultConfig("natlims", "1")
	c.OpenAPIPath, c.SchemasPath, c.DocsPath = "/api/v1/openapi", "/api/v1/schemas", "" // the usual documentation page loads scripts from elsewhere
	c.Info.Description = "Laboratory information system for mass nucleic acid testing. Every call needs a bearer token with the scope named."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	a := humago.New(mux, c)
	a.UseMiddleware(s.who(a))
	for _, register := range []func(huma.API){s.intake, s.receipt, s.runs, s.queries, s.results, s.dispatch, s.instruments, s.dark, s.pools, s.limits} {
		register(a)
	}
	page := docs(a.OpenAPI())
	mux.HandleFunc("GET /api/{$}", page)
	mux.HandleFunc("GET /api/v1/{$}", page)
	return mux
}

// op describes a call: what it needs and what may go wrong.
func op(method, path, id, scope, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: "/api/v1" + path, Summary: summary, Metadata: map[string]any{"scope": scope},
		Description: "Scope: `" + scope + "`.", Security: []map[string][]string{{"token": {scope}}},
		Errors: []int{400, 401, 403, 404, 409, 422, 503}, MaxBodyBytes: 8 << 20}
}

type actorKey struct{}

// who finds the actor behind the token and refuses tokens without the call's scope.
func (s *server) who(a huma.API) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		token, ok := strings.CutPrefix(c.Header("Authorization"), "Bearer ")
		if !ok {
			refuse(a, c, http.StatusUnauthorized, "token.none")
			return
		}
		actor, err := s.st.ActorByToken(c.Context(), token)
		switch scope, _ := c.Operation().Metadata["scope"].(string); {
		case errors.Is(err, lims.NotFound):
			refuse(a, c, http.StatusUnauthorized, "token.unknown")
		case err != nil:
			s.log.Error("token", "err", err)
			refuse(a, c, http.StatusServiceUnavailable, "database.busy")
		case !has(actor.Scopes, scope):
			refuse(a, c, http.StatusForbidden, "token.scope")
		default:
			next(huma.WithValue(c, actorKey{}, actor))
		}
	}
}

func has(scopes []string, want string) bool {
	for _, s := range scopes {
		if s == want {
			return true
		}
	}
	return false
}

func actor(ctx context.Context) lims.Actor {
	a, _ := ctx.Value(actorKey{}).(lims.Actor)
	return a
}

// Problem is a refusal as RFC 9457 has it, with our stable code and the offending items.
type Problem struct {
	Status int       `json:"status" doc:"HTTP status"`
	Title  string    `json:"title"`
	Code   string    `json:"code" doc:"Stable code of the refusal"`
	Args   lims.Args `json:"args,omitempty" doc:"Offending items, by name"`
}

// Error makes Problem an error.
func (p *Problem) Error() string { return p.Code }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

var statuses = map[lims.Kind]int{lims.Invalid: 422, lims.NotFound: 404, lims.Conflict: 409, lims.Denied: 403, lims.Busy: 503, lims.Broken: 500}

// Whatever the library itself refuses (a body that is no JSON, a value outside of its list) is told in the same form.
func init() {
	huma.NewError = func(status int, _ string, errs ...error) huma.StatusError {
		p := &Problem{Status: status, Title: http.StatusText(status), Code: "request.invalid"}
		var told []string
		for _, err := range errs {
			if err == nil {
				continue
			}
			text := err.Error()
			var d *huma.ErrorDetail
			if errors.As(err, &d) { // without the value: it may be somebody's name
				text = strings.TrimSpace(d.Location + ": " + d.Message)
			}
			told = append(told, text)
		}
		if len(told) > 0 {
			p.Args = lims.Args{"errors": told}
		}
		return p
	}
}

// problem turns an error of the domain into an answer. What is our own fault is logged and not told.
func (s *server) problem(err error) error {
	if err == nil {
		return nil
	}
	var e *lims.Error
	if !errors.As(err, &e) || e.Kind == lims.Broken {
		s.log.Error("api", "err", err)
		e = lims.E(lims.Broken, "broken", nil)
	}
	status := statuses[e.Kind]
	return &Problem{Status: status, Title: http.StatusText(status), Code: e.Code, Args: e.Args}
}

func refuse(_ huma.API, c huma.Context, status int, code string) {
	c.SetHeader("Content-Type", "application/problem+json")
	c.SetStatus(status)
	b, _ := json.Marshal(Problem{Status: status, Title: http.StatusText(status), Code: code}) // plain values
	c.BodyWriter().Write(b)                                                                   //nolint:errcheck // the client has gone
}
