package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/origin"
	"github.com/e0ac7cd4/hotpath/server/origin/proxy"
	"github.com/e0ac7cd4/hotpath/server/store"
)

// startLog is the log of a server under test: served is closed when it serves.
type startLog struct {
	testkit.LogBuffer
	once   sync.Once
	served chan struct{}
}

func (l *startLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("serving")) {
		defer l.once.Do(func() { close(l.served) })
	}
	return l.LogBuffer.Write(p)
}

// startAndStop runs the server until it serves.
func startAndStop(t *testing.T, args ...string) {
	t.Helper()
	args = append([]string{"-listen", "127.0.0.1:0", "-admin", "off", "-access-log-file", filepath.Join(t.TempDir(), "access.log")}, args...)
	cfg, err := config.Load(args, nil, config.ReadFile)
	if err != nil {
		t.Errorf("%q is no configuration: %v", args, err)
		return
	}
	cfg.DrainDelay, cfg.DrainTimeout = 0, min(cfg.DrainTimeout, time.Second) // the start is what counts here
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	log := &startLog{served: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, new(source), cfg, nil, log) }()
	select {
	case <-log.served:
		cancel()
		err = <-ended
	case err = <-ended:
		if err == nil {
			t.Errorf("%q: it has not begun to serve", args)
		}
	}
	if err != nil {
		t.Errorf("%q is valid, and the start fails: %v", args, err)
	}
}

// TestEveryEdgeStarts: a server starts with the least and the largest value of
// each setting, and with all of the least ones: what is allowed is what the
// parts of the server take.
func TestEveryEdgeStarts(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	id := testIdentity(t)
	// What goes with a value that is nothing alone.
	beside := map[string][]string{
		"memory-limit":      {"-cache-bytes", "1MiB"},
		"acme-challenge":    {"-http-addr", "127.0.0.1:0", "-acme-dns-hook", "hook"},
		"access-log-sample": {"-access-log", "sampled"},
		"access-log-format": {"-access-log", "all"},
		"access-log-rate":   {"-access-log", "all"},
	}
	var least []string
	last := ""
	for _, e := range config.Edges() {
		if e.Key == "log-level" {
			continue // the log is what says that it serves
		}
		args := append([]string{"-cert", id.cert, "-key", id.key, "-" + e.Key + "=" + e.Value}, beside[e.Key]...)
		startAndStop(t, args...)
		if e.Key != last && e.Key != "memory-limit" {
			least = append(least, "-"+e.Key+"="+e.Value)
		}
		last = e.Key
	}
	startAndStop(t, append([]string{"-cert", id.cert, "-key", id.key}, least...)...)
}

// TestDefaultsStandOnce: the table of settings alone has the defaults. A part of
// the server that does not get a value has none of its own: it refuses to be made,
// and no limit of HTTP/2 is forgotten.
func TestDefaultsStandOnce(t *testing.T) {
	for _, tt := range []struct {
		setting, field string
		make           func() error
	}{
		{"cache-entries", "Entries", func() error { _, err := store.New(store.Config{Bytes: 1 << 20}); return err }},
		{"cache-bytes", "Bytes", func() error { _, err := store.New(store.Config{Entries: 1}); return err }},
		{"max-stored", "MaxStored", func() error {
			_, err := origin.NewDirectory(t.TempDir(), origin.DirectoryConfig{MaxOpen: 1, MaxReading: 1})
			return err
		}},
		{"balance", "Balance", without(func(c *proxy.Config) { c.Balance = "" })},
		{"host", "Host", without(func(c *proxy.Config) { c.Host = "" })},
		{"timeouts.dial", "Timeouts.Dial", without(func(c *proxy.Config) { c.Timeouts.Dial = 0 })},
		{"timeouts.head", "Timeouts.Head", without(func(c *proxy.Config) { c.Timeouts.Head = 0 })},
		{"timeouts.idle", "Timeouts.Idle", without(func(c *proxy.Config) { c.Timeouts.Idle = 0 })},
		{"health.interval", "Health.Interval", without(func(c *proxy.Config) { c.Health.Interval = 0 })},
		{"health.timeout", "Health.Timeout", without(func(c *proxy.Config) { c.Health.Timeout = 0 })},
		{"health.healthy", "Health.Healthy", without(func(c *proxy.Config) { c.Health.Healthy = 0 })},
		{"health.unhealthy", "Health.Unhealthy", without(func(c *proxy.Config) { c.Health.Unhealthy = 0 })},
	} {
		if err := tt.make(); err == nil || !strings.Contains(err.Error(), tt.field) {
			t.Errorf("without a value for %s: %v, want an error that names %s", tt.setting, err, tt.field)
		}
	}
	if err := without(func(*proxy.Config) {})(); err != nil {
		t.Errorf("with all values: %v", err)
	}
	cfg := config.Default()
	limits := reflect.ValueOf(h2Limits(&cfg))
	for i := range limits.NumField() {
		if limits.Field(i).IsZero() {
			t.Errorf("the limit %s of HTTP/2 gets no value", limits.Type().Field(i).Name)
		}
	}
}

