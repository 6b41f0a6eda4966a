package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/api"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
)

var update = flag.Bool("update", false, "write testdata anew")

// city is a server with a laboratory, two departments and a token for everybody.
type city struct {
	t              *testing.T
	ctx            context.Context
	st             *store.Store
	url            string
	lab, dep, dep2 int64
	root           lims.Actor
	checker, chief lims.Actor
	desk, desk2    string // tokens with every scope
	tech, machine  string
	inst           string
}

func newCity(t *testing.T) *city {
	t.Helper()
	c := &city{t: t, ctx: t.Context(), root: lims.Actor{Roles: []lims.Role{lims.Admin, lims.Supervisor}}}
	st, err := store.Open(c.ctx, pgtest.New(t), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	c.st = st
	srv := httptest.NewServer(api.New(st, api.Options{}))
	t.Cleanup(srv.Close)
	c.url = srv.URL + "/api/v1"
	id := func(id int64, err error) int64 { t.Helper(); require.NoError(t, err); return id }
	c.lab = id(st.AddLab(c.ctx, c.root, store.Lab{Code: "L1", Name: store.Name{Zh: "一", En: "one"}}))
	c.dep = id(st.AddDepartment(c.ctx, c.root, store.Department{Code: "D1", Name: store.Name{Zh: "甲", En: "a"}, Kind: "community"}))
	c.dep2 = id(st.AddDepartment(c.ctx, c.root, store.Department{Code: "D2", Name: store.Name{Zh: "乙", En: "b"}, Kind: "hospital"}))
	p := lims.Policy{Limits: map[lims.Category]lims.Limit{lims.Screening: {A: 720, B: 360}, lims.KeyPerson: {A: 720, B: 360}},
		Modes: map[lims.Category][]lims.Mode{lims.Screening: {lims.Mixed10}}}
	id(st.AddPolicy(c.ctx, c.root, "p", "test", st.Now().Add(-time.Hour), p))
	inst := id(st.AddInstrument(c.ctx, c.root, store.Instrument{Lab: c.lab, Code: "CFX", Model: "CFX96", Line: "push", Protocol: "file"}))
	id(st.AddDestination(c.ctx, c.root, store.Destination{Department: c.dep, Name: "d", Line: "department", Format: "json", Channel: "webhook", Address: "http://127.0.0.1:9/"}))
	actor := func(n store.NewActor) lims.Actor {
		n.Name = n.Login
		return lims.Actor{ID: id(st.AddActor(c.ctx, c.root, n)), Login: n.Login, Lab: n.Lab, Department: n.Department, Roles: n.Roles}
	}
	c.checker = actor(store.NewActor{Login: "checker", Lab: c.lab, Roles: []lims.Role{lims.Checker}})
	c.chief = actor(store.NewActor{Login: "chief", Lab: c.lab, Roles: []lims.Role{lims.Supervisor}})
	c.desk = c.token(actor(store.NewActor{Login: "desk", Department: c.dep, Roles: []lims.Role{lims.Desk}}), lims.Scopes...)
	c.desk2 = c.token(actor(store.NewActor{Login: "desk2", Department: c.dep2, Roles: []lims.Role{lims.Desk}}), lims.Scopes...)
	c.tech = c.token(actor(store.NewActor{Login: "tech", Lab: c.lab, Roles: []lims.Role{lims.Technician}}), lims.Scopes...)
	c.machine = c.token(actor(store.NewActor{Login: "machine", Roles: []lims.Role{lims.Machine}}), lims.Scopes...)
	c.inst = c.token(actor(store.NewActor{Login: "cfx", Lab: c.lab, Instrument: inst, Roles: []lims.Role{lims.Machine}}), api.MessagesWrite)
	return c
}

func (c *city) token(a lims.Actor, scopes ...string) string {
	c.t.Helper()
	token, err := c.st.NewToken(c.ctx, c.root, a.ID, store.TokenGrant{Name: a.Login, Scopes: scopes})
	require.NoError(c.t, err)
	return token
}

// answer is what came back.
type answer struct {
	status int
	head   http.Header
	raw    []byte
	body   map[string]any
}

// code is the code of a refusal, or "".
func (a answer) code() string { s, _ := a.body["code"].(string); return s }

func (c *city) call(token, method, path string, body any) (a answer) {
	c.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		j, err := json.Marshal(b)
		require.NoError(c.t, err)
		in = bytes.NewReader(j)
	}
	r, err := http.NewRequestWithContext(c.ctx, method, c.url+path, in)
	require.NoError(c.t, err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(c.t, err)
	defer res.Body.Close()
	a.status, a.head = res.StatusCode, res.Header
	a.raw, err = io.ReadAll(res.Body)
	require.NoError(c.t, err)
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		require.NoError(c.t, json.Unmarshal(a.raw, &a.body), "%s", a.raw)
	}
	return a
}

