// Package gate is the bench-side end of natlims: it reads the instruments of one bench PC, keeps what they say on its own disk, and
// carries it to the server.
//
// It never decides what bytes mean. An instrument is told that a message arrived only after it is synced to the spool (package spool); the
// spool lets go of it only after the server has answered that it is stored. So the server may be away for hours and the PC may lose power.
// The server knows repeats by content, so a message may be carried twice.
//
// What an instrument asks (host query) the gate asks the server at that moment and answers on the line. While the server is away the
// instrument is told, in its protocol's words, that its question could not be answered: never that there are no orders, never nothing.
//
// Each line has a spool and a token of its own: a line whose token is refused does not hold up the others. What the server refuses for
// good (too large, not understood) is put into the spool's folder "refused" for people, never dropped.
//
//	Load     gate.json
//	Run      lines -> spools -> server, until the context ends
//	Check    tries everything once and says in words what is wrong
package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"natlims/instruments/link"
)

// Config is gate.json.
//
//	{"server": "https://lims.example.org", "spool": "/var/lib/lims-gate", "health": "127.0.0.1:8091",
//	 "lines": [{"name": "cycler-1", "kind": "serial", "address": "/dev/ttyUSB0", "protocol": "astm",
//	            "settings": {"baud": 9600, "frame": "8N1"}, "token_file": "cycler-1.token"}]}
type Config struct {
	Server   string `json:"server"`             // https, or http on this machine
	CA       string `json:"ca,omitempty"`       // PEM file of the server's own authority
	Insecure bool   `json:"insecure,omitempty"` // allow http to another machine: tokens and results travel readable
	Spool    string `json:"spool"`              // folder
	LimitMB  int64  `json:"limit_mb,omitempty"` // most that may wait on each line; 4096
	Health   string `json:"health,omitempty"`   // host:port of GET /healthz; none
	Lines    []Row  `json:"lines"`
}

// Row is one instrument.
type Row struct {
	Name      string        `json:"name"` // lower case letters, digits, - and _; it names the spool's folder
	Kind      link.Kind     `json:"kind"`
	Address   string        `json:"address"`
	Protocol  string        `json:"protocol"`
	Settings  link.Settings `json:"settings"`
	Token     string        `json:"token,omitempty"`      // of the instrument
	TokenFile string        `json:"token_file,omitempty"` // a file that holds it, relative to gate.json
}

const (
	maxConfig = 1 << 20
	maxLines  = 256
)

var rowName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// Load reads and checks a configuration; all that is wrong is told at once.
func Load(path string) (Config, error) {
	var c Config
	f, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer f.Close()
	d := json.NewDecoder(io.LimitReader(f, maxConfig))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	base := filepath.Dir(path)
	c.Spool, c.CA = under(base, c.Spool), under(base, c.CA)
	if err := c.check(base); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func under(base, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}

func (c *Config) check(base string) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if err := c.checkServer(); err != nil {
		errs = append(errs, err)
	}
	if c.Spool == "" {
		bad("spool: expected a folder")
	}
	if c.LimitMB == 0 {
		c.LimitMB = 4096
	}
	if c.LimitMB < 1 || c.LimitMB > 1<<20 {
		bad("limit_mb %d: expected 1 to %d", c.LimitMB, 1<<20)
	}
	if len(c.Lines) == 0 || len(c.Lines) > maxLines {
		bad("lines: %d, expected 1 to %d", len(c.Lines), maxLines)
	}
	seen := map[string]bool{}
	for i := range c.Lines {
		r := &c.Lines[i]
		if !rowName.MatchString(r.Name) || seen[r.Name] {
			bad("line %d: name %q: expected a name of its own of a-z, 0-9, - and _", i+1, r.Name)
		}
		seen[r.Name] = true
		if err := r.line(i).Check(); err != nil {
			errs = append(errs, err)
		}
		if err := r.loadToken(base); err != nil {
			bad("line %q: %w", r.Name, err)
		}
	}
	return errors.Join(errs...)
}

func (c *Config) checkServer() error {
	u, err := url.Parse(c.Server)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("server %q: expected https://HOST[:PORT]", c.Server)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && !c.Insecure && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("server %q: expected https; http would let everybody on the network read the token (\"insecure\": true allows it)", c.Server)
	}
	c.Server = strings.TrimRight(c.Server, "/")
	return nil
}

// line is the row as package link knows it. Its id is its place, counted from 1; 0 stays the unknown sender.
func (r *Row) line(i int) link.Line {
	return link.Line{ID: int64(i + 1), Name: r.Name, Kind: r.Kind, Address: r.Address, Protocol: r.Protocol, Settings: r.Settings}
}

func (r *Row) loadToken(base string) error {
	if r.TokenFile != "" {
		b, err := os.ReadFile(under(base, r.TokenFile))
		if err != nil {
			return fmt.Errorf("token_file: %w", err)
		}
		r.Token = strings.TrimSpace(string(b))
	}
	if r.Token == "" || strings.ContainsAny(r.Token, " \r\n\t") {
		return errors.New("token: expected the instrument's token, or token_file")
	}
	return nil
}
