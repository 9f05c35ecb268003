package fleet

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/gob"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
)

// works has the agent run an attack.
func (m *machine) works(t *testing.T, target *target) {
	t.Helper()
	before := target.hits.Load()
	run(t, t.Context(), []string{m.address}, target.config(0, 0, 50), attack.Hooks{})
	if n := target.hits.Load() - before; n != 50 {
		t.Errorf("%d hits of 50", n)
	}
}

func (m *machine) dial(t *testing.T) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", m.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(time.Minute)) // one test sends 64 MiB
	return nc
}

// link is a connection of a client with the token.
func (m *machine) link(t *testing.T) *link {
	t.Helper()
	secure, err := identity(token)
	if err != nil {
		t.Fatal(err)
	}
	return newLink(tls.Client(m.dial(t), secure))
}

// TestStrangers: whoever has no token, or breaks the protocol, is cut off, and
// the agent serves on.
func TestStrangers(t *testing.T) {
	t.Parallel()
	agent, target := startAgent(t), newTarget(t)
	secure, err := identity(token)
	if err != nil {
		t.Fatal(err)
	}
	bare := secure.Clone()
	bare.Certificates = nil
	ended := func(name string, nc net.Conn) {
		t.Helper()
		if _, err := io.Copy(io.Discard, nc); isTimeout(err) {
			t.Errorf("%s: the agent waits", name)
		}
	}
	for name, text := range map[string]string{
		"HTTP":  "GET / HTTP/1.1\r\n\r\n",
		"gob":   "\x10\xff\x81\x03\x01\x01\x05hello\x01\xff\x82\x00\x01\x01\x01",
		"zeros": string(make([]byte, 100_000)),
	} {
		nc := agent.dial(t)
		_, _ = io.WriteString(nc, text)
		ended(name, nc)
	}
	ended("no certificate", tls.Client(agent.dial(t), bare))

	// From here on they have the token.
	for name, stream := range map[string][]byte{
		"no gob":                      bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 20),
		"a hello that is too large":   encoded(t, hello{Refusal: strings.Repeat("x", maxHello)}),
		"a message that is too large": encoded(t, hello{Version: version}, message{Kind: kindPing, Text: strings.Repeat("x", maxMessage)}),
		"an agent's message":          encoded(t, hello{Version: version}, message{Kind: kindReady}),
		"a start without an attack":   encoded(t, hello{Version: version}, message{Kind: kindStart}),
		"two starts":                  encoded(t, hello{Version: version}, message{Kind: kindStart, Start: &start{}}, message{Kind: kindStart, Start: &start{}}),
		"a begin before the start":    encoded(t, hello{Version: version}, message{Kind: kindBegin}),
		"no kind":                     encoded(t, hello{Version: version}, message{Text: "?"}),
	} {
		nc := tls.Client(agent.dial(t), secure)
		go func() { _, _ = nc.Write(stream) }()
		ended(name, nc)
	}
	agent.works(t, target)
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// encoded is a gob stream, without the limits of a link.
func encoded(t *testing.T, values ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := gob.NewEncoder(&b)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// TestManyStrangers: beyond so many connections without proof, others are
// closed at once; the places come back.
func TestManyStrangers(t *testing.T) {
	t.Parallel()
	agent, target := startAgent(t), newTarget(t)
	var silent []net.Conn
	for range maxStrangers {
		silent = append(silent, agent.dial(t))
	}
	_, err := agent.dial(t).Read(make([]byte, 1))
	if err == nil || isTimeout(err) {
		t.Errorf("one more: %v", err)
	}
	_, err = Run(t.Context(), Options{Workers: []string{agent.address}, Token: token}, target.config(0, 0, 10), attack.Hooks{})
	if err == nil || !strings.Contains(err.Error(), "closed the connection") {
		t.Errorf("a coordinator: %v", err)
	}
	for _, nc := range silent {
		_ = nc.Close()
	}
	for { // until the agent has noticed
		_, err := Run(t.Context(), Options{Workers: []string{agent.address}, Token: token}, target.config(0, 0, 10), attack.Hooks{})
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "closed the connection") {
			t.Fatal(err)
		}
	}
}

// TestSilentStranger: whatever a connection waits for, its time is short.
func TestSilentStranger(t *testing.T) {
	for name, behave := range map[string]func(nc net.Conn, secure *tls.Config){
		"says nothing": func(nc net.Conn, _ *tls.Config) { _, _ = nc.Read(make([]byte, 1)) },
		"trickles": func(nc net.Conn, _ *tls.Config) {
			for _, err := nc.Write([]byte{22}); err == nil; _, err = nc.Write([]byte{3}) {
				time.Sleep(time.Second)
			}
		},
		"has no hello": func(nc net.Conn, secure *tls.Config) { _, _ = tls.Client(nc, secure).Read(make([]byte, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, err := newAgent(AgentConfig{Token: token})
				if err != nil {
					t.Fatal(err)
				}
				ours, theirs := net.Pipe()
				done := make(chan struct{})
				go func() {
					defer close(done)
					behave(theirs, a.tls)
					_ = theirs.Close()
				}()
				began, known := time.Now(), false
				a.meet(t.Context(), ours, func() { known = true })
				if took := time.Since(began); took > helloTime || !known {
					t.Errorf("it took %v to be rid of it; the place is free: %v", took, known)
				}
				<-done
			})
		})
	}
}

