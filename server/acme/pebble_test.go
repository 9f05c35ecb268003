package acme

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
	"github.com/e0ac7cd4/hotpath/internal/testkit/pebble"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// TestObtain: a name is proven in each way that there is, and what is stored can be
// verified, has an ECDSA key, and can be read by its owner alone.
func TestObtain(t *testing.T) {
	i := newInstance(t)
	a := i.authority(pebble.Options{})
	roots := a.Roots(t)
	calls := filepath.Join(t.TempDir(), "calls")
	hook := a.Hook(t, calls)
	for _, tt := range []struct{ challenge, name, verify string }{
		{ByTLS, "tls.example", "tls.example"},
		{ByHTTP, "http.example", "http.example"},
		{ByDNS, "dns.example", "dns.example"},
		{ByAny, "*.wild.example", "any.wild.example"},
		{ByAny, "auto.example", "auto.example"},
	} {
		s := settingsOf(t, a)
		s.Challenge, s.DNSHook = tt.challenge, hook
		i.Configure(s, []string{tt.name})
		leaf := i.obtains(tt.challenge, s, tt.name)
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: tt.verify, Roots: roots, Intermediates: chainOf(t, s, tt.name)}); err != nil {
			t.Errorf("%s: %v", tt.challenge, err)
		}
		if _, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok {
			t.Errorf("%s: the key is %T", tt.challenge, leaf.PublicKey)
		}
		private(t, s.Storage)
	}
	if n := i.attempts(metrics.ACMEObtained); n != 5 {
		t.Errorf("%d were obtained, want 5", n)
	}
	i.Stop()
	if left, err := filepath.Glob(filepath.Join(t.TempDir(), "*", "challenges", "*")); err != nil || len(left) > 0 {
		t.Errorf("challenges are left: %q, %v", left, err)
	}
	text, err := os.ReadFile(calls)
	if err != nil || strings.Count(string(text), "add _acme-challenge.wild.example ") != 1 || strings.Count(string(text), "remove _acme-challenge.wild.example ") != 1 {
		t.Errorf("the hook was called with %q, %v", text, err)
	}
}

// chainOf are the certificates beside the first.
func chainOf(t *testing.T, s Settings, name string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(CertificateFile(s, name))
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("the chain: %v", err)
	}
	return pool
}

// private checks that a folder and all in it is its owner's alone.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRenew: a certificate is renewed in its time, by itself.
func TestRenew(t *testing.T) {
	i := newInstance(t)
	a := i.authority(pebble.Options{Valid: 4})
	s := settingsOf(t, a)
	defer i.Stop() // before the storage goes
	i.Configure(s, []string{"short.example"})
	first := i.obtains("at first", s, "short.example")
	second := i.obtains("renewed", s, "short.example")
	if first.Equal(second) || !second.NotAfter.After(first.NotAfter) {
		t.Error("what was renewed does not end later")
	}
	if i.attempts(metrics.ACMEObtained) != 1 || i.attempts(metrics.ACMERenewed) < 1 {
		t.Error("a renewal does not count as one")
	}
}

// TestShare: instances with one storage obtain a certificate once, with one
// account, and each may answer the challenges of the other.
func TestShare(t *testing.T) {
	one, two := newInstance(t), newInstance(t)
	a := one.authority(pebble.Options{}) // which validates at one alone
	s := settingsOf(t, a)
	names := []string{"a.example", "b.example", "c.example"}
	two.Configure(s, names)
	one.Configure(s, names)
	for _, i := range []*instance{one, two} {
		i.eventually("each name has a certificate", func() bool { return i.m.ACMEMissing.Value() == 0 && i.m.ACMENames.Value() == 3 })
	}
	one.Stop()
	two.Stop()
	if n := one.attempts(metrics.ACMEObtained) + two.attempts(metrics.ACMEObtained); n != 3 {
		t.Errorf("%d certificates were obtained, want 3", n)
	}
	if accounts, err := filepath.Glob(filepath.Join(s.Storage, "*", "accounts", "*.json")); err != nil || len(accounts) != 1 {
		t.Errorf("accounts: %q, %v", accounts, err)
	}
}

