package link

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"

	"go.bug.st/serial"

	"natlims/instruments/words"
)

// Reason says why a line is not as it should be: a stable code of package words with its arguments, and the cause for the log.
type Reason struct {
	Code string
	Args map[string]any
	Err  error
}

// Error is the English text with the cause.
func (r *Reason) Error() string {
	if s := r.Text("en"); r.Err == nil {
		return s
	} else if r.Code == reasonOther {
		return r.Err.Error()
	} else {
		return s + ": " + r.Err.Error()
	}
}

// Unwrap gives the cause.
func (r *Reason) Unwrap() error { return r.Err }

// Text is the reason in Chinese ("zh") or English.
func (r *Reason) Text(lang string) string { return words.Say(lang, "line."+r.Code, r.Args) }

// The codes of Reason. Their numbers are stable; the texts are in words/locale.
const (
	reasonOther   = "L100"
	reasonMissing = "L101" // a port that is not there
	reasonDenied  = "L102"
	reasonTaken   = "L103" // by another line
	reasonLost    = "L104"
	reasonRefused = "L105"
	reasonSilent  = "L106" // does not answer
	reasonName    = "L107" // host not known
	reasonInUse   = "L108"
	reasonForeign = "L109" // address of another machine
	reasonGone    = "L110" // the peer left
	reasonIdle    = "L111"
	reasonFull    = "L112"
	reasonFolder  = "L113"
	reasonFile    = "L114"
	reasonStore   = "L115"
	reasonQuery   = "L116"
	reasonPartial = "L117"
)

// because makes a Reason; pairs are names and values of its arguments.
func because(code string, err error, pairs ...any) *Reason {
	args := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		args[pairs[i].(string)] = pairs[i+1]
	}
	return &Reason{code, args, err}
}

// reasonOf finds the reason of an error of the system on a line.
func reasonOf(kind Kind, address string, err error) *Reason {
	var r *Reason
	if errors.As(err, &r) {
		return r
	}
	code := reasonOther
	var dns *net.DNSError
	var port *serial.PortError
	var timeout net.Error
	switch {
	case errors.As(err, &port):
		code = portReason(port.Code())
	case errors.As(err, &dns):
		code = reasonName
	case errors.Is(err, syscall.ECONNREFUSED):
		code = reasonRefused
	case errors.Is(err, syscall.EADDRINUSE):
		code = reasonInUse
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		code = reasonForeign
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		code = reasonGone
		if kind == Serial {
			code = reasonLost
		}
	case errors.Is(err, fs.ErrPermission):
		code = reasonDenied
	case errors.Is(err, fs.ErrNotExist) && kind == Folder:
		code = reasonFolder
	case errors.Is(err, fs.ErrNotExist):
		code = reasonMissing
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout(),
		errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ETIMEDOUT):
		code = reasonSilent
	case kind == Serial:
		code = reasonLost
	}
	return because(code, err, "address", address, "why", err.Error())
}

func portReason(c serial.PortErrorCode) string {
	switch c {
	case serial.PortNotFound, serial.InvalidSerialPort:
		return reasonMissing
	case serial.PermissionDenied:
		return reasonDenied
	case serial.PortBusy:
		return reasonInUse
	}
	return reasonLost
}

// ErrorText is the last error in Chinese ("zh") or English; "" where there is none.
func (h Health) ErrorText(lang string) string {
	if h.ErrorCode == "" {
		return h.LastError
	}
	return words.Say(lang, "line."+h.ErrorCode, h.ErrorArgs)
}
