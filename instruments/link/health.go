package link

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// The states of a line.
const (
	Opening = "opening" // not open yet, or being opened again
	Up      = "up"
	Wrong   = "wrong" // its row cannot work; see LastError
	Ended   = "ended"
)

// Health is how a line is.
type Health struct {
	ID          int64            `json:"id"`
	Name        string           `json:"name"`
	Kind        Kind             `json:"kind"`
	Address     string           `json:"address"`
	Protocol    string           `json:"protocol"`
	State       string           `json:"state"`
	Since       time.Time        `json:"since"` // of the state
	Conns       int              `json:"conns"`
	LastByte    time.Time        `json:"last_byte"` // zero: never
	LastMessage time.Time        `json:"last_message"`
	LastError   string           `json:"last_error,omitempty"` // in English, with its cause
	ErrorCode   string           `json:"error_code,omitempty"` // see ErrorText
	ErrorArgs   map[string]any   `json:"error_args,omitempty"`
	ErrorAt     time.Time        `json:"error_at"`
	Opens       int64            `json:"opens"`
	Bytes       int64            `json:"bytes"`
	Messages    int64            `json:"messages"` // kept, repeats included
	Repeated    int64            `json:"repeated"`
	Incomplete  int64            `json:"incomplete"`
	Refused     int64            `json:"refused"` // Keep failed
	Queries     int64            `json:"queries"`
	Sent        int64            `json:"sent"`              // messages to the instrument that it accepted
	Waiting     []string         `json:"waiting,omitempty"` // files that are not whole yet
	Faults      map[string]int64 `json:"faults"`            // by code, as in packages astm and hl7
}

// health is a Health under a lock.
type health struct {
	mu  sync.Mutex
	h   Health
	now func() time.Time
}

func newHealth(l Line, now func() time.Time) *health {
	return &health{now: now, h: Health{ID: l.ID, Name: l.Name, Kind: l.Kind, Address: l.Address, Protocol: l.Protocol,
		State: Opening, Since: now(), Faults: map[string]int64{}}}
}

func (h *health) change(f func(*Health)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.h)
}

func (h *health) state(s string) {
	h.change(func(h2 *Health) {
		if h2.State != s {
			h2.State, h2.Since = s, h.now()
		}
		if s == Up {
			h2.Opens++
		}
	})
}

func (h *health) failed(err error) {
	h.change(func(h2 *Health) {
		r := reasonOf(h2.Kind, h2.Address, err)
		h2.LastError, h2.ErrorCode, h2.ErrorArgs, h2.ErrorAt = err.Error(), r.Code, r.Args, h.now()
	})
}

func (h *health) bytes(n int) {
	h.change(func(h2 *Health) { h2.Bytes += int64(n); h2.LastByte = h.now() })
}

func (h *health) fault(code string) { h.change(func(h2 *Health) { h2.Faults[code]++ }) }

func (h *health) snapshot() Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.h
	out.Faults, out.Waiting = maps.Clone(h.h.Faults), slices.Clone(h.h.Waiting)
	return out
}
