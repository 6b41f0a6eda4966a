package store

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store/pgtest"
)

// A statement that was prepared outlives a change of the schema: it is forgotten, and the transaction tried again.
func TestPreparedStatementsFollowTheSchema(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, err := Open(ctx, pgtest.New(t), Options{Conns: 1})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	_, err = s.db.Exec(`CREATE TABLE shelf (id bigint, what integer)`)
	require.NoError(t, err)
	_, err = s.db.Exec(`INSERT INTO shelf VALUES (1, 7)`)
	require.NoError(t, err)
	look := func() (what string) {
		require.NoError(t, s.do(ctx, lims.Actor{}, func(x *tx) error { return x.one(&what, `SELECT what FROM shelf WHERE id = $1`, 1) }))
		return what
	}
	require.Equal(t, "7", look())
	_, err = s.db.Exec(`ALTER TABLE shelf ALTER COLUMN what TYPE text`)
	require.NoError(t, err)
	require.Equal(t, "7", look())
	_, err = s.db.Exec(`DEALLOCATE ALL`)
	require.NoError(t, err)
	require.Equal(t, "7", look())
}

// JSON, bytes, times and numbers arrive as they were, prepared or not; nothing stays prepared beyond the bound.
func TestParametersArriveAsTheyWere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, err := Open(ctx, pgtest.New(t), Options{Conns: 1})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	ask := func(ctx context.Context) {
		var got struct {
			J string   `db:"j"`
			N *string  `db:"n"`
			B []byte   `db:"b"`
			I int64    `db:"i"`
			R []byte   `db:"r"`
			F *float64 `db:"f"`
		}
		require.NoError(t, s.db.GetContext(ctx, &got, `SELECT $1::jsonb AS j, $2::jsonb AS n, $3::bytea AS b, $4::bigint AS i, $5::real[] AS r, $6::float8 AS f`,
			json.RawMessage(`{"a": 1}`), json.RawMessage(nil), []byte{0, 255, '\\'}, -3, reals{1.5, -2}, 0.1))
		require.Equal(t, `{"a": 1}`, got.J)
		require.Nil(t, got.N)
		require.Equal(t, []byte{0, 255, '\\'}, got.B)
		require.Equal(t, int64(-3), got.I)
		require.Equal(t, `{1.5,-2}`, string(got.R))
		require.InDelta(t, 0.1, *got.F, 0)
	}
	ask(ctx)
	ask(Often(ctx))
	ask(Often(ctx))
}
