package gate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"natlims/instruments/link"
	"natlims/instruments/link/spool"
)

// Finding is the outcome of one trial.
type Finding struct {
	What string
	Err  error // nil: it works
}

const maxSkew = 2 * time.Minute

// Check tries every line, the spool, the server and the tokens once and says in words what is wrong. It sends no message and reads none;
// a gate that runs on the same spool or ports is in its way.
func Check(ctx context.Context, c Config, now func() time.Time) []Finding {
	var all []Finding
	add := func(what string, err error) { all = append(all, Finding{what, err}) }
	for i := range c.Lines {
		r := &c.Lines[i]
		add(fmt.Sprintf("line %s: %s %s", r.Name, r.Kind, r.Address), tryLine(ctx, r.line(i)))
		add(fmt.Sprintf("line %s: spool %s", r.Name, filepath.Join(c.Spool, r.Name)), trySpool(filepath.Join(c.Spool, r.Name)))
	}
	client, err := c.client()
	if err != nil {
		add("server "+c.Server, err)
		return all
	}
	defer client.CloseIdleConnections()
	add("server "+c.Server, tryServer(ctx, c, client, now))
	if all[len(all)-1].Err != nil {
		return all
	}
	for _, r := range c.Lines {
		add(fmt.Sprintf("line %s: token", r.Name), tryToken(ctx, c, r, client))
		if all[len(all)-1].Err == nil && (r.Protocol == link.ASTM || r.Protocol == link.HL7) {
			_, err := (&post{gate: &Gate{c: c, http: client}, row: r}).ask(ctx, question{})
			add(fmt.Sprintf("line %s: questions of the instrument", r.Name), err)
		}
	}
	return all
}

func tryLine(ctx context.Context, l link.Line) error {
	switch l.Kind {
	case link.Serial:
		p, err := link.OpenPort(l.Address, l.Settings)
		if err != nil {
			return inWords(err, "is the cable plugged in, and may this user open the port (group dialout)?")
		}
		return p.Close()
	case link.Listen:
		s, err := net.Listen("tcp", l.Address)
		if err != nil {
			return inWords(err, "is another program, or a running gate, listening there?")
		}
		return s.Close()
	case link.Dial:
		d := net.Dialer{Timeout: 5 * time.Second}
		conn, err := d.DialContext(ctx, "tcp", l.Address)
		if err != nil {
			return inWords(err, "is the instrument on, and does it listen at this address?")
		}
		return conn.Close()
	}
	return tryFolder(l.Address, l.Settings.Leave)
}

func tryFolder(dir string, leave bool) error {
	if _, err := os.ReadDir(dir); err != nil {
		return inWords(err, "is the share mounted, and may this user read it?")
	}
	if leave {
		return nil
	}
	name := filepath.Join(dir, ".lims-gate-check")
	err := os.WriteFile(name, nil, 0o600)
	if err == nil {
		err = os.Remove(name)
	}
	if err != nil {
		return inWords(err, `files cannot be moved to "done" here; allow writing, or set "leave": true`)
	}
	return nil
}

func trySpool(dir string) error {
	s, err := spool.Open(dir, 1)
	if errors.Is(err, spool.ErrHeld) {
		return inWords(err, "a gate is running on it; stop it to check")
	}
	if err != nil {
		return err
	}
	return s.Close()
}

func tryServer(ctx context.Context, c Config, client *http.Client, now func() time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Server+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return serverInWords(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers /readyz with %s: is it a natlims server, and is its database up?", resp.Status)
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		if skew := now().Sub(at).Abs(); skew > maxSkew {
			return fmt.Errorf("its clock and this PC's differ by %v: set this PC's clock", skew.Round(time.Second))
		}
	}
	return nil
}

func serverInWords(err error) error {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var expired x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return inWords(err, `its certificate is signed by an authority this PC does not know; name its PEM file as "ca"`)
	case errors.As(err, &host):
		return inWords(err, "its certificate is for another name; use that name as server")
	case errors.As(err, &expired):
		return inWords(err, "its certificate has run out, or this PC's clock is wrong")
	case errors.As(err, &plain):
		return inWords(err, "it does not speak TLS at this port")
	case errors.As(err, &dns):
		return inWords(err, "its name is not known; is the network up?")
	}
	return inWords(err, "is the server on, and does a firewall stand between?")
}

// tryToken sends an empty message: the server refuses it as empty if it knows the token, and stores nothing.
func tryToken(ctx context.Context, c Config, r Row, client *http.Client) error {
	p := &post{gate: &Gate{c: c, http: client}, row: r}
	status, answer, err := p.send(ctx, []byte(`{"bytes":"","line":"push","complete":true}`), link.Arrival{})
	switch {
	case err != nil:
		return err
	case status == http.StatusUnauthorized:
		return errors.New("the server does not know it: make a new token on the instrument's page")
	case status == http.StatusForbidden:
		return fmt.Errorf("it may not push messages, or belongs to no instrument: %s", answer)
	case refusedForGood(status), status == http.StatusOK:
		return nil
	}
	return fmt.Errorf("the server answers %d: %s", status, answer)
}

func inWords(err error, words string) error {
	if errors.Is(err, fs.ErrPermission) {
		words = "this user may not: " + words
	}
	return fmt.Errorf("%w: %s", err, words)
}
