package store_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"natlims/lims"
	"natlims/lims/pcr"
	"natlims/lims/plate"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
)

// clock is the only clock of a test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) step(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// lab is a city of two laboratories and two departments, on a database that watches every change of state (see watch).
type lab struct {
	t     testing.TB
	ctx   context.Context
	dsn   string
	clock *clock
	st    *store.Store

	root, tech, checker, releaser, chief, both, machine lims.Actor // of the first laboratory; root is nobody's
	east                                                lims.Actor // may do everything in the other laboratory
	desk, desk2                                         lims.Actor
	one, two                                            int64 // laboratories
	dep, dep2                                           int64
	inst, inst2                                         int64 // instruments of the first and of the other laboratory
	dest                                                int64 // of dep; dep2 has none
	kit                                                 string
	made                                                int // numbers given away
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{t: t, ctx: t.Context(), dsn: pgtest.New(t), clock: &clock{at: time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC)}}
	st, err := store.Open(l.ctx, l.dsn, store.Options{Now: l.clock.now})
	require.NoError(t, err)
	l.st = st
	l.ctx = context.WithoutCancel(t.Context()) // the database is looked at once more when the test is over
	t.Cleanup(func() {
		if !t.Failed() {
			l.verify()
		}
		require.NoError(t, st.Close())
	})
	l.watch()
	l.found()
	return l
}

func (l *lab) id(id int64, err error) int64 {
	l.t.Helper()
	require.NoError(l.t, err)
	return id
}

func (l *lab) found() {
	l.root = lims.Actor{Roles: []lims.Role{lims.Admin, lims.Supervisor}}
	l.one = l.id(l.st.AddLab(l.ctx, l.root, store.Lab{Code: "L1", Name: store.Name{Zh: "一", En: "one"}, Capacity: 20_000}))
	l.two = l.id(l.st.AddLab(l.ctx, l.root, store.Lab{Code: "L2", Name: store.Name{Zh: "二", En: "two"}, Capacity: 10_000}))
	l.dep = l.id(l.st.AddDepartment(l.ctx, l.root, store.Department{Code: "D1", Name: store.Name{Zh: "甲", En: "first"}, Kind: "community"}))
	l.dep2 = l.id(l.st.AddDepartment(l.ctx, l.root, store.Department{Code: "D2", Name: store.Name{Zh: "乙", En: "second"}, Kind: "fever_clinic"}))
	l.tech = l.person("tech", l.one, 0, lims.Technician)
	l.checker = l.person("checker", l.one, 0, lims.Checker)
	l.releaser = l.person("releaser", l.one, 0, lims.Releaser)
	l.chief = l.person("chief", l.one, 0, lims.Supervisor)
	l.both = l.person("both", l.one, 0, lims.Checker, lims.Releaser)
	l.east = l.person("east", l.two, 0, lims.Technician, lims.Checker, lims.Releaser, lims.Supervisor)
	l.desk = l.person("desk", 0, l.dep, lims.Desk)
	l.desk2 = l.person("desk2", 0, l.dep2, lims.Desk)
	l.machine = l.person("machine", l.one, 0, lims.Machine)
	p := lims.Policy{Limits: map[lims.Category]lims.Limit{}, Modes: map[lims.Category][]lims.Mode{
		lims.Screening: {lims.Household, lims.Mixed5, lims.Mixed10, lims.Mixed20}}}
	for _, c := range []lims.Category{lims.CloseContact, lims.KeyPerson, lims.FeverClinic, lims.ColdChain, lims.Screening, lims.Voluntary} {
		p.Limits[c] = lims.Limit{A: 720, B: 360}
	}
	l.id(l.st.AddPolicy(l.ctx, l.root, "test", "test", l.clock.now().Add(-24*time.Hour), p))
	body, err := pcr.KitFile("daan")
	require.NoError(l.t, err)
	k, err := pcr.Load(body)
	require.NoError(l.t, err)
	l.kit = k.Key()
	// Kits and lots are put down by hand: these tests are not about how they come on record.
	l.exec(`INSERT INTO kits (created_at, key, body, status, approved_by, approved_at) VALUES ($1, $2, $3, $4, $5, $1)`, l.clock.now(), l.kit, string(body), string(k.Status), l.chief.ID)
	l.exec(`INSERT INTO lots (lab_id, kit_key, number, expires_on, created_at) SELECT id, $1, 'LOT1', $2::date + 365, $2 FROM labs`, l.kit, l.clock.now())
	l.inst = l.id(l.st.AddInstrument(l.ctx, l.root, store.Instrument{Lab: l.one, Code: "QS5", Model: "QuantStudio 5", Line: "folder", Protocol: "file"}))
	l.inst2 = l.id(l.st.AddInstrument(l.ctx, l.root, store.Instrument{Lab: l.two, Code: "CFX", Model: "CFX96", Line: "folder", Protocol: "file"}))
	l.dest = l.id(l.st.AddDestination(l.ctx, l.root, store.Destination{Department: l.dep, Name: "platform", Line: "department", Format: "json",
		Channel: "webhook", Address: "http://127.0.0.1:9/", Secret: []byte("s")}))
}

