package send

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hook is a department's server and the way to it.
func hook(t *testing.T, handler http.HandlerFunc) (*Outbound, Destination) {
	server := httptest.NewServer(handler)
	o := &Outbound{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	t.Cleanup(server.Close)
	t.Cleanup(o.Close)
	return o, Destination{ID: "7", Channel: "webhook", Address: server.URL + "/in?token=query-secret", Secret: secret}
}

func TestWebhookRequest(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	o, d := hook(t, func(w http.ResponseWriter, q *http.Request) {
		got = q
		body, _ = io.ReadAll(q.Body)
	})
	p := parcel()
	p.Urgent = true
	r, err := o.Send(t.Context(), d, p)
	require.NoError(t, err)
	require.Equal(t, Receipt{Accepted: true, Status: 200}, r)
	require.Equal(t, http.MethodPost, got.Method)
	require.Equal(t, p.Bytes, body)
	for name, want := range map[string]string{"Content-Type": "application/json", "User-Agent": "natlims", HeaderDelivery: "D-000417", "Idempotency-Key": "D-000417",
		HeaderAttempt: "2", HeaderUrgent: "true", "Content-Disposition": "attachment; filename=R20201121-000417.json"} {
		require.Equal(t, want, got.Header.Get(name), name)
	}
	require.NoError(t, Verify(secret, got.Header.Get(HeaderSignature), body, now.Add(3*time.Second), 5*time.Minute))
}

func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	type answer struct {
		status     int
		head, body string
	}
	for _, c := range []struct {
		answer
		acknowledged bool
		final        bool
		after        time.Duration
	}{
		{answer: answer{200, "", `{"acknowledged":true}`}, acknowledged: true},
		{answer: answer{200, "", `{"acknowledged":false}`}},
		{answer: answer{200, "", `OK`}},
		{answer: answer{204, "", ``}},
		{answer: answer{201, "Natlims-Acknowledged: true", ``}, acknowledged: true},
		{answer: answer{202, "Natlims-Acknowledged: true", `{"acknowledged":true}`}}, // accepted only
		{answer: answer{301, "Location: /other", ``}, final: true},
		{answer: answer{304, "", ``}, final: true},
		{answer: answer{307, "Location: http://169.254.169.254/", ``}, final: true},
		{answer: answer{400, "", `bad`}, final: true},
		{answer: answer{401, "", ``}, final: true},
		{answer: answer{404, "", ``}, final: true},
		{answer: answer{409, "", ``}, final: true},
		{answer: answer{410, "Retry-After: 9", ``}, final: true},
		{answer: answer{422, "", ``}, final: true},
		{answer: answer{408, "", ``}},
		{answer: answer{425, "", ``}},
		{answer: answer{429, "Retry-After: 7", ``}, after: 7 * time.Second},
		{answer: answer{500, "", ``}},
		{answer: answer{503, "Retry-After: Sat, 21 Nov 2020 12:32:30 GMT", ``}, after: 90 * time.Second},
		{answer: answer{503, "Retry-After: 999999", ``}, after: time.Hour},
		{answer: answer{503, "Retry-After: -5", ``}},
		{answer: answer{503, "Retry-After: soon", ``}},
		{answer: answer{503, "Retry-After: Sat, 21 Nov 2020 12:00:00 GMT", ``}},
	} {
		t.Run(fmt.Sprint(c.status, c.head, c.body), func(t *testing.T) {
			t.Parallel()
			calls := 0
			o, d := hook(t, func(w http.ResponseWriter, q *http.Request) {
				calls++
				if name, value, ok := strings.Cut(c.head, ": "); ok {
					w.Header().Set(name, value)
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			r, err := o.Send(t.Context(), d, parcel())
			require.Equal(t, 1, calls, "one attempt, no redirect followed")
			if c.status/100 == 2 {
				require.NoError(t, err)
				require.Equal(t, Receipt{Accepted: true, Acknowledged: c.acknowledged, Status: c.status, Text: c.body}, r)
				return
			}
			if c.final {
				permanent(t, err)
			} else {
				retryable(t, err)
			}
			var e *Error
			require.True(t, errors.As(err, &e))
			require.Equal(t, c.status, e.Status)
			require.Equal(t, c.after, RetryAfter(err))
		})
	}
}

// What breaks on the way is tried again, whatever had been said before it broke.
func TestWebhookBreaks(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"no answer": func(w http.ResponseWriter, q *http.Request) { panic(http.ErrAbortHandler) },
		"reset mid-body": func(w http.ResponseWriter, q *http.Request) {
			part(w, 100, `{"acknowledged":true}`)
			panic(http.ErrAbortHandler)
		},
		"reset by RST": func(w http.ResponseWriter, q *http.Request) {
			c, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		},
		"not HTTP": func(w http.ResponseWriter, q *http.Request) {
			c, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(c, "220 mail.example.org ESMTP\r\n")
			c.Close()
		},
		"slow head": func(w http.ResponseWriter, q *http.Request) { stall(q) },
		"slow body": func(w http.ResponseWriter, q *http.Request) { part(w, 100, "{"); stall(q) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, d := hook(t, handler)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, err := o.Send(ctx, d, parcel())
			retryable(t, err)
			require.NotContains(t, err.Error(), "query-secret")
		})
	}
}

func part(w http.ResponseWriter, length int, body string) {
	w.Header().Set("Content-Length", fmt.Sprint(length))
	io.WriteString(w, body)
	w.(http.Flusher).Flush()
}

// stall holds a request until its client gives up.
func stall(q *http.Request) {
	io.Copy(io.Discard, q.Body)
	<-q.Context().Done()
}

func TestWebhookDeadReceiver(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o, d := hook(t, nil)
	d.Address = "http://" + listener.Addr().String() + "/in?token=query-secret"
	require.NoError(t, listener.Close())
	_, err = o.Send(t.Context(), d, parcel())
	retryable(t, err)
	require.NotContains(t, err.Error(), "query-secret")
}

func TestWebhookReadsNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	o, d := hook(t, func(w http.ResponseWriter, q *http.Request) {
		junk := make([]byte, 1<<20)
		for range 1 << 10 { // a gigabyte, if somebody reads it
			if _, err := w.Write(junk); err != nil {
				return
			}
		}
	})
	r, err := o.Send(t.Context(), d, parcel())
	require.NoError(t, err)
	require.True(t, r.Accepted)
	require.LessOrEqual(t, len([]rune(r.Text)), 200)
}

