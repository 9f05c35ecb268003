//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Rows about how hotpath passes on what comes, and what it holds meanwhile. Each
// starts a hotpath of its own before an upstream that is this program.
const (
	rowCoalesce = "coalesce"
	rowParts    = "parts"
	rowStalled  = "stalled"
	rowDownload = "download"
	rowUpload   = "upload"
	rowKeys     = "keys"
)

func flowRows() []row {
	own := func(name string, rounds int, measure func(context.Context, *flowed, *state) ([]value, error), flags ...string) row {
		return row{
			name:   name,
			rounds: rounds,
			only:   func(server string) bool { return server == hotpath },
			measure: func(ctx context.Context, _ *process, st *state) (values []value, err error) {
				f, err := newFlowed(ctx, st, flags...)
				if err != nil {
					return nil, err
				}
				defer func() { err = errors.Join(err, f.close()) }()
				values, err = measure(ctx, f, st)
				if said := f.edge.Tail(); err != nil && said != "" {
					err = fmt.Errorf("%w\nhotpath has written:\n%s", err, said)
				}
				return values, err
			},
		}
	}
	return []row{
		own(rowCoalesce, 3, measureCoalesced),
		own(rowParts, 0, measureParts),
		own(rowStalled, 0, measureStalled),
		own(rowStale, 3, measureStale),
		own(rowDownload, 3, measureDownload, "-max-body", "8GiB"),
		own(rowUpload, 3, measureUpload, "-max-body", "8GiB"),
		own(rowKeys, 1, measureKeys, "-cache-bytes", strconv.Itoa(keysCacheMiB)+"MiB", "-cache-entries", "10000000", "-max-stored", "64MiB"),
	}
}

// flowed is a hotpath and its upstream.
type flowed struct {
	edge   *process
	server *http.Server
	asked  atomic.Int64 // requests that have reached the upstream
	served chan error
	handle http.HandlerFunc // set before the first request
	client *http.Client     // HTTP/2
}

func newFlowed(ctx context.Context, st *state, flags ...string) (*flowed, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &flowed{served: make(chan error, 1)}
	f.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/"+bodies[0].file() { // is it there?
			w.Header().Set("Cache-Control", "no-store")
			_, _ = w.Write(make([]byte, bodies[0].size)) // the client is gone
			return
		}
		f.asked.Add(1)
		f.handle(w, r)
	})}
	go func() { f.served <- f.server.Serve(l) }()
	s := *st.site
	s.upstream = l.Addr().String()
	if f.edge, err = start(ctx, hotpathBefore(hotpath, st.binary, flags...), &s); err != nil {
		return nil, errors.Join(err, f.server.Close())
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	f.client = &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS.Clone(), Protocols: protocols, DisableCompression: true}}
	return f, nil
}

func (f *flowed) close() error {
	f.client.CloseIdleConnections()
	f.edge.Stop()
	err := f.server.Close()
	if served := <-f.served; served != http.ErrServerClosed {
		err = errors.Join(err, served)
	}
	return err
}

func (f *flowed) url(path string) string { return "https://" + f.edge.Addr + path }

// get asks for a path, and returns what take does with the content.
func (f *flowed) get(ctx context.Context, path string, take func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url(path), nil)
	if err != nil {
		return err
	}
	resp, err := f.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return take(resp.Body)
}

func discard(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// measureCoalesced has very many requests ask for one key at once, whose answer
// comes a little later, and counts those that reach the upstream.
func measureCoalesced(ctx context.Context, f *flowed, st *state) ([]value, error) {
	width := shape{conns: 50, streams: 200}
	f.handle = func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(3 * time.Second) // 50 handshakes and 10,000 requests take less
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = w.Write(make([]byte, 1024))
	}
	n := width.conns * width.streams
	st.res.note("Row %s: %s requests for one key at once.", rowCoalesce, grouped(float64(n), 0))
	if _, err := runH2load(ctx, width, f.url("/one"), n, ""); err != nil {
		return nil, err
	}
	return []value{{originRequests, float64(f.asked.Load())}}, nil
}

