package config

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// mistakes are the lines of a load that fails; file is f.yaml.
func mistakes(t *testing.T, file string, environ []string, args ...string) []string {
	t.Helper()
	if file != "" {
		args = append(args, "-config", "f.yaml")
	}
	_, err := Load(args, environ, files(map[string]string{"f.yaml": file}))
	if err == nil {
		return nil
	}
	var all Mistakes
	if !errors.As(err, &all) {
		t.Fatalf("got %v, want Mistakes", err)
	}
	return strings.Split(err.Error(), "\n")
}

// TestAllMistakes: whatever is wrong is reported in one go, with its place, and
// the file first.
func TestAllMistakes(t *testing.T) {
	got := mistakes(t, "idle-timeout: 60\n\nroots: /x\ncache-bytes: 64M\nroot: [a]\n",
		[]string{"HOTPATH_LOG_LEVEL=warning"},
		"-max-conns", "0", "serve", "-cert", "c.pem", "-listen", "-admin", "off")
	want := []string{
		`f.yaml:1: idle-timeout "60": is not a duration; allowed: a duration such as 500ms, 30s or 2m, from 1ms to 24h (did you mean 60s?)`,
		`f.yaml:3: roots "/x": is no setting; allowed: the keys that -h lists (did you mean root?)`,
		`f.yaml:4: cache-bytes "64M": is not a size; allowed: bytes, or with a unit (GiB, MiB, KiB, GB, MB, kB, B), from 1MiB (did you mean 64MiB?)`,
		`f.yaml:5: root "": is not a single value; allowed: a directory, or empty (the built-in demo site)`,
		`environment HOTPATH_LOG_LEVEL "warning": is not a level; allowed: debug, info, warn, error (did you mean warn?)`,
		`flag -max-conns "0": is too small; allowed: a number from 1`,
		`argument "serve": is not a flag; allowed: -key value or -key=value; -h lists the keys`,
		`flag -listen "": has no value; allowed: host:port, :port for every address`,
		`flag -cert "c.pem": there is no key to it; allowed: cert and key together, or neither`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestMeant: a value that is refused comes with the one that was meant.
func TestMeant(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"idle-timeout", "60", "60s"},
		{"idle-timeout", "60000000", "60000000ms"},
		{"idle-timeout", "1.5 minutes", "1.5m"},
		{"idle-timeout", "30 s", "30s"},
		{"idle-timeout", "1d", "24h"},
		{"idle-timeout", "soon", ""},
		{"limit-by", "ip", "address"},
		{"limit-by", "adress:", "address"},
		{"limit-by", "X Api Key", "X-Api-Key"},
		{"limit-by", "", ""},
		{"limit-mode", "dryrun", "dry-run"},
		{"limit-requests", "10 /s", "10/s"},
		{"proxy-protocol-from", "10.1.2.3/8", "10.0.0.0/8"},
		{"cache-bytes", "64M", "64MiB"},
		{"cache-bytes", "1.5GiB", "1536MiB"},
		{"cache-bytes", "64 mb", "64MiB"},
		{"max-stored", "1_000", "1000"},
		{"cache-bytes", "2TB", "2048GiB"},
		{"min-write-rate", "1k/s", "1KiB/s"},
		{"reset-refill", "33 per second", ""},
		{"reset-refill", "33/sec", "33/s"},
		{"max-conns", "25k", "25000"},
		{"max-conns", "25,000", "25000"},
		{"max-conns", "many", ""},
		{"cache-shards", "3", "4"},
		{"access-log", "sample", "sampled"},
		{"access-log", "on", "all"},
		{"access-log", "True", "all"},
		{"access-log", "no", "off"},
		{"tls-buffers", "on", "auto"},
		{"access-log-format", "JSON", "json"},
		{"log-level", "WARNING", "warn"},
		{"admin-insecure", "yes", "true"},
		{"listen", "8443", ":8443"},
		{"listen", "localhost", "localhost:8443"},
		{"listen", "https://0.0.0.0:443/", "0.0.0.0:443"},
		{"listen", "::1:8443", "[::1]:8443"},
		{"upstream", "localhost:3000", "http://localhost:3000"},
		{"upstream", "3000", "http://127.0.0.1:3000"},
		{"upstream", "http://api.example/v1?x", "http://api.example"},
	} {
		k := named(tt.key)
		if err := k.value.set(tt.value); err == nil {
			t.Errorf("%s: %q is allowed", tt.key, tt.value)
		}
		if got := likely(k.value, tt.value); got != tt.want {
			t.Errorf("%s: %q means %q, want %q", tt.key, tt.value, got, tt.want)
		}
	}
}