// refused calls and wants a refusal.
func (c *city) refused(status int, code, token, method, path string, body any) answer {
	c.t.Helper()
	a := c.call(token, method, path, body)
	require.Equal(c.t, status, a.status, "%s", a.raw)
	require.Equal(c.t, code, a.code(), "%s", a.raw)
	require.Equal(c.t, "application/problem+json", a.head.Get("Content-Type"))
	require.Equal(c.t, float64(status), a.body["status"])
	return a
}

type obj = map[string]any

func order(client string) obj {
	return obj{"client_id": client, "category": "screening", "subject": obj{"kind": "person", "name": "张伟", "doc_type": "resident_id", "doc_no": "11010519491231002X"}}
}

// statuses are what became of registered orders.
func statuses(a answer) (s []string) {
	for _, o := range a.body["orders"].([]any) {
		row := o.(obj)
		word := row["status"].(string)
		if code, ok := row["code"].(string); ok {
			word += " " + code
		}
		s = append(s, word)
	}
	return s
}

func TestRegisterInBulk(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	bad := order("3")
	bad["subject"].(obj)["doc_no"] = "110105194912310021"
	nul := order("4")
	nul["subject"].(obj)["name"] = "a\x00b"
	list := obj{"orders": []obj{order("1"), order("2"), bad, nul, order("1")}}
	a := c.call(c.desk, "POST", "/orders", list)
	require.Equal(t, http.StatusOK, a.status, "%s", a.raw)
	require.Equal(t, []string{"created", "created", "refused order.resident_id", "refused input.malformed", "refused order.twice"}, statuses(a))
	require.Equal(t, [3]any{2.0, 0.0, 3.0}, [3]any{a.body["created"], a.body["known"], a.body["refused"]})
	a = c.call(c.desk, "POST", "/orders", list)
	require.Equal(t, []string{"known", "known", "refused order.resident_id", "refused input.malformed", "refused order.twice"}, statuses(a), "no answer may simply be tried again")
	other := order("2")
	other["category"] = "key_person"
	require.Equal(t, []string{"refused order.differs"}, statuses(c.call(c.desk, "POST", "/orders", obj{"orders": []obj{other}})))
	require.NotContains(t, string(a.raw), "张伟", "a name is not sent around")
}

func TestWhatIsMalformedIsSaidInOneForm(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	c.refused(400, "request.invalid", c.desk, "POST", "/orders", "{")
	c.refused(422, "request.invalid", c.desk, "POST", "/orders", obj{})
	c.refused(422, "request.invalid", c.desk, "POST", "/orders", obj{"orders": []obj{}})
	strange := order("1")
	strange["category"] = "vip"
	a := c.refused(422, "request.invalid", c.desk, "POST", "/orders", obj{"orders": []obj{strange}})
	require.Contains(t, fmt.Sprint(a.body["args"]), "body.orders[0].category", "it says where")
	named := order("1")
	named["subject"].(obj)["name"] = strings.Repeat("张伟", 200)
	a = c.refused(422, "request.invalid", c.desk, "POST", "/orders", obj{"orders": []obj{named}})
	require.NotContains(t, string(a.raw), "张伟", "and does not repeat the value")
	c.refused(422, "request.invalid", c.desk, "GET", "/results?limit=0", nil)
	c.refused(422, "request.invalid", c.desk, "POST", "/deliveries/nonsense/acknowledge", nil)
	require.Equal(t, 404, c.call(c.desk, "GET", "/nothing", nil).status)
	require.Equal(t, 405, c.call(c.desk, "DELETE", "/orders", nil).status)
}