// measureParts has the upstream send ten parts in a second to many waiting
// clients, and reports the longest time from the sending of a part to its
// arrival.
func measureParts(ctx context.Context, f *flowed, st *state) ([]value, error) {
	const parts, every, waiting = 10, 100 * time.Millisecond, 100
	began := time.Now()
	f.handle = func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(every)
		w.Header().Set("Cache-Control", "max-age=3600")
		for range parts {
			_, _ = fmt.Fprintf(w, "%020d\n", time.Since(began))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(every)
		}
	}
	st.res.note("Row %s: %d requests wait for one key, whose content comes in %d parts, one each %v; the longest delay of any part for any of them.", rowParts, waiting, parts, every)
	var mu sync.Mutex
	var longest time.Duration
	var errs []error
	var wg sync.WaitGroup
	for range waiting {
		wg.Go(func() {
			err := f.get(ctx, "/parts", func(r io.Reader) error {
				lines := bufio.NewScanner(r)
				n := 0
				for ; lines.Scan(); n++ {
					sent, err := strconv.ParseInt(lines.Text(), 10, 64)
					if err != nil {
						return err
					}
					late := time.Since(began) - time.Duration(sent)
					mu.Lock()
					longest = max(longest, late)
					mu.Unlock()
				}
				if n != parts {
					return fmt.Errorf("%d of %d parts: %w", n, parts, lines.Err())
				}
				return nil
			})
			if err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if n := f.asked.Load(); n != 1 {
		errs = append(errs, fmt.Errorf("%d requests at the upstream", n))
	}
	return []value{{partDelay, microseconds(longest) / 1000}}, errors.Join(errs...)
}

// measureStalled compares the latency of hits on a connection with that on one on
// which other requests wait for an upstream that does not answer.
func measureStalled(ctx context.Context, f *flowed, st *state) ([]value, error) {
	const stalled = 50
	release := make(chan struct{})
	f.handle = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		if r.URL.Path != "/hit" {
			<-release
		}
		_, _ = w.Write(make([]byte, 1024))
	}
	hits := func() (time.Duration, error) {
		all := make([]time.Duration, 0, st.size.hits)
		for range st.size.hits {
			began := time.Now()
			if err := f.get(ctx, "/hit", discard); err != nil {
				return 0, err
			}
			all = append(all, time.Since(began))
		}
		return percentile(all, 0.99)
	}
	if _, err := hits(); err != nil { // it is stored, and all is warm
		return nil, err
	}
	without, err := hits()
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	errs := make([]error, stalled)
	for i := range stalled {
		wg.Go(func() { errs[i] = f.get(ctx, "/stalled/"+strconv.Itoa(i), discard) })
	}
	for f.asked.Load() < stalled {
		if err := sleep(ctx, time.Millisecond); err != nil {
			return nil, err
		}
	}
	with, err := hits()
	close(release)
	wg.Wait()
	st.res.note("Row %s: %d requests wait for the upstream on the connection of the hits.", rowStalled, stalled)
	return []value{{p99Stalled, float64(with) / float64(without)}}, errors.Join(append(errs, err)...)
}

// zeros is an endless content.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// measureGrowth reports by how much memory rises at most while run runs, and by
// how much it is higher later.
func measureGrowth(ctx context.Context, f *flowed, st *state, run func() error) ([]value, error) {
	if err := sleep(ctx, st.size.settle); err != nil {
		return nil, err
	}
	g, err := watchGrowth(ctx, f.edge, st.size.settle, run)
	return []value{{memoryGrowth, float64(g.most-g.before) / 1024}, {memoryAfter, float64(g.after-g.before) / 1024}}, err
}

func measureDownload(ctx context.Context, f *flowed, st *state) ([]value, error) {
	f.handle = func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64) // 0 of nonsense
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = io.CopyN(w, zeros{}, n)
	}
	fetch := func(n int64) error {
		return f.get(ctx, "/large?n="+strconv.FormatInt(n, 10), func(r io.Reader) error {
			got, err := io.Copy(io.Discard, r)
			if err == nil && got != n {
				err = fmt.Errorf("%d bytes of %d", got, n)
			}
			return err
		})
	}
	if err := fetch(32 << 20); err != nil { // buffers are there
		return nil, err
	}
	st.res.note("Rows %s and %s: %s at once, after 32 MiB.", rowDownload, rowUpload, bytesText(st.size.large))
	return measureGrowth(ctx, f, st, func() error { return fetch(st.size.large) })
}

