//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"natlims/instruments/link"
	"natlims/instruments/link/gate"
	"natlims/lims"
	"natlims/lims/api"
	"natlims/lims/store"
	"natlims/lims/store/pgtest"
)

// asker is a server behind TLS with one analyser, whose laboratory has received the tube X-2, and that analyser's token.
func asker(t *testing.T) (st *store.Store, srv *httptest.Server, token string) {
	t.Helper()
	ctx := t.Context()
	st, err := store.Open(ctx, pgtest.New(t), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { st.Close() }) //nolint:errcheck
	root := lims.Actor{Roles: []lims.Role{lims.Admin, lims.Supervisor, lims.Technician}}
	lab, err := st.AddLab(ctx, root, store.Lab{Code: "L1", Name: store.Name{Zh: "一", En: "one"}})
	require.NoError(t, err)
	received(t, st, root, lab, "X-2")
	inst, err := st.AddInstrument(ctx, root, store.Instrument{Lab: lab, Code: "gx", Model: "GeneXpert", Line: "push", Protocol: link.ASTM,
		Settings: []byte(`{"tests":{"SARS-CoV-2":["COVPLUS"]}}`)})
	require.NoError(t, err)
	id, err := st.AddActor(ctx, root, store.NewActor{Login: "gx", Name: "gx", Instrument: inst, Lab: lab, Roles: []lims.Role{lims.Machine}})
	require.NoError(t, err)
	token, err = st.NewToken(ctx, root, id, store.TokenGrant{Name: "gate", Scopes: []string{api.MessagesWrite}})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/api/", api.New(st, api.Options{}))
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	srv = httptest.NewTLSServer(mux)
	t.Cleanup(srv.Close)
	return st, srv, token
}

// An analyser on a serial port and one on a socket ask at a gate for a tube: the server's orders come back on their lines. When the server
// is away they hear that nobody could look, in the words of their protocols, and not that there is nothing to do.
func TestGateAnswersQuestions(t *testing.T) {
	t.Parallel()
	st, srv, token := asker(t)
	master, slave, err := pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { master.Close(); slave.Close() }) //nolint:errcheck
	c := gate.Config{Server: srv.URL, CA: filepath.Join(t.TempDir(), "ca.pem"), Spool: t.TempDir(), LimitMB: 1, Lines: []gate.Row{
		{Name: "port", Kind: link.Serial, Address: slave.Name(), Protocol: link.ASTM, Token: token},
		{Name: "socket", Kind: link.Listen, Address: "127.0.0.1:0", Protocol: link.HL7, Token: token}}}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	require.NoError(t, os.WriteFile(c.CA, cert, 0o600))
	for _, f := range gate.Check(t.Context(), c, time.Now) {
		require.NoError(t, f.Err, f.What)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, over := make(chan *gate.Gate, 1), make(chan error, 1)
	go func() {
		over <- gate.Run(ctx, c, gate.Options{Now: time.Now, Ready: func(g *gate.Gate) { ready <- g }})
	}()
	g := <-ready
	require.Eventually(t, func() bool {
		all := g.Status()
		return all[0].State == link.Up && all[1].State == link.Up
	}, 10*time.Second, time.Millisecond)
	before := audits(t, st)

	conn := &portConn{File: master}
	port, socket := caller{t, conn, bufio.NewReader(conn)}, dialled(t, g.Status()[1].Address)
	const q = "H|@^\\|1||GeneXpert^1^6.2\rQ|1|P-7^X-2||||||||||O@N\rL|1|N\r"
	port.astm(q)
	text := port.astmAnswer()
	require.Contains(t, text, "|X-2|")
	require.Contains(t, text, "^^^COVPLUS|")
	require.Contains(t, text, "L|1|F")
	port.astm("H|@^\\|2||GeneXpert^1^6.2\rQ|1|P-7^GHOST||||||||||O@N\rL|1|N\r")
	require.Contains(t, port.astmAnswer(), "L|1|I", "nothing is wanted of it")
	const block = "\x0bMSH|^~\\&|GeneXpert||LIS||20260101||QBP^Z03|Q-1|P|2.5|||AL|NE\rQPD|Z03^Host|T-1|P-1|X-2\r\x1c\r"
	socket.say(block)
	require.Contains(t, socket.block(), "MSA|CA|Q-1")
	require.Contains(t, socket.block(), "COVPLUS")
	socket.say("\x0bMSH|^~\\&|c||L||20260101||QBP^Q11^QBP_Q11|Q-2|P|2.5.1|||NE|AL||UNICODE UTF-8|||LAB-27^IHE\rQPD|WOS^Work Order Step^IHELAW|T-2|X-2\r\x1c\r")
	require.Contains(t, socket.block(), "RSP^K11")
	require.Contains(t, socket.block(), "OML^O33")
	require.Equal(t, before, audits(t, st), "a question changes nothing")

	srv.CloseClientConnections()
	srv.Close()
	port.astm(q)
	text = port.astmAnswer()
	require.Contains(t, text, "L|1|Q")
	require.NotContains(t, text, "COVPLUS", "an old answer is not used")
	socket.say(block)
	require.Contains(t, socket.block(), "MSA|CA|Q-1")
	text = socket.block()
	require.Contains(t, text, "MSA|AE|Q-1")
	require.NotContains(t, text, "COVPLUS")
	b, err := json.Marshal(g.Status()[0])
	require.NoError(t, err)
	require.Contains(t, string(b), `"queries_answered":2,"queries_unanswered":1,"query_error":"the server cannot be reached`)
	cancel()
	require.NoError(t, <-over)
}

// portConn lets a pseudo-terminal be a caller's wire.
type portConn struct {
	*os.File
	net.Conn
}

func (p *portConn) Read(b []byte) (int, error)         { return p.File.Read(b) }
func (p *portConn) Write(b []byte) (int, error)        { return p.File.Write(b) }
func (p *portConn) Close() error                       { return nil }
func (p *portConn) SetDeadline(t time.Time) error      { return nil }
func (p *portConn) SetReadDeadline(t time.Time) error  { return nil }
func (p *portConn) SetWriteDeadline(t time.Time) error { return nil }
