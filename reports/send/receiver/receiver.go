// Package receiver is a small department: an HTTP server that takes reports as a department's system would.
//
// It is a test double with real habits, for the demonstration and for tests, not a product for departments. It verifies the
// signature, writes what it got to a ledger before it answers, drops repeats by the delivery's id, acknowledges at once or by
// calling back, and can be told to fail. It never sends anything but acknowledgements.
package receiver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"natlims/reports/send"
)

// maxReport is the largest report that is taken, in bytes.
const maxReport = 64 << 20

// Mode is when a report is acknowledged.
type Mode string

// The modes.
const (
	AtOnce   Mode = "at_once"  // in the answer: 200 {"acknowledged":true}
	CallBack Mode = "callback" // 202, then POST Callback/api/v1/deliveries/{id}/acknowledge
	Never    Mode = "never"    // 202 and nothing more
)

// Config says how a receiver behaves.
type Config struct {
	Secret    []byte        // of the webhook
	Ledger    string        // path of the ledger; the file is made where it is not there
	Mode      Mode          // "" is AtOnce
	Callback  string        // base URL that acknowledgements go to, for CallBack
	Token     string        // bearer token for the callback
	Tolerance time.Duration // of the signature's age; 0 is 5 min
	Now       func() time.Time
}

// Trouble is how a receiver misbehaves. The zero value is no trouble.
type Trouble struct {
	Status   int           // answer with this status, nothing kept
	Delay    time.Duration // wait before answering
	Hangup   bool          // close the connection without an answer, nothing kept
	Forget   bool          // keep the report, then close the connection without an answer
	Requests int           // for so many requests; 0: until told otherwise
}

// Receiver is the department. It is an http.Handler for POST on any path.
type Receiver struct {
	config Config
	ledger *ledger
	calls  *callbacks

	mu      sync.Mutex
	trouble Trouble
	counts  Counts
}

// Counts is what a receiver has seen since it was opened.
type Counts struct {
	Requests     int // all
	Refused      int // signature, size or content
	Repeats      int // known deliveries
	Pings        int // tries without results
	Deliveries   int // in the ledger, with those of earlier lives
	Results      int
	Acknowledged int // callbacks that were answered 2xx
}

// Open reads the ledger, cuts off what a crash left half-written, and is ready to serve.
func Open(c Config) (*Receiver, error) {
	if c.Mode == "" {
		c.Mode = AtOnce
	}
	if c.Tolerance == 0 {
		c.Tolerance = 5 * time.Minute
	}
	if c.Now == nil || len(c.Secret) == 0 {
		return nil, fmt.Errorf("receiver: expected a clock and a secret")
	}
	l, err := openLedger(c.Ledger)
	if err != nil {
		return nil, err
	}
	r := &Receiver{config: c, ledger: l}
	if c.Mode == CallBack {
		r.calls = startCallbacks(c)
		for id := range l.known { // a crash may have come between the ledger and the word
			r.calls.add(id)
		}
	}
	return r, nil
}

// Close waits for callbacks under way, at most a few seconds, and closes the ledger.
func (r *Receiver) Close() error {
	if r.calls != nil {
		r.calls.close()
	}
	return r.ledger.close()
}

// Set makes the receiver misbehave, or stop it with Trouble{}.
func (r *Receiver) Set(t Trouble) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = t
}

// Counts is what was seen so far.
func (r *Receiver) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts
	c.Deliveries, c.Results = r.ledger.size()
	if r.calls != nil {
		c.Acknowledged = int(r.calls.done.Load())
	}
	return c
}

// next counts a request and gives its trouble.
func (r *Receiver) next() Trouble {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Requests++
	t := r.trouble
	if t.Requests > 0 {
		if r.trouble.Requests--; r.trouble.Requests == 0 {
			r.trouble = Trouble{}
		}
	}
	return t
}

