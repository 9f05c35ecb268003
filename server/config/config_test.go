package config

import (
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// files is a readFile over a map.
func files(m map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		data, ok := m[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return []byte(data), nil
	}
}

func TestDefault(t *testing.T) {
	want := Config{
		Listen: ":8443", Admin: "127.0.0.1:9180",
		ACME:         ACME{Challenge: "auto"},
		HTTP3:        "off",
		CacheEntries: 1024, CacheBytes: 256 << 20, MaxStored: 8 << 20, Compressors: 1,
		MaxConns: 25000, MaxHandshakes: 512, MaxFetches: 256,
		MaxStreams: 250, MaxHeaderBytes: 16 << 10, MaxHeaderFields: 128, MaxContinuations: 8, MaxBody: 16 << 20,
		MaxResets: 200, ResetRefill: 33, ControlBudget: 1000, ControlRefill: 100, MaxControl: 1000,
		MaxOutput: 256 << 10, MinWriteRate: 1 << 10,
		LimitBy: "address", LimitIPv4: 32, LimitIPv6: 64, LimitMode: "refuse", LimitClients: 1 << 20,
		HelloTimeout: 3 * time.Second, HandshakeTimeout: 5 * time.Second, HeadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		WriteTimeout: 30 * time.Second, DrainTimeout: 30 * time.Second,
		AccessLog: "off", AccessLogSample: 100, AccessLogFormat: "combined", AccessLogFields: []string{UsualFields}, AccessLogFile: "-", AccessLogRate: 8 << 20,
		TraceSample: 0.001,
		TLSBuffers:  "auto", LogFormat: "text", LogLevel: slog.LevelInfo,
	}
	site := DefaultSite()
	site.Default = true
	want.Sites = []Site{site}
	if got := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("Default() =\n%+v, want\n%+v", got, want)
	}
	if err := want.Validate(); err != nil {
		t.Errorf("Validate: %v", err)
	}
	got, err := Load(nil, nil, files(nil))
	got.where, got.Sites[0].sum = nil, siteSum{}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Load with nothing set = %+v, %v", got, err)
	}
}

func TestSettings(t *testing.T) {
	c := Default()
	seen := make(map[string]bool)
	for _, k := range settings(&c) {
		if seen[k.name] {
			t.Errorf("%s is defined twice", k.name)
		}
		seen[k.name] = true
		if k.value.String() != k.def {
			t.Errorf("%s: its default %q is written %q", k.name, k.def, k.value)
		}
		if k.name != strings.ToLower(k.name) || strings.Contains(k.name, "_") {
			t.Errorf("%s: not a lower-case name with dashes", k.name)
		}
		if !strings.HasSuffix(k.help, ".") || strings.ContainsAny(k.help, "|\n") || strings.ContainsAny(k.value.allowed(), "|\n") {
			t.Errorf("%s: help or allowed do not fit in a line of a table", k.name)
		}
	}
}

func TestPrecedence(t *testing.T) {
	read := files(map[string]string{
		"f.yaml": "cache-entries: 1\ncache-shards: 1\nmax-fetches: 1\n",
		"g.yaml": "cache-entries: 9\n",
	})
	environ := []string{"HOME=/", "HOTPATH_CONFIG=f.yaml", "HOTPATH_CACHE_SHARDS=2", "HOTPATH_MAX_FETCHES=2", "HOTPATH_REQUIRE_TOOLS=1"}
	c, err := Load([]string{"-max-fetches", "2", "--max-fetches=3"}, environ, read)
	if err != nil {
		t.Fatal(err)
	}
	if c.CacheEntries != 1 || c.CacheShards != 2 || c.MaxFetches != 3 || c.MaxConns != 25000 || c.File != "f.yaml" {
		t.Errorf("got entries %d from the file, shards %d from the environment, fetches %d from the flag, conns %d by default, file %q",
			c.CacheEntries, c.CacheShards, c.MaxFetches, c.MaxConns, c.File)
	}
	c, err = Load([]string{"-config=g.yaml"}, environ, read)
	if err != nil || c.CacheEntries != 9 {
		t.Errorf("-config beside HOTPATH_CONFIG: entries %d, %v; want those of -config", c.CacheEntries, err)
	}
}

