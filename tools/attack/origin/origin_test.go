package origin

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"
)

// TestAnswers: what answers does, what does not goes on until its client leaves.
func TestAnswers(t *testing.T) {
	s, err := Start("/below/")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for path, want := range map[string]struct {
		status int
		length int64
		ends   bool
	}{
		Key + "a":  {200, EntrySize, true},
		Vary:       {200, EntrySize, true},
		Slow + "a": {200, EntrySize, true},
		Upload:     {200, 1, true}, // "0"
		"nothing":  {404, int64(len("404 page not found\n")), true},
		Stall:      {},
		Drip:       {status: 200},
		Flood:      {status: 200},
		Heads:      {},
	} {
		t.Run(path, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if !want.ends {
				time.AfterFunc(300*time.Millisecond, cancel)
			}
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+"/below/"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				if want.status != 0 {
					t.Fatal(err)
				}
				return
			}
			defer answer.Body.Close()
			n, err := io.Copy(io.Discard, answer.Body)
			if answer.StatusCode != want.status || want.ends && (err != nil || n != want.length) || !want.ends && (err == nil || n == 0) {
				t.Errorf("%s with %d bytes, %v; want %d with %d", answer.Status, n, err, want.status, want.length)
			}
		})
	}
	for end := time.Now().Add(10 * time.Second); s.Busy() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is answering %d requests whose clients have left", s.Busy())
		}
	}
}
