package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	hotpath "github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/access"
)

// TestSample counts known traffic for two seconds, and looks for it.
func TestSample(t *testing.T) {
	cfg := newConfig()
	m := cfg.Metrics
	now := time.Now()
	before := cfg.totals(now)
	m.Requests.Add(0, hotpath.H2, hotpath.Class2xx, hotpath.Hit, 700)
	m.Requests.Add(1, hotpath.H1, hotpath.Class2xx, hotpath.Miss, 100)
	m.Requests.Add(2, hotpath.H1, hotpath.Class4xx, hotpath.Bypass, 150)
	m.Requests.Add(3, hotpath.H2, hotpath.Class5xx, hotpath.Bypass, 50)
	m.RequestDuration.ObserveN(0, hotpath.Hit, 25*time.Microsecond, 700)
	m.RequestDuration.ObserveN(0, hotpath.Miss, 2500*time.Microsecond, 300)
	m.Connections.Add(0, hotpath.StateH2, 3)
	m.Connections.Add(0, hotpath.StateH1, 1)
	m.Permits.Set(10)
	m.PermitsInUse.Add(0, 4)
	m.ConnectionsRefused.Add(0, hotpath.RefusePermits, 6)
	m.SentBytes.Add(0, 3000)
	m.ReceivedBytes.Add(0, 1000)
	cfg.Ready = func() error { return errors.New("draining") }
	after := cfg.totals(now.Add(2 * time.Second))
	after.cpu = before.cpu + 3*time.Second

	s := cfg.sample(after, before, before)
	for _, tt := range []struct {
		name      string
		got, want figure
	}{
		{"rate", s.Rate, 500}, {"mean", s.Mean, .7675}, {"p50", s.P50, .5 / .7 * .025}, {"p99", s.P99, 2 + .5*.29/.3},
		{"hits", s.Hits, .875}, {"5xx", s.ServerErrors, .05}, {"4xx", s.ClientErrors, .15},
		{"refused", s.Refused, 3}, {"sent", s.Sent, 1500}, {"received", s.Received, 500}, {"cpu", s.CPU, 1.5}, {"cpu of a request", s.CPURequest, 3},
	} {
		if math.Abs(float64(tt.got-tt.want)) > 1e-9 {
			t.Errorf("%s is %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if want := (connections{H2: 3, H1: 1}); s.Connections != want || s.Permits != 10 || s.PermitsUsed != 4 {
		t.Errorf("connections %+v, %d of %d", s.Connections, s.PermitsUsed, s.Permits)
	}
	if s.State != "draining" || s.CacheEntries != 3 || s.CacheBytes != 7000 {
		t.Errorf("state %q, %d entries, %d bytes", s.State, s.CacheEntries, s.CacheBytes)
	}
	if s.Heap == 0 || s.Memory < s.Heap {
		t.Errorf("memory %d, of it objects %d", s.Memory, s.Heap)
	}
	if after.cpu == 0 {
		t.Error("no processor time")
	}
}

func TestSampleOfNothing(t *testing.T) {
	cfg := newConfig()
	now := time.Now()
	text, err := json.Marshal(cfg.sample(cfg.totals(now.Add(time.Second)), cfg.totals(now), cfg.totals(now)))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"rate":0,`, `"mean":null,`, `"p99":null,`, `"hits":null,`, `"server_errors":null,`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
}

// TestRing: ten minutes are kept, in order, and nothing older.
func TestRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, newConfig())
		run(t, r)
		time.Sleep((kept+30)*interval + time.Millisecond)
		synctest.Wait()
		events, latest, _ := r.since(0)
		var ids []int64
		for line := range strings.Lines(string(events)) {
			var id int64
			if n, _ := fmt.Sscanf(line, "id: %d", &id); n == 1 {
				ids = append(ids, id-r.start.UnixMilli())
			}
		}
		if len(ids) != kept {
			t.Fatalf("%d samples are kept, want %d", len(ids), kept)
		}
		for i, id := range ids {
			if want := int64(31+i) * 1000; id != want {
				t.Fatalf("sample %d is of %d ms, want %d", i, id, want)
			}
		}
		if latest-r.start.UnixMilli() != ids[kept-1] {
			t.Errorf("the latest is said to be %d", latest)
		}
		if again, _, _ := r.since(latest); len(again) != 0 {
			t.Errorf("after the latest there is %q", again)
		}
	})
}

// TestKeysAndLog: both are bounded, the keys come each second, the log when it
// has changed.
func TestKeysAndLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := newConfig()
		long := strings.Repeat("ä", 1000)
		cfg.HotKeys = func(n int) []access.HotKey {
			keys := []access.HotKey{{Key: "/<script>", Share: .25}, {Key: long, Share: math.NaN()}}
			for len(keys) < n {
				keys = append(keys, access.HotKey{Key: "/x"})
			}
			return keys
		}
		slog.New(cfg.Journal.Watch(slog.NewTextHandler(io.Discard, nil))).Warn("x")
		r := newRecorder(t, cfg)
		run(t, r)
		reader := open(t, serve(t, r))
		var names []string
		for range 8 {
			m, _ := reader.next()
			names = append(names, m.event)
			if m.event != "keys" {
				continue
			}
			var keys []struct {
				Key   string
				Share *float64
			}
			if err := json.Unmarshal([]byte(m.data), &keys); err != nil {
				t.Fatal(err)
			}
			if len(keys) != maxKeys || keys[0].Key != "/<script>" || *keys[0].Share != .25 {
				t.Errorf("%d keys, the first is %+v", len(keys), keys[0])
			}
			if key := keys[1].Key; len(key) > maxKeyLength || !strings.HasPrefix(long, strings.TrimSuffix(key, "…")) || keys[1].Share != nil {
				t.Errorf("a long key is %q", key)
			}
		}
		if got := strings.Join(names, " "); got != "start keys state log notes sample keys sample" {
			t.Errorf("events: %s", got)
		}
	})
}

// BenchmarkRecord is what the page costs once a second, readers aside.
func BenchmarkRecord(b *testing.B) {
	cfg := newConfig()
	cfg.Metrics = newMetrics(hotpath.Options{})
	cfg.HotKeys = func(n int) []access.HotKey { return make([]access.HotKey, n) }
	r := newRecorder(b, cfg)
	var w window
	w.add(cfg.totals(time.Now()))
	for b.Loop() {
		now := cfg.totals(time.Now())
		if err := r.record(cfg.sample(now, w.back(1), w.earlier(now)), nil, now.at); err != nil {
			b.Fatal(err)
		}
		w.add(now)
	}
}

// BenchmarkState is what it costs beside that every five seconds, with a thousand sites.
func BenchmarkState(b *testing.B) {
	cfg := newConfig()
	cfg.Metrics = newMetrics(hotpath.Options{})
	sites := make([]Site, 1000)
	for i := range sites {
		sites[i] = Site{Name: fmt.Sprint("site", i), Tally: hotpath.NewTally()}
	}
	cfg.Sites = func() []Site { return sites }
	w := newWatch(&cfg, time.Now())
	for b.Loop() {
		if len(w.look(time.Now()).Sites) != maxSites {
			b.Fatal("sites are missing")
		}
	}
}