// TestEverySource sets each setting to a value of its own in each source.
func TestEverySource(t *testing.T) {
	other := map[string]string{
		"listen": "127.0.0.1:0", "admin": "off", "cert": "c", "key": "k", "root": "r",
		"access-log": "all", "access-log-fields": "status,time", "access-log-format": "json",
		"log-format": "json", "log-level": "debug", "config": "f.yaml",
		"min-write-rate": "2KiB/s", "access-log-rate": "2KiB/s", "reset-refill": "7/s", "control-refill": "7/s",
		"admin-token-file": "t", "admin-insecure": "true", "tls-buffers": "off", "cache-shards": "8", "upstream": "http://u:1", "proxy-protocol-from": "10.0.0.0/8",
		"limit-handshakes": "7/s", "limit-requests": "7/s", "limit-ipv4-prefix": "24", "limit-ipv6-prefix": "56", "limit-exempt": "10.0.0.0/8",
		"http-addr": "127.0.0.1:80", "acme-directory": "https://ca.example/dir", "acme-email": "a@example.com", "acme-challenge": "tls-alpn-01",
		"limit-clients": "1000",
		"otlp-endpoint": "http://c:4318/otlp", "trace-sample": "0.5", "trace-trust": "10.0.0.0/8",
		"memory-limit": "512MiB", "cache-bytes": "64MiB", "max-header-bytes": "3KiB", "max-output": "32KiB",
	}
	def := Default()
	for _, k := range settings(&def) {
		value := other[k.name]
		if value == "" {
			switch v := k.value.(type) {
			case *span:
				value = "7s"
			case *toggle:
				value = strconv.FormatBool(k.def == "false")
			case *choice:
				value = v.of[len(v.of)-1]
				if value == k.def {
					value = v.of[0]
				}
			default:
				value = "7"
			}
		}
		pair := map[string]string{
			"cert": "key", "key": "cert", "acme-directory": "acme-storage",
			"acme-eab-key-id": "acme-eab-key-file", "acme-eab-key-file": "acme-eab-key-id",
		}[k.name]
		args := []string{"-" + k.name + "=" + value}
		environ := []string{k.env() + "=" + value}
		file := k.name + ": " + value + "\n"
		if pair != "" {
			args = append(args, "-"+pair, "x")
			environ = append(environ, "HOTPATH_"+strings.ToUpper(strings.ReplaceAll(pair, "-", "_"))+"=x")
			file += pair + ": x\n"
		}
		load := func(source string, args, environ []string) {
			c, err := Load(args, environ, files(map[string]string{"f.yaml": "", "file": file}))
			if err != nil {
				t.Errorf("%s from %s: %v", k.name, source, err)
				return
			}
			for _, got := range settings(&c) {
				if got.name == k.name && got.value.String() != value {
					t.Errorf("%s from %s = %s, want %s", k.name, source, got.value, value)
				}
				if got.name != k.name && got.name != pair && got.name != configKey && got.value.String() != got.def {
					t.Errorf("%s from %s changed %s", k.name, source, got.name)
				}
			}
		}
		load("flag", args, nil)
		load("environment", nil, environ)
		if k.name != configKey {
			load("file", []string{"-config", "file"}, nil)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		environ []string
		file    string // contents of f.yaml, read if not empty
		want    string // the whole message
	}{
		{name: "unknown flag", args: []string{"-cache-byte", "1"},
			want: `flag -cache-byte "1": is no setting; allowed: the keys that -h lists (did you mean cache-bytes?)`},
		{name: "unknown flag, like nothing", args: []string{"-zzz=1"},
			want: `flag -zzz "1": is no setting; allowed: the keys that -h lists`},
		{name: "no value", args: []string{"-log-format"},
			want: `flag -log-format "": has no value; allowed: text, json`},
		{name: "unknown flag without a value", args: []string{"-log-formal"},
			want: `flag -log-formal "": has no value; allowed: the keys that -h lists (did you mean log-format?)`},
		{name: "argument", args: []string{"serve"},
			want: `argument "serve": is not a flag; allowed: -key value or -key=value; -h lists the keys`},
		{name: "end of flags", args: []string{"--"},
			want: `argument "--": is not a flag; allowed: -key value or -key=value; -h lists the keys`},
		{name: "bad flag", args: []string{"-cache-bytes=12Q"},
			want: `flag -cache-bytes "12Q": is not a size; allowed: bytes, or with a unit (GiB, MiB, KiB, GB, MB, kB, B), from 1MiB`},
		{name: "bad flag that another one overrides", args: []string{"-max-conns", "0", "-max-conns", "5"},
			want: `flag -max-conns "0": is too small; allowed: a number from 1`},
		{name: "unknown variable", environ: []string{"HOTPATH_CACHE_BITES=1"},
			want: `environment HOTPATH_CACHE_BITES "1": is no setting; allowed: the keys that -h lists (did you mean cache-bytes?)`},
		{name: "variable in lower case", environ: []string{"HOTPATH_listen=:1"},
			want: `environment HOTPATH_listen ":1": is no setting; allowed: the keys that -h lists`},
		{name: "bad variable that a flag overrides", args: []string{"-log-level", "info"}, environ: []string{"HOTPATH_LOG_LEVEL=loud"},
			want: `environment HOTPATH_LOG_LEVEL "loud": is not a level; allowed: debug, info, warn, error`},
		{name: "unknown key", file: "listen: :1\n\nroots: /x\n",
			want: `f.yaml:3: roots "/x": is no setting; allowed: the keys that -h lists (did you mean root?)`},
		{name: "bad value in the file", file: "# shards\ncache-shards: 2000",
			want: `f.yaml:2: cache-shards "2000": is too large; allowed: 0 (by the number of cores), or a power of two from 1 to 1024`},
		{name: "bad duration", file: "idle-timeout: 60",
			want: `f.yaml:1: idle-timeout "60": is not a duration; allowed: a duration such as 500ms, 30s or 2m, from 1ms to 24h (did you mean 60s?)`},
		{name: "duplicate key", file: "root: a\nroot: b\n",
			want: `f.yaml:2: root "b": is set on line 1 already; allowed: each key once`},
		{name: "list", file: "listen: [a, b]\n",
			want: `f.yaml:1: listen "": is not a single value; allowed: host:port, :port for every address`},
		{name: "alias", file: "cert: &a x\nkey: *a\n",
			want: `f.yaml:2: key "*a": is an alias, and there are none here; allowed: a PEM file with the private key, or empty (self-signed, made at start)`},
		{name: "null", file: "admin:\n",
			want: `f.yaml:1: admin "": has no value; allowed: host:port, or off`},
		{name: "config in the file", file: "config: g.yaml\n",
			want: `f.yaml:1: config "g.yaml": cannot be set in the file itself; allowed: -config or HOTPATH_CONFIG`},
		{name: "not a mapping", file: "- listen\n",
			want: "f.yaml:1: the file \"\": is not a mapping; allowed: one `key: value` a line"},
		{name: "complex key", file: "? [a]\n: b\n",
			want: `f.yaml:1: key "": is not a plain key; allowed: the keys that -h lists`},
		{name: "second document", file: "root: a\n---\nroot: b\n",
			want: `f.yaml:3 "root: b": begins another YAML document; allowed: one in a file, without --- between keys`},
		{name: "too large", file: strings.Repeat("#", maxFile) + "\n",
			want: `flag -config "f.yaml": is larger than 1 MiB; allowed: a YAML file of at most 1 MiB that can be read`},
		{name: "missing file", environ: []string{"HOTPATH_CONFIG=nowhere"},
			want: `environment HOTPATH_CONFIG "nowhere": cannot open: file does not exist; allowed: a YAML file of at most 1 MiB that can be read`},
		{name: "cert alone", environ: []string{"HOTPATH_CERT=c.pem"},
			want: `environment HOTPATH_CERT "c.pem": there is no key to it; allowed: cert and key together, or neither`},
		{name: "key alone", file: "key: k.pem\n",
			want: `f.yaml:1: key "k.pem": there is no cert to it; allowed: cert and key together, or neither`},
		{name: "one address twice", args: []string{"-listen", "127.0.0.1:9180"},
			want: `flag -listen "127.0.0.1:9180": is the address of admin; allowed: an address of its own, or another one for admin`},
		{name: "admin for everybody", args: []string{"-admin", ":9180"},
			want: `flag -admin ":9180": can be reached from other machines by anybody; allowed: a loopback address; another with admin-token-file, or with admin-insecure`},
		{name: "neither true nor false", environ: []string{"HOTPATH_ADMIN_INSECURE=1"},
			want: `environment HOTPATH_ADMIN_INSECURE "1": is neither true nor false; allowed: true, false (did you mean true?)`},
		{name: "control characters", args: []string{"-listen", "a\nb\x1b[31m"},
			want: `flag -listen "a\nb\x1b[31m": is not an address; allowed: host:port, :port for every address`},
		{name: "control characters in a key", args: []string{"-a\nb", "c"},
			want: `flag -a b "c": is no setting; allowed: the keys that -h lists`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := tt.args
			if tt.file != "" {
				args = append(args, "-config", "f.yaml")
			}
			_, err := Load(args, tt.environ, files(map[string]string{"f.yaml": tt.file}))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if err.Error() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", err, tt.want)
			}
		})
	}
}

