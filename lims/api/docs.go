package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsHTML string

// call is one operation as the page shows it.
type call struct {
	Method, Path, ID, Summary, Scope string
	Params                           []field
	Body, Answer                     string // names of schemas; "" where there is none
	Status                           string
}

// shape is one schema as the page shows it.
type shape struct {
	Name, About string
	Fields      []field
}

type field struct {
	Name, Type, About string
	Ref               string // the schema that it is, or holds
	Required          bool
}

// docs writes the description of the API as one page that loads nothing from elsewhere. It is made once: the API does not change
// while the program runs.
func docs(o *huma.OpenAPI) http.HandlerFunc {
	var b bytes.Buffer
	t := template.Must(template.New("docs").Parse(docsHTML))
	if err := t.Execute(&b, struct {
		About  string
		Calls  []call
		Shapes []shape
	}{o.Info.Description, calls(o), shapes(o)}); err != nil {
		panic(err) // the template and the description are both ours
	}
	page := b.Bytes()
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Write(page) //nolint:errcheck // the browser has gone
	}
}

func calls(o *huma.OpenAPI) (all []call) {
	for path, item := range o.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				all = append(all, callOf(path, op))
			}
		}
	}
	slices.SortFunc(all, func(a, b call) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	return all
}

func callOf(path string, op *huma.Operation) call {
	c := call{Method: op.Method, Path: path, ID: op.OperationID, Summary: op.Summary}
	c.Scope, _ = op.Metadata["scope"].(string)
	for _, p := range op.Parameters {
		f := fieldOf(p.Name, p.Schema, p.Required)
		if p.Description != "" {
			f.About = p.Description
		}
		f.Type += " in " + p.In
		c.Params = append(c.Params, f)
	}
	if op.RequestBody != nil {
		c.Body = content(op.RequestBody.Content)
	}
	for status, r := range op.Responses {
		if status[0] == '2' {
			c.Status, c.Answer = status, content(r.Content)
		}
	}
	return c
}

func content(types map[string]*huma.MediaType) string {
	for _, m := range types {
		if m.Schema != nil {
			return fieldOf("", m.Schema, false).Ref
		}
	}
	return ""
}

func shapes(o *huma.OpenAPI) (all []shape) {
	for name, s := range o.Components.Schemas.Map() {
		one := shape{Name: name, About: s.Description}
		for n, p := range s.Properties {
			if n != "$schema" {
				one.Fields = append(one.Fields, fieldOf(n, p, slices.Contains(s.Required, n)))
			}
		}
		slices.SortFunc(one.Fields, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b shape) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func fieldOf(name string, s *huma.Schema, required bool) field {
	f := field{Name: name, Required: required}
	if s == nil {
		return f
	}
	f.About = s.Description
	switch {
	case s.Ref != "":
		f.Ref = s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case s.Items != nil:
		item := fieldOf("", s.Items, false)
		f.Type, f.Ref = "list of "+item.Type, item.Ref
	default:
		f.Type = s.Type
		if s.Format != "" {
			f.Type += " (" + s.Format + ")"
		}
	}
	for i, e := range s.Enum {
		if i > 0 {
			f.About += ", "
		} else if f.About != "" {
			f.About += ": "
		}
		f.About += fmt.Sprint(e)
	}
	return f
}