// TestNested: keys within keys are refused one by one, with the key that was
// meant.
func TestNested(t *testing.T) {
	got := mistakes(t, "cache:\n  bytes: 64M\n  entires: 5\nserver:\n  listen: :1\n  colour: red\naccess-log: {file: x}\n"+
		"edge:\n  timeouts:\n    idle: 60\n  access: {log: {file: x}}\n  a: {b: {c: {listen: x}}}\n  limits: {requests: 5/s, empty: {}}\n", nil)
	want := []string{
		"f.yaml:2: cache.bytes \"64M\": is nested; allowed: one `key: value` a line; only sites have keys within keys (did you mean cache-bytes: 64MiB?)",
		"f.yaml:3: cache.entires \"5\": is nested; allowed: one `key: value` a line; only sites have keys within keys (did you mean cache-entries: 5?)",
		"f.yaml:5: server.listen \":1\": is nested; allowed: one `key: value` a line; only sites have keys within keys (did you mean listen: :1?)",
		"f.yaml:6: server.colour \"red\": is nested; allowed: one `key: value` a line; only sites have keys within keys",
		`f.yaml:7: access-log "": is not a single value; allowed: off, errors, sampled, all`,
		"f.yaml:10: edge.timeouts.idle \"60\": is nested; allowed: one `key: value` a line; only sites have keys within keys (did you mean idle-timeout: 60s?)",
		"f.yaml:11: edge.access.log.file \"x\": is nested; allowed: one `key: value` a line; only sites have keys within keys (did you mean access-log-file: x?)",
		"f.yaml:12: edge.a.b.c \"\": is nested; allowed: one `key: value` a line; only sites have keys within keys",
		"f.yaml:13: edge.limits.requests \"5/s\": is nested; allowed: one `key: value` a line; only sites have keys within keys (did you mean limit-requests: 5/s?)",
		"f.yaml:13: edge.limits.empty \"\": is nested; allowed: one `key: value` a line; only sites have keys within keys",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestFlags: what takes its value from the wrong place is named.
func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string // the mistakes, parts of them, in order
	}{
		{[]string{"-listen", "-max-conns", "5"}, "flag -listen \"\": has no value"},
		{[]string{"-admin-insecure", "true"}, "did you mean -admin-insecure=true?"},
		{[]string{"-max-cons", "-log-level", "info"}, "flag -max-cons \"\": has no value"},
		{[]string{"-check"}, `flag -check "": is no setting; allowed: the keys that -h lists (did you mean hotpath check?)`},
		{[]string{"-check", "-log-level", "info"}, `flag -check "": is no setting; allowed: the keys that -h lists (did you mean hotpath check?)`},
		{[]string{"--reload=now"}, `flag -reload "now": is no setting; allowed: the keys that -h lists (did you mean hotpath reload?)`},
		{[]string{"-max-conns", "-5"}, "flag -max-conns \"-5\": is too small"},
		{[]string{"-cache-shards", "3"}, "is no power of two; allowed: 0 (by the number of cores), or a power of two from 1 to 1024 (did you mean 4?)"},
		{[]string{"-memory-limit", "128MiB"}, `flag -memory-limit "128MiB": is less than cache-bytes, which is 256MiB; allowed: a limit above cache-bytes, or smaller cache-bytes (did you mean cache-bytes 64MiB?)`},
		{[]string{"-root", "a", "-upstream", "http://b"}, `flag -upstream "http://b": stands beside root "a"; allowed: root or upstream`},
		{[]string{"-http3", "yes"}, `flag -http3 "yes": is none of the choices; allowed: off, on`},
		{[]string{"-http3", "on", "-reuse-port"}, `flag -http3 "on": stands beside reuse-port: the system would divide the packets of a connection among servers; allowed: http3 or reuse-port`},
		{[]string{"-upstream", "http://b", "-upstream", "HTTP://B/"}, `flag -upstream "HTTP://B/": is given twice`},
	} {
		got := mistakes(t, "", nil, tt.args...)
		if len(got) != 1 || !strings.Contains(got[0], tt.want) {
			t.Errorf("%q: %q, want one line with %s", tt.args, got, tt.want)
		}
	}
}

