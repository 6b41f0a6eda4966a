package store_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/store"
)

// trail is what the audit says of an entity, oldest first.
func (l *lab) trail(entity string, key int64) (out []string) {
	l.t.Helper()
	require.NoError(l.t, l.st.DB().SelectContext(l.ctx, &out, `SELECT verb || ' ' || changes::text FROM audit WHERE entity = $1 AND key = $2 ORDER BY id`, entity, key))
	return out
}

func TestSettingsLab(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	now := store.Lab{ID: l.one, Name: store.Name{Zh: "一", En: "one"}, Zone: "Asia/Shanghai", Capacity: 20_000}
	require.NoError(t, l.st.UpdateLab(l.ctx, l.root, now))
	require.Equal(t, []string{"add {}"}, l.trail("lab", l.one), "what was not changed leaves nothing")
	now.Capacity, now.Zone, now.Open24h = 22_000, "Asia/Urumqi", true
	require.NoError(t, l.st.UpdateLab(l.ctx, l.root, now))
	require.Equal(t, `change {"zone": ["Asia/Shanghai", "Asia/Urumqi"], "capacity": [20000, 22000], "open_24h": [false, true]}`, l.trail("lab", l.one)[1])
	labs, err := l.st.Labs(l.ctx)
	require.NoError(t, err)
	require.Equal(t, 22_000, labs[0].Capacity)
	require.Equal(t, "L1", labs[0].Code)

	now.Zone = "Asia/Nowhere"
	require.ErrorIs(t, l.st.UpdateLab(l.ctx, l.root, now), lims.Invalid)
	now.Zone, now.Capacity = "Asia/Shanghai", -1
	require.ErrorIs(t, l.st.UpdateLab(l.ctx, l.root, now), lims.Invalid)
	now.Capacity, now.ID = 1, 99
	require.ErrorIs(t, l.st.UpdateLab(l.ctx, l.root, now), lims.NotFound)
	require.ErrorIs(t, l.st.UpdateLab(l.ctx, l.chief, now), lims.Denied, "a supervisor is no administrator")
	_, err = l.st.AddLab(l.ctx, l.root, store.Lab{Code: "L9", Zone: "nowhere"})
	require.ErrorIs(t, err, lims.Invalid)
}

func TestSettingsDepartment(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := store.Department{ID: l.dep, Name: store.Name{Zh: "甲", En: "first"}, Kind: "hospital", AreaCode: "510900"}
	require.NoError(t, l.st.UpdateDepartment(l.ctx, l.root, d))
	require.Equal(t, `change {"kind": ["community", "hospital"], "area_code": ["", "510900"]}`, l.trail("department", l.dep)[1])
	d.Kind = "zoo"
	require.ErrorIs(t, l.st.UpdateDepartment(l.ctx, l.root, d), lims.Invalid)
	_, err := l.st.AddDepartment(l.ctx, l.root, store.Department{Code: "D9", Kind: "zoo"})
	require.ErrorIs(t, err, lims.Invalid)
}