// without makes a proxy with the defaults but for what change takes away.
func without(change func(*proxy.Config)) func() error {
	return func() error {
		s := config.DefaultSite()
		s.Upstreams, s.Health.Path = []string{"http://127.0.0.1:9"}, "/health"
		c := proxyConfig(&s, 1)
		change(&c)
		return c.Validate()
	}
}

// TestTimeoutsReachUpstreams: each timeout of a site is one of its proxy.
func TestTimeoutsReachUpstreams(t *testing.T) {
	c := config.Site{Timeouts: config.SiteTimeouts{Dial: 1, Head: 2, Idle: 3, Pool: 4, Wait: 5}}
	if got, want := proxyConfig(&c, 1).Timeouts, (proxy.Timeouts{Dial: 1, Head: 2, Idle: 3, Pool: 4, Queue: 5}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestReadmeDefaults: the settings that README.md shows have their defaults
// there.
func TestReadmeDefaults(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, line := range config.Default().Lines() {
		row := "| `-" + line.Key + "` | "
		_, rest, ok := strings.Cut(string(text), row)
		if !ok || line.Default == "" {
			continue
		}
		rows++
		if shown, _, _ := strings.Cut(rest, " |"); shown != "`"+line.Default+"`" {
			t.Errorf("README.md says that %s is %s by default, the settings `%s`", line.Key, shown, line.Default)
		}
	}
	if rows < 5 {
		t.Errorf("README.md shows %d defaults, want its table", rows)
	}
}

// TestSecurityDefaults: in the tables of docs/security.md each setting stands beside
// its default.
func TestSecurityDefaults(t *testing.T) {
	testkit.NeedTree(t)
	defaults := make(map[string]*regexp.Regexp)
	value := regexp.MustCompile(`^([0-9]+)([A-Za-z]*(?:/s)?)$`)
	units := map[string]string{"m": "min", "/s": ""} // as the document writes them
	for _, line := range config.Default().Lines() {
		if m := value.FindStringSubmatch(line.Default); m != nil && m[1] != "0" {
			n, err := strconv.ParseInt(m[1], 10, 64)
			unit, ok := units[m[2]]
			if !ok {
				unit = m[2]
			}
			text := strings.TrimSpace(thousands(must(t, n, err)) + " " + unit)
			defaults[line.Key] = regexp.MustCompile(`(^| )` + text + `($|[ ,:])`)
		}
	}
	checked := 0
	for line := range strings.Lines(document(t, "docs/security.md")) {
		cells := strings.Split(line, " | ")
		if len(cells) < 5 || cells[2] == "twice that" {
			continue // of a table without defaults; of a setting of another row
		}
		for _, name := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cells[1], -1) {
			if want := defaults[name[1]]; want != nil {
				checked++
				if !want.MatchString(cells[2]) {
					t.Errorf("docs/security.md has %q beside %s, whose default is %s", cells[2], name[1], want)
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("%d defaults were found; do the patterns still fit?", checked)
	}
}

// TestNixDefaults: the settings that nix/module.nix has options for have their
// defaults there.
func TestNixDefaults(t *testing.T) {
	testkit.NeedTree(t)
	options := make(map[string]string)
	option := regexp.MustCompile(`(?m)^ *([a-z-]+) = mkOption \{\n.*\n *default = "?([^"\n]*?)"?;$`)
	for _, m := range option.FindAllStringSubmatch(document(t, "nix/module.nix"), -1) {
		options[m[1]] = m[2]
	}
	checked := 0
	for _, line := range config.Default().Lines() {
		if got, ok := options[line.Key]; ok {
			checked++
			if got != line.Default {
				t.Errorf("nix/module.nix says that %s is %s by default, the settings %s", line.Key, got, line.Default)
			}
		}
	}
	if checked < 4 {
		t.Errorf("%d settings have options; does the pattern still fit?", checked)
	}
}
