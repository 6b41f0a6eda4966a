package send

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A webhook is one POST of the report's bytes.
//
// 2xx says delivered. A 2xx other than 202 whose body is {"acknowledged":true}, or whose header Natlims-Acknowledged is "true",
// says acknowledged as well; 202 only ever says accepted, the acknowledgement comes later by itself.
// 408, 425, 429, 5xx and everything that breaks on the way are tried again, Retry-After is honoured. Every other answer is permanent,
// redirects too: a report goes where the laboratory entered, nowhere else. Without TLS it goes to the laboratory's own networks only.
//
// Options: "timeout", a duration from 1s to 60s for the whole exchange, 15s where not set.
func init() {
	register(Channel{Name: "webhook", Title: "Webhook: signed HTTP POST", Check: checkWebhook, Send: sendWebhook})
}

const (
	maxAnswer = 64 << 10 // bytes of an answer that are read
	minSecret = 16       // bytes
)

func checkWebhook(o *Outbound, d Destination) error {
	if _, err := d.option("timeout", 0, time.Second, time.Minute); err != nil {
		return err
	}
	if len(d.Secret) < minSecret {
		return refuse("destination %s: a secret of %d bytes: expected at least %d", d.ID, len(d.Secret), minSecret)
	}
	u, err := url.Parse(d.Address)
	switch {
	case err != nil: // not shown: a URL may hold a token
		return refuse("destination %s: the address is not a URL", d.ID)
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Opaque != "":
		return refuse("destination %s: expected an address like https://host/path", d.ID)
	case u.User != nil:
		return refuse("destination %s: a name or password in the address: expected none, requests are signed", d.ID)
	}
	return o.checkHost(d.ID, u.Hostname())
}

// checkHost refuses early what Dial would refuse late, and the numeric forms of addresses that resolvers read differently
// (2130706433, 0x7f.1, 0177.0.0.1).
func (o *Outbound) checkHost(id, host string) error {
	if a, err := netip.ParseAddr(host); err == nil {
		if !o.Allowed(a) {
			return refuse("destination %s: address %s is not public: it is reached only where the laboratory allows it", id, a)
		}
		return nil
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := strings.ToLower(labels[len(labels)-1])
	if last == "" || last[0] >= '0' && last[0] <= '9' {
		return refuse("destination %s: host %q: expected a name or an IP address in its usual form", id, host)
	}
	return nil
}

func sendWebhook(ctx context.Context, o *Outbound, d Destination, p Parcel) (Receipt, error) {
	timeout, err := d.option("timeout", 15*time.Second, time.Second, time.Minute)
	if err != nil {
		return Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := o.post(ctx, d, p)
	if err != nil {
		return Receipt{}, err
	}
	answer, err := o.http().Do(request)
	if err != nil {
		return Receipt{}, broken(err, 0)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode/100 != 2 {
		return Receipt{}, refused(answer, body, p.At)
	}
	if err != nil {
		// The receiver may have taken the report, but its word was cut off. Repeats do no harm, losses do.
		return Receipt{}, broken(fmt.Errorf("answer %d cut off: %w", answer.StatusCode, err), answer.StatusCode)
	}
	r := Receipt{Accepted: true, Status: answer.StatusCode, Text: words(body)}
	if answer.StatusCode != http.StatusAccepted {
		var said struct {
			Acknowledged bool `json:"acknowledged"`
		}
		r.Acknowledged = strings.EqualFold(answer.Header.Get("Natlims-Acknowledged"), "true") ||
			json.Unmarshal(body, &said) == nil && said.Acknowledged
	}
	return r, nil
}

func (o *Outbound) post(ctx context.Context, d Destination, p Parcel) (*http.Request, error) {
	if strings.HasPrefix(strings.ToLower(d.Address), "http:") {
		ctx = context.WithValue(ctx, plainText{}, true)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Address, bytes.NewReader(p.Bytes))
	if err != nil {
		return nil, refuse("destination %s: the address is not a URL", d.ID)
	}
	agent := o.Agent
	if agent == "" {
		agent = "natlims"
	}
	h := request.Header
	h.Set("User-Agent", agent)
	h.Set("Content-Type", p.Type)
	if p.Name != "" {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": p.Name}))
	}
	h.Set(HeaderSignature, Sign(d.Secret, p.Bytes, p.At))
	h.Set(HeaderDelivery, p.ID)
	h.Set("Idempotency-Key", p.ID)
	h.Set(HeaderAttempt, strconv.Itoa(max(p.Attempt, 1)))
	if p.Urgent {
		h.Set(HeaderUrgent, "true")
	}
	return request, nil
}

// broken is an exchange that did not come to its end. The URL that net/http puts into its errors is left out.
func broken(err error, status int) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		err = fmt.Errorf("host %q: name not resolved", dns.Name)
	}
	return &Error{Final: errors.Is(err, Permanent), Status: status, Err: err}
}

// refused is an answer other than 2xx.
func refused(answer *http.Response, body []byte, now time.Time) error {
	code := answer.StatusCode
	e := &Error{Status: code, Final: true}
	switch {
	case code/100 == 3:
		e.Err = fmt.Errorf("answer %d: redirects are not followed", code)
		return e
	case code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests:
		e.Final = false
		e.After = retryAfter(answer.Header.Get("Retry-After"), now)
	}
	e.Err = fmt.Errorf("answer %d: %q", code, words(body))
	return e
}

// retryAfter reads seconds or an HTTP date (RFC 9110, 10.2.3), 0 where it is neither.
func retryAfter(value string, now time.Time) time.Duration {
	if s, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// words is the beginning of an answer as one line of text, at most 200 characters.
func words(body []byte) string {
	body = body[:min(len(body), 1024)]
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "�")), " ")
	if utf8.RuneCountInString(text) > 200 {
		text = string([]rune(text)[:200])
	}
	return text
}
