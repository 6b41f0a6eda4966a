package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

func TestAuditIsAppendOnly(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, q := range []string{`UPDATE audit SET actor_id = 1`, `DELETE FROM audit`, `TRUNCATE audit`, `DELETE FROM messages`, `TRUNCATE messages CASCADE`} {
		_, err := l.st.DB().ExecContext(l.ctx, q)
		require.ErrorContains(t, err, "append only", q)
	}
}

// The audit names things by number: no name, document number, telephone, password or token is in it.
func TestAuditHoldsNoPerson(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.readTubes(2, func(c []string) cqs { return cqs{c[0]: {22.4, 21.9}} })
	l.signed(codes...)
	l.wang()
	token, _, err := l.st.SignIn(l.ctx, "wang", password, "10.0.0.1")
	require.NoError(t, err)
	text := get[string](l, `SELECT string_agg(a::text, ' ') FROM audit a`)
	for _, secret := range []string{"张伟", "11010519491231002X", "13800001234", "王芳", password, token} {
		require.NotContains(t, text, secret)
	}
	who := map[string]int64{"register": l.tech.ID, "receive": l.tech.ID, "check": l.checker.ID, "release": l.releaser.ID, "record": 0}
	for verb, id := range who {
		require.Equal(t, []int64{id}, all[int64](l, `SELECT DISTINCT actor_id FROM audit WHERE verb = $1`, verb), verb)
	}
}

// Nothing is half-done: when the audit row cannot be written, nothing has happened.
func TestNoAuditNoFact(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	codes := l.received(1, lims.Single)
	l.exec(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$`)
	l.exec(`CREATE TRIGGER full_disk BEFORE INSERT ON audit FOR EACH STATEMENT EXECUTE FUNCTION full_disk()`)
	_, err := l.lay(l.tech, codes...)
	refused(t, err, lims.Busy, "database.busy")
	_, err = l.st.Register(l.ctx, l.tech, l.dep, []store.NewOrder{l.order(lims.KeyPerson)})
	refused(t, err, lims.Busy, "database.busy")
	l.exec(`DROP TRIGGER full_disk ON audit`)
	require.Equal(t, "received", l.states(codes...))
	require.Zero(t, get[int](l, `SELECT count(*) FROM plates`))
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM orders`))
}

// What the driver says becomes a kind that a caller can act on, and never a text of the database.
func TestErrorsOfTheDatabase(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ctx, cancel := context.WithCancel(l.ctx)
	cancel()
	_, err := l.st.Register(ctx, l.tech, l.dep, []store.NewOrder{l.order(lims.KeyPerson)})
	require.ErrorIs(t, err, context.Canceled)
	broken, err := store.Open(l.ctx, l.dsn, store.Options{Now: l.clock.now})
	require.NoError(t, err)
	require.NoError(t, broken.Close())
	_, err = broken.Register(l.ctx, l.tech, l.dep, []store.NewOrder{l.order(lims.KeyPerson)})
	require.Equal(t, lims.Broken, lims.KindOf(err))
	_, err = store.Open(l.ctx, strings.Replace(l.dsn, "dbname='", "dbname='no_such_", 1), store.Options{})
	require.Error(t, err)
}

// A connection that the server ends is "try again", and the next call works.
func TestTheServerGoesAway(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	lone, err := store.Open(l.ctx, l.dsn, store.Options{Now: l.clock.now, Conns: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, lone.Close()) })
	require.NoError(t, lone.Ping(l.ctx))
	l.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	good := 0
	for range 20 {
		if _, err := lone.Register(l.ctx, l.tech, l.dep, []store.NewOrder{l.order(lims.KeyPerson)}); err != nil {
			require.Equal(t, lims.Busy, lims.KindOf(err), "%v", err)
		} else {
			good++
		}
	}
	require.GreaterOrEqual(t, good, 19)
}
