package origin

import (
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Count is what an origin had since it began. Requests for the count itself are
// not in it.
type Count struct {
	Requests    uint64            `json:"requests"`
	InFlight    uint64            `json:"in_flight"` // of these
	Whole       uint64            `json:"whole"`     // answers that were sent to their end
	Broken      uint64            `json:"broken"`    // that a rule broke off
	Abandoned   uint64            `json:"abandoned"` // whose client went, or did not read
	Errors      uint64            `json:"errors"`    // that a rule made an error
	Statuses    map[string]uint64 `json:"statuses"`  // of answers that were begun
	Protocols   map[string]uint64 `json:"protocols"` // of requests: "HTTP/1.1"
	BytesIn     uint64            `json:"bytes_in"`  // of contents
	BytesOut    uint64            `json:"bytes_out"`
	Connections uint64            `json:"connections"` // that were accepted
	Rules       []RuleCount       `json:"rules"`       // in their order; the last is for what matched no other
}

// RuleCount is what a rule had.
type RuleCount struct {
	Path     string `json:"path"`
	Requests uint64 `json:"requests"`
}

// Sub is what came between an earlier count of the same origin and c.
func (c *Count) Sub(earlier *Count) Count {
	d := *c
	d.Requests -= earlier.Requests
	d.Whole -= earlier.Whole
	d.Broken -= earlier.Broken
	d.Abandoned -= earlier.Abandoned
	d.Errors -= earlier.Errors
	d.BytesIn -= earlier.BytesIn
	d.BytesOut -= earlier.BytesOut
	d.Connections -= earlier.Connections
	d.Statuses, d.Protocols = subtract(c.Statuses, earlier.Statuses), subtract(c.Protocols, earlier.Protocols)
	d.Rules = nil
	for i, r := range c.Rules {
		if i < len(earlier.Rules) {
			r.Requests -= earlier.Rules[i].Requests
		}
		d.Rules = append(d.Rules, r)
	}
	return d
}

// subtract leaves out what has not changed.
func subtract(now, before map[string]uint64) map[string]uint64 {
	d := make(map[string]uint64)
	for key, n := range now {
		if n != before[key] {
			d[key] = n - before[key]
		}
	}
	return d
}

// before reports whether c cannot be a later count of the same origin: it was
// started again meanwhile.
func (c *Count) before(earlier *Count) bool {
	return c.Requests < earlier.Requests || c.Connections < earlier.Connections || len(c.Rules) != len(earlier.Rules)
}

// end is how far an answer came.
type end uint8

const (
	whole end = iota
	broken
	abandoned
	ends
)

var endNames = [ends]string{"whole", "broken", "abandoned"}

// protocols are those that net/http serves.
var protocols = []string{"HTTP/1.0", "HTTP/1.1", "HTTP/2.0"}

// counts count. Safe for any goroutine.
type counts struct {
	rules       []string
	requests    []atomic.Uint64 // by rule
	ended       [ends]atomic.Uint64
	statuses    [600]atomic.Uint64
	protocols   [3]atomic.Uint64
	errors      atomic.Uint64
	bytesIn     atomic.Uint64
	bytesOut    atomic.Uint64
	connections atomic.Uint64
}

func newCounts(rules Rules) *counts {
	c := &counts{requests: make([]atomic.Uint64, len(rules))}
	for _, r := range rules {
		c.rules = append(c.rules, r.pattern)
	}
	return c
}

func (c *counts) begin(rule int, req *http.Request) {
	c.requests[rule].Add(1)
	for i, name := range protocols {
		if req.Proto == name {
			c.protocols[i].Add(1)
		}
	}
}

// end counts a request that has ended; status 0: it had no answer.
func (c *counts) end(e end, status int) {
	if status > 0 && status < len(c.statuses) {
		c.statuses[status].Add(1)
	}
	c.ended[e].Add(1)
}

// count is what there is now. Requests that end while it is made are in flight at
// worst.
func (c *counts) count() Count {
	n := Count{
		Whole: c.ended[whole].Load(), Broken: c.ended[broken].Load(), Abandoned: c.ended[abandoned].Load(),
		Errors: c.errors.Load(), BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(), Connections: c.connections.Load(),
		Statuses: make(map[string]uint64), Protocols: make(map[string]uint64),
	}
	for status := range c.statuses {
		if count := c.statuses[status].Load(); count > 0 {
			n.Statuses[strconv.Itoa(status)] = count
		}
	}
	for i, name := range protocols {
		if count := c.protocols[i].Load(); count > 0 {
			n.Protocols[name] = count
		}
	}
	for i, path := range c.rules { // last: each that has ended had begun
		count := c.requests[i].Load()
		n.Requests += count
		n.Rules = append(n.Rules, RuleCount{path, count})
	}
	n.InFlight = n.Requests - n.Whole - n.Broken - n.Abandoned
	return n
}

// Names of metrics.
var (
	requestsDesc    = prometheus.NewDesc("hotpath_origin_requests_total", "Requests, by the path of the rule that answers them.", []string{"path"}, nil)
	endsDesc        = prometheus.NewDesc("hotpath_origin_ends_total", "Requests that have ended, by how far their answers came.", []string{"end"}, nil)
	responsesDesc   = prometheus.NewDesc("hotpath_origin_responses_total", "Answers that were begun, by status.", []string{"status"}, nil)
	bytesDesc       = prometheus.NewDesc("hotpath_origin_content_bytes_total", "Bytes of contents.", []string{"direction"}, nil)
	connectionsDesc = prometheus.NewDesc("hotpath_origin_connections_total", "Connections that were accepted.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *counts) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{requestsDesc, endsDesc, responsesDesc, bytesDesc, connectionsDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *counts) Collect(to chan<- prometheus.Metric) {
	n := c.count()
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	byPath := make(map[string]uint64) // two rules may have the same
	for _, r := range n.Rules {
		byPath[r.Path] += r.Requests
	}
	for path, v := range byPath {
		counter(requestsDesc, v, path)
	}
	for e, v := range [ends]uint64{n.Whole, n.Broken, n.Abandoned} {
		counter(endsDesc, v, endNames[e])
	}
	for status, v := range n.Statuses {
		counter(responsesDesc, v, status)
	}
	counter(bytesDesc, n.BytesIn, "in")
	counter(bytesDesc, n.BytesOut, "out")
	counter(connectionsDesc, n.Connections)
}
