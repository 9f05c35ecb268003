package edge

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/encode"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/site"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// script is what an origin does with its nth request, from 1.
type script func(n int, ctx context.Context, r *origin.Request, sink origin.Sink) error

// scripted is an origin that follows a script, and records what it was asked.
type scripted struct {
	script script

	mu    sync.Mutex
	asked []asking1
}

// asking1 is a request as the origin saw it.
type asking1 struct {
	method, authority, path string
	fields                  []hpack.Field
	body                    bool
}

func (a *asking1) field(name string) string { return field(a.fields, name) }

func (o *scripted) Fetch(ctx context.Context, r *origin.Request, sink origin.Sink) error {
	o.mu.Lock()
	o.asked = append(o.asked, asking1{r.Method, r.Authority, r.Path, r.Fields, r.Body != nil})
	n := len(o.asked)
	o.mu.Unlock()
	return o.script(n, ctx, r, sink)
}

func (o *scripted) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.asked)
}

func (o *scripted) last() asking1 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked[len(o.asked)-1]
}

// give answers whole.
func give(sink origin.Sink, status int, body string, pairs ...string) error {
	if err := sink.Head(origin.Head{Status: status, Fields: fields(pairs...), Length: int64(len(body))}); err != nil {
		return err
	}
	if body != "" {
		if _, err := sink.Write([]byte(body)); err != nil {
			return err
		}
	}
	return sink.End(nil)
}

// always is a script with one answer.
func always(status int, body string, pairs ...string) script {
	return func(_ int, _ context.Context, _ *origin.Request, sink origin.Sink) error {
		return give(sink, status, body, pairs...)
	}
}

// pause is time that the origin takes.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func fields(pairs ...string) []hpack.Field {
	var all []hpack.Field
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, hpack.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return all
}

func field(fields []hpack.Field, name string) string {
	var values []string
	for _, f := range fields {
		if f.Name == name {
			values = append(values, f.Value)
		}
	}
	return strings.Join(values, "|")
}

// rig is an edge and what it is made of.
type rig struct {
	*Edge
	t       testing.TB
	origin  *scripted
	metrics *metrics.Hotpath
	log     *bytes.Buffer // read it only once no fetch is in progress
	gone    sync.WaitGroup
}

// knobs are what a test sets.
type knobs struct {
	rules  rfc9111.Rules
	query  site.Query
	bytes  int64
	config Config
	files  origin.Origin // a site of files instead
	coding *encode.Policy
}

// newRig makes an edge with one site, the default one.
func newRig(t testing.TB, k knobs, s script) *rig {
	t.Helper()
	o := &scripted{script: s}
	one := &site.Site{Name: "test", Default: true, Origin: o, Query: k.query, Rules: &k.rules, HitStatus: HitStatus, Coding: k.coding}
	if k.files != nil {
		one.Origin, one.Files = k.files, true
	}
	table, err := site.NewTable(one)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := store.New(store.Config{Entries: 1024, Bytes: cmp.Or(k.bytes, 256<<20)})
	if err != nil {
		t.Fatal(err)
	}
	k.config.Compressors = cmp.Or(k.config.Compressors, 1)
	k.config.Fetches, k.config.MaxStored = cmp.Or(k.config.Fetches, 256), cmp.Or(k.config.MaxStored, 8<<20)
	m := metrics.NewHotpath(metrics.Options{})
	log := new(bytes.Buffer)
	r := &rig{Edge: New(table, stored, m, slog.New(slog.NewTextHandler(log, nil)), k.config), t: t, origin: o, metrics: m, log: log}
	t.Cleanup(r.check)
	return r
}

// settle waits for what ends behind the last answer.
func (r *rig) settle() {
	r.t.Helper()
	r.gone.Wait()
	r.SetCompressors(0) // they end, and give their memory back
	for range 10_000 {  // 10 s: only a failure takes that long
		r.mu.Lock()
		flights := len(r.flights)
		r.mu.Unlock()
		s := r.store.Ledger().Stats()
		held := s.Arriving + s.Lingering + s.Buffered
		held += r.store.Cache().Stats().Reserved - r.store.Purges().Bytes() // compressors end by themselves
		if flights == 0 && held == 0 && r.compressors.Running() == 0 && s.Senders == 0 && len(r.revalidations) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	r.t.Errorf("left: %d flights, %+v, %d revalidations", len(r.flights), r.store.Ledger().Stats(), len(r.revalidations))
}

// check is that nothing is left of any request: no flight, no byte in the
// ledger, and none in the cache but entries.
func (r *rig) check() {
	r.t.Helper()
	r.settle()
	r.store.Cache().Purge()
	if n := r.store.Cache().Used() - r.store.Purges().Bytes(); n != 0 {
		r.t.Errorf("%d bytes are counted in an empty cache", n)
	}
}

// ask sends one request as an engine does: by the fast path, then by the slow
// path.
func (r *rig) ask(method, path string, pairs ...string) *client {
	return r.begin(method, path, pairs...).wait()
}

func (r *rig) get(path string, pairs ...string) *client { return r.ask("GET", path, pairs...) }

// begin begins a request.
func (r *rig) begin(method, path string, pairs ...string) *client {
	return r.beginAt("example.com", method, path, pairs...)
}

func (r *rig) beginAt(host, method, path string, pairs ...string) *client {
	c := r.newClient(host, method, path, pairs...)
	c.start()
	return c
}

func (r *rig) newClient(host, method, path string, pairs ...string) *client {
	c := &client{rig: r, done: make(chan struct{})}
	c.request = message.Request{Method: method, Scheme: "https", Authority: host, Path: path, Fields: fields(pairs...)}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c
}

// inBubble runs a test on fake time.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}