// TestRefused: an agent that cannot take part is an error that says which and
// what to do, and the others are free at once.
func TestRefused(t *testing.T) {
	t.Parallel()
	target := newTarget(t)
	good, busy, old := startAgent(t), startAgent(t), startAgent(t)

	ctx, cancel := context.WithCancel(t.Context())
	running, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		_, _ = Run(ctx, Options{Workers: []string{busy.address}, Token: token}, newTarget(t).config(10, time.Minute, 0),
			attack.Hooks{Begin: func(time.Time) { close(running) }})
	}()
	defer func() {
		cancel()
		<-over
	}()
	<-running

	website := httptest.NewServer(http.NotFoundHandler())
	defer website.Close()
	dated := httptest.NewUnstartedServer(http.NotFoundHandler())
	dated.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
	dated.Config.ErrorLog = log.New(io.Discard, "", 0)
	dated.StartTLS()
	defer dated.Close()
	closed := startAgent(t)
	closed.end()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	l := old.link(t)
	if err := l.send(hello{Version: version + 1}); err != nil {
		t.Fatal(err)
	}
	var answer hello
	if err := l.recv(&answer, maxHello); err != nil || answer.Version != version {
		t.Errorf("a newer coordinator is answered %+v, %v", answer, err)
	}

	for name, tt := range map[string]struct {
		options Options
		cfg     func(*attack.Config)
		want    []string
	}{
		"nobody":         {options: Options{Token: token}, want: []string{"no agents"}},
		"too many":       {options: Options{Token: token, Workers: strings.Fields("a b c d e f g h")}, want: []string{"7 connections for 8 agents"}},
		"no token":       {options: Options{Workers: []string{good.address}}, want: []string{"20 or more"}},
		"bad attack":     {options: Options{Token: token, Workers: []string{good.address}}, cfg: func(c *attack.Config) { c.Streams = 0 }, want: []string{"0 streams"}},
		"large attack":   {options: Options{Token: token, Workers: []string{good.address}}, cfg: func(c *attack.Config) { c.Targets[1].Body = make([]byte, maxMessage) }, want: []string{good.address, "64 are allowed"}},
		"another token":  {options: Options{Token: NewToken(), Workers: []string{good.address}}, want: []string{good.address, "another token", "the same"}},
		"busy":           {options: Options{Token: token, Workers: []string{good.address, busy.address}}, want: []string{busy.address, "busy with an attack from 127.0.0.1", "leave the agent out"}},
		"gone":           {options: Options{Token: token, Workers: []string{good.address, closed.address}}, want: []string{closed.address, "cannot be reached", "loadgen agent"}},
		"no port":        {options: Options{Token: token, Workers: []string{"agent.example"}}, want: []string{"agent.example", "host:port"}},
		"not TLS":        {options: Options{Token: token, Workers: []string{good.address, website.Listener.Addr().String()}}, want: []string{website.Listener.Addr().String(), "does not speak TLS"}},
		"TLS 1.2":        {options: Options{Token: token, Workers: []string{dated.Listener.Addr().String()}}, want: []string{"refuses us", "protocol version"}},
		"twice":          {options: Options{Token: token, Workers: []string{good.address, busy.address, good.address}}, want: []string{good.address, "twice"}},
		"another server": {options: Options{Token: token, Workers: []string{strings.TrimPrefix(target.url, "https://")}}, want: []string{"another token"}},
		"silent":         {options: Options{Token: token, Workers: []string{silent.Addr().String()}, DialTimeout: 50 * time.Millisecond}, want: []string{silent.Addr().String(), "does not answer in time"}},
		"two": {options: Options{Token: token, Workers: []string{closed.address, silent.Addr().String()}, DialTimeout: 50 * time.Millisecond},
			want: []string{closed.address, silent.Addr().String()}},
	} {
		cfg := target.config(100, time.Second, 0)
		if tt.cfg != nil {
			tt.cfg(&cfg)
		}
		_, err := Run(t.Context(), tt.options, cfg, attack.Hooks{})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not name %q", name, err, want)
			}
		}
	}
	good.works(t, target)
}

// TestOldAgent is a coordinator that meets another version.
func TestOldAgent(t *testing.T) {
	t.Parallel()
	secure, err := identity(token)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", secure)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := listener.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		l := newLink(nc)
		_ = l.recv(new(hello), maxHello)
		_ = l.send(struct{ Version, Colour int }{version + 7, 1})
		_ = l.recv(new(hello), maxHello)
	}()
	_, err = Run(t.Context(), Options{Workers: []string{listener.Addr().String()}, Token: token}, newTarget(t).config(1, time.Second, 0), attack.Hooks{})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint("version ", version+7)) || !strings.Contains(err.Error(), fmt.Sprint("version ", version)) {
		t.Errorf("%v", err)
	}
	<-done
}

// TestAgentRefusesAttack: what an agent finds wrong is the coordinator's error.
func TestAgentRefusesAttack(t *testing.T) {
	t.Parallel()
	agent := startAgent(t)
	l := agent.link(t)
	for _, m := range []any{hello{Version: version}, message{Kind: kindStart, Start: &start{}}} {
		if err := l.send(m); err != nil {
			t.Fatal(err)
		}
	}
	var h hello
	var m message
	if err := l.recv(&h, maxHello); err != nil {
		t.Fatal(err)
	}
	if err := l.recv(&m, maxMessage); err != nil || m.Kind != kindFailed || !strings.Contains(m.Text, "no targets") {
		t.Errorf("%+v, %v", m, err)
	}
}
