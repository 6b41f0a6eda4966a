package store

import (
	"context"
	"time"
)

// HasPolicy says whether a policy of that name is in force from that instant.
func (s *Store) HasPolicy(ctx context.Context, name string, from time.Time) (there bool, err error) {
	err = s.db.GetContext(ctx, &there, `SELECT EXISTS (SELECT FROM policies WHERE name = $1 AND valid_from = $2)`, name, from)
	return there, mapped(ctx, err)
}