// calls are all calls with the scope that each needs; the generated description must name the same.
var calls = []struct{ method, path, scope string }{
	{"POST", "/orders", api.OrdersWrite},
	{"POST", "/tubes", api.SamplesWrite},
	{"POST", "/boxes", api.SamplesWrite},
	{"POST", "/boxes/B1/scans", api.ReceiptWrite},
	{"POST", "/boxes/B1/close", api.ReceiptWrite},
	{"POST", "/messages", api.MessagesWrite},
	{"POST", "/queries", api.MessagesWrite},
	{"GET", "/results", api.ResultsRead},
	{"POST", "/deliveries/00000000-0000-0000-0000-000000000000/acknowledge", api.DeliveriesWrite},
	{"GET", "/instruments", api.InstrumentsRead},
	{"GET", "/dark", api.InstrumentsRead},
	{"GET", "/suspicion", api.RulesWrite},
	{"POST", "/suspicion", api.RulesWrite},
	{"GET", "/recalls", api.ResultsRead},
	{"GET", "/pool-policy", api.SamplesWrite},
	{"GET", "/pool-validations", lims.RulesWrite},
	{"POST", "/pool-validations", lims.RulesWrite},
}

func TestEveryCallNeedsItsScope(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	for _, call := range calls {
		c.refused(401, "token.none", "", call.method, call.path, nil)
		c.refused(401, "token.unknown", "nonsense", call.method, call.path, nil)
		var others []string
		for _, s := range lims.Scopes {
			if s != call.scope {
				others = append(others, s)
			}
		}
		c.refused(403, "token.scope", c.token(c.chief, others...), call.method, call.path, nil)
		a := c.call(c.token(c.chief, call.scope), call.method, call.path, nil)
		require.NotEqual(t, 401, a.status, "%s %s", call.method, call.path)
		require.NotEqual(t, "token.scope", a.code(), "%s %s", call.method, call.path)
	}
}

// What belongs to another department is not there, in every call.
func TestAnotherDepartmentIsNotThere(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	require.Equal(t, 200, c.call(c.desk, "POST", "/orders", obj{"orders": []obj{order("1")}}).status)
	c.refused(404, "not_found", c.desk2, "POST", "/orders", obj{"department": c.dep, "orders": []obj{order("1")}})
	c.refused(404, "not_found", c.desk2, "POST", "/tubes", obj{"department": c.dep, "tubes": []obj{{"barcode": "S1", "mode": "single", "client_ids": []string{"1"}}}})
	c.refused(404, "order.unknown", c.desk2, "POST", "/tubes", obj{"tubes": []obj{{"barcode": "S1", "mode": "single", "client_ids": []string{"1"}}}})
	c.refused(404, "not_found", c.desk2, "GET", fmt.Sprintf("/results?department=%d", c.dep), nil)
	c.refused(404, "not_found", c.machine, "GET", "/results", nil) // whose?
	c.refused(404, "not_found", c.machine, "POST", "/orders", obj{"department": 987654, "orders": []obj{order("1")}})
	c.refused(404, "not_found", c.machine, "POST", "/orders", obj{"orders": []obj{order("1")}})
	require.Equal(t, []string{"created"}, statuses(c.call(c.machine, "POST", "/orders", obj{"department": c.dep2, "orders": []obj{order("1")}})), "the number is another department's own")
}

// toBox registers n orders, collects them singly and sends them.
func (c *city) toBox(box string, n int) (codes []string) {
	c.t.Helper()
	var orders, tubes []obj
	for i := range n {
		id := fmt.Sprintf("%s-%d", box, i)
		codes = append(codes, "S"+id)
		orders = append(orders, order(id))
		tubes = append(tubes, obj{"barcode": "S" + id, "mode": "single", "client_ids": []string{id}})
	}
	require.Equal(c.t, 200, c.call(c.desk, "POST", "/orders", obj{"orders": orders}).status)
	a := c.call(c.desk, "POST", "/tubes", obj{"tubes": tubes})
	require.Equal(c.t, 204, a.status, "%s", a.raw)
	a = c.call(c.desk, "POST", "/boxes", obj{"code": box, "lab": c.lab, "barcodes": codes})
	require.Equal(c.t, 200, a.status, "%s", a.raw)
	return codes
}

