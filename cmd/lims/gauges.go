package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"natlims/lims/store"
)

// gauges asks the database at each scrape how the day stands. No label names a person, tube or plate.
type gauges struct {
	st  *store.Store
	log *slog.Logger

	orders, late, pending *prometheus.Desc
}

func newGauges(st *store.Store, log *slog.Logger) *gauges {
	return &gauges{st: st, log: log,
		orders:  prometheus.NewDesc("lims_orders_day", "Orders registered in the last 24 hours, by state.", []string{"state"}, nil),
		late:    prometheus.NewDesc("lims_orders_late", "Orders of the last 24 hours that are past their deadline, open ones counted now.", nil, nil),
		pending: prometheus.NewDesc("lims_pending", "What the program still has to do.", []string{"what"}, nil)}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(c chan<- *prometheus.Desc) { c <- g.orders; c <- g.late; c <- g.pending }

// Collect implements prometheus.Collector.
func (g *gauges) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s, err := g.st.Standing(ctx, g.st.Now().Add(-24*time.Hour))
	if err != nil {
		g.log.Warn("metrics", "err", err)
		return
	}
	p, err := g.st.Pending(ctx)
	if err != nil {
		g.log.Warn("metrics", "err", err)
		return
	}
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	gauge(g.orders, s.Open, "open")
	gauge(g.orders, s.Waiting, "waiting")
	gauge(g.orders, s.Final, "final")
	gauge(g.orders, s.Cancelled, "cancelled")
	gauge(g.late, s.Late)
	gauge(g.pending, p.Messages, "messages")
	gauge(g.pending, p.Due, "deliveries_due")
	gauge(g.pending, p.Unsent, "deliveries_unacknowledged")
}
