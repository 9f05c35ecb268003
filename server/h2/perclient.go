package h2

import (
	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
	"github.com/e0ac7cd4/hotpath/server/perclient"
)

// refuses counts a request of client, and reports whether it is beyond that
// client's limit and to be refused.
func (c *Conn) refuses(client perclient.Client) (refuse bool) {
	c.over, refuse = c.cfg.PerClient.Over(client, c.now, c.stripe)
	return refuse
}

// refuseOver answers a request beyond its client's limit, which is complete, in
// the batch. The request is in remembered, or in d if that is nil.
func (c *Conn) refuseOver(id uint32, d *decoded, remembered *repeat) {
	r := c.cfg.PerClient.Refusal
	c.hits.Refuse()
	c.appendStored(id, r, nil, true, nil)
	if c.tap.Due(r.Status) {
		c.tap.Hit(about(d, remembered), access.Answer{Began: c.now, Status: r.Status, Result: metrics.Bypass, Limited: true, Site: policy(d, remembered)})
	}
}

// limitRequest answers a request that is beyond its client's limit, and reports
// whether it did. Without such a limit it is not called.
func (c *Conn) limitRequest(id uint32, d *decoded, end bool) (done bool, err *frame.Error) {
	d.client = c.cfg.PerClient.Client(&d.request.Request)
	switch {
	case !c.refuses(d.client):
		return false, nil
	case end && d.request.Protocol == "":
		c.refuseOver(id, d, nil)
		return true, nil
	}
	return true, c.refuseWith(id, &d.request, end, c.cfg.PerClient.Refusal)
}
