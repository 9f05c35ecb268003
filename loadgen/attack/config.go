package attack

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/pattern"
)

// Config is an attack. Check returns what is wrong with it.
type Config struct {
	Targets []vegeta.Target // take turns; at least one
	Pattern pattern.Spec    // which of them, in which form; zero: as they are, in turn
	Pacer   vegeta.Pacer    // nil: closed loop, every connection is kept full

	// One of the two ends the attack; the other is 0.
	Duration time.Duration
	Requests uint64

	Warmup      time.Duration // of load before that is not measured
	Connections int           // shared out among the targets' origins

	// MaxConnections is to how many an open loop may grow if those it has are
	// full for long while requests are due; 0: they stay as they are.
	MaxConnections int

	Streams    int           // requests in flight on a connection of HTTP/2; HTTP/1.1 has one
	Timeout    time.Duration // from the moment a request was due
	HTTP1      bool          // HTTP/1.1 alone; else HTTP/2 over https, if the server has it, and HTTP/1.1 over http
	H2C        bool          // HTTP/2 over http (RFC 9113 §3.3)
	PerRequest bool          // a connection for each request, made when it is due; Connections is how many at a time
	Strict     bool          // refuse responses that break RFC 9112 in ways that clients may read
	Insecure   bool          // trust every certificate
	CACert     []byte        // PEM: trust these; nil: the system's roots
	Cert, Key  []byte        // PEM: shown to servers that ask for a client's certificate; nil: none
	ServerName string        // asked for by SNI, and that certificates must be for; "": the URL's host
	Digest     string        // see exchange.NewDigests

	// Where connections go in place of the URL's host and port.
	ConnectTo  []Redirect // the first that covers them decides
	UnixSocket string     // the path of the socket that all go to; "": TCP

	// Proxies are the URLs of HTTP proxies by which origins are reached. What
	// is asked by HTTP/1.1 without TLS goes to them as requests, all else
	// through CONNECT.
	Proxies map[exchange.Origin]string

	// First and Count are the share of the connections that are this
	// machine's, from 0; Count 0 is all.
	First, Count int
}

// Forever is the longest Duration of a Config: until the attack is interrupted.
const Forever = 10_000 * time.Hour

// Limits of a Config: far beyond what one machine can do.
const (
	maxConnections = 1_000_000
	maxStreams     = 10_000
	maxTimeout     = time.Hour // see measure.Highest
	maxDuration    = Forever
	maxRequests    = 1e15
)

// Check returns what is wrong, and what is allowed.
func (c *Config) Check() error {
	switch {
	case len(c.Targets) == 0:
		return errors.New("no targets: at least one is needed")
	case c.Duration < 0 || c.Duration > maxDuration:
		return fmt.Errorf("a duration of %v: allowed are more than 0, up to %v", c.Duration, maxDuration)
	case c.Warmup < 0 || c.Warmup > maxDuration:
		return fmt.Errorf("a warm-up of %v: allowed are 0 to %v", c.Warmup, maxDuration)
	case c.Requests > maxRequests:
		return fmt.Errorf("%d requests: allowed are up to %g", c.Requests, float64(maxRequests))
	case (c.Duration > 0) == (c.Requests > 0):
		return errors.New("either a duration or a number of requests ends an attack, one of the two")
	case c.Connections < 1 || c.Connections > maxConnections:
		return fmt.Errorf("%d connections: allowed are 1 to %d", c.Connections, maxConnections)
	case c.MaxConnections != 0 && (c.MaxConnections < c.Connections || c.MaxConnections > maxConnections):
		return fmt.Errorf("%d connections at most: allowed are from the %d that there are at first to %d", c.MaxConnections, c.Connections, maxConnections)
	case c.Streams < 1 || c.Streams > maxStreams:
		return fmt.Errorf("%d streams per connection: allowed are 1 to %d", c.Streams, maxStreams)
	case c.Timeout < time.Millisecond || c.Timeout > maxTimeout:
		return fmt.Errorf("a timeout of %v: allowed are 1ms to %v", c.Timeout, maxTimeout)
	case c.First < 0 || c.Count < 0 || c.First+c.Count > c.Connections:
		return fmt.Errorf("connections %d to %d of %d: no such share", c.First, c.First+c.Count, c.Connections)
	}
	if c.Pacer != nil {
		s, err := NewSchedule(c.Pacer)
		if err != nil {
			return err
		}
		if c.until(s) == c.Duration { // else it ends when the rate is too high
			if rate := s.Rate(c.Duration); rate > maxRate {
				return tooFast(rate)
			}
		}
		if _, replay := s.(Replay); c.Warmup > 0 && s.Rate(0) == 0 && !replay {
			return fmt.Errorf("a warm-up of %v at the first rate, which is 0: it needs a rate to begin with", c.Warmup)
		}
	}
	if _, err := exchange.NewDigests(c.Digest, len(c.Targets)); err != nil {
		return err
	}
	if (c.Pattern.Ranges > 0 || c.Pattern.Conditional > 0) && c.Digest != "" && c.Digest != exchange.DigestOff {
		return errors.New("a digest is of whole contents: it does not go with ranges or conditional requests")
	}
	if _, err := c.tls(); err != nil {
		return err
	}
	requests, _, err := c.requests()
	if err != nil {
		return err
	}
	groups := c.groups(requests)
	if n := len(groups); n > c.Connections {
		return fmt.Errorf("%d connections for targets of %d origins: each needs one", c.Connections, n)
	}
	if err := c.checkProtocols(groups); err != nil {
		return err
	}
	if r, ok := c.Pacer.(Replay); ok {
		if err := r.checkWith(c, len(groups)); err != nil {
			return err
		}
	}
	return c.checkRoutes(groups)
}

