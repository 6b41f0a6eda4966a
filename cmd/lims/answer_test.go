package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/lims"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
	"natlims/reports/send"
)

// An analyser asks for a tube over a real socket, in ASTM and in HL7, and hears its own test code; nothing in the database changes.
func TestAnInstrumentAsksForItsOrders(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	st, err := store.Open(ctx, pgtest.New(t), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { st.Close() }) //nolint:errcheck
	root := lims.Actor{Roles: []lims.Role{lims.Admin, lims.Supervisor, lims.Technician}}
	lab, err := st.AddLab(ctx, root, store.Lab{Code: "L1", Name: store.Name{Zh: "一", En: "one"}})
	require.NoError(t, err)
	received(t, st, root, lab, "X-1", "X-2")
	srv, err := newServer(ctx, st, &send.Outbound{}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(srv.lines.Close)
	ids := map[string]int64{}
	for protocol, address := range map[string]string{link.ASTM: "127.0.0.1:0", link.HL7: "localhost:0"} {
		ids[protocol], err = st.AddInstrument(ctx, root, store.Instrument{Lab: lab, Code: protocol, Model: "GeneXpert", Line: "tcp-listen", Protocol: protocol,
			Address: address, Settings: []byte(`{"tests":{"SARS-CoV-2":["COVPLUS"]}}`)})
		require.NoError(t, err)
	}
	require.NoError(t, srv.openLines(ctx))
	at := map[string]string{}
	require.Eventually(t, func() bool {
		for _, h := range srv.lines.Health() {
			if h.State == link.Up {
				at[h.Name] = h.Address
			}
		}
		return len(at) == 2
	}, 10*time.Second, time.Millisecond)
	before := audits(t, st)

	c := dialled(t, at[link.ASTM])
	c.astm("H|@^\\|1||GeneXpert^1^6.2\rQ|1|P-7^X-2||||||||||O@N\rL|1|N\r")
	text := c.astmAnswer()
	require.Contains(t, text, "|X-2|")
	require.Contains(t, text, "^^^COVPLUS|")
	require.Contains(t, text, "P-7")
	require.NotContains(t, text, "张", "no person is named")

	c = dialled(t, at[link.HL7])
	c.say("\x0bMSH|^~\\&|GeneXpert||LIS||20260101||QBP^Z03|Q-1|P|2.5|||AL|NE\rQPD|Z03^Host|T-1|P-1|X-1\r\x1c\r")
	require.Contains(t, c.block(), "MSA|CA|Q-1")
	text = c.block()
	require.Contains(t, text, "RSP^Z02")
	require.Contains(t, text, "COVPLUS")
	c.say("\x0bMSH|^~\\&|GeneXpert||LIS||20260101||QBP^Z03|Q-2|P|2.5|||AL|NE\rQPD|Z03^Host|T-2|P-1|GHOST\r\x1c\r")
	require.Contains(t, c.block(), "MSA|CA|Q-2")
	require.NotContains(t, c.block(), "COVPLUS", "an unknown tube has no orders")
	require.Equal(t, before, audits(t, st))
}

func audits(t *testing.T, st *store.Store) (n int) {
	t.Helper()
	require.NoError(t, st.DB().Get(&n, `SELECT (SELECT count(*) FROM audit) + (SELECT count(*) FROM messages)`))
	return n
}

// received brings single tubes to the bench of a laboratory.
func received(t *testing.T, st *store.Store, by lims.Actor, lab int64, codes ...string) {
	t.Helper()
	ctx := t.Context()
	dep, err := st.AddDepartment(ctx, by, store.Department{Code: "D1", Name: store.Name{Zh: "一", En: "one"}, Kind: "community"})
	require.NoError(t, err)
	by.ID, err = st.AddActor(ctx, by, store.NewActor{Login: "tech", Name: "tech", Password: "correct horse battery", Lab: lab, Roles: []lims.Role{lims.Technician}})
	require.NoError(t, err)
	_, err = st.AddPolicy(ctx, by, "p", "test", st.Now().Add(-time.Hour), lims.Policy{Limits: map[lims.Category]lims.Limit{lims.CloseContact: {A: 720, B: 360}}})
	require.NoError(t, err)
	var orders []store.NewOrder
	var tubes []store.Tube
	for _, c := range codes {
		orders = append(orders, store.NewOrder{ClientID: c, Category: lims.CloseContact, Subject: lims.Subject{Kind: lims.Person, Name: "张三", DocType: "passport", DocNo: "E12345678"}})
		tubes = append(tubes, store.Tube{Barcode: c, Mode: lims.Single, Department: dep, ClientIDs: []string{c}})
	}
	_, err = st.Register(ctx, by, dep, orders)
	require.NoError(t, err)
	require.NoError(t, st.Collect(ctx, by, tubes))
	_, err = st.Dispatch(ctx, by, store.Box{Code: "BX-1", Department: dep, Lab: lab, Barcodes: codes})
	require.NoError(t, err)
	_, err = st.Scan(ctx, by, "BX-1", codes)
	require.NoError(t, err)
}

// caller is the analyser's end of a socket.
type caller struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func dialled(t testing.TB, address string) caller {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() }) //nolint:errcheck
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	return caller{t, c, bufio.NewReader(c)}
}

func (c caller) say(text string) {
	_, err := io.WriteString(c, text)
	require.NoError(c.t, err)
}

func (c caller) hear(want byte) {
	b, err := c.in.ReadByte()
	require.NoError(c.t, err)
	require.Equal(c.t, want, b)
}

// astm sends a message in one frame.
func (c caller) astm(text string) {
	c.say("\x05")
	c.hear(6)
	body := "1" + text + "\x03"
	sum := byte(0)
	for i := range len(body) {
		sum += body[i]
	}
	c.say("\x02" + body + string("0123456789ABCDEF"[sum>>4]) + string("0123456789ABCDEF"[sum&15]) + "\r\n")
	c.hear(6)
	c.say("\x04")
}

// astmAnswer takes what the server sends, frame by frame.
func (c caller) astmAnswer() string {
	var b strings.Builder
	c.hear(5)
	for {
		c.say("\x06")
		first, err := c.in.ReadByte()
		require.NoError(c.t, err)
		if first == 4 {
			return b.String()
		}
		line, err := c.in.ReadString('\n')
		require.NoError(c.t, err)
		b.WriteString(line[1:])
	}
}

func (c caller) block() string {
	text, err := c.in.ReadString('\x1c')
	require.NoError(c.t, err)
	c.hear('\r')
	return text
}