func TestSyntaxErrorIsOneLine(t *testing.T) {
	for _, file := range []string{"a: b: c\n", "\tx: 1\n", "a: \"\n", "a: &b\n  - *c\n", "\x00", "{"} {
		_, err := Load([]string{"-config", "f.yaml"}, nil, files(map[string]string{"f.yaml": file}))
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "f.yaml") {
			t.Errorf("%q: got %v, want one line that names the file", file, err)
		}
	}
}

func TestLongValueIsCut(t *testing.T) {
	_, err := Load([]string{"-listen", strings.Repeat("x", 1<<20)}, nil, files(nil))
	if err == nil || len(err.Error()) > 2*maxShown {
		t.Errorf("the message has %d bytes", len(err.Error()))
	}
}

func TestEmptyFile(t *testing.T) {
	for _, file := range []string{"", "# nothing\n", "---\n", "{}\n", "~\n"} {
		c, err := Load([]string{"-config", "f.yaml"}, nil, files(map[string]string{"f.yaml": file}))
		if err != nil || c.Listen != ":8443" {
			t.Errorf("%q: got %+v, %v; want the defaults", file, c, err)
		}
	}
}

func TestHelpRequested(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"--help"}, {"-max-conns", "5", "-help"}} {
		if _, err := Load(args, nil, files(nil)); !errors.Is(err, ErrHelp) {
			t.Errorf("Load(%q): %v, want ErrHelp", args, err)
		}
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		key    string
	}{
		{"zero Config", func(c *Config) { *c = Config{} }, "listen"},
		{"negative size", func(c *Config) { c.CacheBytes = -1 }, "cache-bytes"},
		{"no stream", func(c *Config) { c.MaxStreams = 0 }, "max-streams"},
		{"streams beyond 31 bits", func(c *Config) { c.MaxStreams = math.MaxInt }, "max-streams"},
		{"small header list", func(c *Config) { c.MaxHeaderBytes = 1 }, "max-header-bytes"},
		{"output below a record", func(c *Config) { c.MaxOutput = 16<<10 - 1 }, "max-output"},
		{"a year", func(c *Config) { c.IdleTimeout = 365 * 24 * time.Hour }, "idle-timeout"},
		{"no time to drain", func(c *Config) { c.DrainTimeout = 0 }, ""},
		{"level between", func(c *Config) { c.LogLevel = 1 }, "log-level"},
		{"format", func(c *Config) { c.LogFormat = "xml" }, "log-format"},
		{"access log of some", func(c *Config) { c.AccessLog = "some" }, "access-log"},
		{"access log of one in 0", func(c *Config) { c.AccessLogSample = 0 }, "access-log-sample"},
		{"access log in ELF", func(c *Config) { c.AccessLogFormat = "elf" }, "access-log-format"},
		{"access log without a file", func(c *Config) { c.AccessLogFile = "" }, "access-log-file"},
		{"access log of a byte a second", func(c *Config) { c.AccessLogRate = 1 }, "access-log-rate"},
		{"access log without a limit", func(c *Config) { c.AccessLogRate = 0 }, ""},
		{"access log with a NUL", func(c *Config) { c.AccessLogFile = "a\x00" }, "access-log-file"},
		{"NUL", func(c *Config) { c.Root = "a\x00b" }, "root"},
		{"port", func(c *Config) { c.Listen = ":70000" }, "listen"},
		{"admin off", func(c *Config) { c.Admin = "" }, ""},
		{"any port twice", func(c *Config) { c.Admin, c.Listen = "127.0.0.1:0", "127.0.0.1:0" }, ""},
		{"cert alone", func(c *Config) { c.Cert = "x" }, "cert"},
		{"admin for everybody", func(c *Config) { c.Admin = ":9180" }, "admin"},
		{"admin with a token", func(c *Config) { c.Admin, c.AdminTokenFile = ":9180", "x" }, ""},
		{"admin for everybody, as is said", func(c *Config) { c.Admin, c.AdminInsecure = ":9180", true }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			tt.change(&c)
			err := c.Validate()
			var e *Error
			switch {
			case tt.key == "" && err != nil:
				t.Errorf("got %v, want none", err)
			case tt.key != "" && (!errors.As(err, &e) || e.Key != tt.key || e.Where != tt.key):
				t.Errorf("got %v, want an error of %s", err, tt.key)
			}
		})
	}
}

