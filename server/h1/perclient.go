package h1

import (
	"net/http"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

// refuses counts a request of client, and reports whether it is beyond that
// client's limit and to be refused.
func (c *Conn) refuses(client perclient.Client) (refuse bool) {
	c.over, refuse = c.cfg.PerClient.Over(client, c.now, c.stripe)
	return refuse
}

// limitRequest answers a request that is beyond its client's limit, and reports
// whether it did. One with content, or that asks for a tunnel, is the
// connection's last. Without such a limit it is not called.
func (c *Conn) limitRequest(h *head, size int) (done bool) {
	r := &h.request
	h.client = c.cfg.PerClient.Client(r)
	if !c.refuses(h.client) {
		return false
	}
	answer := c.cfg.PerClient.Refusal
	if h.content == none && h.upgrade == "" && r.Method != http.MethodConnect {
		c.answerNow(answer, nil, metrics.Bypass, r.Method == http.MethodHead, size, h)
		return true
	}
	c.refuse(&refusal{Response: answer, why: metrics.CloseError}, h)
	c.reason = metrics.CloseLimit
	return true
}
