package web

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
)

const password = "correct horse battery"

// clock is the only clock of a test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) step(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// day is a small laboratory with people of every role, and what they have done so far.
type day struct {
	t      testing.TB
	ctx    context.Context
	clock  *clock
	st     *store.Store
	srv    *httptest.Server
	people map[string]lims.Actor
	lab    int64
	other  int64 // another laboratory
	dep    int64
	dep2   int64
	inst   int64
	kit    string
	root   lims.Actor
}

func newDay(t testing.TB) *day {
	t.Helper()
	c := &clock{at: time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC)} // 08:30 in Shanghai
	ctx := t.Context()
	st, err := store.Open(ctx, pgtest.New(t), store.Options{Now: c.now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	d := &day{t: t, ctx: ctx, clock: c, st: st, people: map[string]lims.Actor{}, root: lims.Actor{Roles: []lims.Role{lims.Admin, lims.Supervisor}}}
	d.setUp()
	d.srv = httptest.NewServer(New(st, Options{}))
	t.Cleanup(d.srv.Close)
	return d
}

func (d *day) id(id int64, err error) int64 {
	d.t.Helper()
	require.NoError(d.t, err)
	return id
}

func (d *day) setUp() {
	t, ctx, st := d.t, d.ctx, d.st
	d.lab = d.id(st.AddLab(ctx, d.root, store.Lab{Code: "L1", Name: store.Name{Zh: "市一实验室", En: "City Lab One"}, Capacity: 22_000}))
	d.other = d.id(st.AddLab(ctx, d.root, store.Lab{Code: "L2", Name: store.Name{Zh: "城东实验室", En: "East Lab"}, Capacity: 11_000}))
	d.dep = d.id(st.AddDepartment(ctx, d.root, store.Department{Code: "D1", Name: store.Name{Zh: "滨江社区中心", En: "Binjiang Community"}, Kind: "community"}))
	d.dep2 = d.id(st.AddDepartment(ctx, d.root, store.Department{Code: "D2", Name: store.Name{Zh: "人民医院发热门诊", En: "People's Hospital Fever Clinic"}, Kind: "fever_clinic"}))
	for _, p := range []struct {
		login, name string
		lab, dep    int64
		roles       []lims.Role
	}{
		{"tech", "李强", d.lab, 0, []lims.Role{lims.Technician}},
		{"checker", "王芳", d.lab, 0, []lims.Role{lims.Checker}},
		{"releaser", "赵敏", d.lab, 0, []lims.Role{lims.Releaser}},
		{"chief", "孙立", d.lab, 0, []lims.Role{lims.Supervisor}},
		{"both", "周到", d.lab, 0, []lims.Role{lims.Checker, lims.Releaser}},
		{"east", "钱东", d.other, 0, []lims.Role{lims.Technician, lims.Checker, lims.Releaser, lims.Supervisor}},
		{"desk", "陈静", 0, d.dep, []lims.Role{lims.Desk}},
		{"desk2", "吴平", 0, d.dep2, []lims.Role{lims.Desk}},
		{"admin", "管理员", 0, 0, []lims.Role{lims.Admin}},
	} {
		id := d.id(st.AddActor(ctx, d.root, store.NewActor{Login: p.login, Name: p.name, Password: password, Lab: p.lab, Department: p.dep, Roles: p.roles}))
		d.people[p.login] = lims.Actor{ID: id, Login: p.login, Name: p.name, Lab: p.lab, Department: p.dep, Roles: p.roles}
	}
	limits := map[lims.Category]lims.Limit{}
	modes := map[lims.Category][]lims.Mode{}
	for _, c := range categories {
		limits[lims.Category(c)] = lims.Limit{A: 720, B: 360}
	}
	modes[lims.Screening] = []lims.Mode{lims.Mixed5, lims.Mixed10, lims.Mixed20, lims.Household}
	d.id(st.AddPolicy(ctx, d.root, "test", "test", d.clock.now().Add(-24*time.Hour), lims.Policy{Limits: limits, Modes: modes}))
	body, err := pcr.KitFile("daan")
	require.NoError(t, err)
	k, err := st.AddKit(ctx, d.root, body)
	require.NoError(t, err)
	d.kit = k.Key()
	require.NoError(t, st.ApproveKit(ctx, d.people["chief"], d.kit, strings.Repeat("ab", 32)))
	d.id(st.AddLot(ctx, d.root, d.lab, d.kit, "2026031", d.clock.now().AddDate(1, 0, 0)))
	d.inst = d.id(st.AddInstrument(ctx, d.root, store.Instrument{Lab: d.lab, Code: "QS5-01", Model: "QuantStudio 5", Serial: "272531234", Line: "folder", Protocol: "file", Address: "/data/qs5-01"}))
	d.id(st.AddInstrument(ctx, d.root, store.Instrument{Lab: d.lab, Code: "GX-01", Model: "GeneXpert", Line: "tcp-listen", Protocol: "astm", Address: ":5000"}))
	d.id(st.AddInstrument(ctx, d.root, store.Instrument{Lab: d.other, Code: "CFX-01", Model: "CFX96", Line: "serial", Protocol: "raw", Address: "/dev/ttyS0"}))
	d.id(st.AddDestination(ctx, d.root, store.Destination{Department: d.dep, Name: "滨江平台", Line: "department", Format: "json", Channel: "webhook", Address: "http://127.0.0.1:9/hook", Secret: []byte("s")}))
}

var givenNames = []string{"张伟", "李娜", "王秀英", "欧阳锋", "刘洋", "陈磊", "杨静", "赵军", "黄丽", "周杰"}

// register takes n orders of a department down and gives their numbers.
func (d *day) register(dep int64, prefix string, n int, c lims.Category) []string {
	d.t.Helper()
	orders := make([]store.NewOrder, n)
	ids := make([]string, n)
	for i := range orders {
		ids[i] = fmt.Sprintf("%s%04d", prefix, i+1)
		orders[i] = store.NewOrder{ClientID: ids[i], Category: c, Subject: lims.Subject{Kind: lims.Person, Name: givenNames[i%len(givenNames)],
			DocType: "resident_id", DocNo: "11010519491231002X", Phone: "13800001234"}}
	}
	out, err := d.st.Register(d.ctx, d.people["tech"], dep, orders)
	require.NoError(d.t, err)
	for _, o := range out {
		require.Equal(d.t, "created", o.Status, o.Code)
	}
	return ids
}

// collect fills tubes of the mode with the orders, one after another, and gives their barcodes.
func (d *day) collect(dep int64, prefix string, m lims.Mode, clients []string) []string {
	d.t.Helper()
	var tubes []store.Tube
	var codes []string
	for i := 0; i < len(clients); i += m.Capacity() {
		code := fmt.Sprintf("%s%05d", prefix, len(tubes)+1)
		tubes = append(tubes, store.Tube{Barcode: code, Mode: m, Department: dep, ClientIDs: clients[i:min(len(clients), i+m.Capacity())]})
		codes = append(codes, code)
	}
	require.NoError(d.t, d.st.Collect(d.ctx, d.people["tech"], tubes))
	return codes
}

func (d *day) send(box string, dep int64, codes []string) {
	d.t.Helper()
	_, err := d.st.Dispatch(d.ctx, d.people["tech"], store.Box{Code: box, Department: dep, Lab: d.lab, Barcodes: codes})
	require.NoError(d.t, err)
}

func (d *day) receive(box string, codes []string) {
	d.t.Helper()
	_, err := d.st.Scan(d.ctx, d.people["tech"], box, codes)
	require.NoError(d.t, err)
	_, err = d.st.CloseBox(d.ctx, d.people["tech"], box)
	require.NoError(d.t, err)
}

// run lays a plate of the tubes, runs it and records what the instrument says: virus gives the Cq of the tubes that are
// positive, silent the tubes whose internal control does not come up.
func (d *day) run(codes []string, virus map[string][2]float64, silent map[string]bool) string {
	d.t.Helper()
	by := d.people["tech"]
	p, err := d.st.Lay(d.ctx, by, store.NewPlate{Lab: d.lab, Wells: 96, Kit: d.kit, Lot: "2026031", Codes: codes})
	require.NoError(d.t, err)
	require.NoError(d.t, d.st.Seal(d.ctx, by, p.ID))
	d.clock.step(40 * time.Minute)
	require.NoError(d.t, d.st.Start(d.ctx, by, p.ID, d.inst))
	d.clock.step(95 * time.Minute)
	layout, err := d.st.Layout(d.ctx, p.ID)
	require.NoError(d.t, err)
	r := pcr.Run{Driver: "quantstudio", Instrument: "QuantStudio 5", Serial: "272531234", Plate: p.Code, Name: p.Code, Cycles: 45,
		Started: pcr.Stamp{Text: "2026-03-02 09:15:00"}}
	for _, w := range layout.Wells {
		cq := map[string]float64{"IC": 27.1}
		switch w.Role {
		case plate.Positive:
			cq["ORF1ab"], cq["N"] = 28.4, 27.9
		case plate.Weak:
			cq["ORF1ab"], cq["N"] = 33.1, 32.6
		}
		if v, ok := virus[w.Code]; ok {
			cq["ORF1ab"], cq["N"] = v[0], v[1]
		}
		if silent[w.Code] {
			cq = map[string]float64{}
		}
		for _, target := range []string{"ORF1ab", "N", "IC"} {
			reading := pcr.Reading{Well: w.Pos.String(), Sample: w.Code, Target: target, State: pcr.NoCq, CqText: "Undetermined"}
			if v := cq[target]; v > 0 {
				reading.State, reading.Cq, reading.CqText = pcr.HasCq, v, strconv.FormatFloat(v, 'f', 2, 64)
			}
			r.Readings = append(r.Readings, reading)
			r.Curves = append(r.Curves, pcr.Curve{Well: w.Pos.String(), Target: target, Kind: pcr.DeltaRn, First: 1, Y: amplification(cq[target])})
		}
	}
	kept, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: d.inst, Line: "folder", Peer: "/data/qs5-01", Name: p.Code + ".txt", Bytes: []byte("run " + p.Code + "\r\nWell\tTarget\tCT\r\n"), Complete: true})
	require.NoError(d.t, err)
	c, err := d.st.Case(d.ctx, r, p, "QuantStudio 5")
	require.NoError(d.t, err)
	v := lims.Judge(c)
	require.Empty(d.t, v.Differences)
	require.NoError(d.t, d.st.Record(d.ctx, store.Message{ID: kept.ID, Instrument: d.inst, Lab: d.lab}, "quantstudio",
		[]store.Judged{{Run: r, Plate: p.ID, Case: c, Verdict: v}}))
	return p.Code
}