func TestToggle(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want bool
	}{
		{[]string{"-admin-insecure", "-admin", "off"}, true}, // it takes no value from the next argument
		{[]string{"--admin-insecure=true"}, true},
		{[]string{"-admin-insecure", "-admin-insecure=false"}, false},
		{nil, false},
	} {
		c, err := Load(tt.args, nil, files(nil))
		if err != nil || c.AdminInsecure != tt.want {
			t.Errorf("%q: %v, %v; want %v", tt.args, c.AdminInsecure, err, tt.want)
		}
	}
}

func TestLines(t *testing.T) {
	c := Default()
	c.CacheEntries = 7
	for _, line := range c.Lines() {
		want := line.Default
		if line.Key == "cache-entries" {
			want = "7"
		}
		if line.Value != want {
			t.Errorf("%s: %q, want %q", line.Key, line.Value, want)
		}
	}
}

func TestAdminExposed(t *testing.T) {
	for admin, want := range map[string]bool{
		"": false, "127.0.0.1:9180": false, "127.9.9.9:1": false, "[::1]:9180": false, "localhost:9180": false,
		":9180": true, "0.0.0.0:9180": true, "[::]:9180": true, "10.0.0.1:9180": true, "metrics.example:1": true,
	} {
		if got := (Config{Admin: admin}).adminExposed(); got != want {
			t.Errorf("adminExposed(%q) = %v, want %v", admin, got, want)
		}
	}
}

func FuzzLoadFile(f *testing.F) {
	for _, seed := range []string{
		"listen: :8443\ncache-bytes: 256MiB\n", "a: &a [*a]", "? {a: b}\n: c", "<<: {root: x}", "root: |\n  x\n  y\n",
		"sites:\n  - hosts: [a, '*.b']\n    upstream: http://u\n    cache: {negative: {404: 10s}}\n", "sites: [{root: x, default: true}, 1, {cache: 1}]",
		"---\n...\n---\n", "!!binary root: x", "%YAML 1.1\n---\nroot: 'a'", "root: \"\\x00\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Load([]string{"-config", "f"}, nil, func(string) ([]byte, error) { return data, nil })
		if err == nil {
			err = c.Validate()
			if err != nil {
				t.Errorf("Load accepted what Validate does not: %v", err)
			}
			return
		}
		var all Mistakes
		if !errors.As(err, &all) || len(all) == 0 {
			t.Fatalf("%q: no Mistakes", err)
		}
		for _, e := range all {
			if strings.ContainsAny(e.Error(), "\n\r") || e.Where == "" || e.Allowed == "" {
				t.Errorf("%q: not a line that says where, and what is allowed", e)
			}
		}
	})
}
