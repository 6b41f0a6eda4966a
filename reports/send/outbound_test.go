package send

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// inside are ways to write addresses that a webhook must not reach, PORT being that of a server that listens here.
var inside = strings.Fields(`
127.0.0.1:PORT 127.0.0.2:PORT 127.255.255.254:PORT 127.1:PORT 127.0.1:PORT 2130706433:PORT 0x7f000001:PORT 0x7f.0.0.1:PORT 0177.0.0.1:PORT 017700000001:PORT
0:PORT 0.0.0.0:PORT localhost:PORT LOCALHOST:PORT localhost.:PORT localhost.localdomain:PORT 127.0.0.1.:PORT ①②⑦.⓪.⓪.①:PORT 127。0。0。1:PORT
[::1]:PORT [::]:PORT [0:0:0:0:0:0:0:1]:PORT [::ffff:127.0.0.1]:PORT [::ffff:7f00:1]:PORT [::127.0.0.1]:PORT [::ffff:0:127.0.0.1]:PORT [64:ff9b::127.0.0.1]:PORT
[64:ff9b:1::7f00:1]:PORT [2002:7f00:1::]:PORT [2001:0:7f00:1::]:PORT [::1%25lo]:PORT [fe80::1%25lo]:PORT [fe80::1]:PORT [fc00::1]:PORT [fd12:3456::1]:PORT [fec0::1]:PORT
[ff02::1]:PORT [100::1]:PORT [2001:db8::1]:PORT [3fff::1]:PORT [5f00::1]:PORT [::ffff:10.0.0.1]:PORT [::ffff:169.254.169.254]:80
10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255 169.254.169.254 169.254.0.1 100.64.0.1 100.100.100.200 192.0.0.192 192.0.2.1
198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 192.88.99.1 0.1.2.3 2852039166 0xa9fea9fe 0xA9.0xFE.0xA9.0xFE 0251.0376.0251.0376
`)

func TestNothingInsideIsReached(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(inside), 60)
	var reached atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer server.Close()
	server.Config.ConnState = nil
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	o := &Outbound{Resolver: resolver(t, func(name string) string { return "127.0.0.1" })}
	defer o.Close()
	for _, host := range inside {
		for _, scheme := range []string{"http://", "https://"} {
			d := Destination{ID: "7", Channel: "webhook", Secret: secret, Address: scheme + strings.Replace(host, "PORT", port, 1) + "/"}
			_, err := o.Send(t.Context(), d, parcel())
			permanent(t, err)
		}
	}
	require.Zero(t, reached.Load())
}

// A name may be good when it is entered and lead inside when it is used.
func TestRebindingGainsNothing(t *testing.T) {
	t.Parallel()
	var reached, asked atomic.Int64
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	defer server.Close()
	answer := atomic.Value{}
	answer.Store("127.0.0.2")
	o := &Outbound{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")},
		Resolver: resolver(t, func(string) string { asked.Add(1); return answer.Load().(string) })}
	defer o.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	d := Destination{ID: "7", Channel: "webhook", Secret: secret, Address: "http://rebind.example.org:" + port}

	_, err = o.Send(t.Context(), d, parcel())
	require.NoError(t, err)
	require.EqualValues(t, 1, reached.Load())

	o.Close() // or the open connection would be used again
	answer.Store("127.0.0.1")
	_, err = o.Send(t.Context(), d, parcel())
	permanent(t, err)
	require.ErrorContains(t, err, "127.0.0.1:"+port+" is not public")
	require.EqualValues(t, 1, reached.Load())
	require.Greater(t, asked.Load(), int64(1))
}

// Without TLS, results of persons stay in the laboratory's own networks.
func TestPlainTextStaysInside(t *testing.T) {
	t.Parallel()
	o := &Outbound{Resolver: resolver(t, func(string) string { return "93.184.216.34" })}
	defer o.Close()
	_, err := o.Send(t.Context(), Destination{ID: "7", Channel: "webhook", Secret: secret, Address: "http://public.example.org/"}, parcel())
	permanent(t, err)
	require.ErrorContains(t, err, "without TLS")
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	o := &Outbound{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}}
	for a, want := range map[string]bool{"8.8.8.8": true, "2400:3200::1": true, "10.20.3.4": true, "::ffff:10.20.3.4": true, "10.21.0.1": false,
		"fd00:1::7": true, "fd00:2::7": false, "127.0.0.1": false, "::ffff:8.8.8.8": true, "172.32.0.1": true, "100.128.0.1": true} {
		require.Equal(t, want, o.Allowed(netip.MustParseAddr(a)), a)
	}
	require.False(t, o.Allowed(netip.Addr{}))
}

// resolver asks a name server of ours (RFC 1035) that answers every question for an IPv4 address with what answer says.
func resolver(t *testing.T, answer func(name string) string) *net.Resolver {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { server.Close(); <-done })
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			if reply := answerDNS(b[:n], answer); reply != nil {
				server.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func answerDNS(q []byte, answer func(string) string) []byte {
	var labels []string
	i := 12
	for i < len(q) && q[i] != 0 {
		labels = append(labels, string(q[i+1:i+1+int(q[i])]))
		i += 1 + int(q[i])
	}
	i += 5 // the root label, type and class
	if i > len(q) {
		return nil
	}
	kind := binary.BigEndian.Uint16(q[i-4:])
	reply := append([]byte{}, q[:i]...)
	binary.BigEndian.PutUint16(reply[2:], 0x8180) // an answer, recursion available
	binary.BigEndian.PutUint16(reply[8:], 0)
	binary.BigEndian.PutUint16(reply[10:], 0)
	if kind != 1 {
		return reply // no such record
	}
	binary.BigEndian.PutUint16(reply[6:], 1)
	ip := netip.MustParseAddr(answer(strings.Join(labels, "."))).As4()
	return append(append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), ip[:]...)
}