// tls is what connections over https trust and speak.
func (c *Config) tls() (*tls.Config, error) {
	t := &tls.Config{
		InsecureSkipVerify: c.Insecure,
		NextProtos:         c.offers(true).ALPN(),
		// A batch of requests is one record, however early on a connection.
		DynamicRecordSizingDisabled: true,
	}
	if c.CACert != nil {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(c.CACert) {
			return nil, errors.New("no certificate in what is to be trusted: it must be PEM")
		}
	}
	if c.Cert != nil || c.Key != nil {
		pair, err := tls.X509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("the certificate and the key to show to servers: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// group is the targets of an origin.
type group struct {
	origin    exchange.Origin
	positions []uint64    // among all targets
	lanes     int         // connections
	tls       *tls.Config // of all of them; nil: plaintext
}

// groups are the origins in the order of their first target, with connections
// in proportion to their targets.
func (c *Config) groups(requests []*exchange.Request) []*group {
	var groups []*group
	known := make(map[exchange.Origin]*group)
	for i, r := range requests {
		g := known[r.Origin]
		if g == nil {
			g = &group{origin: r.Origin}
			known[r.Origin] = g
			groups = append(groups, g)
		}
		g.positions = append(g.positions, uint64(i))
	}
	left, targets := c.Connections, len(requests)
	for i, g := range groups {
		// Each of the others keeps one at least.
		g.lanes = min(max(left*len(g.positions)/targets, 1), left-(len(groups)-i-1))
		left -= g.lanes
		targets -= len(g.positions)
	}
	return groups
}

// Prepared is the requests of all targets, or of the pattern's keys and variants.
func (c *Config) Prepared() (pattern.Requests, error) {
	all, book, err := c.requests()
	if book != nil {
		return book, err
	}
	return pattern.List(all), err
}

// Names are those of the targets that tallies count apart, by exchange.Request.Row.
func (c *Config) Names() []measure.Name {
	var names []measure.Name
	for _, t := range pattern.Counted(c.Targets, &c.Pattern, measure.MaxTargets) {
		names = append(names, measure.Name{Method: t.Method, URL: exchange.ShownURL(t.URL)})
	}
	return names
}

// requests prepares the targets. If there is a pattern, it has them all, and what
// takes turns is one of them for its origin.
func (c *Config) requests() ([]*exchange.Request, *pattern.Book, error) {
	if !c.Pattern.Zero() {
		book, err := pattern.New(c.Targets, c.Pattern)
		if err != nil {
			return nil, nil, err
		}
		plain := []*exchange.Request{book.Plain(0)}
		if err := c.byProxies(plain); err != nil {
			return nil, nil, err
		}
		if r := c.route(plain[0].Origin); r.proxy != nil && r.tunnel == "" {
			return nil, nil, errors.New("what is drawn is not sent to http:// by a proxy: allowed is https://, in a tunnel of the proxy")
		}
		return plain, book, nil
	}
	all, rows := make([]*exchange.Request, len(c.Targets)), pattern.Rows(c.Targets)
	for i := range c.Targets {
		r, err := exchange.NewRequest(i, &c.Targets[i])
		if err != nil {
			return nil, nil, err
		}
		if rows != nil {
			r.Row = rows[i]
		}
		all[i] = r
	}
	return all, nil, c.byProxies(all)
}

// Request prepares a target for a Feed.
func (c *Config) Request(index int, t *vegeta.Target) (*exchange.Request, error) {
	r, err := exchange.NewRequest(index, t)
	if err != nil {
		return nil, err
	}
	return r, c.byProxies([]*exchange.Request{r})
}

// plan makes what the drivers share.
func (c *Config) plan(requests []*exchange.Request, book *pattern.Book) (*plan, error) {
	p := &plan{birth: time.Now(), requests: requests, book: book, warmup: c.Warmup, end: never, timeout: c.Timeout, perRequest: c.PerRequest}
	if c.Duration > 0 {
		p.end = c.Warmup + c.Duration
	}
	if c.Pacer == nil {
		return p, nil
	}
	s, err := NewSchedule(c.Pacer)
	if err != nil {
		return nil, err
	}
	duration := c.until(s)
	if duration > 0 {
		p.end = c.Warmup + duration
	}
	w := withWarmup(s, c.Warmup)
	streams := c.Streams
	if c.PerRequest {
		streams = 1
	}
	p.schedule = &w
	p.beat = func(at time.Duration) beat { return beatOf(c.Connections, streams, w.Rate(at)) }
	if duration > 0 {
		p.total = w.hits + s.Hits(duration)
		if p.total > 0 {
			p.farewell = w.Due(p.total-1) + linger
		}
		return p, nil
	}
	p.total = w.hits + c.Requests
	last := w.Due(p.total - 1)
	p.farewell = last + linger
	switch {
	case last == never:
		return nil, fmt.Errorf("%d requests are never due: the rate falls to 0 before", c.Requests)
	case last > maxDuration:
		return nil, fmt.Errorf("%d requests are due in more than %v", c.Requests, maxDuration)
	}
	// Until the next one would be due: a rate of 10/s has 10 requests in a
	// second, the last of them after 0.9.
	if p.end = w.Due(p.total); p.end > 2*maxDuration {
		p.end = last + 1
	}
	return p, nil
}
