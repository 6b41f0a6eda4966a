package web

import (
	"errors"
	"net/http"
	"reflect"
	"sort"

	"natlims/instruments"
	"natlims/lims"
)

// notice is something said to the person at the top of a page.
type notice struct {
	Status int
	Code   string   // stable, of a refusal
	Text   string   // in the reader's language
	Items  []string // every offending item, where the text has room for a few only
}

// itemsInline is the number of items that a text names by itself.
const itemsInline = 3

// notice turns an error into words. What is not ours says only that it is our fault.
func (s *site) notice(lang string, err error) *notice {
	var e *lims.Error
	if !errors.As(err, &e) {
		e = lims.E(lims.Broken, "page.broken", nil)
	}
	n := &notice{Status: statusOf(e.Kind), Code: e.Code, Text: refusal(lang, e.Code, e.Args)}
	keys := make([]string, 0, len(e.Args))
	for k := range e.Args {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		v := reflect.ValueOf(e.Args[k])
		if k == "roles" || v.Kind() != reflect.Slice || v.Len() <= itemsInline {
			continue
		}
		for i := range v.Len() {
			n.Items = append(n.Items, item(lang, k, v.Index(i).Interface()))
		}
	}
	return n
}

// refusal is the text of a refusal's code; a code without a text is said to be so, with the code.
func refusal(lang, code string, args lims.Args) string {
	if e, ok := instruments.Refused(code, args); ok {
		return e.Text(lang)
	}
	if languages[lang]["error."+code] == "" {
		return say(lang, "error.other", lims.Args{"code": code})
	}
	return say(lang, "error."+code, args)
}

func statusOf(k lims.Kind) int {
	switch k {
	case lims.Invalid:
		return http.StatusUnprocessableEntity
	case lims.NotFound:
		return http.StatusNotFound
	case lims.Conflict:
		return http.StatusConflict
	case lims.Denied:
		return http.StatusForbidden
	case lims.Busy:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
