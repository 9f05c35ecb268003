package access

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/message"
)

// began is when every request of these tests began.
var began = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)

var remote = netip.MustParseAddr("192.0.2.1")

// get is a GET as it is encoded.
func get(path string) []byte {
	return AppendRequest(nil, &message.Request{Method: "GET", Authority: "test", Path: path, Client: remote})
}

// full is a request with every field that the log has.
func full(method, host, path, referer, agent string) *message.Request {
	return &message.Request{Method: method, Authority: host, Path: path, Client: remote, Fields: []hpack.Field{
		{Name: "referer", Value: referer}, {Name: "accept", Value: "*/*"}, {Name: "user-agent", Value: agent},
	}}
}

// ok is the answer to a request that took the turn.
func ok(status int) Answer { return Answer{Began: began, Status: status, Bytes: 10} }

// subject is a Recorder under test.
type subject struct {
	*Recorder
	m   *metrics.Hotpath
	log *testkit.LogBuffer
}

// start starts a Recorder with what is missing of cfg, and ends it with the
// test.
func start(t testing.TB, cfg Config) subject {
	t.Helper()
	s := subject{m: metrics.NewHotpath(metrics.Options{Stripes: 1}), log: new(testkit.LogBuffer)}
	cfg.Metrics, cfg.Log = s.m, slog.New(slog.NewTextHandler(s.log, nil))
	if cfg.File == "" {
		cfg.File = filepath.Join(t.TempDir(), "access.log")
	}
	if cfg.Format == "" {
		cfg.Format = Common
	}
	var err error
	if s.Recorder, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// lines closes the Recorder and returns what it has written.
func (s subject) lines(t testing.TB) []string {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return linesOf(t, s.cfg.File)
}

func linesOf(t testing.TB, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		t.Errorf("the log ends within a line: %q", text)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func (s subject) wantCounts(t testing.TB, written, dropped, failed uint64) {
	t.Helper()
	for outcome, want := range map[metrics.LogOutcome]uint64{
		metrics.LogWritten: written, metrics.LogDropped: dropped, metrics.LogFailed: failed,
	} {
		if got := s.m.AccessLog.Value(outcome); got != want {
			t.Errorf("outcome %d: %d records, want %d", outcome, got, want)
		}
	}
}
