package sim

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"natlims/instruments/link"
)

// To makes an Opener of "serial:/dev/ttyUSB0" (with the settings given), "tcp:host:port" or "listen::4001", where the server dials.
func To(address string, s link.Settings) (Opener, error) {
	kind, where, ok := strings.Cut(address, ":")
	if !ok || where == "" {
		kind = ""
	}
	switch kind {
	case "serial":
		return func(context.Context) (io.ReadWriteCloser, error) { return link.OpenPort(where, s) }, nil
	case "tcp":
		d := net.Dialer{Timeout: 10 * time.Second}
		return func(ctx context.Context) (io.ReadWriteCloser, error) { return d.DialContext(ctx, "tcp", where) }, nil
	case "listen":
		return func(ctx context.Context) (io.ReadWriteCloser, error) { return awaited(ctx, where) }, nil
	}
	return nil, fmt.Errorf("%q: expected serial:PORT, tcp:HOST:PORT, listen:HOST:PORT or dir:FOLDER", address)
}

// awaited is the next connection that the server makes.
func awaited(ctx context.Context, address string) (io.ReadWriteCloser, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	return l.Accept()
}