// TestSettingsInstrument changes a line: the row, the audit, and the wake-up of whoever keeps the lines open.
func TestSettingsInstrument(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	woken := make(chan struct{}, 100)
	ready := make(chan struct{}, 1)
	go l.st.Listen(t.Context(), func() { woken <- struct{}{} }, store.NotifyLines) //nolint:errcheck // ends with the test
	go func() {                                                                    // the listener is up when a nudge of our own has come back
		for t.Context().Err() == nil {
			l.st.Wake(t.Context(), store.NotifyLines) //nolint:errcheck
			select {
			case <-woken:
				ready <- struct{}{}
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	<-ready
	drain := func() {
		for len(woken) > 0 {
			<-woken
		}
	}
	drain()
	i, err := l.st.InstrumentByID(l.ctx, l.inst)
	require.NoError(t, err)
	require.NoError(t, l.st.UpdateInstrument(l.ctx, l.root, i))
	require.Equal(t, []string{"add {}"}, l.trail("instrument", l.inst))
	i.Line, i.Protocol, i.Address, i.Settings = "tcp-listen", "hl7", ":4001", json.RawMessage(`{"idle": "10m"}`)
	require.NoError(t, l.st.UpdateInstrument(l.ctx, l.root, i))
	<-woken
	require.Contains(t, l.trail("instrument", l.inst)[1], `"line": ["folder", "tcp-listen"]`)
	require.NoError(t, l.st.ActivateInstrument(l.ctx, l.root, l.inst, false))
	<-woken
	require.Equal(t, `change {"active": [true, false]}`, l.trail("instrument", l.inst)[2])
	got, err := l.st.InstrumentByID(l.ctx, l.inst)
	require.NoError(t, err)
	require.False(t, got.Active)
	require.Equal(t, ":4001", got.Address)
	drain()
	_, err = l.st.AddInstrument(l.ctx, l.root, store.Instrument{Lab: l.one, Code: "NEW", Model: "x", Line: "folder", Protocol: "file", Address: "/in"})
	require.NoError(t, err)
	<-woken

	for name, bad := range map[string]func(*store.Instrument){
		"line":     func(i *store.Instrument) { i.Line = "pigeon" },
		"protocol": func(i *store.Instrument) { i.Protocol = "morse" },
		"settings": func(i *store.Instrument) { i.Settings = json.RawMessage(`[1]`) },
		"null":     func(i *store.Instrument) { i.Settings = json.RawMessage(`null`) },
	} {
		wrong := i
		bad(&wrong)
		require.ErrorIs(t, l.st.UpdateInstrument(l.ctx, l.root, wrong), lims.Invalid, name)
		wrong.Code = "Z-" + name
		_, err := l.st.AddInstrument(l.ctx, l.root, wrong)
		require.ErrorIs(t, err, lims.Invalid, name)
	}
	require.ErrorIs(t, l.st.ActivateInstrument(l.ctx, l.root, 99, true), lims.NotFound)
	require.ErrorIs(t, l.st.ActivateInstrument(l.ctx, l.chief, l.inst, true), lims.Denied)
}

// TestSettingsDestination: neither the list nor the audit tells a secret or an address.
func TestSettingsDestination(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	id, err := l.st.AddDestination(l.ctx, l.root, store.Destination{Department: l.dep, Name: "share", Line: "department", Format: "pdf", Channel: "folder", Address: "d1"})
	require.NoError(t, err, "a folder needs no secret")
	d, err := l.st.DestinationByID(l.ctx, id)
	require.NoError(t, err)
	require.Empty(t, d.Mark)
	d.Channel, d.Address, d.Options = "webhook", "https://his.example.org/?token=hush", map[string]string{"names": "full"}
	require.NoError(t, l.st.UpdateDestination(l.ctx, l.root, d.Destination))
	secret, err := l.st.NewSecret(l.ctx, l.root, id, "")
	require.NoError(t, err)
	require.Greater(t, len(secret), 30)
	_, err = l.st.NewSecret(l.ctx, l.root, id, "")
	require.ErrorIs(t, err, lims.Conflict, "the same page sent twice")
	rows, err := l.st.Destinations(l.ctx)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, store.SecretMark([]byte(secret)), rows[1].Mark)
	require.Equal(t, map[string]string{"names": "full"}, rows[1].Options)
	for _, r := range rows {
		require.Empty(t, r.Secret)
	}
	kept, err := l.st.DestinationSecret(l.ctx, l.root, id)
	require.NoError(t, err)
	require.Equal(t, secret, string(kept))
	_, err = l.st.DestinationSecret(l.ctx, l.chief, id)
	require.ErrorIs(t, err, lims.Denied)
	require.NoError(t, l.st.ActivateDestination(l.ctx, l.root, id, false))
	all := strings.Join(l.trail("destination", id), "\n")
	require.Contains(t, all, `"address": "changed"`)
	require.Contains(t, all, `"active": [true, false]`)
	require.NotContains(t, all, "hush")
	require.NotContains(t, all, secret)
	d.Line = "aunt"
	require.ErrorIs(t, l.st.UpdateDestination(l.ctx, l.root, d.Destination), lims.Invalid)
}

func TestSettingsPolicy(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := store.PolicyVersion{Name: "2026-4", Source: "order 12", From: l.clock.now().Add(24 * time.Hour), Limits: map[lims.Category]lims.Limit{},
		Modes: map[lims.Category][]lims.Mode{lims.Screening: {lims.Mixed20}}}
	for _, c := range store.Categories {
		p.Limits[c] = lims.Limit{A: 600, B: 300}
	}
	id, err := l.st.IssuePolicy(l.ctx, l.root, p)
	require.NoError(t, err)
	all, err := l.st.Policies(l.ctx)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, id, all[0].ID)
	require.Equal(t, p.Limits, all[0].Limits)
	require.Equal(t, p.Modes, all[0].Modes)
	require.Equal(t, "test", all[1].Name)

	limits := func(client string) (got struct{ A, B int }) {
		t.Helper()
		_, err := l.st.Register(l.ctx, l.desk, l.dep, []store.NewOrder{{ClientID: client, Category: lims.Screening, Subject: lims.Subject{Kind: lims.Surface, Name: "门把手"}}})
		require.NoError(t, err)
		require.NoError(t, l.st.DB().GetContext(l.ctx, &got, `SELECT limit_a AS a, limit_b AS b FROM orders WHERE client_id = $1`, client))
		return got
	}
	require.Equal(t, struct{ A, B int }{720, 360}, limits("before"))
	l.clock.step(25 * time.Hour)
	require.Equal(t, struct{ A, B int }{600, 300}, limits("after"))
	require.Equal(t, 720, get[int](l, `SELECT limit_a FROM orders WHERE client_id = 'before'`), "an order keeps its version")

	for name, bad := range map[string]func(*store.PolicyVersion){
		"past":     func(p *store.PolicyVersion) { p.From = l.clock.now().Add(-time.Hour) },
		"source":   func(p *store.PolicyVersion) { p.Source = " " },
		"category": func(p *store.PolicyVersion) { p.Limits = map[lims.Category]lims.Limit{lims.Screening: {A: 1, B: 1}} },
		"order":    func(p *store.PolicyVersion) { p.Limits = changed(p.Limits, lims.Limit{A: 100, B: 200}) },
		"long":     func(p *store.PolicyVersion) { p.Limits = changed(p.Limits, lims.Limit{A: 1 << 20, B: 200}) },
		"mode":     func(p *store.PolicyVersion) { p.Modes = map[lims.Category][]lims.Mode{lims.Screening: {"bucket"}} },
	} {
		wrong := p
		wrong.From = time.Time{}
		bad(&wrong)
		_, err := l.st.IssuePolicy(l.ctx, l.root, wrong)
		require.ErrorIs(t, err, lims.Invalid, name)
	}
	_, err = l.st.IssuePolicy(l.ctx, l.chief, store.PolicyVersion{Name: "x", Source: "x", Limits: p.Limits})
	require.ErrorIs(t, err, lims.Denied)
}

func changed(m map[lims.Category]lims.Limit, l lims.Limit) map[lims.Category]lims.Limit {
	out := map[lims.Category]lims.Limit{}
	for c, v := range m {
		out[c] = v
	}
	out[lims.Voluntary] = l
	return out
}

func TestSettingsTokens(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	token, err := l.st.NewToken(l.ctx, l.root, l.machine.ID, store.TokenGrant{Name: "gate", Scopes: []string{lims.MessagesWrite}, Life: time.Hour})
	require.NoError(t, err)
	a, err := l.st.ActorByToken(l.ctx, token)
	require.NoError(t, err)
	require.Equal(t, l.machine.ID, a.ID)
	rows, err := l.st.Tokens(l.ctx)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, "machine", rows[0].Login)
	require.NoError(t, l.st.RevokeToken(l.ctx, l.root, rows[0].ID))
	require.NoError(t, l.st.RevokeToken(l.ctx, l.root, rows[0].ID))
	_, err = l.st.ActorByToken(l.ctx, token)
	require.ErrorIs(t, err, lims.NotFound)
	trail := l.trail("token", rows[0].ID)
	require.Len(t, trail, 2, "revoking twice is once: %s", trail)
	require.NotContains(t, strings.Join(trail, ""), token)
	require.ErrorIs(t, l.st.RevokeToken(l.ctx, l.root, 99), lims.NotFound)
	_, err = l.st.NewToken(l.ctx, l.root, l.machine.ID, store.TokenGrant{Name: "x", Scopes: []string{"world:domination"}})
	require.ErrorIs(t, err, lims.Invalid)
	_, err = l.st.NewToken(l.ctx, l.root, 99, store.TokenGrant{Name: "x", Scopes: []string{lims.ResultsRead}})
	require.ErrorIs(t, err, lims.NotFound)
	_, err = l.st.NewToken(l.ctx, l.root, l.machine.ID, store.TokenGrant{Name: "x"})
	require.ErrorIs(t, err, lims.Invalid)

	rowsTrail, err := l.st.SettingsTrail(l.ctx, 3)
	require.NoError(t, err)
	require.Equal(t, "change", rowsTrail[0].Verb)
	require.Equal(t, "token", rowsTrail[0].Entity)
}

// TestSettingsClaim: a sender that is busy with nothing gets what is due.
func TestSettingsClaim(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.exec(`INSERT INTO deliveries (id, destination_id, department_id, lab_id, results, queued_at, next_at)
		VALUES (gen_random_uuid(), $1, $2, $3, 1, $4, $4)`, l.dest, l.dep, l.one, l.clock.now())
	got, err := l.st.ClaimDeliveries(l.ctx, store.Claim{Most: 5, Each: 5, Lease: time.Minute})
	require.NoError(t, err)
	require.Len(t, got, 1)
}