// TestUpstreamFlag: several come from a flag that is given again, a variable
// with commas, and a list of the file; a later source replaces an earlier one.
func TestUpstreamFlag(t *testing.T) {
	for name, tt := range map[string]struct {
		file    string
		environ []string
		args    []string
	}{
		"flags":       {"upstream: http://z\n", []string{"HOTPATH_UPSTREAM=http://y"}, []string{"-upstream", "http://a:1", "-upstream", "http://B:2/"}},
		"environment": {"upstream: http://z\n", []string{"HOTPATH_UPSTREAM=http://a:1, http://b:2"}, nil},
		"list":        {"upstream: [http://a:1, http://b:2]\n", nil, nil},
		"commas":      {"upstream: http://a:1,http://b:2\n", nil, nil},
	} {
		c, err := Load(append(tt.args, "-config", "f.yaml"), tt.environ, files(map[string]string{"f.yaml": tt.file}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(c.Sites[0].Upstreams, " "); got != "http://a:1 http://b:2" || len(c.Sites) != 1 || !c.Sites[0].Default {
			t.Errorf("%s: %+v", name, c.Sites)
		}
	}
}

// TestWarnings: what is given and has no effect is said, and is no mistake.
func TestWarnings(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string // a part of the only warning; "": none
	}{
		{nil, ""},
		{[]string{"-http3-port", "443"}, `flag -http3-port "443": has no effect: http3 is off`},
		{[]string{"-http3-port", "443", "-http3", "on"}, ""},
		{[]string{"-proxy-protocol-from", "192.0.2.0/24", "-http3", "on"}, "has no effect on HTTP/3, which has no PROXY header"},
		{[]string{"-proxy-protocol-from", "192.0.2.0/24"}, ""},
		{[]string{"-limit-burst", "9", "-limit-handshakes", "1"}, `flag -limit-burst "9": has no effect: limit-requests is off`},
		{[]string{"-limit-clients", "9", "-limit-connections", "1"}, `flag -limit-clients "9": has no effect: neither limit-requests nor limit-handshakes is set`},
		{[]string{"-limit-mode", "dry-run"}, `flag -limit-mode "dry-run": has no effect: no limit of a client is set`},
		{[]string{"-access-log-file", "x"}, `flag -access-log-file "x": has no effect: access-log is off`},
		{[]string{"-access-log-file", "x", "-access-log", "all"}, ""},
		{[]string{"-access-log-file", "-"}, ""}, // is the default
		{[]string{"-access-log", "all", "-access-log-sample", "7"}, "access-log is all"},
		{[]string{"-admin-insecure"}, "no other machine can reach"},
		{[]string{"-admin", "off", "-admin-token-file", "x"}, "admin is off"},
		{[]string{"-admin", "off", "-capacity-file", "x"}, "admin is off"},
		{[]string{"-cache-bytes", "1MiB", "-max-stored", "2MiB"}, "more than a quarter of cache-bytes, 1MiB"},
		{[]string{"-cache-bytes", "1MiB"}, ""},
		{[]string{"-hello-timeout", "10s"}, "is longer than handshake-timeout, 5s, which ends first"},
		{[]string{"-handshake-timeout", "1s"}, ""},
		{[]string{"-cache-shards", "8", "-cache-entries", "4"}, "is more than cache-entries, 4"},
	} {
		c, err := Load(tt.args, nil, files(nil))
		if err != nil {
			t.Fatal(err)
		}
		got := c.Warnings()
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].Error(), tt.want)) {
			t.Errorf("%q: %v, want %q", tt.args, got, tt.want)
		}
	}
	var stdout, stderr bytes.Buffer
	if status := Check([]string{"-access-log-file", "x"}, nil, &stdout, &stderr); status != 0 ||
		!strings.HasPrefix(stderr.String(), "hotpath: warning: flag -access-log-file") || stdout.String() != "configuration is valid\n" {
		t.Errorf("exit status %d, %q, %q; want a warning, and valid", status, stdout.String(), stderr.String())
	}
}