func TestWebhookTLS(t *testing.T) {
	t.Parallel()
	serve := func(newest uint16) (*httptest.Server, *Outbound) {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {}))
		server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: newest}
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		o := &Outbound{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: x509.NewCertPool()}
		o.Roots.AddCert(server.Certificate())
		t.Cleanup(o.Close)
		return server, o
	}
	server, o := serve(tls.VersionTLS12)
	d := Destination{ID: "7", Channel: "webhook", Address: server.URL, Secret: secret}
	_, err := o.Send(t.Context(), d, parcel())
	require.NoError(t, err)

	o.Close()
	stranger := &Outbound{AllowPrivate: o.AllowPrivate, Roots: x509.NewCertPool()}
	t.Cleanup(stranger.Close)
	_, err = stranger.Send(t.Context(), d, parcel())
	retryable(t, err)
	require.ErrorContains(t, err, "certificate")

	server, o = serve(tls.VersionTLS11)
	d.Address = server.URL
	_, err = o.Send(t.Context(), d, parcel())
	require.ErrorContains(t, err, "protocol version")
}

func TestWebhookCheck(t *testing.T) {
	t.Parallel()
	good := func() Destination {
		return Destination{ID: "7", Channel: "webhook", Address: "https://cdc.example.org/in?token=query-secret", Secret: secret}
	}
	o := &Outbound{}
	fine := good()
	fine.Options = map[string]string{"timeout": "9s", "lang": "zh"}
	require.NoError(t, o.Check(fine))
	for want, change := range map[string]func(*Destination){
		"a secret of 5 bytes: expected at least 16":       func(d *Destination) { d.Secret = []byte("short") },
		"expected an address like":                        func(d *Destination) { d.Address = "ftp://cdc.example.org" },
		"destination 7: expected an address":              func(d *Destination) { d.Address = "https:///in" },
		"address is not a URL":                            func(d *Destination) { d.Address = "https://cdc.example.org/%zz?query-secret" },
		"a name or password in the address":               func(d *Destination) { d.Address = "https://u:query-secret@cdc.example.org" },
		`option timeout: "9h": expected a duration from`:  func(d *Destination) { d.Options = map[string]string{"timeout": "9h"} },
		`host "2130706433": expected a name or an IP`:     func(d *Destination) { d.Address = "https://2130706433/" },
		"address 10.0.0.1 is not public: it is reached o": func(d *Destination) { d.Address = "https://10.0.0.1/" },
	} {
		d := good()
		change(&d)
		err := o.Check(d)
		permanent(t, err)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "query-secret")
		require.NotContains(t, err.Error(), string(secret))
	}
}
