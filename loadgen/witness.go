package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/origin"
)

// countTime is for an origin to say what it had.
const countTime = 5 * time.Second

// witness asks an origin what it had while an edge before it is measured; nil is
// none. The hit ratio that follows is of two counts that do not know each other.
type witness struct {
	url    string
	client *http.Client
	asked  bool          // the measurement has begun, or will after the warm-up
	begun  chan struct{} // closed when before is set, or err
	before origin.Count
	err    error
}

// startWitness asks the origin of -origin for its count, so that one that cannot
// be asked does not cost an attack.
func (o *options) startWitness(ctx context.Context, cfg *attack.Config) (*witness, error) {
	if o.origin == "" {
		return nil, nil
	}
	u, err := url.Parse(o.origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usageError{fmt.Errorf("-origin %q: it must be the http or https URL of a `loadgen origin`", o.origin)}
	}
	secure := &tls.Config{InsecureSkipVerify: cfg.Insecure}
	if cfg.CACert != nil {
		secure.RootCAs = x509.NewCertPool()
		secure.RootCAs.AppendCertsFromPEM(cfg.CACert) // Check has read them
	}
	w := &witness{
		url:    o.origin,
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: secure, DisableKeepAlives: true}, Timeout: countTime},
		begun:  make(chan struct{}),
	}
	if w.before, err = origin.Fetch(ctx, w.client, w.url); err != nil {
		return nil, usageError{fmt.Errorf("-origin: nothing was sent: %w", err)}
	}
	return w, nil
}

// begin asks again when the measurement begins, if a warm-up has changed the count
// until then.
func (w *witness) begin(ctx context.Context, at time.Time, warmup time.Duration) {
	if w == nil {
		return
	}
	w.asked = true
	if warmup == 0 {
		close(w.begun)
		return
	}
	go func() {
		defer close(w.begun)
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		select {
		case <-timer.C:
			w.before, w.err = origin.Fetch(ctx, w.client, w.url)
		case <-ctx.Done():
			w.err = errors.New("interrupted while it was warming up")
		}
	}()
}

// end asks what the origin had since the begin.
func (w *witness) end(ctx context.Context) (*measure.Origin, error) {
	if w == nil {
		return nil, nil
	}
	d, err := w.difference(context.WithoutCancel(ctx)) // what there is of an interrupted run is counted, too
	if err != nil {
		return nil, fmt.Errorf("the report is without the origin's count: %w", err)
	}
	return &measure.Origin{URL: w.url, Requests: d.Requests, Broken: d.Broken, BytesOut: d.BytesOut, Statuses: d.Statuses}, nil
}

func (w *witness) difference(ctx context.Context) (origin.Count, error) {
	if !w.asked {
		return origin.Count{}, errors.New("the measurement did not begin")
	}
	<-w.begun // soon: the run is over, and asking has a limit
	if w.err != nil {
		return origin.Count{}, w.err
	}
	after, err := origin.Fetch(ctx, w.client, w.url)
	if err != nil {
		return origin.Count{}, err
	}
	return origin.Difference(w.before, after)
}
