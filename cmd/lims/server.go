package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"natlims/instruments"
	"natlims/instruments/link"
	"natlims/lims/api"
	"natlims/lims/flow"
	"natlims/lims/store"
	"natlims/lims/web"
	"natlims/reports/send"
)

// server is everything that runs in one process beside the database.
type server struct {
	st     *store.Store
	log    *slog.Logger
	lines  *link.Lines
	flow   *flow.Line
	secure bool
	mine   func(code string) bool // instruments whose lines this process opens
	reg    *prometheus.Registry
}

func newServer(ctx context.Context, st *store.Store, out *send.Outbound, log *slog.Logger) (*server, error) {
	s := &server{st: st, log: log, mine: linesOf("all"), reg: prometheus.NewRegistry()}
	settled := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lims_messages_total", Help: "Instrument messages, by what became of them."}, []string{"state"})
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lims_delivery_tries_total", Help: "Tries to deliver results, by channel and outcome."}, []string{"channel", "outcome"})
	s.reg.MustRegister(settled, sent, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(st.DB().DB, "lims"), newGauges(st, log))
	s.flow = &flow.Line{Store: st, Log: log, Outbound: out,
		Sent:    func(channel, outcome string) { sent.WithLabelValues(channel, outcome).Inc() },
		Settled: func(state string) { settled.WithLabelValues(state).Inc() }}
	var err error
	s.lines, err = link.Serve(ctx, link.Options{Keep: s.keep, Answer: api.Answer(st), Whole: instruments.Whole, Now: st.Now, Wall: time.Now, Log: log})
	return s, err
}

// keep stores what came in on a line. The instrument is told so only after it has returned.
func (s *server) keep(ctx context.Context, a link.Arrival) error {
	k, err := s.st.KeepMessage(ctx, store.Arrival{Instrument: a.Instrument, Line: a.Source, Peer: a.Peer, Name: a.Name, Bytes: a.Bytes, Complete: a.Complete})
	if err == nil && k.Repeat {
		return link.ErrRepeated
	}
	return err
}

// handler mounts pages, API, health and metrics.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", web.New(s.st, web.Options{Log: s.log, Secure: s.secure, Outbound: s.flow.Outbound, Health: s.lines.Health,
		Replay: s.flow.Replay, Drop: drop}))
	mux.Handle("/api/", api.New(s.st, api.Options{Log: s.log, Health: s.lines.Health}))
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }) //nolint:errcheck // the client has gone
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := s.st.Ping(ctx); err != nil {
			http.Error(w, "database does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready") //nolint:errcheck
	})
	return mux
}

// run works until ctx ends, then stops in order: no new requests, no new bytes, what is in hand is finished.
func (s *server) run(ctx context.Context, l net.Listener) error {
	srv := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error { return s.flow.Run(gctx) })
	g.Go(func() error { return s.keepLines(gctx) })
	g.Go(func() error {
		<-gctx.Done()
		stop, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		err := srv.Shutdown(stop)
		s.lines.Close()
		return err
	})
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
