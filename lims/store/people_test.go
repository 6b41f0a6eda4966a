package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// wang is somebody who can sign in.
func (l *lab) wang() lims.Actor {
	l.t.Helper()
	id := l.id(l.st.AddActor(l.ctx, l.root, store.NewActor{Login: " Wang ", Name: "王芳", Password: password, Lab: l.one, Roles: []lims.Role{lims.Checker}}))
	return lims.Actor{ID: id, Login: "wang"}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	w := l.wang()
	token, a, err := l.st.SignIn(l.ctx, "WANG ", password, "10.0.0.1")
	require.NoError(t, err)
	require.Equal(t, w.ID, a.ID)
	require.Equal(t, l.one, a.Lab)
	require.True(t, a.Has(lims.Checker))
	got, err := l.st.ActorBySession(l.ctx, token)
	require.NoError(t, err)
	require.Equal(t, w.ID, got.ID)
	require.NotContains(t, get[string](l, `SELECT string_agg(encode(hash, 'escape'), ' ') FROM sessions`), token, "only its hash is kept")
	for _, bad := range [][2]string{{"wang", "wrong password"}, {"nobody", password}, {"tech", password}, {"tech", ""}, {"", ""}} {
		_, _, err := l.st.SignIn(l.ctx, bad[0], bad[1], "10.0.0.2")
		refused(t, err, lims.Denied, "signin.wrong")
	}
	_, _, err = l.st.SignIn(l.ctx, "wa\x00ng", password, "10.0.0.2")
	refused(t, err, lims.Invalid, "input.malformed")
	l.clock.step(12 * time.Hour)
	_, err = l.st.ActorBySession(l.ctx, token)
	refused(t, err, lims.NotFound, "session.none")
	token, _, err = l.st.SignIn(l.ctx, "wang", password, "10.0.0.1")
	require.NoError(t, err)
	require.Equal(t, 1, get[int](l, `SELECT count(*) FROM sessions`), "old ones are swept")
	require.NoError(t, l.st.SignOut(l.ctx, token))
	_, err = l.st.ActorBySession(l.ctx, token)
	refused(t, err, lims.NotFound, "session.none")
}

