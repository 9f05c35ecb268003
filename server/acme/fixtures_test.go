package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/pebble"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/certs"
	"github.com/e0ac7cd4/hotpath/server/config"
)

// patience is how long an order may take on a machine under load.
const patience = 20 * time.Second

// quick has a manager look at certificates, and ask the authority about them, all the
// time, and believe it at once.
var quick = pace{recheck: 50 * time.Millisecond, ask: 50 * time.Millisecond, least: 50 * time.Millisecond, most: 50 * time.Millisecond}

// instance is a manager with both of its listeners.
type instance struct {
	*Manager
	t         *testing.T
	m         *metrics.Hotpath
	log       *testkit.LogBuffer
	keeper    *certs.Keeper
	stored    chan struct{} // a token for each certificate that was stored
	tls, http string        // addresses
}

// newInstance makes one that tries again at once after a failure.
func newInstance(t *testing.T) *instance {
	t.Helper()
	i := &instance{t: t, m: metrics.NewHotpath(metrics.Options{Stripes: 1}), log: new(testkit.LogBuffer), stored: make(chan struct{}, 100)}
	log := slog.New(slog.NewTextHandler(i.log, nil))
	keeper, err := certs.New(certs.Sources{}, i.m, log)
	if err != nil {
		t.Fatal(err)
	}
	i.keeper = keeper
	i.Manager = New(func() { keeper.Look(); i.stored <- struct{}{} }, i.m, log)
	i.pause = func(metrics.ACMEOutcome, int) time.Duration { return 20 * time.Millisecond }
	secure, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		GetCertificate: keeper.Certificate,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if IsChallenge(hello) {
				return i.Answer(hello)
			}
			return nil, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := secure.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = c.(*tls.Conn).Handshake() // the authority says how it went
				c.Close()
			}()
		}
	}()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !i.ServeHTTP(w, r) {
			http.NotFound(w, r)
		}
	})}
	go server.Serve(plain)
	i.tls, i.http = secure.Addr().String(), plain.Addr().String()
	t.Cleanup(func() {
		i.Stop()
		secure.Close()
		server.Close()
		if t.Failed() {
			t.Logf("the log:\n%s", i.log)
		}
	})
	return i
}

// present has the instance present what is stored for these names, as a server
// does, until the test's end.
func (i *instance) present(s Settings, names ...string) {
	i.t.Helper()
	var sources certs.Sources
	for _, name := range names {
		file := CertificateFile(s, name)
		sources.Expected = append(sources.Expected, certs.Listed{Pair: config.Pair{Cert: file, Key: file}, Hosts: []string{name}})
	}
	if err := i.keeper.Configure(sources); err != nil {
		i.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		i.keeper.Run(ctx)
		close(ended)
	}()
	i.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// presented is what a client gets that asks for a name. The error says how it
// differs from a certificate of the roots for that name, in its time.
func (i *instance) presented(name string, roots *x509.CertPool) (*x509.Certificate, error) {
	c, err := tls.Dial("tcp", i.tls, &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// authority starts one that validates at the instance.
func (i *instance) authority(o pebble.Options) *pebble.Authority {
	i.t.Helper()
	o.TLS, o.HTTP = i.tls, i.http
	return pebble.Start(i.t, o)
}

func settingsOf(t *testing.T, a *pebble.Authority) Settings {
	return Settings{Directory: a.Directory, CAFile: a.CAFile, Storage: filepath.Join(t.TempDir(), "acme"), Challenge: ByAny, HTTP: true}
}

// obtains waits for the next certificate, and returns what is stored for a name.
func (i *instance) obtains(why string, s Settings, name string) *x509.Certificate {
	i.t.Helper()
	select {
	case <-i.stored:
	case <-time.After(patience):
		i.t.Fatalf("%s: no certificate was stored", why)
	}
	leaf, err := storageOf(s).leaf(name)
	if err != nil || leaf == nil {
		i.t.Fatalf("%s: %v, %v", why, leaf, err)
	}
	return leaf
}

// eventually waits until what is true.
func (i *instance) eventually(why string, is func() bool) {
	i.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			i.t.Fatalf("it is not so: %s", why)
		}
	}
}

func (i *instance) attempts(o metrics.ACMEOutcome) uint64 { return i.m.ACMEAttempts.Value(o) }