// TestCheckTellsAll: settings and files that cannot be used are reported together,
// each with the place where it was named, and what only follows from a mistake is
// not. The start and a reload say the same as the check.
func TestCheckTellsAll(t *testing.T) {
	dir := t.TempDir()
	cert, key := writePair(t, dir, "a")
	text := filepath.Join(dir, "text")
	writeFile(t, text, []byte("no PEM\n"))
	for _, tt := range []struct {
		why, file string
		args      []string
		want      []string // beginnings of the lines; FILE is the file
	}{
		{"files alone", "", []string{"-root", "/nowhere", "-access-log", "all", "-access-log-file", "/nowhere/x", "-admin-token-file", "/nowhere/t"},
			[]string{`flag -root "/nowhere": cannot open`, `flag -access-log-file "/nowhere/x": cannot open`, `flag -admin-token-file "/nowhere/t": cannot open`}},
		{"a value and a file", "idle-timeout: 60\nroot: /nowhere\n", nil,
			[]string{`FILE:1: idle-timeout "60": is not a duration`, `FILE:2: root "/nowhere": cannot open`}},
		{"a value, a contradiction and files of a site", "idle-timeout: 60\nsites:\n  - hosts: [a b]\n    root: /nowhere\n    upstream: http://a\n    cert: /nowhere/c\n    key: /nowhere/k\n", nil,
			[]string{`FILE:1: idle-timeout "60"`, `FILE:3: sites[0].hosts "a b"`, `FILE:5: sites[0].upstream "http://a": stands beside root`,
				`FILE:6: sites[0].cert "/nowhere/c"`, `FILE:7: sites[0].key "/nowhere/k"`, `FILE:4: sites[0].root "/nowhere"`}},
		{"both files of a pair are missing", "", []string{"-cert", "/nowhere/c", "-key", "/nowhere/k"}, []string{`flag -cert "/nowhere/c"`, `flag -key "/nowhere/k"`}},
		{"one is missing, and the other is no key", "", []string{"-cert", "/nowhere/c", "-key", text}, []string{`flag -cert "/nowhere/c"`, `flag -key "` + text + `": has no PEM block`}},
		{"one is missing, and the other is good", "", []string{"-cert", "/nowhere/c", "-key", key}, []string{`flag -cert "/nowhere/c"`}},
		{"a certificate without a key is no certificate either", "", []string{"-cert", text}, []string{`flag -cert "` + text + `": there is no key`, `flag -cert "` + text + `": has no PEM block`}},
		{"a key that is no single value hides no certificate", "key: [a]\ncert: /nowhere/c\n", nil, []string{`FILE:1: key "": is not a single value`, `FILE:2: cert "/nowhere/c": cannot open`}},
		{"a root that is no single value is not the demo's", "root: [a]\ncert: /nowhere/c\nkey: " + key + "\n", nil, []string{`FILE:1: root "": is not a single value`, `FILE:2: cert "/nowhere/c"`}},
		{"a log is on in a wrong way", "access-log: on\naccess-log-file: /nowhere/x\n", nil, []string{`FILE:1: access-log "on"`, `FILE:2: access-log-file "/nowhere/x"`}},
		{"a certificate that is wrong elsewhere may do for cert-dir", "cert: [a]\nkey: " + key + "\n", []string{"-cert-dir", t.TempDir()}, []string{`FILE:1: cert "": is not a single value`}},
		{"a file that is no YAML may have the key", "key: " + key + "\na: b: c\n", []string{"-cert", cert, "-root", "/nowhere"}, []string{`FILE:2 "a: b: c"`, `flag -root "/nowhere"`}},
	} {
		args := tt.args
		file := filepath.Join(t.TempDir(), "f.yaml")
		if tt.file != "" {
			writeFile(t, file, []byte(tt.file))
			args = append(args, "-config", file)
		}
		var stdout, stderr bytes.Buffer
		status := Check(args, nil, &stdout, &stderr)
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		if status != 2 || len(lines) != len(tt.want) {
			t.Errorf("%s: exit status %d,\n%s\nwant %q", tt.why, status, stderr.String(), tt.want)
			continue
		}
		for i, line := range lines {
			if want := "hotpath: " + strings.Replace(tt.want[i], "FILE", file, 1); !strings.HasPrefix(line, want) {
				t.Errorf("%s: line %d is %q, want it to begin with %q", tt.why, i+1, line, want)
			}
		}
		var started bytes.Buffer
		if _, err := LoadChecked(args, nil, ReadFile); err != nil {
			WriteError(&started, err)
		}
		if started.String() != stderr.String() {
			t.Errorf("%s: the start says %q, the check %q", tt.why, started.String(), stderr.String())
		}
	}
}

