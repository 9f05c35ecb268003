//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const rowStale = "stale"

// measureStale has clients ask all the time for a resource that is fresh for a
// second, may be served stale while it is validated, and takes the upstream long.
// It reports the longest time that any of them waited once it was stored.
func measureStale(ctx context.Context, f *flowed, st *state) ([]value, error) {
	const clients, takes, run = 8, 500 * time.Millisecond, 6 * time.Second
	f.handle = func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(takes)
		w.Header().Set("Cache-Control", "max-age=1, stale-while-revalidate=3600")
		_, _ = w.Write(make([]byte, 1024)) // the client may be gone
	}
	if err := f.get(ctx, "/stale", discard); err != nil {
		return nil, err
	}
	st.res.note("Row %s: %d clients ask for %v for what is fresh for a second and takes the upstream %v; the longest wait of any.", rowStale, clients, run, takes)
	var wg sync.WaitGroup
	longest, errs := make([]time.Duration, clients), make([]error, clients)
	end := time.Now().Add(run)
	for i := range clients {
		wg.Go(func() {
			for began := time.Now(); began.Before(end) && errs[i] == nil; began = time.Now() {
				errs[i] = f.get(ctx, "/stale", discard)
				longest[i] = max(longest[i], time.Since(began))
				time.Sleep(time.Millisecond) // the upstream, this program, has work to do
			}
		})
	}
	wg.Wait()
	if n := f.asked.Load(); n < 3 {
		errs = append(errs, fmt.Errorf("%d requests at the upstream in %v: it was not validated", n, run))
	}
	var most time.Duration
	for _, d := range longest {
		most = max(most, d)
	}
	return []value{{staleWait, microseconds(most) / 1000}}, errors.Join(errs...)
}
