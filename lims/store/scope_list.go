package store

import (
	"context"

	"natlims/lims"
)

// Scope narrows a list to what an actor may see: 0 means every laboratory or every department. What lies outside of
// the scope does not exist for the actor: the answer is the same NotFound.
type Scope struct{ Lab, Department int64 }

// ScopeOf is what an actor may see. Who belongs to a department sees that department's rows in every laboratory.
func ScopeOf(a lims.Actor) Scope {
	if a.Department != 0 {
		return Scope{Department: a.Department}
	}
	return Scope{Lab: a.Lab}
}

// Pages are cut by key, never by offset: Before is the key of the last row seen (0 starts at the newest row), N the
// number of rows wanted, at most PageMost.
type Page struct {
	Before int64
	N      int
}

// PageMost is the longest page.
const PageMost = 500

// cut gives the arguments of "id < $1 … LIMIT $2".
func (p Page) cut() (before int64, n int) {
	before, n = p.Before, p.N
	if before <= 0 {
		before = 1<<63 - 1
	}
	if n <= 0 || n > PageMost {
		n = 100
	}
	return before, n
}

// list reads rows of T.
func list[T any](ctx context.Context, s *Store, query string, args ...any) ([]T, error) {
	var out []T
	return out, mapped(ctx, s.db.SelectContext(ctx, &out, query, args...))
}

// single reads one row of T; none is NotFound.
func single[T any](ctx context.Context, s *Store, query string, args ...any) (T, error) {
	var out T
	err := s.db.GetContext(ctx, &out, query, args...)
	if missing(err) {
		return out, lims.E(lims.NotFound, "not_found", nil)
	}
	return out, mapped(ctx, err)
}
