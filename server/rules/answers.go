package rules

import (
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// Answers is what becomes of the answers of a site. [NewAnswers] makes one; nil
// changes nothing.
type Answers struct {
	fields  *Fields
	private bool
	pages   *Pages
	failed  *message.Response // the 412 of all
}

// NewAnswers makes the rules of a site's answers: their fields, nil for none; the
// pages of errors, nil for none; and private, whether no cache behind us may store
// them, since clients show who they are (RFC 9111 §5.2.2.7). It is nil if nothing
// is to be changed.
func NewAnswers(fields *Fields, pages *Pages, private bool) *Answers {
	if fields == nil && pages == nil && !private {
		return nil
	}
	a := &Answers{fields: fields, pages: pages, private: private}
	a.failed = message.PreconditionFailed.Rewritten(a.Fields, nil)
	return a
}

// onlyPrivate forbids shared caches to store, whatever else Cache-Control has.
var onlyPrivate = hpack.Field{Name: "cache-control", Value: "private"}

// Fields returns the fields of an answer that come of those of the origin.
func (a *Answers) Fields(fields []hpack.Field) []hpack.Field {
	if a == nil {
		return fields
	}
	fields = a.fields.Apply(fields)
	if !a.private {
		return fields
	}
	made := make([]hpack.Field, 0, len(fields)+1)
	for _, f := range fields {
		if f != onlyPrivate && !targeted(f.Name) {
			made = append(made, f)
		}
	}
	return append(made, onlyPrivate)
}

// targeted reports whether a field is a Cache-Control for some caches, in which
// that one does not count (RFC 9213 §2.2).
func targeted(name string) bool {
	return strings.HasSuffix(name, "cdn-cache-control") || name == "surrogate-control"
}

// Rewrite returns the response by the rules: r itself if they are in it.
func (a *Answers) Rewrite(r *message.Response) *message.Response {
	if a == nil || r.Ruled != nil {
		return r
	}
	return r.Rewritten(a.Fields, a.failed)
}

// Stored is [message.Stored] by the rules.
func (a *Answers) Stored(status int, fields []hpack.Field, body []byte, born int64) *message.Response {
	return a.mark(message.Stored(status, a.Fields(fields), body, born), fields)
}

// OpenedStored is [message.OpenedStored] by the rules.
func (a *Answers) OpenedStored(status int, fields []hpack.Field, length, born int64) *message.Response {
	return a.mark(message.OpenedStored(status, a.Fields(fields), length, born), fields)
}

func (a *Answers) mark(r *message.Response, fields []hpack.Field) *message.Response {
	if a != nil {
		r.Ruled = &message.Ruled{Fields: fields, Failed: a.failed}
	}
	return r
}

// page is r, or the page that stands in for it: if r is an error of our own, and
// its status has a page.
func (a *Answers) page(r *message.Response) *message.Response {
	if r.Born != 0 || r.Ruled != nil {
		return r // another server's, or by the rules already
	}
	p := a.pages.of(r.Status)
	if p == nil {
		return r
	}
	return message.New(r.Status, append(beside(r.Fields), p.kind), p.body, "", time.Time{})
}
