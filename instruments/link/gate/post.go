package gate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"natlims/instruments/link"
	"natlims/instruments/link/spool"
)

const (
	postTime  = 2 * time.Minute // for one message: a large file over a slow line
	firstWait = time.Second
	maxWait   = time.Minute // between two tries while the server is away
	maxAnswer = 64 << 10
	maxName   = 200 // characters of a file name or peer
)

// post carries the messages of one line to the server, oldest first, one at a time.
type post struct {
	gate  *Gate
	row   Row
	spool *spool.Spool

	mu         sync.Mutex
	carried    int64
	refused    int64
	last       time.Time
	err        string
	answered   int64
	unanswered int64
	askErr     string
}

func (p *post) status(h link.Health) Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Status{Health: h, Spool: p.spool.Stats(), Carried: p.carried, Refused: p.refused, Last: p.last, Error: p.err,
		Answered: p.answered, Unanswered: p.unanswered, QueryError: p.askErr}
}

// run carries until the context ends.
func (p *post) run(ctx context.Context) {
	wait := p.gate.wait
	for ctx.Err() == nil {
		e, ok, err := p.spool.Next()
		if err == nil && !ok {
			select {
			case <-p.spool.Wake():
			case <-ctx.Done():
			}
			continue
		}
		if err == nil {
			err = p.carry(ctx, e)
		}
		p.tell(ctx, err)
		if err == nil {
			wait = p.gate.wait
			continue
		}
		var busy *later
		if errors.As(err, &busy) && busy.after > 0 {
			wait = min(busy.after, maxWait)
		}
		pause(ctx, wait/2+rand.N(wait)) // gates that lost the server together do not come back together
		wait = min(2*wait, maxWait)
	}
}

func (p *post) tell(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.err
	p.err = ""
	if err != nil {
		p.err = err.Error()
	}
	switch {
	case p.err != "" && p.err != was:
		p.gate.log.Error("not carried", "line", p.row.Name, "waiting", p.spool.Stats().Waiting, "error", err)
	case p.err == "" && was != "":
		p.gate.log.Info("carried again", "line", p.row.Name)
	}
}

// body is the request of POST /api/v1/messages.
type body struct {
	Bytes    []byte `json:"bytes"`
	Name     string `json:"name,omitempty"`
	Line     string `json:"line,omitempty"`
	Peer     string `json:"peer,omitempty"`
	Complete bool   `json:"complete"`
}

// later is a failure that may pass.
type later struct {
	text  string
	after time.Duration
}

func (l *later) Error() string { return l.text }

// carry sends one entry. nil means that it has left the spool: the server has it, or refused it for good and it was put aside.
func (p *post) carry(ctx context.Context, e spool.Entry) error {
	a := e.Arrival
	b, err := json.Marshal(body{Bytes: a.Bytes, Name: tail(a.Name), Line: string(a.Kind), Peer: tail(a.Peer), Complete: a.Complete})
	if err != nil {
		return err
	}
	status, answer, err := p.send(ctx, b, a)
	switch {
	case err != nil:
		return err
	case status == http.StatusOK || status == http.StatusCreated:
		p.count(&p.carried)
		return p.spool.Done(e.Seq)
	case refusedForGood(status):
		if err := p.putAside(e, status, answer); err != nil {
			return err
		}
		p.count(&p.refused)
		return p.spool.Done(e.Seq)
	}
	return &later{text: fmt.Sprintf("the server answers %d: %s", status, answer)}
}

func (p *post) count(n *int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*n++
	p.last = p.gate.now()
}

// refusedForGood says that the same request will never be taken. 401 and 403 are not among these: a token can be mended.
func refusedForGood(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		return true
	}
	return false
}

func (p *post) send(ctx context.Context, b []byte, a link.Arrival) (status int, answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.gate.c.Server+"/api/v1/messages", bytes.NewReader(b))
	if err != nil {
		return 0, "", err
	}
	sum := sha256.Sum256(a.Bytes)
	req.Header.Set("Authorization", "Bearer "+p.row.Token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", hex.EncodeToString(sum[:]))
	resp, err := p.gate.http.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("the server cannot be reached: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil { // the answer broke off: whether it is stored is not known, so it is sent again
		return 0, "", fmt.Errorf("the server's answer broke off: %w", err)
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		s, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // a date or nothing: our own pause
		return 0, "", &later{text: fmt.Sprintf("the server is busy (%d)", resp.StatusCode), after: time.Duration(max(s, 0)) * time.Second}
	}
	return resp.StatusCode, brief(text), nil
}

// putAside writes what the server refused for good where people find it.
func (p *post) putAside(e spool.Entry, status int, answer string) error {
	dir := filepath.Join(p.gate.c.Spool, p.row.Name, "refused")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	base := filepath.Join(dir, fmt.Sprintf("%s-%d", e.Arrival.At.UTC().Format("20060102T150405"), e.Seq))
	said := e.Arrival
	said.Bytes = nil
	b, err := json.MarshalIndent(map[string]any{"status": status, "answer": answer, "arrival": said}, "", "  ")
	if err != nil {
		return err
	}
	p.gate.log.Error("refused by the server, put aside", "line", p.row.Name, "status", status, "answer", answer, "file", base)
	return errors.Join(os.WriteFile(base+".bytes", e.Arrival.Bytes, 0o600), os.WriteFile(base+".json", b, 0o600))
}

// tail is the end of a name that is longer than the server takes: the end of a path tells more than its start.
func tail(s string) string {
	if r := []rune(s); len(r) > maxName {
		return string(r[len(r)-maxName:])
	}
	return s
}

// brief is the start of an answer, for logs.
func brief(b []byte) string {
	if len(b) > 300 {
		b = b[:300]
	}
	return string(bytes.ToValidUTF8(bytes.TrimSpace(b), []byte("?")))
}

// client follows no redirects: one to another host would be given the token.
func (c Config) client() (*http.Client, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   8,
		ForceAttemptHTTP2:     true,
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s: expected certificates in PEM form", c.CA)
		}
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