// ServeHTTP takes one report.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	trouble := r.next()
	if trouble.Delay > 0 {
		select {
		case <-time.After(trouble.Delay):
		case <-q.Context().Done():
			return
		}
	}
	switch {
	case trouble.Hangup:
		panic(http.ErrAbortHandler)
	case trouble.Status != 0:
		http.Error(w, "told to fail", trouble.Status)
		return
	case q.Method != http.MethodPost:
		http.Error(w, "expected POST", http.StatusMethodNotAllowed)
		return
	}
	id, lines, code, err := r.read(w, q)
	if err != nil {
		r.count(func(c *Counts) { c.Refused++ })
		http.Error(w, err.Error(), code)
		return
	}
	if lines == nil { // a ping: nothing to keep
		r.count(func(c *Counts) { c.Pings++ })
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"pong":true}`)
		return
	}
	repeat, err := r.ledger.keep(id, lines)
	if err != nil {
		http.Error(w, "ledger: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	if repeat {
		r.count(func(c *Counts) { c.Repeats++ })
	}
	if trouble.Forget {
		panic(http.ErrAbortHandler)
	}
	r.answer(w, id)
}

func (r *Receiver) count(change func(*Counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.counts)
}

// read verifies a request and takes from a JSON report what the ledger keeps; other formats are kept as one line without results.
func (r *Receiver) read(w http.ResponseWriter, q *http.Request) (id string, lines []Line, code int, err error) {
	id = q.Header.Get(send.HeaderDelivery)
	if id == "" {
		return "", nil, http.StatusBadRequest, fmt.Errorf("no %s", send.HeaderDelivery)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxReport))
	if err != nil {
		return "", nil, http.StatusRequestTimeout, err
	}
	now := r.config.Now()
	if err := send.Verify(r.config.Secret, q.Header.Get(send.HeaderSignature), body, now, r.config.Tolerance); err != nil {
		return "", nil, http.StatusUnauthorized, err
	}
	lines = []Line{{Delivery: id, Of: 1, At: now.UTC()}}
	if q.Header.Get("Content-Type") != "application/json" {
		return id, lines, 0, nil
	}
	var report struct {
		Schema  string `json:"schema"`
		Kind    string `json:"kind"` // of a notice
		Persons []struct {
			OrderID string `json:"order_id"`
			OrderNo int64  `json:"order_no"`
		} `json:"persons"`
		Results []struct {
			OrderID string `json:"order_id"`
			OrderNo int64  `json:"order_no"`
			Version int    `json:"version"`
			Call    string `json:"call"`
		} `json:"results"`
	}
	if err := json.Unmarshal(body, &report); err == nil && report.Schema == send.PingSchema {
		return id, nil, 0, nil
	} else if err == nil && report.Schema == "natlims.notice/v1" && len(report.Persons) > 0 {
		lines = make([]Line, len(report.Persons))
		for i, one := range report.Persons {
			lines[i] = Line{Delivery: id, Order: one.OrderID, OrderNo: one.OrderNo, Notice: report.Kind, Of: len(lines), At: now.UTC()}
		}
		return id, lines, 0, nil
	} else if err != nil || report.Schema != "natlims.report/v1" || len(report.Results) == 0 {
		return "", nil, http.StatusUnprocessableEntity, fmt.Errorf("expected schema natlims.report/v1 or natlims.notice/v1")
	}
	lines = make([]Line, len(report.Results))
	for i, one := range report.Results {
		lines[i] = Line{Delivery: id, Order: one.OrderID, OrderNo: one.OrderNo, Version: one.Version, Call: one.Call, Of: len(lines), At: now.UTC()}
	}
	return id, lines, 0, nil
}

func (r *Receiver) answer(w http.ResponseWriter, id string) {
	w.Header().Set("Content-Type", "application/json")
	switch r.config.Mode {
	case AtOnce:
		io.WriteString(w, `{"acknowledged":true}`)
	case CallBack:
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"accepted":true}`)
		r.calls.add(id)
	default:
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"accepted":true}`)
	}
}
