package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/sim"
	domain "natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
	"natlims/reports/send/receiver"
)

// taken is an address that somebody listens on.
func taken(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() }) //nolint:errcheck
	return l.Addr().String()
}

const (
	password = "correct horse battery"
	secret   = "that of the webhook, long enough"
)

// city is a laboratory with one department, served by the real program. The test plays the people at the bench through the store, the
// department and the courier through the API, the supervisor through the pages, and the cycler through its folder.
type city struct {
	t                             *testing.T
	ctx                           context.Context
	st                            *store.Store
	lab, dep, inst                int64
	tech, checker, releaser, boss domain.Actor
	kit                           string
	drops, slow                   string // folders of the cyclers; the slow one is looked at once in two seconds
	desk                          *receiver.Receiver
	ledger                        string
	base, token                   string
}

func newCity(t *testing.T) *city {
	t.Helper()
	c := &city{t: t, ctx: bounded(t), drops: t.TempDir(), slow: t.TempDir(), ledger: filepath.Join(t.TempDir(), "ledger.jsonl")}
	dsn := pgtest.New(t)
	st, err := store.Open(c.ctx, dsn, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { st.Close() }) //nolint:errcheck
	c.st = st
	c.desk, err = receiver.Open(receiver.Config{Secret: []byte(secret), Ledger: c.ledger, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { c.desk.Close() }) //nolint:errcheck
	hook := httptest.NewServer(c.desk)
	t.Cleanup(hook.Close)
	c.found(hook.URL)
	_, c.base = serve(t, "--dsn", dsn, "--private", "127.0.0.0/8")
	return c
}

func (c *city) id(id int64, err error) int64 {
	c.t.Helper()
	require.NoError(c.t, err)
	return id
}

func (c *city) found(hook string) {
	root := domain.Actor{Roles: []domain.Role{domain.Admin, domain.Supervisor}}
	c.lab = c.id(c.st.AddLab(c.ctx, root, store.Lab{Code: "L1", Name: store.Name{Zh: "一", En: "one"}}))
	c.dep = c.id(c.st.AddDepartment(c.ctx, root, store.Department{Code: "D1", Name: store.Name{Zh: "甲", En: "first"}, Kind: "fever_clinic"}))
	c.id(c.st.AddDestination(c.ctx, root, store.Destination{Department: c.dep, Name: "his", Line: "department", Format: "json", Channel: "webhook", Address: hook, Secret: []byte(secret)}))
	limits := map[domain.Category]domain.Limit{domain.FeverClinic: {A: 720, B: 360}}
	c.id(c.st.AddPolicy(c.ctx, root, "p", "test", c.st.Now().Add(-time.Hour), domain.Policy{Limits: limits}))
	person := func(login string, role domain.Role) domain.Actor {
		id := c.id(c.st.AddActor(c.ctx, root, store.NewActor{Login: login, Name: login, Password: password, Lab: c.lab, Roles: []domain.Role{role}}))
		return domain.Actor{ID: id, Lab: c.lab, Roles: []domain.Role{role}}
	}
	c.tech, c.checker, c.releaser, c.boss = person("tech", domain.Technician), person("checker", domain.Checker), person("releaser", domain.Releaser), person("boss", domain.Supervisor)
	body, err := pcr.KitFile("daan")
	require.NoError(c.t, err)
	k, err := c.st.AddKit(c.ctx, root, body)
	require.NoError(c.t, err)
	c.kit = k.Key()
	require.NoError(c.t, c.st.ApproveKit(c.ctx, c.boss, c.kit, strings.Repeat("ab", 32)))
	c.id(c.st.AddLot(c.ctx, root, c.lab, c.kit, "LOT1", c.st.Now().AddDate(1, 0, 0)))
	c.inst = c.id(c.st.AddInstrument(c.ctx, root, store.Instrument{Lab: c.lab, Code: "QS5", Model: "QuantStudio 5", Line: "folder", Protocol: "file", Address: c.drops, Settings: json.RawMessage(`{"every":"20ms"}`)}))
	c.id(c.st.AddInstrument(c.ctx, root, store.Instrument{Lab: c.lab, Code: "QS6", Model: "QuantStudio 5", Line: "folder", Protocol: "file", Address: c.slow, Settings: json.RawMessage(`{"every":"2s"}`)}))
	clerk := c.id(c.st.AddActor(c.ctx, root, store.NewActor{Login: "his", Name: "his", Roles: []domain.Role{domain.Machine, domain.Technician}}))
	c.token, err = c.st.NewToken(c.ctx, root, clerk, store.TokenGrant{Name: "t", Scopes: domain.Scopes})
	require.NoError(c.t, err)
}

// call asks the API and wants a 2xx.
func (c *city) call(path string, body any) map[string]any {
	c.t.Helper()
	b, err := json.Marshal(body)
	require.NoError(c.t, err)
	r, err := http.NewRequestWithContext(c.ctx, http.MethodPost, c.base+"/api/v1"+path, bytes.NewReader(b))
	require.NoError(c.t, err)
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	require.NoError(c.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(c.t, err)
	require.Less(c.t, res.StatusCode, 300, "%s %s", path, raw)
	var out map[string]any
	if len(raw) > 0 {
		require.NoError(c.t, json.Unmarshal(raw, &out))
	}
	return out
}

type obj = map[string]any

// box has n tubes collected and sent, through the API.
func (c *city) box(code string, n int) (tubes []string) {
	c.t.Helper()
	var orders, filled []obj
	for i := range n {
		id := fmt.Sprintf("%s-%02d", code, i)
		tubes = append(tubes, "S"+id)
		orders = append(orders, obj{"client_id": id, "category": "fever_clinic", "subject": obj{"kind": "person", "name": "张伟"}})
		filled = append(filled, obj{"barcode": "S" + id, "mode": "single", "client_ids": []string{id}})
	}
	c.call("/orders", obj{"department": c.dep, "orders": orders})
	c.call("/tubes", obj{"department": c.dep, "tubes": filled})
	c.call("/boxes", obj{"department": c.dep, "code": code, "lab": c.lab, "barcodes": tubes})
	return tubes
}

// scan receives tubes and gives the outcomes.
func (c *city) scan(box string, tubes ...string) (outcomes []string) {
	c.t.Helper()
	for _, s := range c.call("/boxes/"+box+"/scans", obj{"barcodes": tubes})["tubes"].([]any) {
		outcomes = append(outcomes, s.(obj)["outcome"].(string))
	}
	return outcomes
}

// running puts tubes on a plate and the plate on the cycler.
func (c *city) running(tubes []string) store.Plate {
	c.t.Helper()
	p, err := c.st.Lay(c.ctx, c.tech, store.NewPlate{Lab: c.lab, Wells: 96, Kit: c.kit, Lot: "LOT1", Codes: tubes})
	require.NoError(c.t, err)
	require.NoError(c.t, c.st.Seal(c.ctx, c.tech, p.ID))
	require.NoError(c.t, c.st.Start(c.ctx, c.tech, p.ID, c.inst))
	return p
}

// file is what the cycler exports of a plate. It writes called on the label; positive are the tubes with virus in them.
func (c *city) file(p store.Plate, called string, control bool, positive ...string) sim.Message {
	c.t.Helper()
	l, err := c.st.Layout(c.ctx, p.ID)
	require.NoError(c.t, err)
	l.Code = called
	at := map[string]int{}
	role := map[string]plate.Role{}
	for i, w := range l.Wells {
		at[w.Code], role[w.Code] = i, w.Role
	}
	m, err := sim.Find("quantstudio")
	require.NoError(c.t, err)
	out, err := m.Messages(sim.Plate{Layout: l, Serial: "QS5", Ended: time.Now(), Seed: uint64(p.ID),
		Targets: []sim.Target{{Name: "ORF1ab", Dye: "VIC"}, {Name: "N", Dye: "FAM"}, {Name: "IC", Dye: "CY5"}},
		Truth: func(code, target string) (float64, bool) {
			shift := float64(at[code]) / 50 // no two wells are alike
			switch {
			case target == "IC":
				return 25 + shift, role[code] != plate.Positive && role[code] != plate.NoTemplate
			case role[code] == plate.Positive:
				return 27 + shift, control
			case role[code] == plate.Weak:
				return 32 + shift, true
			}
			return 23 + shift, slices.Contains(positive, code)
		}})
	require.NoError(c.t, err)
	require.Len(c.t, out, 1)
	return out[0]
}

func (c *city) drop(dir, name string, b []byte) {
	c.t.Helper()
	require.NoError(c.t, os.WriteFile(filepath.Join(dir, name+".part"), b, 0o644))
	require.NoError(c.t, os.Rename(filepath.Join(dir, name+".part"), filepath.Join(dir, name)))
}

func (c *city) count(query string, args ...any) (n int) {
	c.t.Helper()
	require.NoError(c.t, c.st.DB().GetContext(c.ctx, &n, query, args...))
	return n
}

// plateIs waits until a plate has come into a state.
func (c *city) plateIs(p store.Plate, want domain.State) {
	c.t.Helper()
	until(c.t, fmt.Sprintf("plate %s %s", p.Code, want), func() bool {
		now, err := c.st.PlateByID(c.ctx, p.ID)
		return err == nil && now.State == want
	})
}

// sign has two people sign everything that waits.
func (c *city) sign() {
	c.t.Helper()
	for _, s := range []struct {
		do     func(context.Context, domain.Actor, []int64) error
		who    domain.Actor
		states []domain.State
	}{{c.st.Check, c.checker, []domain.State{domain.Called, domain.Held}}, {c.st.Release, c.releaser, []domain.State{domain.Checked}}} {
		ids, err := c.st.ToSign(c.ctx, c.lab, 1000, s.states...)
		require.NoError(c.t, err)
		require.NotEmpty(c.t, ids)
		require.NoError(c.t, s.do(c.ctx, s.who, ids))
	}
}

// got is what the department has in its ledger: its newest call by order; an order that came twice fails the test.
func (c *city) got() map[string]string {
	c.t.Helper()
	f, err := os.Open(c.ledger)
	require.NoError(c.t, err)
	defer f.Close()
	calls := map[string]string{}
	seen := map[string]bool{}
	for d := json.NewDecoder(f); d.More(); {
		var l receiver.Line
		if d.Decode(&l) != nil { // a line that is being written
			break
		}
		key := fmt.Sprint(l.Order, " ", l.Version)
		require.False(c.t, seen[key], "%s came twice", key)
		seen[key] = true
		calls[l.Order] = l.Call
	}
	return calls
}

// delivered waits until the department has so many orders, all of them confirmed.
func (c *city) delivered(n int) map[string]string {
	c.t.Helper()
	until(c.t, fmt.Sprintf("%d orders at the department", n), func() bool {
		return c.count(`SELECT count(*) FROM orders WHERE state = 'final'`) == n && c.count(`SELECT count(*) FROM deliveries WHERE state <> 'acknowledged'`) == 0
	})
	got := c.got()
	require.Len(c.t, got, n)
	return got
}

// A box with an unknown tube, one scanned twice, one missing and one too many; each is told and none is lost.
func TestBoxThatDoesNotAgree(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	a, b := c.box("BXA", 4), c.box("BXB", 2)
	require.Equal(t, []string{"received", "unknown", "twice", "extra", "received"}, c.scan("BXA", a[0], "ZZ000001", a[0], b[0], a[1]))
	require.Equal(t, []any{a[2], a[3]}, c.call("/boxes/BXA/close", nil)["missing"])
	require.Equal(t, []string{"twice", "received", "extra", "extra"}, c.scan("BXB", b[0], b[1], a[2], a[3]), "the missing ones came with the next box")
	c.call("/boxes/BXB/close", nil)
	require.Equal(t, 6, c.count(`SELECT count(*) FROM samples WHERE state = 'received'`))
	require.Equal(t, 6, c.count(`SELECT count(*) FROM exceptions`))
	p := c.running(append(a, b...))
	c.drop(c.drops, "run.txt", c.file(p, p.Code, true, a[3]).Bytes)
	c.plateIs(p, domain.Accepted)
	c.sign()
	got := c.delivered(6)
	require.Equal(t, "positive", got["BXA-03"])
	require.Equal(t, "negative", got["BXB-00"])
}

// The department is down when its results are released: they wait, and come when it is back. Nothing comes twice, though it once
// kept a report and did not say so.
func TestWebhookThatIsDown(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	tubes := c.box("BX1", 3)
	c.scan("BX1", tubes...)
	p := c.running(tubes)
	c.desk.Set(receiver.Trouble{Status: http.StatusServiceUnavailable})
	c.drop(c.drops, "run.txt", c.file(p, p.Code, true, tubes[1]).Bytes)
	c.plateIs(p, domain.Accepted)
	c.sign()
	until(t, "a second try", func() bool { return c.count(`SELECT max(tries) FROM deliveries`) >= 2 })
	require.Empty(t, c.got())
	require.Zero(t, c.count(`SELECT count(*) FROM deliveries WHERE delivered_at IS NOT NULL`))
	c.desk.Set(receiver.Trouble{Forget: true, Requests: 1})
	got := c.delivered(3)
	require.Equal(t, map[string]string{"BX1-00": "negative", "BX1-01": "positive", "BX1-02": "negative"}, got)
	require.Equal(t, 1, c.desk.Counts().Repeats, "it was sent again under the same number")
}

// The same file twice, under two names; and a file that grows while the folder is looked at.
func TestFilesAsTheyCome(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	tubes := c.box("BX1", 6)
	c.scan("BX1", tubes...)
	p, q := c.running(tubes[:3]), c.running(tubes[3:])
	f := c.file(p, p.Code, true)
	c.drop(c.drops, "run.txt", f.Bytes)
	c.plateIs(p, domain.Accepted)
	c.drop(c.drops, "run (copy).txt", f.Bytes)
	until(t, "the copy has arrived", func() bool { return c.count(`SELECT count(*) FROM arrivals`) == 2 })
	require.Equal(t, 1, c.count(`SELECT count(*) FROM messages`), "and is not judged twice")
	require.Equal(t, 1, c.count(`SELECT count(*) FROM runs`))

	g := c.file(q, q.Code, true)
	out, err := os.Create(filepath.Join(c.slow, "growing.txt"))
	require.NoError(t, err)
	defer out.Close()
	tick := time.NewTicker(10 * time.Millisecond) // for longer than two looks at the folder
	defer tick.Stop()
	const pieces = 450
	for i := range pieces {
		_, err := out.Write(g.Bytes[len(g.Bytes)*i/pieces : len(g.Bytes)*(i+1)/pieces])
		require.NoError(t, err)
		<-tick.C
	}
	c.plateIs(q, domain.Accepted)
	require.Equal(t, 2, c.count(`SELECT count(*) FROM messages`), "nothing was taken while it grew")
	require.Zero(t, c.count(`SELECT count(*) FROM messages WHERE state <> 'recorded'`))
	c.sign()
	c.delivered(6)
}

// A file that names a plate that is not there is parked, shown, and bound by a supervisor on the page; that is on record.
func TestFileOfAnUnknownPlate(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	tubes := c.box("BX1", 2)
	c.scan("BX1", tubes...)
	p := c.running(tubes)
	c.drop(c.drops, "run.txt", c.file(p, "P-999999", true).Bytes)
	var id int
	until(t, "the message is parked", func() bool {
		return c.st.DB().GetContext(c.ctx, &id, `SELECT id FROM messages WHERE state = 'parked' AND code = 'plate.unknown'`) == nil
	})
	require.Zero(t, c.count(`SELECT count(*) FROM results`), "nothing is guessed")

	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	boss := &http.Client{Jar: jar}
	post := func(path string, form url.Values) string {
		t.Helper()
		r, err := boss.PostForm(c.base+path, form)
		require.NoError(t, err)
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, 200, r.StatusCode, "%s", b)
		return string(b)
	}
	require.Contains(t, post("/signin", url.Values{"login": {"boss"}, "password": {password}}), `action="/signout"`)
	r, err := boss.Get(c.base + "/messages")
	require.NoError(t, err)
	b, err := io.ReadAll(r.Body)
	r.Body.Close()
	require.NoError(t, err)
	require.Contains(t, string(b), fmt.Sprintf("/messages/%d", id), "the page shows it")
	post(fmt.Sprintf("/messages/%d/bind", id), url.Values{"plate": {p.Code}})
	c.plateIs(p, domain.Accepted)
	require.Equal(t, 1, c.count(`SELECT count(*) FROM audit WHERE verb = 'bind' AND entity = 'message' AND key = $1 AND actor_id = $2`, id, c.boss.ID))
	c.sign()
	c.delivered(2)
}

// A run whose positive control fails releases nothing; its tubes are tested again and everything comes right.
func TestControlThatFails(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	tubes := c.box("BX1", 3)
	c.scan("BX1", tubes...)
	p := c.running(tubes)
	c.drop(c.drops, "first.txt", c.file(p, p.Code, false, tubes[0]).Bytes)
	c.plateIs(p, domain.Void)
	require.Zero(t, c.count(`SELECT count(*) FROM results`))
	require.Equal(t, 1, c.count(`SELECT count(*) FROM alerts WHERE kind = 'control_failed'`))
	require.Equal(t, 3, c.count(`SELECT count(*) FROM samples WHERE state = 'received'`))
	q := c.running(tubes)
	c.drop(c.drops, "second.txt", c.file(q, q.Code, true, tubes[0]).Bytes)
	c.plateIs(q, domain.Accepted)
	require.Equal(t, 1, c.count(`SELECT count(*) FROM alerts WHERE kind = 'preliminary_positive'`), "before anybody signs")
	c.sign()
	require.Equal(t, "positive", c.delivered(3)["BX1-00"])
}

// kill -9 of a server between the file and the signature, and again between the signature and the delivery.
func TestServerThatIsKilled(t *testing.T) {
	t.Parallel()
	c := &city{t: t, ctx: bounded(t), drops: t.TempDir(), slow: t.TempDir(), ledger: filepath.Join(t.TempDir(), "ledger.jsonl")}
	dsn := pgtest.New(t)
	st, err := store.Open(c.ctx, dsn, store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { st.Close() }) //nolint:errcheck
	c.st = st
	c.desk, err = receiver.Open(receiver.Config{Secret: []byte(secret), Ledger: c.ledger, Now: time.Now})
	require.NoError(t, err)
	t.Cleanup(func() { c.desk.Close() }) //nolint:errcheck
	hook := httptest.NewServer(c.desk)
	t.Cleanup(hook.Close)
	c.found(hook.URL)
	life, base := serve(t, "--dsn", dsn, "--private", "127.0.0.0/8")
	c.base = base
	tubes := c.box("BX1", 4)
	c.scan("BX1", tubes...)
	p := c.running(tubes)
	f := c.file(p, p.Code, true, tubes[2])
	c.drop(c.drops, "run.txt", f.Bytes)
	life.kill() // whether the file was taken or not
	life, _ = serve(t, "--dsn", dsn, "--private", "127.0.0.0/8")
	c.plateIs(p, domain.Accepted)
	require.Equal(t, 1, c.count(`SELECT count(*) FROM messages`))
	c.desk.Set(receiver.Trouble{Delay: time.Minute}) // it holds the line when the server dies
	c.sign()
	until(t, "the delivery is on its way", func() bool { return c.count(`SELECT count(*) FROM deliveries WHERE state = 'sending'`) == 1 })
	life.kill()
	c.desk.Set(receiver.Trouble{})
	_, err = c.st.DB().ExecContext(c.ctx, `UPDATE deliveries SET lease_until = now()`) // five minutes later
	require.NoError(t, err)
	serve(t, "--dsn", dsn, "--private", "127.0.0.0/8")
	require.Equal(t, "positive", c.delivered(4)["BX1-02"])
}
