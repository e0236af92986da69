package api

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics shows: requests, and the fleet as last reported.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "godwit_api_requests_total", Help: "Requests by method, route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "godwit_api_request_seconds", Help: "Time to answer, by route; event streams left out.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10},
		}, []string{"route"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// fleetCollector reads the live picture when it is asked: nothing to keep in step.
type fleetCollector struct{ s *Server }

var (
	nodesDesc    = prometheus.NewDesc("godwit_nodes", "Nodes by cluster, state and pool.", []string{"cluster", "state", "pool"}, nil)
	sessionsDesc = prometheus.NewDesc("godwit_sessions", "Active sessions.", nil, nil)
	rateDesc     = prometheus.NewDesc("godwit_throughput_bps", "Bits per second through the cluster's nodes.", []string{"direction"}, nil)
	capDesc      = prometheus.NewDesc("godwit_capacity_bps", "Bits per second that the reporting nodes are capped at.", []string{"direction"}, nil)
)

// Describe lists the metrics.
func (c fleetCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{nodesDesc, sessionsDesc, rateDesc, capDesc} {
		ch <- d
	}
}

// Collect reads the flock and the fleet's totals.
func (c fleetCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	t := c.s.fleet.Totals()
	gauge(sessionsDesc, float64(t.Sessions))
	gauge(rateDesc, t.SendBps, "send")
	gauge(rateDesc, t.ReceiveBps, "receive")
	gauge(capDesc, t.SendCapBps, "send")
	gauge(capDesc, t.ReceiveCapBps, "receive")
	type key struct{ cluster, state, pool string }
	counts := map[key]int{}
	flock := c.s.flock.current()
	for i := range flock.nodes {
		n := &flock.nodes[i]
		counts[key{flock.clusterName(n.ClusterID), string(n.State), string(n.Pool)}]++
	}
	for k, n := range counts {
		gauge(nodesDesc, float64(n), k.cluster, k.state, k.pool)
	}
}

func routePattern(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil {
		if p := c.RoutePattern(); p != "" {
			return p
		}
	}
	return "unmatched"
}
