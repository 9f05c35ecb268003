package admin

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// maxReason bounds what is read of an answer that is not 200, in bytes: ours
// are a word, and whatever else listens there may send anything.
const maxReason = 200

// Ready asks the admin listener at address, host:port, for /readyz. It returns
// nil if the server is ready, else an error of one line that says why
// not. An address without a host, or with the unspecified one, is this
// machine's. It uses no proxy.
func Ready(ctx context.Context, address string) error {
	transport := &http.Transport{
		// The address is dialed as it is: a URL needs a host, and ":9180" has none.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		DisableKeepAlives: true,
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/readyz", nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", address, err)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("asking %s for /readyz: %w", address, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	reason, err := io.ReadAll(io.LimitReader(response.Body, maxReason))
	if err != nil {
		return fmt.Errorf("reading the answer of %s to /readyz: %w", address, err)
	}
	line, _, _ := strings.Cut(string(reason), "\n")
	return fmt.Errorf("%s is not ready: %s: %q", address, response.Status, line)
}
