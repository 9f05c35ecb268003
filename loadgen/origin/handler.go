package origin

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// maxUpload is how much of a request's content is read.
	maxUpload = 1 << 30

	// uploadTime is for a request's content to come.
	uploadTime = time.Minute
)

// handler answers by the rules.
type handler struct {
	rules  Rules
	seed   uint64
	now    func() time.Time
	counts *counts
	next   []atomic.Uint64 // by rule: the number of its next request
	limit  time.Duration   // for a write
}

func newHandler(rules Rules, seed uint64) (*handler, error) {
	last, err := parseRule(Default)
	if err != nil {
		return nil, err
	}
	rules = append(rules[:len(rules):len(rules)], last)
	return &handler{
		rules: rules, seed: seed, now: time.Now,
		counts: newCounts(rules), next: make([]atomic.Uint64, len(rules)), limit: writeTime,
	}, nil
}

// fate is what the n-th request of a rule meets.
type fate struct {
	latency time.Duration
	status  int // of an error; 0: none
	breaks  breakage
	broken  bool
}

// spread is 2⁶⁴ by the golden ratio: generators whose seeds are neighbours begin
// alike.
const spread = 0x9e3779b97f4a7c15

// fate draws in a fixed order, whatever of it is used.
func (r *Rule) fate(seed uint64, rule int, n uint64) fate {
	source := rand.New(rand.NewPCG(seed^uint64(rule)<<48, n*spread))
	errored, broken := source.Float64(), source.Float64()
	f := fate{latency: r.latency.duration(source)}
	f.status, _ = pick(r.errors, errored)
	if f.status == 0 {
		f.breaks, f.broken = pick(r.breaks, broken)
	}
	return f
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	i := h.rules.match(req.URL.Path)
	rule := h.rules[i]
	fate := rule.fate(h.seed, i, h.next[i].Add(1)-1)
	h.counts.begin(i, req)
	b := &body{ResponseWriter: w, control: http.NewResponseController(w), req: req, rule: rule, fate: fate, counts: h.counts, limit: h.limit}
	end := abandoned // unless it comes to one
	defer func() { h.counts.end(end, b.status) }()
	in, err := upload(b.control, req)
	h.counts.bytesIn.Add(uint64(in))
	if err != nil || wait(req.Context(), fate.latency) != nil {
		panic(http.ErrAbortHandler)
	}
	if fate.broken && fate.breaks == silent {
		end = broken
		b.holdOpen()
		panic(http.ErrAbortHandler)
	}
	h.answer(b)
	switch {
	case b.broke:
		end = broken
		if !b.hijacked {
			panic(http.ErrAbortHandler) // closes the connection, or resets the stream
		}
	case b.err != nil:
		panic(http.ErrAbortHandler)
	default:
		end = whole
	}
}

// answer writes the response.
func (h *handler) answer(b *body) {
	rule, fate := b.rule, b.fate
	if fate.status != 0 {
		h.counts.errors.Add(1)
		text := strconv.Itoa(fate.status) + " " + http.StatusText(fate.status) + "\n"
		b.Header().Set("Content-Type", "text/plain; charset=utf-8")
		b.Header().Set("Content-Length", strconv.Itoa(len(text)))
		b.WriteHeader(fate.status)
		if b.req.Method != http.MethodHead {
			_, _ = io.WriteString(b, text) // b keeps its error
		}
		return
	}
	for name, values := range rule.fields {
		b.Header()[name] = values
	}
	if b.Header().Get("Content-Type") == "" {
		b.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	c := rule.resource(h.seed, b.req, h.now())
	if rule.status == http.StatusOK {
		if tag := c.tag(rule.etag); tag != "" {
			b.Header().Set("ETag", tag)
		}
		http.ServeContent(b, b.req, "", c.modified, newContent(c)) // ranges and conditions (RFC 9110 §13, §14)
		return
	}
	if rule.status != http.StatusNoContent && rule.status != http.StatusNotModified {
		b.Header().Set("Content-Length", strconv.FormatInt(c.size, 10))
	} else {
		c.size = 0
	}
	b.WriteHeader(rule.status)
	if b.req.Method != http.MethodHead {
		_, _ = io.Copy(b, newContent(c)) // b keeps its error
	}
}

// upload reads a request's content.
func upload(control *http.ResponseController, req *http.Request) (int64, error) {
	if req.ContentLength == 0 {
		return 0, nil
	}
	_ = control.SetReadDeadline(time.Now().Add(uploadTime)) // both protocols have one
	n, err := io.Copy(io.Discard, io.LimitReader(req.Body, maxUpload+1))
	if err == nil && n > maxUpload {
		err = errors.New("a content that is too large")
	}
	_ = control.SetReadDeadline(time.Time{})
	return n, err
}

// wait waits for d, or until ctx ends, whose error it returns then.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
