package flow_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/sim"
	"natlims/lims"
	"natlims/lims/flow"
	"natlims/lims/pcr"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
)

// room is one laboratory with its people, kits and tubes, and the line at work.
type room struct {
	t     testing.TB
	st    *store.Store
	line  *flow.Line
	lab   int64
	dep   int64
	kit   string
	tech  lims.Actor
	chief lims.Actor
	admin lims.Actor
	now   time.Time
}

func newRoom(t testing.TB) *room {
	t.Helper()
	return newRoomAt(t, pgtest.New(t))
}

// newRoomAt is newRoom on a database that is there.
func newRoomAt(t testing.TB, dsn string) *room {
	t.Helper()
	r := &room{t: t, now: time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC), admin: lims.Actor{Roles: []lims.Role{lims.Admin, lims.Supervisor}}}
	ctx := context.Background()
	st, err := store.Open(ctx, dsn, store.Options{Now: r.clock})
	require.NoError(t, err)
	t.Cleanup(func() { st.Close() }) //nolint:errcheck
	r.st = st
	r.lab, err = st.AddLab(ctx, r.admin, store.Lab{Code: "L1", Name: store.Name{Zh: "一", En: "one"}, Capacity: 1000})
	require.NoError(t, err)
	r.dep, err = st.AddDepartment(ctx, r.admin, store.Department{Code: "D1", Name: store.Name{Zh: "一", En: "one"}, Kind: "community"})
	require.NoError(t, err)
	r.tech, r.chief = r.person("tech", lims.Technician), r.person("chief", lims.Supervisor)
	limits := map[lims.Category]lims.Limit{lims.FeverClinic: {A: 720, B: 360}, lims.Screening: {A: 720, B: 360}}
	_, err = st.AddPolicy(ctx, r.admin, "p", "test", r.now.Add(-time.Hour), lims.Policy{Limits: limits, Modes: map[lims.Category][]lims.Mode{}})
	require.NoError(t, err)
	body, err := os.ReadFile("testdata/xpert-plus.yaml")
	require.NoError(t, err)
	r.kit = r.addKit(body)
	r.line = &flow.Line{Store: st, Log: slog.New(slog.DiscardHandler)}
	return r
}

func (r *room) clock() time.Time { return r.now }

func (r *room) person(login string, role lims.Role) lims.Actor {
	r.t.Helper()
	id, err := r.st.AddActor(context.Background(), r.admin, store.NewActor{Login: login, Name: login, Password: "correct horse battery", Lab: r.lab, Roles: []lims.Role{role}})
	require.NoError(r.t, err)
	return lims.Actor{ID: id, Login: login, Lab: r.lab, Roles: []lims.Role{role}}
}

func (r *room) addKit(body []byte) string {
	r.t.Helper()
	k, err := r.st.AddKit(context.Background(), r.admin, body)
	require.NoError(r.t, err)
	if k.Status != pcr.Verified {
		require.NoError(r.t, r.st.ApproveKit(context.Background(), r.chief, k.Key(), strings.Repeat("ab", 32)))
	}
	return k.Key()
}

func (r *room) instrument(i store.Instrument, w store.Work) int64 {
	r.t.Helper()
	i.Lab = r.lab
	id, err := r.st.AddInstrument(context.Background(), r.admin, i)
	require.NoError(r.t, err)
	require.NoError(r.t, r.st.SetWork(context.Background(), r.chief, id, w))
	return id
}

// tubes collects, sends and receives single tubes with these barcodes.
func (r *room) tubes(codes ...string) {
	r.t.Helper()
	ctx := context.Background()
	var orders []store.NewOrder
	var tubes []store.Tube
	for _, c := range codes {
		id := "O-" + c
		orders = append(orders, store.NewOrder{ClientID: id, Category: lims.FeverClinic, Subject: lims.Subject{Kind: lims.Person, Name: "张三", DocType: "passport", DocNo: "E12345678"}})
		tubes = append(tubes, store.Tube{Barcode: c, Mode: lims.Single, Department: r.dep, ClientIDs: []string{id}})
	}
	out, err := r.st.Register(ctx, r.tech, r.dep, orders)
	require.NoError(r.t, err)
	for _, o := range out {
		require.Equal(r.t, "created", o.Status, o.Code)
	}
	require.NoError(r.t, r.st.Collect(ctx, r.tech, tubes))
	box := "BX-" + codes[0]
	_, err = r.st.Dispatch(ctx, r.tech, store.Box{Code: box, Department: r.dep, Lab: r.lab, Barcodes: codes})
	require.NoError(r.t, err)
	_, err = r.st.Scan(ctx, r.tech, box, codes)
	require.NoError(r.t, err)
	_, err = r.st.CloseBox(ctx, r.tech, box)
	require.NoError(r.t, err)
}

