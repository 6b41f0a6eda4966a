package link

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"natlims/instruments/astm"
)

// Kind is how a line reaches its instrument.
type Kind string

// The kinds of lines, as in the table of instruments.
const (
	Serial Kind = "serial"
	Listen Kind = "tcp-listen"
	Dial   Kind = "tcp-dial"
	Folder Kind = "folder"
)

// The protocols.
const (
	ASTM = "astm"
	HL7  = "hl7"
	Raw  = "raw"  // text without a protocol; a message ends with a pause or the connection
	File = "file" // of folders
)

// Line is one instrument's row of configuration.
type Line struct {
	ID       int64 // of the instrument
	Name     string
	Kind     Kind
	Address  string // /dev/ttyUSB0, COM3; host:port, :port; a folder
	Protocol string
	Settings Settings
}

// Settings are the particulars of a line. The zero value is what most instruments want; each comment names it.
type Settings struct {
	Baud   int    `json:"baud,omitempty"`   // 9600
	Frame  string `json:"frame,omitempty"`  // "8N1"; data bits 5-8, parity N E O M S, stop bits 1 or 2
	Lines  string `json:"lines,omitempty"`  // "" leaves DTR and RTS alone; "dtr", "rts", "dtr rts", "off"
	Peer   string `json:"peer,omitempty"`   // listening: the instrument's address, where several share a port
	Conns  int    `json:"conns,omitempty"`  // listening: connections at a time, 256
	Idle   Span   `json:"idle,omitempty"`   // TCP: a silent connection is closed after this; never
	Sum    string `json:"sum,omitempty"`    // ASTM checksums: "auto", "required", "off"
	Text   int    `json:"text,omitempty"`   // ASTM: bytes of text in a frame we send, 240
	One    bool   `json:"one,omitempty"`    // ASTM: one record in a frame
	NoSum  bool   `json:"nosum,omitempty"`  // ASTM: send without checksums
	Max    int    `json:"max,omitempty"`    // bytes of a message, 8 MiB; of a file, 64 MiB
	Pause  Span   `json:"pause,omitempty"`  // raw: the silence that ends a message, 2 s
	Glob   string `json:"glob,omitempty"`   // folder: names taken, such as "*.txt"; all
	Every  Span   `json:"every,omitempty"`  // folder: time between two looks, 2 s
	Wait   Span   `json:"wait,omitempty"`   // folder: how long a file that is not whole may go without growing, 10 min
	Leave  bool   `json:"leave,omitempty"`  // folder: leave files where they are
	Nested bool   `json:"nested,omitempty"` // folder: one level of folders below as well
}

// Span is a duration written as "90s" or "10m".
type Span time.Duration

// UnmarshalJSON reads "90s".
func (s *Span) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("duration %s: expected text such as \"90s\"", b)
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fmt.Errorf("duration %q: expected text such as \"90s\"", text)
	}
	*s = Span(d)
	return nil
}

// MarshalJSON writes "1m30s".
func (s Span) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).String()) }

func (s Span) or(d time.Duration) time.Duration {
	if s <= 0 {
		return d
	}
	return time.Duration(s)
}

// Check says what is wrong with a line before it is opened: a *Reason.
func (l Line) Check() error {
	bad := func(code, value string) error { return because(code, nil, "value", strconv.Quote(value)) }
	if l.Address == "" {
		return bad("L120", "")
	}
	switch l.Kind {
	case Serial:
		if _, err := l.Settings.mode(); err != nil {
			return err
		}
	case Listen, Dial:
		host, port, err := net.SplitHostPort(l.Address)
		if n, bad2 := strconv.Atoi(port); err != nil || bad2 != nil || n < 0 || n > 65535 || l.Kind == Dial && (host == "" || n == 0) {
			return bad("L121", l.Address)
		}
		if p := l.Settings.Peer; p != "" && net.ParseIP(p) == nil {
			return bad("L122", p)
		}
	case Folder:
		if l.Protocol != File {
			return bad("L123", l.Protocol)
		}
		if _, err := filepath.Match(l.Settings.Glob, "x"); err != nil {
			return bad("L124", l.Settings.Glob)
		}
		return nil
	default:
		return bad("L125", string(l.Kind))
	}
	switch l.Protocol {
	case ASTM, HL7, Raw:
	default:
		return bad("L126", l.Protocol)
	}
	if _, ok := sums[l.Settings.Sum]; !ok {
		return bad("L127", l.Settings.Sum)
	}
	return nil
}

var sums = map[string]astm.Checksum{"": astm.Auto, "auto": astm.Auto, "required": astm.Required, "off": astm.Off}

// wire is the key of what can be opened once only: lines that listen at the same address share it.
func (l Line) wire() string { return string(l.Kind) + " " + strings.TrimSpace(l.Address) }