// TestLate: an authority that is down at the start is used when it is there.
func TestLate(t *testing.T) {
	storage := t.TempDir() // which goes when the instance has ended
	i := newInstance(t)
	address := testkit.FreeAddress(t)
	s := Settings{Directory: "https://" + address + "/dir", Storage: storage, Challenge: ByTLS}
	i.Configure(s, []string{"late.example"})
	i.eventually("it was tried", func() bool { return i.attempts(metrics.ACMEUnreachable) > 0 })
	if i.m.ACMEMissing.Value() != 1 {
		t.Error("the name is not missed")
	}
	a := i.authority(pebble.Options{Listen: address})
	s.CAFile = a.CAFile
	i.Configure(s, []string{"late.example"})
	i.obtains("when it is there", s, "late.example")
	i.eventually("nothing is missing", func() bool { return i.m.ACMEMissing.Value() == 0 })
	if !strings.Contains(i.log.String(), "cause=unreachable") {
		t.Error("the log has no cause")
	}
}

// TestRefused: a name that the authority refuses, and one that cannot be proven,
// keep no other from its certificate.
func TestRefused(t *testing.T) {
	i := newInstance(t)
	a := i.authority(pebble.Options{Blocked: []string{"blocked.example"}})
	s := settingsOf(t, a)
	i.Configure(s, []string{"blocked.example", "*.unproven.example", "good.example"})
	i.obtains("the good one", s, "good.example")
	i.eventually("the blocked one was refused", func() bool { return i.attempts(metrics.ACMERefused) > 0 })
	i.Configure(s, []string{"good.example"})
	i.eventually("one name is left", func() bool { return i.m.ACMENames.Value() == 1 && i.m.ACMEMissing.Value() == 0 })
}

// TestBinding: an authority that asks for an external account binding gets it, and
// without it the account is the cause.
func TestBinding(t *testing.T) {
	i := newInstance(t)
	key := base64.RawURLEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	a := i.authority(pebble.Options{EAB: map[string]string{"kid-1": key}})
	s := settingsOf(t, a)
	i.Configure(s, []string{"bound.example"})
	i.eventually("an account without a binding is refused", func() bool { return i.attempts(metrics.ACMEAccount) > 0 })
	s.EABKeyID, s.EABKeyFile = "kid-1", filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(s.EABKeyFile, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i.Configure(s, []string{"bound.example"})
	i.obtains("with the binding", s, "bound.example")
}

// TestForgotten: an account that the authority has lost is made again.
func TestForgotten(t *testing.T) {
	i := newInstance(t)
	address := testkit.FreeAddress(t)
	s := Settings{}
	t.Run("first", func(t *testing.T) {
		a := pebble.Start(t, pebble.Options{TLS: i.tls, HTTP: i.http, Listen: address})
		s = settingsOf(i.t, a)
		s.CAFile = filepath.Join(i.t.TempDir(), "ca")
		copyFile(t, a.CAFile, s.CAFile)
		i.Configure(s, []string{"one.example"})
		i.obtains("at first", s, "one.example")
		i.Configure(s, nil)
	})
	a := i.authority(pebble.Options{Listen: address}) // another, which knows no account
	copyFile(t, a.CAFile, s.CAFile)
	i.Configure(s, []string{"two.example"})
	i.obtains("with another account", s, "two.example")
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestBrokenStorage: a storage that cannot be written is a cause of its own, and
// is used when it can.
func TestBrokenStorage(t *testing.T) {
	i := newInstance(t)
	a := i.authority(pebble.Options{})
	s := settingsOf(t, a)
	if err := os.WriteFile(s.Storage, nil, 0o600); err != nil { // a file in the place of the folder
		t.Fatal(err)
	}
	i.Configure(s, []string{"a.example"})
	i.eventually("the storage is the cause", func() bool { return i.attempts(metrics.ACMEFiles) > 0 })
	if err := os.Remove(s.Storage); err != nil {
		t.Fatal(err)
	}
	i.obtains("when it can be used", s, "a.example")
	// What is in it and cannot be read is obtained anew.
	i.Configure(s, nil)
	file := CertificateFile(s, "a.example")
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	i.Configure(s, []string{"a.example"})
	if leaf := i.obtains("in place of nonsense", s, "a.example"); time.Until(leaf.NotAfter) < time.Hour {
		t.Error("it has ended")
	}
}