// TestSyntaxLine: a mistake in YAML itself is shown with its line.
func TestSyntaxLine(t *testing.T) {
	for file, want := range map[string]string{
		"a: b: c\n":                                             `f.yaml:1 "a: b: c": mapping values are not allowed`,
		"root: a\n  b: c\n":                                     `f.yaml:2 "b: c": mapping values are not allowed`,
		"root: a\nlisten: [1\nx: y\n":                           `f.yaml:2 "listen: [1": did not find expected ',' or ']'`,
		"a: 1\nb: 2\n- c\n":                                     `f.yaml:3 "- c": did not find expected key`,
		"a: 1\n\troot: b\n":                                     `f.yaml:2 "root: b": found a tab character`,
		"a: 1\nx: &a 1\ny: *b\n":                                `f.yaml:3 "y: *b": unknown anchor 'b' referenced`,
		"a: 1\nb: \x01\n":                                       `f.yaml:2 "b: \x01": control characters are not allowed`,
		"a: 1\nb: \xff\n":                                       `f.yaml:2 "b: \xff": invalid leading UTF-8 octet`,
		"x: 1\na: b\n\tc: d\ne: f\n":                            `f.yaml:3 "c: d": found a tab character`,
		"sites:\n  - root: /x\n\t  default: true\n":             `f.yaml:3 "default: true": found a tab character`,
		"sites:\n\t- root: /x\n":                                `f.yaml:2 "- root: /x": found character that cannot start any token`,
		"a: 1\nsites:\n  - a: 1\n    b: 2\n   c: 3\n":           `f.yaml:5 "c: 3": did not find expected`,
		"a: 1\nlisten\nroot: /x\n":                              `f.yaml:2 "listen": could not find expected ':'`,
		"a: 1\nb: \"x\nc: 2\nd: 3\n":                            `f.yaml:2 "b: \"x": found unexpected end of stream`,
		"a: [1,\n  2]\nb: {c: 1\nd: 2\n":                        `f.yaml:3 "b: {c: 1": did not find expected`,
		"a: 1\n" + strings.Repeat("b: 1\n", 20_000) + "c: d: e": `f.yaml:20002 "c: d: e": mapping values are not allowed`,
		"sites: [{host: a, root: /x}]\n\n":                      "(did you mean hosts: [a]?)",
	} {
		got := mistakes(t, file, nil)
		if len(got) == 0 || !strings.Contains(got[0], want) {
			t.Errorf("%q: %q, want %s", file, got, want)
		}
	}
}