func TestReceiveABox(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	codes := c.toBox("B1", 4)
	c.refused(409, "sample.taken", c.desk, "POST", "/tubes", obj{"tubes": []obj{{"barcode": codes[0], "mode": "single", "client_ids": []string{c.one()}}}})
	c.refused(409, "box.taken", c.desk, "POST", "/boxes", obj{"code": "B1", "lab": c.lab, "barcodes": codes})
	c.refused(404, "not_found", c.desk, "POST", "/boxes", obj{"code": "B2", "lab": 987654, "barcodes": codes})
	a := c.refused(409, "box.wrong_tubes", c.desk, "POST", "/boxes", obj{"code": "B2", "lab": c.lab, "barcodes": codes[:2]})
	require.Equal(t, []any{codes[0], codes[1]}, a.body["args"].(obj)["barcodes"], "it names every tube")
	c.refused(403, "role.needed", c.desk, "POST", "/boxes/B1/scans", obj{"barcodes": codes})
	c.refused(404, "box.unknown", c.tech, "POST", "/boxes/B9/scans", obj{"barcodes": codes})
	a = c.call(c.tech, "POST", "/boxes/B1/scans", obj{"barcodes": []string{codes[0], "ZZ", codes[0], codes[1], codes[2]}})
	require.Equal(t, 200, a.status, "%s", a.raw)
	var got []any
	for _, tube := range a.body["tubes"].([]any) {
		got = append(got, tube.(obj)["outcome"])
	}
	require.Equal(t, []any{"received", "unknown", "twice", "received", "received"}, got)
	a = c.call(c.tech, "POST", "/boxes/B1/close", nil)
	require.Equal(t, []any{codes[3]}, a.body["missing"])
	c.refused(409, "box.closed", c.tech, "POST", "/boxes/B1/close", nil)
}

// one is the client id of an order that is not collected.
func (c *city) one() string {
	c.t.Helper()
	require.Equal(c.t, 200, c.call(c.desk, "POST", "/orders", obj{"orders": []obj{order("lone")}}).status)
	return "lone"
}

func TestPushAMessage(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	raw := []byte("H|\\^&\r\x00\xff")
	a := c.call(c.inst, "POST", "/messages", obj{"bytes": raw, "name": "x.csv", "peer": "bench-1"})
	require.Equal(t, 200, a.status, "%s", a.raw)
	require.Equal(t, false, a.body["repeat"])
	b := c.call(c.inst, "POST", "/messages", obj{"bytes": raw})
	require.Equal(t, true, b.body["repeat"])
	require.Equal(t, a.body["id"], b.body["id"])
	half := c.call(c.inst, "POST", "/messages", obj{"bytes": raw, "complete": false})
	require.Equal(t, "failed", half.body["state"])
	require.NotEqual(t, a.body["id"], half.body["id"])
	kept, err := c.st.KeptMessages(c.ctx, 0, 10)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, raw, kept[0].Bytes, "byte for byte")
	require.Equal(t, "CFX96", kept[0].Model, "the token says which instrument")
	c.refused(422, "request.invalid", c.inst, "POST", "/messages", obj{"bytes": []byte{}})
	c.refused(403, "token.no_instrument", c.machine, "POST", "/messages", obj{"bytes": raw})
	c.refused(403, "token.no_instrument", c.machine, "POST", "/queries", obj{"all": true})
	c.refused(403, "token.scope", c.inst, "GET", "/results", nil)
	a = c.call(c.tech, "GET", "/instruments", nil)
	require.Equal(t, 200, a.status)
	one := a.body["instruments"].([]any)[0].(obj)
	require.Equal(t, "CFX", one["code"])
	require.NotEmpty(t, one["last_message"])
}