// hear keeps a message and lets the line work until nothing waits; it gives what became of the message.
func (r *room) hear(instrument int64, name, text string) store.MessageRow {
	r.t.Helper()
	k, err := r.st.KeepMessage(context.Background(), store.Arrival{Instrument: instrument, Line: "push", Name: name, Bytes: []byte(text), Complete: true})
	require.NoError(r.t, err)
	return r.settled(k.ID)
}

func (r *room) settled(id int64) store.MessageRow {
	r.t.Helper()
	ctx := context.Background()
	require.NoError(r.t, r.line.Read(ctx))
	m, err := r.st.MessageByID(ctx, store.Scope{}, id)
	require.NoError(r.t, err)
	return m
}

// said is what stands of the tube: "call state" of its newest result, or the tube's own state where there is none.
func (r *room) said(code string) string {
	r.t.Helper()
	var s string
	require.NoError(r.t, r.st.DB().Get(&s, `SELECT coalesce((SELECT r.call || ' ' || r.state FROM results r WHERE r.sample_id = s.id ORDER BY r.version DESC LIMIT 1), s.state)
		FROM samples s WHERE barcode = $1`, code))
	return s
}

func (r *room) count(query string, args ...any) (n int) {
	r.t.Helper()
	require.NoError(r.t, r.st.DB().Get(&n, query, args...))
	return n
}

// cartridge is a GeneXpert message of one test.
func cartridge(sample, end, result, virus, spc string, comment ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "H|@^\\|GXM-%s%s||Bench^GeneXpert^6.4|||||LIS||P|1394-97|%s\r", sample, end, end)
	fmt.Fprintf(&b, "P|1\rO|1|%s||^^^COVPLUS|R|20260302083000|||||||||ORH||||||||||F\r", sample)
	fmt.Fprintf(&b, "R|1|^^^COVPLUS^Xpress CoV-2 plus^1^^|%s^|||||F||Li Wei|20260302083000|%s|Bench^700001^639127^472753131^00500^20281226\r", result, end)
	for i, c := range comment {
		fmt.Fprintf(&b, "C|%d|I|%s|N\r", i+1, c)
	}
	if virus != "" {
		fmt.Fprintf(&b, "R|2|^^^COVPLUS^^^SARS-CoV-2^|%s^|||\rR|3|^^^COVPLUS^^^SARS-CoV-2^Ct|^%s|||\r", virus, map[bool]string{true: "27.4", false: "0.0"}[virus == "POS"])
	}
	if spc != "" {
		fmt.Fprintf(&b, "R|4|^^^COVPLUS^^^SPC^|%s^|||\rR|5|^^^COVPLUS^^^SPC^Ct|^29.3|||\rR|6|^^^COVPLUS^^^SPC^EndPt|^180.0|||\r", spc)
	}
	return b.String() + "L|1|N\r"
}

// plateRun brings four tubes over a cycler with plates, and gives the message that it wrote.
func (r *room) plateRun(t *testing.T) store.MessageRow {
	t.Helper()
	ctx := context.Background()
	codes := []string{"P-1", "P-2", "P-3", "P-4"}
	r.tubes(codes...)
	inst := r.instrument(store.Instrument{Code: "QS-1", Model: "QuantStudio 5", Line: "push", Protocol: "file"}, store.Work{})
	layout := r.running(codes, inst)
	m, err := sim.Find("quantstudio")
	require.NoError(t, err)
	messages, err := m.Messages(sim.Plate{Layout: layout, Ended: r.now, Cycles: 45, Targets: []sim.Target{{Name: "ORF1ab", Dye: "FAM"}, {Name: "N", Dye: "VIC"}, {Name: "IC", Dye: "CY5"}},
		Truth: truth(layout, func(code string) bool { return code == "P-2" })})
	require.NoError(t, err)
	k, err := r.st.KeepMessage(ctx, store.Arrival{Instrument: inst, Line: "push", Name: messages[0].Name, Bytes: messages[0].Bytes, Complete: true})
	require.NoError(t, err)
	return r.settled(k.ID)
}
