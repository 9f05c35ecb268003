package edge

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/cache"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
	"github.com/e0ac7cd4/hotpath/server/origin"
)

// stubOrigin answers by a function. Every path is its own key.
type stubOrigin struct {
	fetches atomic.Int64
	fetch   func(ctx context.Context, key string, stale *origin.Answer) (origin.Answer, error)
}

func (o *stubOrigin) Key(dst []byte, path string) ([]byte, bool) { return append(dst, path...), true }

func (o *stubOrigin) Fetch(ctx context.Context, key string, stale *origin.Answer) (origin.Answer, error) {
	o.fetches.Add(1)
	return o.fetch(ctx, key, stale)
}

// stored is an answer that may be served for a second, and for another one
// while it is revalidated.
func stored(body string) origin.Answer {
	return origin.Answer{
		Response: message.New(http.StatusOK, nil, []byte(body), `"`+body+`"`, time.Time{}),
		Store:    true,
		Fresh:    time.Second,
		Stale:    time.Second,
	}
}

// rig is an edge and what it is made of.
type rig struct {
	*Edge
	cache   *cache.Cache[*Entry]
	metrics *metrics.Hotpath
	log     *bytes.Buffer // read it only once no fetch is in progress
}

func newRig(t testing.TB, o origin.Origin, limits cache.Config[*Entry], config Config) rig {
	t.Helper()
	c, err := cache.New(limits)
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.NewHotpath(metrics.Options{})
	log := new(bytes.Buffer)
	return rig{New(o, c, m, slog.New(slog.NewTextHandler(log, nil)), config), c, m, log}
}

func newStubRig(t testing.TB, config Config, fetch func(context.Context, string, *origin.Answer) (origin.Answer, error)) (rig, *stubOrigin) {
	o := &stubOrigin{fetch: fetch}
	return newRig(t, o, cache.Config[*Entry]{}, config), o
}

func newDirectory(t testing.TB, config origin.DirectoryConfig) (*origin.Directory, string) {
	t.Helper()
	root := t.TempDir()
	d, err := origin.NewDirectory(root, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, root
}

func write(t testing.TB, path, content string, modified time.Time) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
}

func fields(pairs ...string) []hpack.Field {
	var all []hpack.Field
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, hpack.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return all
}
