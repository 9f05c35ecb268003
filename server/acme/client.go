package acme

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/e0ac7cd4/hotpath/internal/buildinfo"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// Limits of what an authority can make us hold and wait for.
const (
	// requestTimeout is one request with its answer: authorities answer within
	// seconds, and have us poll for what takes longer.
	requestTimeout = 30 * time.Second
	dialTimeout    = 10 * time.Second

	// maxAnswer is an answer's content: a chain of certificates has some 10 KiB.
	maxAnswer = 1 << 20
	maxHead   = 64 << 10
)

// newClient makes a client for one order. Its connections end with closeIdle.
func newClient(s Settings, log *slog.Logger) (client *acmez.Client, closeIdle func(), err error) {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: maxHead,
		MaxConnsPerHost:        connsEach,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if s.CAFile != "" {
		text, err := config.ReadRegular(s.CAFile)
		if err != nil {
			return nil, nil, fmt.Errorf("reading acme-ca-file: %w", err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(text) {
			return nil, nil, fmt.Errorf("acme-ca-file %q has no certificate in PEM form", s.CAFile)
		}
	}
	return &acmez.Client{Client: &acme.Client{
		Directory:   s.Directory,
		HTTPClient:  &http.Client{Transport: bounded{transport}, Timeout: requestTimeout},
		UserAgent:   "hotpath/" + buildinfo.Version(),
		PollTimeout: orderTimeout,
		Logger:      slog.New(quiet{log.Handler()}),
	}}, transport.CloseIdleConnections, nil
}

// bounded bounds the content of answers.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = &boundedBody{answer.Body, maxAnswer}
	}
	return answer, err
}

var errLongAnswer = errors.New("the answer of the authority is longer than 1 MiB")

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errLongAnswer
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
