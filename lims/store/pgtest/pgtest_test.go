package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"natlims/lims/store/localdb"
)

func count(t *testing.T, dsn, query string) (n int) {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.QueryRow(query).Scan(&n))
	return n
}

const tables = `SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'`

func TestNewIsMigratedAndAlone(t *testing.T) {
	t.Parallel()
	a, b, empty := New(t), New(t), Empty(t)
	require.NotEqual(t, a, b)
	require.Greater(t, count(t, a, tables), 1)
	require.Zero(t, count(t, empty, tables))
	db, err := sql.Open("postgres", a)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.Exec(`CREATE TABLE only_in_a AS SELECT 1`)
	require.NoError(t, err)
	require.Zero(t, count(t, b, tables+` AND table_name = 'only_in_a'`))
	require.Equal(t, 1, count(t, a, tables+` AND table_name = 'only_in_a'`))
}

func TestDroppedWithTheTest(t *testing.T) {
	t.Parallel()
	var gone string
	var db *sql.DB
	t.Run("inner", func(t *testing.T) {
		gone = New(t)
		var err error
		db, err = sql.Open("postgres", gone) // left open on purpose
		require.NoError(t, err)
		require.NoError(t, db.Ping())
	})
	defer db.Close()
	require.Error(t, db.Ping(), "it was cut off")
	fresh, err := sql.Open("postgres", gone)
	require.NoError(t, err)
	defer fresh.Close()
	require.ErrorContains(t, fresh.Ping(), "does not exist")
}

func TestSlotIsHeldTidiedAndMended(t *testing.T) {
	t.Parallel()
	root, err := os.MkdirTemp("", "pgtest")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(root, 0o755)) // the user PostgreSQL runs as must pass
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(root)) })
	one := take(t, root)
	two := take(t, root)
	require.NotEqual(t, one.dsn(""), two.dsn(""))
	_, err = one.admin.Exec(`CREATE DATABASE test_77`)
	require.NoError(t, err)
	_, err = one.admin.Exec(`CREATE DATABASE schema_half`)
	require.NoError(t, err)
	_, err = one.admin.Exec(`CREATE DATABASE schema_of_old_migrations`)
	require.NoError(t, err)
	leave(t, one)

	one = take(t, root)
	require.Equal(t, 1, count(t, one.dsn("pgtest"), `SELECT count(*) FROM pg_database WHERE datname ~ '^(test_|schema_)'`))
	leave(t, one)

	require.NoError(t, os.WriteFile(filepath.Join(root, "0", "data", "PG_VERSION"), []byte("12\n"), 0o600))
	one = take(t, root)
	leave(t, one)
	leave(t, two)
}

func take(t *testing.T, root string) *server {
	t.Helper()
	s, err := open(t.Context(), root)
	require.NoError(t, err)
	return s
}

func leave(t *testing.T, s *server) {
	t.Helper()
	require.NoError(t, errors.Join(s.admin.Close(), s.cluster.Stop(context.Background())))
}

func TestNoServerProgramsFailsAndDoesNotSkip(t *testing.T) {
	t.Setenv("LIMS_PG_BIN", t.TempDir())
	_, err := open(t.Context(), t.TempDir())
	require.ErrorIs(t, err, localdb.ErrNoBinaries)
}

func TestTemplateNameFollowsTheFiles(t *testing.T) {
	t.Parallel()
	name := func(m fstest.MapFS) string {
		s, err := templateName(m)
		require.NoError(t, err)
		return s
	}
	a := name(fstest.MapFS{"1.sql": {Data: []byte("x")}})
	require.Regexp(t, `^schema_[0-9a-f]{16}$`, a)
	require.Equal(t, a, name(fstest.MapFS{"1.sql": {Data: []byte("x")}}))
	require.NotEqual(t, a, name(fstest.MapFS{"1.sql": {Data: []byte("y")}}))
	require.NotEqual(t, a, name(fstest.MapFS{"2.sql": {Data: []byte("x")}}))
}

// Not parallel, so the tests that share the server wait for it.
func TestStopAndStartAgain(t *testing.T) {
	t.Run("first", func(t *testing.T) { require.Greater(t, count(t, New(t), tables), 1) })
	require.NoError(t, Stop())
	require.NoError(t, Stop(), "nothing to stop")
	require.Greater(t, count(t, New(t), tables), 1)
}

func BenchmarkNew(b *testing.B) {
	s := shared(b)
	for b.Loop() {
		name := fmt.Sprintf("test_%d", s.made.Add(1))
		_, err := s.admin.Exec(`CREATE DATABASE ` + name + ` TEMPLATE ` + s.template)
		require.NoError(b, err)
		_, err = s.admin.Exec(`DROP DATABASE ` + name + ` WITH (FORCE)`)
		require.NoError(b, err)
	}
}
