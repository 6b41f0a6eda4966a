package receiver

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// callbacks posts acknowledgements, a few at a time, each until it is answered 2xx or refused for good.
// What waits is kept in memory only: after a crash everything in the ledger is acknowledged again, and saying it twice is saying it once.
type callbacks struct {
	config Config
	client *http.Client
	ctx    context.Context
	stop   context.CancelFunc
	slots  chan struct{}
	group  sync.WaitGroup
	done   atomic.Int64
}

const (
	callers     = 4
	maxAttempts = 12
	firstWait   = 50 * time.Millisecond // doubled after each attempt, to maxWait
	maxWait     = 10 * time.Second
	drain       = 5 * time.Second
)

func startCallbacks(c Config) *callbacks {
	ctx, stop := context.WithCancel(context.Background())
	return &callbacks{config: c, client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: callers}},
		ctx: ctx, stop: stop, slots: make(chan struct{}, callers)}
}

// add acknowledges a delivery in the background; a repeated delivery is acknowledged again, since the first word may be lost.
func (c *callbacks) add(id string) {
	c.group.Go(func() {
		wait := firstWait
		for range maxAttempts {
			done, err := c.post(id)
			if done {
				if err == nil {
					c.done.Add(1)
				}
				return
			}
			select {
			case <-time.After(wait):
				wait = min(2*wait, maxWait)
			case <-c.ctx.Done():
				return
			}
		}
	})
}

// post makes one attempt; true where there is no need for another.
func (c *callbacks) post(id string) (bool, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-c.ctx.Done():
		return true, c.ctx.Err()
	}
	address := strings.TrimSuffix(c.config.Callback, "/") + "/api/v1/deliveries/" + url.PathEscape(id) + "/acknowledge"
	q, err := http.NewRequestWithContext(c.ctx, http.MethodPost, address, nil)
	if err != nil {
		return true, err
	}
	q.Header.Set("Authorization", "Bearer "+c.config.Token)
	answer, err := c.client.Do(q)
	if err != nil {
		return false, err
	}
	answer.Body.Close()
	switch {
	case answer.StatusCode/100 == 2:
		return true, nil
	case answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusConflict || answer.StatusCode == http.StatusNotFound:
		// 404 and 409: the laboratory may not have written down yet that it has sent.
		return false, fmt.Errorf("answer %d", answer.StatusCode)
	}
	return true, fmt.Errorf("answer %d", answer.StatusCode)
}

// close waits a little for what is under way, then gives up the rest.
func (c *callbacks) close() {
	finished := make(chan struct{})
	go func() { c.group.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(drain):
	}
	c.stop()
	<-finished
	c.client.CloseIdleConnections()
}