func TestResultsAndConfirmation(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	codes := c.toBox("B1", 5)
	require.Equal(t, 200, c.call(c.tech, "POST", "/boxes/B1/scans", obj{"barcodes": codes}).status)
	a := c.call(c.desk, "GET", "/results", nil)
	require.Equal(t, 200, a.status)
	require.Equal(t, []any{}, a.body["results"], "an empty list, never null")
	for _, code := range codes { // the shortest way to a result that is signed
		require.NoError(t, c.st.RejectSample(c.ctx, c.chief, code, "leaking"))
	}
	ids, err := c.st.ToSign(c.ctx, c.lab, 100, lims.Called)
	require.NoError(t, err)
	require.NoError(t, c.st.Check(c.ctx, c.checker, ids))
	require.Equal(t, []any{}, c.call(c.desk, "GET", "/results", nil).body["results"], "nothing leaves before the second signature")
	require.NoError(t, c.st.Release(c.ctx, c.chief, ids))

	var got []string
	after := 0.0
	for more := true; more; {
		a := c.call(c.desk, "GET", fmt.Sprintf("/results?limit=2&after=%.0f", after), nil)
		for _, r := range a.body["results"].([]any) {
			got = append(got, r.(obj)["client_id"].(string))
			require.Equal(t, "rejected", r.(obj)["call"])
			require.Equal(t, "released", r.(obj)["state"])
			require.Greater(t, r.(obj)["cursor"], after)
			after = r.(obj)["cursor"].(float64)
		}
		require.Equal(t, after, a.body["next"])
		more = a.body["more"].(bool)
	}
	slices.Sort(got)
	require.Equal(t, []string{"B1-0", "B1-1", "B1-2", "B1-3", "B1-4"}, got)
	require.Equal(t, []any{}, c.call(c.desk2, "GET", "/results", nil).body["results"])
	require.Len(t, c.call(c.machine, "GET", fmt.Sprintf("/results?department=%d", c.dep), nil).body["results"], 5)

	sent, err := c.st.ClaimDeliveries(c.ctx, store.Claim{Most: 9, Each: 9, Lease: time.Minute})
	require.NoError(t, err)
	require.Len(t, sent, 1)
	path := "/deliveries/" + sent[0].ID + "/acknowledge"
	c.refused(404, "delivery.unknown", c.desk2, "POST", path, nil)
	require.NoError(t, c.st.Delivered(c.ctx, sent[0].ID, "202", false))
	for range 2 {
		require.Equal(t, 204, c.call(c.desk, "POST", path, nil).status, "twice is once")
	}
}

// The description is OpenAPI 3.1, needs no token, and names every call with its scope and its refusals.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	c := newCity(t)
	a := c.call("", "GET", "/openapi.json", nil)
	require.Equal(t, 200, a.status)
	require.Regexp(t, `^3\.1\.`, a.body["openapi"])
	var lines []string
	ids := map[string]bool{}
	for path, item := range a.body["paths"].(obj) {
		for method, o := range item.(obj) {
			op := o.(obj)
			id := op["operationId"].(string)
			require.False(t, ids[id], id)
			ids[id] = true
			security := op["security"].([]any)
			require.Len(t, security, 1, path)
			scope := security[0].(obj)["token"].([]any)[0].(string)
			require.Contains(t, lims.Scopes, scope)
			var codes []string
			for status, r := range op["responses"].(obj) {
				codes = append(codes, status)
				if status >= "400" {
					content := r.(obj)["content"].(obj)["application/problem+json"].(obj)
					require.Equal(t, "#/components/schemas/Problem", content["schema"].(obj)["$ref"], "%s %s", path, status)
				}
			}
			slices.Sort(codes)
			lines = append(lines, fmt.Sprintf("%s %s  %s  %s  %s", strings.ToUpper(method), path, id, scope, strings.Join(codes, " ")))
		}
	}
	slices.Sort(lines)
	require.Len(t, lines, len(calls), "a call that the test of scopes does not know")
	golden(t, "testdata/calls.txt", strings.Join(lines, "\n")+"\n")
	refs(t, a.body, a.body)
}

// refs follows every reference of the description.
func refs(t *testing.T, doc obj, v any) {
	t.Helper()
	switch v := v.(type) {
	case obj:
		if r, ok := v["$ref"].(string); ok {
			at := any(doc)
			for _, part := range strings.Split(strings.TrimPrefix(r, "#/"), "/") {
				m, ok := at.(obj)
				require.True(t, ok, r)
				at = m[part]
			}
			require.NotNil(t, at, "%s leads nowhere", r)
		}
		for _, x := range v {
			refs(t, doc, x)
		}
	case []any:
		for _, x := range v {
			refs(t, doc, x)
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "go test ./lims/api -update")
}
