package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"natlims/instruments/link"
)

const (
	askTime   = 8 * time.Second // for one question: less than link.KeepTime, so that the instrument hears why
	maxOrders = 4 << 20         // bytes of an answer
)

// errOlder: the server does not know the call.
var errOlder = errors.New("the server is older than this gate and answers no questions; update it")

// question is the request of POST /api/v1/queries.
type question struct {
	All      bool     `json:"all,omitempty"`
	Samples  []string `json:"samples,omitempty"`
	Patients []string `json:"patients,omitempty"`
}

// answer asks the server what an instrument of this gate asks. Nothing is remembered: an answer of yesterday could order a test that was
// taken back. An error makes the line say that nobody has looked, in the words of its protocol.
func (g *Gate) answer(ctx context.Context, q link.Query) ([]link.Order, error) {
	if q.Instrument == 0 { // a sender that no line knows has no orders
		return nil, nil
	}
	for _, p := range g.posts {
		if p.row.Name == q.Source {
			orders, err := p.ask(ctx, question{q.All, q.Samples, q.Patients})
			p.asked(err)
			return orders, err
		}
	}
	return nil, link.ErrRefused // no line has this name: it cannot be
}

func (p *post) asked(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.askErr = ""
	if err == nil {
		p.answered++
		return
	}
	p.unanswered++
	p.askErr = err.Error()
}

// ask asks once: the instrument waits, and asks again by itself.
func (p *post) ask(ctx context.Context, q question) ([]link.Order, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	b, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.gate.c.Server+"/api/v1/queries", bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.row.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.gate.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the server cannot be reached: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxOrders))
	if err != nil {
		return nil, fmt.Errorf("the server's answer broke off: %w", err)
	}
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return nil, errOlder
	default:
		return nil, fmt.Errorf("the server answers %d: %s", resp.StatusCode, brief(text))
	}
	var got struct {
		Orders []link.Order `json:"orders"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return nil, fmt.Errorf("the server's answer: %w", err)
	}
	return got.Orders, nil
}
