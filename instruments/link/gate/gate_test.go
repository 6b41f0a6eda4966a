package gate

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"natlims/instruments/link"
)

// TestMain turns the test binary into a gate where LIMS_GATE_CONFIG is set, to be killed by a test.
func TestMain(m *testing.M) {
	if path := os.Getenv("LIMS_GATE_CONFIG"); path != "" {
		c, err := Load(path)
		if err == nil {
			err = Run(context.Background(), c, Options{Now: time.Now, wait: time.Millisecond})
		}
		fmt.Println(err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// lab is a server in memory with the manners of POST /api/v1/messages.
type lab struct {
	*httptest.Server
	mu    sync.Mutex
	down  int // answer this status instead; 0 = up
	drop  int // so many answers break off after the message is kept
	mute  bool
	kept  []body
	times map[string]int // by token and content
	asked int
}

func newLab(t *testing.T, tls bool) *lab {
	t.Helper()
	l := &lab{times: map[string]int{}}
	l.Server = httptest.NewUnstartedServer(http.HandlerFunc(l.serve))
	if tls {
		l.StartTLS()
	} else {
		l.Start()
	}
	t.Cleanup(l.Close)
	return l
}

func (l *lab) serve(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.URL.Path == "/readyz" {
		return
	}
	l.asked++
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if r.URL.Path == "/api/v1/queries" {
		l.query(w, r)
		return
	}
	var b body
	switch err := json.NewDecoder(r.Body).Decode(&b); {
	case l.down != 0:
		w.WriteHeader(l.down)
		return
	case token == "unknown":
		w.WriteHeader(http.StatusUnauthorized)
		return
	case err != nil || len(b.Bytes) == 0 || strings.Contains(string(b.Bytes), "poison"):
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"code":"message.size"}`)
		return
	}
	l.times[token+" "+string(b.Bytes)]++
	if l.times[token+" "+string(b.Bytes)] == 1 {
		l.kept = append(l.kept, b)
	}
	if l.drop > 0 {
		l.drop--
		panic(http.ErrAbortHandler)
	}
	fmt.Fprint(w, `{"id":1,"repeat":false,"state":"kept"}`)
}

// query knows the orders of every tube but "none".
func (l *lab) query(w http.ResponseWriter, r *http.Request) {
	var q question
	switch err := json.NewDecoder(r.Body).Decode(&q); {
	case l.down != 0:
		w.WriteHeader(l.down)
		return
	case l.mute:
		panic(http.ErrAbortHandler)
	case err != nil:
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	orders := []link.Order{}
	for _, s := range q.Samples {
		if s != "none" {
			orders = append(orders, link.Order{Sample: s, Tests: []string{"COV"}})
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"orders": orders})
}

func (l *lab) set(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = status
}

func (l *lab) texts() (s []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.kept {
		s = append(s, string(b.Bytes))
	}
	return s
}

func folderRow(t *testing.T, name string) Row {
	t.Helper()
	return Row{Name: name, Kind: link.Folder, Address: t.TempDir(), Protocol: link.File, Token: "good",
		Settings: link.Settings{Every: link.Span(2 * time.Millisecond)}}
}

func drop(t *testing.T, r Row, name, text string) {
	t.Helper()
	part := filepath.Join(r.Address, name+".part")
	require.NoError(t, os.WriteFile(part, []byte(text), 0o600))
	require.NoError(t, os.Rename(part, filepath.Join(r.Address, name)))
}

func config(t *testing.T, l *lab, rows ...Row) Config {
	t.Helper()
	c := Config{Server: l.URL, Spool: t.TempDir(), Lines: rows}
	require.NoError(t, c.check(""))
	return c
}

// run runs a gate until the returned function is called.
func run(t *testing.T, c Config) (*Gate, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, over := make(chan *Gate, 1), make(chan error, 1)
	go func() {
		over <- Run(ctx, c, Options{Now: time.Now, wait: time.Millisecond, Ready: func(g *Gate) { ready <- g }})
	}()
	var once sync.Once
	stop := func() { once.Do(func() { cancel(); require.NoError(t, <-over) }) }
	t.Cleanup(stop)
	select {
	case g := <-ready:
		return g, stop
	case err := <-over:
		over <- nil
		require.NoError(t, err)
	}
	return nil, stop
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, 30*time.Second, 2*time.Millisecond)
}

func TestCarriesWhatWasKeptWhileTheServerWasAway(t *testing.T) {
	t.Parallel()
	l := newLab(t, false)
	r := folderRow(t, "box")
	c := config(t, l, r)
	l.set(http.StatusInternalServerError)
	g, stop := run(t, c)
	for i := range 5 {
		drop(t, r, fmt.Sprintf("%d.txt", i), fmt.Sprint("run ", i))
		eventually(t, func() bool { return g.Status()[0].Spool.Waiting == i+1 })
	}
	eventually(t, func() bool { return strings.Contains(g.Status()[0].Error, "500") })
	stop() // the PC is switched off

	l.set(0)
	g, _ = run(t, c)
	eventually(t, func() bool { return len(l.texts()) == 5 })
	require.Equal(t, []string{"run 0", "run 1", "run 2", "run 3", "run 4"}, l.texts())
	eventually(t, func() bool { return g.Status()[0].Spool.Waiting == 0 })
	require.Equal(t, "folder", l.kept[0].Line)
	require.Equal(t, "0.txt", l.kept[0].Name)
	require.True(t, l.kept[0].Complete)
	require.Empty(t, g.Status()[0].Error)
}

func TestAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	l := newLab(t, false)
	l.drop = 3
	r := folderRow(t, "box")
	g, _ := run(t, config(t, l, r))
	drop(t, r, "a.txt", "a")
	eventually(t, func() bool { return g.Status()[0].Carried == 1 })
	require.Equal(t, []string{"a"}, l.texts())
	require.Equal(t, 4, l.times["good a"], "sent until the answer came; the server knows repeats")
}

func TestRefusedForGoodIsPutAside(t *testing.T) {
	t.Parallel()
	l := newLab(t, false)
	r := folderRow(t, "box")
	c := config(t, l, r)
	g, _ := run(t, c)
	drop(t, r, "a.txt", "poison")
	eventually(t, func() bool { return g.Status()[0].Refused == 1 })
	drop(t, r, "b.txt", "good")
	eventually(t, func() bool { return len(l.texts()) == 1 })
	files, err := filepath.Glob(filepath.Join(c.Spool, "box", "refused", "*.bytes"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Equal(t, "poison", string(b))
}

func TestOneBadTokenHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	l := newLab(t, false)
	bad, good := folderRow(t, "bad"), folderRow(t, "good")
	bad.Token = "unknown"
	g, _ := run(t, config(t, l, bad, good))
	drop(t, bad, "a.txt", "a")
	eventually(t, func() bool { return strings.Contains(g.Status()[0].Error, "401") })
	drop(t, good, "b.txt", "b")
	eventually(t, func() bool { return len(l.texts()) == 1 })
	require.Equal(t, 1, g.Status()[0].Spool.Waiting, "kept until the token is mended")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	l := newLab(t, true)
	r := folderRow(t, "box")
	c := config(t, l, r)
	findings := Check(t.Context(), c, time.Now)
	require.ErrorContains(t, findings[len(findings)-1].Err, `name its PEM file as "ca"`)

	c.CA = filepath.Join(t.TempDir(), "ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.Certificate().Raw})
	require.NoError(t, os.WriteFile(c.CA, cert, 0o600))
	for _, f := range Check(t.Context(), c, time.Now) {
		require.NoError(t, f.Err, f.What)
	}
	g, _ := run(t, c)
	drop(t, r, "a.txt", "a")
	eventually(t, func() bool { return g.Status()[0].Carried == 1 })
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	l := newLab(t, false)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	box := folderRow(t, "box")
	box.Token = "unknown"
	c := config(t, l, box,
		Row{Name: "gone", Kind: link.Folder, Address: filepath.Join(t.TempDir(), "gone"), Protocol: link.File, Token: "good"},
		Row{Name: "tty", Kind: link.Serial, Address: "/dev/no-such-port", Protocol: link.ASTM, Token: "good"},
		Row{Name: "taken", Kind: link.Listen, Address: taken.Addr().String(), Protocol: link.HL7, Token: "good"},
		Row{Name: "off", Kind: link.Dial, Address: "127.0.0.1:1", Protocol: link.HL7, Token: "good"})
	said := map[string]string{}
	for _, f := range Check(t.Context(), c, time.Now) {
		said[f.What] = fmt.Sprint(f.Err)
	}
	for what, want := range map[string]string{
		"line gone: folder " + c.Lines[1].Address:          "is the share mounted",
		"line tty: serial /dev/no-such-port":               "is the cable plugged in",
		"line taken: tcp-listen " + taken.Addr().String():  "another program",
		"line off: tcp-dial 127.0.0.1:1":                   "is the instrument on",
		"line box: token":                                  "make a new token",
		"line tty: token":                                  "<nil>",
		"server " + l.URL:                                  "<nil>",
		"line box: spool " + filepath.Join(c.Spool, "box"): "<nil>",
		"line box: folder " + c.Lines[0].Address:           "<nil>",
	} {
		require.Contains(t, said[what], want, what)
	}
	late := func() time.Time { return time.Now().Add(8 * time.Hour) }
	var skew error
	for _, f := range Check(t.Context(), c, late) {
		if strings.HasPrefix(f.What, "server") {
			skew = f.Err
		}
	}
	require.ErrorContains(t, skew, "differ by 8h0m")
	l.Close()
	findings := Check(t.Context(), c, time.Now)
	require.ErrorContains(t, findings[len(findings)-1].Err, "is the server on")
}

// A server that is too old, that does not know the token or that does not answer leaves the question unanswered, in words; nothing hangs.
func TestQuestionsUnanswered(t *testing.T) {
	t.Parallel()
	l := newLab(t, false)
	r := Row{Name: "gx", Kind: link.Listen, Address: "127.0.0.1:0", Protocol: link.ASTM, Token: "good"}
	g, _ := run(t, config(t, l, r))
	q := link.Query{Instrument: 1, Source: "gx", Samples: []string{"S-1", "none"}}
	orders, err := g.answer(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, []link.Order{{Sample: "S-1", Tests: []string{"COV"}}}, orders)
	for status, want := range map[int]string{http.StatusNotFound: "older than this gate", http.StatusUnauthorized: "401", http.StatusBadGateway: "502"} {
		l.set(status)
		_, err = g.answer(t.Context(), q)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, errors.New(g.Status()[0].QueryError), want)
	}
	l.set(0)
	l.mu.Lock()
	l.mute = true
	l.mu.Unlock()
	_, err = g.answer(t.Context(), q)
	require.ErrorContains(t, err, "cannot be reached")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = g.answer(ctx, q)
	require.ErrorIs(t, err, context.Canceled)
	q.Instrument = 0
	orders, err = g.answer(t.Context(), q)
	require.NoError(t, err)
	require.Empty(t, orders, "a sender that no line knows has no orders")
	require.Equal(t, int64(5), g.Status()[0].Unanswered)
	require.Equal(t, int64(1), g.Status()[0].Answered)
}

func TestHealthPage(t *testing.T) {
	t.Parallel()
	l := newLab(t, false)
	r := folderRow(t, "box")
	g, _ := run(t, config(t, l, r))
	eventually(t, func() bool { return g.Status()[0].State == link.Up })
	ask := func() (int, string) {
		w := httptest.NewRecorder()
		g.health(w, nil)
		return w.Code, w.Body.String()
	}
	code, text := ask()
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, text, `"ok":true`)
	require.Contains(t, text, `"name":"box"`)
	require.NotContains(t, text, "good", "no tokens")
	require.NoError(t, os.Rename(r.Address, r.Address+"-gone"))
	eventually(t, func() bool { code, _ := ask(); return code == http.StatusServiceUnavailable })
	require.NoError(t, os.Rename(r.Address+"-gone", r.Address))
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "gate.json")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	require.NoError(t, os.WriteFile(filepath.Join(dir, "t"), []byte("secret\n"), 0o600))
	const line = `"lines":[{"name":"c-1","kind":"tcp-listen","address":":4001","protocol":"astm","token_file":"t","settings":{"idle":"10m"}}]`
	write(`{"server":"https://lims.example.org/","spool":"spool",` + line + `}`)
	c, err := Load(path)
	require.NoError(t, err)
	require.Equal(t, "https://lims.example.org", c.Server)
	require.Equal(t, filepath.Join(dir, "spool"), c.Spool)
	require.Equal(t, "secret", c.Lines[0].Token)
	for text, want := range map[string]string{
		`{`:             "unexpected EOF",
		`{"servers":1}`: `unknown field "servers"`,
		`{"server":"http://10.0.0.1","spool":"s",` + line + `}`: "expected https",
		`{"server":"ftp://x","spool":"s",` + line + `}`:         "expected https://HOST",
		`{"server":"https://x",` + line + `}`:                   "spool: expected a folder",
		`{"server":"https://x","spool":"s"}`:                    "lines: 0",
		`{"server":"https://x","spool":"s","lines":[{"name":"../x","kind":"folder","address":"/x","protocol":"file","token":"t"}]}`: "expected a name of its own",
		`{"server":"https://x","spool":"s","lines":[{"name":"x","kind":"folder","address":"/x","protocol":"file"}]}`:                "token: expected",
		`{"server":"https://x","spool":"s","lines":[{"name":"x","kind":"post","address":"/x","protocol":"file","token":"t"}]}`:      "kind",
	} {
		write(text)
		_, err := Load(path)
		require.ErrorContains(t, err, want)
	}
}
