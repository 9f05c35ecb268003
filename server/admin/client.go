package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/missed"
)

const (
	// maxReason bounds what is read of an answer to /readyz that is not 200, in
	// bytes: ours are a word, and whatever else listens there may send anything.
	maxReason = 200

	// maxAnswer bounds any other answer: the settings of thousands of sites.
	maxAnswer = 64 << 20
)

// Client asks a server at its admin address, host:port. An address without a
// host, or with the unspecified one, is this machine's. It uses no proxy.
type Client struct {
	Address string
	Token   string // "": none
}

// do sends a request, with a form if it is not nil. What is not within ctx is an error.
func (c Client) do(ctx context.Context, method, path string, form url.Values) (*http.Response, error) {
	transport := &http.Transport{
		// The address is dialed as it is: a URL needs a host, and ":9180" has none.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, c.Address)
		},
		DisableKeepAlives: true,
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", c.Address, err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("asking %s for %s: %w", c.Address, path, err)
	}
	return response, nil
}

// Ready asks for /readyz. It returns nil if the server is ready, else an error of
// one line that says why not.
func (c Client) Ready(ctx context.Context) error {
	response, err := c.do(ctx, http.MethodGet, "/readyz", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	reason, err := io.ReadAll(io.LimitReader(response.Body, maxReason))
	if err != nil {
		return fmt.Errorf("reading the answer of %s to /readyz: %w", c.Address, err)
	}
	line, _, _ := strings.Cut(string(reason), "\n")
	return fmt.Errorf("%s is not ready: %s: %q", c.Address, response.Status, line)
}

// Reload has the server read its configuration again. It returns what the server
// says of the changes, a line for each; the error is what it says of why there are
// none.
func (c Client) Reload(ctx context.Context) (string, error) { return c.change(ctx, "/reload") }

// Upgrade has the server start its program again and hand over to it. It returns
// what the server says once that is done; the error is what it says of why not.
func (c Client) Upgrade(ctx context.Context) (string, error) { return c.change(ctx, "/upgrade") }

// change asks for something that may be refused.
func (c Client) change(ctx context.Context, path string) (string, error) {
	response, err := c.do(ctx, http.MethodPost, path, nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := c.read(response, path)
	switch {
	case err != nil:
		return "", err
	case response.StatusCode == http.StatusConflict:
		return "", errors.New(strings.TrimRight(string(answer), "\n"))
	}
	return string(answer), c.unexpected(response, answer, path)
}

// Purge purges what a form names: see the parameters of /purge. The error is what the
// server says of why it purged nothing.
func (c Client) Purge(ctx context.Context, form url.Values) (done edge.Purged, err error) {
	return done, c.decode(ctx, http.MethodPost, "/purge", form, &done)
}

// Explain asks what would become of a request: see the parameters of /explain.
func (c Client) Explain(ctx context.Context, question url.Values) (x edge.Explanation, err error) {
	return x, c.decode(ctx, http.MethodPost, "/explain", question, &x)
}

// Misses asks for the paths whose requests miss most.
func (c Client) Misses(ctx context.Context) (paths []missed.Path, err error) {
	return paths, c.decode(ctx, http.MethodGet, "/misses", nil, &paths)
}

// decode decodes an answer in JSON into v. With 400 the answer is the error.
func (c Client) decode(ctx context.Context, method, path string, form url.Values, v any) error {
	response, err := c.do(ctx, method, path, form)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	path, _, _ = strings.Cut(path, "?")
	answer, err := c.read(response, path)
	switch {
	case err != nil:
		return err
	case response.StatusCode == http.StatusBadRequest:
		return errors.New(strings.TrimRight(string(answer), "\n"))
	}
	if err := c.unexpected(response, answer, path); err != nil {
		return err
	}
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("decoding the answer of %s to %s: %w", c.Address, path, err)
	}
	return nil
}

// Settings decodes the server's settings in effect into all.
func (c Client) Settings(ctx context.Context, all any) error {
	return c.decode(ctx, http.MethodGet, "/config", nil, all)
}

func (c Client) read(response *http.Response, path string) ([]byte, error) {
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s to %s: %w", c.Address, path, err)
	}
	return answer, nil
}

// unexpected is the error of an answer other than 200.
func (c Client) unexpected(response *http.Response, answer []byte, path string) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	line, _, _ := strings.Cut(string(answer[:min(len(answer), maxReason)]), "\n")
	return fmt.Errorf("%s answers %s to %s: %q", c.Address, response.Status, path, line)
}