// amplification is a sigmoid that crosses a tenth of its height at cq, or noise where cq is 0.
func amplification(cq float64) []float64 {
	y := make([]float64, 45)
	for i := range y {
		y[i] = 0.004 * math.Sin(float64(i)*2.3)
		if cq > 0 {
			y[i] += 2 / (1 + math.Exp(-(float64(i+1)-cq-3.4)/1.55))
		}
	}
	return y
}

// reviewable is a day with one plate of single and pooled tubes that waits for signatures.
func (d *day) reviewable() (plateCode string, positive string) {
	d.t.Helper()
	singles := d.collect(d.dep, "SN004829", lims.Single, d.register(d.dep, "BJ-", 36, lims.KeyPerson))
	pools := d.collect(d.dep, "SN004811", lims.Mixed10, d.register(d.dep, "BJS-", 480, lims.Screening))
	d.clock.step(50 * time.Minute)
	d.send("BX-0101", d.dep, append(append([]string{}, singles...), pools...))
	d.clock.step(30 * time.Minute)
	d.receive("BX-0101", append(append([]string{}, singles...), pools...))
	d.clock.step(20 * time.Minute)
	codes := append(append([]string{}, pools...), singles...)
	virus := map[string][2]float64{singles[4]: {22.41, 21.96}, singles[5]: {38.2, 0}}
	return d.run(codes, virus, map[string]bool{singles[20]: true}), singles[4]
}

