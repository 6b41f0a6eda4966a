package scenario

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"natlims/lims/store/pgtest"
)

var address = regexp.MustCompile(`address=(\S+)`)

// serve starts a server and gives its base URL.
func serve(t *testing.T, args ...string) (*program, string) {
	t.Helper()
	p := start(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	line, ok := p.says("msg=serving")
	require.True(t, ok, p.text())
	return p, "http://" + address.FindStringSubmatch(line)[1]
}

func page(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return r.StatusCode, string(b)
}

func TestServeOnADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	p, url := serve(t, "--dsn", pgtest.New(t))
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "lims_orders_late 0", "/": "<html", "/api/v1/openapi.json": `"openapi":"3.1`} {
		code, body := page(t, url+path)
		require.Equal(t, 200, code, path)
		require.Contains(t, body, want, path)
	}
	_, metrics := page(t, url+"/metrics")
	for _, name := range []string{"lims_messages_total", "lims_delivery_tries_total", "lims_orders_day", "lims_pending", "go_goroutines", "process_open_fds"} {
		if name != "lims_messages_total" && name != "lims_delivery_tries_total" { // no message, no line
			require.Contains(t, metrics, name)
		}
	}
	require.Contains(t, p.text(), "")
	begin := time.Now()
	require.Zero(t, p.stop(), p.text())
	require.Less(t, time.Since(begin), 20*time.Second)
	require.Regexp(t, `First start: sign in as "admin" with the password \S{16}`, p.out.String())
	_, err := http.Get(url + "/healthz")
	require.Error(t, err)
}

// The embedded default: the program runs a PostgreSQL of its own, and a second program on the same folder is told who has it.
func TestServePrivateDatabase(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	p, url := serve(t, "--data", dir)
	code, body := page(t, url+"/readyz")
	require.Equal(t, 200, code, body)
	second := start(t, "serve", "--listen", "127.0.0.1:0", "--data", dir)
	require.Equal(t, 1, second.wait())
	require.Contains(t, second.text(), fmt.Sprintf("process %d", p.cmd.Process.Pid))
	code, _ = page(t, url+"/readyz")
	require.Equal(t, 200, code, "the first has not noticed")
	p.kill()
	q, url := serve(t, "--data", dir)
	code, _ = page(t, url+"/readyz")
	require.Equal(t, 200, code)
	require.Zero(t, q.stop())
	require.NotContains(t, q.out.String(), "First start", "what was there is there")
}

func TestServeRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ words, why string }{
		{"expected a network", "--private=10.1.0.0"},
		{"go together", "--cert=" + os.Args[0]},
		{"address already in use", "--listen=" + taken(t)},
		{"database", "--dsn=host=/nonexistent dbname=x"},
	} {
		p := start(t, "serve", "--listen", "127.0.0.1:0", "--dsn", "host=/nonexistent dbname=x", tt.why)
		require.Equal(t, 1, p.wait(), tt.why)
		require.Contains(t, p.text(), tt.words, tt.why)
	}
}