// password of everybody.
const password = "correct horse battery"

func (l *lab) person(login string, lab, dep int64, roles ...lims.Role) lims.Actor {
	l.t.Helper()
	id := l.id(l.st.AddActor(l.ctx, l.root, store.NewActor{Login: login, Name: login, Lab: lab, Department: dep, Roles: roles}))
	return lims.Actor{ID: id, Login: login, Lab: lab, Department: dep, Roles: roles}
}

func (l *lab) exec(query string, args ...any) {
	l.t.Helper()
	_, err := l.st.DB().ExecContext(l.ctx, query, args...)
	require.NoError(l.t, err)
}

// one reads a single value.
func get[T any](l *lab, query string, args ...any) (v T) {
	l.t.Helper()
	require.NoError(l.t, l.st.DB().GetContext(l.ctx, &v, query, args...))
	return v
}

func all[T any](l *lab, query string, args ...any) (v []T) {
	l.t.Helper()
	require.NoError(l.t, l.st.DB().SelectContext(l.ctx, &v, query, args...))
	return v
}

// refused says that an error is ours, of this kind and code, and gives its arguments.
func refused(t testing.TB, err error, k lims.Kind, code string) lims.Args {
	t.Helper()
	var e *lims.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, "%v", err)
	require.Equal(t, k, e.Kind, "%v", err)
	return e.Args
}

func (l *lab) number() int { l.made++; return l.made }

// order is a good order.
func (l *lab) order(c lims.Category) store.NewOrder {
	return store.NewOrder{ClientID: fmt.Sprintf("C-%05d", l.number()), Category: c,
		Subject: lims.Subject{Kind: lims.Person, Name: "张伟", DocType: "resident_id", DocNo: "11010519491231002X", Sex: "m", Phone: "13800001234"}}
}

// orders registers n orders of a department and gives their client ids.
func (l *lab) orders(dep int64, n int, c lims.Category) (clients []string) {
	l.t.Helper()
	list := make([]store.NewOrder, n)
	for i := range list {
		list[i] = l.order(c)
		clients = append(clients, list[i].ClientID)
	}
	out, err := l.st.Register(l.ctx, l.tech, dep, list)
	require.NoError(l.t, err)
	for _, r := range out {
		require.Equal(l.t, "created", r.Status, r.Code)
	}
	return clients
}

// tubes collects orders into tubes of a mode, one after another, and gives the barcodes.
func (l *lab) tubes(dep int64, m lims.Mode, clients []string) (codes []string) {
	l.t.Helper()
	var list []store.Tube
	for part := range slices.Chunk(clients, m.Capacity()) {
		code := fmt.Sprintf("SN%06d", l.number())
		codes = append(codes, code)
		list = append(list, store.Tube{Barcode: code, Mode: m, Department: dep, ClientIDs: part, CollectedAt: l.clock.now().Add(-10 * time.Minute), ClosedAt: l.clock.now()})
	}
	require.NoError(l.t, l.st.Collect(l.ctx, l.tech, list))
	return codes
}

// box sends tubes to a laboratory.
func (l *lab) box(dep, to int64, codes []string) (code string) {
	l.t.Helper()
	code = fmt.Sprintf("BX%04d", l.number())
	l.id(l.st.Dispatch(l.ctx, l.tech, store.Box{Code: code, Department: dep, Lab: to, Barcodes: codes}))
	return code
}

// received gives n tubes of the mode, full, that wait at the first laboratory.
func (l *lab) received(n int, m lims.Mode) (codes []string) {
	l.t.Helper()
	c := lims.KeyPerson
	if m != lims.Single {
		c = lims.Screening
	}
	codes = l.tubes(l.dep, m, l.orders(l.dep, n*m.Capacity(), c))
	box := l.box(l.dep, l.one, codes)
	l.clock.step(30 * time.Minute)
	out, err := l.st.Scan(l.ctx, l.tech, box, codes)
	require.NoError(l.t, err)
	for _, s := range out {
		require.Equal(l.t, "received", s.Outcome)
	}
	return codes
}

// running gives a plate of the tubes that is on the instrument.
func (l *lab) running(codes []string) store.Plate {
	l.t.Helper()
	p, err := l.st.Lay(l.ctx, l.tech, store.NewPlate{Lab: l.one, Wells: 96, Kit: l.kit, Lot: "LOT1", Codes: codes})
	require.NoError(l.t, err)
	require.NoError(l.t, l.st.Seal(l.ctx, l.tech, p.ID))
	l.clock.step(40 * time.Minute)
	require.NoError(l.t, l.st.Start(l.ctx, l.tech, p.ID, l.inst))
	l.clock.step(100 * time.Minute)
	p, err = l.st.PlateByID(l.ctx, p.ID)
	require.NoError(l.t, err)
	return p
}

// cqs are the Cq values of the virus targets of tubes that are not negative; "PC" stands for the positive control.
type cqs map[string][2]float64

