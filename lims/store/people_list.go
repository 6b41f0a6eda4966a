package store

import (
	"context"
	"time"

	"github.com/lib/pq"
)

// PersonRow is a person or a machine without secrets.
type PersonRow struct {
	ID         int64          `db:"id"`
	Login      string         `db:"login"`
	Name       string         `db:"name"`
	Lab        Name           `db:"lab"`
	Department Name           `db:"dep"`
	Roles      pq.StringArray `db:"roles"`
	Lang       string         `db:"lang"`
	Active     bool           `db:"active"`
	CanSignIn  bool           `db:"can_sign_in"`
	CreatedAt  time.Time      `db:"created_at"`
}

// People lists people and machines by login, those after the given login.
func (s *Store) People(ctx context.Context, after string, n int) ([]PersonRow, error) {
	_, n = Page{N: n}.cut()
	return list[PersonRow](ctx, s, `SELECT a.id, a.login, a.name, coalesce(l.name_zh,'') AS "lab.name_zh",
			coalesce(l.name_en,'') AS "lab.name_en", coalesce(d.name_zh,'') AS "dep.name_zh", coalesce(d.name_en,'') AS "dep.name_en",
			a.roles, a.lang, a.active, a.password <> '' AS can_sign_in, a.created_at
		FROM actors a LEFT JOIN labs l ON l.id = a.lab_id LEFT JOIN departments d ON d.id = a.department_id
		WHERE a.login > $1 ORDER BY a.login LIMIT $2`, after, n)
}
