package live

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	hotpath "github.com/e0ac7cd4/hotpath/metrics"
)

// TestStream: a reader gets what is kept, and then every second as it ends.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := newConfig()
		r := newRecorder(t, cfg)
		run(t, r)
		l := serve(t, r)
		time.Sleep(3*time.Second + time.Millisecond)

		reader := open(t, l)
		if kind := reader.response.Header.Get("Content-Type"); kind != "text/event-stream" {
			t.Errorf("content type %q", kind)
		}
		for i := range 3 {
			if s := reader.sample(); s.Rate != 0 || s.Mean != nil || s.State != "ready" {
				t.Errorf("sample %d of an idle server: %+v", i, s)
			}
		}
		cfg.Metrics.Requests.Add(0, hotpath.H2, hotpath.Class2xx, hotpath.Hit, 150_000)
		cfg.Metrics.RequestDuration.ObserveN(0, hotpath.Hit, time.Millisecond, 150_000)
		if s := reader.sample(); s.Rate != 150_000 || *s.Mean != 1 {
			t.Errorf("a second of 150,000 requests: %+v", s)
		}
		// Far beyond the server's deadlines, which are for requests.
		before := time.Now()
		for range 60 {
			reader.sample()
		}
		if waited := time.Since(before); waited != time.Minute {
			t.Errorf("60 samples took %v", waited)
		}
	})
}

// TestStreamGoesOn: a page that was cut off has nothing twice and misses
// nothing, but for one whose last event is of a clock that was ahead.
func TestStreamGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, newConfig())
		run(t, r)
		l := serve(t, r)
		time.Sleep(5*time.Second + time.Millisecond)
		start := r.start.UnixMilli()
		for id, want := range map[string]int64{
			"":                                start + 1000,
			strconv.FormatInt(start+2000, 10): start + 3000,
			strconv.FormatInt(start+5000, 10): start + 6000,
			"no number":                       start + 1000,
			"9" + strings.Repeat("0", 30):     start + 1000,
		} {
			if s := open(t, l, "Last-Event-ID", id).sample(); s.T != want {
				t.Errorf("after %q: sample of %d ms, want %d", id, s.T-start, want-start)
			}
		}
	})
}

// TestStuckReaderIsDropped has a reader that takes the head and nothing more.
// The pipe has no buffer.
func TestStuckReaderIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, newConfig())
		run(t, r)
		l := serve(t, r)
		open(t, l)
		synctest.Wait()
		if n := len(r.slots); n != 1 {
			t.Fatalf("%d readers, want 1", n)
		}
		time.Sleep(interval + writeTimeout - time.Millisecond) // from the first sample
		synctest.Wait()
		if n := len(r.slots); n != 1 {
			t.Errorf("it is dropped too early")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := len(r.slots); n != 0 {
			t.Errorf("%d readers after %v without progress, want 0", n, writeTimeout)
		}
	})
}

func TestReadersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, newConfig())
		l := serve(t, r)
		var last *reader
		for range maxReaders {
			last = open(t, l)
			if last.response.StatusCode != http.StatusOK {
				t.Fatal(last.response.Status)
			}
		}
		refused := open(t, l)
		text, err := io.ReadAll(refused.response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if refused.response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), "16 readers") {
			t.Errorf("one more: %s, %q", refused.response.Status, text)
		}
		last.close()
		synctest.Wait()
		if again := open(t, l); again.response.StatusCode != http.StatusOK {
			t.Errorf("after one has left: %s", again.response.Status)
		}
	})
}

// TestStreamEnds: with the recorder, and in any case after ten minutes.
func TestStreamEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		stop time.Duration
		want time.Duration
	}{{"the recorder stops", 90 * time.Second, 90 * time.Second}, {"it is old", time.Hour, streamTime}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRecorder(t, newConfig())
				stop := run(t, r)
				l := serve(t, r)
				begin := time.Now()
				reader := open(t, l)
				time.AfterFunc(tt.stop, stop)
				for ok := true; ok; {
					_, ok = reader.next()
				}
				if err := reader.lines.Err(); err != nil {
					t.Errorf("it broke: %v", err)
				}
				if got := time.Since(begin); got != tt.want {
					t.Errorf("it ended after %v, want %v", got, tt.want)
				}
				time.Sleep(time.Hour) // until the recorder stops too
			})
		})
	}
}

// TestHead: a request for the head alone does not hold a place.
func TestHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, newConfig())
		conn := serve(t, r).Dial()
		defer conn.Close()
		if _, err := io.WriteString(conn, "HEAD /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 200") || !strings.HasSuffix(string(text), "\r\n\r\n") {
			t.Errorf("%q, %v", text, err)
		}
	})
}