// judged is what the instrument says of a plate, and what it means.
func (l *lab) judged(p store.Plate, found cqs) store.Judged {
	l.t.Helper()
	layout, err := l.st.Layout(l.ctx, p.ID)
	require.NoError(l.t, err)
	r := pcr.Run{Driver: "quantstudio", Instrument: "QuantStudio 5", Plate: p.Code, Name: p.Code, Cycles: 45}
	for i, w := range layout.Wells {
		shift := float64(i) / 100 // no two wells are alike
		cq := map[string]float64{"IC": 26 + shift}
		switch w.Role {
		case plate.Positive:
			cq["ORF1ab"], cq["N"] = 27+shift, 26.5+shift
			if v, ok := found["PC"]; ok {
				cq["ORF1ab"], cq["N"] = v[0], v[1]
			}
		case plate.Weak:
			cq["ORF1ab"], cq["N"] = 32+shift, 31.5+shift
		}
		if v, ok := found[w.Code]; ok {
			cq["ORF1ab"], cq["N"] = v[0], v[1]
		}
		for _, target := range []string{"ORF1ab", "N", "IC"} {
			one := pcr.Reading{Well: w.Pos.String(), Sample: w.Code, Target: target, State: pcr.NoCq, CqText: "Undetermined"}
			if v := cq[target]; v > 0 {
				one.State, one.Cq, one.CqText = pcr.HasCq, v, strconv.FormatFloat(v, 'f', 2, 64)
			}
			r.Readings = append(r.Readings, one)
			r.Curves = append(r.Curves, pcr.Curve{Well: one.Well, Target: target, Kind: pcr.DeltaRn, First: 1, Y: curve(cq[target])})
		}
	}
	c, err := l.st.Case(l.ctx, r, p, "QuantStudio 5")
	require.NoError(l.t, err)
	v := lims.Judge(c)
	require.Empty(l.t, v.Differences)
	return store.Judged{Run: r, Plate: p.ID, Case: c, Verdict: v}
}

// curve is a sigmoid that crosses a tenth of its height at cq, or noise where cq is 0.
func curve(cq float64) []float64 {
	y := make([]float64, 45)
	for i := range y {
		y[i] = 0.004 * math.Sin(float64(i)*2.3)
		if cq > 0 {
			y[i] += 2 / (1 + math.Exp(-(float64(i+1)-cq-3.4)/1.55))
		}
	}
	return y
}

// message keeps some bytes as a message of the first instrument.
func (l *lab) message(text string) store.Message {
	l.t.Helper()
	k, err := l.st.KeepMessage(l.ctx, store.Arrival{Instrument: l.inst, Line: "folder", Peer: "/data", Name: "run.txt", Bytes: []byte(text), Complete: true})
	require.NoError(l.t, err)
	return store.Message{ID: k.ID, Instrument: l.inst, Lab: l.one, State: k.State}
}

// read has the instrument say what it found on a plate.
func (l *lab) read(p store.Plate, found cqs) {
	l.t.Helper()
	j := l.judged(p, found)
	require.NoError(l.t, l.st.Record(l.ctx, l.message("run of "+p.Code), "quantstudio", []store.Judged{j}))
}

// called are the results of tubes in a state, by id.
func (l *lab) called(state lims.State, codes ...string) []int64 {
	l.t.Helper()
	return all[int64](l, `SELECT r.id FROM results r JOIN samples s ON s.id = r.sample_id WHERE r.state = $1 AND s.barcode = ANY($2) ORDER BY r.id`, string(state), pq.Array(codes))
}

// signed checks and releases the results of tubes.
func (l *lab) signed(codes ...string) (ids []int64) {
	l.t.Helper()
	ids = l.called(lims.Called, codes...)
	require.NotEmpty(l.t, ids)
	require.NoError(l.t, l.st.Check(l.ctx, l.checker, ids))
	l.clock.step(5 * time.Minute)
	require.NoError(l.t, l.st.Release(l.ctx, l.releaser, ids))
	return ids
}

// states are the states of tubes, joined.
func (l *lab) states(codes ...string) string {
	l.t.Helper()
	return strings.Join(unique(all[string](l, `SELECT state FROM samples WHERE barcode = ANY($1) ORDER BY barcode`, pq.Array(codes))), " ")
}

// orderStates are the states of the orders in tubes, joined.
func (l *lab) orderStates(codes ...string) string {
	l.t.Helper()
	return strings.Join(unique(all[string](l, `SELECT o.state FROM orders o JOIN contents c ON c.order_id = o.id JOIN samples s ON s.id = c.sample_id
		WHERE s.barcode = ANY($1) ORDER BY o.id`, pq.Array(codes))), " ")
}

func unique(words []string) []string { return slices.Compact(words) }

// together runs functions at the same instant and gives their errors.
func together(f ...func() error) []error {
	errs := make([]error, len(f))
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range f {
		wg.Go(func() {
			<-begin
			errs[i] = f[i]()
		})
	}
	close(begin)
	wg.Wait()
	return errs
}