// Guessing is slowed down by login and address: the true user elsewhere is not locked out.
func TestGuessingIsSlow(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.wang()
	for range 10 {
		_, _, err := l.st.SignIn(l.ctx, "wang", "wrong password", "10.0.0.66")
		refused(t, err, lims.Denied, "signin.wrong")
	}
	_, _, err := l.st.SignIn(l.ctx, "wang", password, "10.0.0.66")
	refused(t, err, lims.Busy, "signin.slow") // even with the right one
	_, _, err = l.st.SignIn(l.ctx, "wang", password, "10.0.0.1")
	require.NoError(t, err)
	l.clock.step(16 * time.Minute)
	_, _, err = l.st.SignIn(l.ctx, "wang", password, "10.0.0.66")
	require.NoError(t, err)
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	w := l.wang()
	for _, p := range []string{"short", "七个字不够长"} {
		refused(t, l.st.SetPassword(l.ctx, w, w.ID, p), lims.Invalid, "password.length")
	}
	_, err := l.st.AddActor(l.ctx, l.root, store.NewActor{Login: "x", Password: "short"})
	refused(t, err, lims.Invalid, "password.length")
	_, err = l.st.AddActor(l.ctx, l.root, store.NewActor{Login: "WANG", Name: "another", Roles: []lims.Role{lims.Checker}})
	refused(t, err, lims.Conflict, "taken")
	_, err = l.st.AddActor(l.ctx, l.tech, store.NewActor{Login: "y"})
	refused(t, err, lims.Denied, "role.needed")
	token, _, err := l.st.SignIn(l.ctx, "wang", password, "p")
	require.NoError(t, err)
	refused(t, l.st.SetPassword(l.ctx, l.tech, w.ID, "another password"), lims.Denied, "role.needed")
	require.NoError(t, l.st.SetPassword(l.ctx, w, w.ID, "another password"))
	_, err = l.st.ActorBySession(l.ctx, token)
	refused(t, err, lims.NotFound, "session.none")
	_, _, err = l.st.SignIn(l.ctx, "wang", password, "p")
	refused(t, err, lims.Denied, "signin.wrong")
	_, _, err = l.st.SignIn(l.ctx, "wang", "another password", "p")
	require.NoError(t, err)
	refused(t, l.st.SetPassword(l.ctx, l.root, 987654, "another password"), lims.NotFound, "not_found")
	hash := get[string](l, `SELECT password FROM actors WHERE id = $1`, w.ID)
	require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$`, hash)
}

func TestWhoIsKeptOutIsOutAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	w := l.wang()
	session, _, err := l.st.SignIn(l.ctx, "wang", password, "p")
	require.NoError(t, err)
	token, err := l.st.NewToken(l.ctx, l.root, w.ID, store.TokenGrant{Name: "t", Scopes: []string{"results:read"}})
	require.NoError(t, err)
	refused(t, l.st.SetActive(l.ctx, l.tech, w.ID, false), lims.Denied, "role.needed")
	require.NoError(t, l.st.SetActive(l.ctx, l.root, w.ID, false))
	_, err = l.st.ActorBySession(l.ctx, session)
	refused(t, err, lims.NotFound, "session.none")
	_, err = l.st.ActorByToken(l.ctx, token)
	refused(t, err, lims.NotFound, "session.none")
	_, _, err = l.st.SignIn(l.ctx, "wang", password, "p")
	refused(t, err, lims.Denied, "signin.wrong")
	require.NoError(t, l.st.SetActive(l.ctx, l.root, w.ID, true))
	_, err = l.st.ActorBySession(l.ctx, session)
	refused(t, err, lims.NotFound, "session.none")
}

func TestTokens(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, err := l.st.NewToken(l.ctx, l.tech, l.machine.ID, store.TokenGrant{Name: "t"})
	refused(t, err, lims.Denied, "role.needed")
	_, err = l.st.NewToken(l.ctx, l.root, 987654, store.TokenGrant{Name: "t", Scopes: []string{"orders:write"}})
	refused(t, err, lims.NotFound, "not_found")
	token, err := l.st.NewToken(l.ctx, l.root, l.machine.ID, store.TokenGrant{Name: "t", Scopes: []string{"orders:write", "results:read"}, Life: time.Hour})
	require.NoError(t, err)
	a, err := l.st.ActorByToken(l.ctx, token)
	require.NoError(t, err)
	require.Equal(t, l.machine.ID, a.ID)
	require.Equal(t, []string{"orders:write", "results:read"}, a.Scopes)
	_, err = l.st.ActorBySession(l.ctx, token)
	refused(t, err, lims.NotFound, "session.none") // a token is no session
	for _, bad := range []string{"", "x", token + "x", token[1:]} {
		_, err = l.st.ActorByToken(l.ctx, bad)
		refused(t, err, lims.NotFound, "session.none")
	}
	l.clock.step(time.Hour)
	_, err = l.st.ActorByToken(l.ctx, token)
	refused(t, err, lims.NotFound, "session.none")
	endless, err := l.st.NewToken(l.ctx, l.root, l.machine.ID, store.TokenGrant{Name: "e", Scopes: []string{"orders:write"}})
	require.NoError(t, err)
	l.clock.step(1000 * time.Hour)
	_, err = l.st.ActorByToken(l.ctx, endless)
	require.NoError(t, err)
	l.exec(`UPDATE tokens SET revoked_at = now()`)
	_, err = l.st.ActorByToken(l.ctx, endless)
	refused(t, err, lims.NotFound, "session.none")
}

func TestFirstAdmin(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, err := l.st.AddActor(l.ctx, lims.Actor{Roles: []lims.Role{lims.Admin}}, store.NewActor{Login: "nobody-admin", Name: "n", Roles: []lims.Role{lims.Admin}})
	require.NoError(t, err)
	password, err := l.st.FirstAdmin(l.ctx)
	require.NoError(t, err)
	require.NotEmpty(t, password, "people there are, but no administrator who can sign in")
	_, a, err := l.st.SignIn(l.ctx, "admin", password, "test")
	require.NoError(t, err)
	require.True(t, a.Has(lims.Admin))
	password, err = l.st.FirstAdmin(l.ctx)
	require.NoError(t, err)
	require.Empty(t, password, "now there is one")
}

// When a token was last used is kept to the minute, with at most one write a minute.
func TestTokenLastUsed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	token, err := l.st.NewToken(l.ctx, l.root, l.machine.ID, store.TokenGrant{Name: "his", Scopes: lims.Scopes[:1]})
	require.NoError(t, err)
	used := func() *time.Time {
		rows, err := l.st.Tokens(l.ctx)
		require.NoError(t, err)
		require.Len(t, rows, 1)
		return rows[0].UsedAt
	}
	require.Nil(t, used())
	first := l.clock.now()
	for range 3 {
		_, err := l.st.ActorByToken(l.ctx, token)
		require.NoError(t, err)
		l.clock.step(25 * time.Second)
	}
	require.True(t, first.Equal(*used()), "within the minute nothing is written")
	_, err = l.st.ActorByToken(l.ctx, token)
	require.NoError(t, err)
	require.True(t, l.clock.now().Equal(*used()))
}
