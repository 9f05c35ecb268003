//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// rowCoded is the load of hits that go out compressed, in turns with that of a file
// that is as large as they are on the wire.
const rowCoded = "coded-h2-8x32-16KiB"

const (
	pageFile  = "page.html" // 16 KiB of HTML
	plainFile = "plain.bin" // as large as the page is in its coding
	pageSize  = 16 << 10
	codings   = "accept-encoding: br"
)

// page is a list of links, which compress about as well as pages do.
func page() []byte {
	var b bytes.Buffer
	b.WriteString("<!doctype html><title>A page</title><ul>\n")
	for seed := uint32(1); b.Len() < pageSize; {
		seed = seed*1664525 + 1013904223 // Numerical Recipes
		fmt.Fprintf(&b, "<li class=\"item\"><a href=\"/item/%x\">Item %d</a> costs %d.%02d\n", seed, seed>>20, seed>>24, seed>>16%100)
	}
	return b.Bytes()[:pageSize]
}

// measureCoded compares the processor time of the two, in pairs of runs.
func measureCoded(ctx context.Context, p *process, st *state) ([]value, error) {
	const pairs = 4
	if err := os.WriteFile(filepath.Join(st.site.root, pageFile), page(), 0o644); err != nil {
		return nil, err
	}
	size, err := awaitCoded(ctx, "https://"+p.Addr+"/"+pageFile)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(st.site.root, plainFile), make([]byte, size), 0o644); err != nil {
		return nil, err
	}
	s := shapes[0]
	// At plainFile no coding is asked for: it is a hit like any other.
	loads := []struct {
		url    string
		fields []string
	}{{"https://" + p.Addr + "/" + plainFile, nil}, {"https://" + p.Addr + "/" + pageFile, []string{codings}}}
	n, err := st.requests(ctx, rowCoded, p.Name, s, loads[0].url, st.size.load/pairs)
	if err != nil {
		return nil, err
	}
	n = max(n, s.conns*s.streams*st.size.least)
	var spent [2]time.Duration
	for range pairs {
		for i, l := range loads {
			before, err := awaitIdle(ctx, p)
			if err != nil {
				return nil, err
			}
			if _, err := runH2load(ctx, s, l.url, n, "", l.fields...); err != nil {
				return nil, err
			}
			after, err := awaitIdle(ctx, p)
			if err != nil {
				return nil, err
			}
			spent[i] += after - before
		}
	}
	return []value{
		{cpuPerRequest, microseconds(spent[1]) / float64(pairs*n)},
		{cpuCoded, float64(spent[1]) / float64(spent[0])},
	}, nil
}

// awaitCoded asks until the answer comes in a coding, and returns its size in bytes.
func awaitCoded(ctx context.Context, url string) (int, error) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	for range 100 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return 0, err
		}
		r.Header.Set("Accept-Encoding", "br")
		answer, err := client.Do(r)
		if err != nil {
			return 0, err
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			return 0, err
		}
		if answer.Header.Get("Content-Encoding") == "br" {
			return len(text), nil
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, errors.New(url + " is not compressed")
}
