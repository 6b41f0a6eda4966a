package send

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Outbound is the way out of one process: what it may reach, and its open connections. The zero value reaches public
// addresses only and no folder. One Outbound serves all destinations at once; set its fields before first use.
type Outbound struct {
	AllowPrivate []netip.Prefix // addresses that are reached although they are not public: the laboratory's own network
	Folder       string         // folder under which file destinations lie; "" allows none
	Roots        *x509.CertPool // whose certificates are trusted; nil: the system's
	Resolver     *net.Resolver  // of names; nil: the system's
	Agent        string         // how HTTP requests name us; "" is "natlims"

	once   sync.Once
	client *http.Client
}

// notPublic lists what the predicates of netip do not: special-purpose addresses (IANA registries, RFC 6890) and those that
// wrap an IPv4 address, behind which any of them may hide.
var notPublic = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		all[i] = netip.MustParsePrefix(t)
	}
	return all
}

// Allowed says whether a may be reached. IPv4 addresses mapped into IPv6 count as what they are.
func (o *Outbound) Allowed(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	if o.own(a) {
		return true
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// own says whether a lies in the networks that the laboratory named.
func (o *Outbound) own(a netip.Addr) bool {
	return slices.ContainsFunc(o.AllowPrivate, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// plainText marks the context of an exchange without TLS.
type plainText struct{}

// Dial connects to an address that is allowed. It looks at the address that the name resolved to, at the moment of
// connecting, so that a name that resolves otherwise the second time gains nothing.
func (o *Outbound) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second, Resolver: o.Resolver}
	dialer.ControlContext = func(ctx context.Context, _, resolved string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(resolved)
		if err != nil || !o.Allowed(to.Addr()) {
			return refuse("address %s is not public: it is reached only where the laboratory allows it", resolved)
		}
		if ctx.Value(plainText{}) != nil && !o.own(to.Addr()) {
			return refuse("address %s without TLS: results of persons leave the laboratory's own networks by https only", resolved)
		}
		return nil
	}
	return dialer.DialContext(ctx, network, address)
}

// http is the client of all HTTP channels: no proxy (it would connect for us, unchecked), no redirects, TLS 1.2 or newer.
func (o *Outbound) http() *http.Client {
	o.once.Do(func() {
		o.client = &http.Client{
			Transport: &http.Transport{
				DialContext:            o.Dial,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
				TLSHandshakeTimeout:    5 * time.Second,
				ForceAttemptHTTP2:      true,
				MaxIdleConns:           100,
				MaxIdleConnsPerHost:    8,
				IdleConnTimeout:        90 * time.Second,
				MaxResponseHeaderBytes: 64 << 10,
				DisableCompression:     true, // a small answer must not unpack into a large one
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	})
	return o.client
}

// Close ends idle connections.
func (o *Outbound) Close() { o.http().CloseIdleConnections() }
