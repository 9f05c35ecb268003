package rules

import (
	"mime"
	"path/filepath"
	"strconv"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// Pages are the contents of errors. Nil has none.
type Pages struct {
	// Upstream is whether errors of upstreams get them as well.
	Upstream bool

	exact map[int]*page
	class [2]*page // of 4xx and 5xx
}

type page struct {
	kind hpack.Field // content-type
	body []byte
}

// newPage is the content of a file of that name.
func newPage(name string, body []byte) *page {
	kind := mime.TypeByExtension(filepath.Ext(name))
	if kind == "" {
		kind = "text/html; charset=utf-8"
	}
	return &page{hpack.Field{Name: "content-type", Value: kind}, body}
}

// Add adds the page of an error, "404", or of all of a class, "4xx", from the
// content of a file of that name.
func (p *Pages) Add(status, file string, body []byte) {
	made := newPage(file, body)
	switch status {
	case "4xx":
		p.class[0] = made
	case "5xx":
		p.class[1] = made
	default:
		if p.exact == nil {
			p.exact = make(map[int]*page)
		}
		n, _ := strconv.Atoi(status) // 0, which no error has, if it is no number
		p.exact[n] = made
	}
}

// of is the page of a status; nil: none. 412 and 416 have none: they say
// something of the content that a stored response has.
func (p *Pages) of(status int) *page {
	if p == nil || status < 400 || status > 599 || status == 412 || status == 416 {
		return nil
	}
	if one := p.exact[status]; one != nil {
		return one
	}
	return p.class[status/100-4]
}

// beside are the fields of an error that a page goes with: those that do not
// describe its content.
func beside(fields []hpack.Field) []hpack.Field {
	kept := make([]hpack.Field, 0, len(fields)+1)
	for _, f := range fields {
		switch f.Name {
		case "server", "content-type", "content-length", "content-encoding", "content-language", "content-location",
			"content-range", "content-disposition", "content-digest", "repr-digest", "accept-ranges", "etag", "last-modified", "trailer":
		default:
			kept = append(kept, f)
		}
	}
	return kept
}

// Sink returns the sink for the answer of an upstream to a request with that
// method: to is given the page in place of an error's content.
func (a *Answers) Sink(to origin.Sink, method string) origin.Sink {
	if a == nil || a.pages == nil || !a.pages.Upstream {
		return to
	}
	return &pageSink{Sink: to, pages: a.pages, headOnly: method == "HEAD"}
}

// pageSink puts pages in the place of errors.
type pageSink struct {
	origin.Sink
	pages    *Pages
	headOnly bool
	over     bool // the page was given: what the origin says is not needed
}

func (s *pageSink) Head(h origin.Head) error {
	p := s.pages.of(h.Status)
	if p == nil {
		return s.Sink.Head(h)
	}
	s.over = true
	var name []hpack.Field
	for _, f := range h.Fields {
		if f.Name == "server" {
			name = append(name, f)
		}
	}
	err := s.Sink.Head(message.Head{Status: h.Status, Fields: append(append(name, beside(h.Fields)...), p.kind), Length: int64(len(p.body))})
	if err == nil && !s.headOnly && len(p.body) > 0 {
		_, err = s.Sink.Write(p.body)
	}
	if err != nil {
		return err
	}
	if err := s.Sink.End(nil); err != nil {
		return err
	}
	return ErrPage
}

func (s *pageSink) Write(b []byte) (int, error) {
	if s.over {
		return 0, ErrPage
	}
	return s.Sink.Write(b)
}

func (s *pageSink) Flush() error {
	if s.over {
		return ErrPage
	}
	return s.Sink.Flush()
}

func (s *pageSink) End(trailers []hpack.Field) error {
	if s.over {
		return ErrPage
	}
	return s.Sink.End(trailers)
}
