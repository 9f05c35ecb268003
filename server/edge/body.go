package edge

import (
	"io"
	"net/http"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/site"
)

// limitBody holds the content of a request to the site's limit. It reports false
// if it is longer by what it says itself; one that does not say ends with an error
// when it is.
func (e *Edge) limitBody(x *message.Exchange, s *site.Site) bool {
	if s.MaxBody == 0 || x.Body == nil {
		return true
	}
	if x.Length > s.MaxBody {
		e.metrics.LimitBreaches.Add(e.stripe, metrics.LimitBodySize, 1)
		return false
	}
	if x.Length < 0 {
		x.Body = &limitedBody{ReadCloser: x.Body, edge: e, left: s.MaxBody, most: s.MaxBody}
	}
	return true
}

// limitedBody is a content of which no more is read than its limit. That there is
// more shows in one byte more.
type limitedBody struct {
	io.ReadCloser
	edge       *Edge
	left, most int64 // in bytes
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, &http.MaxBytesError{Limit: b.most}
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left >= 0 {
		return n, err
	}
	b.edge.metrics.LimitBreaches.Add(b.edge.stripe, metrics.LimitBodySize, 1)
	return n - 1, &http.MaxBytesError{Limit: b.most} // left was n-1
}