// person is a browser without JavaScript.
type person struct {
	d      *day
	client *http.Client
}

func (d *day) as(login string) *person {
	d.t.Helper()
	p := d.visitor()
	code, body := p.post("/signin", "login", login, "password", password)
	require.Equal(d.t, http.StatusOK, code, body)
	require.Contains(d.t, body, `action="/signout"`)
	return p
}

func (d *day) visitor() *person {
	d.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(d.t, err)
	return &person{d, &http.Client{Jar: jar}}
}

func (p *person) get(path string) (int, string) {
	p.d.t.Helper()
	r, err := p.client.Get(p.d.srv.URL + path)
	require.NoError(p.d.t, err)
	return p.read(r)
}

func (p *person) post(path string, pairs ...string) (int, string) {
	p.d.t.Helper()
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	r, err := p.client.PostForm(p.d.srv.URL+path, f)
	require.NoError(p.d.t, err)
	return p.read(r)
}

func (p *person) read(r *http.Response) (int, string) {
	p.d.t.Helper()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	require.NoError(p.d.t, err)
	return r.StatusCode, strings.ReplaceAll(string(b), "&#43;", "+")
}

// busy adds to a day what the pages must be able to show: a box half received, tubes that wait, plates at every stage, messages
// in trouble, a part of the plate released, a person who may do everything.
func (d *day) busy(plateCode string) {
	d.t.Helper()
	all := []lims.Role{lims.Technician, lims.Checker, lims.Releaser, lims.Supervisor, lims.Admin}
	d.id(d.st.AddActor(d.ctx, d.root, store.NewActor{Login: "all", Name: "王芳", Password: password, Lab: d.lab, Roles: all}))
	tech := d.people["tech"]
	codes := d.collect(d.dep, "SN005", lims.Mixed10, d.register(d.dep, "BK-", 600, lims.Screening))
	d.send("BX-0102", d.dep, codes[:24])
	d.send("BX-0103", d.dep, codes[24:50])
	_, err := d.st.Scan(d.ctx, tech, "BX-0102", append([]string{"SN999999", codes[55]}, codes[:17]...))
	require.NoError(d.t, err)
	d.clock.step(12 * time.Minute)
	for i, n := range []int{3, 4, 4} {
		p, err := d.st.Lay(d.ctx, tech, store.NewPlate{Lab: d.lab, Wells: 96, Kit: d.kit, Lot: "2026031", Codes: codes[i*4 : i*4+n]})
		require.NoError(d.t, err)
		if i > 0 {
			require.NoError(d.t, d.st.Seal(d.ctx, tech, p.ID))
		}
		if i > 1 {
			require.NoError(d.t, d.st.Start(d.ctx, tech, p.ID, d.inst))
		}
	}
	for name, code := range map[string]string{"SLAN-0302.csv": "format.unknown", "CFX-lost.csv": "plate.unknown"} {
		k, err := d.st.KeepMessage(d.ctx, store.Arrival{Instrument: d.inst, Line: "folder", Peer: "/data/qs5-01", Name: name, Bytes: []byte(name), Complete: true})
		require.NoError(d.t, err)
		if code == "plate.unknown" {
			require.NoError(d.t, d.st.ParkMessage(d.ctx, store.Message{ID: k.ID, State: lims.Kept}, "cfx", code, lims.Args{"plate": "P-000777"}))
		} else {
			require.NoError(d.t, d.st.FailMessage(d.ctx, k.ID, "", code, nil))
		}
	}
	p, err := d.st.PlateByCode(d.ctx, plateCode)
	require.NoError(d.t, err)
	sheaves, err := d.st.PlateSheaves(d.ctx, p.ID)
	require.NoError(d.t, err)
	var ids []int64
	for _, s := range sheaves {
		if s.Call == lims.Negative && len(ids) < 380 {
			ids = append(ids, s.IDs...)
		}
	}
	require.NoError(d.t, d.st.Check(d.ctx, d.people["checker"], ids))
	require.NoError(d.t, d.st.Release(d.ctx, d.people["releaser"], ids))
}

// wide is an open plate of 384 wells.
func (d *day) wide() string {
	d.t.Helper()
	codes := d.collect(d.dep2, "SN007", lims.Single, d.register(d.dep2, "FW-", 120, lims.FeverClinic))
	d.send("BX-0200", d.dep2, codes)
	d.receive("BX-0200", codes)
	p, err := d.st.Lay(d.ctx, d.people["tech"], store.NewPlate{Lab: d.lab, Wells: 384, Kit: d.kit, Lot: "2026031", Codes: codes})
	require.NoError(d.t, err)
	return p.Code
}