func measureUpload(ctx context.Context, f *flowed, st *state) ([]value, error) {
	f.handle = func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = fmt.Fprint(w, n)
	}
	send := func(n int64) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url("/upload"), io.LimitReader(zeros{}, n))
		if err != nil {
			return err
		}
		r.ContentLength = n
		resp, err := f.client.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil && string(text) != strconv.FormatInt(n, 10) {
			err = fmt.Errorf("%s: %q arrived of %d bytes", resp.Status, text, n)
		}
		return err
	}
	if err := send(32 << 20); err != nil {
		return nil, err
	}
	return measureGrowth(ctx, f, st, func() error { return send(st.size.large) })
}

// bytesText writes a size in its largest whole unit.
func bytesText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB"}
	for len(units) > 1 && n%1024 == 0 {
		n, units = n/1024, units[1:]
	}
	return fmt.Sprintf("%d %s", n, units[0])
}

// keysCacheMiB is -cache-bytes in the row "keys".
const keysCacheMiB = 64

// keyClients ask for keys at the same time, each on a connection of its own.
const keyClients = 16

// measureKeys asks for one random key after the other, with contents of 1 byte to
// 64 MiB whose sizes are spread evenly over the powers of two, the large ones
// seldom, and reports by how much memory exceeds that of the empty server.
func measureKeys(ctx context.Context, f *flowed, st *state) ([]value, error) {
	content := make([]byte, 64<<20)
	f.handle = func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n")) // 0 of nonsense
		w.Header().Set("Content-Length", strconv.Itoa(n))
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = w.Write(content[:n])
	}
	var count, volume atomic.Int64
	values, err := measureGrowth(ctx, f, st, func() error {
		var wg sync.WaitGroup
		errs := make([]error, keyClients)
		for i := range keyClients {
			wg.Go(func() { errs[i] = askKeys(ctx, f.edge.Addr, st.size.keys, &count, &volume) })
		}
		wg.Wait()
		return errors.Join(errs...)
	})
	st.res.note("Row %s: %s random keys, %s MiB of content, in %v, -cache-bytes %dMiB; beside the empty server.", rowKeys,
		grouped(float64(count.Load()), 0), grouped(float64(volume.Load()>>20), 0), st.size.keys, keysCacheMiB)
	return values, err
}

// askKeys asks over HTTP/1.1 for as long as run once it is connected: on a busy machine
// a handshake takes longer than a test's run.
func askKeys(ctx context.Context, addr string, run time.Duration, count, volume *atomic.Int64) error {
	c, err := openH1(ctx, addr)
	if err != nil {
		return err
	}
	defer c.tls.Close()
	for end := time.Now().Add(run); ctx.Err() == nil && time.Now().Before(end); {
		n := randomSize()
		resp, err := c.exchange(fmt.Sprintf("GET /%x?n=%d HTTP/1.1\r\nHost: keys.test\r\n\r\n", rand.Uint64(), n))
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK || resp.ContentLength != n {
			return fmt.Errorf("%s: %d bytes of %d", resp.Status, resp.ContentLength, n)
		}
		count.Add(1)
		volume.Add(n)
	}
	return nil
}

// randomSize is a power of two of 1 to 2^26, any of them as often below 4 KiB;
// above, half as often with each, so that a minute has room for many keys.
func randomSize() int64 {
	exponent := rand.Float64() * 12
	for exponent >= 11 && exponent < 26 && rand.IntN(5) < 3 {
		exponent++
	}
	return int64(math.Exp2(min(exponent, 26)))
}
