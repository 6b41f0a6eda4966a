package setup_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"natlims/lims"
	"natlims/lims/setup"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
)

func site(t *testing.T, text string) setup.Site {
	t.Helper()
	var in setup.Site
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(&in))
	return in
}

// The example that people begin with goes in whole; a second time everything is known and nothing is told again.
func TestExample(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	st, err := store.Open(ctx, pgtest.New(t), store.Options{Now: func() time.Time { return time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC) }})
	require.NoError(t, err)
	t.Cleanup(func() { st.Close() }) //nolint:errcheck
	by := lims.Actor{Login: "setup", Roles: []lims.Role{lims.Admin}}

	var first, second bytes.Buffer
	require.NoError(t, setup.Apply(ctx, st, by, site(t, setup.Example), &first))
	require.NotContains(t, first.String(), "known")
	require.Equal(t, 7, strings.Count(first.String(), "told once"), first.String()) // five passwords, a token, a webhook secret
	require.NoError(t, setup.Apply(ctx, st, by, site(t, setup.Example), &second))
	require.NotContains(t, second.String(), "added")
	require.NotContains(t, second.String(), "told once")

	_, token, _ := strings.Cut(first.String(), "his-fc1: token ")
	a, err := st.ActorByToken(ctx, strings.Fields(token)[0])
	require.NoError(t, err)
	require.Contains(t, a.Scopes, "orders:write")
}

// An entry that cannot be is named, with what stands before it on record.
func TestWrongEntry(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	st, err := store.Open(ctx, pgtest.New(t), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { st.Close() }) //nolint:errcheck
	by := lims.Actor{Login: "setup", Roles: []lims.Role{lims.Admin}}
	for _, c := range []struct{ text, want string }{
		{"labs: [{code: L1, zh: 一, en: one}]\npeople: [{login: li, name: 李, lab: L9, roles: [technician]}]", `lab "L9"`},
		{"kits: [{kit: no-such-kit}]", `kit "no-such-kit"`},
		{"policy: {name: p, source: s, from: 2021-01-01T00:00:00Z, limits: {everybody: {a: 1, b: 1}}}", `category "everybody"`},
		{"labs: [{code: L1}]\nlots: [{lab: L1, kit: sansure, number: '1', expires: soon}]", `expires "soon"`},
	} {
		var out bytes.Buffer
		require.ErrorContains(t, setup.Apply(ctx, st, by, site(t, c.text), &out), c.want)
	}
	labs, err := st.Labs(ctx)
	require.NoError(t, err)
	require.Len(t, labs, 1)
}
